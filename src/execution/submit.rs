//! Giving orders: identity first, then the gate, then the market.

use crate::domain::event::{EventBody, Refusal};
use crate::domain::facts::MarketFacts;
use crate::domain::{OrderId, OrderSpec, RefusalCode, Side};
use crate::risk::{Decision, Draft, OrderKey, Verdict, admit, evaluate};

use super::engine::EngineError;
use super::matching;
use super::step::Step;

impl Step<'_> {
    /// Gives one order. The same order again is the same order: nothing happens.
    pub(super) fn submit(&mut self, order: &OrderSpec, facts: &MarketFacts) -> Result<(), EngineError> {
        let key = (order.account, order.id);
        if let Some(asked) = self.state().orders.asked(&key) {
            if asked == order {
                return Ok(());
            }
            return self.deny(order, Refusal::plain(RefusalCode::DuplicateClientOrderId), None);
        }
        let may_wait = order.side == Side::Buy && self.list_sells_open(order);
        let draft = Draft { may_wait, ..Draft::new(order) };
        let Some(book) = self.state().book(order.account, self.now) else {
            return self.deny(order, Refusal::plain(RefusalCode::UnknownAccount), None);
        };
        if !self.state().instruments.contains_key(&order.instrument) {
            return self.deny(order, Refusal::plain(RefusalCode::InstrumentNotFound), None);
        }
        let decision = evaluate(&book, self.state().limits(), facts, &draft);
        self.act_on(order, decision)
    }

    /// Gives a list, sells first; buys that cash does not cover yet wait for the sells.
    pub(super) fn submit_list(
        &mut self,
        orders: &[OrderSpec],
        facts: &MarketFacts,
    ) -> Result<(), EngineError> {
        for side in [Side::Sell, Side::Buy] {
            for order in orders.iter().filter(|o| o.side == side) {
                self.submit(order, facts)?;
            }
        }
        Ok(())
    }

    fn act_on(&mut self, order: &OrderSpec, decision: Decision) -> Result<(), EngineError> {
        let record = Some(decision.record());
        match decision.verdict().clone() {
            Verdict::Refuse(refusal) => self.deny(order, refusal, Some(decision)),
            Verdict::Hold(code) => {
                self.emit(EventBody::OrderHeld { order: order.clone(), code, decision: record })
            }
            Verdict::Accept => {
                let approved = admit(order.clone(), decision);
                match approved.and_then(|a| matching::enter(a, self.state().seq)) {
                    Ok(order) => {
                        let key = (order.account, order.id);
                        self.emit(EventBody::OrderAccepted { order, decision: record })?;
                        self.take_quote(key)
                    }
                    Err(refusal) => self.deny(order, refusal, None),
                }
            }
        }
    }

    pub(super) fn deny(
        &mut self,
        order: &OrderSpec,
        refusal: Refusal,
        decision: Option<Decision>,
    ) -> Result<(), EngineError> {
        let decision = decision.map(|d| d.record());
        self.emit(EventBody::OrderDenied { order: order.clone(), refusal, decision })?;
        self.note_list(&(order.account, order.id));
        Ok(())
    }

    /// Judges a held order again in its place.
    pub(super) fn judge_again(&self, key: &OrderKey, may_wait: bool, approved: bool) -> Option<Decision> {
        let state = self.state();
        let order = state.orders.open().get(key)?;
        let book = state.book(key.0, self.now)?;
        let draft = Draft { may_wait, approved, ..Draft::amended(&order.spec) };
        Some(evaluate(&book, state.limits(), &MarketFacts::default(), &draft))
    }

    /// Lets a held order work, when the gate agrees; the refusal otherwise.
    pub(super) fn admit_held(&self, key: &OrderKey, decision: Decision) -> Result<(), Refusal> {
        let spec = self.state().orders.open().get(key).map(|o| o.spec.clone());
        let spec = spec.ok_or_else(|| Refusal::plain(RefusalCode::UnknownOrder))?;
        admit(spec, decision).and_then(|approved| matching::enter(approved, self.state().seq)).map(|_| ())
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
