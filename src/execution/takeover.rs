//! Positions that stood at a broker before their account was kept here: two people may take them over, with the cost
//! that the broker tells. Nothing is ever taken over silently, traded, or taken off what is held here.
//!
//! The first request is written down; the same one by somebody else books it. What the broker says has to be the same
//! both times, and a comparison must have told the difference before. Whoever answers to what was shown answers to just
//! that: whether it still stands is looked up here, in the step, so that of two who ask at once neither agrees unseen.

use crate::domain::broker::PositionReport;
use crate::domain::command::{Given, Seen};
use crate::domain::event::{Claim, EventBody};
use crate::domain::{AccountId, Instrument, InstrumentId, Money, Order, Quantity};

use super::engine::EngineError;
use super::govern::Second;
use super::reconcile::difference;
use super::step::Step;

impl Step<'_> {
    /// Asks to take over what the broker holds more of an instrument, or agrees to it.
    pub(super) fn take_over(
        &mut self,
        given: &Given,
        account: AccountId,
        report: &PositionReport,
        seen: Seen,
    ) -> Result<(), EngineError> {
        let (actor, instrument) = (given.actor, report.instrument);
        let what = format!("take over {instrument} of {account}");
        let (quantity, cost) = match self.difference(account, report) {
            Ok(found) => found,
            Err(reason) => return self.reject(actor, what, reason.to_owned()),
        };
        let asked = self.state().claims.get(&(account, instrument)).copied();
        let known = asked.map(|(claim, _)| claim.asked()).filter(|asked| asked.quantity == quantity);
        if !seen.is_still(known) {
            let reason = format!(
                "what is asked for of {instrument} in {account} has changed meanwhile: look at it again"
            );
            return self.reject(actor, what, reason);
        }
        let asked = asked.filter(|(claim, _)| (claim.quantity, claim.cost) == (quantity, cost));
        let Some((claim, since)) = asked else {
            let worth = self.worth(report.instrument, quantity).unwrap_or(cost);
            let claim =
                Claim { account, instrument, quantity, cost, worth, maker: actor, actor: None, alone: false };
            return self.emit(EventBody::PositionClaimed(claim));
        };
        match self.second(given, claim.maker, Some(since)) {
            Err(reason) => self.reject(actor, what, reason),
            Ok(second) => {
                if !self.state().instruments().contains_key(&instrument) {
                    self.emit(EventBody::InstrumentDefined(Instrument::with_defaults(instrument)))?;
                }
                let alone = matches!(second, Second::Alone);
                let worth = self.worth(instrument, quantity).unwrap_or(cost);
                self.emit(EventBody::PositionTakenOver(Claim { worth, actor: Some(actor), alone, ..claim }))
            }
        }
    }

    fn worth(&self, instrument: InstrumentId, quantity: Quantity) -> Option<Money> {
        let last = self.state().view().last(instrument)?;
        last.price.notional(quantity).ok()
    }

    /// What the broker holds more, and its cost; why it cannot be taken over, else.
    fn difference(
        &self,
        account: AccountId,
        report: &PositionReport,
    ) -> Result<(Quantity, Money), &'static str> {
        const UNCOUNTED: &str = "its quantity or cost cannot be counted";
        let state = self.state();
        let known = state.accounts().get(&account).filter(|a| !a.spec().broker.is_paper());
        let known = known.ok_or("the account is at no broker")?;
        if state.is_reconciling(account) {
            return Err("the account is being compared with its broker: try again when that is done");
        }
        let held = known.positions().get(&report.instrument);
        let here = known.quantity(report.instrument);
        let more = report.quantity.checked_sub(here).ok_or(UNCOUNTED)?;
        if more.is_zero() {
            return Err("the broker holds what is held here");
        }
        if !state.has_break(account, &difference(report.instrument, here, report.quantity).to_string()) {
            return Err("no comparison has told this difference: an order may be on its way; compare first");
        }
        let is_there = |o: &Order| {
            (o.spec.account, o.spec.instrument) == (account, report.instrument) && o.is_at_broker()
        };
        if state.orders().open().values().any(is_there) {
            return Err("an order in it is at the broker and may fill: end it, then compare again");
        }
        let is_more = more.is_negative() == report.quantity.is_negative()
            && (here.is_zero() || here.is_negative() == more.is_negative());
        if !is_more {
            return Err(
                "the broker holds less than the book, or the other way round: find out why, nothing is taken off",
            );
        }
        let average = report.average.ok_or("the broker tells no average entry price")?;
        let all = average.notional(report.quantity).map_err(|_| UNCOUNTED)?;
        let cost =
            all.checked_sub(held.map_or(Money::ZERO, crate::portfolio::Position::cost)).ok_or(UNCOUNTED)?;
        if cost.is_zero() || cost.is_negative() != more.is_negative() {
            return Err("by the broker's average entry price it cost nothing: find out why");
        }
        Ok((more, cost))
    }
}
