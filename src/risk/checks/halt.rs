//! Market halt: a halted symbol takes no new orders.

use crate::domain::RefusalCode;
use crate::domain::limit::CheckRecord;

use super::Case;

/// Whether the symbol's market is halted.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let halted = case.book.halted.contains(&case.order.instrument);
    case.plain("market_halt", RefusalCode::MarketHalted, halted)
}
