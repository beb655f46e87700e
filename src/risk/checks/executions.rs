//! Repeated executions: a strategy that fills too often without anybody looking takes no more risk.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxRepeatedExecutions;

impl Control for MaxRepeatedExecutions {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxRepeatedExecutions)
    }

    fn grain(&self) -> Grain {
        Grain::Strategy
    }

    fn phase(&self) -> Phase {
        Phase::Continuous
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let count = i64::from(inputs.executions.unwrap_or(0));
        let count = Measure::span(count, count).unless(inputs.executions.is_none() || inputs.reduces);
        bounded(inputs, LimitName::MaxRepeatedExecutions, Some(count))
    }
}
