//! The panel: trading sessions × instruments, one column of `f32` a field.
//!
//! Columns are stored in blocks of instruments (see [`Column`]), so that kernels work on several at once.
//! NaN is missing. Each instrument has a span of rows from its first to its last given row; windows are counted
//! inside that span, as Qlib counts them. A row holds only what was known at the close of its session:
//! fundamentals from the day they were known, headlines published at or before the close. It never fills a
//! missing price.

mod build;
mod column;
mod continued;
mod known;
mod rows;

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;

pub use build::{BAR_FIELDS, PanelBuilder};
pub use column::{Column, LANES};
pub use continued::RunningRow;
pub use rows::{Bars, InstrumentRows, Terms};

use crate::domain::{CleanText, InstrumentId};

/// Most instruments a panel holds.
pub const INSTRUMENTS_MAX: usize = 20_000;
/// Largest panel, in bytes of its columns.
pub const PANEL_BYTES_MAX: usize = 4 * 1024 * 1024 * 1024;
/// Days after which a fundamental figure is too old to be used.
pub const FUNDAMENTAL_AGE_DAYS_MAX: u64 = 550;

/// A field that expressions may name, with what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name without the `$`.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
}

/// Every field of the language; a given panel may lack some.
pub const FIELDS: &[Field] = &[
    Field { name: "open", doc: "first price of the session, adjusted" },
    Field { name: "high", doc: "highest price, adjusted" },
    Field { name: "low", doc: "lowest price, adjusted" },
    Field { name: "close", doc: "last price, adjusted" },
    Field { name: "volume", doc: "shares traded, adjusted the other way" },
    Field { name: "vwap", doc: "volume-weighted average price, adjusted" },
    Field {
        name: "change",
        doc: "close over the last close there was, minus one; as the source has it in files",
    },
    Field { name: "factor", doc: "adjusted price = raw price * factor" },
    Field {
        name: "eps",
        doc: "earnings per share over twelve months, as known on the day, in adjusted shares",
    },
    Field { name: "book_value", doc: "book value per share, as known on the day, in adjusted shares" },
    Field { name: "sales", doc: "sales per share, as known on the day, in adjusted shares" },
    Field {
        name: "cash_flow",
        doc: "operating cash flow per share, as known on the day, in adjusted shares",
    },
    Field { name: "dividend", doc: "dividends per share over twelve months, as known on the day, adjusted" },
    Field { name: "sentiment", doc: "mean tone (-1 to 1) of the headlines since the previous close" },
    Field { name: "headlines", doc: "number of headlines since the previous close" },
];

/// Fundamental fields that become columns.
const PER_SHARE: [&str; 5] = ["eps", "book_value", "sales", "cash_flow", "dividend"];

/// Why a row could not go into a panel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PanelError {
    /// The date is not one of the panel's sessions.
    #[error("{instrument} has a row on {session}, which is no session of this panel: check the calendar")]
    UnknownSession {
        /// Instrument of the row.
        instrument: InstrumentId,
        /// Date of the row.
        session: NaiveDate,
    },
    /// Two rows for one instrument and session.
    #[error("{instrument} has two rows on {session}: keep one")]
    Duplicate {
        /// Instrument of the row.
        instrument: InstrumentId,
        /// Date of the row.
        session: NaiveDate,
    },
    /// A field no expression can name.
    #[error("'{0}' is no field of a panel: see `factor list` for the fields")]
    UnknownField(CleanText),
    /// One close for each session is needed.
    #[error("{given} closing times were given for {sessions} sessions: give one each")]
    Closes {
        /// Closing times given.
        given: usize,
        /// Sessions of the panel.
        sessions: usize,
    },
    /// Too many instruments.
    #[error("a panel holds at most {INSTRUMENTS_MAX} instruments: narrow the universe")]
    TooMany,
    /// Too much memory.
    #[error(
        "a panel of {sessions} sessions and {instruments} instruments takes {} MB, more than {} MB: narrow the dates, \
         the universe or the fields",
        bytes / 1_000_000,
        PANEL_BYTES_MAX / 1_000_000
    )]
    TooLarge {
        /// Sessions asked for.
        sessions: usize,
        /// Instruments asked for.
        instruments: usize,
        /// Memory of its columns, in bytes.
        bytes: usize,
    },
    /// Instruments in the wrong order.
    #[error("{0} is given out of order or twice: give instruments once each, ascending")]
    Unordered(InstrumentId),
    /// Rows in the wrong order or outside the sessions.
    #[error("the rows of {instrument} are out of order or outside the panel's sessions")]
    OutsideSessions {
        /// Instrument of the rows.
        instrument: InstrumentId,
    },
}

/// What instruments can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Sector, the broad one.
    Sector,
    /// Industry within it.
    Industry,
}

/// Code of an instrument whose group is not known.
pub const NO_GROUP: u16 = u16::MAX;

/// A figure of one period as it became known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodRecord {
    /// First row on which it was known.
    pub known_row: usize,
    /// Last day of the period it is about.
    pub period_end: NaiveDate,
    /// The figure; one per share in the share terms of the adjusted prices, as the field of that name.
    pub value: f64,
}

/// A grouping of all instruments, as it changed over time.
#[derive(Debug, Clone, PartialEq, Default)]
struct Grouping {
    /// Group names by code.
    names: Vec<String>,
    /// By instrument: (first row, code), ascending.
    changes: Vec<Vec<(usize, u16)>>,
}

/// Sessions × instruments × fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    sessions: Vec<NaiveDate>,
    symbols: Vec<InstrumentId>,
    spans: Vec<Range<usize>>,
    columns: BTreeMap<&'static str, Column>,
    groups: BTreeMap<Group, Grouping>,
    periods: BTreeMap<String, Vec<Vec<PeriodRecord>>>,
    /// By instrument: rows on which it is a member; all are members without.
    members: Option<Vec<Vec<Range<usize>>>>,
}

impl Panel {
    /// Trading days, ascending.
    pub fn sessions(&self) -> &[NaiveDate] {
        &self.sessions
    }

    /// Instruments, ascending.
    pub fn symbols(&self) -> &[InstrumentId] {
        &self.symbols
    }

    /// Rows from the first to the last given row of an instrument.
    pub fn span(&self, instrument: usize) -> Range<usize> {
        self.spans.get(instrument).cloned().unwrap_or(0..0)
    }

    /// The column of a field (without the `$`), where the panel has it.
    pub fn column(&self, field: &str) -> Option<&Column> {
        self.columns.get(field)
    }

    /// Fields that have a column.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.keys().copied()
    }

    /// The same panel seen by the members of a universe: cross-sections are taken over those of the day. `rows` holds,
    /// by instrument, the rows on which it is one.
    pub fn seen_by(self, rows: Vec<Vec<Range<usize>>>) -> Self {
        Self { members: Some(rows), ..self }
    }

    /// Whether an instrument is a member on a row; it is without a universe.
    pub fn is_member(&self, instrument: usize, row: usize) -> bool {
        let on_row = |all: &Vec<Vec<Range<usize>>>| {
            all.get(instrument).is_some_and(|own| own.iter().any(|rows| rows.contains(&row)))
        };
        self.members.as_ref().is_none_or(on_row)
    }

    /// Group code of every instrument as known on a row, [`NO_GROUP`] where unknown; `None` without such data.
    pub fn group_codes(&self, group: Group, row: usize) -> Option<Vec<u16>> {
        let code = |changes: &Vec<(usize, u16)>| {
            let known = changes.partition_point(|(from, _)| *from <= row);
            known.checked_sub(1).and_then(|k| changes.get(k)).map_or(NO_GROUP, |(_, code)| *code)
        };
        Some(self.groups.get(&group)?.changes.iter().map(code).collect())
    }

    /// Names of a grouping by code; empty without such data.
    pub fn group_names(&self, group: Group) -> &[String] {
        self.groups.get(&group).map_or(&[], |g| &g.names)
    }

    /// Figures of a field by period for one instrument, by the row on which they became known.
    pub fn periods(&self, field: &str, instrument: usize) -> &[PeriodRecord] {
        self.periods.get(field).and_then(|all| all.get(instrument)).map_or(&[], Vec::as_slice)
    }

    /// Whether the panel has figures of a field by period.
    pub fn has_periods(&self, field: &str) -> bool {
        self.periods.contains_key(field)
    }

    /// One value as `f64`; NaN when missing.
    pub fn value(&self, field: &str, instrument: usize, row: usize) -> f64 {
        self.column(field).map_or(f64::NAN, |c| f64::from(c.get(instrument, row)))
    }

    /// Row of a session.
    pub fn row_of(&self, session: NaiveDate) -> Option<usize> {
        self.sessions.binary_search(&session).ok()
    }

    /// Last row at or before a date.
    pub fn row_at_or_before(&self, date: NaiveDate) -> Option<usize> {
        self.sessions.partition_point(|s| *s <= date).checked_sub(1)
    }

    /// Position of an instrument.
    pub fn index_of(&self, instrument: InstrumentId) -> Option<usize> {
        self.symbols.binary_search(&instrument).ok()
    }
}
