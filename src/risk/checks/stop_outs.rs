//! Stops: after too many that closed what was held in five sessions the account takes no new risk.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Phase, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxStopOuts;

impl Control for MaxStopOuts {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxStopOuts)
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
        let stops = inputs.beside.stop_outs.map(i64::from);
        let stops = stops.map(|stops| Measure::span(stops, stops).unless(inputs.reduces));
        bounded(inputs, LimitName::MaxStopOuts, stops)
    }
}
