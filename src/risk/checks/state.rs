//! Trading state: halts by scope; the most restrictive one that binds the order wins.

use crate::domain::RefusalCode;
use crate::domain::decision::Inputs;
use crate::domain::event::HaltMode;

use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct TradingState;

impl Control for TradingState {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "trading_state",
            doc: "A halted scope takes no orders, a reducing one only those that make a position smaller.",
        }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        if inputs.reconciling && !inputs.reduces {
            return Finding::plain("trading_state", RefusalCode::Reconciling, true);
        }
        let Some((scope, mode)) = inputs.halt else {
            return Finding::plain("trading_state", RefusalCode::TradingHalted, false);
        };
        let (code, breached) = match mode {
            // Who halted may still have positions closed.
            HaltMode::Halted => (RefusalCode::TradingHalted, !(inputs.flattens && inputs.reduces)),
            HaltMode::Reducing => (RefusalCode::TradingReduceOnly, !inputs.reduces),
        };
        Finding { scope: Some(scope), ..Finding::plain("trading_state", code, breached) }
    }
}
