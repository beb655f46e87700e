//! Pattern day trading (FINRA 4210): a small margin account may open and close on one day only so often.
//!
//! Beyond the limit new positions are refused; what is held can always be sold.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxDayTrades;

impl Control for MaxDayTrades {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxDayTrades)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let count = i64::from(inputs.day_trades.unwrap_or(0));
        let count = Measure::span(count, count).unless(inputs.day_trades.is_none() || inputs.reduces);
        bounded(inputs, LimitName::MaxDayTrades, Some(count))
    }
}
