//! Money: a cash account pays in full beside what open buys hold; a Reg-T account covers half of its worst case.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitUnit;
use crate::domain::{Margin, RefusalCode, Side};

use super::{Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct Money;

impl Control for Money {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "money",
            doc: "A cash account pays in full beside what open buys hold; a Reg-T account covers half of its worst case.",
        }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        match inputs.margin {
            Margin::Cash => cash(inputs),
            Margin::RegT => reg_t(inputs),
        }
    }
}

fn spoke<'i>(code: RefusalCode, observed: i64, threshold: i64) -> Finding<'i> {
    Finding::plain("money", code, observed > threshold).seen(LimitUnit::Money, observed, threshold)
}

fn cash(inputs: &Inputs) -> Finding<'_> {
    let code = RefusalCode::InsufficientCash;
    // What closes a short position is bought, whatever the cash.
    if inputs.side == Side::Sell || inputs.beside.flattens {
        return Finding::plain("money", code, false);
    }
    if inputs.cash.is_negative() {
        let code = RefusalCode::CashNegative;
        return Finding::plain("money", code, true).seen(LimitUnit::Money, inputs.cash.raw(), 0);
    }
    let free = inputs.cash_held.and_then(|held| inputs.cash.checked_sub(held));
    match inputs.cost.zip(free) {
        Some((cost, free)) => spoke(code, cost.raw(), free.raw()),
        None => Finding::plain("money", code, false).unknown(),
    }
}

fn reg_t(inputs: &Inputs) -> Finding<'_> {
    let code = RefusalCode::InsufficientBuyingPower;
    if inputs.reduces || inputs.beside.flattens {
        return Finding::plain("money", code, false);
    }
    let Some((gross, equity)) = inputs.gross.zip(inputs.equity) else {
        return Finding::plain("money", code, false).unknown();
    };
    // Half of the value, rounded up: an odd millionth never passes for free.
    let gross = gross.with.raw();
    spoke(code, gross / 2 + gross % 2, equity.raw())
}
