//! Age of the reference price: an order is not judged against an old one.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxReferenceAge;

impl Control for MaxReferenceAge {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxReferenceAge)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let age = inputs.reference_age.map(|age| Measure::of(i64::from(age)));
        bounded(inputs, LimitName::MaxReferenceAge, age)
    }
}
