//! What a print offers a resting order.

use crate::domain::venue::LimitFill;
use crate::domain::{OrderSpec, OrderType, Price};

use super::bars::{through, toward};

/// The limit, when the print went through it. Market orders take quotes, not prints.
pub fn offer(order: &OrderSpec, print: Price, tick: Price, fill: LimitFill) -> Option<Price> {
    match order.order_type {
        OrderType::Market => None,
        OrderType::Limit => {
            let limit = order.limit_price?;
            let level = through(order.side, limit, tick, fill)?;
            toward(order.side).has_reached(print, level).then_some(limit)
        }
    }
}
