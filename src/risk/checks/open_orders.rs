//! Open orders of the account, this one included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxOpenOrders;

impl Control for MaxOpenOrders {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOpenOrders)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let (now, new) = (i64::from(inputs.open), i64::from(!inputs.amends));
        let count = Measure::span(now, now + new).unless(inputs.amends);
        bounded(inputs, LimitName::MaxOpenOrders, Some(count))
    }
}
