//! Low profit: a name that lost too much in five sessions is not added to.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct LowProfitLock;

impl Control for LowProfitLock {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::LowProfitLock)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let lost =
            inputs.beside.lost.map(|lost| Measure::span(lost.raw(), lost.raw()).unless(inputs.reduces));
        bounded(inputs, LimitName::LowProfitLock, lost)
    }
}
