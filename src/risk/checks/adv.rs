//! Participation: the order as a share of the average daily volume.

use crate::domain::Money;
use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxAdvParticipation;

impl Control for MaxAdvParticipation {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxAdvParticipation)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        // Shares of shares: the scale of money does for both.
        let whole = inputs.volume.filter(|v| v.is_positive()).map(|v| Money::from_raw(v.raw()));
        let part = Money::from_raw(inputs.quantity.raw());
        let share = whole.map(|whole| Measure::share(Span { now: Money::ZERO, with: part }, whole));
        bounded(inputs, LimitName::MaxAdvParticipation, share)
    }
}
