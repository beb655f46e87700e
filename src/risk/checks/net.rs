//! Net exposure: longs less shorts if all open orders of the order's side filled, as a multiple of equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxNetExposure;

impl Control for MaxNetExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxNetExposure)
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let shares = inputs.net.zip(inputs.equity).map(|(part, whole)| Measure::share(part, whole));
        bounded(inputs, LimitName::MaxNetExposure, shares.map(|m| m.unless(inputs.reduces)))
    }
}
