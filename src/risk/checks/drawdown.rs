//! Drawdown: the fall from the highest equity so far; once it spoke it stays in force after a recovery.

use crate::domain::Money;
use crate::domain::decision::{CheckOutcome, Inputs, Span};
use crate::domain::limit::LimitName;

use super::measure::Threshold;
use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxDrawdown;

impl Control for MaxDrawdown {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxDrawdown)
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
        fallen(inputs, LimitName::MaxDrawdown, Some(inputs.peak), inputs.drawn_down)
    }
}

/// A fall of equity below a figure, as a share of it; what spoke before speaks until it is lifted.
pub(super) fn fallen(inputs: &Inputs, name: LimitName, from: Option<Money>, latched: bool) -> Finding<'_> {
    let fall = |from: Money| {
        let fall = from.checked_sub(inputs.equity?)?.max(Money::ZERO);
        Some(Measure::share(Span { now: fall, with: fall }, from).unless(inputs.reduces))
    };
    let mut found = bounded(inputs, name, from.and_then(fall));
    if latched && !inputs.reduces && found.threshold != Threshold::None {
        found.outcome = CheckOutcome::Breach;
    }
    found
}
