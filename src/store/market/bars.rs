//! Storing bars: the one place that decides what is stored, revised, unchanged, a duplicate or in conflict.
//!
//! A page is one transaction: all of it is kept or nothing. Rows that continue a series are inserted without a
//! look-up; others are compared with what is stored. A [`BarRun`] spans one import command, so that a second row
//! of the same key is seen over all its files and pages.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::super::codec::{bad, day};
use super::super::error::{Fault, StoreError};
use super::instruments::ensure_instrument;
use super::revision::{What, bump};
use super::{DAILY, MarketStore};
use crate::domain::market::{Basis, DailyBar};
use crate::domain::{CleanText, InstrumentId, Price, UnixNanos};

/// A jump is a close farther from the previous one than this many tenths of it.
const JUMP_TENTHS: i128 = 4;

/// What is known of the ends of one source's series.
pub(super) type Tails = HashMap<InstrumentId, Tail>;

/// The end of a stored series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    source_id: i64,
    basis: Basis,
    /// Last stored session and its close.
    last: Option<(i32, i64)>,
}

/// One import: the source and basis of its rows, and which keys it has read so far.
#[derive(Debug)]
pub struct BarRun {
    source: CleanText,
    basis: Basis,
    wall: UnixNanos,
    /// Per instrument: the sessions read so far with the row that came first.
    read: HashMap<InstrumentId, HashSet<i32>>,
}

impl BarRun {
    /// A run over rows of one source; `wall` is recorded with what it revises.
    pub fn new(source: CleanText, basis: Basis, wall: UnixNanos) -> Self {
        Self { source, basis, wall, read: HashMap::new() }
    }

    /// The source's name.
    pub fn source(&self) -> &CleanText {
        &self.source
    }

    /// In what terms its rows are.
    pub const fn basis(&self) -> Basis {
        self.basis
    }
}

/// What is odd about a row that was stored all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowFlags {
    /// Nothing was traded.
    pub zero_volume: bool,
    /// The close is more than 40 % away from the previous stored one of the same source.
    pub jump: bool,
}

impl RowFlags {
    /// Whether anything is odd.
    pub const fn any(self) -> bool {
        self.zero_volume || self.jump
    }
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOutcome {
    /// New.
    Stored(RowFlags),
    /// Replaced other values; those are kept as an older revision.
    Revised(RowFlags),
    /// Stored before with the same values.
    Unchanged,
    /// Read before in this run with the same values.
    Duplicate,
    /// Read before in this run with other values; the first is kept.
    Conflict,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageOutcome {
    /// One outcome a row, in the page's order.
    pub rows: Vec<RowOutcome>,
    /// New rows.
    pub stored: u64,
    /// Rows that replaced others.
    pub revised: u64,
    /// Rows that were there already.
    pub unchanged: u64,
    /// Second rows of the run with equal values.
    pub duplicates: u64,
    /// Second rows of the run with other values, not stored: to be quarantined.
    pub conflicts: u64,
    /// Stored or revised rows that are odd.
    pub flagged: u64,
    /// Instruments that were created with defaults.
    pub created: u64,
}

impl PageOutcome {
    /// Fills in the counts from the rows.
    fn count(&mut self) {
        for outcome in &self.rows {
            match outcome {
                RowOutcome::Stored(flags) => {
                    self.stored += 1;
                    self.flagged += u64::from(flags.any());
                }
                RowOutcome::Revised(flags) => {
                    self.revised += 1;
                    self.flagged += u64::from(flags.any());
                }
                RowOutcome::Unchanged => self.unchanged += 1,
                RowOutcome::Duplicate => self.duplicates += 1,
                RowOutcome::Conflict => self.conflicts += 1,
            }
        }
    }
}

/// The values of a stored row.
type Values = (i64, i64, i64, i64, i64, Option<i64>);

fn values(bar: &DailyBar) -> Values {
    let vwap = bar.vwap.map(Price::raw);
    (bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw(), bar.volume.raw(), vwap)
}

struct Writer<'c> {
    conn: &'c Connection,
    insert: CachedStatement<'c>,
    select: CachedStatement<'c>,
    before: CachedStatement<'c>,
    flag: CachedStatement<'c>,
}

impl<'c> Writer<'c> {
    fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            conn,
            insert: conn.prepare_cached(
                "INSERT INTO prices (source_id, interval, session, open, high, low, close, volume, vwap) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            select: conn.prepare_cached(
                "SELECT open, high, low, close, volume, vwap FROM prices \
                 WHERE source_id = ?1 AND interval = ?2 AND session = ?3",
            )?,
            before: conn.prepare_cached(
                "SELECT session, close FROM prices WHERE source_id = ?1 AND interval = ?2 AND session < ?3 \
                 ORDER BY session DESC LIMIT 1",
            )?,
            flag: conn.prepare_cached(
                "INSERT OR IGNORE INTO flags (source_id, session, flag) VALUES (?1, ?2, ?3)",
            )?,
        })
    }

    fn before(&mut self, source_id: i64, session: i32) -> rusqlite::Result<Option<(i32, i64)>> {
        let found = self.before.query_row(params![source_id, DAILY, session], |r| Ok((r.get(0)?, r.get(1)?)));
        found.optional()
    }

    fn stored(&mut self, source_id: i64, session: i32) -> rusqlite::Result<Option<Values>> {
        let row = self.select.query_row(params![source_id, DAILY, session], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
        });
        row.optional()
    }

    fn insert(&mut self, source_id: i64, session: i32, v: Values) -> rusqlite::Result<()> {
        let row = params![source_id, DAILY, session, v.0, v.1, v.2, v.3, v.4, v.5];
        self.insert.execute(row).map(drop)
    }

    fn revise(&self, source_id: i64, session: i32, v: Values, wall: UnixNanos) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO price_revisions SELECT source_id, interval, session, revision, open, high, low, \
                   close, volume, vwap, ?4 FROM prices WHERE source_id = ?1 AND interval = ?2 AND session = ?3";
        self.conn.prepare_cached(sql)?.execute(params![source_id, DAILY, session, wall.nanos()])?;
        let sql = "UPDATE prices SET open = ?4, high = ?5, low = ?6, close = ?7, volume = ?8, vwap = ?9, \
                   revision = revision + 1 WHERE source_id = ?1 AND interval = ?2 AND session = ?3";
        let row = params![source_id, DAILY, session, v.0, v.1, v.2, v.3, v.4, v.5];
        self.conn.prepare_cached(sql)?.execute(row)?;
        let sql = "DELETE FROM flags WHERE source_id = ?1 AND session = ?2";
        self.conn.prepare_cached(sql)?.execute(params![source_id, session]).map(drop)
    }

    fn flag(&mut self, source_id: i64, session: i32, flags: RowFlags) -> rusqlite::Result<()> {
        if flags.zero_volume {
            self.flag.execute(params![source_id, session, "zero_volume"])?;
        }
        if flags.jump {
            self.flag.execute(params![source_id, session, "jump"])?;
        }
        Ok(())
    }
}

fn flags_of(bar: &DailyBar, previous: Option<i64>) -> RowFlags {
    let jump = previous.is_some_and(|previous| {
        let (close, previous) = (i128::from(bar.close.raw()), i128::from(previous));
        (close - previous).abs() * 10 > previous * JUMP_TENTHS
    });
    RowFlags { zero_volume: bar.volume.raw() == 0, jump }
}

/// Finds or makes the series of a row, and refuses another basis.
fn open_series(writer: &mut Writer<'_>, run: &BarRun, bar: &DailyBar) -> Result<(Tail, bool), Fault> {
    let (instrument, created) = ensure_instrument(writer.conn, bar.instrument)?;
    let sql = "SELECT id, basis FROM sources WHERE instrument = ?1 AND source = ?2";
    let known: Option<(i64, String)> = writer
        .conn
        .prepare_cached(sql)?
        .query_row(params![instrument, run.source.as_str()], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((source_id, basis)) = known else {
        let sql = "INSERT INTO sources (instrument, source, basis) VALUES (?1, ?2, ?3)";
        let row = params![instrument, run.source.as_str(), run.basis.as_str()];
        writer.conn.prepare_cached(sql)?.execute(row)?;
        let tail = Tail { source_id: writer.conn.last_insert_rowid(), basis: run.basis, last: None };
        return Ok((tail, created));
    };
    let basis = Basis::parse(&basis).ok_or_else(|| bad(1, "unknown basis"))?;
    let last = writer.before(source_id, i32::MAX)?;
    Ok((Tail { source_id, basis, last }, created))
}

/// Stores one row at the right place of its series.
fn store_row(
    writer: &mut Writer<'_>,
    tail: &mut Tail,
    first_in_run: bool,
    bar: &DailyBar,
    wall: UnixNanos,
) -> rusqlite::Result<RowOutcome> {
    let (session, new) = (day(bar.session), values(bar));
    let id = tail.source_id;
    if tail.last.is_none_or(|(last, _)| last < session) {
        writer.insert(id, session, new)?;
        let flags = flags_of(bar, tail.last.map(|(_, close)| close));
        writer.flag(id, session, flags)?;
        tail.last = Some((session, new.3));
        return Ok(RowOutcome::Stored(flags));
    }
    let stored = writer.stored(id, session)?;
    match stored {
        Some(old) if old == new && first_in_run => return Ok(RowOutcome::Unchanged),
        Some(old) if old == new => return Ok(RowOutcome::Duplicate),
        Some(_) if !first_in_run => return Ok(RowOutcome::Conflict),
        Some(_) => writer.revise(id, session, new, wall)?,
        None => writer.insert(id, session, new)?,
    }
    let previous = writer.before(id, session)?;
    let flags = flags_of(bar, previous.map(|(_, close)| close));
    writer.flag(id, session, flags)?;
    if tail.last.is_some_and(|(last, _)| last == session) {
        tail.last = Some((session, new.3));
    }
    Ok(if stored.is_some() { RowOutcome::Revised(flags) } else { RowOutcome::Stored(flags) })
}

/// Stores the rows of a page inside its transaction; `marked` gets the keys that are new to the run.
fn store_page(
    conn: &Connection,
    run: &mut BarRun,
    tails: &mut Tails,
    page: &[DailyBar],
    marked: &mut Vec<(InstrumentId, i32)>,
) -> Result<PageOutcome, Fault> {
    let mut outcome = PageOutcome { rows: vec![RowOutcome::Unchanged; page.len()], ..PageOutcome::default() };
    let mut writer = Writer::new(conn)?;
    // Row by row of one series, since a file sorted by date would touch every series' pages for every day. The
    // sort is stable: rows of one instrument keep their order, and no outcome depends on another instrument.
    let mut order: Vec<(&DailyBar, &mut RowOutcome)> = page.iter().zip(outcome.rows.iter_mut()).collect();
    order.sort_by_key(|(bar, _)| bar.instrument);
    let mut created_count = 0;
    let mut rewritten = BTreeSet::new();
    for rows in order.chunk_by_mut(|(one, _), (next, _)| one.instrument == next.instrument) {
        let Some((first, _)) = rows.first() else { continue };
        let (instrument, first) = (first.instrument, *first);
        let tail = match tails.entry(instrument) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (tail, created) = open_series(&mut writer, run, first)?;
                created_count += u64::from(created);
                entry.insert(tail)
            }
        };
        if tail.basis != run.basis {
            let (source_name, stored, given) = (run.source.clone(), tail.basis, run.basis);
            return Err(StoreError::BasisConflict { instrument, source_name, stored, given }.into());
        }
        let read = run.read.entry(instrument).or_default();
        for (bar, slot) in rows {
            let session = day(bar.session);
            let first_in_run = read.insert(session);
            if first_in_run {
                marked.push((instrument, session));
            }
            let continues = tail.last.is_none_or(|(last, _)| last < session);
            **slot = store_row(&mut writer, tail, first_in_run, bar, run.wall)?;
            let changed = matches!(slot, RowOutcome::Stored(_) | RowOutcome::Revised(_));
            if changed && !continues {
                rewritten.insert(tail.source_id);
            }
        }
    }
    outcome.created = created_count;
    outcome.count();
    if outcome.stored + outcome.revised > 0 {
        let number = bump(conn, What::Prices)?;
        let mut statement = conn.prepare_cached("UPDATE sources SET rewritten = ?1 WHERE id = ?2")?;
        for id in rewritten {
            statement.execute(params![number, id])?;
        }
    }
    Ok(outcome)
}

impl MarketStore {
    /// Stores a page in one transaction and says what became of every row. Instruments that are not known are
    /// created with defaults. A row of another basis than its source's refuses the page.
    pub fn store_bars(&mut self, run: &mut BarRun, page: &[DailyBar]) -> Result<PageOutcome, StoreError> {
        self.store_bars_and(run, page, |_| Ok(()))
    }

    /// The same with more in the same transaction.
    pub(super) fn store_bars_and(
        &mut self,
        run: &mut BarRun,
        page: &[DailyBar],
        beside: impl FnOnce(&Connection) -> Result<(), Fault>,
    ) -> Result<PageOutcome, StoreError> {
        let mut tails = self.tails.remove(&run.source).unwrap_or_default();
        let known_version = self.data_version;
        let mut marked: Vec<(InstrumentId, i32)> = Vec::with_capacity(page.len());
        let result = self.inner.db.write("store prices", |tx| {
            let version: i64 = tx.query_row("PRAGMA data_version", [], |row| row.get(0))?;
            if version != known_version {
                tails.clear();
            }
            beside(tx)?;
            store_page(tx, run, &mut tails, page, &mut marked).map(|outcome| (outcome, version))
        });
        match result {
            Ok((outcome, version)) => {
                if version != known_version {
                    self.tails.clear();
                    self.data_version = version;
                }
                self.tails.insert(run.source.clone(), tails);
                Ok(outcome)
            }
            Err(error) => {
                for (instrument, session) in marked {
                    run.read.entry(instrument).or_default().remove(&session);
                }
                Err(error)
            }
        }
    }
}
