//! Corporate actions, fundamentals and news.

use chrono::NaiveDate;
use rusqlite::{Connection, Row, params};

use super::super::codec::{bad, clean, date, day, time};
use super::super::error::StoreError;
use super::instruments::{ensure_instrument, id_at, number_of};
use super::revision::{What, bump};
use super::{MarketReader, MarketStore};
use crate::domain::market::{ActionKind, CorporateAction, Fundamental, Headline, SplitRatio};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, UnixNanos};

/// A stored headline and its tone.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredHeadline {
    /// The headline.
    pub headline: Headline,
    /// Ours, -1 to 1; `None` when it says nothing either way.
    pub tone: Option<f64>,
    /// Which vendor gives it a tone of its own, and that tone, -1 to 1.
    pub told: Option<(CleanText, f64)>,
}

fn action(row: &Row<'_>) -> rusqlite::Result<CorporateAction> {
    let kind: String = row.get(3)?;
    let kind = match kind.as_str() {
        "split" => ActionKind::Split(SplitRatio {
            new: Quantity::from_raw(row.get(4)?),
            old: Quantity::from_raw(row.get(5)?),
        }),
        "dividend" => ActionKind::Dividend { amount: Price::from_raw(row.get(6)?), pay_date: date(row, 7)? },
        _ => return Err(bad(3, "unknown kind of action")),
    };
    Ok(CorporateAction { instrument: id_at(row, 0)?, date: date(row, 2)?, kind })
}

fn fundamental(row: &Row<'_>) -> rusqlite::Result<Fundamental> {
    Ok(Fundamental {
        instrument: id_at(row, 0)?,
        known_at: date(row, 2)?,
        period_end: date(row, 3)?,
        field: clean(row, 4)?,
        value: row.get(5)?,
    })
}

fn headline(row: &Row<'_>) -> rusqlite::Result<StoredHeadline> {
    let headline = Headline {
        instrument: id_at(row, 0)?,
        time: time(row, 2)?,
        headline: clean(row, 3)?,
        source: clean(row, 4)?,
    };
    let by: Option<String> = row.get(6)?;
    let told = by.map(|by| CleanText::new(&by)).zip(row.get(7)?);
    Ok(StoredHeadline { headline, tone: row.get(5)?, told })
}

impl MarketReader {
    /// Actions of an exchange between two ex-dates (both included), by date and instrument.
    pub fn actions_between(
        &self,
        exchange: Exchange,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<CorporateAction>, StoreError> {
        self.db.read("read corporate actions", |c| {
            let sql = "SELECT i.symbol, i.exchange, a.date, a.kind, a.new, a.old, a.amount, a.pay_date \
                       FROM actions a JOIN instruments i ON i.id = a.instrument \
                       WHERE i.exchange = ?1 AND a.date BETWEEN ?2 AND ?3 ORDER BY a.date, i.symbol, a.kind";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map(params![exchange.code(), day(from), day(to)], action)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// All figures of an exchange that were known on a day, by instrument, field, day known and period.
    pub fn fundamentals_known_by(
        &self,
        exchange: Exchange,
        on: NaiveDate,
    ) -> Result<Vec<Fundamental>, StoreError> {
        self.db.read("read fundamentals", |c| {
            let sql = "SELECT i.symbol, i.exchange, f.known_at, f.period_end, f.field, f.value \
                       FROM fundamentals f JOIN instruments i ON i.id = f.instrument \
                       WHERE i.exchange = ?1 AND f.known_at <= ?2 \
                       ORDER BY i.symbol, f.field, f.known_at, f.period_end";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map(params![exchange.code(), day(on)], fundamental)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Headlines from `from` (included) to `to` (not included), newest first, at most `limit`.
    pub fn news_between(
        &self,
        from: UnixNanos,
        to: UnixNanos,
        limit: u32,
    ) -> Result<Vec<StoredHeadline>, StoreError> {
        self.db.read("read news", |c| {
            let sql = "SELECT i.symbol, i.exchange, n.time, n.headline, n.source, n.tone, n.told_by, n.told_tone \
                       FROM news n \
                       JOIN instruments i ON i.id = n.instrument WHERE n.time >= ?1 AND n.time < ?2 \
                       ORDER BY n.time DESC, i.symbol, n.headline LIMIT ?3";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map(params![from.nanos(), to.nanos(), limit], headline)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketReader {
    /// Actions of one instrument with who told them (empty: a file), by date and kind.
    pub fn actions_of(
        &self,
        instrument: InstrumentId,
    ) -> Result<Vec<(CorporateAction, CleanText)>, StoreError> {
        self.db.read("read an instrument's actions", |c| {
            let sql = "SELECT i.symbol, i.exchange, a.date, a.kind, a.new, a.old, a.amount, a.pay_date, a.source \
                       FROM actions a JOIN instruments i ON i.id = a.instrument \
                       WHERE i.symbol = ?1 AND i.exchange = ?2 ORDER BY a.date, a.kind";
            let mut statement = c.prepare_cached(sql)?;
            let row = params![instrument.symbol.as_str(), instrument.exchange.code()];
            let rows = statement.query_map(row, |row| Ok((action(row)?, clean(row, 8)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Instrument, time and tone of every headline on an exchange from `from` (included) to `to` (not included), oldest
    /// first; 0 is the tone of one that says nothing either way.
    pub fn tones_between(
        &self,
        exchange: Exchange,
        from: UnixNanos,
        to: UnixNanos,
    ) -> Result<Vec<(InstrumentId, UnixNanos, f64)>, StoreError> {
        self.db.read("read the tone of news", |c| {
            let sql = "SELECT i.symbol, i.exchange, n.time, coalesce(n.tone, 0.0) FROM news n \
                       JOIN instruments i ON i.id = n.instrument \
                       WHERE n.time >= ?1 AND n.time < ?2 AND i.exchange = ?3 ORDER BY n.time, i.symbol, n.headline";
            let mut statement = c.prepare_cached(sql)?;
            let row = params![from.nanos(), to.nanos(), exchange.code()];
            let rows = statement.query_map(row, |row| Ok((id_at(row, 0)?, time(row, 2)?, row.get(3)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Adds or replaces actions (key: instrument, ex-date, kind). Returns how many rows changed.
    pub fn store_actions(&mut self, actions: &[CorporateAction]) -> Result<u64, StoreError> {
        self.db().write("store corporate actions", |tx| put_actions(tx, actions, ""))
    }
}

/// Adds or replaces actions inside a transaction, with the name of who told them. How many rows changed.
pub(super) fn put_actions(
    tx: &Connection,
    actions: &[CorporateAction],
    source: &str,
) -> rusqlite::Result<u64> {
    let mut changed = 0;
    for action in actions {
        let (number, _) = ensure_instrument(tx, action.instrument)?;
        let sql = "INSERT INTO actions (instrument, date, kind, new, old, amount, pay_date, source) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (instrument, date, kind) DO UPDATE SET \
                           new = excluded.new, old = excluded.old, amount = excluded.amount, \
                           pay_date = excluded.pay_date, source = excluded.source \
                           WHERE (new, old, amount, pay_date) IS NOT \
                                 (excluded.new, excluded.old, excluded.amount, excluded.pay_date)";
        let mut statement = tx.prepare_cached(sql)?;
        let date = day(action.date);
        changed += match action.kind {
            ActionKind::Split(r) => {
                let nothing = None::<i64>;
                statement.execute(params![
                    number,
                    date,
                    "split",
                    r.new.raw(),
                    r.old.raw(),
                    nothing,
                    nothing,
                    source
                ])
            }
            ActionKind::Dividend { amount, pay_date } => {
                let nothing = None::<i64>;
                let (amount, pay) = (amount.raw(), day(pay_date));
                statement.execute(params![number, date, "dividend", nothing, nothing, amount, pay, source])
            }
        }? as u64;
    }
    if changed > 0 {
        bump(tx, What::Facts)?;
    }
    Ok(changed)
}

/// Takes out actions that one source told; those of others stay.
pub(super) fn drop_actions(
    tx: &Connection,
    actions: &[CorporateAction],
    source: &str,
) -> rusqlite::Result<()> {
    let mut changed = 0;
    for action in actions {
        let Some(number) = number_of(tx, action.instrument)? else { continue };
        let kind = match action.kind {
            ActionKind::Split(_) => "split",
            ActionKind::Dividend { .. } => "dividend",
        };
        let sql = "DELETE FROM actions WHERE instrument = ?1 AND date = ?2 AND kind = ?3 AND source = ?4";
        changed += tx.prepare_cached(sql)?.execute(params![number, day(action.date), kind, source])?;
    }
    if changed > 0 {
        bump(tx, What::Facts)?;
    }
    Ok(())
}

impl MarketStore {
    /// Adds or replaces figures (key: instrument, field, day known, period). Returns how many rows changed.
    pub fn store_fundamentals(&mut self, figures: &[Fundamental]) -> Result<u64, StoreError> {
        self.db().write("store fundamentals", |tx| {
            let mut changed = 0;
            for figure in figures {
                let (number, _) = ensure_instrument(tx, figure.instrument)?;
                let sql = "INSERT INTO fundamentals (instrument, field, known_at, period_end, value) \
                           VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET value = excluded.value \
                           WHERE value <> excluded.value";
                let row = params![
                    number,
                    figure.field.as_str(),
                    day(figure.known_at),
                    day(figure.period_end),
                    figure.value
                ];
                changed += tx.prepare_cached(sql)?.execute(row)? as u64;
            }
            if changed > 0 {
                bump(tx, What::Facts)?;
            }
            Ok::<_, rusqlite::Error>(changed)
        })
    }

    /// Adds headlines (key: time, instrument, text); a known one gets its source and tone replaced, and a vendor's tone
    /// where one is told. Returns how many rows changed.
    pub fn store_news(&mut self, news: &[StoredHeadline]) -> Result<u64, StoreError> {
        self.db().write("store news", |tx| {
            let mut changed = 0;
            for StoredHeadline { headline, tone, told } in news {
                let (number, _) = ensure_instrument(tx, headline.instrument)?;
                let sql = "INSERT INTO news (time, instrument, headline, source, tone, told_by, told_tone) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                           ON CONFLICT DO UPDATE SET source = excluded.source, tone = excluded.tone, \
                           told_by = coalesce(excluded.told_by, told_by), \
                           told_tone = coalesce(excluded.told_tone, told_tone) \
                           WHERE (source, tone) IS NOT (excluded.source, excluded.tone) OR (excluded.told_by \
                           IS NOT NULL AND (told_by, told_tone) IS NOT (excluded.told_by, excluded.told_tone))";
                let (text, source) = (headline.headline.as_str(), headline.source.as_str());
                let (by, told) = told.as_ref().map(|(by, tone)| (by.as_str(), *tone)).unzip();
                let row = params![headline.time.nanos(), number, text, source, tone, by, told];
                changed += tx.prepare_cached(sql)?.execute(row)? as u64;
            }
            if changed > 0 {
                bump(tx, What::Facts)?;
            }
            Ok::<_, rusqlite::Error>(changed)
        })
    }
}
