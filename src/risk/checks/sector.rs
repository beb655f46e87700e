//! Sector: the worst cases of one sector as a share of equity. An instrument without one cannot be judged.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::scoped::exposure;
use super::{Control, Finding, Grain, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxSectorExposure;

impl Control for MaxSectorExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxSectorExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Book
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        exposure(inputs, LimitName::MaxSectorExposure, inputs.sector)
    }
}
