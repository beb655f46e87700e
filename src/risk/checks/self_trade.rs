//! Self-trades: an order that would trade with an own open order on the other side.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxSelfTrades;

impl Control for MaxSelfTrades {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxSelfTrades)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let count = Measure::of(i64::from(inputs.crosses.is_some()));
        bounded(inputs, LimitName::MaxSelfTrades, Some(count))
    }
}
