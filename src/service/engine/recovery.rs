//! From the journal to an engine: from a snapshot that fits it and the events behind, or from the first event on.
//!
//! A snapshot is believed only when its tag is right, the journal's chain at its event is the one it was made at, and
//! it reads back; otherwise an older one is tried, then none. So a snapshot can make a start faster, and nothing else.
//! The [`Keeper`] makes them: it folds the journal a second time, on a thread of its own, so that no order waits for
//! it and what it saves is by construction what the journal says.

use std::ops::ControlFlow;
use std::thread;

use crossbeam_channel::Receiver;

use crate::domain::Seq;
use crate::domain::calendar::Calendars;
use crate::domain::journal::ChainHash;
use crate::execution::saved::Done;
use crate::execution::{Engine, Orders};
use crate::store::snapshots::{Run, Snapshot, Snapshots};
use crate::store::trades::TradesReader;

use super::super::error::ServiceError;

/// Events between two snapshots.
pub(super) const EVENTS_BETWEEN: Seq = 20_000;
/// Fewest events behind the last snapshot for which one is made when the home closes.
const EVENTS_AT_CLOSE: Seq = 1_000;
/// Threads that read the orders of a snapshot.
const READERS: usize = 2;

/// An engine that did nothing but fold the journal, and the runs of its newest snapshot.
#[derive(Debug)]
pub(in crate::service) struct Recovered {
    pub(in crate::service) engine: Engine,
    /// The journal's link at its last event.
    link: ChainHash,
    runs: Vec<Run>,
    /// Where that snapshot stands; 0 without one.
    saved: Seq,
    /// The orders as they stood there.
    at_saved: Orders,
}

/// The engine as the journal tells it, up to `upto` or to its end.
pub(in crate::service) fn resume(
    calendars: &Calendars,
    journal: &TradesReader,
    snapshots: Option<&Snapshots>,
    upto: Option<Seq>,
) -> Result<Recovered, ServiceError> {
    journal.check_anchor()?;
    let upto = upto.unwrap_or(Seq::MAX);
    let from_snapshot = snapshots.and_then(|s| newest_that_fits(calendars, journal, s, upto));
    let mut recovered = match from_snapshot {
        Some(recovered) => recovered,
        None => Recovered {
            engine: Engine::new(calendars.clone())?,
            link: ChainHash::START,
            runs: Vec::new(),
            saved: 0,
            at_saved: Orders::default(),
        },
    };
    catch_up(&mut recovered, journal, upto)?;
    Ok(recovered)
}

fn newest_that_fits(
    calendars: &Calendars,
    journal: &TradesReader,
    snapshots: &Snapshots,
    upto: Seq,
) -> Option<Recovered> {
    for seq in snapshots.list().into_iter().filter(|seq| *seq <= upto) {
        match restore(calendars, journal, snapshots, seq) {
            Ok(recovered) => return Some(recovered),
            Err(why) => tracing::warn!(seq, why, "a snapshot is not used; the journal is read instead"),
        }
    }
    None
}

/// The engine of one snapshot, or why it is not believed.
fn restore(
    calendars: &Calendars,
    journal: &TradesReader,
    snapshots: &Snapshots,
    seq: Seq,
) -> Result<Recovered, String> {
    let Snapshot { chain, state, runs, .. } = snapshots.load(seq)?;
    match journal.link(seq) {
        Ok(Some(link)) if link == chain => {}
        Ok(_) => return Err("the journal is another one at this event".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    let done = read_runs(snapshots, &runs)?;
    let engine = Engine::from_bytes(calendars.clone(), &state, done).map_err(|e| e.to_string())?;
    if engine.state().seq() != seq {
        return Err("its state stands at another event".to_owned());
    }
    let at_saved = engine.state().orders().clone();
    Ok(Recovered { engine, link: chain, runs, saved: seq, at_saved })
}

/// Reads and decodes runs, a few at a time; in their order.
fn read_runs(snapshots: &Snapshots, runs: &[Run]) -> Result<Vec<Done>, String> {
    let read = |run: &Run| Done::from_bytes(&snapshots.load_run(run)?).map_err(|e| e.to_string());
    let share = runs.len().div_ceil(READERS).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = runs
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(read).collect::<Result<Vec<Done>, _>>()))
            .collect();
        let mut all = Vec::new();
        for part in parts {
            all.extend(part.join().map_err(|_| "its orders cannot be read".to_owned())??);
        }
        Ok(all)
    })
}

/// Takes in the events behind the engine's own up to `upto`, each of which must fit the chain.
fn catch_up(recovered: &mut Recovered, journal: &TradesReader, upto: Seq) -> Result<(), ServiceError> {
    let Recovered { engine, link, .. } = recovered;
    let mut failed = None;
    journal.stored(engine.state().seq() + 1, |event, text, hash| {
        if event.seq > upto {
            return ControlFlow::Break(());
        }
        *link = link.next(text.as_bytes());
        let taken = if *link == hash {
            engine.apply(&event).map_err(ServiceError::from)
        } else {
            Err(journal.broken(event.seq).into())
        };
        failed = taken.err();
        if failed.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Makes snapshots beside the engine.
#[derive(Debug)]
pub(super) struct Keeper {
    journal: TradesReader,
    snapshots: Snapshots,
    recovered: Recovered,
}

impl Keeper {
    /// Goes on from what the engine was recovered to.
    pub(super) fn new(journal: TradesReader, snapshots: Snapshots, recovered: Recovered) -> Self {
        Self { journal, snapshots, recovered }
    }

    /// Makes one whenever it is told that enough has happened, and one at the end.
    pub(super) fn run(mut self, nudges: &Receiver<()>) {
        for () in nudges {
            self.keep(EVENTS_BETWEEN);
        }
        self.keep(EVENTS_AT_CLOSE);
    }

    /// Makes a snapshot when at least this many events lie behind the last one.
    fn keep(&mut self, least: Seq) {
        if let Err(error) = self.try_keep(least) {
            tracing::warn!(%error, "no snapshot could be made; the next start reads more of the journal");
        }
    }

    fn try_keep(&mut self, least: Seq) -> Result<(), ServiceError> {
        let (head, _) = self.journal.head()?;
        if head < self.recovered.saved.saturating_add(least) {
            return Ok(());
        }
        catch_up(&mut self.recovered, &self.journal, head)?;
        let Recovered { engine, link, runs, saved, at_saved } = &mut self.recovered;
        let state = engine.state();
        let done = state.orders().done_since(at_saved);
        if !done.is_empty() {
            runs.push(self.snapshots.save_run(state.seq(), &done.to_bytes()?)?);
        }
        self.snapshots.save(&Snapshot {
            seq: state.seq(),
            chain: *link,
            state: engine.to_bytes()?,
            runs: runs.clone(),
        })?;
        *saved = state.seq();
        *at_saved = state.orders().clone();
        Ok(())
    }
}
