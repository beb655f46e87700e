//! Factors that a source itself gives for its adjusted prices (adjusted = raw × factor), by the day they changed.

use chrono::NaiveDate;
use rusqlite::params;

use super::super::codec::{clean, date, day};
use super::super::error::StoreError;
use super::instruments::{id_at, number_of};
use super::revision::{What, bump};
use super::{MarketReader, MarketStore};
use crate::domain::{CleanText, Exchange, InstrumentId};

/// The factor of a source's prices from a session on.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFactor {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// First session.
    pub from: NaiveDate,
    /// Adjusted price over raw price.
    pub factor: f64,
}

impl MarketReader {
    /// All such factors on an exchange, by instrument, source and session.
    pub fn source_factors(&self, exchange: Exchange) -> Result<Vec<SourceFactor>, StoreError> {
        self.db.read("read factors of sources", |c| {
            let sql = "SELECT i.symbol, i.exchange, s.source, f.session, f.factor FROM price_factors f \
                       JOIN sources s ON s.id = f.source_id JOIN instruments i ON i.id = s.instrument \
                       WHERE i.exchange = ?1 ORDER BY i.symbol, s.source, f.session";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([exchange.code()], |row| {
                Ok(SourceFactor {
                    instrument: id_at(row, 0)?,
                    source: clean(row, 2)?,
                    from: date(row, 3)?,
                    factor: row.get(4)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Replaces the factors of one instrument's source, given by the sessions on which they changed. A source that has
    /// no prices gets none.
    pub fn store_source_factors(
        &mut self,
        instrument: InstrumentId,
        source: &CleanText,
        factors: &[(NaiveDate, f64)],
    ) -> Result<(), StoreError> {
        self.db().write("store factors of a source", |tx| {
            let Some(number) = number_of(tx, instrument)? else { return Ok(()) };
            let place = "(SELECT id FROM sources WHERE instrument = ?1 AND source = ?2)";
            let sql = format!("SELECT session, factor FROM price_factors WHERE source_id = {place} ORDER BY session");
            let known: Vec<(i32, f64)> = tx
                .prepare_cached(&sql)?
                .query_map(params![number, source.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let given: Vec<(i32, f64)> = factors.iter().map(|(from, factor)| (day(*from), *factor)).collect();
            if known == given {
                return Ok(());
            }
            let sql = format!("DELETE FROM price_factors WHERE source_id = {place}");
            tx.prepare_cached(&sql)?.execute(params![number, source.as_str()])?;
            let sql = "INSERT INTO price_factors SELECT id, ?3, ?4 FROM sources WHERE instrument = ?1 AND source = ?2";
            for (from, factor) in given {
                tx.prepare_cached(sql)?.execute(params![number, source.as_str(), from, factor])?;
            }
            bump(tx, What::Facts).map(drop)
        })
    }
}
