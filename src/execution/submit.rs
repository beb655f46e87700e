//! Giving orders: identity first, then the gate, then the market.

use std::sync::Arc;

use crate::domain::event::{EndReason, EventBody, Refusal};
use crate::domain::limit::{DecisionRecord, SelfTrade};
use crate::domain::{
    BrokerId, OrderId, OrderSpec, OrderType, Quantity, RefusalCode, Seq, Side, TimeInForce, UserName,
};
use crate::risk::checks::{crossing, prevented};
use crate::risk::{Decision, Draft, OrderKey, Verdict, admit, evaluate};

use super::engine::EngineError;
use super::matching::{self, bars::ratchet};
use super::step::Step;

/// The way to the market: the gate's approval of this very order, used up at the market's door. The order, and what was
/// seen when it was judged.
pub(super) fn enter(
    order: &OrderSpec,
    decision: Decision,
    book_seq: Seq,
) -> Result<(Arc<OrderSpec>, Box<DecisionRecord>), Refusal> {
    admit(order, decision).and_then(|approved| matching::enter(approved, book_seq))
}

impl Step<'_> {
    /// Gives one order. The same order again is the same order: nothing happens.
    pub(super) fn submit(&mut self, order: &OrderSpec) -> Result<(), EngineError> {
        // One wish for the gate, its event and the order that comes of it.
        let order = &Arc::new(order.clone());
        let key = (order.account, order.id);
        if let Some(asked) = self.state().orders.asked(&key) {
            if *asked == **order {
                return Ok(());
            }
            return self.deny(order, Refusal::plain(RefusalCode::DuplicateClientOrderId), None);
        }
        if order.has_reserved_name() {
            return self.deny(order, Refusal::plain(RefusalCode::ReservedName), None);
        }
        let may_wait = order.side == Side::Buy && self.list_sells_open(order);
        let (waits_for_parent, exits_ask) = (order.parent.is_some(), self.exits_ask(order));
        let draft = Draft { may_wait, waits_for_parent, exits_ask, ..Draft::new(order) };
        let Some(book) = self.state().book(order.account, self.now) else {
            return self.deny(order, Refusal::plain(RefusalCode::UnknownAccount), None);
        };
        if !self.state().instruments.contains_key(&order.instrument) {
            return self.deny(order, Refusal::plain(RefusalCode::InstrumentNotFound), None);
        }
        let decision = evaluate(&book, self.state().limits(), &draft);
        let late = || self.missed_auction(order).map(Refusal::plain);
        if let Some(refusal) = self.broken_tie(order).or_else(late) {
            return self.deny(order, refusal, Some(decision));
        }
        self.act_on(order, decision)?;
        self.use_up_overrides(&key)
    }

    /// Gives a list, sells first; buys that cash does not cover yet wait for the sells.
    pub(super) fn submit_list(&mut self, orders: &[OrderSpec]) -> Result<(), EngineError> {
        let denied = self.denied_brackets(orders)?;
        for (order, refusal, decision) in &denied {
            let (order, refusal, decision) = (Arc::clone(order), refusal.clone(), decision.clone());
            self.emit(EventBody::OrderDenied { order, refusal, decision })?;
        }
        let rest: Vec<&OrderSpec> =
            orders.iter().filter(|o| !denied.iter().any(|(gone, _, _)| gone.id == o.id)).collect();
        self.give_list(&rest)
    }

    pub(super) fn give_list(&mut self, orders: &[&OrderSpec]) -> Result<(), EngineError> {
        let remote =
            |o: &&OrderSpec| self.remote_broker(o).is_some() && (o.oco.is_some() || o.parent.is_some());
        if orders.iter().any(remote) {
            self.coming = orders.iter().map(|o| (*o).clone()).collect();
        }
        // Children after the orders they wait for.
        for waits in [false, true] {
            for side in [Side::Sell, Side::Buy] {
                for &order in orders.iter().filter(|o| o.side == side && o.parent.is_some() == waits) {
                    if let Some(lead) = self.coming_lead(order) {
                        self.submit(&lead)?;
                    }
                    self.submit(order)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn act_on(&mut self, order: &Arc<OrderSpec>, decision: Decision) -> Result<(), EngineError> {
        match decision.verdict() {
            Verdict::Refuse(refusal) => self.deny(order, refusal.clone(), Some(decision)),
            Verdict::Hold(code) => {
                self.note_asking(order, *code, &decision);
                self.emit(EventBody::OrderHeld {
                    order: Arc::clone(order),
                    code: *code,
                    decision: Some(decision.into_record()),
                    valued_at: None,
                })?;
                self.join((order.account, order.id))?;
                self.release_child((order.account, order.id))
            }
            Verdict::Accept => match enter(order, decision, self.state().seq) {
                Ok((order, record)) => {
                    let ends = prevented(&record.inputs);
                    let (key, decision) = ((order.account, order.id), Some(record));
                    if let Some(broker) = self.remote_broker(&order) {
                        return self.send(order, broker, decision, false);
                    }
                    let kind = (order.order_type, order.tif);
                    self.emit(EventBody::OrderAccepted { order, decision, valued_at: None })?;
                    self.prevent_self_trades(key, ends)?;
                    self.begin_work(key, kind)
                }
                Err(refusal) => self.deny(order, refusal, None),
            },
        }
    }

    pub(super) fn deny(
        &mut self,
        order: &Arc<OrderSpec>,
        refusal: Refusal,
        decision: Option<Decision>,
    ) -> Result<(), EngineError> {
        let decision = decision.map(Decision::into_record);
        self.emit(EventBody::OrderDenied { order: Arc::clone(order), refusal, decision })?;
        self.follow((order.account, order.id), Quantity::ZERO)?;
        self.judge_watched(order.account)
    }

    /// The broker of an order's account, when its orders are not worked here.
    pub(super) fn remote_broker(&self, order: &OrderSpec) -> Option<BrokerId> {
        let account = self.state().accounts().get(&order.account)?;
        Some(account.spec().broker).filter(|broker| !broker.is_paper())
    }

    /// Lets a held order work, here or at its account's broker: who agreed, where a person did, and what was looked at.
    pub(super) fn release(
        &mut self,
        key: OrderKey,
        (approver, alone): (Option<UserName>, bool),
        decision: Option<Box<DecisionRecord>>,
    ) -> Result<(), EngineError> {
        let (account, id) = key;
        let Some(order) = self.state().orders().open().get(&key) else { return Ok(()) };
        let working = Arc::new(OrderSpec { quantity: order.working(), ..OrderSpec::clone(&order.spec) });
        if let Some(broker) = self.remote_broker(&working) {
            return self.send(working, broker, decision, alone);
        }
        let ends = decision.as_ref().and_then(|record| prevented(&record.inputs));
        self.emit(EventBody::OrderReleased { account, id, approver, alone, valued_at: None, decision })?;
        self.prevent_self_trades(key, ends)
    }

    /// Ends what an order that works from now on would trade with, or the order itself, where a limit says so.
    pub(super) fn prevent_self_trades(
        &mut self,
        key: OrderKey,
        ends: Option<(SelfTrade, u32)>,
    ) -> Result<(), EngineError> {
        let Some((mode, many)) = ends else { return Ok(()) };
        if mode == SelfTrade::CancelNewest {
            return self.end(key, EndReason::SelfTrade);
        }
        let state = self.state();
        let open = state.orders.open().get(&key);
        let Some((order, book)) = open.zip(state.book(key.0, self.now)) else { return Ok(()) };
        let draft = Draft::amended(&order.spec);
        let met = crossing(&book, state.limits(), &draft);
        let mut oldest: Vec<_> =
            state.orders.queue(order.spec.instrument).iter().filter(|w| met.contains(&w.key)).collect();
        oldest.sort_unstable_by_key(|w| w.place);
        let oldest: Vec<OrderKey> =
            oldest.into_iter().take(usize::try_from(many).unwrap_or(usize::MAX)).map(|w| w.key).collect();
        oldest.into_iter().try_for_each(|key| self.end(key, EndReason::SelfTrade))
    }

    /// The first moment of a working order: a trailing stop starts from the price it goes by, others look at the quote.
    pub(super) fn begin_work(
        &mut self,
        key: OrderKey,
        (order_type, tif): (OrderType, TimeInForce),
    ) -> Result<(), EngineError> {
        if order_type == OrderType::TrailingStop {
            self.start_trail(key)?;
        }
        self.take_quote(key)?;
        if tif.is_immediate() { self.end_immediate(key) } else { Ok(()) }
    }

    /// A trailing stop starts from the price it goes by, or the last one known; without one, from the first that comes.
    pub(super) fn start_trail(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let Some(order) = self.state().orders().open().get(&key) else { return Ok(()) };
        if order.spec.order_type != OrderType::TrailingStop || order.stop.is_some() {
            return Ok(());
        }
        let (by, stale) = (self.state().orders.source(key.0), self.state().venue.stale_after_ms);
        let seen = self.state().view.seen.get(&order.spec.instrument);
        let heard = seen.and_then(|seen| seen.heard((by, order.spec.side), self.now, stale));
        let stop = heard.and_then(|price| ratchet(order, None, price));
        let (account, id) = key;
        stop.map_or(Ok(()), |trigger_price| self.emit(EventBody::OrderTrailed { account, id, trigger_price }))
    }

    /// Judges a held order again in its place.
    pub(super) fn judge_again(&self, key: &OrderKey, may_wait: bool, approved: bool) -> Option<Decision> {
        let order = self.state().orders.open().get(key)?;
        self.judge_as(key, &order.spec, may_wait, approved)
    }

    /// Lets a held order work, when the gate agrees; the refusal otherwise.
    pub(super) fn admit_held(
        &self,
        key: &OrderKey,
        decision: Decision,
    ) -> Result<Box<DecisionRecord>, Refusal> {
        let open = self.state().orders.open().get(key);
        let order = open.ok_or_else(|| Refusal::plain(RefusalCode::UnknownOrder))?;
        enter(&order.spec, decision, self.state().seq).map(|(_, record)| record)
    }

    /// Whether the list of an order has sells that are still open.
    pub(super) fn list_sells_open(&self, order: &OrderSpec) -> bool {
        order.list.is_some_and(|list| self.sells_open(order.account, list))
    }

    pub(super) fn sells_open(&self, account: crate::domain::AccountId, list: OrderId) -> bool {
        let Some(book) = self.state().book(account, self.now) else { return false };
        book.own_orders().any(|o| o.spec.list == Some(list) && o.spec.side == Side::Sell)
    }
}
