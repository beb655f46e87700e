//! All daily prices of an exchange at once, one source per instrument, raw as stored: what panels are built from.
//!
//! They come from a columnar cache file beside the store when it is of the store's present revision, else from the
//! store itself, read by several connections that see the same state; of series that only grew since the cache was
//! written, just the newer rows are read. The cache is then written anew, beside its name and renamed.
//! The cache holds nothing of its own: it may be deleted at any time, and a damaged one is ignored and replaced.
//! Corporate actions are not in it, so a new one changes no file.

mod body;
mod file;
mod scan;

use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

pub use body::{HistoryReader, PriceLists};

use super::super::error::StoreError;
use super::revision::{Revision, What, newest, was};
use super::{DAILY, MarketReader};
use crate::domain::market::Basis;
use crate::domain::{CleanText, Exchange, InstrumentId};

/// Bars below which the store is read as fast as a file would be, and none is written.
pub const CACHE_BARS_MIN: usize = 100_000;
/// Bits of a word of [`HistorySeries`].
const WORD: usize = 64;

/// Where a history came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The cache file; no price row was read from the store.
    Cache,
    /// The store.
    Store {
        /// Bars read from the store; the others came from an older cache.
        bars: usize,
        /// Why a cache file was passed over; `None` when there was none, or it was merely older.
        damaged: Option<String>,
        /// Why no new cache file could be written.
        unwritten: Option<String>,
    },
}

/// One instrument's part of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistorySeries {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source of its prices.
    pub source: CleanText,
    /// In what terms the source states them.
    pub basis: Basis,
    source_id: i64,
    /// Which of the history's sessions have a bar, a bit each.
    days: Vec<u64>,
    bars: usize,
    has_vwap: bool,
    /// Where its values begin in the file, in bytes, and their CRC-32.
    place: u64,
    checksum: u32,
}

impl HistorySeries {
    /// Number of bars.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// The last session (by its place in the history) at or before one that has a bar.
    pub fn last_at_or_before(&self, session: usize) -> Option<usize> {
        let whole = session / WORD;
        (0..=whole.min(self.days.len())).rev().find_map(|at| {
            let mask = if at == whole { u64::MAX >> (WORD - 1 - session % WORD) } else { u64::MAX };
            let last = (self.days.get(at)? & mask).checked_ilog2()?;
            Some(at * WORD + last as usize)
        })
    }

    /// Places in the history of the sessions with a bar inside a range, ascending, and how many bars come before.
    fn sessions_in(&self, range: &Range<usize>, into: &mut Vec<usize>) -> usize {
        let mut before = 0;
        for (at, word) in self.days.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let session = at * WORD + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if session < range.start {
                    before += 1;
                } else if session < range.end {
                    into.push(session);
                }
            }
        }
        before
    }
}

/// Where the values are.
#[derive(Debug)]
enum Body {
    /// As read from the store: the lists of each series.
    Memory(Vec<scan::Lists>),
    /// In the cache file.
    File(PathBuf),
}

/// All daily prices of one exchange.
#[derive(Debug)]
pub struct PriceHistory {
    revision: Revision,
    sessions: Vec<NaiveDate>,
    series: Vec<HistorySeries>,
    body: Body,
    origin: Origin,
}

/// The cache file of an exchange in a home.
pub fn cache_path(home: &Path, exchange: Exchange) -> PathBuf {
    home.join(format!("prices-{}.cache", exchange.code().to_ascii_lowercase()))
}

impl PriceHistory {
    /// Loads the prices of an exchange, from the cache where it is good.
    pub fn load(home: &Path, exchange: Exchange) -> Result<Self, StoreError> {
        Self::load_with(home, exchange, CACHE_BARS_MIN)
    }

    /// Like [`PriceHistory::load`]; a cache file is written from `cache_bars_min` bars on.
    pub fn load_with(home: &Path, exchange: Exchange, cache_bars_min: usize) -> Result<Self, StoreError> {
        let reader = MarketReader::open(home)?;
        let path = cache_path(home, exchange);
        let (cached, damaged) = match file::open(&path) {
            Ok(cached) => (cached, None),
            Err(fault) => (None, Some(fault)),
        };
        let revision = reader.revisions()?.prices;
        let is_ours = |c: &PriceHistory| reader.db.read("read its revisions", |conn| was(conn, c.revision));
        let base = match cached {
            Some(cached) if cached.revision == revision => return Ok(cached),
            Some(cached) if is_ours(&cached)? => Some(cached),
            Some(_) | None => None,
        };
        drop(reader);
        let mut history = scan::scan(home, exchange, base.as_ref())?;
        let Origin::Store { bars, .. } = history.origin else { return Ok(history) };
        let total: usize = history.series.iter().map(HistorySeries::bars).sum();
        let written = if total < cache_bars_min { Ok(()) } else { file::write(&path, &mut history) };
        let unwritten = written.err().map(|error| error.to_string());
        history.origin = Origin::Store { bars, damaged, unwritten };
        Ok(history)
    }

    /// Loads from the store whatever the cache says, after the cache turned out to be damaged while it was read.
    pub fn reload(home: &Path, exchange: Exchange) -> Result<Self, StoreError> {
        let path = cache_path(home, exchange);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io(&path, "remove the damaged file")(error)),
        }
        Self::load(home, exchange)
    }

    /// State of the prices it holds.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Every session with a bar of any instrument, ascending.
    pub fn sessions(&self) -> &[NaiveDate] {
        &self.sessions
    }

    /// The instruments' parts, in the order of instruments.
    pub fn series(&self) -> &[HistorySeries] {
        &self.series
    }
}

/// The revision a connection sees.
fn revision_of(reader: &MarketReader) -> Result<Revision, StoreError> {
    reader.db.read("read its revisions", |c| newest(c, What::Prices))
}

#[cfg(test)]
mod tests;
