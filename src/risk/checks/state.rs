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
        if inputs.reconciling && !inputs.reduces && !(inputs.beside.flattens && inputs.reduce_only) {
            return Finding::plain("trading_state", RefusalCode::Reconciling, true);
        }
        // Who closes positions by hand may, whatever is halted.
        let closes = inputs.beside.flattens && (inputs.reduce_only || inputs.reduces);
        let Some((scope, mode)) = inputs.halt.filter(|_| !closes) else {
            return Finding::plain("trading_state", RefusalCode::TradingHalted, false);
        };
        let (code, breached) = match mode {
            HaltMode::Halted => (RefusalCode::TradingHalted, true),
            HaltMode::Reducing => (RefusalCode::TradingReduceOnly, !inputs.reduces),
        };
        Finding { scope: Some(scope), ..Finding::plain("trading_state", code, breached) }
    }
}
