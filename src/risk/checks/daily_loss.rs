//! Daily loss: money lost since the day's opening equity, realised and not.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxDailyLoss;

impl Control for MaxDailyLoss {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxDailyLoss)
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let loss = inputs.equity.and_then(|equity| inputs.day_open.checked_sub(equity));
        let loss = loss.map(|loss| loss.raw().max(0));
        let loss = loss.map(|loss| Measure::span(loss, loss).unless(inputs.reduces));
        bounded(inputs, LimitName::MaxDailyLoss, loss)
    }
}
