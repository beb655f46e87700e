//! What each broker takes, as tables: order type × time in force × session. Adapters answer with the same tables.
//!
//! Alpaca: auction orders travel as a plain type with the time in force `opg` or `cls`; a trailing stop takes a
//! distance in money or in per cent; a group is taken in one go and kept there ([`super::native`]). What is missing there
//! (touched orders, good-till-date, reduce-only, post-only) is watched here or refused: see [`super::routing`].

use crate::domain::broker::{AmendMode, Capabilities, Offer, OrderClass, SessionPart};
use crate::domain::{
    AccountKind, BrokerId, CleanText, Exchange, Order, OrderSpec, OrderType, Price, Quantity, Ratio,
    TimeInForce,
};

use super::routing::{Candidate, Route, choose};
use super::state::State;

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
    classes: &[OrderClass::Simple, OrderClass::Oto, OrderClass::Oco, OrderClass::Bracket],
    groups_whole: false,
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
    classes: &[OrderClass::Simple, OrderClass::Oto, OrderClass::Oco, OrderClass::Bracket],
    groups_whole: true,
    fractional: false,
    short: true,
    reduce_only: false,
    post_only: false,
    amend: AmendMode::Replaced,
    amends_partly_filled: false,
    cost: Ratio::ZERO,
};

impl State {
    /// All venues as an order of one of our accounts meets them: the account's own, and those that are not.
    pub(super) fn candidates(&self, order: &OrderSpec, session: SessionPart) -> Vec<Candidate<'static>> {
        let home = self.accounts().get(&order.account).map(|account| account.spec().broker);
        let candidate = |broker: BrokerId| Candidate {
            capabilities: capabilities(broker),
            session,
            cost: if broker.is_paper() { self.paper_cost(order) } else { capabilities(broker).cost },
            is_home: home == Some(broker),
        };
        BrokerId::ALL.into_iter().map(candidate).collect()
    }

    /// Fee and slippage of the paper exchange for an order, as a share of its value.
    fn paper_cost(&self, order: &OrderSpec) -> Ratio {
        let price = order.own_price().or_else(|| self.view().last(order.instrument).map(|p| p.price));
        let value = price.and_then(|price| price.notional(order.quantity).ok()).filter(|v| v.is_positive());
        let day = self.day(order.instrument.exchange).unwrap_or_default();
        let fee = value.and_then(|value| self.fee_on(day, order, value)?.share_of(value));
        let slippage = if order.order_type.has_limit() {
            None
        } else {
            price.and_then(|p| self.paper_slippage(order, p))
        };
        let [fee, slippage] = [fee, slippage].map(|share| share.unwrap_or(Ratio::ZERO).raw());
        Ratio::from_raw(fee.saturating_add(slippage))
    }

    /// What a market order at the paper exchange slips, as a share of its price.
    fn paper_slippage(&self, order: &OrderSpec, price: Price) -> Option<Ratio> {
        let tick = self.instruments().get(&order.instrument)?.tick;
        let ticks = Quantity::from_whole(i64::from(self.venue().slippage_ticks))?;
        let one = Quantity::from_raw(Quantity::ONE_RAW);
        let slipped = tick.notional(ticks).ok()?.share_of(price.notional(one).ok()?)?;
        Some(Ratio::from_raw(self.venue().slippage.raw().saturating_add(slipped.raw())))
    }

    /// Why an order is where it is: as it was written down when it left the house, or by the venues as they are.
    pub fn route_of(&self, order: &Order, session: SessionPart) -> CleanText {
        if let Some(remote) = order.remote.as_ref().filter(|remote| !remote.route.is_empty()) {
            return remote.route.clone();
        }
        let Some(account) = self.accounts().get(&order.spec.account) else { return CleanText::default() };
        match choose(&order.spec, account.spec().kind, &self.candidates(&order.spec, session)) {
            Route::Send { reason, .. } | Route::Watch { reason, .. } | Route::Refuse { reason, .. } => reason,
        }
    }
}

/// What a broker takes.
pub const fn capabilities(broker: BrokerId) -> &'static Capabilities {
    match broker {
        BrokerId::Paper => &PAPER,
        BrokerId::Alpaca => &ALPACA,
    }
}
