//! Leverage: what is held, long and short alike, with this order and no other, as a multiple of equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::scoped::exposure;
use super::{Control, Finding, Grain, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxLeverage;

impl Control for MaxLeverage {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxLeverage)
    }

    fn grain(&self) -> Grain {
        Grain::Holding
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        exposure(inputs, LimitName::MaxLeverage, inputs.held)
    }
}
