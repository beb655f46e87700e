//! The engine's thread: takes what waits, steps, and hands rounds to the disk.
//!
//! A round that nobody looks at is handed to the journal's thread while more waits, at most [`AHEAD_MAX`] of them;
//! any other is written here, after those. So one order alone pays for no second thread, and many share its work.

use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::domain::calendar::Calendars;
use crate::domain::command::Given;
use crate::domain::{Batch, Clock, Event, MarketEvent, Order, UnixNanos};
use crate::execution::{Engine, EngineError, State};
use crate::store::snapshots::Snapshots;

use super::super::error::ServiceError;
use super::disk::{Disk, Round, Taken, tell};
use super::recovery::{Keeper, resume};
use super::{Epochs, ROUND_MAX, Wish, Work, lock};

/// Most rounds that are stepped and not yet written.
const AHEAD_MAX: usize = 2;

/// What runs on the engine's thread.
#[derive(Debug)]
pub struct EngineLoop {
    engine: Engine,
    disk: Arc<Mutex<Disk>>,
    calendars: Calendars,
    clock: Arc<dyn Clock>,
    queue: Receiver<Work>,
    epochs: Epochs,
    generation: u64,
    keeping: Keeping,
    standing: Standing,
    #[cfg(test)]
    tape: super::tape::Tape,
}

/// Whether the engine goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It does.
    Going,
    /// The disk failed under the journal: what is on it can be looked at, and nothing more is done.
    Looking,
    /// The journal cannot even be read.
    Blind,
}

/// What a fast start needs: who makes the snapshots, and where they lie.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) keeper: Option<Keeper>,
    pub(super) snapshots: Option<Snapshots>,
}

/// The way to the journal's thread.
struct Writer {
    rounds: Sender<Round>,
    /// Whether each round, in its order, is on disk.
    written: Receiver<bool>,
    waiting: usize,
}

/// An order that somebody looks for.
type Find = (super::AccountId, super::OrderId, Sender<Option<Order>>);

/// What is gathered before it is written.
#[derive(Default)]
struct Gathered {
    round: Round,
    snapshots: Vec<Sender<Arc<State>>>,
    finds: Vec<Find>,
    /// A step stopped half-way: the engine must go back to what is on disk before the next one.
    broken: bool,
}

impl Gathered {
    /// Nobody looks at the state behind it.
    fn is_plain(&self) -> bool {
        self.snapshots.is_empty() && self.finds.is_empty() && !self.broken
    }
}

impl EngineLoop {
    pub(super) fn new(
        engine: Engine,
        disk: Disk,
        keeping: Keeping,
        calendars: Calendars,
        clock: Arc<dyn Clock>,
        queue: Receiver<Work>,
        epochs: Epochs,
    ) -> Self {
        let disk = Arc::new(Mutex::new(disk));
        let standing = Standing::Going;
        Self {
            engine,
            disk,
            calendars,
            clock,
            queue,
            epochs,
            generation: 0,
            keeping,
            standing,
            #[cfg(test)]
            tape: super::tape::Tape::default(),
        }
    }

    /// Writes down what it is given.
    #[cfg(test)]
    pub(super) fn with_tape(mut self, tape: super::tape::Tape) -> Self {
        self.tape = tape;
        self
    }

    /// Works until every handle is gone.
    pub fn run(mut self) {
        let (nudge, nudges) = bounded(1);
        lock(&self.disk).begin(nudge);
        let keeper = self.keeping.keeper.take().and_then(|keeper| {
            let named = thread::Builder::new().name("snapshots".to_string());
            named.spawn(move || keeper.run(&nudges)).ok()
        });
        let disk = Arc::clone(&self.disk);
        let (rounds, to_write) = bounded::<Round>(AHEAD_MAX);
        let (done, written) = bounded(AHEAD_MAX + 1);
        let spawned = thread::Builder::new().name("journal".to_string()).spawn(move || {
            for round in to_write {
                let kept = lock(&disk).finish(round);
                if done.send(kept).is_err() {
                    break;
                }
            }
        });
        let mut writer = Writer { rounds, written, waiting: 0 };
        while let Ok(first) = self.queue.recv() {
            if self.standing != Standing::Going {
                self.only_show(first);
                continue;
            }
            let gathered = self.gather(first);
            if spawned.is_ok() && gathered.is_plain() && !self.queue.is_empty() {
                self.hand_over(gathered.round, &mut writer);
            } else {
                self.settle(&mut writer, false);
                self.finish(gathered);
            }
        }
        self.settle(&mut writer, false);
        drop(writer);
        lock(&self.disk).end();
        for helper in spawned.into_iter().chain(keeper) {
            if helper.join().is_err() {
                tracing::error!("a thread beside the engine ended by a defect; see the log before this line");
            }
        }
    }

    fn gather(&mut self, first: Work) -> Gathered {
        let mut gathered = Gathered::default();
        gathered.round.generation = self.generation;
        self.take(first, &mut gathered);
        for _ in 1..ROUND_MAX {
            if gathered.broken {
                break;
            }
            match self.queue.try_recv() {
                Ok(work) => self.take(work, &mut gathered),
                Err(_) => break,
            }
        }
        gathered
    }

    fn hand_over(&mut self, round: Round, writer: &mut Writer) {
        if let Err(unsent) = writer.rounds.send(round) {
            lock(&self.disk).finish(unsent.into_inner());
            return;
        }
        writer.waiting += 1;
        self.settle(writer, true);
    }

    /// Hears of the rounds that were handed over, `ahead` of which may stay unwritten; goes back when one could not be
    /// written, after which all that were stepped on it have been refused.
    fn settle(&mut self, writer: &mut Writer, ahead: bool) {
        let mut failed = false;
        while writer.waiting > 0 {
            let heard = if ahead && !failed && writer.waiting <= AHEAD_MAX {
                match writer.written.try_recv() {
                    Ok(kept) => kept,
                    Err(_) => return,
                }
            } else {
                writer.written.recv().unwrap_or(false)
            };
            writer.waiting -= 1;
            failed |= !heard;
        }
        if failed {
            self.go_back();
        }
    }

    fn finish(&mut self, gathered: Gathered) {
        let Gathered { mut round, snapshots, finds, broken } = gathered;
        // The engine may have gone back after these steps: then the disk refuses them.
        if round.generation != self.generation {
            for step in round.taken.drain(..) {
                let text = "an earlier write failed".to_string();
                tell(step.answer, Err(ServiceError::NotWritten(text)));
            }
            round.generation = self.generation;
        }
        let kept = lock(&self.disk).finish(round);
        if broken && kept {
            tracing::error!("a step of the engine stopped half-way; it goes back to what is on disk");
        }
        if broken || !kept {
            self.go_back();
        }
        self.show(snapshots, finds);
    }

    /// Answers those who look; a state that the journal does not vouch for is shown to nobody.
    fn show(&self, snapshots: Vec<Sender<Arc<State>>>, finds: Vec<Find>) {
        if self.standing == Standing::Blind {
            return;
        }
        for (account, id, asker) in finds {
            // The asker may be gone; nobody else cares.
            asker.send(self.engine.state().orders().get(account, id).cloned()).unwrap_or_default();
        }
        if !snapshots.is_empty() {
            let state = Arc::new(self.engine.state().clone());
            snapshots.into_iter().for_each(|a| a.send(Arc::clone(&state)).unwrap_or_default());
        }
    }

    /// After the engine has stopped: whoever wants something done hears so, since their end of the answer goes.
    fn only_show(&self, work: Work) {
        match work {
            Work::Snapshot(asker) => self.show(vec![asker], Vec::new()),
            Work::Find(account, id, asker) => self.show(Vec::new(), vec![(account, id, asker)]),
            Work::Command(..)
            | Work::Rehearse(..)
            | Work::Market(..)
            | Work::Pass(..)
            | Work::Prime(..)
            | Work::Know(..)
            | Work::Listen(..) => {}
        }
    }

    fn take(&mut self, work: Work, gathered: &mut Gathered) {
        match work {
            Work::Rehearse(wish, answer) => {
                let mut copy = self.engine.clone();
                let result = given(&self.epochs, *wish, self.clock.now())
                    .and_then(|(given, now, wall)| Ok(copy.command(&given, now, wall)?.events));
                answer.send(result).unwrap_or_default();
            }
            Work::Command(wish, answer) => {
                let result = given(&self.epochs, *wish, self.clock.now()).and_then(|(given, now, wall)| {
                    #[cfg(test)]
                    self.tape.note(super::tape::Played::Command(Box::new(given.clone()), now, wall));
                    Ok(self.engine.command(&given, now, wall)?)
                });
                note(result, Some(answer), gathered);
            }
            Work::Market(events, answer, feed) => {
                use std::sync::atomic::Ordering;
                let wall = self.clock.now();
                let going =
                    if feed.load(Ordering::Acquire) { Err(ServiceError::FeedStopped) } else { Ok(()) };
                let result = going.and_then(|()| {
                    events.iter().enumerate().try_fold(Batch::default(), |mut all, (place, event)| {
                        #[cfg(test)]
                        self.tape.note(super::tape::Played::Market(event.clone(), wall));
                        let is_first = place == 0 && is_of_one_exchange(event);
                        let batch = self.engine.market(event, wall);
                        all.append(batch.map_err(|error| of_step(error, is_first))?);
                        Ok::<_, ServiceError>(all)
                    })
                });
                if result.is_err() {
                    feed.store(true, Ordering::Release);
                }
                gathered.round.primed = true;
                note(result, answer, gathered);
            }
            Work::Pass(exchange, time, answer) => {
                let wall = self.clock.now();
                #[cfg(test)]
                self.tape.note(super::tape::Played::Pass(exchange, time, wall));
                let result = self.engine.pass(exchange, time, wall);
                let result = result.map_err(|error| of_step(error, true));
                gathered.round.primed = true;
                note(result, Some(answer), gathered);
            }
            Work::Prime(prices) => {
                for (instrument, price, time) in prices {
                    #[cfg(test)]
                    self.tape.note(super::tape::Played::Prime(instrument, price, time));
                    self.engine.prime(instrument, price, time);
                }
                gathered.round.primed = true;
            }
            Work::Know(exchange, facts) => {
                #[cfg(test)]
                self.tape.note(super::tape::Played::Know(exchange, Arc::clone(&facts)));
                self.engine.know(exchange, &facts);
            }
            Work::Snapshot(asker) => gathered.snapshots.push(asker),
            Work::Listen(listener) => lock(&self.disk).listen(listener),
            Work::Find(account, id, asker) => gathered.finds.push((account, id, asker)),
        }
    }

    /// After a failed write: what is on disk is the truth. When the disk itself failed, or what is on it cannot be
    /// read, the engine stops: a sync that failed once may say nothing of it the next time.
    fn go_back(&mut self) {
        self.generation += 1;
        let snapshots = self.keeping.snapshots.as_ref();
        let disk = lock(&self.disk);
        let recovered = resume(&self.calendars, disk.read(), snapshots, None);
        self.standing = match recovered {
            Ok(recovered) => {
                let before = std::mem::replace(&mut self.engine, recovered.engine);
                // Facts of the market are in no journal.
                for (exchange, facts) in before.state().facts().by_exchange() {
                    self.engine.know(exchange, facts);
                }
                if disk.is_stopped() { Standing::Looking } else { Standing::Going }
            }
            Err(error) => {
                tracing::error!(%error, "journal could not be read either");
                Standing::Blind
            }
        };
        if self.standing != Standing::Going {
            tracing::error!("the engine has stopped: check the disk, then close the home and open it again");
        }
    }
}

fn note(
    result: Result<Batch, ServiceError>,
    answer: Option<super::Answer<Vec<Event>>>,
    gathered: &mut Gathered,
) {
    let result = result.and_then(|batch| Ok(batch.with_texts().map_err(EngineError::from)?));
    gathered.broken |= matches!(result, Err(ServiceError::Engine(_)));
    gathered.round.taken.push(Taken { outcome: result, answer });
}

/// Whether going back in time is the first thing that is looked for in an event.
const fn is_of_one_exchange(event: &MarketEvent) -> bool {
    !matches!(event, MarketEvent::Bars(_) | MarketEvent::Day { .. } | MarketEvent::Tick(_))
}

/// What comes too late is refused before it changed anything; after any other error the engine holds half a step.
fn of_step(error: EngineError, is_first: bool) -> ServiceError {
    match error {
        EngineError::TimeGoesBack { .. } if is_first => ServiceError::Invalid(error.to_string()),
        other => ServiceError::Engine(other),
    }
}

/// A wish as the engine takes it, unless the login behind it no longer holds.
fn given(
    epochs: &Epochs,
    wish: Wish,
    wall: UnixNanos,
) -> Result<(Given, UnixNanos, UnixNanos), ServiceError> {
    let actor = match &wish.actor {
        Some(actor) => {
            if lock(epochs).get(&actor.user).is_some_and(|newest| *newest > actor.epoch) {
                return Err(ServiceError::SessionOver);
            }
            actor.user
        }
        None => super::super::house::HOUSE_ACTOR.parse()?,
    };
    Ok((Given { actor, independent_of: wish.independent_of, command: wish.command }, wish.now, wall))
}
