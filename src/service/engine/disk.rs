//! The disk side of the engine: writes rounds, then answers, tells listeners, and sends the courier.
//!
//! Owned by one thread at a time. After a failed write every further round of the same generation is refused unwritten:
//! it was stepped on what never reached the disk. A new generation begins when the engine has gone back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Sender;

use crate::domain::event::EventBody;
use crate::domain::{Batch, Clock, Event, Seq};
use crate::execution::State;
use crate::store::fail;
use crate::store::trades::{TradesReader, TradesStore};

use super::super::courier::Courier;
use super::super::error::ServiceError;
use super::Answer;
use super::recovery::EVENTS_BETWEEN;

/// One step of a round: what it changed, and who waits for it.
pub(super) struct Taken {
    pub(super) outcome: Result<Batch, ServiceError>,
    pub(super) answer: Option<Answer<Vec<Event>>>,
}

/// Steps that are written together.
#[derive(Default)]
pub(super) struct Round {
    /// Counts how often the engine went back.
    pub(super) generation: u64,
    pub(super) taken: Vec<Taken>,
    /// The market as seen has moved, whatever was written.
    pub(super) primed: bool,
}

/// The journal, and what follows from its growth.
#[derive(Debug)]
pub(super) struct Disk {
    store: TradesStore,
    courier: Courier,
    clock: Arc<dyn Clock>,
    version: Arc<AtomicU64>,
    listeners: Vec<Sender<Arc<Vec<Event>>>>,
    /// The generation of which a write failed, and why.
    failed: Option<(u64, String)>,
    /// Who makes snapshots, and how many events it has not been told of.
    nudge: Option<Sender<()>>,
    untold: Seq,
}

impl Disk {
    pub(super) fn new(
        store: TradesStore,
        mut courier: Courier,
        state: &State,
        clock: Arc<dyn Clock>,
        version: Arc<AtomicU64>,
    ) -> Self {
        courier.meet(state);
        Self { store, courier, clock, version, listeners: Vec::new(), failed: None, nudge: None, untold: 0 }
    }

    /// What is on disk.
    pub(super) fn read(&self) -> &TradesReader {
        self.store.read()
    }

    /// Whether nothing can be written until the home is opened again.
    pub(super) fn is_stopped(&self) -> bool {
        self.store.is_stopped()
    }

    /// Somebody wants to hear of what is written from now on.
    pub(super) fn listen(&mut self, listener: Sender<Arc<Vec<Event>>>) {
        self.listeners.push(listener);
    }

    /// Delivers what an earlier process left, and knows whom to nudge from now on.
    pub(super) fn begin(&mut self, nudge: Sender<()>) {
        self.nudge = Some(nudge);
        self.deliver();
    }

    /// Nothing more will be written.
    pub(super) fn end(&mut self) {
        self.nudge = None;
        if !self.store.is_stopped() {
            self.courier.rest(&mut self.store, self.clock.now());
        }
    }

    /// Sends the courier.
    fn deliver(&mut self) {
        self.courier.deliver(&mut self.store, self.clock.now());
    }

    /// Writes a round and answers. False when it is not on disk.
    pub(super) fn finish(&mut self, round: Round) -> bool {
        let Round { generation, taken, primed } = round;
        if self.failed.as_ref().is_some_and(|(failed, _)| *failed != generation) {
            self.failed = None;
        }
        let wrote = taken.iter().any(|t| t.outcome.as_ref().is_ok_and(|batch| !batch.is_empty()));
        if wrote && self.failed.is_none() {
            let batches = taken.iter().filter_map(|t| t.outcome.as_ref().ok());
            if let Err(error) = self.store.append_all(batches) {
                tracing::error!(%error, "journal could not be written; the engine goes back to what is on disk");
                self.failed = Some((generation, error.to_string()));
            }
        }
        if let Some((_, text)) = &self.failed {
            let refusal =
                if self.store.is_stopped() { ServiceError::DiskFailed } else { ServiceError::NotWritten };
            for step in taken {
                tell(step.answer, Err(refusal(text.clone())));
            }
            return false;
        }
        if wrote {
            self.publish(&taken);
        }
        if wrote || primed {
            self.version.fetch_add(1, Ordering::AcqRel);
        }
        fail::point("engine.before_answer");
        for step in taken {
            tell(step.answer, step.outcome.map(|batch| batch.events));
        }
        fail::point("engine.after_answer");
        if wrote {
            self.deliver();
        }
        true
    }

    fn publish(&mut self, taken: &[Taken]) {
        let events = || taken.iter().filter_map(|t| t.outcome.as_ref().ok()).flat_map(|batch| &batch.events);
        for event in events() {
            tell_log(event);
            self.courier.note(event);
            self.untold += 1;
        }
        if self.untold >= EVENTS_BETWEEN {
            self.untold = 0;
            // One nudge that waits is enough.
            let told = self.nudge.as_ref().map(|nudge| nudge.try_send(()));
            tracing::debug!(?told, "time for a snapshot");
        }
        if !self.listeners.is_empty() {
            let copy = Arc::new(events().cloned().collect::<Vec<_>>());
            self.listeners.retain(|l| l.try_send(Arc::clone(&copy)).is_ok());
        }
    }
}

/// Answers, where somebody waits; whoever asked may have gone, then nobody misses the answer.
pub(super) fn tell<T>(answer: Option<Answer<T>>, result: Result<T, ServiceError>) {
    if let Some(answer) = answer {
        answer.send(result).unwrap_or_default();
    }
}

/// What the system log says of an event: people's controls and refusals, not every fill and mark.
fn tell_log(event: &Event) {
    let by = event.by;
    match &event.body {
        EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal } => {
            tracing::warn!(%by, account = %order.account, id = %order.id, code = %refusal.code, "order refused");
        }
        EventBody::AccountOpened(spec) => tracing::info!(%by, account = %spec.account, "account opened"),
        EventBody::LimitProposed { version, draft, .. } => {
            tracing::info!(%by, version, limit = %draft.name, "limit waits for a second person");
        }
        EventBody::LimitApproved { version, draft, .. } => {
            tracing::info!(%by, version, limit = %draft.name, "limit in force");
        }
        EventBody::LimitRejected { version, .. } => tracing::info!(%by, version, "limit not approved"),
        EventBody::ControlRejected { what, .. } => tracing::warn!(%by, what = %what, "control refused"),
        EventBody::Halted { scope, .. } => tracing::warn!(%by, scope = %scope, "trading halted"),
        EventBody::Flattened { scope, .. } => tracing::warn!(%by, scope = %scope, "positions closed"),
        EventBody::Resumed { scope, .. } => tracing::info!(%by, scope = %scope, "trading resumed"),
        EventBody::RiskEvent { code, account, .. } => tracing::warn!(%account, %code, "risk event"),
        _ => {}
    }
}
