//! Minute bars, apart from daily prices: a series per instrument, source and side.
//!
//! A page is one transaction. A minute that is known with other values takes the new ones and counts a revision.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec::{clean, time};
use super::super::error::StoreError;
use super::coverage::{Covered, cover};
use super::instruments::{ensure_instrument, id_at};
use super::jobs::{self, Quarantined};
use super::{MarketReader, MarketStore};
use crate::domain::market::MinuteBar;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{CleanText, Exchange, InstrumentId, Price, UnixNanos, Volume};

/// Length of a minute.
const MINUTE_NANOS: i64 = 60 * NANOS_PER_SECOND;

/// What the prices of a minute are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MinuteSide {
    /// Trades.
    Trade,
    /// Best bids.
    Bid,
    /// Best asks.
    Ask,
}

impl MinuteSide {
    const fn word(self) -> &'static str {
        match self {
            MinuteSide::Trade => "trade",
            MinuteSide::Bid => "bid",
            MinuteSide::Ask => "ask",
        }
    }
}

/// What became of a page of minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinuteOutcome {
    /// New minutes.
    pub stored: u64,
    /// Known minutes with other values.
    pub revised: u64,
    /// Known minutes with equal values.
    pub unchanged: u64,
}

/// Open, high, low, close, volume and trades as they are stored.
type Values = (i64, i64, i64, i64, i64, Option<u32>);

const fn values(bar: &MinuteBar) -> Values {
    let prices = (bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw());
    (prices.0, prices.1, prices.2, prices.3, bar.volume.raw(), bar.trades)
}

fn series(
    conn: &Connection,
    instrument: InstrumentId,
    source: &str,
    side: MinuteSide,
) -> rusqlite::Result<i64> {
    let (number, _) = ensure_instrument(conn, instrument)?;
    let sql = "INSERT OR IGNORE INTO minute_series (instrument, source, side) VALUES (?1, ?2, ?3)";
    conn.prepare_cached(sql)?.execute(params![number, source, side.word()])?;
    let sql = "SELECT id FROM minute_series WHERE instrument = ?1 AND source = ?2 AND side = ?3";
    conn.prepare_cached(sql)?.query_row(params![number, source, side.word()], |row| row.get(0))
}

fn store(conn: &Connection, series: i64, bar: &MinuteBar, at: UnixNanos) -> rusqlite::Result<MinuteOutcome> {
    let (minute, v) = (bar.from.nanos().div_euclid(MINUTE_NANOS), values(bar));
    let sql = "INSERT OR IGNORE INTO minutes (series_id, minute, open, high, low, close, volume, trades, stored_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let row = params![series, minute, v.0, v.1, v.2, v.3, v.4, v.5, at.nanos()];
    if conn.prepare_cached(sql)?.execute(row)? > 0 {
        return Ok(MinuteOutcome { stored: 1, ..MinuteOutcome::default() });
    }
    let sql = "UPDATE minutes SET open = ?3, high = ?4, low = ?5, close = ?6, volume = ?7, trades = ?8, \
               stored_at = ?9, revision = revision + 1 WHERE series_id = ?1 AND minute = ?2 AND \
               (open, high, low, close, volume) IS NOT (?3, ?4, ?5, ?6, ?7)";
    let changed = conn.prepare_cached(sql)?.execute(row)?;
    let revised = u64::from(changed > 0);
    Ok(MinuteOutcome { stored: 0, revised, unchanged: 1 - revised })
}

fn store_all(
    tx: &Connection,
    (source, side): (&str, MinuteSide),
    minutes: &[(InstrumentId, MinuteBar)],
    at: UnixNanos,
) -> rusqlite::Result<MinuteOutcome> {
    let mut all = MinuteOutcome::default();
    let mut last: Option<(InstrumentId, i64)> = None;
    for (instrument, bar) in minutes {
        let series = match last {
            Some((of, series)) if of == *instrument => series,
            _ => series(tx, *instrument, source, side)?,
        };
        last = Some((*instrument, series));
        let one = store(tx, series, bar, at)?;
        all.stored += one.stored;
        all.revised += one.revised;
        all.unchanged += one.unchanged;
    }
    Ok(all)
}

/// A page of minutes of trades that a vendor gave.
#[derive(Debug, Clone, Default)]
pub struct FetchedMinutes {
    /// Minutes.
    pub minutes: Vec<(InstrumentId, MinuteBar)>,
    /// Rows that may not be stored.
    pub quarantine: Vec<Quarantined>,
    /// What was answered for.
    pub covered: Vec<Covered>,
}

impl MarketStore {
    /// Stores minutes of one source and side, all of them or none.
    pub fn store_minutes(
        &mut self,
        source: &str,
        side: MinuteSide,
        minutes: &[(InstrumentId, MinuteBar)],
        at: UnixNanos,
    ) -> Result<MinuteOutcome, StoreError> {
        self.db().write("store minutes", |tx| store_all(tx, (source, side), minutes, at))
    }

    /// Stores a page in one transaction: all of it is kept or nothing.
    pub fn store_fetched_minutes(
        &mut self,
        source: &str,
        page: &FetchedMinutes,
        at: UnixNanos,
    ) -> Result<MinuteOutcome, StoreError> {
        self.db().write("store minutes", |tx| {
            let outcome = store_all(tx, (source, MinuteSide::Trade), &page.minutes, at)?;
            if !page.quarantine.is_empty() {
                jobs::quarantine(tx, &page.quarantine, at)?;
            }
            cover(tx, &page.covered)?;
            Ok::<_, rusqlite::Error>(outcome)
        })
    }
}

impl MarketReader {
    /// Whether a source has a minute of trades that begins in `from..to`.
    pub fn has_minutes(
        &self,
        instrument: InstrumentId,
        source: &str,
        (from, to): (UnixNanos, UnixNanos),
    ) -> Result<bool, StoreError> {
        self.db.read("look for minutes", |c| {
            let sql = "SELECT EXISTS (SELECT 1 FROM minutes m JOIN minute_series s ON s.id = m.series_id \
                       JOIN instruments i ON i.id = s.instrument WHERE i.symbol = ?1 AND i.exchange = ?2 \
                       AND s.source = ?3 AND s.side = ?4 AND m.minute >= ?5 AND m.minute < ?6)";
            let minute = |time: UnixNanos| (time.nanos() - 1).div_euclid(MINUTE_NANOS) + 1;
            let (symbol, exchange) = (instrument.symbol, instrument.exchange.code());
            let side = MinuteSide::Trade.word();
            let row = params![symbol.as_str(), exchange, source, side, minute(from), minute(to)];
            c.prepare_cached(sql)?.query_row(row, |row| row.get(0))
        })
    }

    /// Names of an exchange of which there are minutes of trades, each with its sources by name.
    pub fn minute_sources(
        &self,
        exchange: Exchange,
    ) -> Result<BTreeMap<InstrumentId, Vec<CleanText>>, StoreError> {
        self.db.read("look for series of minutes", |c| {
            let sql = "SELECT i.symbol, i.exchange, s.source FROM minute_series s \
                       JOIN instruments i ON i.id = s.instrument \
                       WHERE i.exchange = ?1 AND s.side = ?2 ORDER BY i.symbol, s.source";
            let mut statement = c.prepare_cached(sql)?;
            let side = MinuteSide::Trade.word();
            let rows = statement
                .query_map(params![exchange.code(), side], |row| Ok((id_at(row, 0)?, clean(row, 2)?)))?;
            let mut sources: BTreeMap<InstrumentId, Vec<CleanText>> = BTreeMap::new();
            for row in rows {
                let (instrument, source) = row?;
                sources.entry(instrument).or_default().push(source);
            }
            Ok::<_, rusqlite::Error>(sources)
        })
    }

    /// Minutes that begin in `from..to`, in order.
    pub fn minutes(
        &self,
        instrument: InstrumentId,
        source: &str,
        side: MinuteSide,
        (from, to): (UnixNanos, UnixNanos),
    ) -> Result<Vec<MinuteBar>, StoreError> {
        self.db.read("read minutes", |c| {
            let sql = "SELECT s.id FROM minute_series s JOIN instruments i ON i.id = s.instrument \
                       WHERE i.symbol = ?1 AND i.exchange = ?2 AND s.source = ?3 AND s.side = ?4";
            let (symbol, exchange) = (instrument.symbol, instrument.exchange.code());
            let row = params![symbol.as_str(), exchange, source, side.word()];
            let series: Option<i64> = c.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
            let Some(series) = series else { return Ok(Vec::new()) };
            let sql = "SELECT minute * 60000000000, open, high, low, close, volume, trades FROM minutes \
                       WHERE series_id = ?1 AND minute >= ?2 AND minute < ?3 ORDER BY minute";
            let mut statement = c.prepare_cached(sql)?;
            let minute = |time: UnixNanos| (time.nanos() - 1).div_euclid(MINUTE_NANOS) + 1;
            let rows = statement.query_map(params![series, minute(from), minute(to)], |row| {
                let price = |place: usize| row.get(place).map(Price::from_raw);
                Ok(MinuteBar {
                    from: time(row, 0)?,
                    open: price(1)?,
                    high: price(2)?,
                    low: price(3)?,
                    close: price(4)?,
                    volume: row.get(5).map(Volume::from_raw)?,
                    trades: row.get(6)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_come_back_as_they_were_and_a_new_value_counts_a_revision() {
        let home = tempfile::tempdir().unwrap();
        let mut store = MarketStore::open(home.path()).unwrap();
        let id: InstrumentId = "BTCUSDT.XNYS".parse().unwrap();
        let start: UnixNanos = "2024-08-09T13:30:00Z".parse().unwrap();
        let price = |n: i64| Price::from_whole(n).unwrap();
        let bar = |step: i64, high: i64| MinuteBar {
            from: start.plus_nanos(step * MINUTE_NANOS),
            open: price(2),
            high: price(high),
            low: price(1),
            close: price(2),
            volume: Volume::from_whole(7).unwrap(),
            trades: Some(3),
        };
        let page: Vec<_> = (0..3).map(|step| (id, bar(step, 5))).collect();
        let at = start;
        let put = |store: &mut MarketStore, page: &[(InstrumentId, MinuteBar)]| {
            store.store_minutes("ticks", MinuteSide::Trade, page, at).unwrap()
        };
        assert_eq!(put(&mut store, &page), MinuteOutcome { stored: 3, revised: 0, unchanged: 0 });
        let again = [page[0], (id, bar(1, 6))];
        assert_eq!(put(&mut store, &again), MinuteOutcome { stored: 0, revised: 1, unchanged: 1 });
        let span = (start.plus_nanos(MINUTE_NANOS), start.plus_nanos(2 * MINUTE_NANOS));
        let read = store.read().minutes(id, "ticks", MinuteSide::Trade, span).unwrap();
        assert_eq!(read, [bar(1, 6)]);
        assert!(store.read().minutes(id, "ticks", MinuteSide::Bid, span).unwrap().is_empty());
        assert!(store.read().minutes(id, "polygon", MinuteSide::Trade, span).unwrap().is_empty());
    }
}
