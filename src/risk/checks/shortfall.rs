//! Expected shortfall of one day at 95 and 99 %, as a share of equity; what only reduces, or makes it no larger, passes.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control at 95 %.
#[derive(Debug)]
pub struct MaxShortfall95;

impl Control for MaxShortfall95 {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxShortfall95)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let loss = inputs.shortfall.map(|[at, _]| at).zip(inputs.equity);
        let share = loss.map(|(loss, equity)| Measure::grown_share(loss, equity, inputs.reduces));
        bounded(inputs, LimitName::MaxShortfall95, share)
    }
}

/// The control at 99 %.
#[derive(Debug)]
pub struct MaxShortfall99;

impl Control for MaxShortfall99 {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxShortfall99)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let loss = inputs.shortfall.map(|[_, at]| at).zip(inputs.equity);
        let share = loss.map(|(loss, equity)| Measure::grown_share(loss, equity, inputs.reduces));
        bounded(inputs, LimitName::MaxShortfall99, share)
    }
}
