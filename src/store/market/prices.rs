//! Reading prices: one source per instrument, raw as stored.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::NaiveDate;
use rusqlite::{Connection, Row, params};

use super::super::codec::{clean, date, date_opt, day};
use super::super::error::StoreError;
use super::instruments::{basis_at, id_at};
use super::{DAILY, MarketReader};
use crate::domain::market::{Basis, DailyBar};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Volume};

/// Sessions read at once while streaming.
const STREAM_SESSIONS: i32 = 32;

/// The bars of one instrument from one source, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// In what terms the source states its prices.
    pub basis: Basis,
    /// Bars, oldest first.
    pub bars: Vec<DailyBar>,
}

/// The source that stands for an instrument.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub id: i64,
    pub instrument: InstrumentId,
    pub source: CleanText,
    pub basis: Basis,
    pub last: NaiveDate,
    /// Revision of prices in which the series last changed other than by newer rows.
    pub rewritten: i64,
}

fn bar(row: &Row<'_>, instrument: InstrumentId) -> rusqlite::Result<DailyBar> {
    Ok(DailyBar {
        instrument,
        session: date(row, 0)?,
        open: Price::from_raw(row.get(1)?),
        high: Price::from_raw(row.get(2)?),
        low: Price::from_raw(row.get(3)?),
        close: Price::from_raw(row.get(4)?),
        volume: Volume::from_raw(row.get(5)?),
        vwap: row.get::<_, Option<i64>>(6)?.map(Price::from_raw),
    })
}

impl MarketReader {
    /// The preferred source of every instrument of an exchange (or of one instrument): the one with the newest
    /// bar, ties by name; or the one asked for. In the order of instruments.
    pub(super) fn chosen(
        &self,
        exchange: Option<Exchange>,
        only: Option<InstrumentId>,
        source: Option<&str>,
    ) -> Result<Vec<Chosen>, StoreError> {
        const SQL: &str = "
            SELECT s.id, i.symbol, i.exchange, s.source, s.basis,
                   (SELECT max(session) FROM prices p WHERE p.source_id = s.id AND p.interval = ?4) AS last,
                   s.rewritten
            FROM sources s JOIN instruments i ON i.id = s.instrument
            WHERE (?1 IS NULL OR i.exchange = ?1) AND (?2 IS NULL OR i.symbol = ?2)
              AND (?3 IS NULL OR s.source = ?3) AND last IS NOT NULL
            ORDER BY i.symbol, i.exchange, last DESC, s.source";
        let exchange = only.map_or(exchange, |i| Some(i.exchange)).map(Exchange::code);
        let symbol = only.map(|i| i.symbol.to_string());
        self.db.read("choose sources", |c| {
            let mut statement = c.prepare_cached(SQL)?;
            let rows = statement.query_map(params![exchange, symbol, source, DAILY], |row| {
                Ok(Chosen {
                    id: row.get(0)?,
                    instrument: id_at(row, 1)?,
                    source: clean(row, 3)?,
                    basis: basis_at(row, 4)?,
                    last: date(row, 5)?,
                    rewritten: row.get(6)?,
                })
            })?;
            let mut chosen = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            chosen.dedup_by_key(|c| c.instrument);
            Ok::<_, rusqlite::Error>(chosen)
        })
    }

    /// In what terms the prices of each name of an exchange are that stand for it, and their last session.
    pub fn standing(
        &self,
        exchange: Exchange,
    ) -> Result<BTreeMap<InstrumentId, (Basis, NaiveDate)>, StoreError> {
        let chosen = self.chosen(Some(exchange), None, None)?;
        Ok(chosen.into_iter().map(|c| (c.instrument, (c.basis, c.last))).collect())
    }

    fn series(&self, chosen: Chosen, from: i32, to: i32) -> Result<Series, StoreError> {
        let Chosen { id, instrument, source, basis, .. } = chosen;
        let bars = self.db.read("read prices", |c| {
            let sql = "SELECT session, open, high, low, close, volume, vwap FROM prices WHERE source_id = ?1 \
                       AND interval = ?2 AND session BETWEEN ?3 AND ?4 ORDER BY session";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map(params![id, DAILY, from, to], |row| bar(row, instrument))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(Series { instrument, source, basis, bars })
    }

    /// Bars of one instrument from `from` to `to` (both included), of `source` or of its preferred source; `None`
    /// when nothing is stored of it.
    pub fn bars(
        &self,
        instrument: InstrumentId,
        source: Option<&str>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Option<Series>, StoreError> {
        let chosen = self.chosen(None, Some(instrument), source)?.into_iter().next();
        chosen.map(|c| self.series(c, day(from), day(to))).transpose()
    }

    /// Hands every session of an exchange between two days (both included) to `each`, oldest first, with its bars
    /// in the order of instruments, one source per instrument. Stops when `each` says so.
    pub fn daily_bars_between(
        &self,
        exchange: Exchange,
        from: NaiveDate,
        to: NaiveDate,
        mut each: impl FnMut(NaiveDate, &[DailyBar]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let chosen = self.chosen(Some(exchange), None, None)?;
        let Some(newest) = chosen.iter().map(|c| c.last).max() else {
            return Ok(());
        };
        let (mut start, end) = (day(from), day(to).min(day(newest)));
        while start <= end {
            let stop = start.saturating_add(STREAM_SESSIONS - 1).min(end);
            let mut sessions: BTreeMap<NaiveDate, Vec<DailyBar>> = BTreeMap::new();
            for one in &chosen {
                for bar in self.series(one.clone(), start, stop)?.bars {
                    sessions.entry(bar.session).or_default().push(bar);
                }
            }
            for (session, bars) in &sessions {
                if each(*session, bars).is_break() {
                    return Ok(());
                }
            }
            start = stop.saturating_add(1);
        }
        Ok(())
    }

    /// The last bar at or before `on` of every instrument of an exchange, in the order of instruments.
    pub fn last_bars(&self, exchange: Exchange, on: NaiveDate) -> Result<Vec<DailyBar>, StoreError> {
        let chosen = self.chosen(Some(exchange), None, None)?;
        self.db.read("read last prices", |c| {
            let sql = "SELECT session, open, high, low, close, volume, vwap FROM prices WHERE source_id = ?1 \
                       AND interval = ?2 AND session <= ?3 ORDER BY session DESC LIMIT 1";
            let mut statement = c.prepare_cached(sql)?;
            let mut bars = Vec::with_capacity(chosen.len());
            for one in &chosen {
                let mut rows = statement.query(params![one.id, DAILY, day(on)])?;
                if let Some(row) = rows.next()? {
                    bars.push(bar(row, one.instrument)?);
                }
            }
            Ok::<_, rusqlite::Error>(bars)
        })
    }

    /// The last close at or before `on` of every instrument of an exchange, with its session.
    pub fn last_closes(
        &self,
        exchange: Exchange,
        on: NaiveDate,
    ) -> Result<Vec<(InstrumentId, NaiveDate, Price)>, StoreError> {
        let bars = self.last_bars(exchange, on)?;
        Ok(bars.into_iter().map(|b| (b.instrument, b.session, b.close)).collect())
    }

    /// First session of an exchange after `after` that has a bar of any instrument.
    pub fn next_session(
        &self,
        exchange: Exchange,
        after: NaiveDate,
    ) -> Result<Option<NaiveDate>, StoreError> {
        self.db.read("read the next session", |c| {
            let sql = "SELECT min(first) FROM (SELECT (SELECT min(session) FROM prices p WHERE p.source_id = s.id \
                       AND p.interval = ?3 AND p.session > ?2) AS first FROM sources s JOIN instruments i \
                       ON i.id = s.instrument WHERE i.exchange = ?1)";
            let row = params![exchange.code(), day(after), DAILY];
            c.prepare_cached(sql)?.query_row(row, |row| date_opt(row, 0))
        })
    }

    /// Age of the data: the newest session of an exchange with a bar of any instrument.
    pub fn last_session(&self, exchange: Exchange) -> Result<Option<NaiveDate>, StoreError> {
        self.newest_session(exchange, i32::MAX)
    }

    fn newest_session(&self, exchange: Exchange, upto: i32) -> Result<Option<NaiveDate>, StoreError> {
        self.db.read("read the newest session", |c| newest_session_of(c, exchange, upto))
    }
}

/// The newest session of an exchange up to a day with a bar of any instrument.
pub(super) fn newest_session_of(
    conn: &Connection,
    exchange: Exchange,
    upto: i32,
) -> rusqlite::Result<Option<NaiveDate>> {
    let sql = "SELECT max(last) FROM (SELECT (SELECT max(session) FROM prices p WHERE p.source_id = s.id \
               AND p.interval = ?3 AND p.session <= ?2) AS last FROM sources s JOIN instruments i \
               ON i.id = s.instrument WHERE i.exchange = ?1)";
    conn.prepare_cached(sql)?.query_row(params![exchange.code(), upto, DAILY], |row| date_opt(row, 0))
}
