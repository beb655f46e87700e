//! Self-trades: how many open orders of the same owner an order would trade with on the other side.

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
        // Older records name the first of them only.
        let count = Measure::of(i64::from(inputs.crossings.max(u32::from(inputs.crosses.is_some()))));
        bounded(inputs, LimitName::MaxSelfTrades, Some(count))
    }
}
