//! Daily loss: money lost since the day's opening equity, realised and not.

use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::scoped::position;
use super::{Control, Finding, Grain, Phase, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxDailyLoss;

impl Control for MaxDailyLoss {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxDailyLoss)
    }

    fn grain(&self) -> Grain {
        Grain::Holding
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
        position(inputs, LimitName::MaxDailyLoss, loss.map(|loss| Span { now: loss, with: loss }))
    }
}
