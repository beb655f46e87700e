//! Concentration: the largest share of equity in one name, open orders of the order's side included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::scoped::exposure;
use super::{Control, Finding, Grain, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxPositionWeight;

impl Control for MaxPositionWeight {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxPositionWeight)
    }

    fn grain(&self) -> Grain {
        Grain::Holding
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        exposure(inputs, LimitName::MaxPositionWeight, inputs.position)
    }
}
