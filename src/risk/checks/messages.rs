//! Messages: orders and changes of the last sixty seconds, refused ones and this one included; cancels never count.

use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control over one account.
#[derive(Debug)]
pub struct MaxMessagesPerMinute;

impl Control for MaxMessagesPerMinute {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxMessagesPerMinute)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        bounded(inputs, LimitName::MaxMessagesPerMinute, inputs.beside.pace.map(|pace| counted(inputs, pace)))
    }
}

/// The control over all paper accounts together.
#[derive(Debug)]
pub struct MaxFirmMessagesPerMinute;

impl Control for MaxFirmMessagesPerMinute {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxFirmMessagesPerMinute)
    }

    fn grain(&self) -> Grain {
        Grain::Firm
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        bounded(
            inputs,
            LimitName::MaxFirmMessagesPerMinute,
            inputs.beside.firm_pace.map(|pace| counted(inputs, pace)),
        )
    }
}

/// What is judged again in its place, unchanged, is no new message; what only makes a position smaller passes.
fn counted(inputs: &Inputs, pace: Span<u32>) -> Measure {
    let passes = pace.with == pace.now || inputs.reduces;
    Measure::span(i64::from(pace.now), i64::from(pace.with)).unless(passes)
}
