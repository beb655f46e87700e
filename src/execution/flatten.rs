//! Flatten: a person closes the positions of a scope at market.
//!
//! Open orders of the scope end first, so that nothing opens again what is closed. Each position gets one market order
//! that only reduces; limits that people set and halts let it pass, since it takes risk away. Whether that order is
//! taken is judged first: where it would be refused, it is, and the orders that protect the position stay.
//!
//! A broker that takes no order that only reduces gets a plain one, of exactly what is held, and only once it has
//! answered for every order that was open there: until then the closing order is held here, where a restart finds it.
//! Where the account is not as the broker says, nothing is closed.

use std::sync::Arc;

use crate::domain::event::{EndReason, EventBody, Refusal};
use crate::domain::limit::Scope;
use crate::domain::order::CLOSING;
use crate::domain::{
    AccountId, CleanText, InstrumentId, Order, OrderId, OrderSpec, OrderStatus, Quantity, RefusalCode, Side,
    TimeInForce, UserName,
};
use crate::risk::{Decision, Draft, Target, Verdict, evaluate};

use super::brackets::Denied;
use super::engine::EngineError;
use super::reconcile::leaves_open;
use super::routing::Route;
use super::step::Step;
use super::submit::enter;
use super::venues::capabilities;

/// What an account holds of an instrument.
type Held = (AccountId, InstrumentId, Quantity);

impl Step<'_> {
    pub(super) fn flatten(
        &mut self,
        actor: UserName,
        scope: Scope,
        reason: &CleanText,
    ) -> Result<(), EngineError> {
        if let Scope::Strategy(_) = scope {
            let why = "a position is the account's, whatever its strategies hold of it: flatten an account or a symbol";
            let why = why.to_owned();
            return self.reject(actor, format!("flatten {scope}"), why);
        }
        let held = self.held_in(scope);
        let mut refused = Vec::new();
        for held in &held {
            refused.extend(self.refused_close(*held)?);
        }
        let positions = u32::try_from(held.len()).unwrap_or(u32::MAX);
        self.emit(EventBody::Flattened { scope, actor, positions, reason: reason.clone() })?;
        let kept: Vec<_> = refused.iter().map(|(order, ..)| (order.account, order.instrument)).collect();
        self.end_in_scope(scope, &kept, EndReason::Flattened)?;
        for held in held {
            let known =
                refused.iter().find(|(order, ..)| (order.account, order.instrument) == (held.0, held.1));
            self.close(held, known)?;
        }
        Ok(())
    }

    /// Why the order that closes a position would be refused, if so.
    fn refused_close(&self, held: Held) -> Result<Option<Denied>, EngineError> {
        let Some(order) = self.closing(held)? else { return Ok(None) };
        if let Some(refusal) = self.unsure(&order) {
            return Ok(Some((order, refusal, None)));
        }
        let Some(decision) = self.judge_close(&order, false) else { return Ok(None) };
        let refusal = match decision.verdict() {
            Verdict::Refuse(refusal) => Some(refusal.clone()),
            Verdict::Accept | Verdict::Hold(_) => self.no_way_out(&order),
        };
        Ok(refusal.map(|refusal| (order, refusal, Some(decision.into_record()))))
    }

    /// Judges a closing order at its exchange's time, as if it were the only open one.
    fn judge_close(&self, order: &Arc<OrderSpec>, is_open: bool) -> Option<Decision> {
        let state = self.state();
        let own = state.market_time(order.instrument.exchange).unwrap_or(self.now);
        let book = state.book(order.account, own)?;
        let draft = if is_open { Draft::amended(order) } else { Draft::new(order) };
        Some(evaluate(&book, state.limits(), &Draft { flattens: true, ..draft }))
    }

    /// Why the account's broker would not get an order, if so.
    fn no_way_out(&self, order: &OrderSpec) -> Option<Refusal> {
        self.remote_broker(order)?;
        match self.route(order) {
            Some(Route::Refuse { code, reason }) => {
                Some(Refusal { observed: Some(reason.to_string()), ..Refusal::plain(code) })
            }
            Some(Route::Send { .. } | Route::Watch { .. }) | None => None,
        }
    }

    /// Why it is not sure what an account holds of an instrument at its broker, if so.
    fn unsure(&self, order: &OrderSpec) -> Option<Refusal> {
        let broker = self.remote_broker(order)?;
        if capabilities(broker).reduce_only {
            return None;
        }
        if self.state().is_reconciling(order.account) {
            return Some(Refusal::plain(RefusalCode::Reconciling));
        }
        let mut told = self.state().breaks().get(&order.account).into_iter().flatten();
        let text = told.find(|text| leaves_open(text, order.instrument))?;
        Some(Refusal { observed: Some(text.clone()), ..Refusal::plain(RefusalCode::ReconciliationBreak) })
    }

    /// What the accounts of a scope hold, by account and instrument.
    fn held_in(&self, scope: Scope) -> Vec<Held> {
        let mut held = Vec::new();
        for (name, account) in self.state().accounts() {
            for (instrument, position) in account.positions() {
                if Target::symbol(account.spec(), instrument.symbol).is_bound_by(scope) {
                    held.push((*name, *instrument, position.quantity()));
                }
            }
        }
        held
    }

    /// The order that closes a position.
    fn closing(&self, (account, instrument, held): Held) -> Result<Option<Arc<OrderSpec>>, EngineError> {
        let Some((side, quantity)) = opposite(held) else { return Ok(None) };
        let id = self.closing_name(account)?;
        let plain = OrderSpec::plain(account, id, instrument, (side, quantity), None);
        let reduce_only = self.remote_broker(&plain).is_none_or(|broker| capabilities(broker).reduce_only);
        Ok(Some(Arc::new(OrderSpec { reduce_only, tif: TimeInForce::Day, ..plain })))
    }

    /// A name for a closing order: of the next event's number, unless an order of an older journal has it.
    fn closing_name(&self, account: AccountId) -> Result<OrderId, EngineError> {
        let orders = self.state().orders();
        let mut number = self.state().seq().saturating_add(1);
        loop {
            let id: OrderId = format!("{CLOSING}{number}").parse()?;
            if orders.asked(&(account, id)).is_none() {
                return Ok(id);
            }
            number = number.saturating_add(1);
        }
    }

    /// Gives the order that closes a position, at its exchange's time; one that is known to be refused, is.
    fn close(&mut self, held: Held, refused: Option<&Denied>) -> Result<(), EngineError> {
        let Some(order) = self.closing(held)? else { return Ok(()) };
        let (account, instrument) = (order.account, order.instrument);
        self.at_own_time(instrument, |step| {
            if let Some((_, refusal, decision)) = refused {
                let (refusal, decision) = (refusal.clone(), decision.clone());
                step.emit(EventBody::OrderDenied { order, refusal, decision })
            } else if !order.reduce_only {
                let code = RefusalCode::WaitsForCancels;
                step.emit(EventBody::OrderHeld { order, code, decision: None, valued_at: None })?;
                step.give_closes(account)
            } else if let Some(decision) = step.judge_close(&order, false) {
                step.act_on(&order, decision)
            } else {
                Ok(())
            }
        })
    }

    /// Gives the closing orders that wait, of every account at a broker: whatever a step ended may have been the last.
    pub(super) fn give_all_closes(&mut self) -> Result<(), EngineError> {
        let there: Vec<AccountId> = self.state().compared.keys().copied().collect();
        there.into_iter().try_for_each(|account| self.give_closes(account))
    }

    /// Gives the closing orders of an account that wait until nothing else of theirs is open at its broker.
    fn give_closes(&mut self, account: AccountId) -> Result<(), EngineError> {
        let orders = self.state().orders();
        let first: OrderId = CLOSING.parse()?;
        let named = orders.open().from((account, first));
        let named = named.take_while(|(key, _)| key.0 == account && key.1.as_str().starts_with(CLOSING));
        let is_last = |order: &Order| {
            let queue = orders.queue(order.spec.instrument).iter();
            queue.filter(|w| w.key.0 == account).all(|w| w.key.1 == order.spec.id)
        };
        let waits = |order: &Order| {
            order.status == OrderStatus::Held && order.code == Some(RefusalCode::WaitsForCancels)
        };
        if self.state().is_reconciling(account) {
            return Ok(());
        }
        let ready = named.map(|(_, order)| order).filter(|o| waits(o) && is_last(o));
        let ready: Vec<Arc<OrderSpec>> = ready.map(|order| Arc::clone(&order.spec)).collect();
        ready.iter().try_for_each(|order| self.at_own_time(order.instrument, |step| step.give_close(order)))
    }

    /// Does something at the time of an instrument's exchange.
    fn at_own_time(
        &mut self,
        instrument: InstrumentId,
        act: impl FnOnce(&mut Self) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let own = self.state().market_time(instrument.exchange).unwrap_or(self.now);
        let house = std::mem::replace(&mut self.now, own);
        let done = act(self);
        self.now = house;
        done
    }

    /// Sends a closing order that waited, for what is held now.
    fn give_close(&mut self, waited: &Arc<OrderSpec>) -> Result<(), EngineError> {
        let (account, instrument) = (waited.account, waited.instrument);
        let held = self.state().accounts().get(&account).map(|a| a.quantity(instrument));
        let now = held.and_then(opposite).filter(|(side, _)| *side == waited.side);
        let Some((_, quantity)) = now else { return self.end((account, waited.id), EndReason::PositionFlat) };
        if let Some(refusal) = self.unsure(waited) {
            return self.deny(waited, refusal, None);
        }
        let order = Arc::new(OrderSpec { quantity, ..OrderSpec::clone(waited) });
        let judged = self.judge_close(&order, true).zip(self.remote_broker(&order));
        let Some((decision, broker)) = judged else { return Ok(()) };
        if let Verdict::Refuse(refusal) = decision.verdict() {
            return self.deny(waited, refusal.clone(), Some(decision));
        }
        match enter(&order, decision, self.state().seq()) {
            Ok((order, record)) => self.send(order, broker, Some(record), false),
            Err(refusal) => self.deny(waited, refusal, None),
        }
    }
}

/// Side and quantity that close a position; nothing of none.
fn opposite(held: Quantity) -> Option<(Side, Quantity)> {
    let side = if held.is_negative() { Side::Buy } else { Side::Sell };
    held.checked_abs().filter(|quantity| quantity.is_positive()).map(|quantity| (side, quantity))
}
