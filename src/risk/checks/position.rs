//! Largest value of one position, open orders of the order's side included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxPositionNotional;

impl Control for MaxPositionNotional {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxPositionNotional)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let value = inputs.position.map(|p| Measure::span(p.now.raw(), p.with.raw()).unless(inputs.reduces));
        bounded(inputs, LimitName::MaxPositionNotional, value)
    }
}
