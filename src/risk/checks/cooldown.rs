//! Cooldown: for a while after a close at a loss no new risk is taken.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct LossCooldown;

impl Control for LossCooldown {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::LossCooldown)
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
        let age = inputs.since_loss.map_or(i64::from(u32::MAX), i64::from);
        let age = Measure::span(age, age).unless(inputs.since_loss.is_none() || inputs.reduces);
        bounded(inputs, LimitName::LossCooldown, Some(age))
    }
}
