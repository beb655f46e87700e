//! Every order there ever was: open ones with their place in the queue, done ones by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::order::Order;
use crate::domain::{AccountId, Exchange, InstrumentId, OrderId, OrderSpec, Seq, UnixNanos};
use crate::risk::OrderKey;

/// An open order's place in its instrument's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// Its name.
    pub key: OrderKey,
    /// The event that took it in: earlier orders go first.
    pub place: Seq,
    /// It matches only bars that start, and quotes and prints that come, at or after this.
    pub active_at: UnixNanos,
    /// It ends after everything at this time; `None` while no end is known.
    pub expires_at: Option<UnixNanos>,
}

/// Open and done orders. Cloning copies the open ones and shares the done ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Orders {
    #[serde(with = "crate::domain::serial::pairs")]
    open: BTreeMap<OrderKey, Order>,
    queues: BTreeMap<InstrumentId, Vec<Working>>,
    due: BTreeMap<Exchange, BTreeSet<(UnixNanos, OrderKey)>>,
    #[serde(skip)]
    done: Arc<BTreeMap<OrderKey, Arc<Order>>>,
    #[serde(skip)]
    asked: Arc<BTreeMap<OrderKey, OrderSpec>>,
}

impl Orders {
    /// Open orders by name.
    pub const fn open(&self) -> &BTreeMap<OrderKey, Order> {
        &self.open
    }

    /// Done orders by name.
    pub fn done(&self) -> impl ExactSizeIterator<Item = &Order> {
        self.done.values().map(Arc::as_ref)
    }

    /// An order, open or done.
    pub fn get(&self, account: AccountId, id: OrderId) -> Option<&Order> {
        self.open.get(&(account, id)).or_else(|| self.done.get(&(account, id)).map(Arc::as_ref))
    }

    /// What was asked for under a name, before any amendment or split.
    pub fn asked(&self, key: &OrderKey) -> Option<&OrderSpec> {
        self.asked.get(key).or_else(|| self.get(key.0, key.1).map(|o| &o.spec))
    }

    /// Open orders of an instrument, the earliest first; held ones included.
    pub fn queue(&self, instrument: InstrumentId) -> &[Working] {
        self.queues.get(&instrument).map_or(&[], Vec::as_slice)
    }

    /// Instruments with open orders.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentId> {
        self.queues.keys().copied()
    }

    /// The first order of an exchange that ends before `time`.
    pub(super) fn next_due(&self, exchange: Exchange, time: UnixNanos) -> Option<(UnixNanos, OrderKey)> {
        self.due.get(&exchange).and_then(BTreeSet::first).filter(|(at, _)| *at < time).copied()
    }

    pub(super) fn open_mut(&mut self, key: &OrderKey) -> Option<&mut Order> {
        self.open.get_mut(key)
    }

    /// Takes an order in.
    pub(super) fn insert(&mut self, order: Order, working: Working) {
        let instrument = order.spec.instrument;
        self.open.insert(working.key, order);
        let queue = self.queues.entry(instrument).or_default();
        let at = queue.partition_point(|w| w.place < working.place);
        queue.insert(at, working);
        self.note_due(instrument.exchange, working.key, None, working.expires_at);
    }

    /// Notes an order that never was open.
    pub(super) fn insert_done(&mut self, key: OrderKey, order: Order) {
        Arc::make_mut(&mut self.done).insert(key, Arc::new(order));
    }

    /// Moves an open order to the done ones, changed by `end`.
    pub(super) fn finish(&mut self, key: &OrderKey, end: impl FnOnce(&mut Order)) {
        let Some(mut order) = self.open.remove(key) else { return };
        let instrument = order.spec.instrument;
        let mut expires_at = None;
        if let Some(queue) = self.queues.get_mut(&instrument) {
            expires_at = queue.iter().find(|w| w.key == *key).and_then(|w| w.expires_at);
            queue.retain(|w| w.key != *key);
            if queue.is_empty() {
                self.queues.remove(&instrument);
            }
        }
        self.note_due(instrument.exchange, *key, expires_at, None);
        end(&mut order);
        self.insert_done(*key, order);
    }

    /// Keeps what was asked for before it changes.
    pub(super) fn keep_asked(&mut self, key: &OrderKey) {
        if self.asked.contains_key(key) {
            return;
        }
        if let Some(order) = self.open.get(key) {
            let spec = order.spec.clone();
            Arc::make_mut(&mut self.asked).insert(*key, spec);
        }
    }

    /// Sets from when an order matches.
    pub(super) fn activate(&mut self, key: &OrderKey, at: UnixNanos) {
        if let Some(working) = self.working_mut(key) {
            working.active_at = at;
        }
    }

    /// Sets when an order ends.
    pub(super) fn set_expiry(&mut self, key: &OrderKey, at: Option<UnixNanos>) {
        let exchange = self.open.get(key).map(|o| o.spec.instrument.exchange);
        let Some((working, exchange)) = self.working_mut(key).zip(exchange) else { return };
        let old = std::mem::replace(&mut working.expires_at, at);
        self.note_due(exchange, *key, old, at);
    }

    fn working_mut(&mut self, key: &OrderKey) -> Option<&mut Working> {
        let instrument = self.open.get(key)?.spec.instrument;
        self.queues.get_mut(&instrument)?.iter_mut().find(|w| w.key == *key)
    }

    fn note_due(
        &mut self,
        exchange: Exchange,
        key: OrderKey,
        old: Option<UnixNanos>,
        new: Option<UnixNanos>,
    ) {
        let due = self.due.entry(exchange).or_default();
        if let Some(at) = old {
            due.remove(&(at, key));
        }
        if let Some(at) = new {
            due.insert((at, key));
        }
    }
}
