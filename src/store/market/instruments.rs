//! Instruments, their sources, and universes.

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::super::codec::{bad, clean, date, date_opt, day, parsed};
use super::super::error::StoreError;
use super::revision::{What, bump};
use super::{DAILY, MarketReader, MarketStore};
use crate::domain::market::Basis;
use crate::domain::{CleanText, Exchange, Instrument, InstrumentId, Price, Quantity, Ratio, Symbol};

/// One source of prices of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInfo {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// In what terms it states its prices.
    pub basis: Basis,
    /// First stored session; `None` when there is none.
    pub first: Option<NaiveDate>,
    /// Last stored session.
    pub last: Option<NaiveDate>,
}

const INSTRUMENT: &str = "SELECT i.symbol, i.exchange, i.name, i.sector, i.currency, i.tick, i.lot, i.shortable, i.borrowable, i.borrow_rate FROM instruments i";

pub(super) fn id_at(row: &Row<'_>, column: usize) -> rusqlite::Result<InstrumentId> {
    Ok(InstrumentId::new(parsed::<Symbol>(row, column)?, parsed::<Exchange>(row, column + 1)?))
}

pub(super) fn basis_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Basis> {
    Basis::parse(row.get_ref(column)?.as_str()?).ok_or_else(|| bad(column, "unknown basis"))
}

fn instrument(row: &Row<'_>) -> rusqlite::Result<Instrument> {
    Ok(Instrument {
        id: id_at(row, 0)?,
        name: clean(row, 2)?,
        sector: clean(row, 3)?,
        currency: parsed(row, 4)?,
        tick: Price::from_raw(row.get(5)?),
        lot: Quantity::from_raw(row.get(6)?),
        shortable: row.get(7)?,
        borrowable: row.get::<_, Option<i64>>(8)?.map(Quantity::from_raw),
        borrow_rate: row.get::<_, Option<i64>>(9)?.map(Ratio::from_raw),
    })
}

/// One instrument as it is known.
pub(super) fn instrument_at(conn: &Connection, id: InstrumentId) -> rusqlite::Result<Option<Instrument>> {
    let sql = format!("{INSTRUMENT} WHERE i.exchange = ?1 AND i.symbol = ?2");
    let row = params![id.exchange.code(), id.symbol.as_str()];
    conn.prepare_cached(&sql)?.query_row(row, instrument).optional()
}

/// The row number of an instrument.
pub(super) fn number_of(conn: &Connection, id: InstrumentId) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM instruments WHERE exchange = ?1 AND symbol = ?2";
    let row = params![id.exchange.code(), id.symbol.as_str()];
    conn.prepare_cached(sql)?.query_row(row, |r| r.get(0)).optional()
}

/// The row number of an instrument, made with defaults when it is not known; `true` when it was made.
pub(super) fn ensure_instrument(conn: &Connection, id: InstrumentId) -> rusqlite::Result<(i64, bool)> {
    if let Some(number) = number_of(conn, id)? {
        return Ok((number, false));
    }
    upsert(conn, &Instrument::with_defaults(id))?;
    Ok((conn.last_insert_rowid(), true))
}

/// Adds an instrument or replaces what is known of it but for its sector, which has a history of its own. Whether
/// anything is new.
pub(super) fn upsert(conn: &Connection, instrument: &Instrument) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO instruments (symbol, exchange, name, sector, currency, tick, lot, shortable, borrowable, \
               borrow_rate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (exchange, symbol) DO UPDATE SET \
               name = excluded.name, currency = excluded.currency, tick = excluded.tick, lot = excluded.lot, \
               shortable = excluded.shortable, borrowable = excluded.borrowable, borrow_rate = excluded.borrow_rate \
               WHERE (name, currency, tick, lot, shortable, borrowable, borrow_rate) IS NOT (excluded.name, \
               excluded.currency, excluded.tick, excluded.lot, excluded.shortable, excluded.borrowable, \
               excluded.borrow_rate)";
    let row = params![
        instrument.id.symbol.as_str(),
        instrument.id.exchange.code(),
        instrument.name.as_str(),
        instrument.sector.as_str(),
        instrument.currency.as_str(),
        instrument.tick.raw(),
        instrument.lot.raw(),
        instrument.shortable,
        instrument.borrowable.map(Quantity::raw),
        instrument.borrow_rate.map(Ratio::raw),
    ];
    Ok(conn.prepare_cached(sql)?.execute(row)? > 0)
}

impl MarketReader {
    /// One instrument.
    pub fn instrument(&self, id: InstrumentId) -> Result<Option<Instrument>, StoreError> {
        self.db.read("read an instrument", |c| instrument_at(c, id))
    }

    /// All instruments, of one exchange where it is named, in the order of their ids.
    pub fn instruments(&self, exchange: Option<Exchange>) -> Result<Vec<Instrument>, StoreError> {
        self.db.read("read the instruments", |c| {
            let sql =
                format!("{INSTRUMENT} WHERE ?1 IS NULL OR i.exchange = ?1 ORDER BY i.symbol, i.exchange");
            let mut statement = c.prepare_cached(&sql)?;
            statement
                .query_map([exchange.map(Exchange::code)], instrument)?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Instruments whose symbol or name contains `text` (any case); those whose symbol starts with it come first.
    pub fn find_instruments(&self, text: &str, limit: u32) -> Result<Vec<Instrument>, StoreError> {
        self.db.read("look for instruments", |c| {
            let sql = format!(
                "{INSTRUMENT} WHERE instr(lower(i.symbol), ?1) > 0 OR instr(lower(i.name), ?1) > 0 \
                 ORDER BY instr(lower(i.symbol), ?1) <> 1, length(i.symbol), i.symbol, i.exchange LIMIT ?2"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let found = statement.query_map(params![text.to_lowercase(), limit], instrument)?;
            found.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// The sources of one instrument, or of all, in the order of instruments and names.
    pub fn sources(&self, id: Option<InstrumentId>) -> Result<Vec<SourceInfo>, StoreError> {
        self.db.read("read the sources", |c| {
            let sql = "SELECT i.symbol, i.exchange, s.source, s.basis, \
                       (SELECT min(session) FROM prices p WHERE p.source_id = s.id AND p.interval = ?3), \
                       (SELECT max(session) FROM prices p WHERE p.source_id = s.id AND p.interval = ?3) \
                       FROM sources s JOIN instruments i ON i.id = s.instrument \
                       WHERE ?1 IS NULL OR (i.symbol = ?1 AND i.exchange = ?2) \
                       ORDER BY i.symbol, i.exchange, s.source";
            let mut statement = c.prepare_cached(sql)?;
            let (symbol, exchange) = (id.map(|i| i.symbol.to_string()), id.map(|i| i.exchange.code()));
            let rows = statement.query_map(params![symbol, exchange, DAILY], |row| {
                Ok(SourceInfo {
                    instrument: id_at(row, 0)?,
                    source: clean(row, 2)?,
                    basis: basis_at(row, 3)?,
                    first: date_opt(row, 4)?,
                    last: date_opt(row, 5)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// All periods of membership of a universe, by instrument and first day; both days belong to a period.
    pub fn universe_spans(
        &self,
        universe: &str,
    ) -> Result<Vec<(InstrumentId, NaiveDate, Option<NaiveDate>)>, StoreError> {
        self.db.read("read a universe", |c| {
            let sql = "SELECT i.symbol, i.exchange, u.from_day, u.to_day FROM universes u JOIN instruments i \
                       ON i.id = u.instrument WHERE u.universe = ?1 ORDER BY i.symbol, i.exchange, u.from_day";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement
                .query_map([universe], |row| Ok((id_at(row, 0)?, date(row, 2)?, date_opt(row, 3)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Names of the universes, with how many instruments each has had.
    pub fn universes(&self) -> Result<Vec<(CleanText, u32)>, StoreError> {
        self.db.read("read the universes", |c| {
            let sql =
                "SELECT universe, count(DISTINCT instrument) FROM universes GROUP BY universe ORDER BY 1";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((clean(row, 0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Puts these periods of membership in the place of all that the universe has on one exchange: who is no longer
    /// named is no member any more, on any day.
    pub fn replace_universe(
        &mut self,
        universe: &str,
        exchange: Exchange,
        members: &[(InstrumentId, NaiveDate, Option<NaiveDate>)],
    ) -> Result<(), StoreError> {
        self.db().write("replace a universe", |tx| {
            let sql = "DELETE FROM universes WHERE universe = ?1 \
                       AND instrument IN (SELECT id FROM instruments WHERE exchange = ?2)";
            tx.prepare_cached(sql)?.execute(params![universe, exchange.code()])?;
            add_members(tx, universe, members).map(drop)
        })
    }

    /// Adds periods of membership (from, and to where it has ended; both days belong to it). Unknown instruments
    /// are created with defaults. Returns how many are new or end on another day.
    pub fn store_universe(
        &mut self,
        universe: &str,
        members: &[(InstrumentId, NaiveDate, Option<NaiveDate>)],
    ) -> Result<u64, StoreError> {
        self.db().write("store a universe", |tx| add_members(tx, universe, members))
    }
}

/// Returns how many are new or end on another day.
fn add_members(
    tx: &Transaction<'_>,
    universe: &str,
    members: &[(InstrumentId, NaiveDate, Option<NaiveDate>)],
) -> rusqlite::Result<u64> {
    let mut new = 0;
    for (id, from, to) in members {
        let (number, _) = ensure_instrument(tx, *id)?;
        let sql = "INSERT INTO universes (universe, instrument, from_day, to_day) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (universe, instrument, from_day) DO UPDATE SET to_day = excluded.to_day \
                   WHERE to_day IS NOT excluded.to_day";
        let row = params![universe, number, day(*from), to.map(day)];
        new += tx.prepare_cached(sql)?.execute(row)? as u64;
    }
    bump(tx, What::Facts)?;
    Ok(new)
}
