//! What a standing quote offers an order.

use crate::domain::order::Start;
use crate::domain::{Order, OrderSpec, Price, Quantity, Side};
use crate::risk::Standing;

/// Price and size of the opposite side, when the order would take it.
pub fn offer(order: &Order, standing: &Standing) -> Option<(Price, Quantity)> {
    let works = order.triggered || order.spec.order_type.start() == Start::AtOnce;
    let offered = if works { takes(&order.spec, standing) } else { None };
    // All or nothing: a part is no offer.
    offered.filter(|(_, size)| order.spec.tif != crate::domain::TimeInForce::Fok || *size >= order.working())
}

/// Price and size of the opposite side, when a working order of this shape would take it.
pub fn takes(order: &OrderSpec, standing: &Standing) -> Option<(Price, Quantity)> {
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
    let within = match order.limit_price.filter(|_| order.order_type.has_limit()) {
        None => true,
        Some(limit) => super::bars::toward(order.side).has_reached(price, limit),
    };
    within.then_some((price, left))
}
