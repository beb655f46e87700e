//! Price collar in ticks: how many steps a limit price may lie on the wrong side of the reference price.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::collar::beyond;
use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct PriceCollarTicks;

impl Control for PriceCollarTicks {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::PriceCollarTicks)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let known = inputs
            .reference
            .zip(inputs.beside.tick)
            .filter(|(price, tick)| price.is_positive() && tick.is_positive());
        let ticks = known.map(|(reference, tick)| {
            let beyond = beyond(inputs.side, inputs.limit_price.unwrap_or(reference), reference);
            // A part of a tick is one.
            Measure::of(beyond.div_euclid(tick.raw()) + i64::from(beyond.rem_euclid(tick.raw()) > 0))
        });
        bounded(inputs, LimitName::PriceCollarTicks, ticks)
    }
}
