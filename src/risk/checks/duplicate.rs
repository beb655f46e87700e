//! Duplicates: the same side, quantity and price of an instrument again within a short time.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct DuplicateOrderWindow;

impl Control for DuplicateOrderWindow {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::DuplicateOrderWindow)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let age = inputs.like_it.map_or(i64::from(u32::MAX), i64::from);
        let never = inputs.like_it.is_none() || inputs.amends;
        bounded(inputs, LimitName::DuplicateOrderWindow, Some(Measure::span(age, age).unless(never)))
    }
}
