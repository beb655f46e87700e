//! Vendors of market data: their keys and budgets, what is stored of them and how it is.

use chrono::NaiveDate;
use serde::Serialize;

use crate::domain::vendor::{Circuit, DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};
use crate::service::keys::Sealed;

/// One key that can be set, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// Vendor or broker.
    pub vendor: String,
    /// `key` or `secret`; empty for vendors that need none.
    pub part: String,
    /// Where it is kept, `not set`, `none needed`, or why it cannot be read.
    pub kept: String,
    /// The first eight hexadecimal digits of its SHA-256.
    pub key_id: Option<String>,
    /// When it was set, where that is known.
    pub set_at: Option<UnixNanos>,
}

/// How much of one window of a vendor's budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WindowRow {
    /// Length in seconds.
    pub seconds: u32,
    /// Requests in the present window.
    pub used: u32,
    /// Requests it may have.
    pub allowed: u32,
}

/// Whether requests to a vendor make sense now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VendorState {
    /// The settings have it off.
    Off,
    /// It needs a key and has none.
    NoKey,
    /// Its key cannot be read.
    KeyTrouble,
    /// Nothing was asked of it yet.
    Unused,
    /// It answers.
    Ready,
    /// Not before a time.
    Waiting,
    /// It failed too often; not before a time.
    Open,
}

/// One vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VendorRow {
    /// Which.
    pub vendor: VendorId,
    /// Whether requests make sense.
    pub state: VendorState,
    /// Where its key is.
    pub key: String,
    /// Its budget by window, shortest first.
    pub budget: Vec<WindowRow>,
    /// What its circuit does.
    pub circuit: Circuit,
    /// No request before this time.
    pub until: Option<UnixNanos>,
    /// When a request last succeeded.
    pub last_success: Option<UnixNanos>,
    /// What is to be known: why it waits, what went wrong last, what the plan refuses.
    pub says: String,
    /// Kinds of data that the plan refused.
    pub refused: Vec<DataKind>,
}

/// Whether new sessions are to come of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// They are.
    Yes,
    /// The instrument is no longer listed.
    Delisted,
    /// Another vendor gives them: its series of the name reaches further.
    Elsewhere,
}

/// Daily prices of one instrument from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceRow {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: String,
    /// Basis, such as `raw`.
    pub basis: &'static str,
    /// First session stored.
    pub first: Option<NaiveDate>,
    /// Last session stored.
    pub last: Option<NaiveDate>,
    /// Sessions that the exchange has finished since.
    pub behind: u32,
    /// It comes from a vendor, which can be asked again; a file cannot.
    pub fetched: bool,
    /// Whether its vendor is to give new sessions.
    pub awaited: Awaited,
    /// Sessions without a row between first and last.
    pub gaps: u32,
    /// Rows set aside.
    pub quarantined: u32,
    /// Rows that are odd.
    pub flagged: u32,
    /// Prices that differ from another source's.
    pub differs: u32,
    /// What the source said last when it did not answer as it should; empty when it did.
    pub says: String,
}

impl SourceRow {
    /// Whether a vendor has finished sessions that are not here.
    pub const fn is_stale(&self) -> bool {
        self.fetched && matches!(self.awaited, Awaited::Yes) && (self.behind > 0 || self.last.is_none())
    }

    /// Larger is worse: what is missing at the end weighs most, then gaps, then what was set aside.
    pub fn badness(&self) -> u64 {
        let behind = match (self.is_stale(), self.last) {
            (false, _) => 0,
            (true, None) => 10_000,
            (true, Some(_)) => u64::from(self.behind).min(10_000),
        };
        let troubled = u64::from(!self.says.is_empty()) * 2_000;
        behind * 1_000
            + troubled
            + u64::from(self.gaps) * 10
            + u64::from(self.quarantined) * 5
            + u64::from(self.flagged)
            + u64::from(self.differs)
    }
}

/// A row that was read and not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Its place in the store.
    pub id: i64,
    /// Symbol as given.
    pub symbol: String,
    /// Date as given.
    pub date: String,
    /// Reason code.
    pub reason: String,
    /// What can be done about it.
    pub remedy: &'static str,
    /// It will be asked for again.
    pub refetch: bool,
    /// It has prices of a day on which nothing is traded: they can be neither stored nor asked for.
    pub no_session: bool,
    /// Source or file.
    pub from: String,
    /// Line or row, from 1.
    pub line: u64,
    /// The row as given.
    pub raw: String,
    /// When it was set aside.
    pub at: UnixNanos,
}

/// Syncing: the run that is going, or how the last one ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SyncLine {
    /// A run is going.
    pub running: bool,
    /// Who is asked.
    pub vendor: Option<VendorId>,
    /// What it does.
    pub doing: String,
    /// Steps done at this vendor.
    pub done: usize,
    /// Steps there are.
    pub total: usize,
    /// Rows new or changed so far.
    pub rows: u64,
    /// The same a second, since the run began.
    pub rows_a_second: u64,
    /// Requests sent so far.
    pub requests: u64,
    /// What is waited for; empty when nothing is.
    pub waiting: String,
    /// About how long the rest will take, in seconds.
    pub seconds_left: u64,
    /// How the last run ended, in one sentence; empty before the first.
    pub last: String,
    /// When it ended.
    pub last_at: Option<UnixNanos>,
    /// The last run brought less than was wished.
    pub troubled: bool,
}

/// Listings of an exchange that nobody gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListingRow {
    /// Exchange.
    pub exchange: Exchange,
    /// When they were asked for last.
    pub at: UnixNanos,
    /// Why nobody gave them.
    pub says: String,
    /// When they are asked for again; `None` when only a person asks.
    pub next: Option<UnixNanos>,
}

/// How the data of a home is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DataHealth {
    /// When it was looked at; a little earlier, so that ages do not change all the time.
    pub at: UnixNanos,
    /// Vendors.
    pub vendors: Vec<VendorRow>,
    /// Syncing in this process.
    pub sync: SyncLine,
    /// Prices as they happen, in this process; `None` without a feed.
    pub feed: Option<FeedLine>,
    /// Instruments by source, the worst first, at most [`DataHealth::SOURCES_MAX`].
    pub sources: Vec<SourceRow>,
    /// Exchanges whose listings nobody gave.
    pub listings: Vec<ListingRow>,
    /// How many sources there are.
    pub sources_total: usize,
    /// How many of them are stale.
    pub stale: usize,
    /// Rows set aside that contain a text, newest first, at most [`DataHealth::SET_ASIDE_MAX`].
    pub set_aside: Vec<SetAside>,
    /// How many contain it.
    pub set_aside_found: usize,
    /// How many there are in all.
    pub set_aside_total: usize,
    /// The text; empty for all.
    pub set_aside_text: String,
    /// What could not be read, in plain words.
    pub problem: Option<String>,
    /// A place of keys that waits for a person.
    pub sealed: Option<Sealed>,
}

/// Prices as they happen, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedLine {
    /// Who sends, and how it stands.
    pub state: String,
    /// Whether prices come and are fresh.
    pub is_fresh: bool,
    /// What came in, went out and was wrong.
    pub counts: String,
    /// What went wrong last, and when.
    pub trouble: Option<(UnixNanos, String)>,
}

impl DataHealth {
    /// Most rows of sources.
    pub const SOURCES_MAX: usize = 1_000;
    /// Most rows set aside.
    pub const SET_ASIDE_MAX: usize = 500;
}
