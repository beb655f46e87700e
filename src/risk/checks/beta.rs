//! Exposure to the market: value times beta, without a sign, as a multiple of equity; what only
//! reduces, or makes it no larger, passes.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxBeta;

impl Control for MaxBeta {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxBeta)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let beta = inputs.beta.zip(inputs.equity);
        let share = beta.map(|(part, whole)| Measure::grown_share(part, whole, inputs.reduces));
        bounded(inputs, LimitName::MaxBeta, share)
    }
}
