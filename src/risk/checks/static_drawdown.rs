//! Static drawdown: the fall of equity below the capital that was put in; once it spoke, a person has to lift it.
//! Profits do not move the floor, as they do that of the drawdown from the highest equity.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::drawdown::fallen;
use super::{Control, Finding, Grain, Phase, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxStaticDrawdown;

impl Control for MaxStaticDrawdown {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxStaticDrawdown)
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
        let (from, latched) = (inputs.beside.capital, inputs.beside.below_capital);
        fallen(inputs, LimitName::MaxStaticDrawdown, from, latched)
    }
}
