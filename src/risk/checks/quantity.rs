//! Largest quantity of one order.

use crate::domain::limit::{CheckRecord, LimitName};

use super::{Case, Measure};

/// The order's whole quantity against `max_order_quantity`.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let quantity = case.order.quantity;
    let measure =
        Measure { now: "0".to_owned(), observed: quantity.to_string(), over: &|raw| quantity.raw() > raw };
    case.judge(LimitName::MaxOrderQuantity, Some(measure))
}
