//! What each broker takes, as tables: order type × time in force × session. Adapters answer with the same tables.
//!
//! Alpaca: auction orders travel as a plain type with the time in force `opg` or `cls`; a trailing stop takes a
//! distance in money or in per cent. What is missing there (touched orders, good-till-date, reduce-only, post-only,
//! groups) is watched here or refused: see [`super::routing`].

use crate::domain::broker::{AmendMode, Capabilities, Offer, OrderClass, SessionPart};
use crate::domain::{AccountKind, BrokerId, Exchange, OrderType, Ratio, TimeInForce};

const ANY_TIME: &[SessionPart] = &[SessionPart::Regular, SessionPart::Closed];
const IN_SESSION: &[SessionPart] = &[SessionPart::Regular];

const ALL_DAY: &[TimeInForce] = &[TimeInForce::Day, TimeInForce::Gtc];
const DAY: &[TimeInForce] = &[TimeInForce::Day];
const AT_ONCE: &[TimeInForce] = &[TimeInForce::Ioc, TimeInForce::Fok];

const fn any(order_type: OrderType) -> Offer {
    Offer { order_type, tifs: TimeInForce::ALL, sessions: ANY_TIME }
}

const fn at_any_time(order_type: OrderType, tifs: &'static [TimeInForce]) -> Offer {
    Offer { order_type, tifs, sessions: ANY_TIME }
}

const PAPER: Capabilities = Capabilities {
    broker: BrokerId::Paper,
    kinds: &[AccountKind::Simulation, AccountKind::Paper],
    exchanges: &Exchange::ALL,
    offers: &[
        any(OrderType::Market),
        any(OrderType::Limit),
        any(OrderType::Stop),
        any(OrderType::StopLimit),
        any(OrderType::TrailingStop),
        any(OrderType::MarketIfTouched),
        any(OrderType::LimitIfTouched),
        any(OrderType::MarketOnOpen),
        any(OrderType::MarketOnClose),
        any(OrderType::LimitOnOpen),
        any(OrderType::LimitOnClose),
    ],
    classes: &[OrderClass::Simple, OrderClass::Oto, OrderClass::Oco],
    fractional: true,
    short: true,
    reduce_only: true,
    post_only: true,
    amend: AmendMode::InPlace,
    amends_partly_filled: true,
    cost: Ratio::ZERO,
};

const ALPACA: Capabilities = Capabilities {
    broker: BrokerId::Alpaca,
    kinds: &[AccountKind::Paper],
    exchanges: &[Exchange::Xnys],
    offers: &[
        at_any_time(OrderType::Market, ALL_DAY),
        Offer { order_type: OrderType::Market, tifs: AT_ONCE, sessions: IN_SESSION },
        at_any_time(OrderType::Limit, ALL_DAY),
        Offer { order_type: OrderType::Limit, tifs: AT_ONCE, sessions: IN_SESSION },
        at_any_time(OrderType::Stop, ALL_DAY),
        at_any_time(OrderType::StopLimit, ALL_DAY),
        at_any_time(OrderType::TrailingStop, ALL_DAY),
        at_any_time(OrderType::MarketOnOpen, DAY),
        at_any_time(OrderType::MarketOnClose, DAY),
        at_any_time(OrderType::LimitOnOpen, DAY),
        at_any_time(OrderType::LimitOnClose, DAY),
    ],
    classes: &[OrderClass::Simple],
    fractional: false,
    short: true,
    reduce_only: false,
    post_only: false,
    amend: AmendMode::Replaced,
    amends_partly_filled: false,
    cost: Ratio::ZERO,
};

/// What a broker takes.
pub const fn capabilities(broker: BrokerId) -> &'static Capabilities {
    match broker {
        BrokerId::Paper => &PAPER,
        BrokerId::Alpaca => &ALPACA,
    }
}
