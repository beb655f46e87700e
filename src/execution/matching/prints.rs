//! What a print does to an order.

use crate::domain::order::Start;
use crate::domain::venue::LimitFill;
use crate::domain::{Order, Price};

use super::bars::{through, toward};
use super::triggers::{self, Heard};

/// What becomes of an order when something traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It fills at this price, at most the print's size.
    Fill(Price),
    /// What its trigger heard.
    Told(triggers::Effect),
}

/// What a print does. `opens` says that it is the first of its session, `heard` what triggers hear of it. Market orders
/// take quotes, not prints.
pub fn effect(
    order: &Order,
    print: Price,
    heard: Option<Heard>,
    opens: bool,
    (tick, fill): (Price, LimitFill),
) -> Effect {
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
            heard.map_or(Effect::None, |heard| Effect::Told(triggers::effect(order, heard)))
        }
        Start::Open => {
            let within = limit.is_none_or(|limit| toward(spec.side).has_reached(print, limit));
            if opens && within { Effect::Fill(print) } else { Effect::None }
        }
        Start::Close => Effect::None,
    }
}
