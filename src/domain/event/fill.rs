//! Fills, here and at a broker.

use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, InstrumentId, Money, OrderId, Price, Quantity, Side, TradeId, VenueOrderId};

/// A fill as its broker names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueFill {
    /// The broker's name for the fill.
    pub trade: TradeId,
    /// The broker's name for the order.
    pub venue_id: VenueOrderId,
    /// Filled so far under that name, this fill included.
    pub cum: Quantity,
    /// Whether it was inferred, and stands for all that had been missing up to there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_inferred: bool,
}

/// A fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Account.
    pub account: AccountId,
    /// Order.
    pub id: OrderId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Filled now.
    pub quantity: Quantity,
    /// At this price, slippage included.
    pub price: Price,
    /// Fee charged now.
    pub fee: Money,
    /// Filled so far, this fill included.
    pub cum: Quantity,
    /// Not yet filled.
    pub leaves: Quantity,
    /// Market price and size it was made against (bar open or limit with the bar's budget, or the quote).
    pub against: (Price, Quantity),
    /// How the broker names it, where a broker made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Box<VenueFill>>,
}
