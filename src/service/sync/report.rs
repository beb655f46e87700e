//! What a run tells while it goes and when it is over.

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::domain::import::REPORTED_QUARANTINE_MAX;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{InstrumentId, Quarantined, Symbol};
use crate::market::fetch::Waiting;

/// What became of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncOutcome {
    /// Asked for and stored.
    Done,
    /// Nothing was missing.
    UpToDate,
    /// No vendor gave it.
    Failed,
    /// Not come to.
    Canceled,
}

/// One instrument of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncRow {
    /// Symbol.
    pub symbol: Symbol,
    /// Exchange.
    #[serde(serialize_with = "exchange")]
    pub exchange: crate::domain::Exchange,
    /// Who gave it; who was asked last when nobody did.
    pub vendor: Option<VendorId>,
    /// What became of it.
    pub outcome: SyncOutcome,
    /// First day asked for.
    pub from: Option<NaiveDate>,
    /// Last day asked for.
    pub to: Option<NaiveDate>,
    /// New rows.
    pub stored: u64,
    /// Rows that replaced others.
    pub revised: u64,
    /// Rows that were there already.
    pub unchanged: u64,
    /// Rows, splits and dividends not stored.
    pub quarantined: u64,
    /// Rows, splits and dividends that were put right before they were stored.
    pub repaired: u64,
    /// Splits and dividends that are new or changed.
    pub actions: u64,
    /// Of these, those without prices to judge them by; said in words.
    #[serde(skip)]
    pub unjudged: u64,
    /// Whether the session that is running had a bar, which is shown and not stored.
    pub partial: bool,
    /// A stable code when something went wrong.
    pub code: String,
    /// What happened, in plain words.
    pub said: String,
}

fn exchange<S: Serializer>(value: &crate::domain::Exchange, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(value.code())
}

impl SyncRow {
    pub(super) fn new(id: InstrumentId, vendor: Option<VendorId>, outcome: SyncOutcome) -> Self {
        Self {
            symbol: id.symbol,
            exchange: id.exchange,
            vendor,
            outcome,
            from: None,
            to: None,
            stored: 0,
            revised: 0,
            unchanged: 0,
            quarantined: 0,
            repaired: 0,
            actions: 0,
            unjudged: 0,
            partial: false,
            code: String::new(),
            said: String::new(),
        }
    }

    /// Another step of the same instrument.
    pub(super) fn add(&mut self, other: SyncRow) {
        if other.outcome == SyncOutcome::Done {
            self.outcome = SyncOutcome::Done;
        }
        self.add_counts(&other);
        if self.said.is_empty() {
            self.said = other.said;
        }
    }

    /// What another step stored of the same instrument, whatever became of it.
    pub(super) fn add_counts(&mut self, other: &SyncRow) {
        self.from = [self.from, other.from].into_iter().flatten().min();
        self.to = self.to.max(other.to);
        self.stored += other.stored;
        self.revised += other.revised;
        self.unchanged += other.unchanged;
        self.quarantined += other.quarantined;
        self.repaired += other.repaired;
        self.actions += other.actions;
        self.unjudged += other.unjudged;
        self.partial |= other.partial;
    }

    /// Whether anything of it is stored or set aside.
    pub(super) const fn has_some(&self) -> bool {
        self.stored + self.revised + self.unchanged + self.quarantined + self.actions > 0
    }

    /// Says of how many splits and dividends no prices tell whether they are true.
    pub(super) fn tell_unjudged(&mut self) {
        if self.unjudged > 0 {
            let them = format!("splits and dividends without prices to judge them by: {}", self.unjudged);
            self.said = if self.said.is_empty() { them } else { format!("{}; {them}", self.said) };
        }
    }

    /// Which instrument.
    pub const fn instrument(&self) -> InstrumentId {
        InstrumentId::new(self.symbol, self.exchange)
    }
}

/// A vendor that was left alone for the rest of the run, or of which there is something else to know, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VendorLine {
    /// Which.
    pub vendor: VendorId,
    /// A stable code.
    pub code: String,
    /// Why, in plain words.
    pub said: String,
}

/// What became of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// One row an instrument, in their order.
    pub rows: Vec<SyncRow>,
    /// Vendors that could not go on, and those whose clock is far from ours.
    pub vendors: Vec<VendorLine>,
    /// The first rows not stored.
    pub quarantine: Vec<Quarantined>,
    /// How many more were not stored than are listed.
    pub quarantine_omitted: u64,
    /// Requests sent.
    pub requests: u64,
    /// Whether it was stopped.
    pub canceled: bool,
    /// What is odd about the home or this machine, in plain words.
    pub remarks: Vec<String>,
    /// Why it could not go on, such as a full disk; empty when it could. What is counted is stored.
    pub fault: String,
}

impl SyncReport {
    pub(super) fn list_quarantined(&mut self, rows: &[Quarantined]) {
        let room = REPORTED_QUARANTINE_MAX.saturating_sub(self.quarantine.len());
        self.quarantine.extend(rows.iter().take(room).cloned());
        self.quarantine_omitted += rows.len().saturating_sub(room) as u64;
    }

    /// Rows that were not stored.
    pub fn quarantined(&self) -> u64 {
        self.quarantine.len() as u64 + self.quarantine_omitted
    }

    /// Instruments that no vendor gave.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == SyncOutcome::Failed).count()
    }
}

/// What became of one thing that was asked for beside prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BesideRow {
    /// Kind of data.
    pub kind: DataKind,
    /// Instrument, or exchange for listings.
    pub of: String,
    /// Who gave it, or has given it lately; nobody when empty.
    pub vendor: Option<VendorId>,
    /// What became of it.
    pub outcome: SyncOutcome,
    /// Rows that are new or changed.
    pub stored: u64,
    /// Rows that could not be taken.
    pub quarantined: u64,
    /// A stable code when nobody gave it.
    pub code: String,
    /// Why, in plain words.
    pub said: String,
}

/// What became of a run of one kind of data beside prices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BesideReport {
    /// One row an instrument or exchange, in their order.
    pub rows: Vec<BesideRow>,
    /// Requests sent.
    pub requests: u64,
    /// Whether it was stopped.
    pub canceled: bool,
    /// What is odd about a vendor, the home or this machine, in plain words.
    pub remarks: Vec<String>,
    /// Why it could not go on, such as a full disk; empty when it could. What is counted is stored.
    pub fault: String,
}

impl BesideReport {
    /// Rows that nobody gave.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == SyncOutcome::Failed).count()
    }
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Who is asked.
    pub vendor: Option<VendorId>,
    /// What for.
    pub doing: String,
    /// Steps done at this vendor.
    pub done: usize,
    /// Steps there are.
    pub total: usize,
    /// Rows new or changed so far.
    pub rows: u64,
    /// Requests sent so far.
    pub requests: u64,
    /// What is waited for.
    pub waiting: Option<Waiting>,
    /// Use of the vendor's windows: seconds, used, of.
    pub windows: Vec<(u32, u32, u32)>,
    /// About how long the rest will take, in seconds.
    pub seconds_left: u64,
}
