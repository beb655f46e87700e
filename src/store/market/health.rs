//! How the stored prices are, counted by source: spans, rows, what was flagged or set aside.

use std::collections::BTreeMap;

use rusqlite::params;

use super::super::codec::{clean, count, date_opt, time};
use super::super::error::StoreError;
use super::instruments::{basis_at, id_at};
use super::{DAILY, MarketReader, Quarantined};
use crate::domain::market::Basis;
use crate::domain::{CleanText, InstrumentId, UnixNanos};

/// Daily prices of one instrument from one source, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCount {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// Basis.
    pub basis: Basis,
    /// First session.
    pub first: Option<chrono::NaiveDate>,
    /// Last session.
    pub last: Option<chrono::NaiveDate>,
    /// Rows.
    pub rows: u64,
    /// Flags on them.
    pub flagged: u64,
}

/// A quarantined row with its place and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedAt {
    /// Its place.
    pub id: i64,
    /// When it was set aside.
    pub at: UnixNanos,
    /// The row.
    pub row: Quarantined,
}

impl MarketReader {
    /// All sources with their counts, by instrument and source. Reads every price row's key.
    pub fn source_counts(&self) -> Result<Vec<SourceCount>, StoreError> {
        self.db.read("count what is stored", |c| {
            let sql = "SELECT i.symbol, i.exchange, s.source, s.basis, p.first, p.last, coalesce(p.rows, 0), \
                       (SELECT count(*) FROM flags f WHERE f.source_id = s.id) \
                       FROM sources s JOIN instruments i ON i.id = s.instrument LEFT JOIN \
                       (SELECT source_id, min(session) AS first, max(session) AS last, count(*) AS rows \
                        FROM prices WHERE interval = ?1 GROUP BY source_id) p ON p.source_id = s.id \
                       ORDER BY i.symbol, i.exchange, s.source";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map(params![DAILY], |row| {
                Ok(SourceCount {
                    instrument: id_at(row, 0)?,
                    source: clean(row, 2)?,
                    basis: basis_at(row, 3)?,
                    first: date_opt(row, 4)?,
                    last: date_opt(row, 5)?,
                    rows: count(row, 6)?,
                    flagged: count(row, 7)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Changes whenever another connection has committed something.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        self.db.read("look for changes", |c| c.query_row("PRAGMA data_version", [], |row| row.get(0)))
    }

    /// How many rows are quarantined, by symbol as given and file or source.
    pub fn quarantine_counts(&self) -> Result<BTreeMap<(CleanText, CleanText), u64>, StoreError> {
        self.db.read("count the quarantine", |c| {
            let sql = "SELECT symbol, file, count(*) FROM quarantine GROUP BY symbol, file";
            let mut statement = c.prepare_cached(sql)?;
            let rows =
                statement.query_map([], |row| Ok(((clean(row, 0)?, clean(row, 1)?), count(row, 2)?)))?;
            rows.collect::<rusqlite::Result<BTreeMap<_, _>>>()
        })
    }

    /// The newest quarantined rows with their places, newest first.
    pub fn quarantine_newest(&self, limit: u32) -> Result<Vec<QuarantinedAt>, StoreError> {
        self.db.read("read the quarantine", |c| {
            let sql = "SELECT job, file, line, symbol, date, reason, raw, id, at FROM quarantine \
                       ORDER BY id DESC LIMIT ?1";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([limit], |row| {
                Ok(QuarantinedAt { id: row.get(7)?, at: time(row, 8)?, row: super::jobs::quarantined(row)? })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}
