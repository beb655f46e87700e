//! Flatten: a person closes the positions of a scope at market.
//!
//! Open orders of the scope end first, so that nothing opens again what is closed. Each position gets one market order
//! that only reduces; limits that people set and halts let it pass, since it takes risk away. Whether that order is
//! taken is tried on a copy first: where it would be refused, it is, and the orders that protect the position stay.

use crate::domain::event::{EndReason, EventBody};
use crate::domain::limit::Scope;
use crate::domain::{
    AccountId, CleanText, InstrumentId, OrderId, OrderSpec, Quantity, Side, TimeInForce, UserName,
};
use crate::risk::{Draft, OrderKey, Target, evaluate};

use super::brackets::Denied;
use super::engine::EngineError;
use super::step::Step;
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
            let why = "a position belongs to no strategy: flatten an account or a symbol".to_owned();
            return self.reject(actor, format!("flatten {scope}"), why);
        }
        let held = self.held_in(scope);
        if let Some(reason) = self.only_elsewhere(&held) {
            return self.reject(actor, format!("flatten {scope}"), reason);
        }
        let refused = self.refused_closes(scope, &held)?;
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

    /// Why nothing of this can be closed so, when all of it is at brokers that take no order that only reduces.
    fn only_elsewhere(&self, held: &[Held]) -> Option<String> {
        let accounts = self.state().accounts();
        let brokers = held.iter().filter_map(|(name, ..)| Some(accounts.get(name)?.spec().broker));
        let mut brokers: Vec<_> = brokers.filter(|broker| !broker.is_paper()).collect();
        let all = brokers.len() == held.len();
        brokers.retain(|broker| !capabilities(*broker).reduce_only);
        let broker = brokers.first().filter(|_| all && brokers.len() == held.len())?;
        Some(format!("{broker} takes no order that only reduces: halt it with --cancel, then sell"))
    }

    /// The closing orders that would be refused once the other orders of the scope have ended.
    fn refused_closes(&self, scope: Scope, held: &[Held]) -> Result<Vec<Denied>, EngineError> {
        let mut copy = self.engine.clone();
        let mut trial = Step::new(&mut copy, self.now, self.wall, self.by);
        trial.end_in_scope(scope, &[], EndReason::Flattened)?;
        let mut closes = Vec::new();
        for held in held {
            closes.extend(trial.close(*held, None)?);
        }
        let denied = trial.finish()?.events.into_iter().filter_map(|event| match event.body {
            EventBody::OrderDenied { order, refusal, decision } => Some((order, refusal, decision)),
            _ => None,
        });
        Ok(denied.filter(|(order, ..)| closes.contains(&(order.account, order.id))).collect())
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

    /// Gives the order that closes a position, at its exchange's time; one that is known to be refused, is.
    fn close(
        &mut self,
        (account, instrument, held): Held,
        refused: Option<&Denied>,
    ) -> Result<Option<OrderKey>, EngineError> {
        let side = if held.is_negative() { Side::Buy } else { Side::Sell };
        let Some(quantity) = held.checked_abs() else { return Ok(None) };
        // No event before had this number, so no order before had this name.
        let id: OrderId = format!("flatten-{}", self.state().seq().saturating_add(1)).parse()?;
        let plain = OrderSpec::plain(account, id, instrument, (side, quantity), None);
        let order = OrderSpec { reduce_only: true, tif: TimeInForce::Day, ..plain };
        let own = self.state().market_time(instrument.exchange).unwrap_or(self.now);
        let house = std::mem::replace(&mut self.now, own);
        if let Some((_, refusal, decision)) = refused {
            let (refusal, decision) = (refusal.clone(), decision.clone());
            self.emit(EventBody::OrderDenied { order, refusal, decision })?;
        } else if let Some(book) = self.state().book(account, own) {
            let state = self.state();
            let draft = Draft { flattens: true, ..Draft::new(&order) };
            let decision = evaluate(&book, state.limits(), &state.view.facts, &draft);
            self.act_on(&order, decision)?;
        }
        self.now = house;
        Ok(Some((account, id)))
    }
}
