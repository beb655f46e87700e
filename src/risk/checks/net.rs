//! Net exposure: longs less shorts if all open orders of the order's side filled, as a multiple of equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::scoped::exposure;
use super::{Control, Finding, Grain, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxNetExposure;

impl Control for MaxNetExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxNetExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Holding
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        exposure(inputs, LimitName::MaxNetExposure, inputs.net)
    }
}
