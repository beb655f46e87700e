//! The quality of what is stored: repairs with what they changed, sources that disagree, and what people decided about
//! quarantined rows.
//!
//! A repair and a disagreement are kept once however often they are found again. A row that is to be fetched again is
//! taken out of what its source has answered for, so that the next sync asks for it.

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::codec::{clean, count, date, day, time, time_opt};
use super::super::error::StoreError;
use super::instruments::{ensure_instrument, id_at, number_of};
use super::jobs::{Quarantined, quarantined};
use super::revision::{What, bump};
use super::{MarketReader, MarketStore};
use crate::domain::market::{ActionKind, CorporateAction};
use crate::domain::{CleanText, InstrumentId, UnixNanos};

/// Newest repairs that are kept.
pub const REPAIRS_MAX: u32 = 100_000;
/// Most disagreements that are kept of one pair of sources of one instrument.
pub const DISAGREEMENTS_MAX: u32 = 10_000;

/// One repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRepair {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Source.
    pub source: CleanText,
    /// Session as it was served.
    pub session: NaiveDate,
    /// Name of the rule.
    pub rule: CleanText,
    /// As it was served.
    pub before: CleanText,
    /// As it was stored.
    pub after: CleanText,
    /// When.
    pub at: UnixNanos,
}

/// Two sources that say different things.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Session.
    pub session: NaiveDate,
    /// Which price: `open`, `high`, `low` or `close`; or `split` or `dividend`.
    pub field: CleanText,
    /// The sources, in the order of their names.
    pub sources: [CleanText; 2],
    /// What each says: prices restated for splits; new shares for one old, 1 for none; money per share as paid, 0 for none.
    pub values: [f64; 2],
    /// When it was found.
    pub at: UnixNanos,
}

/// What was decided about a quarantined row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuarantineState {
    /// Nothing yet.
    Open,
    /// It was stored as it is.
    Accepted,
    /// It is to be fetched again.
    Refetch,
    /// It is to be left out.
    Ignored,
}

impl QuarantineState {
    /// Every state.
    pub const ALL: &'static [QuarantineState] = &[
        QuarantineState::Open,
        QuarantineState::Accepted,
        QuarantineState::Refetch,
        QuarantineState::Ignored,
    ];

    /// The word in stores and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            QuarantineState::Open => "open",
            QuarantineState::Accepted => "accepted",
            QuarantineState::Refetch => "refetch",
            QuarantineState::Ignored => "ignored",
        }
    }

    /// From its word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text)
    }
}

/// A quarantined row, when it came, and what was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineCase {
    /// Its place.
    pub id: i64,
    /// The row.
    pub row: Quarantined,
    /// When it came.
    pub at: UnixNanos,
    /// What was decided.
    pub state: QuarantineState,
    /// When.
    pub decided_at: Option<UnixNanos>,
}

const CASE: &str =
    "SELECT job, file, line, symbol, date, reason, raw, field, id, at, state, decided_at FROM quarantine";

fn case(row: &Row<'_>) -> rusqlite::Result<QuarantineCase> {
    let state = QuarantineState::parse(row.get_ref(10)?.as_str()?).unwrap_or(QuarantineState::Open);
    let (id, at, decided_at) = (row.get(8)?, time(row, 9)?, time_opt(row, 11)?);
    Ok(QuarantineCase { id, row: quarantined(row)?, at, state, decided_at })
}

/// Keeps repairs inside a transaction.
pub(super) fn put_repairs(tx: &Connection, repairs: &[StoredRepair]) -> rusqlite::Result<()> {
    for repair in repairs {
        let (number, _) = ensure_instrument(tx, repair.instrument)?;
        let sql = "INSERT OR IGNORE INTO repairs (instrument, source, session, rule, before, after, at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        tx.prepare_cached(sql)?.execute(params![
            number,
            repair.source.as_str(),
            day(repair.session),
            repair.rule.as_str(),
            repair.before.as_str(),
            repair.after.as_str(),
            repair.at.nanos(),
        ])?;
    }
    if !repairs.is_empty() {
        let sql = "DELETE FROM repairs WHERE id <= (SELECT max(id) FROM repairs) - ?1";
        tx.execute(sql, [REPAIRS_MAX])?;
    }
    Ok(())
}

/// What a source tells of an instrument's splits and dividends between two days, where others tell them differently.
#[derive(Debug, Clone)]
pub struct Differing {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Who tells it.
    pub source: CleanText,
    /// First and last day that it tells of.
    pub span: (NaiveDate, NaiveDate),
    /// Where it differs from whom.
    pub found: Vec<Disagreement>,
}

/// Keeps where sources tell splits and dividends differently, in the place of what was known of it.
pub(super) fn put_differing(tx: &Connection, differing: &[Differing]) -> rusqlite::Result<()> {
    for Differing { instrument, source, span: (from, to), found } in differing {
        let (number, _) = ensure_instrument(tx, *instrument)?;
        let sql = "DELETE FROM disagreements WHERE instrument = ?1 AND (source = ?2 OR other = ?2) \
                   AND session BETWEEN ?3 AND ?4 AND field IN ('split', 'dividend')";
        tx.prepare_cached(sql)?.execute(params![number, source.as_str(), day(*from), day(*to)])?;
        for one in found.iter().take(DISAGREEMENTS_MAX as usize) {
            put_disagreement(tx, number, one)?;
        }
    }
    Ok(())
}

fn put_disagreement(tx: &Connection, instrument: i64, one: &Disagreement) -> rusqlite::Result<()> {
    let ([source, other], [value, other_value]) = (&one.sources, one.values);
    let sql = "INSERT OR REPLACE INTO disagreements VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    tx.prepare_cached(sql)?.execute(params![
        instrument,
        day(one.session),
        one.field.as_str(),
        source.as_str(),
        other.as_str(),
        value,
        other_value,
        one.at.nanos(),
    ])?;
    Ok(())
}

/// Takes one day out of what a source has answered for.
fn uncover(tx: &Connection, instrument: i64, source: &str, on: NaiveDate) -> rusqlite::Result<()> {
    let at = day(on);
    let sql = "SELECT kind, from_day, to_day, fetched_at FROM coverage \
               WHERE instrument = ?1 AND source = ?2 AND from_day <= ?3 AND to_day >= ?3";
    let mut statement = tx.prepare_cached(sql)?;
    let spans = statement.query_map(params![instrument, source, at], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i32>(1)?, row.get::<_, i32>(2)?, row.get::<_, i64>(3)?))
    })?;
    let spans: Vec<_> = spans.collect::<rusqlite::Result<_>>()?;
    for (kind, from, to, fetched_at) in spans {
        let sql =
            "DELETE FROM coverage WHERE instrument = ?1 AND source = ?2 AND kind = ?3 AND from_day = ?4";
        tx.prepare_cached(sql)?.execute(params![instrument, source, kind, from])?;
        for (from, to) in [(from, at - 1), (at + 1, to)] {
            if from <= to {
                let sql = "INSERT INTO coverage VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                tx.prepare_cached(sql)?.execute(params![instrument, source, kind, from, to, fetched_at])?;
            }
        }
    }
    Ok(())
}

impl MarketReader {
    /// The newest repairs, newest first, of one instrument where it is named.
    pub fn repairs(&self, of: Option<InstrumentId>, limit: u32) -> Result<Vec<StoredRepair>, StoreError> {
        self.db.read("read the repairs", |c| {
            let sql = "SELECT i.symbol, i.exchange, r.source, r.session, r.rule, r.before, r.after, r.at \
                       FROM repairs r JOIN instruments i ON i.id = r.instrument \
                       WHERE ?1 IS NULL OR (i.symbol = ?1 AND i.exchange = ?2) ORDER BY r.id DESC LIMIT ?3";
            let mut statement = c.prepare_cached(sql)?;
            let (symbol, exchange) = (of.map(|i| i.symbol.to_string()), of.map(|i| i.exchange.code()));
            let rows = statement.query_map(params![symbol, exchange, limit], |row| {
                Ok(StoredRepair {
                    instrument: id_at(row, 0)?,
                    source: clean(row, 2)?,
                    session: date(row, 3)?,
                    rule: clean(row, 4)?,
                    before: clean(row, 5)?,
                    after: clean(row, 6)?,
                    at: time(row, 7)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Disagreements of the newest sessions, newest first, and how many there are in all.
    pub fn disagreements(&self, limit: u32) -> Result<(Vec<Disagreement>, u64), StoreError> {
        self.db.read("read where sources disagree", |c| {
            let all: u64 = c.query_row("SELECT count(*) FROM disagreements", [], |row| count(row, 0))?;
            let sql = "SELECT i.symbol, i.exchange, d.session, d.field, d.source, d.other, d.value, d.other_value, d.at \
                       FROM disagreements d JOIN instruments i ON i.id = d.instrument \
                       ORDER BY d.session DESC, i.symbol, d.field, d.source, d.other LIMIT ?1";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([limit], |row| {
                Ok(Disagreement {
                    instrument: id_at(row, 0)?,
                    session: date(row, 2)?,
                    field: clean(row, 3)?,
                    sources: [clean(row, 4)?, clean(row, 5)?],
                    values: [row.get(6)?, row.get(7)?],
                    at: time(row, 8)?,
                })
            })?;
            Ok::<_, rusqlite::Error>((rows.collect::<rusqlite::Result<Vec<_>>>()?, all))
        })
    }

    /// The newest quarantined rows with what was decided about them, newest first, of one state where it is named.
    pub fn quarantine_cases(
        &self,
        state: Option<QuarantineState>,
        limit: u32,
    ) -> Result<Vec<QuarantineCase>, StoreError> {
        self.db.read("read the quarantine", |c| {
            let sql = format!("{CASE} WHERE ?1 IS NULL OR state = ?1 ORDER BY id DESC LIMIT ?2");
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![state.map(QuarantineState::as_str), limit], case)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// The newest rows that nobody has decided about for good, newest first, and how many there are in all: those of
    /// which a column contains `text`, capitals ignored.
    pub fn undecided_cases(&self, text: &str, limit: u32) -> Result<(Vec<QuarantineCase>, u64), StoreError> {
        self.db.read("read the quarantine", |c| {
            const WHERE: &str = "WHERE state IN ('open', 'refetch') AND (?1 = '' OR instr(lower(symbol), ?1) \
                OR instr(lower(date), ?1) OR instr(lower(reason), ?1) OR instr(lower(file), ?1) \
                OR instr(lower(raw), ?1))";
            let text = text.trim().to_lowercase();
            let sql = format!("SELECT count(*) FROM quarantine {WHERE}");
            let all = c.prepare_cached(&sql)?.query_row([&text], |row| count(row, 0))?;
            let mut statement = c.prepare_cached(&format!("{CASE} {WHERE} ORDER BY id DESC LIMIT ?2"))?;
            let rows = statement.query_map(params![text, limit], case)?;
            Ok::<_, rusqlite::Error>((rows.collect::<rusqlite::Result<Vec<_>>>()?, all))
        })
    }

    /// One quarantined row by its place.
    pub fn quarantine_case(&self, id: i64) -> Result<Option<QuarantineCase>, StoreError> {
        self.db.read("read the quarantine", |c| {
            c.prepare_cached(&format!("{CASE} WHERE id = ?1"))?.query_row([id], case).optional()
        })
    }

    /// Sessions with a row of one source, oldest first.
    pub fn sessions_of(&self, instrument: InstrumentId, source: &str) -> Result<Vec<NaiveDate>, StoreError> {
        self.db.read("read the sessions of a source", |c| {
            let sql = "SELECT p.session FROM prices p JOIN sources s ON s.id = p.source_id \
                       JOIN instruments i ON i.id = s.instrument WHERE i.symbol = ?1 AND i.exchange = ?2 \
                       AND s.source = ?3 AND p.interval = ?4 ORDER BY p.session";
            let mut statement = c.prepare_cached(sql)?;
            let row = params![instrument.symbol.as_str(), instrument.exchange.code(), source, super::DAILY];
            statement.query_map(row, |row| date(row, 0))?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }
}

impl MarketStore {
    /// Keeps repairs; those known already stay as they are.
    pub fn store_repairs(&mut self, repairs: &[StoredRepair]) -> Result<(), StoreError> {
        self.db().write("keep repairs", |tx| put_repairs(tx, repairs))
    }

    /// Takes out an action. Whether it was there.
    pub fn remove_action(&mut self, action: &CorporateAction) -> Result<bool, StoreError> {
        self.db().write("take out an action", |tx| {
            let Some(number) = number_of(tx, action.instrument)? else { return Ok(false) };
            let kind = match action.kind {
                ActionKind::Split(_) => "split",
                ActionKind::Dividend { .. } => "dividend",
            };
            let sql = "DELETE FROM actions WHERE instrument = ?1 AND date = ?2 AND kind = ?3";
            let gone = tx.execute(sql, params![number, day(action.date), kind])? > 0;
            if gone {
                bump(tx, What::Facts)?;
            }
            Ok::<_, rusqlite::Error>(gone)
        })
    }

    /// Puts what two sources of an instrument disagree on between two days in the place of what was known of it.
    pub fn replace_disagreements(
        &mut self,
        instrument: InstrumentId,
        sources: [&str; 2],
        (from, to): (NaiveDate, NaiveDate),
        found: &[Disagreement],
    ) -> Result<(), StoreError> {
        self.db().write("keep where sources disagree", |tx| {
            let (number, _) = ensure_instrument(tx, instrument)?;
            let sql = "DELETE FROM disagreements WHERE instrument = ?1 AND source = ?2 AND other = ?3 \
                       AND session BETWEEN ?4 AND ?5 AND field NOT IN ('split', 'dividend')";
            tx.prepare_cached(sql)?.execute(params![number, sources[0], sources[1], day(from), day(to)])?;
            for one in found.iter().rev().take(DISAGREEMENTS_MAX as usize) {
                put_disagreement(tx, number, one)?;
            }
            Ok::<_, rusqlite::Error>(())
        })
    }

    /// Records what was decided about a quarantined row. One that is to be fetched again is asked for by the next sync
    /// of `refetch`: the instrument, the source and the day it is of. Whether there is such a row.
    pub fn decide_quarantine(
        &mut self,
        id: i64,
        state: QuarantineState,
        refetch: Option<(InstrumentId, &str, NaiveDate)>,
        at: UnixNanos,
    ) -> Result<bool, StoreError> {
        self.db().write("decide about a quarantined row", |tx| {
            if let Some((instrument, source, on)) = refetch {
                let (number, _) = ensure_instrument(tx, instrument)?;
                uncover(tx, number, source, on)?;
            }
            let sql = "UPDATE quarantine SET state = ?2, decided_at = ?3 WHERE id = ?1";
            Ok::<_, rusqlite::Error>(tx.execute(sql, params![id, state.as_str(), at.nanos()])? > 0)
        })
    }

    /// Closes the rows that were to be fetched again and now have a stored price of their source: of their day, or of their
    /// minute where they name one.
    pub fn settle_refetched(&mut self) -> Result<u64, StoreError> {
        self.db().write("close what was fetched again", |tx| {
            let sql = "UPDATE quarantine SET state = 'accepted' WHERE state = 'refetch' \
                       AND reason NOT IN ('SPLIT_NOT_SEEN', 'DIVIDEND_NOT_SEEN', 'DIVIDEND_TOO_LARGE') AND EXISTS ( \
                       SELECT 1 FROM prices p JOIN sources s ON s.id = p.source_id \
                       JOIN instruments i ON i.id = s.instrument WHERE s.source = quarantine.file \
                       AND i.symbol = quarantine.symbol \
                       AND length(quarantine.date) = 10 \
                       AND p.session = CAST(julianday(quarantine.date) - 2440587.5 AS INTEGER))";
            let days = tx.execute(sql, [])?;
            let sql = "UPDATE quarantine SET state = 'accepted' WHERE state = 'refetch' AND EXISTS ( \
                       SELECT 1 FROM minutes m JOIN minute_series s ON s.id = m.series_id \
                       JOIN instruments i ON i.id = s.instrument WHERE s.source = quarantine.file \
                       AND i.symbol = quarantine.symbol AND length(quarantine.date) > 10 \
                       AND m.minute = CAST(strftime('%s', quarantine.date) AS INTEGER) / 60)";
            Ok::<_, rusqlite::Error>((days + tx.execute(sql, [])?) as u64)
        })
    }
}
