//! Concentration: the largest share of equity in one name, open orders of the order's side included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxPositionWeight;

impl Control for MaxPositionWeight {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxPositionWeight)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.position.zip(inputs.equity).map(|(part, whole)| Measure::share(part, whole));
        bounded(inputs, LimitName::MaxPositionWeight, shares.map(|m| m.unless(inputs.reduces)))
    }
}
