//! Refused share: an account of which much is refused takes no new risk until a minute has passed.

use crate::domain::Money;
use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// Messages from which a share means something.
const MESSAGES_FROM: u32 = 10;

/// The control.
#[derive(Debug)]
pub struct MaxRejectRate;

impl Control for MaxRejectRate {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxRejectRate)
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
        let share = inputs.beside.refused.map(|(refused, messages)| {
            let (part, whole) = refused_share(refused, messages).unwrap_or((Money::ZERO, Money::ZERO));
            Measure::share(Span { now: part, with: part }, whole).unless(inputs.reduces)
        });
        bounded(inputs, LimitName::MaxRejectRate, share)
    }
}

/// Part and whole of the refused share; nothing of so few messages that it has no meaning.
pub(in crate::risk) fn refused_share(refused: u32, messages: u32) -> Option<(Money, Money)> {
    let count = |n: u32| Money::from_raw(i64::from(n));
    (messages >= MESSAGES_FROM).then(|| (count(refused), count(messages)))
}
