//! Revisions: which state of the prices, and of the facts beside them, something was made from.
//!
//! Every change of prices or sources, and of actions, figures, news, groups or universes, adds a revision in its own
//! transaction. Two revisions are equal only when they name the same state of the same store.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::error::StoreError;
use super::MarketReader;

/// Newest revisions that are kept; what was made from an older one is made again from the start.
const REVISIONS_MAX: i64 = 4_096;

/// A state of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// Counts changes.
    pub number: i64,
    /// Tells histories of equal length apart.
    pub mark: i64,
}

/// The states of all that panels are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revisions {
    /// Prices and their sources.
    pub prices: Revision,
    /// Actions, figures, news, groups and universes.
    pub facts: Revision,
}

/// What a revision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Prices,
    Facts,
}

impl What {
    const fn word(self) -> &'static str {
        match self {
            What::Prices => "prices",
            What::Facts => "facts",
        }
    }
}

/// Adds a revision inside the transaction that changes something; its number.
pub(super) fn bump(conn: &Connection, what: What) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO revisions SELECT ?1, coalesce(max(number), 0) + 1, random() FROM revisions \
               WHERE what = ?1 RETURNING number";
    let number: i64 = conn.prepare_cached(sql)?.query_row([what.word()], |row| row.get(0))?;
    let sql = "DELETE FROM revisions WHERE what = ?1 AND number <= ?2";
    conn.prepare_cached(sql)?.execute(params![what.word(), number - REVISIONS_MAX])?;
    Ok(number)
}

/// The newest revision.
pub(super) fn newest(conn: &Connection, what: What) -> rusqlite::Result<Revision> {
    let sql = "SELECT number, mark FROM revisions WHERE what = ?1 ORDER BY number DESC LIMIT 1";
    let found = conn
        .prepare_cached(sql)?
        .query_row([what.word()], |row| Ok(Revision { number: row.get(0)?, mark: row.get(1)? }))
        .optional()?;
    Ok(found.unwrap_or(Revision { number: 0, mark: 0 }))
}

/// Whether a state of the prices is one that this store was in and still remembers.
pub(super) fn was(conn: &Connection, revision: Revision) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM revisions WHERE what = ?1 AND number = ?2 AND mark = ?3";
    let row = params![What::Prices.word(), revision.number, revision.mark];
    Ok(conn.prepare_cached(sql)?.query_row(row, |_| Ok(())).optional()?.is_some())
}

impl MarketReader {
    /// The present state of what panels are made of.
    pub fn revisions(&self) -> Result<Revisions, StoreError> {
        self.db.read("read its revisions", |c| {
            Ok::<_, rusqlite::Error>(Revisions {
                prices: newest(c, What::Prices)?,
                facts: newest(c, What::Facts)?,
            })
        })
    }
}
