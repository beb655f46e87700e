//! Losses in a row: after too many closes at a loss no new risk is taken until the next day.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxConsecutiveLosses;

impl Control for MaxConsecutiveLosses {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxConsecutiveLosses)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let losses = i64::from(inputs.losses);
        let losses = Measure::span(losses, losses).unless(inputs.reduces);
        bounded(inputs, LimitName::MaxConsecutiveLosses, Some(losses))
    }
}
