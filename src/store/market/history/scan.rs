//! Reading all prices of an exchange from the store, by several connections that see the same state.
//!
//! Each connection holds one read transaction; when another process writes between their beginnings they see
//! different revisions, and the scan begins again, in the end with a single connection.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, params};

use super::super::super::codec::day;
use super::super::super::error::StoreError;
use super::super::prices::Chosen;
use super::body::RawLists;
use super::{Body, DAILY, HistorySeries, MarketReader, Origin, PriceHistory, Revision, WORD, revision_of};
use crate::domain::Exchange;

/// Most connections that read at once.
const CONNECTIONS_MAX: usize = 4;
/// Times that connections may see different states before one reads alone.
const TRIES_MAX: usize = 3;
/// Most bars that are read at once (about 4 GiB of values).
const BARS_MAX: usize = 80_000_000;
/// Days since 1970-01-01 that prices may have: 0001-01-01 to 9999-12-31.
const DAYS: std::ops::Range<i32> = -719_162..2_932_897;

/// Values of one series as stored, a list a column.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Lists {
    /// Days since 1970-01-01, ascending.
    pub days: Vec<i32>,
    /// Open, high, low, close, volume, and vwap (`i64::MIN` for none).
    pub columns: [Vec<i64>; 6],
    /// How many were read from the store.
    pub fresh: usize,
}

impl Lists {
    /// Whether any bar has a vwap.
    pub(super) fn has_vwap(&self) -> bool {
        self.columns.last().is_some_and(|vwap| vwap.iter().any(|v| *v != i64::MIN))
    }

    /// Appends the bars after the last one.
    fn extend(&mut self, conn: &Connection, source_id: i64) -> rusqlite::Result<()> {
        const SQL: &str = "SELECT session, open, high, low, close, volume, vwap FROM prices \
                           WHERE source_id = ?1 AND interval = ?2 AND session > ?3 ORDER BY session";
        let after = self.days.last().copied().unwrap_or(i32::MIN);
        let mut statement = conn.prepare_cached(SQL)?;
        let mut rows = statement.query(params![source_id, DAILY, after])?;
        while let Some(row) = rows.next()? {
            self.days.push(row.get(0)?);
            for (at, column) in self.columns.iter_mut().enumerate() {
                column.push(row.get_ref(at + 1)?.as_i64_or_null()?.unwrap_or(i64::MIN));
            }
            self.fresh += 1;
        }
        Ok(())
    }
}

/// What one scan saw.
struct Scan {
    revision: Revision,
    chosen: Vec<Chosen>,
    lists: Vec<Lists>,
}

/// Reads everything; of series that only grew since `base`, the newer rows.
pub(super) fn scan(
    home: &Path,
    exchange: Exchange,
    base: Option<&PriceHistory>,
) -> Result<PriceHistory, StoreError> {
    let most = std::thread::available_parallelism().map_or(1, usize::from).min(CONNECTIONS_MAX);
    for _ in 0..TRIES_MAX {
        if let Some(scan) = attempt(home, exchange, base, most)? {
            return Ok(history(scan));
        }
    }
    let scan = attempt(home, exchange, base, 1)?;
    // One connection always sees one state.
    scan.map(history).ok_or_else(|| StoreError::Missing { path: home.join(super::super::MARKET_FILE) })
}

/// One scan; `None` when connections saw different states.
fn attempt(
    home: &Path,
    exchange: Exchange,
    base: Option<&PriceHistory>,
    connections: usize,
) -> Result<Option<Scan>, StoreError> {
    let first = MarketReader::open(home)?;
    first.begin()?;
    let revision = revision_of(&first)?;
    let chosen = first.chosen(Some(exchange), None, None)?;
    let (next, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let slots: Vec<Mutex<Lists>> = chosen.iter().map(|_| Mutex::default()).collect();
    let work = |reader: &MarketReader| -> Result<bool, StoreError> {
        if revision_of(reader)? != revision {
            return Ok(false);
        }
        let mut raw = base.map(RawLists::new);
        while let Some((one, slot)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            chosen.get(at).zip(slots.get(at))
        } {
            let mut lists = raw.as_mut().and_then(|raw| raw.unchanged(one)).unwrap_or_default();
            reader.db.read("read prices", |c| lists.extend(c, one.id))?;
            let bars = total.fetch_add(lists.days.len(), Ordering::Relaxed) + lists.days.len();
            if bars > BARS_MAX {
                return Err(StoreError::TooManyBars { exchange, most: BARS_MAX });
            }
            *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = lists;
        }
        Ok(true)
    };
    let same = std::thread::scope(|scope| {
        let more: Vec<_> = (1..connections.min(chosen.len()))
            .map(|_| {
                scope.spawn(|| {
                    let reader = MarketReader::open(home)?;
                    reader.begin()?;
                    work(&reader)
                })
            })
            .collect();
        let mut same = work(&first)?;
        for handle in more {
            same &= handle.join().unwrap_or(Ok(false))?;
        }
        Ok::<_, StoreError>(same)
    })?;
    let lists = slots
        .into_iter()
        .map(|s| s.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
        .collect();
    Ok(same.then_some(Scan { revision, chosen, lists }))
}

impl MarketReader {
    /// Begins a read transaction that ends with the connection: all its reads see one state.
    fn begin(&self) -> Result<(), StoreError> {
        self.db.read("begin to read", |c| c.execute_batch("BEGIN"))
    }
}

/// Puts what was read into one calendar of sessions.
fn history(scan: Scan) -> PriceHistory {
    let days = scan.lists.iter().flat_map(|l| l.days.iter().copied());
    let (least, most) = days.fold((i32::MAX, i32::MIN), |(a, b), day| (a.min(day), b.max(day)));
    let (least, most) = (least.max(DAYS.start), most.min(DAYS.end - 1));
    let width = usize::try_from(i64::from(most) - i64::from(least) + 1).unwrap_or(0);
    let mut seen = vec![false; width];
    let slot = |day: i32| usize::try_from(i64::from(day) - i64::from(least)).ok();
    for list in &scan.lists {
        for day in &list.days {
            if let Some(seen) = slot(*day).and_then(|at| seen.get_mut(at)) {
                *seen = true;
            }
        }
    }
    let mut place = vec![usize::MAX; width];
    let mut sessions = Vec::new();
    for ((at, seen), place) in seen.iter().enumerate().zip(&mut place) {
        let offset = i32::try_from(at).ok().filter(|_| *seen);
        if let Some(date) = offset.and_then(|o| date_of(least.saturating_add(o))) {
            *place = sessions.len();
            sessions.push(date);
        }
    }
    let series = scan.chosen.iter().zip(&scan.lists).map(|(chosen, lists)| {
        let mut days = vec![0_u64; sessions.len().div_ceil(WORD)];
        for at in lists.days.iter().filter_map(|day| slot(*day).and_then(|at| place.get(at))) {
            if let Some(word) = days.get_mut(at / WORD) {
                *word |= 1 << (at % WORD);
            }
        }
        HistorySeries {
            instrument: chosen.instrument,
            source: chosen.source.clone(),
            basis: chosen.basis,
            source_id: chosen.id,
            days,
            bars: lists.days.len(),
            has_vwap: lists.has_vwap(),
            place: 0,
            checksum: 0,
        }
    });
    let series = series.collect();
    let bars = scan.lists.iter().map(|l| l.fresh).sum();
    PriceHistory {
        revision: scan.revision,
        sessions,
        series,
        body: Body::Memory(scan.lists),
        origin: Origin::Store { bars, damaged: None, unwritten: None },
    }
}

/// A date from days since 1970-01-01.
pub(super) fn date_of(days: i32) -> Option<chrono::NaiveDate> {
    let epoch = chrono::NaiveDate::default();
    let date = epoch.checked_add_signed(chrono::TimeDelta::days(i64::from(days)))?;
    (day(date) == days).then_some(date)
}
