//! Settled funds: how much of a cash account's open buys is paid with proceeds that are not settled yet.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;
use crate::domain::{Margin, Money, Side};

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxUnsettledUse;

impl Control for MaxUnsettledUse {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxUnsettledUse)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let spared = inputs.margin != Margin::Cash || inputs.side == Side::Sell;
        let used = if spared { Some(Measure::of(0)) } else { used(inputs) };
        bounded(inputs, LimitName::MaxUnsettledUse, used)
    }
}

/// What open buys, and then this one beside them, need beyond the settled cash; nothing where nothing is unsettled.
fn used(inputs: &Inputs) -> Option<Measure> {
    let unsettled = inputs.beside.unsettled?;
    let settled = inputs.cash.checked_sub(unsettled)?;
    let before = inputs.cash_held?;
    let beyond = |needed: Money| {
        let beyond = needed.checked_sub(settled)?.max(Money::ZERO);
        Some(beyond.min(unsettled).raw())
    };
    Some(Measure::span(beyond(before)?, beyond(before.checked_add(inputs.cost?)?)?))
}
