//! An engine's state as bytes and back, for snapshots of what the journal folds to.
//!
//! Only the state of an engine that did nothing but fold its journal is worth saving: what a live engine saw of the
//! market and did not journal would not be rebuilt. Orders that are done are handed out apart, so that each is
//! written once.

use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::domain::calendar::Calendars;
use crate::domain::{Order, OrderSpec};
use crate::risk::OrderKey;

use super::engine::{Engine, EngineError};
use super::orders::{DoneOrders, Orders};
use super::state::State;

/// Orders that ended, or changed after their end, between two moments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    orders: Vec<Order>,
    /// What was asked for before it changed, by name.
    asked: Vec<(OrderKey, OrderSpec)>,
}

impl Done {
    /// Nothing ended.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.asked.is_empty()
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EngineError> {
        serde_json::to_vec(self).map_err(|e| EngineError::Journal(e.into()))
    }

    /// From bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EngineError> {
        serde_json::from_slice(bytes).map_err(|e| EngineError::Journal(e.into()))
    }
}

impl Engine {
    /// The state without the orders that are done.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EngineError> {
        serde_json::to_vec(&self.state).map_err(|e| EngineError::Journal(e.into()))
    }

    /// The engine whose state was saved, with the orders that were done up to there, the oldest first.
    pub fn from_bytes(
        calendars: Calendars,
        state: &[u8],
        done: impl IntoIterator<Item = Done>,
    ) -> Result<Self, EngineError> {
        let mut state: State = serde_json::from_slice(state).map_err(|e| EngineError::Journal(e.into()))?;
        state.orders.restore_done(done);
        let mut engine = Self::new(calendars)?;
        engine.state = state;
        Ok(engine)
    }
}

impl Orders {
    /// Orders done now that were not, or were others, at an earlier moment of the same journal.
    pub fn done_since(&self, earlier: &Orders) -> Done {
        let old = earlier.done_map();
        let changed = |order: &Arc<Order>| {
            let key = (order.spec.id, order.spec.account);
            old.get(&key).is_none_or(|before| !Arc::ptr_eq(before, order) && before != order)
        };
        let mut orders: Vec<&Arc<Order>> = self.done_map().values().filter(|order| changed(order)).collect();
        orders.sort_unstable_by_key(|order| (order.spec.account, order.spec.id));
        let asked = self.asked_map().iter().filter(|(key, _)| !earlier.asked_map().contains_key(*key));
        Done {
            orders: orders.into_iter().map(|order| order.as_ref().clone()).collect(),
            asked: asked.map(|(key, spec)| (*key, OrderSpec::clone(spec))).collect(),
        }
    }

    fn restore_done(&mut self, runs: impl IntoIterator<Item = Done>) {
        let (mut orders, mut asked) = (Vec::new(), Vec::new());
        for run in runs {
            let named = |order: Order| ((order.spec.id, order.spec.account), Arc::new(order));
            orders.extend(run.orders.into_iter().map(named));
            asked.extend(run.asked.into_iter().map(|(key, spec)| (key, Arc::new(spec))));
        }
        // Of equal keys the last one stays, which is the newest.
        let done: DoneOrders = orders.into_iter().collect();
        let asked: OrdMap<_, _> = asked.into_iter().collect();
        self.set_done(done, asked);
    }
}
