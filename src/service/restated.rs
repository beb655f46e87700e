//! Splits that a vendor has worked into its past prices since the book was made.
//!
//! A source with split-adjusted prices restates its history when a name splits. What was bought before is then in
//! older terms than the prices: a lot of 10 shares at 1,200 beside a close of 121, and an order to buy at 1,150. Such splits are played before the
//! next session, so that quantity and price change terms together. A lot tells by itself whether it is due: its cost a
//! share, held against what its source now says of the day it was opened, is off by the splits since. Of a name with
//! open orders and no lot the last price that the engine saw tells it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::market::{ActionKind, Basis, CorporateAction, SplitRatio};
use crate::domain::{AccountId, Exchange, InstrumentId};
use crate::execution::State;
use crate::portfolio::Lot;
use crate::store::MarketReader;
use crate::store::trades::{Accounts, Period};

use super::book;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::trading::LISTING_MAX;

/// Farthest a lot's cost may be from the restated close of its day, as a logarithm.
const NEAR: f64 = 0.25;

/// A price of the book's, and the day it is from.
type Known = (NaiveDate, f64);

/// Splits that are in the stored prices and not in the book, the oldest first; `named` tells under which symbol the
/// prices of a name are by then.
pub(super) fn due_splits(
    house: &House,
    reader: &MarketReader,
    state: &State,
    exchange: Exchange,
    named: impl Fn(InstrumentId) -> InstrumentId,
) -> Result<Vec<CorporateAction>, ServiceError> {
    let lots = newest_lots(state, exchange, &named);
    let ordered = last_prices(house, state, exchange, &named);
    if lots.is_empty() && ordered.is_empty() {
        return Ok(Vec::new());
    }
    // What is only announced is in nobody's prices yet.
    let standing = reader.standing(exchange)?;
    let is_past = |a: &CorporateAction| standing.get(&a.instrument).is_some_and(|(_, last)| a.date <= *last);
    let mut by_name: BTreeMap<InstrumentId, Vec<CorporateAction>> = BTreeMap::new();
    for action in reader.actions_between(exchange, NaiveDate::MIN, NaiveDate::MAX)? {
        let of_book = lots.contains_key(&action.instrument) || ordered.contains_key(&action.instrument);
        if of_book && matches!(action.kind, ActionKind::Split(_)) && is_past(&action) {
            by_name.entry(action.instrument).or_default().push(action);
        }
    }
    let mut due = Vec::new();
    for (instrument, splits) in by_name {
        let known = match lots.get(&instrument) {
            Some((account, lot)) => opened(house, instrument.exchange, (*account, lot))?,
            None => ordered.get(&instrument).copied(),
        };
        if let Some(known) = known {
            due.extend(due_of(reader, instrument, known, splits)?);
        }
    }
    Ok(due)
}

/// The lot that was opened last, of every instrument held on an exchange.
fn newest_lots(
    state: &State,
    exchange: Exchange,
    named: impl Fn(InstrumentId) -> InstrumentId,
) -> BTreeMap<InstrumentId, (AccountId, Lot)> {
    let mut newest: BTreeMap<InstrumentId, (AccountId, Lot)> = BTreeMap::new();
    for (account, held) in state.accounts() {
        for (instrument, position) in held.positions().iter().filter(|(id, _)| id.exchange == exchange) {
            let Some(lot) = position.lots().max_by_key(|lot| lot.id) else { continue };
            let instrument = named(*instrument);
            if newest.get(&instrument).is_none_or(|(_, known)| known.id < lot.id) {
                newest.insert(instrument, (*account, *lot));
            }
        }
    }
    newest
}

/// The last price of every instrument of an exchange with an open order: in whose terms the order was given.
fn last_prices(
    house: &House,
    state: &State,
    exchange: Exchange,
    named: impl Fn(InstrumentId) -> InstrumentId,
) -> BTreeMap<InstrumentId, Known> {
    let calendar = house.calendars().of(exchange);
    let ordered = state.orders().instruments().filter(|instrument| instrument.exchange == exchange);
    let last = ordered.filter_map(|instrument| Some((instrument, state.view().last(instrument)?)));
    last.map(|(instrument, last)| (named(instrument), (calendar.date_at(last.time), last.price.to_f64())))
        .collect()
}

/// The day on which a lot was opened, and its cost a share.
fn opened(
    house: &House,
    exchange: Exchange,
    (account, lot): (AccountId, &Lot),
) -> Result<Option<Known>, ServiceError> {
    let fills = lock(house.ledger()).executions(Accounts::Only(&[account]), Period::ALL, LISTING_MAX)?;
    let opened = fills.iter().find(|fill| fill.seq == lot.id);
    let day = opened.map(|fill| house.calendars().of(exchange).date_at(fill.time));
    Ok(day.zip(book::average(lot.cost, lot.quantity).map(crate::domain::Price::to_f64)))
}

fn due_of(
    reader: &MarketReader,
    instrument: InstrumentId,
    (day, price): Known,
    mut splits: Vec<CorporateAction>,
) -> Result<Vec<CorporateAction>, ServiceError> {
    let series = reader.bars(instrument, None, day, day)?.filter(|series| series.basis == Basis::Split);
    let close = series.and_then(|series| series.bars.last().map(|bar| bar.close.to_f64()));
    let Some(close) = close.filter(|close| *close > 0.0 && price > 0.0) else { return Ok(Vec::new()) };
    splits.retain(|split| split.date > day);
    let steps: Vec<f64> = splits.iter().map(step).collect();
    let count = newest_that_explain((price / close).ln(), &steps);
    Ok(splits.split_off(splits.len() - count))
}

/// How many of the newest splits lie between a lot and its source: the number whose product comes nearest, none unless
/// that is clearly nearer than none.
fn newest_that_explain(off: f64, steps: &[f64]) -> usize {
    let sum = |count: usize| steps.iter().rev().take(count).sum::<f64>();
    let miss = |count: usize| (off - sum(count)).abs();
    let best = (0..=steps.len()).min_by(|a, b| miss(*a).total_cmp(&miss(*b))).unwrap_or(0);
    if miss(best) < NEAR && miss(best) * 2.0 < off.abs() { best } else { 0 }
}

fn step(split: &CorporateAction) -> f64 {
    match split.kind {
        ActionKind::Split(SplitRatio { new, old }) => (new.to_f64() / old.to_f64()).ln(),
        ActionKind::Dividend { .. } => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::newest_that_explain;

    #[test]
    fn a_lot_is_off_by_the_splits_that_came_after_it() {
        let (two, ten) = (2.0_f64.ln(), 10.0_f64.ln());
        assert_eq!(newest_that_explain(ten + 0.02, &[ten]), 1);
        assert_eq!(newest_that_explain(0.02, &[ten]), 0, "restated before it was bought");
        assert_eq!(newest_that_explain(ten - 0.03, &[two, ten]), 1, "the older one was played");
        assert_eq!(newest_that_explain(ten + two, &[two, ten]), 2);
        assert_eq!(newest_that_explain(0.9, &[ten]), 0, "nothing explains it");
        assert_eq!(newest_that_explain(-ten, &[-ten]), 1, "a reverse split");
    }
}
