//! Largest value of one order: quantity × limit, else last price.

use crate::domain::limit::{CheckRecord, LimitName};

use super::{Case, Measure};

/// The order's whole value against `max_order_notional`.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let whole = case.price.and_then(|p| p.notional(case.order.quantity).ok());
    let Some(notional) = whole else { return case.judge(LimitName::MaxOrderNotional, None) };
    let measure =
        Measure { now: "0".to_owned(), observed: notional.to_string(), over: &|raw| notional.raw() > raw };
    case.judge(LimitName::MaxOrderNotional, Some(measure))
}
