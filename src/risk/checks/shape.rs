//! Shape: what an order must look like before any limit is asked.

use crate::domain::decision::Inputs;
use crate::domain::order::Start;
use crate::domain::{OrderType, Price, Quantity, RefusalCode, Side, TimeInForce, Trail};

use super::{Case, Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct Shape;

impl Control for Shape {
    fn rule(&self) -> Rule {
        Rule::Always { name: "shape", doc: "An order has what its type needs, on the tick and the lot." }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let code = inputs.fault.unwrap_or(RefusalCode::QuantityZero);
        Finding::plain("shape", code, inputs.fault.is_some())
    }
}

/// The first thing wrong with the order itself, if any.
pub(super) fn fault(case: &Case<'_>) -> Option<RefusalCode> {
    let Some(instrument) = case.instrument else { return Some(RefusalCode::InstrumentNotFound) };
    let (order, spec) = (case.order, case.book.account.spec());
    if !case.book.account.trades_on(order.instrument.exchange) || instrument.currency != spec.currency {
        return Some(RefusalCode::InstrumentNotTradable);
    }
    if !order.quantity.is_positive() {
        return Some(RefusalCode::QuantityZero);
    }
    if !on_lot(case, instrument.lot) {
        return Some(RefusalCode::InvalidQuantityIncrement);
    }
    // One that was taken before goes on as it is.
    if !case.draft.amends && order.has_surplus() {
        return Some(RefusalCode::FieldNotOfType);
    }
    prices(case, instrument.tick)
        .or_else(|| time(case))
        .or_else(|| passed_stop(case).or_else(|| passed_touch(case)))
        .or_else(|| trail_too_far(case))
        .or_else(|| market_data(case))
        .or_else(|| range(case))
}

/// A whole number of lots, or all of an odd position in one closing order.
fn on_lot(case: &Case<'_>, lot: Quantity) -> bool {
    let held = case.held;
    let all = case.order.side.signed(case.order.quantity).checked_neg() == Some(held);
    all || case.order.quantity.is_on_lot(lot)
}

fn prices(case: &Case<'_>, tick: Price) -> Option<RefusalCode> {
    let order = case.order;
    let kind = order.order_type;
    let priced = |price: Option<Price>, missing: RefusalCode| match price {
        None => Some(missing),
        Some(price) if !price.is_positive() || !price.is_on_tick(tick) => {
            Some(RefusalCode::InvalidPriceIncrement)
        }
        Some(_) => None,
    };
    let limit = kind.has_limit().then(|| priced(order.limit_price, RefusalCode::MissingPrice)).flatten();
    let trigger = || {
        let asked = kind.has_trigger();
        asked.then(|| priced(order.trigger_price, RefusalCode::MissingTriggerPrice)).flatten()
    };
    let follows = |trail: Trail| match trail {
        Trail::Amount(amount) => trail.is_valid() && amount.is_on_tick(tick),
        Trail::Percent(_) => trail.is_valid(),
    };
    let trails = kind == OrderType::TrailingStop && !order.trail.is_some_and(follows);
    limit.or_else(trigger).or(trails.then_some(RefusalCode::TrailingOffsetInvalid))
}

/// How long it works must fit what it is: an auction is of one day, and only what works at once can fill at once.
fn time(case: &Case<'_>) -> Option<RefusalCode> {
    let order = case.order;
    match order.tif {
        TimeInForce::Gtd => match order.expire_at {
            None => return Some(RefusalCode::MissingExpireTime),
            Some(at) if at <= case.book.now => return Some(RefusalCode::ExpireTimeInPast),
            Some(_) => {}
        },
        TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => {}
    }
    let fits = match order.order_type.start() {
        Start::AtOnce => true,
        Start::Stop | Start::Touch => !order.tif.is_immediate(),
        Start::Open | Start::Close => order.tif == TimeInForce::Day,
    };
    (!fits).then_some(RefusalCode::UnsupportedTimeInForce)
}

/// A stop that the market has passed already is no stop. One that was taken before, or waits, fills when it is reached.
fn passed_stop(case: &Case<'_>) -> Option<RefusalCode> {
    let order = case.order;
    let waits = order.order_type.start() != Start::Stop || case.draft.waits_for_parent || !case.is_new();
    let trigger = order.trigger_price.filter(|_| !waits)?;
    let (by, book) = (case.book.account.spec().trigger, case.book);
    let heard = case.seen?.heard((by, order.side), book.now, book.venue.stale_after_ms)?;
    let passed = match order.side {
        Side::Buy => heard >= trigger,
        Side::Sell => heard <= trigger,
    };
    passed.then_some(RefusalCode::StopInMarket)
}

/// A sale whose trail is no smaller than the last price would have no stop.
fn trail_too_far(case: &Case<'_>) -> Option<RefusalCode> {
    let sells = case.order.side == Side::Sell && case.order.order_type == OrderType::TrailingStop;
    let trail = case.order.trail.filter(|_| sells && case.is_new())?;
    let stop = trail.stop(Side::Sell, case.seen?.last?.price);
    let has_stop = stop.is_some_and(|stop| stop.is_positive());
    (!has_stop).then_some(RefusalCode::TrailingOffsetInvalid)
}

/// A touch is not moved to where the market is already: it would work at once, and was let in to wait.
fn passed_touch(case: &Case<'_>) -> Option<RefusalCode> {
    let moves = case.open.is_some_and(|open| open.spec.trigger_price != case.order.trigger_price);
    let touched = moves && case.seen.is_some_and(|seen| seen.touched(case.order).is_some());
    touched.then_some(RefusalCode::StopInMarket)
}

/// A market order needs some price, and the quote it would take must be fresh.
fn market_data(case: &Case<'_>) -> Option<RefusalCode> {
    if case.order.order_type != OrderType::Market {
        return None;
    }
    if case.reference.is_none() {
        return Some(RefusalCode::NoMarketData);
    }
    let seen = case.seen?;
    let (quote, limit_ms) = (seen.quote?.quote, case.book.venue.stale_after_ms?);
    let stale = case.book.now > quote.time.plus_millis(i64::from(limit_ms));
    let newest = seen.last.is_none_or(|last| last.time <= quote.time);
    (stale && newest).then_some(RefusalCode::StaleMarketData)
}

/// The order and its fee must be countable.
fn range(case: &Case<'_>) -> Option<RefusalCode> {
    case.price?;
    let whole = case.whole;
    let fee = whole.and_then(|n| case.book.venue.fee.most(case.order.side, case.order.quantity, n).ok());
    let sum = whole.zip(fee).and_then(|(n, f)| n.checked_add(f));
    let held = case.exposure.before.is_none() || case.exposure.with.is_some();
    (sum.is_none() || !held).then_some(RefusalCode::NotionalOutOfRange)
}
