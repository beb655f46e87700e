//! Changing and ending working orders.

use std::sync::Arc;

use crate::domain::event::{EndReason, EventBody, Refusal};
use crate::domain::limit::DecisionRecord;
use crate::domain::{Order, OrderSpec, OrderStatus, Price, Quantity, RefusalCode};
use crate::risk::checks::prevented;
use crate::risk::exposure::waits_for_sells;
use crate::risk::{Draft, OrderKey, Verdict, evaluate};

use super::engine::EngineError;
use super::step::Step;
use super::venues::capabilities;

impl Step<'_> {
    /// Changes quantity, limit or trigger. Checked like an order; refused, the order stays as it was.
    pub(super) fn amend(
        &mut self,
        key: OrderKey,
        quantity: Option<Quantity>,
        (limit_price, trigger_price): (Option<Price>, Option<Price>),
    ) -> Result<(), EngineError> {
        let (account, id) = key;
        let Some(order) = self.state().orders.open().get(&key) else {
            let refusal = Refusal::plain(self.gone(&key));
            return self.no_change(key, refusal);
        };
        let mut spec = OrderSpec::clone(&order.spec);
        if order.is_at_broker() && !answers(order) {
            return self.no_change(key, pending());
        }
        let at_broker = order.is_at_broker();
        if at_broker && order.filled.is_positive() && quantity.is_some_and(|wanted| wanted <= order.filled) {
            return self.no_change(key, Refusal::plain(RefusalCode::AmendBelowCum));
        }
        let takes = order.remote.as_ref().map(|remote| capabilities(remote.broker));
        if at_broker && order.filled.is_positive() && takes.is_some_and(|t| !t.amends_partly_filled) {
            let observed = Some("the broker changes no order that has partly filled: cancel it".to_owned());
            let refusal = Refusal { observed, ..Refusal::plain(RefusalCode::AmendFieldImmutable) };
            return self.no_change(key, refusal);
        }
        if let Some(refusal) = self.fixed_there(order, quantity) {
            return self.no_change(key, refusal);
        }
        let foreign = (limit_price.is_some() && !spec.order_type.has_limit())
            || (trigger_price.is_some() && (!spec.order_type.has_trigger() || order.triggered));
        if foreign {
            return self.no_change(key, Refusal::plain(RefusalCode::AmendFieldImmutable));
        }
        spec.limit_price = limit_price.or(spec.limit_price);
        spec.trigger_price = trigger_price.or(spec.trigger_price);
        // Below what is filled the order is done with what it has.
        spec.quantity = match quantity {
            Some(wanted) if order.filled.is_positive() => wanted.max(order.filled),
            Some(wanted) => wanted,
            None => spec.quantity,
        };
        // A child whose parent will fill no more cannot become more than that.
        let parent = spec.parent.and_then(|parent| self.state().orders().get(account, parent));
        if let Some(cap) = order.cap.filter(|_| parent.is_some_and(|p| p.status.is_done())) {
            spec.quantity = spec.quantity.min(cap.max(order.filled));
        }
        let done = order.filled.is_positive() && spec.quantity == order.filled;
        let (refusal, decision) = if done { (None, None) } else { self.refuses(&key, spec.clone()) };
        if let Some(refusal) = refusal {
            return self.emit(EventBody::AmendRejected { account, id, refusal, decision });
        }
        let OrderSpec { quantity, limit_price, trigger_price, .. } = spec;
        if at_broker {
            return self.emit(EventBody::UpdateRequested {
                account,
                id,
                quantity,
                limit_price,
                trigger_price,
                decision,
            });
        }
        let ends = decision.as_ref().and_then(|record| prevented(&record.inputs));
        self.emit(EventBody::OrderUpdated { account, id, quantity, limit_price, trigger_price, decision })?;
        if done {
            return self.follow(key, Quantity::ZERO);
        }
        self.prevent_self_trades(key, ends)?;
        self.take_quote(key)
    }

    /// Why the quantity of an order of a group that a broker keeps may not change, if it was to.
    fn fixed_there(&self, order: &Order, quantity: Option<Quantity>) -> Option<Refusal> {
        quantity.filter(|wanted| *wanted != order.spec.quantity && order.is_at_broker())?;
        let is_group = order.sent_with().is_some() || !self.legs_of(order).is_empty();
        let observed = Some("the broker changes only prices in a group: cancel it".to_owned());
        is_group.then(|| Refusal { observed, ..Refusal::plain(RefusalCode::AmendFieldImmutable) })
    }

    /// Nothing is changed, for a reason that no control gave.
    fn no_change(&mut self, (account, id): OrderKey, refusal: Refusal) -> Result<(), EngineError> {
        self.emit(EventBody::AmendRejected { account, id, refusal, decision: None })
    }

    /// Why an amended order may not work, if so, and what was looked at. What a held order waits for does not speak
    /// against it.
    fn refuses(&self, key: &OrderKey, spec: OrderSpec) -> (Option<Refusal>, Option<Box<DecisionRecord>>) {
        let state = self.state();
        let order = state.orders.open().get(key);
        let Some((order, book)) = order.zip(state.book(key.0, self.now)) else { return (None, None) };
        let held = order.status.is_waiting();
        let waits_for_parent = order.code == Some(RefusalCode::WaitsForParent);
        let spec = Arc::new(spec);
        let draft = Draft { may_wait: waits_for_sells(order), waits_for_parent, ..Draft::amended(&spec) };
        let decision = evaluate(&book, state.limits(), &draft);
        let refusal = match decision.verdict() {
            Verdict::Accept => None,
            Verdict::Hold(_) if held => None,
            Verdict::Hold(code) => Some(Refusal::plain(*code)),
            Verdict::Refuse(refusal) => Some(refusal.clone()),
        };
        (refusal, Some(decision.into_record()))
    }

    /// Ends a working order.
    pub(super) fn cancel(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let (account, id) = key;
        let Some(order) = self.state().orders.open().get(&key) else {
            let refusal = Refusal::plain(self.gone(&key));
            return self.emit(EventBody::CancelRejected { account, id, refusal });
        };
        if order.status == OrderStatus::PendingCancel {
            return self.emit(EventBody::CancelRejected { account, id, refusal: pending() });
        }
        self.end(key, EndReason::Requested)
    }

    /// Ends an order; one that a broker has is asked back. What ends several may end one by the end of another: one
    /// that is done already stays as it is.
    pub(super) fn end(&mut self, (account, id): OrderKey, reason: EndReason) -> Result<(), EngineError> {
        let Some(order) = self.state().orders.open().get(&(account, id)) else { return Ok(()) };
        if order.is_at_broker() {
            let asked = order.status == OrderStatus::PendingCancel;
            return if asked {
                Ok(())
            } else {
                self.emit(EventBody::CancelRequested { account, id, reason })
            };
        }
        self.emit(EventBody::OrderCanceled { account, id, reason })?;
        self.follow((account, id), Quantity::ZERO)
    }

    /// Why an order is not there to be changed.
    fn gone(&self, key: &OrderKey) -> RefusalCode {
        match self.state().orders.get(key.0, key.1) {
            Some(_) => RefusalCode::TooLateToCancel,
            None => RefusalCode::UnknownOrder,
        }
    }
}

/// Whether a broker can be asked to change an order now: it has it, and nothing else is on its way.
fn answers(order: &Order) -> bool {
    let free = order.remote.as_ref().is_some_and(|r| r.venue_id().is_some() && r.asked.is_none());
    free && order.status.is_working()
}

fn pending() -> Refusal {
    Refusal::plain(RefusalCode::AlreadyPending)
}
