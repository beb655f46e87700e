//! What a standing quote offers an order.

use crate::domain::{OrderSpec, OrderType, Price, Quantity, Side};
use crate::risk::Standing;

/// Price and size of the opposite side, when the order would take it.
pub fn offer(order: &OrderSpec, standing: &Standing) -> Option<(Price, Quantity)> {
    let quote = &standing.quote;
    if quote.is_crossed() {
        return None;
    }
    let (price, left) = match order.side {
        Side::Buy => (quote.ask, standing.ask_left),
        Side::Sell => (quote.bid, standing.bid_left),
    };
    if !left.is_positive() || !price.is_positive() {
        return None;
    }
    let takes = match order.order_type {
        OrderType::Market => true,
        OrderType::Limit => order.limit_price.is_some_and(|limit| match order.side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }),
    };
    takes.then_some((price, left))
}
