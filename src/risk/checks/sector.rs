//! Sector: the worst cases of one sector as a share of equity. An instrument without one cannot be judged.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxSectorExposure;

impl Control for MaxSectorExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxSectorExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.sector.zip(inputs.equity).map(|(part, whole)| Measure::share(part, whole));
        bounded(inputs, LimitName::MaxSectorExposure, shares.map(|m| m.unless(inputs.reduces)))
    }
}
