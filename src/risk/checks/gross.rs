//! Gross exposure: the worst cases of all positions together, as a multiple of equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxGrossExposure;

impl Control for MaxGrossExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxGrossExposure)
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.gross.zip(inputs.equity).map(|(part, whole)| Measure::share(part, whole));
        bounded(inputs, LimitName::MaxGrossExposure, shares.map(|m| m.unless(inputs.reduces)))
    }
}
