//! The projected tables as a fresh store would hold them, in memory, to compare the stored ones with.
//!
//! Rows are written by the very code that writes the real tables, so every column is compared, also those that no
//! reader decodes. Executions and risk events are compared and dropped page by page; what stands at the end is
//! compared at the end.

use rusqlite::types::Value;
use rusqlite::{Connection, Rows};

use super::verify::{Refold, VerifyReport};
use super::{MIGRATIONS, projections};
use crate::domain::posting::Posting;
use crate::domain::{Event, Seq};

/// Events whose rows are compared together.
const PAGE_EVENTS: Seq = 4_096;

/// Tables of which each row names its event, with the columns that order them.
const BY_EVENT: [(&str, &str); 3] = [("executions", "seq"), ("risk_events", "seq, id"), ("risk_acks", "seq")];
/// Tables as they stand, with the columns that order them.
const AS_IT_STANDS: [(&str, &str); 3] =
    [("orders", "account, id"), ("portfolios", "account"), ("limit_versions", "version")];

/// Tables, indexes and the triggers that guard them.
const STRUCTURE: &str = "SELECT type, name, sql FROM sqlite_schema \
                         WHERE name <> 'schema_migrations' AND name NOT LIKE 'sqlite_%' ORDER BY type, name";

/// A fresh store in memory.
pub(super) struct Anew<'r> {
    refold: &'r mut dyn Refold,
    fresh: Connection,
    from: Seq,
    to: Seq,
}

impl<'r> Anew<'r> {
    pub(super) fn new(refold: &'r mut dyn Refold) -> rusqlite::Result<Self> {
        let fresh = Connection::open_in_memory()?;
        MIGRATIONS.iter().try_for_each(|sql| fresh.execute_batch(sql))?;
        fresh.execute_batch("BEGIN")?;
        Ok(Self { refold, fresh, from: 0, to: 0 })
    }

    /// Works one event out; its postings, or why it cannot be.
    pub(super) fn event(&mut self, event: &Event) -> rusqlite::Result<Result<Vec<Posting>, String>> {
        let (postings, rows) = match self.refold.event(event) {
            Ok(made) => made,
            Err(why) => return Ok(Err(why)),
        };
        let mut writer = projections::Writer::new(&self.fresh)?;
        rows.iter().try_for_each(|row| writer.write(row))?;
        self.to = event.seq;
        Ok(Ok(postings))
    }

    /// Compares the rows of a page of events, when it is full.
    pub(super) fn compare_page(
        &mut self,
        stored: &Connection,
        report: &mut VerifyReport,
    ) -> rusqlite::Result<()> {
        if self.to.saturating_sub(self.from) < PAGE_EVENTS { Ok(()) } else { self.page(stored, report) }
    }

    fn page(&mut self, stored: &Connection, report: &mut VerifyReport) -> rusqlite::Result<()> {
        let (from, to) = (self.from.cast_signed(), self.to.cast_signed());
        for (table, order) in BY_EVENT {
            let within = format!("WHERE seq > {from} AND seq <= {to} ORDER BY {order}");
            if let Some(fault) = differs(stored, &self.fresh, &format!("SELECT * FROM {table} {within}"))? {
                report.found(&format!("{table} of events {} to {to}: {fault}", from + 1));
            }
            self.fresh.execute(&format!("DELETE FROM {table}"), [])?;
        }
        self.from = self.to;
        Ok(())
    }

    /// Compares the last page and the tables as they stand.
    pub(super) fn finish(mut self, stored: &Connection, report: &mut VerifyReport) -> rusqlite::Result<()> {
        self.page(stored, report)?;
        let rows = self.refold.rows();
        let mut writer = projections::Writer::new(&self.fresh)?;
        rows.iter().try_for_each(|row| writer.write(row))?;
        if let Some(fault) = differs(stored, &self.fresh, STRUCTURE)? {
            report.found(&format!("tables or their guards are not those of this program: {fault}"));
        }
        // What an earlier release made says the same in other words; it is made anew before anybody trades on it.
        let compared = if projections::stand(stored)? { &AS_IT_STANDS[..] } else { &[] };
        for (table, order) in compared {
            let sql = format!("SELECT * FROM {table} ORDER BY {order}");
            if let Some(fault) = differs(stored, &self.fresh, &sql)? {
                report.found(&format!("the table {table} is not what the journal makes: {fault}"));
            }
        }
        for (table, _) in BY_EVENT {
            let sql = format!("SELECT count(*) FROM {table} WHERE seq > {} OR seq < 1", self.to);
            let stray: i64 = stored.query_row(&sql, [], |row| row.get(0))?;
            if stray > 0 {
                report.found(&format!("{stray} rows of {table} name events that are not there"));
            }
        }
        Ok(())
    }
}

/// The first row in which two stores differ, in words.
fn differs(stored: &Connection, fresh: &Connection, sql: &str) -> rusqlite::Result<Option<String>> {
    let (mut here, mut there) = (stored.prepare(sql)?, fresh.prepare(sql)?);
    let columns: Vec<String> = here.column_names().map(str::to_owned).collect();
    let (mut here, mut there) = (here.query([])?, there.query([])?);
    let mut number = 0_u64;
    loop {
        number += 1;
        let (found, made) = (values(&mut here, &columns)?, values(&mut there, &columns)?);
        match (found, made) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Ok(Some(format!("row {number} is missing"))),
            (Some(_), None) => return Ok(Some(format!("row {number} should not be there"))),
            (Some(found), Some(made)) => {
                let pairs = columns.iter().zip(found.iter().zip(&made));
                // A risk event's own number is not made anew page by page; elsewhere an id is a name.
                let is_number =
                    |name: &str, value: &Value| name == "id" && matches!(value, Value::Integer(_));
                let wrong = pairs.into_iter().find(|(name, (a, b))| a != b && !is_number(name, a));
                if let Some((name, _)) = wrong {
                    return Ok(Some(format!("row {number}: its {name} is not what the journal makes")));
                }
            }
        }
    }
}

fn values(rows: &mut Rows<'_>, columns: &[String]) -> rusqlite::Result<Option<Vec<Value>>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..columns.len()).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<Value>>>().map(Some)
}
