//! Drawdown: the fall from the highest equity so far; once it spoke it stays in force after a recovery.

use crate::domain::Money;
use crate::domain::decision::{CheckOutcome, Inputs, Span};
use crate::domain::limit::LimitName;

use super::measure::Threshold;
use super::{Control, Finding, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxDrawdown;

impl Control for MaxDrawdown {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxDrawdown)
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let fall = inputs.equity.and_then(|equity| inputs.peak.checked_sub(equity));
        let fall = fall.map(|fall| fall.max(Money::ZERO)).map(|fall| Span { now: fall, with: fall });
        let share = fall.map(|fall| Measure::share(fall, inputs.peak).unless(inputs.reduces));
        let mut found = bounded(inputs, LimitName::MaxDrawdown, share);
        if inputs.drawn_down && !inputs.reduces && found.threshold != Threshold::None {
            found.outcome = CheckOutcome::Breach;
        }
        found
    }
}
