//! What screens show of syncing: the run that is going and how the last one ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::domain::vendor::DataKind;
use crate::domain::{CleanText, Exchange, UnixNanos};
use crate::market::fetch::{Stop, Stopper, stopper};

use super::super::engine::lock;
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::permit::{ManageData, Permit, ViewMarket};
use super::ended::{self, Ended};
use super::report::{BesideReport, Progress, SyncOutcome};
use super::{Bars, Control, SyncWish};

/// The state of syncing in this process.
#[derive(Debug, Default)]
pub struct SyncBoard(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: Option<(Stopper, Progress)>,
    last: Option<Ended>,
    listings: BTreeMap<Exchange, ListingFault>,
    /// The schedule is going: no run begins any more.
    closing: bool,
}

/// Why the listings of an exchange are not as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingFault {
    /// When they were asked for last.
    pub at: UnixNanos,
    /// Why nobody gave them.
    pub said: CleanText,
    /// When the schedule tries them again this evening, where it does.
    pub again: Option<UnixNanos>,
}

/// The state of syncing, as it may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncView {
    /// How far the run is; `None` when none is going.
    pub running: Option<Progress>,
    /// How the last run ended.
    pub last: Option<Ended>,
    /// Exchanges whose listings nobody gave when they were asked for last.
    pub listings: BTreeMap<Exchange, ListingFault>,
}

impl House {
    /// The state of syncing in this process.
    pub fn sync_view(&self, _: &Permit<ViewMarket>) -> SyncView {
        let board = lock(&self.sync_board().0);
        SyncView {
            running: board.running.as_ref().map(|(_, progress)| progress.clone()),
            last: board.last.clone(),
            listings: board.listings.clone(),
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
    pub fn start_sync(
        self: &Arc<Self>,
        permit: &Permit<ManageData>,
        kind: DataKind,
        wish: &SyncWish,
    ) -> Result<(), ServiceError> {
        let (house, wish) = (Arc::clone(self), self.with_watchlist(permit, wish)?);
        let stop = self.claim_sync().ok_or_else(|| {
            ServiceError::Invalid("a sync is running already; stop it first, or wait".to_owned())
        })?;
        let run = move || house.sync_claimed(kind, &wish, stop);
        thread::Builder::new().name("sync".into()).spawn(run).map(drop).map_err(|source| {
            lock(&self.sync_board().0).running = None;
            ServiceError::File {
                path: self.home().to_path_buf(),
                doing: "a thread could not be started; close other programs",
                source,
            }
        })
    }

    /// Puts a run on the board; `None` while another is going here, or at the end.
    fn claim_sync(&self) -> Option<Stop> {
        let (stopper, stop) = stopper();
        let mut board = lock(&self.sync_board().0);
        if board.closing || board.running.is_some() {
            return None;
        }
        board.running = Some((stopper, Progress::default()));
        Some(stop)
    }

    /// Runs and shows it on the board: how it went. `None` while another run is going here, or at the end: nothing was
    /// done.
    pub(super) fn sync_shown(&self, kind: DataKind, wish: &SyncWish) -> Option<Went> {
        self.claim_sync().map(|stop| self.sync_claimed(kind, wish, stop))
    }

    /// The run that is on the board.
    fn sync_claimed(&self, kind: DataKind, wish: &SyncWish, stop: Stop) -> Went {
        let shown = |progress: &Progress| {
            if let Some((_, shown)) = &mut lock(&self.sync_board().0).running {
                shown.clone_from(progress);
            }
        };
        let control: Control<'_> = self.sync_control(stop, &shown);
        let (went, (said, troubled)) = match self.sync_kind(kind, wish, &control) {
            Ok(done) => done,
            Err(error) => {
                tracing::warn!(%error, "sync did not run");
                (Went::Short, (CleanText::new(&error.to_string()), true))
            }
        };
        let at = self.clock().now();
        let mut board = lock(&self.sync_board().0);
        board.running = None;
        board.last = Some(Ended { at, said, troubled });
        went
    }

    fn sync_kind(
        &self,
        kind: DataKind,
        wish: &SyncWish,
        control: &Control<'_>,
    ) -> Result<(Went, (CleanText, bool)), ServiceError> {
        if let Some(bars) = Bars::of(kind) {
            let report = self.sync_now(&SyncWish { bars, ..wish.clone() }, control)?;
            return Ok((Went::of(report.canceled, report.failed()), ended::of_prices(&report)));
        }
        let report = self.sync_beside_now(kind, wish, control)?;
        if kind == DataKind::Directory {
            self.note_listings(&report);
        }
        Ok((Went::of(report.canceled, report.failed()), ended::of_beside(kind, &report)))
    }
}

impl House {
    /// Keeps why listings were not given until they are.
    fn note_listings(&self, report: &BesideReport) {
        let at = self.clock().now();
        let mut board = lock(&self.sync_board().0);
        for row in &report.rows {
            let Ok(exchange) = row.of.parse::<Exchange>() else { continue };
            match row.outcome {
                SyncOutcome::Failed => {
                    let fault = ListingFault { at, said: CleanText::new(&row.said), again: None };
                    board.listings.insert(exchange, fault);
                }
                SyncOutcome::Done | SyncOutcome::UpToDate => drop(board.listings.remove(&exchange)),
                SyncOutcome::Canceled => {}
            }
        }
    }

    /// Notes when the schedule asks an exchange's listings again this evening.
    pub(super) fn plan_listings(&self, exchange: Exchange, again: Option<UnixNanos>) {
        if let Some(fault) = lock(&self.sync_board().0).listings.get_mut(&exchange) {
            fault.again = again;
        }
    }
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// Nothing failed.
    Well,
    /// Something failed.
    Short,
    /// It was ended by a person.
    Stopped,
}

impl Went {
    const fn of(canceled: bool, failed: usize) -> Self {
        match (canceled, failed) {
            (true, _) => Went::Stopped,
            (false, 0) => Went::Well,
            (false, _) => Went::Short,
        }
    }
}
