//! Largest quantity of one position, open orders of the order's side included.

use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::scoped::position;
use super::{Control, Finding, Grain, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxPositionQuantity;

impl Control for MaxPositionQuantity {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxPositionQuantity)
    }

    fn grain(&self) -> Grain {
        Grain::Holding
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.position_quantity.map(|p| Span { now: p.now.raw(), with: p.with.raw() });
        position(inputs, LimitName::MaxPositionQuantity, shares)
    }
}
