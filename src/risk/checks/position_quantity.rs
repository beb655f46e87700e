//! Largest quantity of one position, open orders of the order's side included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxPositionQuantity;

impl Control for MaxPositionQuantity {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxPositionQuantity)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.position_quantity;
        let shares = shares.map(|p| Measure::span(p.now.raw(), p.with.raw()).unless(inputs.reduces));
        bounded(inputs, LimitName::MaxPositionQuantity, shares)
    }
}
