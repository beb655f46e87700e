//! Accounts whose orders leave the house: one worker an account sends what the journal says, tells the engine what
//! the broker says, and compares the two at start, after every gap and once a day.
//!
//! The journal is the outbox: what is to be sent is what the book holds as submitted, changing or ending, so a kill
//! between sending and answer leaves a question that is asked by client order id, never a second order. Until the
//! first comparison is done the account takes no more risk.

mod connect;
mod takeover;
mod worker;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use tokio::sync::{mpsc, watch};

use crate::broker::Broker;
use crate::domain::{AccountId, BrokerId, Command, Event};

use self::worker::Worker;
use super::engine::EngineHandle;
use super::error::ServiceError;
use super::house::House;

/// Most waiting signs that something changed; one is as good as many.
const WAKES_MAX: usize = 64;
/// How long a home waits at its opening for the first comparison, in milliseconds.
const FIRST_COMPARISON_MS_MAX: u64 = 8_000;
/// How long the last sending may take when a home closes, in milliseconds.
const LAST_SENDING_MS_MAX: u64 = 8_000;

/// How a broker is reached.
pub type Connect<'c> = &'c dyn Fn(BrokerId) -> Result<Arc<dyn Broker>, ServiceError>;

/// The workers of a home; they end when this is dropped, after one last round of sending.
#[derive(Debug)]
pub struct Brokers {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Brokers {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a broker's worker ended badly; the next start asks the broker again");
            }
        }
    }
}

impl House {
    /// Starts the workers of all accounts at brokers, with the keys and addresses that are set. An account whose
    /// broker cannot be reached stays in comparison: it takes cancels and reductions only.
    pub fn start_brokers(&self) -> Result<Option<Brokers>, ServiceError> {
        self.start_brokers_with(&|broker| self.connect(broker))
    }

    /// The same with brokers of the caller's choice.
    pub fn start_brokers_with(&self, connect: Connect<'_>) -> Result<Option<Brokers>, ServiceError> {
        if !self.owns_trades() {
            return Ok(None);
        }
        let engine = self.engine()?;
        let state = engine.snapshot()?;
        let specs = state.accounts().values().map(crate::portfolio::Account::spec);
        let remote: Vec<(AccountId, BrokerId)> =
            specs.filter(|s| !s.broker.is_paper()).map(|s| (s.account, s.broker)).collect();
        if remote.is_empty() {
            return Ok(None);
        }
        let begin =
            |(account, _): &(AccountId, BrokerId)| Command::Reconcile { account: *account, breaks: None };
        self.give_as_house(remote.iter().map(begin).collect())?;
        let (stop, stopped) = watch::channel(false);
        let mut brokers = Brokers { stop, threads: Vec::new() };
        let mut firsts = Vec::new();
        for (account, broker) in remote {
            match connect(broker) {
                Ok(broker) => {
                    let (done, first) = bounded(1);
                    firsts.push(first);
                    let worker = Worker::new(account, broker, engine.clone(), self.clock_arc(), done)?;
                    brokers.threads.extend(spawn(worker, engine, stopped.clone())?);
                }
                Err(error) => {
                    tracing::warn!(%account, %error, "the account's broker is not used; it takes cancels only");
                }
            }
        }
        let patience = Duration::from_millis(FIRST_COMPARISON_MS_MAX);
        if firsts.iter().any(|first: &Receiver<()>| first.recv_timeout(patience).is_err()) {
            tracing::warn!("a broker has not answered yet; its account takes cancels and reductions only");
        }
        Ok(Some(brokers))
    }
}

/// Runs a worker on a thread of its own, woken by what changes in the book.
fn spawn(
    worker: Worker,
    engine: &EngineHandle,
    stopped: watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, ServiceError> {
    let events = engine.listen()?;
    let (wake, wakes) = mpsc::channel(WAKES_MAX);
    let failed = |source| ServiceError::File {
        path: std::path::PathBuf::from("broker"),
        doing: "a thread could not be started; close other programs",
        source,
    };
    // It ends with the engine, which drops its listeners; nobody waits for it.
    thread::Builder::new()
        .name("broker-wake".into())
        .spawn(move || pass_on(&events, &wake))
        .map(drop)
        .map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let thread = thread::Builder::new().name("broker".into()).spawn(move || {
        let last = Duration::from_millis(LAST_SENDING_MS_MAX);
        runtime.block_on(worker.run(wakes, stopped, last));
        // A name that is still being looked up must not keep the home open.
        runtime.shutdown_background();
    });
    Ok(vec![thread.map_err(failed)?])
}

fn pass_on(events: &Receiver<Arc<Vec<Event>>>, wake: &mpsc::Sender<()>) {
    while events.recv().is_ok() {
        match wake.try_send(()) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(())) => {}
            Err(mpsc::error::TrySendError::Closed(())) => return,
        }
    }
}
