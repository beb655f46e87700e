//! What a print does to an order.

use crate::domain::order::Start;
use crate::domain::venue::LimitFill;
use crate::domain::{Order, OrderType, Price};

use super::bars::{against, ratchet, through, toward};

/// What becomes of an order when something traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It fills at this price, at most the print's size.
    Fill(Price),
    /// Its trigger was reached.
    Trigger,
    /// Its trailing stop moves to here.
    Trail(Price),
}

/// What a print does. `opens` says that it is the first of its session. Market orders take quotes, not prints.
pub fn effect(order: &Order, print: Price, opens: bool, tick: Price, fill: LimitFill) -> Effect {
    let spec = &order.spec;
    let start = if order.triggered { Start::AtOnce } else { spec.order_type.start() };
    let limit = spec.limit_price.filter(|_| spec.order_type.has_limit());
    match start {
        Start::AtOnce => {
            let level = limit.and_then(|limit| through(spec.side, limit, tick, fill));
            match (limit, level) {
                (Some(limit), Some(level)) if toward(spec.side).has_reached(print, level) => {
                    Effect::Fill(limit)
                }
                _ => Effect::None,
            }
        }
        Start::Stop | Start::Touch => {
            let way = if start == Start::Stop { against(spec.side) } else { toward(spec.side) };
            if order.trigger().is_some_and(|level| way.has_reached(print, level)) {
                return Effect::Trigger;
            }
            let trails = spec.order_type == OrderType::TrailingStop;
            let next = trails.then(|| ratchet(order, order.stop, print)).flatten();
            next.filter(|next| order.stop != Some(*next)).map_or(Effect::None, Effect::Trail)
        }
        Start::Open => {
            let within = limit.is_none_or(|limit| toward(spec.side).has_reached(print, limit));
            if opens && within { Effect::Fill(print) } else { Effect::None }
        }
        Start::Close => Effect::None,
    }
}
