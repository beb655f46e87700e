//! Signals → targets → orders → risk → paper broker, as one list: sells first, buys that wait for them.
//!
//! A dry run gives the same list to a copy of the engine, so that each order meets the same gate in the same order;
//! nothing of it is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::event::EventBody;
use crate::domain::order_state::Order;
use crate::domain::{Command, Event, InstrumentId, OrderId, OrderSpec, Price, Quantity, Ratio, RefusalCode};
use crate::execution::generate::{self, Inputs};
use crate::portfolio::construct::{self, Target};

use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, TradeDesk};
use super::research::no_market_time;
use super::trading::TradePermit;
use super::view::BasketRow;

/// Share kept back of every trade for fees and slippage.
const HEADROOM: Ratio = Ratio::from_raw(2_000_000);

/// What a rebalance did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basket {
    /// Orders in the order in which they are given, each with its decision.
    pub rows: Vec<BasketRow>,
    /// Names without an order or with a smaller one, one sentence each.
    pub skipped: Vec<String>,
}

impl Basket {
    /// Whether risk refused any of it.
    pub fn any_refused(&self) -> bool {
        self.rows.iter().any(|r| r.decision.ends_with("refused"))
    }
}

impl House {
    /// Turns the latest signals into orders for the permit's account. Whoever sees the list sees the ranking, so it takes
    /// the desk's permit too, whatever the account.
    pub fn rebalance(
        &self,
        _: &Permit<TradeDesk>,
        permit: &TradePermit,
        strategy: Option<&str>,
        dry_run: bool,
    ) -> Result<Basket, ServiceError> {
        let (_, strategy) = self.strategy_of(strategy)?;
        let (account, exchange) = (permit.account(), permit.exchange());
        let state = self.state()?;
        let now = state.market_time(exchange).ok_or_else(|| no_market_time(exchange))?;
        let signals = self.latest_signals(&state, exchange, Some(strategy.name.as_str()))?;
        let session = signals.first().map(|s| s.session).ok_or_else(|| {
            ServiceError::Invalid(format!(
                "there are no signals of '{}' at market time; run 'qlib-pro signal run' first",
                strategy.name
            ))
        })?;
        let targets = construct::top_k_equal(&signals, strategy.top_k, strategy.gross_target);
        let held = state.accounts().get(&account).ok_or_else(|| super::trading::unknown_account(account))?;
        let equity = state.equity(held).ok_or_else(|| {
            ServiceError::Invalid(format!(
                "a position of {account} has no price, so its equity is unknown; advance or sync first"
            ))
        })?;
        let positions: BTreeMap<InstrumentId, Quantity> =
            held.positions().iter().map(|(i, p)| (*i, p.quantity())).collect();
        let ids: Vec<InstrumentId> =
            targets.iter().map(|t| t.instrument).chain(positions.keys().copied()).collect();
        let prices = House::last_prices(&state, ids.iter().copied());
        let open: Vec<Order> =
            state.orders().open().values().filter(|o| o.spec.account == account).cloned().collect();
        let given = state.orders().done().chain(state.orders().open().values());
        let known: BTreeSet<OrderId> =
            given.filter(|o| o.spec.account == account).map(|o| o.spec.id).collect();
        let list = generate::generate(&Inputs {
            strategy: strategy.name.as_str(),
            session,
            account,
            targets: &targets,
            positions: &positions,
            open_orders: &open,
            prices: &prices,
            lots: &self.lots(&ids)?,
            equity,
            cash: held.cash(),
            headroom: HEADROOM,
            no_trade_band: strategy.no_trade_band,
            order_type: strategy.order_type,
            tif: strategy.tif,
            known: &known,
        });
        let skipped =
            list.skipped.iter().map(|s| format!("{} {}", s.instrument.symbol, s.reason.as_str())).collect();
        self.know_instruments(list.orders.iter().map(|o| o.instrument))?;
        let events = self.give_list(permit, &list.orders, now, dry_run)?;
        let rows = list.orders.iter().map(|o| basket_row(o, &events, &targets, &prices, dry_run)).collect();
        Ok(Basket { rows, skipped })
    }

    fn give_list(
        &self,
        permit: &TradePermit,
        orders: &[OrderSpec],
        now: crate::domain::UnixNanos,
        dry_run: bool,
    ) -> Result<Vec<Event>, ServiceError> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let command = Command::SubmitList(orders.to_vec());
        if dry_run {
            self.rehearse(permit.actor(), now, command)
        } else {
            self.give(permit.actor(), now, command)
        }
    }

    fn lots(&self, ids: &[InstrumentId]) -> Result<BTreeMap<InstrumentId, Quantity>, ServiceError> {
        let market = lock(self.market_store());
        let mut lots = BTreeMap::new();
        for id in ids {
            if let Some(found) = market.read().instrument(*id)? {
                lots.insert(*id, found.lot);
            }
        }
        Ok(lots)
    }
}

fn basket_row(
    order: &OrderSpec,
    events: &[Event],
    targets: &[Target],
    prices: &BTreeMap<InstrumentId, Price>,
    dry_run: bool,
) -> BasketRow {
    let price = prices.get(&order.instrument).copied();
    let (word, code, refusal) = decision_on(order.id, events);
    let weight = targets.iter().find(|t| t.instrument == order.instrument).map_or(Ratio::ZERO, |t| t.weight);
    BasketRow {
        account: order.account,
        id: order.id,
        symbol: order.instrument.symbol,
        instrument: order.instrument,
        side: order.side,
        quantity: order.quantity,
        price,
        notional: price.and_then(|p| p.notional(order.quantity).ok()),
        target_weight: weight,
        decision: if dry_run { format!("would be {word}") } else { word.to_string() },
        code,
        limit: refusal.and_then(|r| r.limit.clone()),
        observed: refusal.and_then(|r| r.observed.clone()),
        threshold: refusal.and_then(|r| r.threshold.clone()),
    }
}

/// What became of an order in a batch. An order that was known before has no event.
fn decision_on(
    id: OrderId,
    events: &[Event],
) -> (&'static str, Option<RefusalCode>, Option<&crate::domain::event::Refusal>) {
    for event in events {
        match &event.body {
            EventBody::OrderAccepted { order, .. } if order.id == id => return ("accepted", None, None),
            EventBody::OrderHeld { order, code, .. } if order.id == id => return ("held", Some(*code), None),
            EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal }
                if order.id == id =>
            {
                return ("refused", Some(refusal.code), Some(refusal));
            }
            _ => {}
        }
    }
    ("known from an earlier run", None, None)
}
