//! Worst cases: what a book would be worth if every open order of one side filled.

use crate::domain::{Money, Order, OrderStatus, Quantity, RefusalCode, Side};

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
    /// Quantity of the position in the direction of a side, if all its orders filled; never below zero.
    pub fn side_quantity(&self, side: Side) -> Option<Quantity> {
        let quantity = match side {
            Side::Buy => self.position.checked_add(self.buys)?,
            Side::Sell => self.sells.checked_sub(self.position)?,
        };
        Some(quantity.max(Quantity::ZERO))
    }

    /// Value of the position in the direction of a side, if all its orders filled; never below zero.
    pub fn side_value(&self, side: Side) -> Option<Money> {
        let value = match side {
            Side::Buy => self.value.checked_add(self.buy_value)?,
            Side::Sell => self.sell_value.checked_sub(self.value)?,
        };
        Some(value.max(Money::ZERO))
    }

    /// Size of the position, long or short, if all orders of a side filled.
    pub fn net(&self, side: Side) -> Option<Money> {
        match side {
            Side::Buy => self.value.checked_add(self.buy_value)?.checked_abs(),
            Side::Sell => self.value.checked_sub(self.sell_value)?.checked_abs(),
        }
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

/// Whether an order is held until its list's sells have paid for it.
pub fn waits_for_sells(order: &Order) -> bool {
    order.status == OrderStatus::Held && order.code == Some(RefusalCode::WaitsForSells)
}

/// Whether an order waits for other orders, and is judged again before it works: until then it counts nothing.
pub fn waits_for_others(order: &Order) -> bool {
    order.status == OrderStatus::Held
}
