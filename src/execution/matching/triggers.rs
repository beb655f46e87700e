//! When the trigger of a stop or a touched order is reached between bars, and how a trailing stop follows.

use crate::domain::order::Start;
use crate::domain::{Order, OrderType, Price, Quote, TriggerType};

use super::bars::{against, ratchet, toward};
use super::path::Toward;

/// What the market tells a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It was reached.
    Trigger,
    /// The trailing stop moves to here.
    Trail(Price),
}

/// How far the market has come, as a trigger hears it: of two prints, a level above is reached by the lower one and a
/// level below by the higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    up: Price,
    down: Price,
}

impl Heard {
    const fn one(price: Price) -> Self {
        Self { up: price, down: price }
    }

    /// A print. `before` is the one before it, where there was one since the order works.
    pub fn print(by: TriggerType, print: Price, before: Option<Price>) -> Option<Self> {
        match by {
            TriggerType::Last => Some(Self::one(print)),
            TriggerType::DoubleLast => {
                before.map(|before| Self { up: print.min(before), down: print.max(before) })
            }
            TriggerType::BidAsk | TriggerType::Mid => None,
        }
    }

    /// A quote, for this order.
    pub fn quote(by: TriggerType, quote: &Quote, order: &Order) -> Option<Self> {
        by.quoted((quote.bid, quote.ask), order.spec.side).map(Self::one)
    }

    const fn toward(self, way: Toward) -> Price {
        match way {
            Toward::Up => self.up,
            Toward::Down => self.down,
        }
    }
}

/// What becomes of an order that waits for its trigger; nothing of any other.
pub fn effect(order: &Order, heard: Heard) -> Effect {
    let spec = &order.spec;
    let way = match spec.order_type.start() {
        Start::Stop if !order.triggered => against(spec.side),
        Start::Touch if !order.triggered => toward(spec.side),
        Start::AtOnce | Start::Stop | Start::Touch | Start::Open | Start::Close => return Effect::None,
    };
    if order.trigger().is_some_and(|level| way.has_reached(heard.toward(way), level)) {
        return Effect::Trigger;
    }
    let trails = spec.order_type == OrderType::TrailingStop;
    let next = trails.then(|| ratchet(order, order.stop, heard.toward(toward(spec.side)))).flatten();
    next.filter(|next| order.stop != Some(*next)).map_or(Effect::None, Effect::Trail)
}
