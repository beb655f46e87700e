//! Short selling: selling more than the position less what open sells already take.

use crate::domain::limit::{CheckOutcome, CheckRecord};
use crate::domain::{Quantity, RefusalCode, Side};

use super::Case;

/// Whether the sale would be short where the account or the instrument does not allow it.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let mut record = case.plain("short_selling", RefusalCode::ShortSaleRestricted, false);
    if case.order.side == Side::Buy {
        return record;
    }
    let held = case.book.account.quantity(case.order.instrument).max(Quantity::ZERO);
    let open = open_sells(case);
    let Some(all) = open.and_then(|open| open.checked_add(case.quantity)) else {
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

/// Open sells of the instrument, counted without prices so that a missing one does not matter here.
fn open_sells(case: &Case<'_>) -> Option<Quantity> {
    let amended = |id| case.draft.amends && id == case.order.id;
    let sells = case.book.own_orders().filter(|o| {
        o.spec.side == Side::Sell && o.spec.instrument == case.order.instrument && !amended(o.spec.id)
    });
    sells.map(crate::domain::order::Order::leaves).try_fold(Quantity::ZERO, Quantity::checked_add)
}
