//! The engine's thread: one bounded queue in, journal batches to disk, then answers and a new snapshot.
//!
//! Every round takes what waits (up to [`ROUND_MAX`] items), steps the pure engine, appends all batches in one
//! transaction (one fsync) and only then answers: nothing is shown or acknowledged that is not on disk. While more
//! waits, a second thread writes one round and the next is stepped (`turn`, `disk`). If a write fails, the state
//! is rebuilt from what is on disk, and everybody whose round was not written is told.

mod disk;
mod recovery;
#[cfg(test)]
pub(super) mod tape;
mod turn;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::domain::calendar::Calendars;
use crate::domain::command::Independence;
use crate::domain::facts::ExchangeFacts;
use crate::domain::{
    AccountId, Clock, Command, Event, Exchange, InstrumentId, MarketEvent, OrderId, Price, UnixNanos,
    UserName,
};
use crate::execution::State;
use crate::store::snapshots::Snapshots;
use crate::store::trades::{TradesReader, TradesStore};

use self::disk::Disk;
use self::recovery::Keeper;
use self::turn::Keeping;
use super::courier::Courier;
use super::error::ServiceError;
use super::permit::Actor;

/// Most items that may wait for the engine.
pub const QUEUE_MAX: usize = 4_096;
/// Most items of one round (one fsync).
pub const ROUND_MAX: usize = 256;
/// Most waiting batches of events per listener.
const LISTENER_MAX: usize = 1_024;

/// Locks, also after a panic elsewhere: the data under our mutexes is replaced whole, never half-written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command with the login it rests on.
#[derive(Debug)]
pub struct Wish {
    /// Who; `None` when the house itself acts (set-up, clock).
    pub actor: Option<Actor>,
    /// Whose proposals the actor may not approve.
    pub independent_of: Independence,
    /// At which instant, in the time of what it concerns.
    pub now: UnixNanos,
    /// What.
    pub command: Command,
}

/// Set once an event of a feed failed: what was fed ahead of that answer must not be played over the gap.
pub(super) type Feed = Arc<AtomicBool>;

type Answer<T> = Sender<Result<T, ServiceError>>;
/// A state and the version it was taken at.
type Snapshot = (u64, Arc<State>);

enum Work {
    Command(Box<Wish>, Answer<Vec<Event>>),
    Rehearse(Box<Wish>, Answer<Vec<Event>>),
    Market(Vec<MarketEvent>, Option<Answer<Vec<Event>>>, Feed),
    Pass(Exchange, UnixNanos, Answer<Vec<Event>>),
    Prime(Vec<(InstrumentId, Price, UnixNanos)>),
    Know(Exchange, Arc<ExchangeFacts>),
    Snapshot(Sender<Arc<State>>),
    Listen(Sender<Arc<Vec<Event>>>),
    Find(AccountId, OrderId, Sender<Option<crate::domain::order_state::Order>>),
}

/// The way to the engine; cheap to clone. The engine ends when the last handle is gone.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    queue: Sender<Work>,
    version: Arc<AtomicU64>,
    cached: Arc<Mutex<Option<Snapshot>>>,
    epochs: Epochs,
    #[cfg(test)]
    tape: tape::Tape,
}

/// The newest epoch of every person seen by this process.
pub type Epochs = Arc<Mutex<BTreeMap<UserName, u64>>>;

pub(super) use recovery::resume;
pub use turn::EngineLoop;

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Work::Command(..) => "command",
            Work::Rehearse(..) => "rehearse",
            Work::Market(..) => "market",
            Work::Pass(..) => "pass",
            Work::Prime(..) => "prime",
            Work::Know(..) => "know",
            Work::Snapshot(..) => "snapshot",
            Work::Listen(..) => "listen",
            Work::Find(..) => "find",
        })
    }
}

/// Builds the engine of a home from its journal, and both ends of its queue.
pub fn open(
    home: &Path,
    mut store: TradesStore,
    courier: Courier,
    calendars: Calendars,
    clock: Arc<dyn Clock>,
) -> Result<(EngineHandle, EngineLoop), ServiceError> {
    let snapshots = Snapshots::open(home)
        .inspect_err(|error| tracing::warn!(%error, "no snapshots are kept; starts stay slow"))
        .ok();
    let recovered = resume(&calendars, store.read(), snapshots.as_ref(), None)?;
    let engine = recovered.engine.clone();
    if store.is_of_earlier()? {
        store.rebuild(engine.standing_rows())?;
    }
    let keeper = match snapshots.clone() {
        Some(snapshots) => Some(Keeper::new(TradesReader::open(home)?, snapshots, recovered)),
        None => None,
    };
    let (sender, queue) = bounded(QUEUE_MAX);
    let version = Arc::new(AtomicU64::new(1));
    let epochs = Epochs::default();
    let handle = EngineHandle {
        queue: sender,
        version: Arc::clone(&version),
        cached: Arc::default(),
        epochs: Arc::clone(&epochs),
        #[cfg(test)]
        tape: tape::Tape::default(),
    };
    let disk = Disk::new(store, courier, engine.state(), Arc::clone(&clock), version);
    let engine_loop =
        EngineLoop::new(engine, disk, Keeping { keeper, snapshots }, calendars, clock, queue, epochs);
    #[cfg(test)]
    let engine_loop = engine_loop.with_tape(handle.tape.clone());
    Ok((handle, engine_loop))
}

impl EngineHandle {
    /// Gives a command and waits until its consequences are on disk.
    pub fn command(&self, wish: Wish) -> Result<Vec<Event>, ServiceError> {
        let (answer, result) = bounded(1);
        self.queue.send(Work::Command(Box::new(wish), answer)).map_err(|_| ServiceError::EngineStopped)?;
        result.recv().map_err(|_| ServiceError::EngineStopped)?
    }

    /// Gives several commands at once, so that they share a write to disk, and waits for all of them. The first failure
    /// is the answer; the others stand for themselves.
    pub fn commands(&self, wishes: Vec<Wish>) -> Result<Vec<Event>, ServiceError> {
        let mut waiting = Vec::new();
        for wish in wishes {
            let (answer, result) = bounded(1);
            self.queue
                .send(Work::Command(Box::new(wish), answer))
                .map_err(|_| ServiceError::EngineStopped)?;
            waiting.push(result);
        }
        let mut events = Vec::new();
        for result in waiting {
            events.extend(result.recv().map_err(|_| ServiceError::EngineStopped)??);
        }
        Ok(events)
    }

    /// Gives a command to a copy of the engine: what would happen, with nothing kept.
    pub fn rehearse(&self, wish: Wish) -> Result<Vec<Event>, ServiceError> {
        let (answer, result) = bounded(1);
        self.queue.send(Work::Rehearse(Box::new(wish), answer)).map_err(|_| ServiceError::EngineStopped)?;
        result.recv().map_err(|_| ServiceError::EngineStopped)?
    }

    /// Feeds a market event and waits until its consequences are on disk.
    pub fn market(&self, event: MarketEvent) -> Result<Vec<Event>, ServiceError> {
        self.market_later(vec![event], &Feed::default())?.recv().map_err(|_| ServiceError::EngineStopped)?
    }

    /// Feeds market events that belong together: all of them are on disk, or none; after a failure, nothing more of its
    /// feed is played. The answer can be waited for later.
    pub fn market_later(
        &self,
        events: Vec<MarketEvent>,
        feed: &Feed,
    ) -> Result<Receiver<Result<Vec<Event>, ServiceError>>, ServiceError> {
        let (answer, result) = bounded(1);
        self.queue
            .send(Work::Market(events, Some(answer), Arc::clone(feed)))
            .map_err(|_| ServiceError::EngineStopped)?;
        Ok(result)
    }

    /// Lets time pass on one exchange; the clocks of the others stand. The answer can be waited for later.
    pub fn pass_later(
        &self,
        exchange: Exchange,
        time: UnixNanos,
    ) -> Result<Receiver<Result<Vec<Event>, ServiceError>>, ServiceError> {
        let (answer, result) = bounded(1);
        self.queue.send(Work::Pass(exchange, time, answer)).map_err(|_| ServiceError::EngineStopped)?;
        Ok(result)
    }

    /// Feeds a market event without waiting; blocks only while the queue is full.
    pub fn feed(&self, event: MarketEvent) -> Result<(), ServiceError> {
        self.queue
            .send(Work::Market(vec![event], None, Feed::default()))
            .map_err(|_| ServiceError::EngineStopped)
    }

    /// Tells the engine facts of the market's past: no journal.
    pub fn know(&self, exchange: Exchange, facts: Arc<ExchangeFacts>) -> Result<(), ServiceError> {
        self.queue.send(Work::Know(exchange, facts)).map_err(|_| ServiceError::EngineStopped)
    }

    /// Tells the engine last prices from the market store: no fill, no journal, market time stays.
    pub fn prime(&self, prices: Vec<(InstrumentId, Price, UnixNanos)>) -> Result<(), ServiceError> {
        self.queue.send(Work::Prime(prices)).map_err(|_| ServiceError::EngineStopped)
    }

    /// The state after the last round; taken again only when something changed.
    pub fn snapshot(&self) -> Result<Arc<State>, ServiceError> {
        let version = self.version.load(Ordering::Acquire);
        if let Some((_, state)) = lock(&self.cached).as_ref().filter(|(v, _)| *v == version) {
            return Ok(Arc::clone(state));
        }
        let (answer, result) = bounded(1);
        self.queue.send(Work::Snapshot(answer)).map_err(|_| ServiceError::EngineStopped)?;
        let state = result.recv().map_err(|_| ServiceError::EngineStopped)?;
        *lock(&self.cached) = Some((version, Arc::clone(&state)));
        Ok(state)
    }

    /// One order, without taking a whole snapshot.
    pub fn order(
        &self,
        account: AccountId,
        id: OrderId,
    ) -> Result<Option<crate::domain::order_state::Order>, ServiceError> {
        let (answer, result) = bounded(1);
        self.queue.send(Work::Find(account, id, answer)).map_err(|_| ServiceError::EngineStopped)?;
        result.recv().map_err(|_| ServiceError::EngineStopped)
    }

    /// What the engine was given since it began.
    #[cfg(test)]
    pub fn played(&self) -> Vec<tape::Played> {
        self.tape.played()
    }

    /// Counts the changes of the state.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Events from now on, batch by batch. A listener that falls 1,024 batches behind is dropped.
    pub fn listen(&self) -> Result<Receiver<Arc<Vec<Event>>>, ServiceError> {
        let (sender, receiver) = bounded(LISTENER_MAX);
        self.queue.send(Work::Listen(sender)).map_err(|_| ServiceError::EngineStopped)?;
        Ok(receiver)
    }

    /// Notes that a person's rights changed: wishes under an older epoch are refused from now on.
    pub fn note_epoch(&self, user: UserName, epoch: u64) {
        let mut epochs = lock(&self.epochs);
        let known = epochs.entry(user).or_insert(epoch);
        *known = epoch.max(*known);
    }
}

/// Market time of an exchange, or wall time while it has none.
pub(super) fn time_of(state: &State, exchange: Option<Exchange>, clock: &dyn Clock) -> UnixNanos {
    exchange.and_then(|e| state.market_time(e)).unwrap_or_else(|| clock.now())
}
