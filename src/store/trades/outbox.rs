//! Effects outside this file: how far each destination has been served, and what was copied in from outside.
//!
//! What is to be done is a function of the journal, so the outbox is a cursor, not a copy: read the events after
//! it, do them at the destination in a way that a second time changes nothing, then move the cursor.

use rusqlite::{OptionalExtension, params};

use super::super::codec::{clean, count};
use super::super::error::StoreError;
use super::super::users::AccessEntry;
use super::anchor::{Ends, all_delivered, last_act};
use super::{TradesReader, TradesStore};
use crate::domain::{CleanText, Seq, UnixNanos};

/// How a destination stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Last event that was delivered; 0 before the first.
    pub delivered: Seq,
    /// Failed attempts since then.
    pub attempts: u32,
    /// Why the last attempt failed; empty when it did not.
    pub last_error: CleanText,
}

impl TradesReader {
    /// How a destination stands.
    pub fn delivery(&self, destination: &str) -> Result<Delivery, StoreError> {
        self.db.read("read the outbox", |c| {
            let sql = "SELECT delivered, attempts, last_error FROM outbox WHERE destination = ?1";
            let found = c.query_row(sql, [destination], |row| {
                Ok(Delivery { delivered: count(row, 0)?, attempts: row.get(1)?, last_error: clean(row, 2)? })
            });
            Ok::<_, rusqlite::Error>(found.optional()?.unwrap_or_default())
        })
    }

    /// Id of the last line of the access log that was copied into the audit trail; 0 before the first.
    pub fn last_audited(&self) -> Result<i64, StoreError> {
        self.db.read("read the audit trail", last_act).map(u64::cast_signed)
    }
}

impl TradesStore {
    /// Everything up to `seq` has been done at a destination.
    pub fn delivered(&mut self, destination: &str, seq: Seq, wall: UnixNanos) -> Result<(), StoreError> {
        self.write("move the outbox", |tx, ends| {
            let sql = "INSERT INTO outbox (destination, delivered, attempts, last_error, changed_at) \
                       VALUES (?1, ?2, 0, '', ?3) ON CONFLICT (destination) DO UPDATE SET \
                       delivered = max(delivered, excluded.delivered), attempts = 0, last_error = '', \
                       changed_at = excluded.changed_at";
            tx.execute(sql, params![destination, seq.cast_signed(), wall.nanos()])?;
            Ok::<_, rusqlite::Error>(((), Ends { delivered: all_delivered(tx)?, ..ends }))
        })
    }

    /// A delivery failed; returns how often in a row.
    pub fn delivery_failed(
        &mut self,
        destination: &str,
        error: &CleanText,
        wall: UnixNanos,
    ) -> Result<u32, StoreError> {
        self.write("record a failed delivery", |tx, ends| {
            let sql = "INSERT INTO outbox (destination, delivered, attempts, last_error, changed_at) \
                       VALUES (?1, 0, 1, ?2, ?3) ON CONFLICT (destination) DO UPDATE SET \
                       attempts = attempts + 1, last_error = excluded.last_error, \
                       changed_at = excluded.changed_at RETURNING attempts";
            let attempts =
                tx.query_row(sql, params![destination, error.as_str(), wall.nanos()], |row| row.get(0))?;
            Ok::<_, rusqlite::Error>((attempts, ends))
        })
    }

    /// Copies lines of the access log into the audit trail; a line that is there already is passed over.
    pub fn copy_access(&mut self, entries: &[AccessEntry]) -> Result<(), StoreError> {
        self.write("write the audit trail", |tx, ends| {
            let sql = "INSERT OR IGNORE INTO audit (id, wall, user, what, outcome, detail) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let mut statement = tx.prepare_cached(sql)?;
            for e in entries {
                let (user, what) = (e.user.as_str(), e.what.as_str());
                let (outcome, detail) = (e.outcome.as_str(), e.detail.as_str());
                statement.execute(params![e.id, e.wall.nanos(), user, what, outcome, detail])?;
            }
            Ok::<_, rusqlite::Error>(((), Ends { act: last_act(tx)?, ..ends }))
        })
    }
}
