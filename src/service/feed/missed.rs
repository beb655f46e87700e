//! What resting orders missed while a feed was away: the vendor's minutes of that time, played as bars before anything
//! newer reaches the engine.
//!
//! While they are fetched the feed holds back what comes, at most for [`WAIT_MAX`]; what has not come by then is stored
//! when it comes, and no order sees it. Orders that are given meanwhile are younger than those bars and cannot match
//! them. A workstation that opens in mid-session is the same case.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::domain::calendar::Calendar;
use crate::domain::{Bar, Exchange, InstrumentId, UnixNanos};
use crate::execution::State;

use super::super::finer::bar_of;
use super::backfill::{Backfill, Missed};

/// Longest time that newer prices are held back.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Longest absence, in days, of which every minute is played; of a longer one only the running session.
const DAYS_MAX: i64 = 5;

/// Waits for the minutes of names with resting orders.
#[derive(Debug)]
pub(super) struct CatchUp {
    needs: BTreeSet<InstrumentId>,
    got: Vec<Missed>,
    /// Minutes that were not over then are not whole.
    upto: UnixNanos,
    began: Instant,
}

impl CatchUp {
    /// Begins to wait; `None` where nothing rests.
    pub(super) fn begin(needs: &BTreeSet<InstrumentId>, upto: UnixNanos) -> Option<Self> {
        let (needs, got, began) = (needs.clone(), Vec::new(), Instant::now());
        (!needs.is_empty()).then_some(Self { needs, got, upto, began })
    }

    /// Takes what has come; whether there is nothing to wait for any more.
    pub(super) fn is_done(&mut self, backfill: &Backfill) -> bool {
        loop {
            match backfill.missed() {
                Ok(Some(missed)) => {
                    self.needs.remove(&missed.0);
                    self.got.push(missed);
                }
                Ok(None) => break,
                Err(_) => return true,
            }
        }
        let is_late = self.began.elapsed() >= WAIT_MAX;
        if is_late && !self.needs.is_empty() {
            tracing::warn!(names = self.needs.len(), "what resting orders missed did not come in time");
        }
        self.needs.is_empty() || is_late
    }

    /// The bars by their end, of whole minutes of sessions that end after market time.
    pub(super) fn bars(self, calendar: &Calendar, market_time: UnixNanos) -> BTreeMap<UnixNanos, Vec<Bar>> {
        let mut bars: BTreeMap<UnixNanos, Vec<Bar>> = BTreeMap::new();
        for (instrument, minutes) in self.got {
            for minute in minutes {
                let bar = bar_of(instrument, &minute);
                let is_new = bar.to > market_time && bar.to <= self.upto;
                if is_new && calendar.session_at(bar.from).is_some_and(|session| bar.to <= session.close) {
                    bars.entry(bar.to).or_default().push(bar);
                }
            }
        }
        bars.values_mut().for_each(|all| all.sort_by_key(|bar| bar.instrument));
        bars
    }
}

/// Names of an exchange with orders that rest here.
pub(super) fn resting(state: &State, exchange: Exchange) -> BTreeSet<InstrumentId> {
    let open = state.orders().open().values().filter(|order| order.matches_here());
    open.map(|order| order.spec.instrument).filter(|id| id.exchange == exchange).collect()
}

/// Since when a home that opens at `now` has missed prices: since its market time, or for a longer absence since the
/// opening of the session that runs.
pub(super) fn missed_since(calendar: &Calendar, known: UnixNanos, now: UnixNanos) -> Option<UnixNanos> {
    let days = calendar.date_at(now).signed_duration_since(calendar.date_at(known)).num_days();
    if days <= DAYS_MAX { Some(known) } else { calendar.session_at(now).map(|session| session.open) }
}
