//! The courier: effects of the journal outside its own file.
//!
//! Runs on the engine's thread after the answers are out. It reads the events behind its cursor, delivers the notices
//! they give rise to (delivering twice changes nothing), copies new lines of the access log into the audit trail, and
//! moves the cursor. What a crash leaves undone is done when the home is opened next.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::domain::event::EventBody;
use crate::domain::role::Reach;
use crate::domain::{AccountId, AccountKind, Capability, CleanText, Event, Seq, UnixNanos, UserName};
use crate::execution::State;
use crate::notify::{self, Audience};
use crate::store::trades::TradesStore;
use crate::store::{StoreError, UsersStore, fail};

use super::engine::lock;

/// Name of the users store in the outbox.
const DESTINATION: &str = "notices";
/// Most events delivered at once.
const EVENTS_MAX: usize = 2_000;
/// Most lines of the access log copied at once.
const LINES_MAX: u32 = 1_000;

/// Most noted events before the cursor moves though nobody had to be told.
const UNTOLD_MAX: Seq = 10_000;

/// The same when the home closes.
const UNTOLD_AT_CLOSE: Seq = 500;

/// Delivers notices and copies denials.
#[derive(Debug)]
pub struct Courier {
    users: Arc<Mutex<UsersStore>>,
    /// Up to here all is delivered; `None` until the outbox has been asked.
    delivered: Option<Seq>,
    /// Up to here the events were noted, and those that somebody must hear of.
    noted: Seq,
    waiting: Vec<Event>,
    owners: BTreeMap<AccountId, UserName>,
    /// One person in every part: what they would not hear of, nobody does.
    anyone: Audience,
}

impl Courier {
    /// A courier to a users store.
    pub fn new(users: Arc<Mutex<UsersStore>>) -> Self {
        let one: Vec<UserName> = crate::execution::ENGINE_NAME.parse().into_iter().collect();
        let anyone = Audience {
            traders: one.clone(),
            controllers: one.clone(),
            everybody: one,
            owners: BTreeMap::new(),
            stakes: BTreeMap::new(),
        };
        let owners = BTreeMap::new();
        Self { users, delivered: None, noted: 0, waiting: Vec::new(), owners, anyone }
    }

    /// Learns who owns which account, and up to where the journal reaches.
    pub fn meet(&mut self, state: &State) {
        let own = state.accounts().values().filter(|a| a.spec().kind == AccountKind::Simulation);
        self.owners = own.filter_map(|a| Some((a.spec().account, a.spec().owner?))).collect();
        self.noted = state.seq();
    }

    /// Notes an event that is on disk; they come in order.
    pub fn note(&mut self, event: &Event) {
        if let EventBody::AccountOpened(spec) = &event.body
            && spec.kind == AccountKind::Simulation
            && let Some(owner) = spec.owner
        {
            self.owners.insert(spec.account, owner);
        }
        // Whom a split concerns is read when it is told.
        let is_split = matches!(event.body, EventBody::CorporateAction { .. });
        if is_split || !notify::notices(std::slice::from_ref(event), &self.anyone).is_empty() {
            self.waiting.push(event.clone());
        }
        self.noted = event.seq;
    }

    /// Delivers all that waits. A failure is logged, recorded in the outbox, and tried again next time.
    pub fn deliver(&mut self, store: &mut TradesStore, wall: UnixNanos) {
        if let Err(error) = self.try_deliver(store, wall) {
            tracing::warn!(%error, "notices could not be delivered; trying again with the next change");
            let text = CleanText::new(&error.to_string());
            if let Err(error) = store.delivery_failed(DESTINATION, &text, wall) {
                tracing::error!(%error, "the outbox could not be written");
            }
        }
    }

    fn try_deliver(&mut self, store: &mut TradesStore, wall: UnixNanos) -> Result<(), StoreError> {
        let from = match self.delivered {
            Some(seq) => seq,
            None => {
                self.catch_up(store, wall)?;
                self.noted
            }
        };
        let (waiting, noted) = (std::mem::take(&mut self.waiting), self.noted);
        if let Err(error) = self.tell(&waiting, noted, noted - from > UNTOLD_MAX, store, wall) {
            self.waiting = waiting;
            return Err(error);
        }
        if !waiting.is_empty() || noted - from > UNTOLD_MAX || self.delivered.is_none() {
            self.delivered = Some(noted);
        }
        self.copy_denials(store)
    }

    /// Moves the cursor before the home closes, when the next start would have much to read.
    pub fn rest(&mut self, store: &mut TradesStore, wall: UnixNanos) {
        if self.delivered.is_some_and(|seq| self.noted - seq > UNTOLD_AT_CLOSE)
            && let Err(error) = store.delivered(DESTINATION, self.noted, wall)
        {
            tracing::warn!(%error, "the outbox could not be written");
        }
    }

    /// What an earlier process left undelivered.
    fn catch_up(&self, store: &mut TradesStore, wall: UnixNanos) -> Result<(), StoreError> {
        let mut from = store.read().delivery(DESTINATION)?.delivered;
        let mut marked = from;
        let last = self.waiting.first().map_or(self.noted, |event| event.seq - 1);
        while from < last {
            let mut events = next_events(store, from)?;
            events.retain(|event| event.seq <= last);
            let Some(reached) = events.last().map(|e| e.seq) else { break };
            // One read is shorter than what the mark may lag, so it is counted from where the mark stands.
            let most = if reached == last { UNTOLD_AT_CLOSE } else { UNTOLD_MAX };
            let is_due = reached - marked >= most;
            self.tell(&events, reached, is_due, store, wall)?;
            marked = if is_due { reached } else { marked };
            from = reached;
        }
        Ok(())
    }

    /// Tells whom it concerns, then moves the cursor to `upto`.
    fn tell(
        &self,
        events: &[Event],
        upto: Seq,
        move_anyway: bool,
        store: &mut TradesStore,
        wall: UnixNanos,
    ) -> Result<(), StoreError> {
        if events.is_empty() && !move_anyway {
            return Ok(());
        }
        let mut audience = self.audience()?;
        for event in events {
            if let EventBody::CorporateAction { instrument, .. } = &event.body {
                audience.stakes.insert(*instrument, store.read().stakes(*instrument)?);
            }
        }
        let notices = notify::notices(events, &audience);
        if !notices.is_empty() {
            fail::point("outbox.before_send");
            lock(&self.users).add_notices(&notices)?;
            fail::point("outbox.after_send");
        }
        if !notices.is_empty() || move_anyway {
            store.delivered(DESTINATION, upto, wall)?;
            fail::point("outbox.after_acknowledge");
        }
        Ok(())
    }

    fn copy_denials(&self, store: &mut TradesStore) -> Result<(), StoreError> {
        let after = store.read().last_audited()?;
        let lines = lock(&self.users).read().access_log_after(after, LINES_MAX)?;
        if lines.is_empty() { Ok(()) } else { store.copy_access(&lines) }
    }

    fn audience(&self) -> Result<Audience, StoreError> {
        let people = lock(&self.users).read().users()?;
        let standing: Vec<_> = people.iter().map(|p| &p.user).filter(|u| !u.disabled).collect();
        let with = |capability: Capability| {
            standing.iter().filter(|u| u.role.reach(capability) == Reach::Desk).map(|u| u.name).collect()
        };
        Ok(Audience {
            traders: with(Capability::TradeDesk),
            controllers: with(Capability::ControlRisk),
            everybody: standing.iter().map(|u| u.name).collect(),
            owners: self.owners.clone(),
            stakes: BTreeMap::new(),
        })
    }
}

fn next_events(store: &TradesStore, after: Seq) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    store.read().events(after + 1, |event| {
        events.push(event);
        if events.len() < EVENTS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(events)
}
