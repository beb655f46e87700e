//! What somebody asks for when they give an order: every kind and time in force, a size in shares or by what is at
//! stake, and the exits of a bracket.
//!
//! A size by risk, weight or volatility is worked out from the account and the market at this moment and becomes
//! shares before the gate sees it. A bracket is one order and up to two children that wait for its fills and share one
//! group; all of them are on disk together, or none is.

use chrono::Days;
use serde::{Deserialize, Serialize};

use crate::domain::event::{EventBody, Refusal};
use crate::domain::{
    Command, Event, InstrumentId, OrderId, OrderSpec, OrderType, Price, Quantity, Ratio, RefusalCode, Seq,
    Side, SizedBy, StrategyId, Symbol, TimeInForce, Trail, UnixNanos,
};
use crate::execution::State;
use crate::execution::sizing::{SizeBasis, SizeBy, size};

use super::error::ServiceError;
use super::house::House;
use super::trading::TradePermit;
use super::view;

/// Sessions whose returns make up a volatility.
const VOLATILITY_SESSIONS: usize = 60;
/// Fewest returns that do.
const VOLATILITY_RETURNS_MIN: usize = 20;
/// Calendar days in which those sessions lie.
const VOLATILITY_DAYS: u64 = 120;
/// Sessions of a year.
const SESSIONS_A_YEAR: f64 = 252.0;

/// How much to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// So many shares.
    Shares(Quantity),
    /// So many that hitting the stop costs this share of the equity.
    Risk {
        /// Share of the equity.
        share: Ratio,
        /// Where the position would be given up; the bracket's stop loss when missing.
        stop: Option<Price>,
    },
    /// So many that they are worth this share of the equity.
    Weight(Ratio),
    /// So many that they swing by this share of the equity a year.
    Volatility(Ratio),
}

impl Size {
    /// What shares are worked out from, where they are not what is asked for.
    fn measured(self) -> Option<SizedBy> {
        match self {
            Size::Shares(_) => None,
            Size::Risk { share, stop } => Some(SizedBy::Risk(share, stop)),
            Size::Weight(share) => Some(SizedBy::Weight(share)),
            Size::Volatility(share) => Some(SizedBy::Volatility(share)),
        }
    }
}

/// An order as it is asked for; what is `None` is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWish {
    /// Client order id; made up when missing.
    pub id: Option<OrderId>,
    /// What is traded, on the account's exchange.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// Kind.
    pub order_type: OrderType,
    /// How much.
    pub size: Size,
    /// Worst acceptable price.
    pub limit_price: Option<Price>,
    /// The price that makes it work.
    pub trigger_price: Option<Price>,
    /// How far a trailing stop follows.
    pub trail: Option<Trail>,
    /// How long it works.
    pub tif: TimeInForce,
    /// When a GTD order ends.
    pub expire_at: Option<UnixNanos>,
    /// Never beyond the position.
    pub reduce_only: bool,
    /// Never against a standing quote.
    pub post_only: bool,
    /// The order it waits for.
    pub parent: Option<OrderId>,
    /// The group of which one quantity fills in all.
    pub oco: Option<OrderId>,
    /// The strategy that asks for it.
    pub strategy: Option<StrategyId>,
    /// The lot it closes first, on an account of specific lots.
    pub lot: Option<Seq>,
    /// A bracket's exit with a profit: a limit.
    pub take_profit: Option<Price>,
    /// A bracket's exit with a loss: a stop.
    pub stop_loss: Option<Price>,
    /// Beside a limit order that closes a position: a stop order for the same, of which one is done at most.
    #[serde(default)]
    pub or_stop: Option<Price>,
}

impl OrderWish {
    /// A plain order: a limit order where a price is given, else a market order; for the day.
    pub fn plain(symbol: Symbol, side: Side, shares: Quantity, limit_price: Option<Price>) -> Self {
        Self {
            id: None,
            symbol,
            side,
            order_type: if limit_price.is_some() { OrderType::Limit } else { OrderType::Market },
            size: Size::Shares(shares),
            limit_price,
            trigger_price: None,
            trail: None,
            tif: TimeInForce::Day,
            expire_at: None,
            reduce_only: false,
            post_only: false,
            parent: None,
            oco: None,
            strategy: None,
            lot: None,
            take_profit: None,
            stop_loss: None,
            or_stop: None,
        }
    }

    /// Whether it brings exits along.
    pub fn has_exits(&self) -> bool {
        self.take_profit.is_some() || self.stop_loss.is_some() || self.or_stop.is_some()
    }

    /// The type that follows from the prices given, when none is named.
    pub fn type_by_prices(limit: bool, trigger: bool, trail: bool) -> OrderType {
        match (limit, trigger, trail) {
            (_, _, true) => OrderType::TrailingStop,
            (true, true, false) => OrderType::StopLimit,
            (false, true, false) => OrderType::Stop,
            (true, false, false) => OrderType::Limit,
            (false, false, false) => OrderType::Market,
        }
    }

    /// Prices that the type has no use for, or lacks; in words.
    pub fn problem(&self) -> Option<String> {
        let kind = self.order_type;
        let trails = kind == OrderType::TrailingStop;
        let given = [
            (self.limit_price.is_some(), kind.has_limit(), "limit price"),
            (self.trigger_price.is_some(), kind.has_trigger(), "trigger price"),
            (self.trail.is_some(), trails, "trail"),
        ];
        for (is_given, is_wanted, what) in given {
            match (is_given, is_wanted) {
                (true, false) => return Some(format!("a {} order has no {what}", words(kind))),
                (false, true) => return Some(format!("a {} order needs a {what}", words(kind))),
                _ => {}
            }
        }
        match (self.tif == TimeInForce::Gtd, self.expire_at.is_some()) {
            (true, false) => return Some("a gtd order needs the moment at which it ends".into()),
            (false, true) => return Some("only a gtd order has a moment at which it ends".into()),
            _ => {}
        }
        let alone = kind == OrderType::Limit && self.take_profit.is_none() && self.stop_loss.is_none();
        if self.or_stop.is_some() && (!alone || self.oco.is_some() || self.parent.is_some()) {
            return Some("or stop goes with a limit order that has no other exits or ties".into());
        }
        if let Some((stop, limit)) = self.or_stop.zip(self.limit_price) {
            let is_right = if self.side == Side::Sell { stop < limit } else { limit < stop };
            let where_to = if self.side == Side::Sell { "below" } else { "above" };
            return (!is_right).then(|| format!("the stop must lie {where_to} the limit"));
        }
        let (Some(profit), Some(loss)) = (self.take_profit, self.stop_loss) else { return None };
        let is_right = if self.side == Side::Buy { loss < profit } else { profit < loss };
        (!is_right).then(|| "the take profit must lie beyond the stop loss, on the side of the profit".into())
    }

    /// The exits of a bracket around an order: they wait for its fills, and share one group.
    fn exits(&self, entry: &OrderSpec) -> Result<Vec<OrderSpec>, ServiceError> {
        let group: OrderId = format!("{}-oco", entry.id).parse()?;
        let side = if entry.side == Side::Buy { Side::Sell } else { Side::Buy };
        if let Some(stop) = self.or_stop {
            let other = OrderSpec {
                id: format!("{}-sl", entry.id).parse()?,
                order_type: OrderType::Stop,
                limit_price: None,
                trigger_price: Some(stop),
                ..entry.clone()
            };
            return Ok(vec![other]);
        }
        let both = self.take_profit.is_some() && self.stop_loss.is_some();
        let exit = |name: &str, order_type, limit_price, trigger_price| {
            let id = format!("{}-{name}", entry.id).parse()?;
            Ok(OrderSpec {
                order_type,
                limit_price,
                trigger_price,
                // An exit outlives the day of its entry.
                tif: TimeInForce::Gtc,
                parent: Some(entry.id),
                oco: both.then_some(group),
                strategy: entry.strategy,
                ..OrderSpec::plain(entry.account, id, entry.instrument, (side, entry.quantity), None)
            })
        };
        let profit = self.take_profit.map(|p| exit("tp", OrderType::Limit, Some(p), None));
        let loss = self.stop_loss.map(|p| exit("sl", OrderType::Stop, None, Some(p)));
        profit.into_iter().chain(loss).collect()
    }
}

/// A type in words, such as `stop limit`.
pub fn words(kind: OrderType) -> String {
    kind.as_str().replace('_', " ")
}

/// An id for an order whose giver named none.
pub(super) fn made_up_id() -> Result<OrderId, ServiceError> {
    Ok(format!("o-{}", crate::secret::session_id()?.get(..10).unwrap_or("0")).parse()?)
}

impl House {
    /// The order a wish comes to, with its size in shares.
    pub(super) fn order_of(&self, permit: &TradePermit, wish: &OrderWish) -> Result<OrderSpec, ServiceError> {
        let instrument = InstrumentId::new(wish.symbol, permit.exchange());
        let id = wish.id.map_or_else(made_up_id, Ok)?;
        let order = OrderSpec {
            order_type: wish.order_type,
            trigger_price: wish.trigger_price,
            trail: wish.trail,
            tif: wish.tif,
            expire_at: wish.expire_at,
            reduce_only: wish.reduce_only,
            post_only: wish.post_only,
            parent: wish.parent,
            oco: wish.oco,
            strategy: wish.strategy,
            lot: wish.lot,
            ..OrderSpec::plain(
                permit.account(),
                id,
                instrument,
                (wish.side, Quantity::ZERO),
                wish.limit_price,
            )
        };
        let sized_by = wish.size.measured();
        // The same wish again is the same order, whatever prices did since it was worked out.
        let given = self.state()?.orders().asked(&(order.account, order.id)).cloned();
        let quantity = match given.filter(|given| sized_by.is_some() && given.sized_by == sized_by) {
            Some(given) => given.quantity,
            None => self.shares_of(&order, wish)?,
        };
        Ok(OrderSpec { quantity, sized_by, ..order })
    }

    /// A size in shares.
    fn shares_of(&self, order: &OrderSpec, wish: &OrderWish) -> Result<Quantity, ServiceError> {
        let (by, stop) = match wish.size {
            Size::Shares(shares) => return Ok(shares),
            Size::Risk { share, stop } => (SizeBy::Risk(share), stop.or(wish.stop_loss)),
            Size::Weight(share) => (SizeBy::Weight(share), None),
            Size::Volatility(share) => (SizeBy::Volatility(share), None),
        };
        self.know_instruments([order.instrument])?;
        let state = self.state()?;
        let unknown = || super::trading::unknown_account(order.account);
        let account = state.accounts().get(&order.account).ok_or_else(unknown)?;
        let equity = state.equity(account).ok_or_else(|| {
            ServiceError::Invalid("a position has no price, so the equity is unknown; advance first".into())
        })?;
        let volatility = match by {
            SizeBy::Volatility(_) => self.volatility(&state, order.instrument)?,
            SizeBy::Risk(_) | SizeBy::Weight(_) => None,
        };
        let lot = state
            .instruments()
            .get(&order.instrument)
            .map_or(Quantity::from_raw(Quantity::ONE_RAW), |i| i.lot);
        let entry = order.own_price().or_else(|| expected(&state, order)).unwrap_or(Price::ZERO);
        let basis = SizeBasis { equity, side: order.side, entry, stop, volatility, lot };
        size(by, &basis).map_err(|e| ServiceError::Wrong(e.to_string()))
    }

    /// Standard deviation of a year's return, from the last sessions at market time; `None` for too short a history.
    fn volatility(&self, state: &State, id: InstrumentId) -> Result<Option<Ratio>, ServiceError> {
        let Some(today) = state.market_time(id.exchange).map(|t| self.calendars().of(id.exchange).date_at(t))
        else {
            return Ok(None);
        };
        let from = today.checked_sub_days(Days::new(VOLATILITY_DAYS)).unwrap_or(today);
        let closes = self.closes_between(id, from, today)?;
        let recent = closes.get(closes.len().saturating_sub(VOLATILITY_SESSIONS + 1)..).unwrap_or(&[]);
        Ok(yearly(recent).and_then(Ratio::from_f64))
    }

    /// Gives an order with its exits, and says what became of each. A refusal is an answer, not an error.
    pub fn give_order(
        &self,
        permit: &TradePermit,
        wish: &OrderWish,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        if !wish.has_exits() {
            return Ok(vec![self.submit(permit, wish)?]);
        }
        if let Some(problem) = wish.problem() {
            return Err(ServiceError::Wrong(problem));
        }
        let mut entry = self.order_of(permit, wish)?;
        if wish.or_stop.is_some() {
            entry.oco = Some(format!("{}-oco", entry.id).parse()?);
        }
        self.know_instruments([entry.instrument])?;
        let mut orders = vec![entry.clone()];
        orders.extend(wish.exits(&entry)?);
        let now = self.order_time(permit.exchange())?;
        let events = self.give(permit.actor(), now, Command::SubmitList(orders.clone()))?;
        // An entry without its exits is not what was asked for: of such a bracket nothing stands.
        let lost = denied(&events, entry.id).filter(|r| r.code == RefusalCode::OrderListDenied);
        let cause = |o: &OrderSpec| {
            let refusal = denied(&events, o.id).filter(|r| r.code != RefusalCode::OrderListDenied)?;
            Some((o.id, refusal))
        };
        if let Some((id, refusal)) = lost.and_then(|_| orders.iter().find_map(cause)) {
            let hidden = permit.hides_limits() && refusal.limit.is_some();
            let code = if hidden { RefusalCode::Refused } else { refusal.code };
            let text = format!("{}; it belongs to a bracket, of which nothing was given", code.text());
            return Err(ServiceError::Refused { code, text: format!("order {id}: {text}") });
        }
        let rows: Vec<view::OrderRow> =
            orders.iter().map(|o| self.answer(permit, o.account, o.id, &events)).collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

/// The price at which an order without a price of its own is expected to fill.
fn expected(state: &State, order: &OrderSpec) -> Option<Price> {
    let now = state.market_time(order.instrument.exchange).unwrap_or(UnixNanos::ZERO);
    let book = state.book(order.account, now)?;
    book.reference(order.instrument, order.side).map(|r| r.price)
}

/// The refusal of one order among events.
fn denied(events: &[Event], id: OrderId) -> Option<&Refusal> {
    events.iter().find_map(|e| match &e.body {
        EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal }
            if order.id == id =>
        {
            Some(refusal)
        }
        _ => None,
    })
}

/// Standard deviation of returns, for a year.
fn yearly(closes: &[f64]) -> Option<f64> {
    let pairs = closes.iter().zip(closes.iter().skip(1));
    let returns: Vec<f64> =
        pairs.filter(|(then, _)| **then > 0.0).map(|(then, now)| now / then - 1.0).collect();
    if returns.len() < VOLATILITY_RETURNS_MIN {
        return None;
    }
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let square = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (count - 1.0);
    Some((square * SESSIONS_A_YEAR).sqrt()).filter(|v| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_swings_by_one_per_cent_a_day_swings_by_sixteen_a_year() {
        let closes: Vec<f64> = (0..41).map(|i| if i % 2 == 0 { 100.0 } else { 101.0 }).collect();
        let found = yearly(&closes).unwrap();
        assert!((found - 0.16).abs() < 0.002, "{found}");
        assert_eq!(yearly(closes.get(..20).unwrap()), None, "nineteen returns are too few");
    }

    #[test]
    fn a_type_has_the_prices_it_needs_and_no_others() {
        let price: Price = "10".parse().unwrap();
        let mut wish =
            OrderWish::plain("A".parse().unwrap(), Side::Buy, Quantity::from_whole(1).unwrap(), Some(price));
        assert_eq!(wish.problem(), None);
        wish.order_type = OrderType::StopLimit;
        assert_eq!(wish.problem().unwrap(), "a stop limit order needs a trigger price");
        wish.order_type = OrderType::Market;
        assert_eq!(wish.problem().unwrap(), "a market order has no limit price");
        wish.order_type = OrderType::Limit;
        wish.tif = TimeInForce::Gtd;
        assert!(wish.problem().unwrap().contains("moment"));
        wish.tif = TimeInForce::Day;
        (wish.take_profit, wish.stop_loss) = (Some(price), Some(price));
        assert!(wish.problem().unwrap().contains("beyond"));
    }
}
