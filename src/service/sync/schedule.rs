//! After each session's close, what was synced before is synced again, of the kinds that `sync.kinds` names: on a thread of its own, while a workstation is
//! open and the setting `sync.auto` says so. A home that was never synced is left alone. A run in which something failed
//! is repeated after a pause, a few times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::NaiveDate;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};
use crate::market::sync::last_over;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::SyncWish;
use super::board::Went;

/// How often it is looked whether a session is over, in seconds of wall time.
const BEAT_SECONDS: u64 = 20;
/// Runs of one session's evening, until one ends with nothing failed.
const TRIES_MAX: u32 = 3;
/// Between two of them, in milliseconds.
const PAUSE_MS: i64 = 600_000;

/// How far the newest session of one exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tried {
    session: NaiveDate,
    runs: u32,
    /// Not before; `None` when there is nothing more to do.
    again: Option<UnixNanos>,
}

impl Tried {
    /// A run is due for a session, after what was done before.
    fn is_due(before: Option<&Tried>, session: NaiveDate, now: UnixNanos) -> bool {
        before.is_none_or(|t| t.session != session || t.again.is_some_and(|again| now >= again))
    }

    /// After a run that is over now.
    fn after(before: Option<&Tried>, session: NaiveDate, now: UnixNanos, is_done: bool) -> Tried {
        let runs = before.filter(|t| t.session == session).map_or(0, |t| t.runs) + 1;
        let again = (!is_done && runs < TRIES_MAX).then(|| now.plus_millis(PAUSE_MS));
        Tried { session, runs, again }
    }
}

/// Syncs from time to time until it is dropped; a run that is going ends then.
#[derive(Debug)]
pub struct Schedule {
    house: Arc<House>,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        drop(self.wake.take());
        self.house.close_syncing(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the scheduled sync ended by a defect; see the log before this line");
        }
    }
}

impl House {
    /// Starts syncing after each close.
    pub fn start_schedule(self: &Arc<Self>) -> Result<Schedule, ServiceError> {
        let (wake, woken) = bounded::<()>(1);
        let house = Arc::clone(self);
        house.close_syncing(false);
        let thread = thread::Builder::new().name("sync-schedule".into()).spawn(move || {
            let mut tried: BTreeMap<Exchange, Tried> = BTreeMap::new();
            loop {
                house.sync_if_over(&mut tried);
                match woken.recv_timeout(Duration::from_secs(BEAT_SECONDS)) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        let thread = thread.map_err(|source| ServiceError::File {
            path: self.home().to_path_buf(),
            doing: "a thread could not be started; close other programs",
            source,
        })?;
        Ok(Schedule { house: Arc::clone(self), wake: Some(wake), thread: Some(thread) })
    }

    /// Syncs the exchanges whose newest session was not synced by this schedule yet, or not to the end.
    fn sync_if_over(&self, tried: &mut BTreeMap<Exchange, Tried>) {
        if !lock(self.settings()).sync_auto {
            return;
        }
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let now = self.clock().now();
            let Some(last) = last_over(self.calendars().of(exchange), now) else { continue };
            if !Tried::is_due(tried.get(&exchange), last, now) {
                continue;
            }
            let is_done = match self.synced_before(exchange) {
                Ok(instruments) if !instruments.is_empty() => {
                    self.sync_kinds(&SyncWish { instruments, ..SyncWish::default() })
                }
                Ok(_) => Some(true),
                Err(error) => {
                    tracing::warn!(%error, "what was synced before cannot be read");
                    Some(false)
                }
            };
            // While another run is going this one is still to come.
            let Some(is_done) = is_done else { continue };
            let after = Tried::after(tried.get(&exchange), last, self.clock().now(), is_done);
            self.plan_listings(exchange, after.again);
            tried.insert(exchange, after);
        }
    }

    /// The kinds of the setting, one after the other: whether all ended with nothing failed, or a person ended it. `None`
    /// when another run came between.
    fn sync_kinds(&self, wish: &SyncWish) -> Option<bool> {
        let kinds = lock(self.settings()).sync_kinds.clone();
        let mut is_done = true;
        for kind in kinds {
            match self.sync_shown(kind, wish)? {
                Went::Well => {}
                Went::Short => is_done = false,
                Went::Stopped => return Some(true),
            }
        }
        Some(is_done)
    }

    /// Instruments of an exchange that a vendor has given before.
    fn synced_before(&self, exchange: Exchange) -> Result<Vec<InstrumentId>, ServiceError> {
        Ok(self.keepers(DataKind::Daily)?.into_keys().filter(|id| id.exchange == exchange).collect())
    }

    /// The vendor of every name that was synced before: the one that has answered for the newest day, of equal ones the one
    /// that was asked last. It is the source that is read, too.
    pub(super) fn keepers(&self, kind: DataKind) -> Result<BTreeMap<InstrumentId, VendorId>, ServiceError> {
        let market = lock(self.market_store());
        let mut keepers: BTreeMap<InstrumentId, ((NaiveDate, UnixNanos), VendorId)> = BTreeMap::new();
        for vendor in VendorId::ALL {
            for (id, spans) in market.read().coverage(vendor.as_str(), kind)? {
                let Some(reach) = spans.iter().map(|span| (span.to, span.fetched_at)).max() else { continue };
                if keepers.get(&id).is_none_or(|(known, _)| *known < reach) {
                    keepers.insert(id, (reach, *vendor));
                }
            }
        }
        Ok(keepers.into_iter().map(|(id, (_, vendor))| (id, vendor)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_tried_again_after_a_pause_a_few_times_until_nothing_fails() {
        let (monday, tuesday) = ("2024-01-08".parse().unwrap(), "2024-01-09".parse().unwrap());
        let mut now = UnixNanos::from_seconds(1_704_758_400);
        assert!(Tried::is_due(None, monday, now));
        let mut tried = Tried::after(None, monday, now, false);
        for _ in 1..TRIES_MAX {
            assert!(!Tried::is_due(Some(&tried), monday, now.plus_millis(PAUSE_MS - 1)));
            now = now.plus_millis(PAUSE_MS);
            assert!(Tried::is_due(Some(&tried), monday, now));
            tried = Tried::after(Some(&tried), monday, now, false);
        }
        assert_eq!((tried.runs, tried.again), (TRIES_MAX, None));
        assert!(Tried::is_due(Some(&tried), tuesday, now));
        let tried = Tried::after(Some(&tried), tuesday, now, true);
        assert_eq!((tried.runs, tried.again), (1, None));
        assert!(!Tried::is_due(Some(&tried), tuesday, now.plus_millis(PAUSE_MS)));
    }
}
