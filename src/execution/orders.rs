//! Every order there ever was: open ones with their place in the queue and their ties, done ones by name.
//!
//! An open order changes only through [`Orders::change`], so that whatever is kept beside it cannot drift.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::domain::facts::MarketFacts;
use crate::domain::{
    AccountId, ByInstrument, Exchange, Instrument, InstrumentId, Money, Order, OrderId, OrderSpec, Price,
    Quantity, Seq, StrategyId, TriggerType, UnixNanos, VenueOrderId,
};
use crate::risk::{ByStrategy, Counted, OpenOrders, OrderKey, Queues, Sums};

use super::ladder::{Ladder, Slot, Sources};

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

/// Open orders of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Line {
    /// The earliest first.
    queue: Vec<Working>,
    /// What they wait for.
    ladder: Ladder,
}

/// Done orders by id and account: ids tell apart sooner, and every order that is given asks whether its name was used.
pub(super) type DoneOrders = OrdMap<(OrderId, AccountId), Arc<Order>>;

/// Open and done orders. Cloning copies the open ones and shares the done ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Orders {
    open: OpenOrders,
    lines: ByInstrument<Line>,
    due: BTreeMap<Exchange, BTreeSet<(UnixNanos, OrderKey)>>,
    /// Open orders of a group, by account and group.
    #[serde(with = "crate::domain::serial::pairs")]
    groups: BTreeMap<OrderKey, BTreeSet<OrderId>>,
    /// Groups of which an order has filled.
    groups_filled: BTreeSet<OrderKey>,
    /// Open children, by parent.
    #[serde(with = "crate::domain::serial::pairs")]
    children: BTreeMap<OrderKey, BTreeSet<OrderId>>,
    /// Open orders that only reduce.
    reducing: BTreeSet<OrderKey>,
    /// Orders by the name a broker gave them.
    #[serde(with = "crate::domain::serial::pairs")]
    venues: BTreeMap<(AccountId, VenueOrderId), OrderId>,
    /// By which price each account's triggers go.
    #[serde(default, skip_serializing_if = "Sources::is_empty")]
    sources: Sources,
    /// What they add up to.
    sums: Sums,
    /// The same of each strategy.
    #[serde(default)]
    by_strategy: ByStrategy,
    #[serde(skip)]
    done: DoneOrders,
    #[serde(skip)]
    asked: OrdMap<OrderKey, Arc<OrderSpec>>,
    #[serde(skip)]
    newest: Newest,
}

/// The order that was done last, at hand: the step that ends an order asks for it again and again. While an event is
/// applied it may not be among the others yet; else it is no part of what orders are.
#[derive(Debug, Clone, Default)]
struct Newest {
    order: Option<(OrderKey, Arc<Order>)>,
    filed: bool,
}

impl Newest {
    fn get(&self, key: &OrderKey) -> Option<&Arc<Order>> {
        self.order.as_ref().filter(|(newest, _)| newest == key).map(|(_, order)| order)
    }
}

impl PartialEq for Newest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Newest {}

impl Orders {
    /// Open orders by name.
    pub const fn open(&self) -> &OpenOrders {
        &self.open
    }

    /// Done orders by name. Puts them in order first: not for what is asked often.
    pub fn done(&self) -> impl ExactSizeIterator<Item = &Order> {
        self.done_shared().map(Arc::as_ref)
    }

    /// The same, to be kept as they stand.
    pub(super) fn done_shared(&self) -> impl ExactSizeIterator<Item = &Arc<Order>> {
        let mut all: Vec<&Arc<Order>> = self.done.values().collect();
        // By id they are in order already: a stable sort by account leaves them so.
        all.sort_by_key(|order| order.spec.account);
        all.into_iter()
    }

    /// An order, open or done.
    pub fn get(&self, account: AccountId, id: OrderId) -> Option<&Order> {
        self.shared(&(account, id)).map(Arc::as_ref)
    }

    /// The same, to be kept as it stands.
    pub(super) fn shared(&self, key: &OrderKey) -> Option<&Arc<Order>> {
        self.newest.get(key).or_else(|| self.open.shared(key)).or_else(|| self.done.get(&(key.1, key.0)))
    }

    /// Changes a done order.
    fn change_done<R>(&mut self, key: &OrderKey, change: impl FnOnce(&mut Order) -> R) -> Option<R> {
        if let Some((_, order)) = self.newest.order.as_mut().filter(|(newest, _)| newest == key) {
            self.newest.filed = false;
            return Some(change(Arc::make_mut(order)));
        }
        let order = Arc::clone(self.done.get(&(key.1, key.0))?);
        self.keep_newest(*key, order);
        self.change_done(key, change)
    }

    fn keep_newest(&mut self, key: OrderKey, order: Arc<Order>) {
        self.file_done();
        self.newest = Newest { order: Some((key, order)), filed: false };
    }

    /// Puts the order that was done last among the others.
    pub(super) fn file_done(&mut self) {
        if let Some((key, order)) = self.newest.order.as_ref().filter(|_| !self.newest.filed) {
            self.done.insert((key.1, key.0), Arc::clone(order));
            self.newest.filed = true;
        }
    }

    /// What was asked for under a name, before any amendment or split.
    pub fn asked(&self, key: &OrderKey) -> Option<&OrderSpec> {
        self.asked.get(key).or_else(|| self.get(key.0, key.1).map(|o| &o.spec)).map(Arc::as_ref)
    }

    /// Open orders of an instrument, the earliest first; held ones included.
    pub fn queue(&self, instrument: InstrumentId) -> &[Working] {
        self.lines.get(&instrument).map_or(&[], |line| line.queue.as_slice())
    }

    /// Open orders that a quote can reach, the earliest first.
    pub(super) fn at_quote(&self, instrument: InstrumentId, bid: Price, ask: Price) -> Vec<OrderKey> {
        self.lines.get(&instrument).map_or(Vec::new(), |line| line.ladder.at_quote(bid, ask))
    }

    /// Open orders that a print can reach, the earliest first.
    pub(super) fn at_print(&self, instrument: InstrumentId, price: Price) -> Vec<OrderKey> {
        self.lines.get(&instrument).map_or(Vec::new(), |line| line.ladder.at_print(price))
    }

    /// Open orders that are watched for a broker, the earliest first.
    pub(super) fn watched(&self, instrument: InstrumentId) -> Vec<OrderKey> {
        self.lines.get(&instrument).map_or(Vec::new(), |line| line.ladder.watched())
    }

    /// Notes by which price a new account's triggers go.
    pub(super) fn note_source(&mut self, account: AccountId, by: TriggerType) {
        self.sources.note(account, by);
    }

    /// By which price an account's triggers go.
    pub(super) fn source(&self, account: AccountId) -> TriggerType {
        self.sources.of(account)
    }

    /// Its place in its instrument's queue.
    pub(super) fn working(&self, instrument: InstrumentId, key: &OrderKey) -> Option<&Working> {
        // What is asked for is mostly what came last.
        self.queue(instrument).iter().rfind(|w| w.key == *key)
    }

    /// Instruments with open orders.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentId> {
        self.lines.iter().filter(|(_, line)| !line.queue.is_empty()).map(|(instrument, _)| *instrument)
    }

    /// The first order of an exchange that ends before `time`.
    pub(super) fn next_due(&self, exchange: Exchange, time: UnixNanos) -> Option<(UnixNanos, OrderKey)> {
        self.due.get(&exchange).and_then(BTreeSet::first).filter(|(at, _)| *at < time).copied()
    }

    /// The order that a broker knows under a name.
    pub fn at_venue(&self, account: AccountId, venue_id: VenueOrderId) -> Option<&Order> {
        self.venues.get(&(account, venue_id)).and_then(|id| self.get(account, *id))
    }

    /// Notes the name a broker gave an order.
    pub(super) fn name_at_venue(&mut self, key: OrderKey, venue_id: VenueOrderId) {
        self.venues.insert((key.0, venue_id), key.1);
    }

    /// Other open orders of an order's group, by name.
    pub fn siblings(&self, spec: &OrderSpec) -> impl Iterator<Item = &Order> {
        spec.oco.into_iter().flat_map(|group| self.others_of(group, (spec.account, spec.id)))
    }

    /// Open orders of a group but one, by name.
    pub(super) fn others_of(&self, group: OrderId, (account, own): OrderKey) -> impl Iterator<Item = &Order> {
        let others = self.groups.get(&(account, group)).into_iter().flatten().filter(move |id| **id != own);
        others.filter_map(move |id| self.open.get(&(account, *id)))
    }

    /// Whether an order of a group has filled.
    pub fn is_group_filled(&self, group: &OrderKey) -> bool {
        self.groups_filled.contains(group)
    }

    /// Open children of an order.
    pub fn children(&self, parent: &OrderKey) -> impl Iterator<Item = OrderKey> {
        let account = parent.0;
        self.children.get(parent).into_iter().flatten().map(move |id| (account, *id))
    }

    /// Open orders of an account that only reduce.
    pub fn reducing(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        let own = self.reducing.iter().filter(move |key| key.0 == account);
        own.filter_map(|key| self.open.get(key))
    }

    /// Whether any open order is of a group or waits for another.
    pub(super) fn has_ties(&self) -> bool {
        !self.groups.is_empty() || !self.children.is_empty()
    }

    /// Whether any open order only reduces.
    pub(super) fn has_reducing(&self) -> bool {
        !self.reducing.is_empty()
    }

    /// Sums over open orders and positions.
    pub const fn sums(&self) -> &Sums {
        &self.sums
    }

    /// The same of each strategy.
    pub const fn by_strategy(&self) -> &ByStrategy {
        &self.by_strategy
    }

    /// Takes sums that were made from scratch.
    pub(super) fn set_sums(&mut self, sums: Sums) {
        self.sums = sums;
    }

    /// Takes those of each strategy.
    pub(super) fn set_by_strategy(&mut self, by_strategy: ByStrategy) {
        self.by_strategy = by_strategy;
    }

    /// Makes an instrument's sector known to the sums.
    pub(super) fn define(&mut self, instrument: &Instrument) {
        self.sums.define(instrument);
        self.by_strategy.define(instrument);
    }

    /// Takes the last price of an instrument into the sums.
    pub(super) fn set_last(&mut self, instrument: InstrumentId, last: Price) {
        self.sums.set_last(instrument, last);
        self.by_strategy.set_last(instrument, last);
    }

    /// Takes facts of instruments into the sums.
    pub(super) fn know(&mut self, facts: &MarketFacts) {
        self.sums.know(facts);
    }

    /// Takes an account's position in an instrument into the sums.
    pub(super) fn set_position(&mut self, account: AccountId, instrument: InstrumentId, held: Quantity) {
        self.sums.set_position(account, instrument, held);
    }

    /// Takes what a strategy holds in an account into the sums.
    pub(super) fn set_strategy_position(
        &mut self,
        strategy: StrategyId,
        at: (AccountId, InstrumentId),
        held: Quantity,
    ) {
        self.by_strategy.set_position(strategy, at, held, &self.sums);
    }

    /// Takes an order in.
    pub(super) fn insert(&mut self, order: Arc<Order>, working: Working) {
        self.sums.add(&order);
        if let Some(strategy) = order.spec.held_by() {
            self.by_strategy.add(strategy, &order, &self.sums);
        }
        let (key, instrument) = (working.key, order.spec.instrument);
        if let Some(group) = order.spec.oco {
            self.groups.entry((key.0, group)).or_default().insert(key.1);
        }
        if let Some(parent) = order.spec.parent {
            self.children.entry((key.0, parent)).or_default().insert(key.1);
        }
        if order.spec.reduce_only {
            self.reducing.insert(key);
        }
        let Line { queue, ladder } = self.lines.or_default(instrument);
        ladder.put(Slot::of(&order, &self.sources), (working.place, key));
        let at = queue.partition_point(|w| w.place < working.place);
        queue.insert(at, working);
        self.open.insert(key, order);
        self.note_due(instrument.exchange, key, None, working.expires_at);
    }

    /// Notes an order that never was open.
    pub(super) fn insert_done(&mut self, key: OrderKey, order: Order) {
        self.keep_newest(key, Arc::new(order));
    }

    /// Changes an order; one that is done by it leaves the open ones. A done order changes too: a fill may come late.
    pub(super) fn change<R>(&mut self, key: &OrderKey, change: impl FnOnce(&mut Order) -> R) -> Option<R> {
        self.change_held(key, None, change)
    }

    /// The same; an open order's account then holds `held` of its instrument, where that is given.
    pub(super) fn change_held<R>(
        &mut self,
        key: &OrderKey,
        held: Option<Quantity>,
        change: impl FnOnce(&mut Order) -> R,
    ) -> Option<R> {
        let Some(order) = self.open.get_mut(key) else {
            return self.change_done(key, change);
        };
        let (filled, counted, slot) = (order.filled, Counted::of(order), Slot::of(order, &self.sources));
        let answer = change(order);
        if let Some(group) = order.spec.oco.filter(|_| order.filled != filled) {
            self.groups_filled.insert((key.0, group));
        }
        self.sums.replace(counted, order, held);
        if let Some(strategy) = order.spec.held_by() {
            self.by_strategy.replace(strategy, counted, order, &self.sums);
        }
        if order.status.is_done() {
            self.finish(key, slot);
        } else {
            let (instrument, next) = (order.spec.instrument, Slot::of(order, &self.sources));
            if next != slot {
                self.move_to(instrument, key, slot, next);
            }
        }
        Some(answer)
    }

    /// Sets what an order holds.
    pub(super) fn set_hold(&mut self, key: &OrderKey, hold: Money) {
        match self.open.get_mut(key) {
            Some(order) => order.hold = hold,
            None => {
                self.change_done(key, |order| order.hold = hold);
            }
        }
    }

    /// Moves an order to where it waits now.
    fn move_to(&mut self, instrument: InstrumentId, key: &OrderKey, slot: Slot, next: Slot) {
        let Some(Line { queue, ladder }) = self.lines.get_mut(&instrument) else { return };
        let Some(place) = queue.iter().rfind(|w| w.key == *key).map(|w| w.place) else { return };
        ladder.take(slot, (place, *key));
        ladder.put(next, (place, *key));
    }

    fn finish(&mut self, key: &OrderKey, slot: Slot) {
        let Some(order) = self.open.remove(key) else { return };
        let instrument = order.spec.instrument;
        if let Some(Line { queue, ladder }) = self.lines.get_mut(&instrument)
            && let Some(at) = queue.iter().rposition(|w| w.key == *key)
        {
            let Working { place, expires_at, .. } = queue.remove(at);
            ladder.take(slot, (place, *key));
            self.note_due(instrument.exchange, *key, expires_at, None);
        }
        untie(&mut self.groups, order.spec.oco.map(|group| (key.0, group)), key.1);
        untie(&mut self.children, order.spec.parent.map(|parent| (key.0, parent)), key.1);
        if order.spec.reduce_only {
            self.reducing.remove(key);
        }
        self.keep_newest(*key, order);
    }

    /// Puts the open orders of an instrument under another symbol, each at its place in time. What they add up to must be
    /// summed up anew.
    pub(super) fn change_symbol(&mut self, from: InstrumentId, to: InstrumentId, at: UnixNanos) {
        let moved = self.lines.remove(&from).unwrap_or_default().queue;
        moved.iter().for_each(|working| self.keep_asked(&working.key));
        if moved.is_empty() {
            return;
        }
        let Line { queue, ladder } = self.lines.or_default(to);
        for working in &moved {
            let Some(order) = self.open.get_mut(&working.key) else { continue };
            (Arc::make_mut(&mut order.spec).instrument, order.changed_at) = (to, at);
            ladder.put(Slot::of(order, &self.sources), (working.place, working.key));
        }
        queue.extend(&moved);
        queue.sort_by_key(|working| working.place);
    }

    pub(super) const fn done_map(&self) -> &DoneOrders {
        &self.done
    }

    pub(super) fn asked_map(&self) -> &OrdMap<OrderKey, Arc<OrderSpec>> {
        &self.asked
    }

    pub(super) fn set_done(&mut self, done: DoneOrders, asked: OrdMap<OrderKey, Arc<OrderSpec>>) {
        (self.done, self.asked, self.newest) = (done, asked, Newest::default());
    }

    /// Keeps what was asked for before it changes.
    pub(super) fn keep_asked(&mut self, key: &OrderKey) {
        if self.asked.contains_key(key) {
            return;
        }
        if let Some(order) = self.open.get(key) {
            let spec = order.spec.clone();
            self.asked.insert(*key, spec);
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
        self.lines.get_mut(&instrument)?.queue.iter_mut().rfind(|w| w.key == *key)
    }

    fn note_due(
        &mut self,
        exchange: Exchange,
        key: OrderKey,
        old: Option<UnixNanos>,
        new: Option<UnixNanos>,
    ) {
        if old == new {
            return;
        }
        let due = self.due.entry(exchange).or_default();
        if let Some(at) = old {
            due.remove(&(at, key));
        }
        if let Some(at) = new {
            due.insert((at, key));
        }
    }
}

impl Queues for Orders {
    fn open_in(&self, instrument: InstrumentId) -> Vec<OrderKey> {
        self.queue(instrument).iter().map(|w| w.key).collect()
    }
}

/// Takes a name out of the set under a key.
fn untie(sets: &mut BTreeMap<OrderKey, BTreeSet<OrderId>>, key: Option<OrderKey>, id: OrderId) {
    let Some(key) = key else { return };
    if let Some(set) = sets.get_mut(&key) {
        set.remove(&id);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}
