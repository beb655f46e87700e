//! Minimum quantity and value of one order; what makes a position smaller passes, so that a small rest can be closed.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control of the quantity.
#[derive(Debug)]
pub struct MinOrderQuantity;

impl Control for MinOrderQuantity {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MinOrderQuantity)
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let quantity = Measure::of(inputs.quantity.raw()).unless(inputs.reduces);
        bounded(inputs, LimitName::MinOrderQuantity, Some(quantity))
    }
}

/// The control of the value.
#[derive(Debug)]
pub struct MinOrderNotional;

impl Control for MinOrderNotional {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MinOrderNotional)
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let notional = inputs.notional.map(|n| Measure::of(n.raw()).unless(inputs.reduces));
        bounded(inputs, LimitName::MinOrderNotional, notional)
    }
}
