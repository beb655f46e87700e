//! Leverage: what is held, long and short alike, with this order and no other, as a multiple of equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxLeverage;

impl Control for MaxLeverage {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxLeverage)
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.held.zip(inputs.equity).map(|(part, whole)| Measure::share(part, whole));
        bounded(inputs, LimitName::MaxLeverage, shares.map(|m| m.unless(inputs.reduces)))
    }
}
