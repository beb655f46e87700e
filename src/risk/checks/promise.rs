//! Promises an order makes: to only reduce a position, to never take what the market offers.

use crate::domain::decision::Inputs;
use crate::domain::{OrderType, Quantity, RefusalCode, Side};

use super::{Case, Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct Promise;

impl Control for Promise {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "promise",
            doc: "A reduce-only order has something to reduce, and a post-only order would rest.",
        }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let code = inputs.broken_promise.unwrap_or(RefusalCode::ReduceOnlyWouldIncrease);
        Finding::plain("promise", code, inputs.broken_promise.is_some())
    }
}

/// The promise that the order would not keep, if any.
pub(super) fn broken(case: &Case<'_>) -> Option<RefusalCode> {
    let order = case.order;
    if order.post_only && would_take(case) {
        return Some(RefusalCode::PostOnlyWouldTake);
    }
    let held = case.book.account.quantity(order.instrument);
    let reducible = match order.side {
        Side::Sell => held > Quantity::ZERO,
        Side::Buy => held < Quantity::ZERO,
    };
    (order.reduce_only && !reducible).then_some(RefusalCode::ReduceOnlyWouldIncrease)
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
