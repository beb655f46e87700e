//! Loss of one position at last prices: a position that lost too much is not added to.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxPositionLoss;

impl Control for MaxPositionLoss {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxPositionLoss)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let loss = inputs.position_loss.map(|loss| loss.raw());
        let loss = loss.map(|loss| Measure::span(loss, loss).unless(inputs.reduces));
        bounded(inputs, LimitName::MaxPositionLoss, loss)
    }
}
