//! After each session's close, what was synced before is synced again: on a thread of its own, while a workstation is
//! open and the setting `sync.auto` says so. A home that was never synced is left alone.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::NaiveDate;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId};
use crate::market::sync::last_over;

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::SyncWish;

/// How often it is looked whether a session is over, in seconds of wall time.
const BEAT_SECONDS: u64 = 20;

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
            let mut done: Vec<(Exchange, NaiveDate)> = Vec::new();
            loop {
                house.sync_if_over(&mut done);
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

    /// Syncs the exchanges whose newest session was not synced by this schedule yet.
    fn sync_if_over(&self, done: &mut Vec<(Exchange, NaiveDate)>) {
        if !lock(self.settings()).sync_auto {
            return;
        }
        let now = self.clock().now();
        for exchange in [Exchange::Xnys, Exchange::Xasx] {
            let Some(last) = last_over(self.calendars().of(exchange), now) else { continue };
            if done.contains(&(exchange, last)) {
                continue;
            }
            done.retain(|(known, _)| *known != exchange);
            done.push((exchange, last));
            match self.synced_before(exchange) {
                Ok(instruments) if !instruments.is_empty() => {
                    self.sync_shown(&SyncWish { instruments, ..SyncWish::default() });
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "what was synced before cannot be read"),
            }
        }
    }

    /// Instruments of an exchange that a vendor has given before.
    fn synced_before(&self, exchange: Exchange) -> Result<Vec<InstrumentId>, ServiceError> {
        let market = lock(self.market_store());
        let mut known = Vec::new();
        for vendor in VendorId::ALL {
            known.extend(market.read().coverage(vendor.as_str(), DataKind::Daily)?.into_keys());
        }
        known.retain(|id| id.exchange == exchange);
        known.sort();
        known.dedup();
        Ok(known)
    }
}
