//! Open orders of the account (of a symbol or a strategy in it, where the limit says so), this one included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::scoped::scoped;
use super::{Control, Finding, Measure, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxOpenOrders;

impl Control for MaxOpenOrders {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOpenOrders)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let (now, new) = (i64::from(inputs.open), i64::from(!inputs.amends));
        let count = |now, with| Some(Measure::span(now, with).unless(inputs.amends));
        scoped(inputs, LimitName::MaxOpenOrders, count(now, now + new), |own, _| count(own.now, own.with))
    }
}
