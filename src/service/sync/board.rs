//! What screens show of syncing: the run that is going and how the last one ended.

use std::sync::{Arc, Mutex};
use std::thread;

use crate::domain::UnixNanos;
use crate::market::fetch::{Stopper, stopper};

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit, ViewMarket};
use super::report::{Progress, SyncReport};
use super::{Control, SyncWish};

/// The state of syncing in this process.
#[derive(Debug, Default)]
pub struct SyncBoard(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: Option<(Stopper, Progress)>,
    last: Option<(UnixNanos, Arc<SyncReport>)>,
    trouble: Option<(UnixNanos, String)>,
    /// The schedule is going: no run begins any more.
    closing: bool,
}

/// The state of syncing, as it may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncView {
    /// How far the run is; `None` when none is going.
    pub running: Option<Progress>,
    /// How the last run ended, and when.
    pub last: Option<(UnixNanos, Arc<SyncReport>)>,
    /// Why the last run could not be, and when.
    pub trouble: Option<(UnixNanos, String)>,
}

impl House {
    /// The state of syncing in this process.
    pub fn sync_view(&self, _: &Permit<ViewMarket>) -> SyncView {
        let board = lock(&self.sync_board().0);
        SyncView {
            running: board.running.as_ref().map(|(_, progress)| progress.clone()),
            last: board.last.clone(),
            trouble: board.trouble.clone(),
        }
    }

    /// Ends the run that is going, after its present page.
    pub fn cancel_sync(&self, _: &Permit<ManageData>) {
        self.stop_syncing();
    }

    /// Ends the run that is going and lets no other begin; `false` lets them begin again.
    pub(super) fn close_syncing(&self, closing: bool) {
        let mut board = lock(&self.sync_board().0);
        board.closing = closing;
        if let Some((stopper, _)) = board.running.as_ref().filter(|_| closing) {
            stopper.set();
        }
    }

    fn stop_syncing(&self) {
        if let Some((stopper, _)) = &lock(&self.sync_board().0).running {
            stopper.set();
        }
    }

    /// Starts a run on a thread of its own and returns at once; refused while one is going.
    pub fn start_sync(self: &Arc<Self>, _: &Permit<ManageData>, wish: SyncWish) -> Result<(), ServiceError> {
        let house = Arc::clone(self);
        let started = thread::Builder::new().name("sync".into()).spawn(move || house.sync_shown(&wish));
        started.map(drop).map_err(|source| ServiceError::File {
            path: self.home().to_path_buf(),
            doing: "a thread could not be started; close other programs",
            source,
        })
    }

    /// Runs and shows it on the board: whether it ended with nothing failed, or was ended by a person. `None` while
    /// another run is going here, or at the end: nothing was done.
    pub(super) fn sync_shown(&self, wish: &SyncWish) -> Option<bool> {
        let (stopper, stop) = stopper();
        {
            let mut board = lock(&self.sync_board().0);
            if board.closing || board.running.is_some() {
                return None;
            }
            board.running = Some((stopper, Progress::default()));
        }
        let shown = |progress: &Progress| {
            if let Some((_, shown)) = &mut lock(&self.sync_board().0).running {
                shown.clone_from(progress);
            }
        };
        let control: Control<'_> = self.sync_control(stop, &shown);
        let done = self.sync_now(wish, &control);
        let now = self.clock().now();
        let mut board = lock(&self.sync_board().0);
        board.running = None;
        match done {
            Ok(report) => {
                let is_done = report.canceled || report.failed() == 0;
                board.trouble = None;
                board.last = Some((now, Arc::new(report)));
                Some(is_done)
            }
            Err(error) => {
                tracing::warn!(%error, "sync did not run");
                board.trouble = Some((now, error.to_string()));
                Some(false)
            }
        }
    }
}
