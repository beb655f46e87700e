//! Orders, changes and cancels of the account today for each fill and one more.

use crate::domain::Money;
use crate::domain::decision::{Inputs, Span};
use crate::domain::limit::LimitName;

use super::{Control, Finding, Grain, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxOrderToTrade;

impl Control for MaxOrderToTrade {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOrderToTrade)
    }

    fn grain(&self) -> Grain {
        Grain::Account
    }

    fn spares_reductions(&self) -> bool {
        true
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let messages = |count: u32| Money::from_raw(i64::from(count));
        let now = messages(inputs.messages);
        let span = Span { now, with: messages(inputs.messages.saturating_add(1)) };
        let fills = messages(inputs.fills.saturating_add(1));
        let ratio = Measure::share(span, fills).unless(inputs.reduces);
        bounded(inputs, LimitName::MaxOrderToTrade, Some(ratio))
    }
}
