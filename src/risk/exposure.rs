//! Worst cases: what a book would be worth if every open order of one side filled.

use std::collections::BTreeMap;

use crate::domain::order::Order;
use crate::domain::{InstrumentId, Money, OrderSpec, OrderStatus, Quantity, RefusalCode, Side};

use super::book::Book;

/// A position with the open orders of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sides {
    /// Signed quantity held.
    pub position: Quantity,
    /// Its value at the last price, signed.
    pub value: Money,
    /// Quantity of open buys.
    pub buys: Quantity,
    /// Their value.
    pub buy_value: Money,
    /// Quantity of open sells.
    pub sells: Quantity,
    /// Their value.
    pub sell_value: Money,
}

impl Sides {
    /// Adds an order's open quantity and value; `None` when it does not fit.
    #[must_use = "the sum is returned"]
    pub fn with(mut self, side: Side, quantity: Quantity, value: Money) -> Option<Self> {
        match side {
            Side::Buy => {
                self.buys = self.buys.checked_add(quantity)?;
                self.buy_value = self.buy_value.checked_add(value)?;
            }
            Side::Sell => {
                self.sells = self.sells.checked_add(quantity)?;
                self.sell_value = self.sell_value.checked_add(value)?;
            }
        }
        Some(self)
    }

    /// Value of the position in the direction of a side, if all its orders filled; never below zero.
    pub fn side_value(&self, side: Side) -> Option<Money> {
        let value = match side {
            Side::Buy => self.value.checked_add(self.buy_value)?,
            Side::Sell => self.sell_value.checked_sub(self.value)?,
        };
        Some(value.max(Money::ZERO))
    }

    /// The larger side's value.
    pub fn worst(&self) -> Option<Money> {
        Some(self.side_value(Side::Buy)?.max(self.side_value(Side::Sell)?))
    }

    /// Whether `quantity` more of a side, after its open orders, only makes the position smaller.
    pub fn reduces(&self, side: Side, quantity: Quantity) -> bool {
        let (open, held) = match side {
            Side::Buy => (self.buys, self.position.checked_neg()),
            Side::Sell => (self.sells, Some(self.position)),
        };
        open.checked_add(quantity).zip(held).is_some_and(|(all, held)| all <= held)
    }
}

/// Quantity of an open order that can still fill.
pub fn leaves(order: &Order) -> Quantity {
    order.leaves()
}

/// The book of one instrument without `skip` (an order that is being amended).
pub fn sides(book: &Book<'_>, instrument: InstrumentId, skip: Option<&OrderSpec>) -> Option<Sides> {
    let mut sides = held(book, instrument)?;
    for order in book.own_orders().filter(|o| o.spec.instrument == instrument && !is(o, skip)) {
        sides = add(book, sides, order)?;
    }
    Some(sides)
}

/// The whole book by instrument, without `skip` and without buys that wait for their list's sells: those are judged
/// again, with all of this, before they reach the market.
pub fn all_sides(book: &Book<'_>, skip: Option<&OrderSpec>) -> Option<BTreeMap<InstrumentId, Sides>> {
    let mut all = BTreeMap::new();
    for instrument in book.account.positions().keys() {
        all.insert(*instrument, held(book, *instrument)?);
    }
    for order in book.own_orders().filter(|o| !is(o, skip) && !waits_for_sells(o)) {
        let sides = all.entry(order.spec.instrument).or_default();
        *sides = add(book, *sides, order)?;
    }
    Some(all)
}

/// Sum of the worst cases of every instrument.
pub fn gross(all: &BTreeMap<InstrumentId, Sides>) -> Option<Money> {
    all.values().try_fold(Money::ZERO, |sum, sides| sum.checked_add(sides.worst()?))
}

/// Cash that open buys hold, fees included; buys that wait for their list's sells hold none.
pub fn cash_held(book: &Book<'_>, skip: Option<&OrderSpec>) -> Option<Money> {
    let mut held = Money::ZERO;
    for order in book.own_orders() {
        if order.spec.side == Side::Sell || is(order, skip) || waits_for_sells(order) {
            continue;
        }
        held = held.checked_add(cost_to_come(book, order)?)?;
    }
    Some(held)
}

/// What the rest of a buy would cost, with the fees still to be charged.
fn cost_to_come(book: &Book<'_>, order: &Order) -> Option<Money> {
    let rest = book.order_price(&order.spec)?.notional(leaves(order)).ok()?;
    let all = order.filled_notional.checked_add(rest)?;
    let fee = book.venue.fee.total(order.spec.quantity, all).ok()?.checked_sub(order.fees)?;
    rest.checked_add(fee.max(Money::ZERO))
}

/// Whether an order is held until its list's sells have paid for it.
pub fn waits_for_sells(order: &Order) -> bool {
    order.status == OrderStatus::Held && order.code == Some(RefusalCode::WaitsForSells)
}

fn held(book: &Book<'_>, instrument: InstrumentId) -> Option<Sides> {
    let Some(position) = book.account.positions().get(&instrument) else { return Some(Sides::default()) };
    let value = position.value(book.last(instrument)?.price).ok()?;
    Some(Sides { position: position.quantity(), value, ..Sides::default() })
}

fn add(book: &Book<'_>, sides: Sides, order: &Order) -> Option<Sides> {
    let value = book.order_price(&order.spec)?.notional(leaves(order)).ok()?;
    sides.with(order.spec.side, leaves(order), value)
}

fn is(order: &Order, skip: Option<&OrderSpec>) -> bool {
    skip.is_some_and(|s| s.id == order.spec.id && s.account == order.spec.account)
}
