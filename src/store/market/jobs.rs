//! Quarantined rows and the progress of long jobs.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::codec::{clean, count, time};
use super::super::error::StoreError;
use super::{MarketReader, MarketStore, QUARANTINE_MAX};
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, UnixNanos};

/// One row that was read and not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The job that read it.
    pub job: CleanText,
    /// File it came from.
    pub file: CleanText,
    /// Line in the file, from 1.
    pub line: u64,
    /// Symbol as given.
    pub symbol: CleanText,
    /// Date as given.
    pub date: CleanText,
    /// Reason code.
    pub reason: CleanText,
    /// The column that says so; empty where it is the row as a whole.
    pub field: CleanText,
    /// The row as given.
    pub raw: CleanText,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobProgress {
    /// Lines or rows taken so far.
    pub done: u64,
    /// Whether the job has come to its end.
    pub finished: bool,
    /// Wall time of the last change.
    pub changed_at: UnixNanos,
}

pub(super) fn quarantined(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    Ok(Quarantined {
        job: clean(row, 0)?,
        file: clean(row, 1)?,
        line: count(row, 2)?,
        symbol: clean(row, 3)?,
        date: clean(row, 4)?,
        reason: clean(row, 5)?,
        raw: clean(row, 6)?,
        field: clean(row, 7)?,
    })
}

impl MarketReader {
    /// How far a job has come; jobs are named by what they read, such as a file's digest.
    pub fn job(&self, job: &str) -> Result<Option<JobProgress>, StoreError> {
        self.db.read("read a job's progress", |c| {
            let sql = "SELECT done, finished, changed_at FROM jobs WHERE job = ?1";
            let row = |row: &Row<'_>| {
                Ok(JobProgress { done: count(row, 0)?, finished: row.get(1)?, changed_at: time(row, 2)? })
            };
            c.prepare_cached(sql)?.query_row([job], row).optional()
        })
    }

    /// The newest quarantined rows, newest first.
    pub fn quarantine(&self, limit: u32) -> Result<Vec<Quarantined>, StoreError> {
        self.db.read("read the quarantine", |c| {
            let sql =
                "SELECT job, file, line, symbol, date, reason, raw, field FROM quarantine ORDER BY id DESC LIMIT ?1";
            let mut statement = c.prepare_cached(sql)?;
            statement.query_map([limit], quarantined)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Records how far a job has come.
    pub fn record_job(&mut self, job: &str, progress: JobProgress) -> Result<(), StoreError> {
        self.db().write("record a job's progress", |tx| {
            let sql = "INSERT INTO jobs (job, done, finished, changed_at) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT (job) DO UPDATE SET done = excluded.done, finished = excluded.finished, \
                       changed_at = excluded.changed_at";
            let done = i64::try_from(progress.done).unwrap_or(i64::MAX);
            tx.execute(sql, params![job, done, progress.finished, progress.changed_at.nanos()]).map(drop)
        })
    }

    /// Keeps rows that were not stored; the newest are kept when there are too many.
    pub fn store_quarantine(&mut self, rows: &[Quarantined], at: UnixNanos) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.db().write("keep quarantined rows", |tx| quarantine(tx, rows, at))
    }
}

/// Rows of one job and file that are not in quarantine already. A vendor that repeats itself is listed once, however it
/// numbers its rows, and again when the row was taken before; a line of a file is listed once whatever was decided.
fn not_listed(conn: &Connection, rows: &[Quarantined]) -> rusqlite::Result<Vec<Quarantined>> {
    let Some(Quarantined { job, file, .. }) = rows.first() else { return Ok(Vec::new()) };
    let is_vendor = file.as_str().parse::<VendorId>().is_ok();
    let sql = "SELECT symbol, date, reason, raw, line FROM quarantine WHERE job = ?1 AND file = ?2 \
               AND (state IN ('open', 'ignored') OR state = 'accepted' AND NOT ?3)";
    let mut statement = conn.prepare_cached(sql)?;
    let known = statement.query_map(params![job.as_str(), file.as_str(), is_vendor], |row| {
        let line = if is_vendor { 0 } else { count(row, 4)? };
        Ok(([row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?], line))
    })?;
    let known: BTreeSet<([String; 4], u64)> = known.collect::<rusqlite::Result<_>>()?;
    let key = |row: &Quarantined| {
        let texts = [&row.symbol, &row.date, &row.reason, &row.raw].map(ToString::to_string);
        (texts, if is_vendor { 0 } else { row.line })
    };
    Ok(rows.iter().filter(|row| !known.contains(&key(row))).cloned().collect())
}

/// Keeps rows inside a transaction, those that are there already once.
pub(super) fn quarantine(tx: &Connection, rows: &[Quarantined], at: UnixNanos) -> rusqlite::Result<()> {
    for of_file in rows.chunk_by(|a, b| a.job == b.job && a.file == b.file) {
        insert(tx, &not_listed(tx, of_file)?, at)?;
    }
    Ok(())
}

fn insert(tx: &Connection, rows: &[Quarantined], at: UnixNanos) -> rusqlite::Result<()> {
    for row in rows {
        let sql = "INSERT INTO quarantine (job, file, line, symbol, date, reason, raw, at, field) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        tx.prepare_cached(sql)?.execute(params![
            row.job.as_str(),
            row.file.as_str(),
            i64::try_from(row.line).unwrap_or(i64::MAX),
            row.symbol.as_str(),
            row.date.as_str(),
            row.reason.as_str(),
            row.raw.as_str(),
            at.nanos(),
            row.field.as_str(),
        ])?;
    }
    let oldest = tx.last_insert_rowid() - i64::from(QUARANTINE_MAX);
    tx.execute("DELETE FROM quarantine WHERE id <= ?1", [oldest]).map(drop)
}
