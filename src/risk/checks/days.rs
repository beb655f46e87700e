//! Days to liquidate: how long the worst case of the position takes to close at the participation in average volume.

use crate::domain::Money;
use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxDaysToLiquidate;

impl Control for MaxDaysToLiquidate {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxDaysToLiquidate)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let take = inputs.beside.daily_take.filter(|take| take.is_positive());
        let days = inputs.position_quantity.zip(take).map(|(position, take)| {
            // Shares of shares: the scale of money does for both.
            let part =
                Span { now: Money::from_raw(position.now.raw()), with: Money::from_raw(position.with.raw()) };
            Measure::share(part, Money::from_raw(take.raw())).unless(inputs.reduces)
        });
        bounded(inputs, LimitName::MaxDaysToLiquidate, days)
    }
}
