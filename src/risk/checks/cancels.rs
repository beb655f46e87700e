//! Cancels of the account today: above the limit no new order is taken; a cancel is never refused.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxCancelsPerDay;

impl Control for MaxCancelsPerDay {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxCancelsPerDay)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let count = i64::from(inputs.cancels);
        let count = Measure::span(count, count).unless(inputs.amends || inputs.reduces);
        bounded(inputs, LimitName::MaxCancelsPerDay, Some(count))
    }
}
