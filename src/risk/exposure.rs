//! Worst cases: what a book would be worth if every open order of one side filled.

use std::collections::BTreeMap;

use crate::domain::{
    InstrumentId, Money, Order, OrderId, OrderSpec, OrderStatus, Quantity, RefusalCode, Side,
};

use super::book::{Book, LeftOut};

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

/// Quantity of an open order that can fill: an order that only reduces never goes beyond the position.
fn open_quantity(book: &Book<'_>, order: &Order) -> Quantity {
    let working = order.working();
    if !order.spec.reduce_only {
        return working;
    }
    let held = book.account.quantity(order.spec.instrument);
    let reducible = match order.spec.side {
        Side::Sell => Some(held),
        Side::Buy => held.checked_neg(),
    };
    working.min(reducible.unwrap_or(Quantity::ZERO).max(Quantity::ZERO))
}

/// Open orders that count: none that are left out, none that wait for others to make room for them.
fn counted<'a>(book: &Book<'a>, out: &LeftOut) -> impl Iterator<Item = &'a Order> + use<'a> {
    let out = *out;
    book.own_orders().filter(move |o| !out.has(&o.spec) && !waits_for_others(o))
}

/// The book of one instrument, apart from what is left out.
pub fn sides(book: &Book<'_>, instrument: InstrumentId, out: &LeftOut) -> Option<Sides> {
    add_all(book, held(book, instrument)?, counted(book, out).filter(|o| o.spec.instrument == instrument))
}

/// The same with a draft's open quantity and its value: of its group only the largest order counts.
pub fn with(
    book: &Book<'_>,
    sides: Sides,
    draft: &OrderSpec,
    (quantity, value): (Quantity, Money),
) -> Option<Sides> {
    let (mut quantity, mut value) = (quantity, value);
    if let Some(group) = draft.oco {
        for order in book.own_orders().filter(|o| o.spec.oco == Some(group) && o.spec.id != draft.id) {
            if order.spec.side == draft.side && !waits_for_others(order) {
                let open = open_quantity(book, order);
                quantity = quantity.max(open);
                value = value.max(book.order_price(&order.spec)?.notional(open).ok()?);
            }
        }
    }
    sides.with(draft.side, quantity, value)
}

/// The whole book by instrument, apart from what is left out and from orders that wait for others: those are judged
/// again, with all of this, before they reach the market.
pub fn all_sides(book: &Book<'_>, out: &LeftOut) -> Option<BTreeMap<InstrumentId, Sides>> {
    let mut open: BTreeMap<InstrumentId, Vec<&Order>> = BTreeMap::new();
    for order in counted(book, out) {
        open.entry(order.spec.instrument).or_default().push(order);
    }
    let mut all = BTreeMap::new();
    for instrument in book.account.positions().keys().chain(open.keys()) {
        let orders = open.get(instrument).into_iter().flatten().copied();
        all.insert(*instrument, add_all(book, held(book, *instrument)?, orders)?);
    }
    Some(all)
}

/// Adds orders to a book of one instrument; of each group and side the largest counts.
fn add_all<'a>(book: &Book<'_>, mut sides: Sides, orders: impl Iterator<Item = &'a Order>) -> Option<Sides> {
    let mut groups: BTreeMap<(OrderId, Side), (Quantity, Money)> = BTreeMap::new();
    for order in orders {
        let quantity = open_quantity(book, order);
        let value = book.order_price(&order.spec)?.notional(quantity).ok()?;
        match order.spec.oco {
            None => sides = sides.with(order.spec.side, quantity, value)?,
            Some(group) => {
                let largest = groups.entry((group, order.spec.side)).or_default();
                *largest = (largest.0.max(quantity), largest.1.max(value));
            }
        }
    }
    groups
        .into_iter()
        .try_fold(sides, |sides, ((_, side), (quantity, value))| sides.with(side, quantity, value))
}

/// Quantity of open sells of a draft's instrument with the draft itself; of each group the largest counts.
pub fn open_sells(book: &Book<'_>, draft: &OrderSpec, quantity: Quantity, out: &LeftOut) -> Option<Quantity> {
    let mut groups: BTreeMap<OrderId, Quantity> = BTreeMap::new();
    let mut open = Quantity::ZERO;
    if let Some(group) = draft.oco {
        let others = book.own_orders().filter(|o| o.spec.oco == Some(group) && o.spec.id != draft.id);
        let others = others.filter(|o| o.spec.side == Side::Sell && !waits_for_others(o));
        let largest = others.map(|o| open_quantity(book, o)).max().unwrap_or(Quantity::ZERO);
        groups.insert(group, largest.max(quantity));
    } else {
        open = quantity;
    }
    let sells = counted(book, out).filter(|o| o.spec.side == Side::Sell);
    for order in sells.filter(|o| o.spec.instrument == draft.instrument) {
        let working = open_quantity(book, order);
        match order.spec.oco {
            None => open = open.checked_add(working)?,
            Some(group) => {
                let largest = groups.entry(group).or_default();
                *largest = (*largest).max(working);
            }
        }
    }
    groups.into_values().try_fold(open, Quantity::checked_add)
}

/// Sum of the worst cases of every instrument.
pub fn gross(all: &BTreeMap<InstrumentId, Sides>) -> Option<Money> {
    all.values().try_fold(Money::ZERO, |sum, sides| sum.checked_add(sides.worst()?))
}

/// Cash that open buys hold, fees included; orders that wait for others hold none, and of a group the largest counts.
pub fn cash_held(book: &Book<'_>, out: &LeftOut) -> Option<Money> {
    let mut groups: BTreeMap<OrderId, Money> = BTreeMap::new();
    let mut held = Money::ZERO;
    for order in counted(book, out).filter(|o| o.spec.side == Side::Buy) {
        let cost = cost_to_come(book, order)?;
        match order.spec.oco {
            None => held = held.checked_add(cost)?,
            Some(group) => {
                let largest = groups.entry(group).or_default();
                *largest = (*largest).max(cost);
            }
        }
    }
    groups.into_values().try_fold(held, Money::checked_add)
}

/// What the rest of a buy would cost, with the fees still to be charged.
fn cost_to_come(book: &Book<'_>, order: &Order) -> Option<Money> {
    let rest = book.order_price(&order.spec)?.notional(open_quantity(book, order)).ok()?;
    let all = order.filled_notional.checked_add(rest)?;
    let fee = book.venue.fee.total(order.spec.quantity, all).ok()?.checked_sub(order.fees)?;
    rest.checked_add(fee.max(Money::ZERO))
}

/// Whether an order is held until its list's sells have paid for it.
pub fn waits_for_sells(order: &Order) -> bool {
    order.status == OrderStatus::Held && order.code == Some(RefusalCode::WaitsForSells)
}

/// Whether an order waits for other orders, and is judged again before it works.
pub fn waits_for_others(order: &Order) -> bool {
    order.status == OrderStatus::Held
}

fn held(book: &Book<'_>, instrument: InstrumentId) -> Option<Sides> {
    let Some(position) = book.account.positions().get(&instrument) else { return Some(Sides::default()) };
    let value = position.value(book.last(instrument)?.price).ok()?;
    Some(Sides { position: position.quantity(), value, ..Sides::default() })
}
