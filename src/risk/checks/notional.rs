//! Largest value of one order: quantity × limit, else trigger, else last price.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxOrderNotional;

impl Control for MaxOrderNotional {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOrderNotional)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let value = inputs.notional.map(|n| Measure::of(n.raw()));
        bounded(inputs, LimitName::MaxOrderNotional, value)
    }
}
