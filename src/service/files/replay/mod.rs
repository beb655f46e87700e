//! `replay`: runs a script of commands and market events through the trading engine.
//!
//! One JSON object a line in, one JSON object an event out, and the state at the end; the same file always gives
//! the same bytes. A refused order is an event. A malformed line ends the run with its number: nothing after it is
//! run, and what came before stays written. Setup and marks count in the journal but are not printed.

mod input;
mod output;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use crate::domain::calendar::{CalendarError, Calendars};
use crate::domain::journal::{Batch, ChainHash, encode};
use crate::domain::posting::Asset;
use crate::domain::{MarketEvent, UnixNanos};
use crate::execution::{Engine, EngineError};

use super::json_line::without_mark;
use input::{Line, Script};

/// Longest line of a script, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A line cannot be run.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The script cannot be read.
    #[error("line {line}: the script cannot be read: {source}")]
    Read {
        /// Line number that was next.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// The engine could not take a step.
    #[error("line {line}: {source}")]
    Engine {
        /// Line that caused it.
        line: usize,
        /// Why.
        source: EngineError,
    },
    /// No calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

/// Runs a script; writes events as they happen and the state at the end.
pub fn run(reader: impl BufRead, writer: impl Write) -> Result<(), ReplayError> {
    let engine =
        Engine::new(Calendars::bundled()?).map_err(|source| ReplayError::Engine { line: 0, source })?;
    let mut run = Run {
        engine,
        writer,
        script: Script::default(),
        now: None,
        printed: 0,
        balance: BTreeMap::new(),
        chain: ChainHash::START,
        line: 0,
    };
    let result = run.lines(reader);
    run.writer.flush()?;
    result
}

struct Run<W> {
    engine: Engine,
    writer: W,
    script: Script,
    now: Option<UnixNanos>,
    printed: u64,
    balance: BTreeMap<Asset, i128>,
    /// The journal's newest link.
    chain: ChainHash,
    line: usize,
}

impl<W: Write> Run<W> {
    fn lines(&mut self, mut reader: impl BufRead) -> Result<(), ReplayError> {
        let mut text = Vec::new();
        loop {
            self.line += 1;
            let more = read_line(&mut reader, &mut text);
            let more = more.map_err(|source| ReplayError::Read { line: self.line, source })?;
            if !more {
                break;
            }
            let text = std::str::from_utf8(&text).map_err(|_| self.bad("is not UTF-8 text"))?;
            let text = without_mark(text, self.line);
            if !text.trim().is_empty() {
                self.one(text)?;
            }
        }
        self.line = self.line.saturating_sub(1);
        if let Some(now) = self.now {
            // What ends with the last line's moment ends now.
            self.market(&MarketEvent::Tick(now.plus_nanos(1)))?;
        }
        output::state(&mut self.writer, self.engine.state(), &self.balance, self.chain)?;
        Ok(())
    }

    fn one(&mut self, text: &str) -> Result<(), ReplayError> {
        if text.len() > LINE_BYTES_MAX {
            return Err(self.bad(&format!("is longer than {LINE_BYTES_MAX} bytes")));
        }
        let (t, line) =
            self.script.read(text, self.engine.state().venue()).map_err(|reason| self.bad(&reason))?;
        if let Some(now) = self.now.filter(|now| *now > t) {
            return Err(self.bad(&format!("t goes back from {now} to {t}: lines must be in time order")));
        }
        if self.now.is_some_and(|now| now < t) {
            self.market(&MarketEvent::Tick(t))?;
        }
        self.now = Some(t);
        match line {
            Line::Command(given) => {
                let batch = self.engine.command(&given, t, t);
                let batch = batch.map_err(|source| ReplayError::Engine { line: self.line, source })?;
                self.print(&batch)
            }
            Line::Market(event) => self.market(&event),
        }
    }

    fn market(&mut self, event: &MarketEvent) -> Result<(), ReplayError> {
        let wall = event.time().unwrap_or_default();
        let batch = self.engine.market(event, wall);
        let batch = batch.map_err(|source| ReplayError::Engine { line: self.line, source })?;
        self.print(&batch)
    }

    fn print(&mut self, batch: &Batch) -> Result<(), ReplayError> {
        for posting in &batch.postings {
            *self.balance.entry(posting.asset).or_default() += i128::from(posting.amount);
        }
        for event in &batch.events {
            let text = encode(event)
                .map_err(|source| ReplayError::Engine { line: self.line, source: source.into() })?;
            self.chain = self.chain.next(text.as_bytes());
            if output::event(&mut self.writer, self.printed.saturating_add(1), event)? {
                self.printed = self.printed.saturating_add(1);
            }
        }
        Ok(())
    }

    fn bad(&self, reason: &str) -> ReplayError {
        ReplayError::Line { line: self.line, reason: reason.to_owned() }
    }
}

/// Reads one line without its end, at most a little more than the longest allowed; false at the end of the file.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let bound = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(2);
    let read = std::io::Read::take(&mut *reader, bound).read_until(b'\n', line)?;
    Ok(read > 0)
}
