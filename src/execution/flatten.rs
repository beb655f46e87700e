//! Flatten: a person closes the positions of a scope at market.
//!
//! Open orders of the scope end first, so that nothing opens again what is closed. Each position gets one market order
//! that only reduces; limits that people set and halts let it pass, since it takes risk away. At a broker the orders
//! that end are asked back at the same time: what it refuses meanwhile can be given again.

use crate::domain::event::{EndReason, EventBody};
use crate::domain::limit::Scope;
use crate::domain::{
    AccountId, CleanText, InstrumentId, OrderId, OrderSpec, Quantity, Side, TimeInForce, UserName,
};
use crate::risk::{Draft, Target, evaluate};

use super::engine::EngineError;
use super::step::Step;

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
        let positions = u32::try_from(held.len()).unwrap_or(u32::MAX);
        self.emit(EventBody::Flattened { scope, actor, positions, reason: reason.clone() })?;
        self.end_in_scope(scope, EndReason::Flattened)?;
        for (account, instrument, quantity) in held {
            self.close(account, instrument, quantity)?;
        }
        Ok(())
    }

    /// What the accounts of a scope hold, by account and instrument.
    fn held_in(&self, scope: Scope) -> Vec<(AccountId, InstrumentId, Quantity)> {
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

    fn close(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        held: Quantity,
    ) -> Result<(), EngineError> {
        let side = if held.is_negative() { Side::Buy } else { Side::Sell };
        let Some(quantity) = held.checked_abs() else { return Ok(()) };
        // No event before had this number, so no order before had this name.
        let id: OrderId = format!("flatten-{}", self.state().seq().saturating_add(1)).parse()?;
        let plain = OrderSpec::plain(account, id, instrument, (side, quantity), None);
        let order = OrderSpec { reduce_only: true, tif: TimeInForce::Day, ..plain };
        let state = self.state();
        let Some(book) = state.book(account, self.now) else { return Ok(()) };
        let draft = Draft { flattens: true, ..Draft::new(&order) };
        let decision = evaluate(&book, state.limits(), &state.view.facts, &draft);
        self.act_on(&order, decision)
    }
}
