//! Promises an order makes: to only reduce a position, to never take what the market offers.

use crate::domain::limit::CheckRecord;
use crate::domain::{OrderType, Quantity, RefusalCode, Side};

use super::Case;

/// Whether a reduce-only order has something to reduce, and a post-only order would rest.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let order = case.order;
    if order.post_only && would_take(case) {
        return case.plain("promise", RefusalCode::PostOnlyWouldTake, true);
    }
    let held = case.book.account.quantity(order.instrument);
    let reducible = match order.side {
        Side::Sell => held > Quantity::ZERO,
        Side::Buy => held < Quantity::ZERO,
    };
    case.plain("promise", RefusalCode::ReduceOnlyWouldIncrease, order.reduce_only && !reducible)
}

/// Only a resting limit order takes nothing.
fn would_take(case: &Case<'_>) -> bool {
    let order = case.order;
    if order.order_type != OrderType::Limit || order.tif.is_immediate() {
        return true;
    }
    let quote = case.book.seen.get(&order.instrument).and_then(|seen| seen.quote).map(|s| s.quote);
    quote.zip(order.limit_price).is_some_and(|(quote, limit)| match order.side {
        Side::Buy => quote.ask.is_positive() && limit >= quote.ask,
        Side::Sell => quote.bid.is_positive() && limit <= quote.bid,
    })
}
