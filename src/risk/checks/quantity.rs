//! Largest quantity of one order.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxOrderQuantity;

impl Control for MaxOrderQuantity {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOrderQuantity)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let quantity = inputs.quantity.raw();
        bounded(inputs, LimitName::MaxOrderQuantity, Some(Measure::of(quantity)))
    }
}
