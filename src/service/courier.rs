//! The courier: effects of the journal outside its own file.
//!
//! Runs on the engine's thread after the answers are out. It reads the events behind its cursor, delivers the notices
//! they give rise to (delivering twice changes nothing), copies new lines of the access log into the audit trail, and
//! moves the cursor. What a crash leaves undone is done when the home is opened next.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::domain::role::Reach;
use crate::domain::{AccountKind, Capability, CleanText, Event, Seq, UnixNanos};
use crate::execution::State;
use crate::notify::{self, Audience};
use crate::store::trades::TradesStore;
use crate::store::{StoreError, UsersStore};

use super::engine::lock;

/// Name of the users store in the outbox.
const DESTINATION: &str = "notices";
/// Most events delivered at once.
const EVENTS_MAX: usize = 2_000;
/// Most lines of the access log copied at once.
const LINES_MAX: u32 = 1_000;

/// Delivers notices and copies denials.
#[derive(Debug)]
pub struct Courier {
    users: Arc<Mutex<UsersStore>>,
    delivered: Option<Seq>,
}

impl Courier {
    /// A courier to a users store.
    pub fn new(users: Arc<Mutex<UsersStore>>) -> Self {
        Self { users, delivered: None }
    }

    /// Delivers all that waits. A failure is logged, recorded in the outbox, and tried again next time.
    pub fn deliver(&mut self, store: &mut TradesStore, state: &State, wall: UnixNanos) {
        if let Err(error) = self.try_deliver(store, state, wall) {
            tracing::warn!(%error, "notices could not be delivered; trying again with the next change");
            let text = CleanText::new(&error.to_string());
            if let Err(error) = store.delivery_failed(DESTINATION, &text, wall) {
                tracing::error!(%error, "the outbox could not be written");
            }
        }
    }

    fn try_deliver(
        &mut self,
        store: &mut TradesStore,
        state: &State,
        wall: UnixNanos,
    ) -> Result<(), StoreError> {
        let (head, _) = store.chain_end();
        let mut from = match self.delivered {
            Some(seq) => seq,
            None => store.read().delivery(DESTINATION)?.delivered,
        };
        while from < head {
            let events = next_events(store, from)?;
            let Some(last) = events.last().map(|e| e.seq) else { break };
            let notices = notify::notices(&events, &self.audience(state)?);
            if !notices.is_empty() {
                lock(&self.users).add_notices(&notices)?;
                store.delivered(DESTINATION, last, wall)?;
            }
            from = last;
        }
        self.delivered = Some(from);
        self.copy_denials(store)
    }

    fn copy_denials(&self, store: &mut TradesStore) -> Result<(), StoreError> {
        let after = store.read().last_audited()?;
        let lines = lock(&self.users).read().access_log_after(after, LINES_MAX)?;
        if lines.is_empty() { Ok(()) } else { store.copy_access(&lines) }
    }

    fn audience(&self, state: &State) -> Result<Audience, StoreError> {
        let people = lock(&self.users).read().users()?;
        let standing: Vec<_> = people.iter().map(|p| &p.user).filter(|u| !u.disabled).collect();
        let with = |capability: Capability| {
            standing.iter().filter(|u| u.role.reach(capability) == Reach::Desk).map(|u| u.name).collect()
        };
        let own = state.accounts().values().filter(|a| a.spec().kind == AccountKind::Simulation);
        Ok(Audience {
            traders: with(Capability::TradeDesk),
            controllers: with(Capability::ControlRisk),
            everybody: standing.iter().map(|u| u.name).collect(),
            owners: own.filter_map(|a| Some((a.spec().account, a.spec().owner?))).collect(),
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
