//! Orders: what is asked for, and the states an order passes through.

use serde::{Deserialize, Serialize};

use super::{AccountId, InstrumentId, OrderId, Price, Quantity, UnixNanos};

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Side {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }

    /// `quantity` with the sign of the position change.
    pub fn signed(self, quantity: Quantity) -> Quantity {
        match self {
            Side::Buy => quantity,
            Side::Sell => Quantity::from_raw(quantity.raw().saturating_neg()),
        }
    }
}

/// How an order prices itself. More kinds follow; every match on this is exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At what the market gives.
    Market,
    /// At the limit price or better.
    Limit,
}

impl OrderType {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderType::Market => "market",
            OrderType::Limit => "limit",
        }
    }
}

/// How long an order works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the close of its session.
    #[default]
    Day,
    /// Until it is done or cancelled.
    Gtc,
}

impl TimeInForce {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            TimeInForce::Day => "day",
            TimeInForce::Gtc => "gtc",
        }
    }
}

/// What somebody asks for. Immutable; what becomes of it is told by events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSpec {
    /// Account that trades.
    pub account: AccountId,
    /// Client order id, unique per account for good.
    pub id: OrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Kind of order.
    #[serde(rename = "type")]
    pub order_type: OrderType,
    /// How much.
    pub quantity: Quantity,
    /// Worst acceptable price, where the type has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Price>,
    /// How long it works.
    pub tif: TimeInForce,
    /// The order list (one rebalance) it belongs to; its buys may wait for its sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<OrderId>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Refused by our own risk checks or validation.
    Denied,
    /// Refused by the venue.
    Rejected,
    /// Armed, waiting for something (a second person, the list's sells).
    Held,
    /// Working.
    Accepted,
    /// Working, some of it done.
    PartiallyFilled,
    /// All of it done.
    Filled,
    /// Ended by somebody's wish.
    Canceled,
    /// Ended by time.
    Expired,
}

impl OrderStatus {
    /// Whether nothing more can happen to it.
    pub const fn is_done(self) -> bool {
        match self {
            OrderStatus::Denied
            | OrderStatus::Rejected
            | OrderStatus::Filled
            | OrderStatus::Canceled
            | OrderStatus::Expired => true,
            OrderStatus::Held | OrderStatus::Accepted | OrderStatus::PartiallyFilled => false,
        }
    }

    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Denied => "denied",
            OrderStatus::Rejected => "rejected",
            OrderStatus::Held => "held",
            OrderStatus::Accepted => "accepted",
            OrderStatus::PartiallyFilled => "partially_filled",
            OrderStatus::Filled => "filled",
            OrderStatus::Canceled => "canceled",
            OrderStatus::Expired => "expired",
        }
    }
}

/// One order and what became of it: the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was asked for (amended fields replaced).
    pub spec: OrderSpec,
    /// Where it stands.
    pub status: OrderStatus,
    /// Filled so far.
    pub filled: Quantity,
    /// Σ fill price × fill quantity so far, for the average.
    pub filled_notional: super::Money,
    /// Fees so far.
    pub fees: super::Money,
    /// Market time at which it was given.
    pub given_at: UnixNanos,
    /// Market time of its last change.
    pub changed_at: UnixNanos,
    /// Why it ended or waits, where there is a reason.
    pub code: Option<super::RefusalCode>,
    /// The reason in words.
    pub reason: String,
    /// Who gave it.
    pub actor: super::UserName,
}

impl Order {
    /// Not yet filled; zero once the order is done.
    pub fn leaves(&self) -> Quantity {
        if self.status.is_done() {
            return Quantity::ZERO;
        }
        self.spec.quantity.checked_sub(self.filled).unwrap_or(Quantity::ZERO)
    }
}
