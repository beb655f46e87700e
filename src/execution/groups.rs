//! Orders that depend on others: groups of which one quantity fills in all (OCO), children that wait for their
//! parent (OTO, brackets), and orders that only reduce a position.
//!
//! All of it happens in the step of the fill or the end that causes it: no moment lies between in which a group could
//! fill twice, and a restart finds the same ties, since they are part of the orders themselves.

use std::sync::Arc;

use crate::domain::event::{EndReason, EventBody, Refusal};
use crate::domain::{
    AccountId, InstrumentId, Order, OrderId, OrderSpec, OrderStatus, Quantity, RefusalCode, Side, UnixNanos,
};
use crate::risk::{Draft, OrderKey, Verdict, evaluate};

use super::engine::EngineError;
use super::step::Step;

/// Who trades what, which way.
pub(super) type Trades = (AccountId, InstrumentId, Side);

impl Step<'_> {
    /// Why an order's ties do not allow it, if so.
    pub(super) fn broken_tie(&self, order: &OrderSpec) -> Option<Refusal> {
        // Refused with its first order, so that no entry stands whose exits the venue will not take.
        self.unfit_group(order).or_else(|| self.untied(order).map(Refusal::plain))
    }

    fn untied(&self, order: &OrderSpec) -> Option<RefusalCode> {
        let orders = self.state().orders();
        if let Some(group) = order.oco {
            if orders.is_group_filled(&(order.account, group)) {
                return Some(RefusalCode::ContingentAlreadyClosed);
            }
            if orders.siblings(order).any(|o| o.spec.instrument != order.instrument) {
                return Some(RefusalCode::UnsupportedOrderClass);
            }
        }
        let parent = orders.get(order.account, order.parent?);
        let Some(parent) = parent.filter(|_| order.parent != Some(order.id)) else {
            return Some(RefusalCode::UnknownOrder);
        };
        match parent.status {
            OrderStatus::Denied | OrderStatus::Rejected => Some(RefusalCode::ParentRejected),
            OrderStatus::Canceled | OrderStatus::Expired if parent.filled.is_zero() => {
                Some(RefusalCode::ContingentAlreadyClosed)
            }
            _ if parent.spec.instrument != order.instrument => Some(RefusalCode::UnsupportedOrderClass),
            _ => None,
        }
    }

    /// What a fill or an end of an order means for others: its list, its group, its children, and orders that only
    /// reduce what it changed.
    pub(super) fn follow(&mut self, key: OrderKey, filled: Quantity) -> Result<(), EngineError> {
        let Some(order) = self.state().orders().get(key.0, key.1) else { return Ok(()) };
        let (instrument, group, status, all) =
            (order.spec.instrument, order.spec.oco, order.status, order.filled);
        if order.spec.side == Side::Sell {
            let list = order.spec.list;
            self.lists.extend(list.map(|list| (key.0, list)));
            let sold_at = self.sold_at.entry(key.0).or_insert(UnixNanos::ZERO);
            *sold_at = (*sold_at).max(self.moment.unwrap_or(self.now));
        }
        if let Some(group) = group.filter(|_| filled.is_positive()) {
            self.fill_group(key, group, filled)?;
        }
        if self.state().orders().has_ties() {
            self.see_children(key, status, (all, filled))?;
        }
        if filled.is_positive() {
            self.end_flat(key.0, instrument, group)?;
            if group.is_some() || !status.is_done() {
                self.rest_used_up(key, group)?;
            }
        }
        Ok(())
    }

    /// Takes what one order of a group filled off the others; what is left of none of them ends.
    fn fill_group(&mut self, key: OrderKey, group: OrderId, filled: Quantity) -> Result<(), EngineError> {
        // A group that a broker keeps is cut and ended there.
        let lead = self.state().orders().get(key.0, key.1).and_then(Order::sent_with);
        let others: Vec<(OrderKey, bool)> = self
            .state()
            .orders()
            .others_of(group, key)
            .filter(|o| o.sent_with().is_none() && lead != Some(o.spec.id))
            .map(|o| ((o.spec.account, o.spec.id), o.leaves() > filled))
            .collect();
        for ((account, id), stays) in others {
            let Some(order) = self.state().orders().open().get(&(account, id)) else { continue };
            if order.is_at_broker() && stays {
                let rest = order.spec.quantity.checked_sub(filled).unwrap_or(order.spec.quantity);
                self.amend((account, id), Some(rest), (None, None))?;
            } else if stays {
                self.emit(EventBody::OrderReduced { account, id, by: filled, group: true })?;
            } else {
                self.end((account, id), EndReason::GroupFilled)?;
            }
        }
        Ok(())
    }

    /// Lets children work once their parent has filled something, all of it and what of it now, and ends or cuts them when
    /// it fills no more.
    fn see_children(
        &mut self,
        key: OrderKey,
        status: OrderStatus,
        (filled, now): (Quantity, Quantity),
    ) -> Result<(), EngineError> {
        let children: Vec<OrderKey> = self.state().orders().children(&key).collect();
        // All of them before the first is judged, so that none is judged beside what the next one may not get.
        children.iter().try_for_each(|child| self.hold_grown(*child, now))?;
        for child in children {
            let kept = self.state().orders().open().get(&child).is_some_and(|o| o.sent_with() == Some(key.1));
            if kept {
                continue;
            }
            if filled.is_positive() {
                let remote =
                    self.state().orders().open().get(&child).and_then(|o| self.remote_broker(&o.spec));
                // A broker gets a child once, when it is known how much of it there will be.
                if remote.is_none() || status.is_done() {
                    self.release_child(child)?;
                }
                if status.is_done() {
                    self.cut_child(child)?;
                }
                continue;
            }
            match status {
                OrderStatus::Denied | OrderStatus::Rejected => {
                    if let Some(spec) = self.state().orders().open().get(&child).map(|o| o.spec.clone()) {
                        self.deny(&spec, Refusal::plain(RefusalCode::ParentRejected), None)?;
                    }
                }
                _ if status.is_done() => self.end(child, EndReason::ParentEnded)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Holds a child that works, and may now fill more than the gate has seen of it, until that is judged. An exit grows by
    /// what its parent adds to the position, which is no more risk, unless another exit grows by the same.
    fn hold_grown(&mut self, key: OrderKey, by: Quantity) -> Result<(), EngineError> {
        let Some(child) = self.state().orders().open().get(&key).filter(|o| o.matches_here()) else {
            return Ok(());
        };
        let before = child.cap.and_then(|cap| cap.checked_sub(by));
        let grew = by.is_positive() && before.is_some_and(|before| before < child.spec.quantity);
        if !grew || self.is_only_exit(child) {
            return Ok(());
        }
        let (order, code) = (Arc::clone(&child.spec), RefusalCode::ParentFilledMore);
        self.emit(EventBody::OrderHeld { order, code, decision: None, valued_at: None })
    }

    /// Whether nothing but an order, and the others of its group, takes back what its parent makes; or whether it ends
    /// with the position whatever does.
    fn is_only_exit(&self, child: &Order) -> bool {
        let Some(parent) = self.parent_of(child).filter(|parent| is_exit(&child.spec, &parent.spec)) else {
            return false;
        };
        let (orders, key) = (self.state().orders(), (parent.spec.account, parent.spec.id));
        let mut others = orders.children(&key).filter_map(|key| orders.open().get(&key)).map(|o| &o.spec);
        let beside = |o: &OrderSpec| o.id != child.spec.id && (o.oco.is_none() || o.oco != child.spec.oco);
        let trades = (key.0, child.spec.instrument, child.spec.side);
        let ends_flat = child.spec.reduce_only || self.may_not_short(trades);
        ends_flat || !others.any(|o| o.side == child.spec.side && beside(o))
    }

    /// Lets a child work for what its parent has filled, when the gate agrees now.
    pub(super) fn release_child(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let Some(child) = self.state().orders().open().get(&key) else { return Ok(()) };
        let waits = [RefusalCode::WaitsForParent, RefusalCode::ParentFilledMore].map(Some);
        if !waits.contains(&child.code) || !child.working().is_positive() {
            return Ok(());
        }
        let quantity = child.filled.checked_add(child.working()).unwrap_or(child.spec.quantity);
        let working = Arc::new(OrderSpec { quantity, ..OrderSpec::clone(&child.spec) });
        let state = self.state();
        let Some(book) = state.book(key.0, self.now) else { return Ok(()) };
        let exits = self.parent_of(child).is_some_and(|parent| is_exit(&working, &parent.spec));
        let draft = Draft { released: true, exits, ..Draft::amended(&working) };
        let decision = evaluate(&book, state.limits(), &draft);
        match decision.verdict() {
            Verdict::Refuse(refusal) => {
                let Some(spec) = self.state().orders().open().get(&key).map(|o| o.spec.clone()) else {
                    return Ok(());
                };
                self.deny(&spec, refusal.clone(), Some(decision))
            }
            Verdict::Hold(code) => {
                let Some(order) = self.state().orders().open().get(&key).map(|o| o.spec.clone()) else {
                    return Ok(());
                };
                let (code, decision) = (*code, Some(decision.into_record()));
                self.emit(EventBody::OrderHeld { order, code, decision, valued_at: None })
            }
            Verdict::Accept => {
                let entered = super::submit::enter(&working, decision, self.state().seq());
                let Ok((_, record)) = entered else { return Ok(()) };
                self.release(key, (None, false), Some(record))?;
                self.start_trail(key)
            }
        }
    }

    /// Cuts a child to what its parent filled: there will be no more of it.
    fn cut_child(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let (account, id) = key;
        let Some(child) = self.state().orders().open().get(&key) else { return Ok(()) };
        let over = child.leaves().checked_sub(child.working()).filter(|q| q.is_positive());
        let Some(by) = over else { return Ok(()) };
        if child.working().is_zero() && child.filled.is_zero() {
            return self.end(key, EndReason::ParentEnded);
        }
        self.emit(EventBody::OrderReduced { account, id, by, group: false })?;
        let done = self.state().orders().get(account, id).is_some_and(|o| o.status.is_done());
        if done { self.follow(key, Quantity::ZERO) } else { Ok(()) }
    }

    /// The order that another one hangs on.
    fn parent_of(&self, order: &Order) -> Option<&Order> {
        self.state().orders().get(order.spec.account, order.spec.parent?)
    }

    /// Whether an order may get more to do from its parent.
    fn has_open_parent(&self, order: &Order) -> bool {
        self.parent_of(order).is_some_and(|parent| !parent.status.is_done())
    }

    /// Lets children wait again that have used up what their parent has filled so far.
    fn rest_used_up(&mut self, key: OrderKey, group: Option<OrderId>) -> Result<(), EngineError> {
        let orders = self.state().orders();
        let others = group.into_iter().flat_map(|group| orders.others_of(group, key));
        let used_up = orders.open().get(&key).into_iter().chain(others).filter(|o| {
            o.matches_here() && o.cap.is_some() && o.working().is_zero() && self.has_open_parent(o)
        });
        let keys: Vec<OrderKey> = used_up.map(|o| (o.spec.account, o.spec.id)).collect();
        keys.into_iter().try_for_each(|key| self.wait_again(key))
    }

    /// An order whose parent still works waits for what that fills next; what a broker has, waits there.
    fn wait_again(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let order = self.state().orders().open().get(&key).filter(|o| o.matches_here());
        let Some(order) = order.map(|o| o.spec.clone()) else { return Ok(()) };
        let code = RefusalCode::WaitsForParent;
        self.emit(EventBody::OrderHeld { order, code, decision: None, valued_at: None })
    }

    /// Ends the orders that only reduce a position which is no longer there, and sells that could only go short where
    /// that is not allowed. An exit whose parent still works waits for more of it instead.
    fn end_flat(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        group: Option<OrderId>,
    ) -> Result<(), EngineError> {
        let orders = self.state().orders();
        if !orders.has_reducing() && orders.queue(instrument).is_empty() {
            return Ok(());
        }
        let sells = (account, instrument, Side::Sell);
        let queued = if self.reducible(sells).is_zero() && self.may_not_short(sells) {
            orders.queue(instrument)
        } else {
            &[]
        };
        let queued = queued.iter().filter_map(|w| orders.open().get(&w.key));
        let sells = queued.filter(|o| o.spec.account == account && o.spec.side == Side::Sell);
        let reducing = orders.reducing(account).filter(|o| o.spec.instrument == instrument);
        let mut ends: Vec<(OrderKey, bool)> = reducing
            .filter(|o| self.reducible((account, instrument, o.spec.side)).is_zero())
            .chain(sells)
            .filter(|o| !o.status.is_waiting() && !is_ended_there(o, group))
            .map(|o| ((o.spec.account, o.spec.id), self.has_open_parent(o)))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        ends.into_iter().try_for_each(|(key, waits)| {
            if waits { self.wait_again(key) } else { self.end(key, EndReason::PositionFlat) }
        })
    }

    /// Whether an order is a sell of an account and instrument that may not leave a short position.
    pub(super) fn may_not_short(&self, (account, instrument, side): Trades) -> bool {
        let allowed = || {
            self.state().accounts().get(&account).is_some_and(|a| a.spec().short)
                && self.state().instruments().get(&instrument).is_some_and(|i| i.shortable)
        };
        side == Side::Sell && !allowed()
    }

    /// How much an order of this side could reduce the position by.
    pub(super) fn reducible(&self, (account, instrument, side): Trades) -> Quantity {
        let account = self.state().accounts().get(&account);
        let held = account.map_or(Quantity::ZERO, |a| a.quantity(instrument));
        let reducible = match side {
            Side::Sell => Some(held),
            Side::Buy => held.checked_neg(),
        };
        reducible.unwrap_or(Quantity::ZERO).max(Quantity::ZERO)
    }

    /// Judges an open order again in its place, as if it were `spec`.
    pub(super) fn judge_as(
        &self,
        key: &OrderKey,
        spec: &Arc<OrderSpec>,
        may_wait: bool,
        approved: bool,
    ) -> Option<crate::risk::Decision> {
        let state = self.state();
        let book = state.book(key.0, self.now)?;
        let exits_ask = self.exits_ask(spec);
        let draft = Draft { may_wait, approved, exits_ask, ..Draft::amended(spec) };
        Some(evaluate(&book, state.limits(), &draft))
    }
}

/// Whether a child takes back what its parent makes: the other way, for the same strategy.
fn is_exit(child: &OrderSpec, parent: &OrderSpec) -> bool {
    child.side != parent.side && child.strategy == parent.strategy
}

/// Whether a broker ends an order by itself, or holds it until its entry fills: one of a group that it keeps.
fn is_ended_there(order: &Order, filled: Option<OrderId>) -> bool {
    let is_mate = order.spec.oco.is_some() && order.spec.oco == filled;
    let waits = order.sent_with().is_some() && !order.working().is_positive();
    order.is_at_broker() && (is_mate || waits)
}
