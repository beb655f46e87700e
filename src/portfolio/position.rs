//! A position as its open lots, first in, first out.
//!
//! Quantity and cost carry the same sign (both negative while short); cost contains no fees. A fill that flips the
//! position closes every lot and opens the rest at the fill price. Lots always sum to the position.

use std::collections::VecDeque;

use crate::domain::fixed::divide_half_even;
use crate::domain::market::SplitRatio;
use crate::domain::{Money, NumberError, Price, Quantity, Side};

/// Shares bought (or sold short) together, and what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// Signed quantity still open.
    pub quantity: Quantity,
    /// Signed cost of that quantity.
    pub cost: Money,
}

/// What an account holds of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    quantity: Quantity,
    cost: Money,
    lots: VecDeque<Lot>,
    realized: Money,
}

/// What a change of a position did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PositionChange {
    /// Change of the quantity.
    pub quantity: Quantity,
    /// Change of the cost.
    pub cost: Money,
    /// Profit (positive) or loss realised by closing lots, fees apart.
    pub realized: Money,
}

impl Position {
    /// Signed quantity.
    pub const fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// Signed cost of what is held, fees apart.
    pub const fn cost(&self) -> Money {
        self.cost
    }

    /// Profit and loss realised in this instrument so far, fees apart.
    pub const fn realized(&self) -> Money {
        self.realized
    }

    /// Open lots, the oldest first.
    pub fn lots(&self) -> impl ExactSizeIterator<Item = &Lot> {
        self.lots.iter()
    }

    /// What the position is worth at a price, signed.
    pub fn value(&self, price: Price) -> Result<Money, NumberError> {
        price.notional(self.quantity)
    }

    /// Books a fill: closes lots of the other direction first, then opens a lot with the rest.
    pub fn fill(
        &mut self,
        side: Side,
        quantity: Quantity,
        price: Price,
    ) -> Result<PositionChange, NumberError> {
        let signed = side.signed(quantity);
        let against = (self.quantity.raw() < 0) != (signed.raw() < 0) && !self.quantity.is_zero();
        let closing = if against { quantity.min(abs(self.quantity)?) } else { Quantity::ZERO };
        let mut change = PositionChange { quantity: signed, ..PositionChange::default() };
        let mut next = self.clone();
        // The whole is rounded once; what the closing part does not take is the cost of the opening part.
        let mut rest = price.notional(signed)?;
        if closing.is_positive() {
            let cost = next.take(closing)?;
            let opens = closing < quantity;
            let proceeds = if opens { price.notional(side.signed(closing))? } else { rest };
            rest = rest.checked_sub(proceeds).ok_or(NumberError::Overflow)?;
            // Selling a lot of cost c for n: signed proceeds are −n, so the profit is −(c + (−n)).
            let sum = cost.checked_add(proceeds).and_then(Money::checked_neg);
            change.realized = sum.ok_or(NumberError::Overflow)?;
            change.cost = cost.checked_neg().ok_or(NumberError::Overflow)?;
        }
        let opening = quantity.checked_sub(closing).ok_or(NumberError::Overflow)?;
        if opening.is_positive() {
            let lot = Lot { quantity: side.signed(opening), cost: rest };
            next.lots.push_back(lot);
            change.cost = change.cost.checked_add(lot.cost).ok_or(NumberError::Overflow)?;
        }
        next.settle(change)?;
        *self = next;
        Ok(change)
    }

    /// Multiplies every lot by a split ratio; the cost stays.
    pub fn split(&mut self, ratio: SplitRatio) -> Result<PositionChange, NumberError> {
        let target = split_quantity(self.quantity, ratio)?;
        let mut next = self.clone();
        let mut sum = 0_i64;
        for lot in &mut next.lots {
            lot.quantity = split_quantity(lot.quantity, ratio)?;
            sum = sum.checked_add(lot.quantity.raw()).ok_or(NumberError::Overflow)?;
        }
        // Rounding residue of many lots goes to the newest, so that lots still sum to the position.
        if let Some(last) = next.lots.back_mut() {
            let rest = target.raw().checked_sub(sum).ok_or(NumberError::Overflow)?;
            last.quantity =
                Quantity::from_raw(last.quantity.raw().checked_add(rest).ok_or(NumberError::Overflow)?);
        }
        let quantity = target.checked_sub(self.quantity).ok_or(NumberError::Overflow)?;
        next.quantity = target;
        *self = next;
        Ok(PositionChange { quantity, ..PositionChange::default() })
    }

    /// The fraction of a whole share held, signed.
    pub fn fraction(&self) -> Quantity {
        Quantity::from_raw(self.quantity.raw() % Quantity::ONE_RAW)
    }

    /// Pays out the fraction of a share for `paid` (signed like the fraction).
    pub fn cash_in_lieu(&mut self, paid: Money) -> Result<PositionChange, NumberError> {
        let fraction = self.fraction();
        let mut next = self.clone();
        let cost = next.take(abs(fraction)?)?;
        let change = PositionChange {
            quantity: fraction.checked_neg().ok_or(NumberError::Overflow)?,
            cost: cost.checked_neg().ok_or(NumberError::Overflow)?,
            realized: paid.checked_sub(cost).ok_or(NumberError::Overflow)?,
        };
        next.settle(change)?;
        *self = next;
        Ok(change)
    }

    /// Takes `quantity` (unsigned) out of the oldest lots and returns its signed cost.
    fn take(&mut self, quantity: Quantity) -> Result<Money, NumberError> {
        let mut left = quantity;
        let mut cost = Money::ZERO;
        while left.is_positive() {
            let Some(lot) = self.lots.front_mut() else { break };
            let held = abs(lot.quantity)?;
            let taken = left.min(held);
            let part = if taken == held { lot.cost } else { pro_rata(lot.cost, taken, held)? };
            let sign = if lot.quantity.is_negative() { Side::Sell } else { Side::Buy };
            lot.quantity = lot.quantity.checked_sub(sign.signed(taken)).ok_or(NumberError::Overflow)?;
            lot.cost = lot.cost.checked_sub(part).ok_or(NumberError::Overflow)?;
            cost = cost.checked_add(part).ok_or(NumberError::Overflow)?;
            left = left.checked_sub(taken).ok_or(NumberError::Overflow)?;
            if lot.quantity.is_zero() {
                self.lots.pop_front();
            }
        }
        Ok(cost)
    }

    /// Adds a change to the totals.
    fn settle(&mut self, change: PositionChange) -> Result<(), NumberError> {
        self.quantity = self.quantity.checked_add(change.quantity).ok_or(NumberError::Overflow)?;
        self.cost = self.cost.checked_add(change.cost).ok_or(NumberError::Overflow)?;
        self.realized = self.realized.checked_add(change.realized).ok_or(NumberError::Overflow)?;
        Ok(())
    }
}

fn abs(quantity: Quantity) -> Result<Quantity, NumberError> {
    quantity.checked_abs().ok_or(NumberError::Overflow)
}

/// `cost × part / whole`, rounded half to even.
fn pro_rata(cost: Money, part: Quantity, whole: Quantity) -> Result<Money, NumberError> {
    let wide = i128::from(cost.raw()) * i128::from(part.raw());
    let share = divide_half_even(wide, i128::from(whole.raw())).ok_or(NumberError::Overflow)?;
    Money::from_raw_wide(share)
}

/// `quantity × new / old`, rounded half to even at 1e-9.
pub fn split_quantity(quantity: Quantity, ratio: SplitRatio) -> Result<Quantity, NumberError> {
    let wide = i128::from(quantity.raw()) * i128::from(ratio.new.raw());
    let scaled = divide_half_even(wide, i128::from(ratio.old.raw())).ok_or(NumberError::Overflow)?;
    Quantity::from_raw_wide(scaled)
}

/// `price × old / new`, rounded half to even at 1e-9.
pub fn split_price(price: Price, ratio: SplitRatio) -> Result<Price, NumberError> {
    let wide = i128::from(price.raw()) * i128::from(ratio.old.raw());
    let scaled = divide_half_even(wide, i128::from(ratio.new.raw())).ok_or(NumberError::Overflow)?;
    Price::from_raw_wide(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(n: i64) -> Quantity {
        Quantity::from_whole(n).unwrap()
    }
    fn p(text: &str) -> Price {
        text.parse().unwrap()
    }
    fn m(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn cost_leaves_first_in_first_out() {
        let mut position = Position::default();
        position.fill(Side::Buy, q(100), p("10")).unwrap();
        position.fill(Side::Buy, q(100), p("12")).unwrap();
        let change = position.fill(Side::Sell, q(150), p("13")).unwrap();
        assert_eq!(change.realized, m("350"));
        assert_eq!((position.quantity(), position.cost()), (q(50), m("600")));
    }

    #[test]
    fn a_flip_opens_the_rest_at_the_fill_price() {
        let mut position = Position::default();
        position.fill(Side::Buy, q(100), p("10")).unwrap();
        let change = position.fill(Side::Sell, q(150), p("12")).unwrap();
        assert_eq!(change.realized, m("200"));
        assert_eq!((position.quantity(), position.cost()), (q(-50), m("-600")));
        let cover = position.fill(Side::Buy, q(50), p("11")).unwrap();
        assert_eq!(cover.realized, m("50"));
        assert_eq!((position.quantity(), position.cost()), (q(0), m("0")));
    }

    #[test]
    fn a_reverse_split_pays_the_fraction_out_of_the_oldest_lot() {
        let mut position = Position::default();
        position.fill(Side::Buy, q(105), p("100")).unwrap();
        position.split(SplitRatio { new: q(1), old: q(10) }).unwrap();
        assert_eq!(position.cost(), m("10500"));
        let change = position.cash_in_lieu(m("500")).unwrap();
        assert_eq!((position.quantity(), position.cost()), (q(10), m("10000")));
        assert_eq!(change.realized, Money::ZERO);
    }
}
