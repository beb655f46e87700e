//! Signals: what models said, per session.

use chrono::NaiveDate;
use rusqlite::{Row, params};

use super::super::codec::{clean, date, date_opt, day, json, time, to_json};
use super::super::error::StoreError;
use super::instruments::{ensure_instrument, id_at};
use super::{MarketReader, MarketStore};
use crate::domain::signal::{Confidence, Signal};
use crate::domain::{Exchange, InstrumentId};

const SIGNAL: &str = "SELECT s.model, i.symbol, i.exchange, s.session, s.time, s.score, s.rank, s.of, \
                      s.confidence, s.outcomes, s.contributions FROM signals s \
                      JOIN instruments i ON i.id = s.instrument";

fn signal(row: &Row<'_>) -> rusqlite::Result<Signal> {
    let share: Option<f64> = row.get(8)?;
    let outcomes: Option<u32> = row.get(9)?;
    Ok(Signal {
        model: clean(row, 0)?,
        instrument: id_at(row, 1)?,
        session: date(row, 3)?,
        time: time(row, 4)?,
        score: row.get(5)?,
        rank: row.get(6)?,
        of: row.get(7)?,
        confidence: share.zip(outcomes).map(|(share, outcomes)| Confidence { share, outcomes }),
        contributions: json(row, 10)?,
    })
}

impl MarketReader {
    /// The newest session at or before `on` for which a model (or any) has signals on an exchange.
    pub fn signal_session(
        &self,
        model: Option<&str>,
        exchange: Exchange,
        on: NaiveDate,
    ) -> Result<Option<NaiveDate>, StoreError> {
        self.db.read("read signals", |c| {
            let sql = "SELECT max(s.session) FROM signals s JOIN instruments i ON i.id = s.instrument \
                       WHERE (?1 IS NULL OR s.model = ?1) AND i.exchange = ?2 AND s.session <= ?3";
            let row = params![model, exchange.code(), day(on)];
            c.prepare_cached(sql)?.query_row(row, |row| date_opt(row, 0))
        })
    }

    /// Signals of one session, by model and rank.
    pub fn signals(
        &self,
        model: Option<&str>,
        exchange: Exchange,
        session: NaiveDate,
    ) -> Result<Vec<Signal>, StoreError> {
        self.db.read("read signals", |c| {
            let sql = format!(
                "{SIGNAL} WHERE (?1 IS NULL OR s.model = ?1) AND i.exchange = ?2 AND s.session = ?3 \
                 ORDER BY s.model, s.rank, i.symbol"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![model, exchange.code(), day(session)], signal)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Signals of sessions from `since`, of one instrument where it is named, oldest first.
    pub fn signals_history(
        &self,
        since: NaiveDate,
        instrument: Option<InstrumentId>,
    ) -> Result<Vec<Signal>, StoreError> {
        self.db.read("read signals", |c| {
            let sql = format!(
                "{SIGNAL} WHERE s.session >= ?1 AND (?2 IS NULL OR (i.symbol = ?2 AND i.exchange = ?3)) \
                 ORDER BY s.session, s.model, s.rank, i.symbol"
            );
            let symbol = instrument.map(|i| i.symbol.to_string());
            let exchange = instrument.map(|i| i.exchange.code());
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![day(since), symbol, exchange], signal)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Stores the signals of a run; an earlier run of the same model and session is replaced as a whole, so that
    /// no name of it stays behind. One transaction.
    pub fn store_signals(&mut self, signals: &[Signal]) -> Result<(), StoreError> {
        self.db().write("store signals", |tx| {
            let mut cleared: Vec<(&str, i32, Exchange)> = Vec::new();
            for s in signals {
                let (model, session, exchange) = (s.model.as_str(), day(s.session), s.instrument.exchange);
                if !cleared.contains(&(model, session, exchange)) {
                    let sql = "DELETE FROM signals WHERE model = ?1 AND session = ?2 AND instrument IN \
                               (SELECT id FROM instruments WHERE exchange = ?3)";
                    tx.execute(sql, params![model, session, exchange.code()])?;
                    cleared.push((model, session, exchange));
                }
                let (number, _) = ensure_instrument(tx, s.instrument)?;
                let sql = "INSERT OR REPLACE INTO signals (model, session, instrument, time, score, rank, of, \
                           confidence, outcomes, contributions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
                tx.prepare_cached(sql)?.execute(params![
                    model,
                    session,
                    number,
                    s.time.nanos(),
                    s.score,
                    s.rank,
                    s.of,
                    s.confidence.map(|c| c.share),
                    s.confidence.map(|c| c.outcomes),
                    to_json(&s.contributions)?,
                ])?;
            }
            Ok::<_, rusqlite::Error>(())
        })
    }
}
