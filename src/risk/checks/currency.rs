//! Currency: the worst cases of all positions of all paper accounts in the order's currency.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxCurrencyExposure;

impl Control for MaxCurrencyExposure {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxCurrencyExposure)
    }

    fn grain(&self) -> Grain {
        Grain::Firm
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let value = inputs.beside.currency.map(|span| Measure::span(span.now.raw(), span.with.raw()));
        bounded(inputs, LimitName::MaxCurrencyExposure, value.map(|m| m.unless(inputs.reduces)))
    }
}
