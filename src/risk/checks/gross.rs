//! Gross exposure: the worst cases of all positions together, as a multiple of equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::scoped::exposure;
use super::{Control, Finding, Grain, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxGrossExposure;

impl Control for MaxGrossExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxGrossExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Holding
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        exposure(inputs, LimitName::MaxGrossExposure, inputs.gross)
    }
}
