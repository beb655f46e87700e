//! Short selling: selling more than the position less what open sells already take.

use crate::domain::limit::{CheckOutcome, CheckRecord};
use crate::domain::{Quantity, RefusalCode, Side};

use super::Case;
use crate::risk::exposure;

/// Whether the sale would be short where the account or the instrument does not allow it.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let mut record = case.plain("short_selling", RefusalCode::ShortSaleRestricted, false);
    if case.order.side == Side::Buy {
        return record;
    }
    if case.order.reduce_only {
        return record;
    }
    let held = case.book.account.quantity(case.order.instrument).max(Quantity::ZERO);
    let Some(all) = sells(case) else {
        record.outcome = CheckOutcome::NotEvaluated;
        return record;
    };
    record.observed = all.to_string();
    record.threshold = held.to_string();
    if all > held {
        if !case.book.account.spec().short {
            record.outcome = CheckOutcome::Breach;
        } else if case.instrument.is_some_and(|i| !i.shortable) {
            record.code = RefusalCode::HardToBorrow;
            record.outcome = CheckOutcome::Breach;
        }
    }
    record
}

/// Open sells of the instrument with the order, counted without prices so that a missing one does not matter here.
fn sells(case: &Case<'_>) -> Option<Quantity> {
    exposure::open_sells(case.book, case.order, case.quantity, &case.draft.leaves_out())
}
