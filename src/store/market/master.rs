//! The symbol master's history: what an instrument was called before, and since when it is no longer listed.
//!
//! A rename moves everything that the old symbol has from before its day to the new one, so that the history of a company
//! is read under its present symbol; what comes later under the old symbol belongs to somebody else. Nothing is moved
//! when the new symbol has prices of its own from before: it was another company's. Rows that both have stay the new one's.

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec::{clean, date, day};
use super::super::error::StoreError;
use super::instruments::{ensure_instrument, id_at, number_of};
use super::revision::{What, bump};
use super::{DAILY, MarketReader, MarketStore};
use crate::domain::market::{Delisting, Rename};
use crate::domain::{CleanText, Exchange, InstrumentId, Symbol};

/// What became of renames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Followed {
    /// Renames that were not known before.
    pub new: u64,
    /// Price rows that have moved to a new symbol.
    pub moved: u64,
    /// Renames that could not be followed, as the new symbol had prices of its own from before.
    pub taken: u64,
}

/// Puts all that an old symbol has from before the day under the new one; `None` when that is somebody else's.
fn follow(tx: &Connection, rename: &Rename) -> rusqlite::Result<Option<u64>> {
    let id = |symbol| InstrumentId::new(symbol, rename.exchange);
    let Some(old) = number_of(tx, id(rename.old))? else { return Ok(Some(0)) };
    if rename.old == rename.new {
        return Ok(Some(0));
    }
    let from = day(rename.from);
    let has_before = "SELECT 1 FROM prices p JOIN sources s ON s.id = p.source_id \
                      WHERE s.instrument = ?1 AND p.interval = ?2 AND p.session < ?3 LIMIT 1";
    let before = |number: i64| {
        tx.prepare_cached(has_before)?.query_row(params![number, DAILY, from], |_| Ok(())).optional()
    };
    if before(old)?.is_none() {
        return Ok(Some(0));
    }
    let (new, made) = ensure_instrument(tx, id(rename.new))?;
    if made {
        let sql = "UPDATE instruments SET (name, sector, currency, tick, lot, shortable, borrowable, borrow_rate) = \
                   (SELECT name, sector, currency, tick, lot, shortable, borrowable, borrow_rate FROM instruments \
                   WHERE id = ?1) WHERE id = ?2";
        tx.prepare_cached(sql)?.execute([old, new])?;
    }
    // Rows that this rename has moved earlier are its own.
    let known =
        "SELECT 1 FROM renames WHERE exchange = ?1 AND old = ?2 AND new = ?3 AND from_day = ?4 AND moved = 1";
    let key = params![rename.exchange.code(), rename.old.as_str(), rename.new.as_str(), from];
    let moved_before = tx.prepare_cached(known)?.query_row(key, |_| Ok(())).optional()?.is_some();
    if !moved_before && before(new)?.is_some() {
        return Ok(None);
    }
    let moved = move_prices(tx, old, new, from)?;
    move_facts(tx, old, new, from)?;
    let left = "SELECT 1 FROM prices p JOIN sources s ON s.id = p.source_id WHERE s.instrument = ?1 LIMIT 1";
    if tx.prepare_cached(left)?.query_row([old], |_| Ok(())).optional()?.is_none() {
        let sql = "INSERT OR REPLACE INTO delistings VALUES (?1, ?2, ?3)";
        tx.prepare_cached(sql)?.execute(params![old, from, format!("renamed to {}", rename.new)])?;
    }
    Ok(Some(moved))
}

/// Moves the prices before a day, source by source.
fn move_prices(tx: &Connection, old: i64, new: i64, from: i32) -> rusqlite::Result<u64> {
    let mut statement = tx.prepare_cached("SELECT id, source, basis FROM sources WHERE instrument = ?1")?;
    let rows = statement.query_map([old], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let sources: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    let revision = bump(tx, What::Prices)?;
    let mut moved = 0;
    for (old_source, source, basis) in sources {
        let sql =
            "INSERT INTO sources (instrument, source, basis) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        tx.prepare_cached(sql)?.execute(params![new, source, basis])?;
        let sql = "SELECT id FROM sources WHERE instrument = ?1 AND source = ?2 AND basis = ?3";
        let found =
            tx.prepare_cached(sql)?.query_row(params![new, source, basis], |row| row.get::<_, i64>(0));
        // Of another basis than the new symbol's: two bases do not mix.
        let Some(new_source) = found.optional()? else { continue };
        for table in ["prices", "price_revisions", "flags"] {
            let sql =
                format!("UPDATE OR IGNORE {table} SET source_id = ?1 WHERE source_id = ?2 AND session < ?3");
            let count = tx.prepare_cached(&sql)?.execute(params![new_source, old_source, from])? as u64;
            moved += if table == "prices" { count } else { 0 };
        }
        let sql = "UPDATE sources SET rewritten = ?1 WHERE id IN (?2, ?3)";
        tx.prepare_cached(sql)?.execute(params![revision, old_source, new_source])?;
    }
    Ok(moved)
}

/// Moves what was answered for before a day; of a span that goes on, the old symbol keeps the days from then on.
fn split_coverage(tx: &Connection, old: i64, new: i64, from: i32) -> rusqlite::Result<()> {
    let sql = "INSERT INTO coverage (instrument, source, kind, from_day, to_day, fetched_at) \
               SELECT ?1, source, kind, from_day, min(to_day, ?3 - 1), fetched_at FROM coverage \
               WHERE instrument = ?2 AND from_day < ?3 ON CONFLICT DO NOTHING";
    tx.prepare_cached(sql)?.execute([new, old, i64::from(from)])?;
    let sql = "DELETE FROM coverage WHERE instrument = ?1 AND from_day < ?2 AND to_day < ?2";
    tx.prepare_cached(sql)?.execute([old, i64::from(from)])?;
    let sql = "UPDATE OR REPLACE coverage SET from_day = ?2 WHERE instrument = ?1 AND from_day < ?2";
    tx.prepare_cached(sql)?.execute([old, i64::from(from)])?;
    Ok(())
}

/// Moves what was answered for, actions, figures, groups and memberships that begin before a day.
fn move_facts(tx: &Connection, old: i64, new: i64, from: i32) -> rusqlite::Result<()> {
    let tables = [
        ("actions", "date"),
        ("fundamentals", "known_at"),
        ("group_history", "from_day"),
        ("universes", "from_day"),
        ("repairs", "session"),
    ];
    split_coverage(tx, old, new, from)?;
    for (table, column) in tables {
        let sql =
            format!("UPDATE OR IGNORE {table} SET instrument = ?1 WHERE instrument = ?2 AND {column} < ?3");
        tx.prepare_cached(&sql)?.execute(params![new, old, from])?;
    }
    let sql =
        "UPDATE OR IGNORE news SET instrument = ?1 WHERE instrument = ?2 AND time < ?3 * 86400000000000";
    tx.prepare_cached(sql)?.execute(params![new, old, from])?;
    bump(tx, What::Facts).map(drop)
}

fn symbol(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Symbol> {
    super::super::codec::parsed(row, column)
}

fn renames_of(c: &Connection, exchange: Exchange) -> rusqlite::Result<Vec<Rename>> {
    renames_where(c, exchange, "")
}

fn renames_where(c: &Connection, exchange: Exchange, which: &str) -> rusqlite::Result<Vec<Rename>> {
    let sql =
        format!("SELECT old, new, from_day FROM renames WHERE exchange = ?1 {which} ORDER BY from_day, old");
    let mut statement = c.prepare_cached(&sql)?;
    let rows = statement.query_map([exchange.code()], |row| {
        let (old, new, from) = (symbol(row, 0)?, symbol(row, 1)?, date(row, 2)?);
        Ok(Rename { exchange, old, new, from, name: CleanText::default() })
    })?;
    rows.collect()
}

fn follow_all(tx: &Connection, renames: &[Rename]) -> rusqlite::Result<Followed> {
    let mut outcome = Followed::default();
    for rename in renames {
        match follow(tx, rename)? {
            None => outcome.taken += 1,
            Some(0) => {}
            Some(moved) => {
                outcome.moved += moved;
                let sql = "UPDATE renames SET moved = 1 WHERE exchange = ?1 AND old = ?2 AND from_day = ?3";
                let key = params![rename.exchange.code(), rename.old.as_str(), day(rename.from)];
                tx.prepare_cached(sql)?.execute(key)?;
            }
        }
    }
    Ok(outcome)
}

impl MarketReader {
    /// Renames of an exchange, oldest first.
    pub fn renames(&self, exchange: Exchange) -> Result<Vec<Rename>, StoreError> {
        self.db.read("read renames", |c| renames_of(c, exchange))
    }

    /// Of these, the renames whose prices have moved to the new symbol.
    pub fn moved_renames(&self, exchange: Exchange) -> Result<Vec<Rename>, StoreError> {
        self.db.read("read renames", |c| renames_where(c, exchange, "AND moved = 1"))
    }

    /// Instruments of an exchange that are no longer listed, in their order.
    pub fn delistings(&self, exchange: Exchange) -> Result<Vec<Delisting>, StoreError> {
        self.db.read("read delistings", |c| {
            let sql = "SELECT i.symbol, i.exchange, d.day, d.reason FROM delistings d \
                       JOIN instruments i ON i.id = d.instrument WHERE i.exchange = ?1 ORDER BY i.symbol";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([exchange.code()], |row| {
                Ok(Delisting { instrument: id_at(row, 0)?, day: date(row, 2)?, reason: clean(row, 3)? })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Records renames and follows them.
    pub fn store_renames(&mut self, renames: &[Rename]) -> Result<Followed, StoreError> {
        self.tails.clear();
        self.db().write("store renames", |tx| {
            let mut new = 0;
            for rename in renames {
                let (exchange, from) = (rename.exchange.code(), day(rename.from));
                let sql = "INSERT INTO renames (exchange, old, new, from_day) VALUES (?1, ?2, ?3, ?4) \
                           ON CONFLICT DO UPDATE SET new = excluded.new, moved = 0 WHERE new <> excluded.new";
                let row = params![exchange, rename.old.as_str(), rename.new.as_str(), from];
                new += tx.prepare_cached(sql)?.execute(row)? as u64;
            }
            let outcome = follow_all(tx, renames)?;
            for rename in renames.iter().filter(|rename| !rename.name.is_empty()) {
                let sql = "UPDATE instruments SET name = ?3 WHERE exchange = ?1 AND symbol = ?2";
                let row = params![rename.exchange.code(), rename.new.as_str(), rename.name.as_str()];
                tx.prepare_cached(sql)?.execute(row)?;
            }
            Ok::<_, rusqlite::Error>(Followed { new, ..outcome })
        })
    }

    /// Follows known renames again, after rows came in under old symbols.
    pub fn follow_renames(&mut self, exchange: Exchange) -> Result<Followed, StoreError> {
        self.tails.clear();
        self.db().write("follow renames", |tx| {
            let renames = renames_of(tx, exchange)?;
            follow_all(tx, &renames)
        })
    }

    /// Records delistings; unknown instruments are made with defaults. Returns how many rows changed.
    pub fn store_delistings(&mut self, delistings: &[Delisting]) -> Result<u64, StoreError> {
        self.db().write("store delistings", |tx| {
            let mut changed = 0;
            for delisting in delistings {
                let (number, _) = ensure_instrument(tx, delisting.instrument)?;
                let sql = "INSERT INTO delistings VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET day = excluded.day, \
                           reason = excluded.reason WHERE (day, reason) IS NOT (excluded.day, excluded.reason)";
                let row = params![number, day(delisting.day), delisting.reason.as_str()];
                changed += tx.prepare_cached(sql)?.execute(row)? as u64;
            }
            Ok::<_, rusqlite::Error>(changed)
        })
    }

    /// Forgets delistings from before a day of instruments that are listed on it. Returns how many there were.
    pub fn relist(&mut self, listed: &[InstrumentId], on: NaiveDate) -> Result<u64, StoreError> {
        self.db().write("store what is listed again", |tx| {
            let sql = "DELETE FROM delistings WHERE day < ?3 AND instrument = \
                       (SELECT id FROM instruments WHERE symbol = ?1 AND exchange = ?2)";
            let mut statement = tx.prepare_cached(sql)?;
            let mut changed = 0;
            for id in listed {
                changed +=
                    statement.execute(params![id.symbol.as_str(), id.exchange.code(), day(on)])? as u64;
            }
            Ok::<_, rusqlite::Error>(changed)
        })
    }
}
