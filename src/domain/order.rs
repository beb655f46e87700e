//! Orders: what is asked for. What becomes of an order is in [`super::order_state`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::IdError;
use super::{
    AccountId, InstrumentId, NumberError, OrderId, Price, Quantity, Ratio, Seq, StrategyId, UnixNanos,
};

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

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $known:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word used everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                $name::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| IdError::Unknown {
                    kind: $kind,
                    found: text.escape_default().to_string(),
                    known: $known,
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }
    };
}

words!(
    /// How an order prices itself, and when it begins to work.
    OrderType, "order type",
    "market, limit, stop, stop_limit, trailing_stop, market_if_touched, limit_if_touched, market_on_open, \
     market_on_close, limit_on_open, limit_on_close" {
        /// At what the market gives.
        Market = "market",
        /// At the limit price or better.
        Limit = "limit",
        /// A market order from the moment the market reaches the trigger against it.
        Stop = "stop",
        /// A limit order from the moment the market reaches the trigger against it.
        StopLimit = "stop_limit",
        /// A stop whose trigger follows the market in its favour and never goes back.
        TrailingStop = "trailing_stop",
        /// A market order from the moment the market reaches the trigger in its favour.
        MarketIfTouched = "market_if_touched",
        /// A limit order from the moment the market reaches the trigger in its favour.
        LimitIfTouched = "limit_if_touched",
        /// At the opening price of a session.
        MarketOnOpen = "market_on_open",
        /// At the closing price of a session.
        MarketOnClose = "market_on_close",
        /// At the opening price of a session, when it is no worse than the limit.
        LimitOnOpen = "limit_on_open",
        /// At the closing price of a session, when it is no worse than the limit.
        LimitOnClose = "limit_on_close",
    }
);

/// When an order type begins to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At once.
    AtOnce,
    /// When the market moves against the order to the trigger.
    Stop,
    /// When the market moves in the order's favour to the trigger.
    Touch,
    /// Only in the opening auction.
    Open,
    /// Only in the closing auction.
    Close,
}

impl OrderType {
    /// Whether it has a limit price.
    pub const fn has_limit(self) -> bool {
        match self {
            OrderType::Limit
            | OrderType::StopLimit
            | OrderType::LimitIfTouched
            | OrderType::LimitOnOpen
            | OrderType::LimitOnClose => true,
            OrderType::Market
            | OrderType::Stop
            | OrderType::TrailingStop
            | OrderType::MarketIfTouched
            | OrderType::MarketOnOpen
            | OrderType::MarketOnClose => false,
        }
    }

    /// Whether it is given with a trigger price.
    pub const fn has_trigger(self) -> bool {
        matches!(
            self,
            OrderType::Stop | OrderType::StopLimit | OrderType::MarketIfTouched | OrderType::LimitIfTouched
        )
    }

    /// When it begins to work.
    pub const fn start(self) -> Start {
        match self {
            OrderType::Market | OrderType::Limit => Start::AtOnce,
            OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop => Start::Stop,
            OrderType::MarketIfTouched | OrderType::LimitIfTouched => Start::Touch,
            OrderType::MarketOnOpen | OrderType::LimitOnOpen => Start::Open,
            OrderType::MarketOnClose | OrderType::LimitOnClose => Start::Close,
        }
    }
}

words!(
    /// How long an order works.
    TimeInForce, "time in force", "day, gtc, gtd, ioc, fok" {
        /// Until the close of its session.
        Day = "day",
        /// Until it is done or cancelled.
        Gtc = "gtc",
        /// Until a moment that is named.
        Gtd = "gtd",
        /// What can be filled at once; the rest is cancelled.
        Ioc = "ioc",
        /// All of it at once, or nothing.
        Fok = "fok",
    }
);

// A macro of words cannot mark a default variant.
#[allow(clippy::derivable_impls)]
impl Default for TimeInForce {
    fn default() -> Self {
        TimeInForce::Day
    }
}

impl TimeInForce {
    /// Whether what is not filled at once is cancelled.
    pub const fn is_immediate(self) -> bool {
        matches!(self, TimeInForce::Ioc | TimeInForce::Fok)
    }
}

/// How far a trailing stop follows: `0.50` in money, or `2%` of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trail {
    /// This much below (a sell) or above (a buy) the best price so far.
    Amount(Price),
    /// This share of the price.
    Percent(Ratio),
}

/// Hundredths in a whole.
const PERCENT_IN_ONE: i64 = 100;

impl Trail {
    /// The stop that belongs to a price, for an order of this side; `None` when it does not fit.
    pub fn stop(self, side: Side, price: Price) -> Option<Price> {
        let offset = match self {
            Trail::Amount(amount) => amount,
            Trail::Percent(share) => price.scale(share).ok()?,
        };
        match side {
            Side::Buy => price.checked_add(offset),
            Side::Sell => price.checked_sub(offset),
        }
    }

    /// Whether it is above zero (and below the whole price).
    pub fn is_valid(self) -> bool {
        match self {
            Trail::Amount(amount) => amount.is_positive(),
            Trail::Percent(share) => share.is_positive() && share.raw() < Ratio::ONE_RAW,
        }
    }
}

impl std::str::FromStr for Trail {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let Some(percent) = text.strip_suffix('%') else { return text.parse().map(Trail::Amount) };
        let whole: Ratio = percent.parse()?;
        if whole.raw() % PERCENT_IN_ONE != 0 {
            return Err(NumberError::TooPrecise);
        }
        Ok(Trail::Percent(Ratio::from_raw(whole.raw() / PERCENT_IN_ONE)))
    }
}

impl std::fmt::Display for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trail::Amount(amount) => amount.fmt(f),
            Trail::Percent(share) => {
                let whole = Ratio::from_raw(share.raw().saturating_mul(PERCENT_IN_ONE));
                f.pad(&format!("{whole}%"))
            }
        }
    }
}

impl Serialize for Trail {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Trail {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(|e| serde::de::Error::custom(format!("'{}' {e}", text.escape_default())))
    }
}

/// The strategy of orders that were found at a broker and not given here.
pub const EXTERNAL: &str = "external";
/// How the ids of orders begin that close positions of a scope.
pub const CLOSING: &str = "flatten-";

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
    /// The price that makes it work, where the type has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_price: Option<Price>,
    /// How far a trailing stop follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
    /// How long it works.
    pub tif: TimeInForce,
    /// When a GTD order ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_at: Option<UnixNanos>,
    /// Never fills beyond the position, and ends when that is flat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduce_only: bool,
    /// Refused where it would take a standing quote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub post_only: bool,
    /// The order whose first fill makes this one work, for as much as that one has filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<OrderId>,
    /// The group of which only one order's quantity is filled in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oco: Option<OrderId>,
    /// The order list (one rebalance) it belongs to; its buys may wait for its sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<OrderId>,
    /// The strategy that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyId>,
    /// The lot it closes first (the number of the event that opened it), on an account of specific lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Seq>,
    /// What its quantity was worked out from, where shares were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sized_by: Option<SizedBy>,
}

/// What a quantity was worked out from: the wish, which stays the same while prices move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizedBy {
    /// Hitting the stop costs this share of the equity.
    Risk(Ratio, Option<Price>),
    /// It is worth this share of the equity.
    Weight(Ratio),
    /// It swings by this share of the equity a year.
    Volatility(Ratio),
}

impl OrderSpec {
    /// A plain order: a limit order where a price is given, else a market order; for the day, in no group.
    pub fn plain(
        account: AccountId,
        id: OrderId,
        instrument: InstrumentId,
        (side, quantity): (Side, Quantity),
        limit_price: Option<Price>,
    ) -> Self {
        Self {
            account,
            id,
            instrument,
            side,
            order_type: if limit_price.is_some() { OrderType::Limit } else { OrderType::Market },
            quantity,
            limit_price,
            trigger_price: None,
            trail: None,
            tif: TimeInForce::Day,
            expire_at: None,
            reduce_only: false,
            post_only: false,
            parent: None,
            oco: None,
            list: None,
            strategy: None,
            lot: None,
            sized_by: None,
        }
    }

    /// Whether it was found at a broker and not given here.
    pub fn is_external(&self) -> bool {
        self.strategy.is_some_and(|strategy| strategy.as_str() == EXTERNAL)
    }

    /// Whether nobody may give it, since its strategy or the beginning of its id is for orders that the program makes.
    pub fn has_reserved_name(&self) -> bool {
        let id = self.id.as_str();
        let found = id.strip_prefix(EXTERNAL).is_some_and(|rest| rest.starts_with(':'));
        self.is_external() || found || id.starts_with(CLOSING)
    }

    /// The strategy that holds what it trades: none where it names none or was found at a broker.
    pub fn held_by(&self) -> Option<StrategyId> {
        self.strategy.filter(|_| !self.is_external())
    }

    /// Whether it names a price, a distance or an end that its type or its time in force has no use for.
    pub fn has_surplus(&self) -> bool {
        let kind = self.order_type;
        (self.limit_price.is_some() && !kind.has_limit())
            || (self.trigger_price.is_some() && !kind.has_trigger())
            || (self.trail.is_some() && kind != OrderType::TrailingStop)
            || (self.expire_at.is_some() && self.tif != TimeInForce::Gtd)
    }

    /// Whether a market at this price has touched it already, so that it works at once.
    pub fn is_touched_at(&self, market: Price) -> bool {
        let trigger = self.trigger_price.filter(|_| self.order_type.start() == Start::Touch);
        trigger.is_some_and(|trigger| match self.side {
            Side::Buy => market <= trigger,
            Side::Sell => market >= trigger,
        })
    }

    /// The price that the order itself names: its limit, else its trigger.
    pub fn own_price(&self) -> Option<Price> {
        self.limit_price.or(self.trigger_price)
    }
}
