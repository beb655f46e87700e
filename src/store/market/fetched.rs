//! Storing a page that a vendor gave: bars, actions, quarantine and what was answered for, in one transaction.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::super::codec::day;
use super::super::error::{Fault, StoreError};
use super::bars::{BarRun, PageOutcome};
use super::coverage::{Covered, cover};
use super::facts::{drop_actions, put_actions};
use super::instruments::number_of;
use super::jobs::{self, Quarantined};
use super::repairs::{Differing, StoredRepair, put_differing, put_repairs};
use super::{DAILY, MarketStore};
use crate::domain::market::{CorporateAction, DailyBar};
use crate::domain::{InstrumentId, UnixNanos};

/// What one page brings.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Bars of one source.
    pub bars: Vec<DailyBar>,
    /// Splits and dividends.
    pub actions: Vec<CorporateAction>,
    /// Splits and dividends that the source told before and that turned out to be none, or of another day.
    pub dropped: Vec<CorporateAction>,
    /// Rows that may not be stored.
    pub quarantine: Vec<Quarantined>,
    /// What was changed before it came here.
    pub repairs: Vec<StoredRepair>,
    /// Splits and dividends that others tell differently.
    pub differing: Vec<Differing>,
    /// What was answered for.
    pub covered: Vec<Covered>,
    /// An instrument whose whole history these bars are: what the source had before and has no more goes.
    pub whole: Option<InstrumentId>,
}

impl Fetched {
    /// Adds what another page brings, to be stored in the same transaction; neither is a whole history.
    pub fn add(&mut self, other: Fetched) {
        self.bars.extend(other.bars);
        self.actions.extend(other.actions);
        self.dropped.extend(other.dropped);
        self.quarantine.extend(other.quarantine);
        self.covered.extend(other.covered);
        self.repairs.extend(other.repairs);
        self.differing.extend(other.differing);
    }
}

/// Takes the rows of a source that a new history no longer has out of the prices; they are kept as revisions. Rows before
/// its first day and after its last one stay: it says nothing of them.
fn retire(
    conn: &Connection,
    run: &BarRun,
    whole: InstrumentId,
    bars: &[DailyBar],
    wall: UnixNanos,
) -> rusqlite::Result<()> {
    let Some(number) = number_of(conn, whole)? else { return Ok(()) };
    let kept: BTreeSet<i32> = bars.iter().map(|b| day(b.session)).collect();
    let (Some(first), Some(last)) = (kept.first(), kept.last()) else { return Ok(()) };
    let is_gone = |session: &i32| first <= session && session <= last && !kept.contains(session);
    let sql = "SELECT p.source_id, p.session FROM prices p JOIN sources s ON s.id = p.source_id \
               WHERE s.instrument = ?1 AND s.source = ?2 AND p.interval = ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![number, run.source().as_str(), DAILY], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let gone: Vec<(i64, i32)> = rows.collect::<rusqlite::Result<_>>()?;
    for (source, session) in gone.into_iter().filter(|(_, session)| is_gone(session)) {
        let key = params![source, DAILY, session, wall.nanos()];
        let sql = "INSERT OR REPLACE INTO price_revisions SELECT source_id, interval, session, revision, open, high, low, \
                   close, volume, vwap, ?4 FROM prices WHERE source_id = ?1 AND interval = ?2 AND session = ?3";
        conn.prepare_cached(sql)?.execute(key)?;
        let sql = "DELETE FROM prices WHERE source_id = ?1 AND interval = ?2 AND session = ?3";
        conn.prepare_cached(sql)?.execute(params![source, DAILY, session])?;
        let sql = "DELETE FROM flags WHERE source_id = ?1 AND session = ?2";
        conn.prepare_cached(sql)?.execute(params![source, session])?;
    }
    Ok(())
}

impl MarketStore {
    /// Stores a page in one transaction: all of it is kept or nothing.
    pub fn store_fetched(
        &mut self,
        run: &mut BarRun,
        page: &Fetched,
        at: UnixNanos,
    ) -> Result<PageOutcome, StoreError> {
        let source = run.source().clone();
        if page.whole.is_some() {
            // The ends of the series may go.
            self.tails.clear();
        }
        let retired = BarRun::new(source.clone(), run.basis(), at);
        self.store_bars_and(run, &page.bars, |tx| {
            if let Some(whole) = page.whole {
                retire(tx, &retired, whole, &page.bars, at)?;
            }
            drop_actions(tx, &page.dropped, source.as_str())?;
            put_actions(tx, &page.actions, source.as_str())?;
            if !page.quarantine.is_empty() {
                jobs::quarantine(tx, &page.quarantine, at)?;
            }
            put_repairs(tx, &page.repairs)?;
            put_differing(tx, &page.differing)?;
            cover(tx, &page.covered)?;
            Ok::<_, Fault>(())
        })
    }
}
