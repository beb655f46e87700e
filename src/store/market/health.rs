//! How the stored prices are, counted by source: spans, rows, what was flagged or set aside.

use std::collections::BTreeMap;

use rusqlite::params;

use super::super::codec::{clean, count, date_opt};
use super::super::error::StoreError;
use super::instruments::{basis_at, id_at};
use super::{DAILY, MarketReader};
use crate::domain::market::Basis;
use crate::domain::{CleanText, InstrumentId};

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

    /// How many rows are quarantined and not decided about for good, by symbol as given and file or source.
    pub fn quarantine_counts(&self) -> Result<BTreeMap<(CleanText, CleanText), u64>, StoreError> {
        self.db.read("count the quarantine", |c| {
            let sql = "SELECT symbol, file, count(*) FROM quarantine \
                       WHERE state IN ('open', 'refetch') GROUP BY symbol, file";
            let mut statement = c.prepare_cached(sql)?;
            let rows =
                statement.query_map([], |row| Ok(((clean(row, 0)?, clean(row, 1)?), count(row, 2)?)))?;
            rows.collect::<rusqlite::Result<BTreeMap<_, _>>>()
        })
    }

    /// How many prices of each source differ from another's.
    pub fn disagreement_counts(&self) -> Result<BTreeMap<(InstrumentId, CleanText), u64>, StoreError> {
        self.db.read("count where sources disagree", |c| {
            let sql = "SELECT i.symbol, i.exchange, d.source, d.other, count(*) FROM disagreements d \
                       JOIN instruments i ON i.id = d.instrument GROUP BY d.instrument, d.source, d.other";
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut counts: BTreeMap<(InstrumentId, CleanText), u64> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let (instrument, found) = (id_at(row, 0)?, count(row, 4)?);
                for column in [2, 3] {
                    *counts.entry((instrument, clean(row, column)?)).or_default() += found;
                }
            }
            Ok::<_, rusqlite::Error>(counts)
        })
    }
}
