//! Replay of a recorded tick file: `recv_ns,kind,symbol,price,qty,bid,bid_qty,ask,ask_qty,aggressor`, plain or
//! compressed, at any speed, as a vendor like any other.
//!
//! A row is due when as much time has passed since the start, times the speed, as between it and the first row. Times
//! can be moved, so that a home that lives later can live the file again. Rows that cannot be read are counted and left
//! out; so are those of symbols that were not asked for once something was. Memory is one line and one buffer.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{LiveEvent, LiveTrade, Stream};
use crate::domain::market::{Quote, Trade};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, UnixNanos};
use crate::market::import::{ImportError, Line, Lines, Source, parse_scaled};
use crate::market::intraday::Counts;

/// Most rows of one batch.
const BATCH_MAX: usize = 4_096;
/// Longest sleep between two looks, so that a new wish or the end is seen.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// Columns of a row.
const COLUMNS: [&str; 10] =
    ["recv_ns", "kind", "symbol", "price", "qty", "bid", "bid_qty", "ask", "ask_qty", "aggressor"];

/// The replay of one file.
pub struct TickReplay {
    lines: Lines,
    exchange: Exchange,
    /// Seconds of the file in a second; 0 is as fast as it can be read.
    speed: u32,
    first: UnixNanos,
    moved_nanos: i64,
    /// The row that is not due yet.
    ahead: Option<LiveEvent>,
    /// Rows before the first that could not be read.
    skipped: u32,
    began: Option<Instant>,
    wanted: BTreeSet<InstrumentId>,
    /// Time of the last tick given.
    last: UnixNanos,
}

impl std::fmt::Debug for TickReplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ticks from {} at {}x", self.first, self.speed)
    }
}

/// When an event happened; `None` for those without a time.
fn time(event: &LiveEvent) -> Option<UnixNanos> {
    match event {
        LiveEvent::Quote(quote, _) => Some(quote.time),
        LiveEvent::Trade(live) => Some(live.trade.time),
        LiveEvent::Minute(..)
        | LiveEvent::Connected
        | LiveEvent::Gap { .. }
        | LiveEvent::Denied { .. }
        | LiveEvent::Skipped { .. } => None,
    }
}

fn price(text: &str) -> Option<Price> {
    parse_scaled(text, 9).ok().map(Price::from_raw).filter(|price| price.is_positive())
}

fn size(text: &str) -> Option<Quantity> {
    parse_scaled(text, 9).ok().map(Quantity::from_raw).filter(|size| !size.is_negative())
}

fn fields(line: &[u8]) -> [&str; COLUMNS.len()] {
    let mut fields = [""; COLUMNS.len()];
    let texts = std::str::from_utf8(line).unwrap_or_default().split(',');
    for (field, text) in fields.iter_mut().zip(texts) {
        *field = text.trim().trim_matches('"');
    }
    fields
}

fn event(line: &[u8], exchange: Exchange, moved: i64) -> Option<LiveEvent> {
    let fields = fields(line);
    let field = |place: usize| fields.get(place).copied().unwrap_or_default();
    let time = UnixNanos::from_nanos(field(0).parse::<i64>().ok()?.checked_add(moved)?);
    let instrument = InstrumentId::new(field(2).parse().ok()?, exchange);
    match field(1) {
        "quote" => {
            let (bid, ask) = (price(field(5))?, price(field(7))?);
            let (bid_size, ask_size) = (size(field(6))?, size(field(8))?);
            Some(LiveEvent::Quote(Quote { instrument, time, bid, ask, bid_size, ask_size }, None))
        }
        "trade" => {
            let trade = Trade { instrument, time, price: price(field(3))?, size: size(field(4))? };
            Some(LiveEvent::Trade(LiveTrade { trade, counts: Counts::ALL, sequence: None }))
        }
        _ => None,
    }
}

impl TickReplay {
    /// Opens a file; its ticks are of instruments on `exchange`. All times are moved so that the first tick happens
    /// when `begin` says, which is told when it happened.
    pub fn open(
        path: &Path,
        exchange: Exchange,
        speed: u32,
        begin: impl FnOnce(UnixNanos) -> UnixNanos,
    ) -> Result<Self, ImportError> {
        Self::read(Source::open(path)?, exchange, speed, begin)
    }

    /// The same from any source.
    pub(super) fn read(
        source: Source,
        exchange: Exchange,
        speed: u32,
        begin: impl FnOnce(UnixNanos) -> UnixNanos,
    ) -> Result<Self, ImportError> {
        let name = source.name().clone();
        let mut lines = source.into_lines()?;
        let failed = |source| ImportError::Read { file: name.clone(), line: 1, source };
        match lines.advance().map_err(failed)? {
            Line::Text => {}
            Line::End => return Err(ImportError::Empty { file: name }),
            Line::TooLong | Line::Truncated | Line::Damaged => {
                return Err(ImportError::BadHeader { file: name });
            }
        }
        if fields(lines.text()) != COLUMNS {
            let found = CleanText::new(&String::from_utf8_lossy(lines.text()));
            return Err(ImportError::MissingColumns { file: name, missing: COLUMNS.join(", "), found });
        }
        let mut replay = Self {
            lines,
            exchange,
            speed,
            first: UnixNanos::ZERO,
            moved_nanos: 0,
            ahead: None,
            skipped: 0,
            began: None,
            wanted: BTreeSet::new(),
            last: UnixNanos::ZERO,
        };
        let first = match replay.row() {
            Ok(first) => first,
            Err(broken) => {
                replay.skipped = broken;
                replay.ahead.take()
            }
        };
        let Some(begins) = first.as_ref().and_then(time) else {
            return Err(ImportError::Empty { file: name });
        };
        replay.moved_nanos = begin(begins).since(begins);
        // Read once more by its own line, so that it is moved like all others.
        replay.ahead = event(replay.lines.text(), exchange, replay.moved_nanos);
        replay.first = begins.plus_nanos(replay.moved_nanos);
        replay.last = replay.first;
        Ok(replay)
    }

    /// When its first tick happens, moved as the others are.
    pub const fn first(&self) -> UnixNanos {
        self.first
    }

    /// By how much its times are moved, in nanoseconds.
    pub const fn moved_nanos(&self) -> i64 {
        self.moved_nanos
    }

    /// The next readable row; an error stands for rows that could not be read.
    fn row(&mut self) -> Result<Option<LiveEvent>, u32> {
        let mut broken = 0;
        loop {
            match self.lines.advance() {
                // A failing disk ends a replay like the end of its file.
                Ok(Line::End) | Err(_) => return if broken > 0 { Err(broken) } else { Ok(None) },
                Ok(Line::TooLong | Line::Truncated | Line::Damaged) => broken += 1,
                Ok(Line::Text) => match event(self.lines.text(), self.exchange, self.moved_nanos) {
                    Some(event) => {
                        if broken > 0 {
                            self.ahead = Some(event);
                            return Err(broken);
                        }
                        return Ok(Some(event));
                    }
                    None => broken += 1,
                },
            }
        }
    }

    /// The moment of the file that has come by now; `None` when everything has.
    fn reached(&mut self) -> Option<UnixNanos> {
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed();
        let nanos = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
        (self.speed > 0).then(|| self.first.plus_nanos(nanos.saturating_mul(i64::from(self.speed))))
    }

    fn is_wanted(&self, event: &LiveEvent) -> bool {
        let of = match event {
            LiveEvent::Quote(quote, _) => quote.instrument,
            LiveEvent::Trade(live) => live.trade.instrument,
            _ => return true,
        };
        self.wanted.is_empty() || self.wanted.contains(&of)
    }
}

#[async_trait]
impl Stream for TickReplay {
    fn name(&self) -> &'static str {
        "ticks"
    }

    async fn subscribe(&mut self, instruments: &BTreeSet<InstrumentId>) {
        self.wanted.clone_from(instruments);
    }

    fn time(&self, _wall: UnixNanos) -> UnixNanos {
        self.last
    }

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        if self.began.is_none() {
            out.push(LiveEvent::Connected);
            if self.skipped > 0 {
                out.push(LiveEvent::Skipped { unknown: 0, broken: self.skipped });
            }
        }
        let reached = self.reached();
        for _ in 0..BATCH_MAX {
            let next = match self.ahead.take() {
                Some(ahead) => Ok(Some(ahead)),
                None => self.row(),
            };
            match next {
                Ok(None) => return false,
                Err(broken) => out.push(LiveEvent::Skipped { unknown: 0, broken }),
                Ok(Some(event)) => {
                    let due = time(&event).zip(reached).map_or(0, |(time, reached)| time.since(reached));
                    if due > 0 {
                        self.ahead = Some(event);
                        let nanos = due.unsigned_abs() / u64::from(self.speed.max(1));
                        if out.is_empty() {
                            tokio::time::sleep(Duration::from_nanos(nanos).min(SLEEP_MAX)).await;
                        }
                        return true;
                    }
                    self.last = time(&event).unwrap_or(self.last);
                    if self.is_wanted(&event) {
                        out.push(event);
                    }
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
