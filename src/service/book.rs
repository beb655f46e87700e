//! From the engine's state to what people see: accounts, positions and orders of a scope.
//!
//! A scope of own accounts never learns which limit spoke: its refusals carry the code REFUSED and a plain sentence.

use std::collections::BTreeMap;

use crate::domain::order_state::Order;
use crate::domain::{AccountId, Exchange, InstrumentId, Money, Price, Quantity, RefusalCode, UnixNanos};
use crate::execution::State;
use crate::portfolio::{Account, Lot, Position};

use super::permit::Scope;
use super::trading::is_limit_code;
use super::view;

/// What the market store knows that the book does not.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Name and sector by instrument.
    pub names: BTreeMap<InstrumentId, (String, String)>,
    /// Prices from before this instant are stale: the close of the session before the present one.
    pub fresh_since: BTreeMap<Exchange, UnixNanos>,
}

/// Last price of an instrument and when it was.
pub fn price(state: &State, instrument: InstrumentId) -> Option<(Price, UnixNanos)> {
    state.view().last(instrument).map(|p| (p.price, p.time))
}

/// Accounts inside a scope, by name.
pub fn accounts_in(state: &State, scope: Scope) -> impl Iterator<Item = &Account> {
    state.accounts().values().filter(move |a| scope.covers(a.spec().kind, a.spec().owner))
}

/// Totals of one account.
pub fn totals(state: &State, account: &Account) -> view::Account {
    let spec = account.spec();
    let price = |i: InstrumentId| price(state, i).map(|(p, _)| p);
    let equity = account.equity(price);
    let values: Option<Vec<(Money, Money)>> =
        account.positions().iter().map(|(i, p)| Some((p.value(price(*i)?).ok()?, p.cost()))).collect();
    let gross = values.as_ref().and_then(|v| sum(v.iter().map(|(value, _)| value.checked_abs())));
    let open_profit =
        values.as_ref().and_then(|v| sum(v.iter().map(|(value, cost)| value.checked_sub(*cost))));
    let day_profit = equity.and_then(|equity| account.day_profit(equity));
    view::Account {
        account: spec.account,
        kind: spec.kind,
        owner: spec.owner,
        exchange: spec.exchange,
        currency: spec.currency,
        cash: account.cash(),
        equity,
        day_open_equity: Some(account.day_open()),
        day_profit,
        day_return: day_profit.and_then(|p| p.share_of(account.day_open())),
        open_profit,
        realized: account.realized(),
        fees: account.fees(),
        gross_exposure: gross.zip(equity).and_then(|(g, e)| g.share_of(e)),
        market_time: spec.exchange.and_then(|e| state.market_time(e)),
        trigger: spec.trigger,
    }
}

fn sum(mut values: impl Iterator<Item = Option<Money>>) -> Option<Money> {
    values.try_fold(Money::ZERO, |total, value| total.checked_add(value?))
}

/// Holdings of one account, largest market value first.
pub fn positions(state: &State, account: &Account, labels: &Labels) -> Vec<view::Position> {
    let equity = state.equity(account);
    let mut rows: Vec<view::Position> = account
        .positions()
        .iter()
        .map(|(instrument, held)| position(state, account, *instrument, held, equity, labels))
        .collect();
    let size = |p: &view::Position| p.market_value.and_then(Money::checked_abs).unwrap_or_default();
    rows.sort_by(|a, b| size(b).cmp(&size(a)).then(a.instrument.cmp(&b.instrument)));
    rows
}

fn position(
    state: &State,
    account: &Account,
    instrument: InstrumentId,
    held: &Position,
    equity: Option<Money>,
    labels: &Labels,
) -> view::Position {
    let last = price(state, instrument);
    let market_value = last.and_then(|(p, _)| held.value(p).ok());
    let profit = market_value.and_then(|v| v.checked_sub(held.cost()));
    let day_profit = state.day_profit(account.spec().account, instrument, last.map(|(price, _)| price));
    let stale = last
        .is_some_and(|(_, t)| labels.fresh_since.get(&instrument.exchange).is_some_and(|since| t < *since));
    let (name, sector) = labels.names.get(&instrument).cloned().unwrap_or_default();
    view::Position {
        account: account.spec().account,
        symbol: instrument.symbol,
        instrument,
        name,
        sector,
        quantity: held.quantity(),
        cost: held.cost(),
        average_price: average(held.cost(), held.quantity()),
        last_price: last.map(|(p, _)| p),
        price_time: last.map(|(_, t)| t),
        stale,
        market_value,
        profit,
        profit_share: profit.zip(held.cost().checked_abs()).and_then(|(p, c)| p.share_of(c)),
        day_profit,
        weight: market_value.zip(equity).and_then(|(v, e)| v.share_of(e)),
        currency: account.spec().currency,
    }
}

/// Open lots of one account, by instrument, the oldest first.
pub fn lots(account: &Account) -> Vec<view::LotRow> {
    let (name, currency) = (account.spec().account, account.spec().currency);
    let row = |symbol, lot: &Lot| view::LotRow {
        account: name,
        symbol,
        lot: lot.id,
        quantity: lot.quantity,
        cost: lot.cost,
        average_price: average(lot.cost, lot.quantity),
        currency,
    };
    account.positions().iter().flat_map(|(id, held)| held.lots().map(move |l| row(id.symbol, l))).collect()
}

/// Money over shares as a price, rounded half to even; `None` for no shares.
pub fn average(cost: Money, quantity: Quantity) -> Option<Price> {
    Price::per_share(cost, quantity)
}

/// One order as a scope may see it.
pub fn order_row(
    order: &Order,
    refusal: Option<&crate::domain::event::Refusal>,
    hides_limits: bool,
) -> view::OrderRow {
    let spec = &order.spec;
    // A limit that could not be judged refuses by a code that is no limit's own.
    let limit_spoke = order.code.is_some_and(is_limit_code) || refusal.is_some_and(|r| r.limit.is_some());
    let hidden = hides_limits && limit_spoke;
    let shown = refusal.filter(|_| !hidden);
    let code = if hidden { Some(RefusalCode::Refused) } else { order.code };
    let reason = match code {
        Some(code) if hidden || order.reason.is_empty() => code.text().to_string(),
        Some(_) | None => order.reason.clone(),
    };
    // What a refusal says in words, and no limit in figures.
    let said = shown.filter(|r| r.threshold.is_none()).and_then(|r| r.observed.as_ref());
    let reason = said.map_or(reason.clone(), |said| format!("{reason}: {said}"));
    view::OrderRow {
        account: spec.account,
        id: spec.id,
        symbol: spec.instrument.symbol,
        instrument: spec.instrument,
        side: spec.side,
        order_type: spec.order_type,
        quantity: spec.quantity,
        limit_price: spec.limit_price,
        trigger_price: order.trigger(),
        trail: spec.trail,
        tif: spec.tif,
        expire_at: spec.expire_at,
        reduce_only: spec.reduce_only,
        post_only: spec.post_only,
        parent: spec.parent,
        oco: spec.oco,
        strategy: spec.strategy,
        triggered: order.triggered,
        status: order.status,
        filled: order.filled,
        leaves: order.leaves(),
        average_price: average(order.filled_notional, order.filled),
        fees: order.fees,
        code,
        reason,
        limit: shown.and_then(|r| r.limit.clone()),
        observed: shown.and_then(|r| r.observed.clone()),
        threshold: shown.and_then(|r| r.threshold.clone()),
        given_at: order.given_at,
        changed_at: order.changed_at,
        actor: order.actor,
    }
}

/// Shares of one instrument held in an account.
pub fn held(state: &State, account: Option<AccountId>, instrument: InstrumentId) -> Quantity {
    account.and_then(|a| state.accounts().get(&a)).map_or(Quantity::ZERO, |a| a.quantity(instrument))
}
