//! What a bar offers an order.

use crate::domain::venue::{LimitFill, VenueModel};
use crate::domain::{OrderSpec, OrderType, Price, Ratio, Side};

use super::path::{Path, Reach, Toward};

/// A price an order gets, and where on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Where on the path.
    pub reach: Reach,
    /// At this price, slippage included.
    pub price: Price,
    /// Market price it was made against.
    pub against: Price,
}

/// What an order gets from a bar's path, if anything. Size is a matter of the bar's budget.
pub fn offer(order: &OrderSpec, path: &Path, tick: Price, venue: &VenueModel) -> Option<Offer> {
    match order.order_type {
        OrderType::Market => {
            let against = path.open();
            Some(Offer { reach: Reach::OPEN, price: slipped(against, order.side, venue.slippage)?, against })
        }
        OrderType::Limit => limit(order.side, order.limit_price?, path, tick, venue.limit_fill),
    }
}

/// The open, where it is already through the limit; else the limit, once the path goes through it.
fn limit(side: Side, limit: Price, path: &Path, tick: Price, fill: LimitFill) -> Option<Offer> {
    let toward = toward(side);
    let level = through(side, limit, tick, fill)?;
    let reach = path.reach(level, toward)?;
    let price = if reach == Reach::OPEN { path.open() } else { limit };
    Some(Offer { reach, price, against: price })
}

/// Which way the market must move for a limit order of a side to fill.
pub fn toward(side: Side) -> Toward {
    match side {
        Side::Buy => Toward::Down,
        Side::Sell => Toward::Up,
    }
}

/// The price the market must reach: one tick beyond the limit, or the limit itself.
pub fn through(side: Side, limit: Price, tick: Price, fill: LimitFill) -> Option<Price> {
    match (fill, side) {
        (LimitFill::Touch, _) => Some(limit),
        (LimitFill::Through, Side::Buy) => limit.checked_sub(tick),
        (LimitFill::Through, Side::Sell) => limit.checked_add(tick),
    }
}

/// One fill price in this many raw units: a price at 1e-6 keeps whole shares exact in money.
const FILL_PRICE_STEP_RAW: i64 = 1_000;

/// A price moved against the order by the slippage, rounded to 1e-6.
pub fn slipped(price: Price, side: Side, slippage: Ratio) -> Option<Price> {
    let slip = price.scale(slippage).ok()?;
    let moved = match side {
        Side::Buy => price.checked_add(slip)?,
        Side::Sell => price.checked_sub(slip)?,
    };
    if slip.is_zero() {
        return Some(moved);
    }
    let wide = i128::from(moved.raw());
    let steps = crate::domain::fixed::divide_half_even(wide, i128::from(FILL_PRICE_STEP_RAW))?;
    Price::from_raw_wide(steps * i128::from(FILL_PRICE_STEP_RAW)).ok().filter(|p| p.is_positive())
}
