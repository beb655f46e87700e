//! Prices that are asked for in rounds where no stream tells them: from the vendors' last prices to the quote board.
//!
//! While the workstation is open and `live.vendor` says so, what is watched, held or ordered is asked for every
//! `live.poll_seconds` while its exchange is in session, and once more when even late vendors have the closing prices. A
//! stream goes first: only what it does not have, or no longer says, is asked for. Vendors are asked in the order of
//! quotes, each for what nobody before it told, within half of its budget and never waiting for it, so that a sync has
//! the other half. Nothing is stored, and no order sees these prices: whoever trades by prices has a stream.

mod poller;
mod round;
mod row;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::domain::{CleanText, Exchange, UnixNanos};
use crate::market::fetch::{Pace, Stopper, stopper};
use crate::market::http::Limits;

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::vendors::WallPace;
use super::view::FeedLine;

pub use poller::Poller;
pub(super) use row::shown;

/// How often it is looked whether a round is due.
const BEAT: Duration = Duration::from_secs(1);

/// How the last round of an exchange went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoundStatus {
    /// When it began, by the wall.
    pub at: UnixNanos,
    /// Seconds between rounds.
    pub seconds: u32,
    /// Names that were wanted.
    pub names: usize,
    /// Rounds so far.
    pub rounds: u64,
    /// What went wrong last, and when.
    pub trouble: Option<(UnixNanos, CleanText)>,
}

/// Where the rounds of a home are shown.
#[derive(Debug, Default)]
pub(super) struct PollBoard(Mutex<BTreeMap<Exchange, RoundStatus>>);

impl PollBoard {
    fn round(&self, exchange: Exchange, status: RoundStatus) {
        let mut board = lock(&self.0);
        let before = board.remove(&exchange).unwrap_or_default();
        let trouble = status.trouble.or(before.trouble);
        board.insert(exchange, RoundStatus { rounds: before.rounds + 1, trouble, ..status });
    }

    fn forget(&self, exchange: Exchange) {
        lock(&self.0).remove(&exchange);
    }
}

/// Keeps rounds going until it is dropped.
#[derive(Debug)]
pub struct PollGuard {
    stopper: Stopper,
    wake: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for PollGuard {
    fn drop(&mut self) {
        self.stopper.set();
        drop(self.wake.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("asking for prices ended by a defect; see the log before this line");
        }
    }
}

impl House {
    /// Starts asking in rounds, where this process owns the trades.
    pub fn start_polling(self: &Arc<Self>) -> Result<Option<PollGuard>, ServiceError> {
        if !self.owns_trades() {
            return Ok(None);
        }
        let mut poller = self.poller(Arc::new(WallPace::new(self.clock_arc())), Limits::default())?;
        let ((stopper, stop), (wake, woken)) = (stopper(), bounded::<()>(1));
        let thread = thread::Builder::new().name("polling".into()).spawn(move || {
            loop {
                poller.beat(&stop);
                match woken.recv_timeout(BEAT) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return poller.end(),
                }
            }
        });
        let thread = thread.map_err(|source| ServiceError::File {
            path: self.home().to_path_buf(),
            doing: "a thread could not be started; close other programs",
            source,
        })?;
        Ok(Some(PollGuard { stopper, wake: Some(wake), thread: Some(thread) }))
    }

    /// Who asks, with time and bounds of the caller's choice; nothing is asked yet.
    pub fn poller(self: &Arc<Self>, pace: Arc<dyn Pace>, limits: Limits) -> Result<Poller, ServiceError> {
        Poller::new(self, pace, limits)
    }

    /// How the rounds of an exchange go; `None` while there are none.
    pub fn round_status(&self, exchange: Exchange) -> Option<RoundStatus> {
        lock(&self.poll_board().0).get(&exchange).cloned()
    }

    /// The rounds of all exchanges in words, for screens.
    pub(super) fn rounds_line(&self) -> Option<FeedLine> {
        let all: Vec<(Exchange, RoundStatus)> =
            lock(&self.poll_board().0).iter().map(|(exchange, status)| (*exchange, status.clone())).collect();
        let told: Vec<(String, bool)> =
            all.iter().filter_map(|(exchange, _)| self.rounds_of(*exchange)).collect();
        let rounds: u64 = all.iter().map(|(_, status)| status.rounds).sum();
        let trouble = all.into_iter().filter_map(|(_, status)| status.trouble).max();
        (!told.is_empty()).then(|| FeedLine {
            state: told.iter().map(|(words, _)| words.as_str()).collect::<Vec<_>>().join("; "),
            is_fresh: told.iter().all(|(_, is_fresh)| *is_fresh),
            counts: format!("rounds so far: {rounds}"),
            trouble: trouble.map(|(at, words)| (at, words.to_string())),
        })
    }

    /// The rounds of an exchange in words, and whether no price of them is stale; `None` while there are none.
    pub(super) fn rounds_of(&self, exchange: Exchange) -> Option<(String, bool)> {
        let status = self.round_status(exchange).filter(|status| status.names > 0)?;
        let (told, fresh) = self.quotes().polled_of(exchange, self.clock().now());
        let words =
            format!("{exchange} polled: {fresh} of {} names fresh, every {} s", status.names, status.seconds);
        Some((words, told > 0 && fresh == told))
    }
}
