//! Price collar: how far a limit price may lie on the wrong side of the reference price; passive prices pass.

use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;
use crate::domain::{Money, Price, Side};

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct PriceCollar;

impl Control for PriceCollar {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::PriceCollar)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let Some(reference) = inputs.reference.filter(|p| p.is_positive()) else {
            return bounded(inputs, LimitName::PriceCollar, None);
        };
        // Without a price of its own the order trades at the reference itself.
        let beyond = beyond(inputs.side, inputs.limit_price.unwrap_or(reference), reference);
        let span = Span { now: Money::ZERO, with: Money::from_raw(beyond) };
        let distance = Measure::share(span, Money::from_raw(reference.raw()));
        bounded(inputs, LimitName::PriceCollar, Some(distance))
    }
}

/// How far a price lies on the costly side of the reference, in raw units; zero when it is passive.
pub(super) fn beyond(side: Side, limit: Price, reference: Price) -> i64 {
    let distance = match side {
        Side::Buy => limit.raw().saturating_sub(reference.raw()),
        Side::Sell => reference.raw().saturating_sub(limit.raw()),
    };
    distance.max(0)
}
