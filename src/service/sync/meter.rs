//! What is told of a run while it goes: who is asked, what for, how far it is, what it has stored, and what it waits for.
//!
//! Every page of every kind of run is asked for through a meter, so that each can be watched and ended in the same way.

use std::sync::Mutex;

use crate::market::budget;
use crate::market::fetch::{FetchError, Fetcher, Pages, Waiting, Watch};
use crate::market::vendors::Page;

use super::super::engine::lock;
use super::Control;
use super::report::Progress;

/// The progress of one run.
pub(super) struct Meter<'r> {
    control: &'r Control<'r>,
    progress: Mutex<Progress>,
}

impl<'r> Meter<'r> {
    pub(super) fn new(control: &'r Control<'r>) -> Self {
        Self { control, progress: Mutex::default() }
    }

    /// Tells that a step begins, and what is left after so many of all, each of so many requests.
    pub(super) fn begin(
        &self,
        fetcher: &Fetcher,
        doing: String,
        (done, total): (usize, usize),
        requests_each: usize,
    ) {
        let left = total.saturating_sub(done).saturating_mul(requests_each);
        let mut progress = lock(&self.progress);
        *progress = Progress {
            vendor: Some(fetcher.id()),
            doing,
            done,
            total,
            seconds_left: budget::seconds_for(left, fetcher.allowances()),
            ..progress.clone()
        };
        (self.control.progress)(&progress);
    }

    /// The next page, with every wait told.
    pub(super) async fn next(
        &self,
        fetcher: &Fetcher,
        pages: &mut Pages<'_>,
    ) -> Result<Option<Page>, FetchError> {
        lock(&self.progress).requests += u64::from(pages.has_more());
        let waiting = |waiting: &Waiting| {
            let budget = fetcher.budget().unwrap_or_default();
            let windows = budget::usage(&budget, fetcher.allowances(), waiting.from);
            let mut progress = lock(&self.progress);
            progress.waiting = Some(waiting.clone());
            progress.windows = windows.iter().map(|u| (u.seconds, u.used, u.of)).collect();
            (self.control.progress)(&progress);
        };
        let watch = Watch { stop: &self.control.stop, waiting: &waiting };
        let got = pages.next(watch).await;
        lock(&self.progress).waiting = None;
        got
    }

    /// Tells of rows that are new or changed.
    pub(super) fn stored(&self, rows: u64) {
        let mut progress = lock(&self.progress);
        progress.rows += rows;
        (self.control.progress)(&progress);
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u64 {
        lock(&self.progress).requests
    }
}
