//! Money: a cash account pays in full beside what open buys hold; a Reg-T account covers half of its worst case.

use crate::domain::limit::{CheckOutcome, CheckRecord};
use crate::domain::{Margin, Money, RefusalCode, Side};
use crate::risk::exposure::cash_held;

use super::Case;

/// Whether the account can pay.
pub fn check(case: &Case<'_>) -> CheckRecord {
    match case.book.account.spec().margin {
        Margin::Cash => cash(case),
        Margin::RegT => reg_t(case),
    }
}

fn cash(case: &Case<'_>) -> CheckRecord {
    let mut record = case.plain("money", RefusalCode::InsufficientCash, false);
    if case.order.side == Side::Sell {
        return record;
    }
    let cash = case.book.account.cash();
    if cash.is_negative() {
        record.code = RefusalCode::CashNegative;
        return spoke(record, cash, Money::ZERO, true);
    }
    match needed(case) {
        Some((need, free)) => spoke(record, need, free, need > free),
        None => {
            record.outcome = CheckOutcome::NotEvaluated;
            record
        }
    }
}

/// What the buy costs with its fee, and what is free.
fn needed(case: &Case<'_>) -> Option<(Money, Money)> {
    let notional = case.notional?;
    let fee = case.book.venue.fee.total(case.quantity, notional).ok()?;
    let held = cash_held(case.book, &case.draft.leaves_out())?;
    Some((notional.checked_add(fee)?, case.book.account.cash().checked_sub(held)?))
}

fn reg_t(case: &Case<'_>) -> CheckRecord {
    let mut record = case.plain("money", RefusalCode::InsufficientBuyingPower, false);
    if case.reduces {
        return record;
    }
    let Some(((_, gross), equity)) = case.gross().zip(case.equity) else {
        record.outcome = CheckOutcome::NotEvaluated;
        return record;
    };
    // Half of the value, rounded up: an odd millionth never passes for free.
    let half = Money::from_raw(gross.raw() / 2 + gross.raw() % 2);
    spoke(record, half, equity, half > equity)
}

fn spoke(mut record: CheckRecord, observed: Money, threshold: Money, breached: bool) -> CheckRecord {
    record.observed = observed.to_string();
    record.threshold = threshold.to_string();
    if breached {
        record.outcome = CheckOutcome::Breach;
    }
    record
}
