//! The market store: instruments, daily prices with their sources and revisions, actions, fundamentals, news,
//! universes, signals, quarantine and job progress; budgets of vendors and what they have answered for.
//!
//! A price row's key is (instrument, session, interval, source); basis belongs to (instrument, source). Reads take
//! one source per instrument, never two: the one asked for, else the one with the newest bar, ties by name.
//! Everything here can be fetched or computed again, so a commit may be lost with the power (never half of it).

mod bars;
mod budgets;
mod coverage;
mod factors;
mod facts;
mod fetched;
mod groups;
mod health;
mod history;
mod instruments;
mod jobs;
mod master;
mod minutes;
mod prices;
mod repairs;
mod revision;
mod signals;

use std::collections::HashMap;
use std::path::Path;

pub use bars::{BarRun, PageOutcome, RowFlags, RowOutcome};
pub use budgets::StoredBudget;
pub use coverage::{Covered, Span, SyncNote};
pub use factors::SourceFactor;
pub use facts::StoredHeadline;
pub use fetched::Fetched;
pub use groups::GroupChange;
pub use health::SourceCount;
pub use history::{HistoryReader, HistorySeries, Origin, PriceHistory, PriceLists, cache_path};
pub use instruments::SourceInfo;
pub use jobs::{JobProgress, Quarantined};
pub use master::Followed;
pub use minutes::{FetchedMinutes, MinuteOutcome, MinuteSide};
pub use prices::Series;
pub use repairs::{Differing, Disagreement, QuarantineCase, QuarantineState, StoredRepair};
pub use revision::{Revision, Revisions};

use super::db::{Db, Durability};
use super::migrate::Migrations;
use super::{MARKET_FILE, StoreError};
use crate::domain::CleanText;

pub(super) const MIGRATIONS: Migrations = &[
    include_str!("../schema/market/001.sql"),
    include_str!("../schema/market/002.sql"),
    include_str!("../schema/market/003.sql"),
    include_str!("../schema/market/004.sql"),
    include_str!("../schema/market/005.sql"),
    include_str!("../schema/market/006.sql"),
    include_str!("../schema/market/007.sql"),
    include_str!("../schema/market/008.sql"),
    include_str!("../schema/market/009.sql"),
    include_str!("../schema/market/010.sql"),
    include_str!("../schema/market/011.sql"),
    include_str!("../schema/market/012.sql"),
];

/// The interval of daily bars.
const DAILY: &str = "1d";
/// Newest quarantined rows that are kept.
pub const QUARANTINE_MAX: u32 = 100_000;

/// Reads the market store.
#[derive(Debug)]
pub struct MarketReader {
    db: Db,
}

impl MarketReader {
    /// Opens the store of a home for reading.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        Db::open_reader(home, MARKET_FILE, MIGRATIONS).map(|db| Self { db })
    }
}

/// Writes the market store.
#[derive(Debug)]
pub struct MarketStore {
    inner: MarketReader,
    /// What this connection knows of the series it has written; emptied when another connection commits.
    tails: HashMap<CleanText, bars::Tails>,
    data_version: i64,
}

impl MarketStore {
    /// Opens, and creates where missing, the store of a home.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        let db = Db::open_writer(home, MARKET_FILE, MIGRATIONS, Durability::Normal)?;
        Ok(Self { inner: MarketReader { db }, tails: HashMap::new(), data_version: 0 })
    }

    /// The same store, for reading what was just written.
    pub fn read(&self) -> &MarketReader {
        &self.inner
    }

    fn db(&mut self) -> &mut Db {
        &mut self.inner.db
    }
}
