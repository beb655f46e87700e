//! A position as its open lots.
//!
//! A trade closes lots first in, first out, or the one it names first; on average cost there is one lot. Quantity and
//! cost carry the same sign (both negative while short); cost contains no fees. A fill that flips the position closes
//! every lot and opens the rest at the fill price. Lots always sum to the position. A change is worked out before
//! anything is touched, so what cannot be counted changes nothing.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::account::LotMethod;
use crate::domain::fixed::divide_half_even;
use crate::domain::market::SplitRatio;
use crate::domain::{Money, NumberError, Price, Quantity, Seq, Side};

/// Shares bought (or sold short) together, and what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The event that opened it; on average cost the first one.
    pub id: Seq,
    /// Signed quantity still open.
    pub quantity: Quantity,
    /// Signed cost of that quantity.
    pub cost: Money,
}

/// How a trade meets the lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pick {
    /// Which lots it takes.
    pub method: LotMethod,
    /// The lot it names, taken first where the method allows.
    pub lot: Option<Seq>,
    /// Id of a lot that it opens.
    pub opens: Seq,
}

impl Pick {
    fn first(&self) -> Option<Seq> {
        match self.method {
            LotMethod::Specific => self.lot,
            LotMethod::Fifo | LotMethod::Average => None,
        }
    }
}

/// What an account holds of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// A fill worked out and not yet booked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// What it changes.
    pub change: PositionChange,
    closing: Quantity,
    opening: Option<Lot>,
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
        pick: Pick,
    ) -> Result<PositionChange, NumberError> {
        let planned = self.plan(side, quantity, price, pick)?;
        self.book(planned, pick)
    }

    /// Books a fill that was worked out on this very position.
    pub(super) fn book(&mut self, planned: Planned, pick: Pick) -> Result<PositionChange, NumberError> {
        let Planned { change, closing, opening } = planned;
        self.take(closing, pick.first())?;
        if let Some(lot) = opening {
            self.open(lot, pick.method)?;
        }
        self.settle(change)?;
        Ok(change)
    }

    /// Works a fill out without booking it.
    pub(super) fn plan(
        &self,
        side: Side,
        quantity: Quantity,
        price: Price,
        pick: Pick,
    ) -> Result<Planned, NumberError> {
        let signed = side.signed(quantity);
        let against = (self.quantity.raw() < 0) != (signed.raw() < 0) && !self.quantity.is_zero();
        let closing = if against { quantity.min(abs(self.quantity)?) } else { Quantity::ZERO };
        let mut change = PositionChange { quantity: signed, ..PositionChange::default() };
        // The whole is rounded once; what the closing part does not take is the cost of the opening part.
        let mut rest = price.notional(signed)?;
        if closing.is_positive() {
            let cost = self.cost_of(closing, pick.first())?;
            let opens = closing < quantity;
            let proceeds = if opens { price.notional(side.signed(closing))? } else { rest };
            rest = rest.checked_sub(proceeds).ok_or(NumberError::Overflow)?;
            // Selling a lot of cost c for n: signed proceeds are −n, so the profit is −(c + (−n)).
            let sum = cost.checked_add(proceeds).and_then(Money::checked_neg);
            change.realized = sum.ok_or(NumberError::Overflow)?;
            change.cost = cost.checked_neg().ok_or(NumberError::Overflow)?;
        }
        let opening = quantity.checked_sub(closing).ok_or(NumberError::Overflow)?;
        let opening =
            opening.is_positive().then(|| Lot { id: pick.opens, quantity: side.signed(opening), cost: rest });
        if let Some(lot) = opening {
            change.cost = change.cost.checked_add(lot.cost).ok_or(NumberError::Overflow)?;
        }
        self.after(change)?;
        Ok(Planned { change, closing, opening })
    }

    /// Adds a lot of the position's own direction.
    pub fn add_lot(&mut self, lot: Lot, method: LotMethod) -> Result<(), NumberError> {
        let change = PositionChange { quantity: lot.quantity, cost: lot.cost, realized: Money::ZERO };
        let mut next = self.clone();
        next.settle(change)?;
        next.open(lot, method)?;
        *self = next;
        Ok(())
    }

    /// Opens a lot; on average cost it joins the one there is.
    fn open(&mut self, lot: Lot, method: LotMethod) -> Result<(), NumberError> {
        match self.lots.back_mut().filter(|_| method == LotMethod::Average) {
            Some(pool) => {
                pool.quantity = pool.quantity.checked_add(lot.quantity).ok_or(NumberError::Overflow)?;
                pool.cost = pool.cost.checked_add(lot.cost).ok_or(NumberError::Overflow)?;
            }
            None => self.lots.push_back(lot),
        }
        Ok(())
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

    /// Both as one position, the oldest lots first; `None` when one is long and the other short.
    pub fn joined(&self, other: &Position) -> Option<Result<Position, NumberError>> {
        if self.quantity.is_negative() != other.quantity.is_negative() {
            return None;
        }
        let mut lots: Vec<Lot> = self.lots.iter().chain(&other.lots).copied().collect();
        lots.sort_by_key(|lot| lot.id);
        let sums = self.quantity.checked_add(other.quantity).zip(self.cost.checked_add(other.cost));
        let sums = sums.zip(self.realized.checked_add(other.realized)).ok_or(NumberError::Overflow);
        Some(sums.map(|((quantity, cost), realized)| Position {
            quantity,
            cost,
            lots: lots.into(),
            realized,
        }))
    }

    /// The fraction of a whole share held, signed.
    pub fn fraction(&self) -> Quantity {
        Quantity::from_raw(self.quantity.raw() % Quantity::ONE_RAW)
    }

    /// Pays out the fraction of a share for `paid` (signed like the fraction).
    pub fn cash_in_lieu(&mut self, paid: Money) -> Result<PositionChange, NumberError> {
        let fraction = self.fraction();
        let mut next = self.clone();
        let cost = next.take(abs(fraction)?, None)?;
        let change = PositionChange {
            quantity: fraction.checked_neg().ok_or(NumberError::Overflow)?,
            cost: cost.checked_neg().ok_or(NumberError::Overflow)?,
            realized: paid.checked_sub(cost).ok_or(NumberError::Overflow)?,
        };
        next.settle(change)?;
        *self = next;
        Ok(change)
    }

    /// Signed cost of `quantity` (unsigned), from the lot named first and then the oldest ones.
    fn cost_of(&self, quantity: Quantity, first: Option<Seq>) -> Result<Money, NumberError> {
        let named = self.lots.iter().filter(|lot| Some(lot.id) == first);
        let others = self.lots.iter().filter(|lot| Some(lot.id) != first);
        let (mut left, mut cost) = (quantity, Money::ZERO);
        for lot in named.chain(others) {
            if !left.is_positive() {
                break;
            }
            let (taken, part) = part(lot, left)?;
            cost = cost.checked_add(part).ok_or(NumberError::Overflow)?;
            left = left.checked_sub(taken).ok_or(NumberError::Overflow)?;
        }
        Ok(cost)
    }

    /// Takes `quantity` (unsigned) out of the lot named first, then of the oldest ones; returns its signed cost.
    fn take(&mut self, quantity: Quantity, first: Option<Seq>) -> Result<Money, NumberError> {
        let (mut left, mut cost) = (quantity, Money::ZERO);
        while left.is_positive() {
            let named = first.and_then(|id| self.lots.iter().position(|lot| lot.id == id));
            let index = named.unwrap_or(0);
            let Some(lot) = self.lots.get_mut(index) else { break };
            let (taken, part) = part(lot, left)?;
            let sign = if lot.quantity.is_negative() { Side::Sell } else { Side::Buy };
            lot.quantity = lot.quantity.checked_sub(sign.signed(taken)).ok_or(NumberError::Overflow)?;
            lot.cost = lot.cost.checked_sub(part).ok_or(NumberError::Overflow)?;
            cost = cost.checked_add(part).ok_or(NumberError::Overflow)?;
            left = left.checked_sub(taken).ok_or(NumberError::Overflow)?;
            if lot.quantity.is_zero() {
                self.lots.remove(index);
            }
        }
        Ok(cost)
    }

    /// Adds a change to the totals.
    fn settle(&mut self, change: PositionChange) -> Result<(), NumberError> {
        (self.quantity, self.cost, self.realized) = self.after(change)?;
        Ok(())
    }

    /// Quantity, cost and realised profit after a change.
    fn after(&self, change: PositionChange) -> Result<(Quantity, Money, Money), NumberError> {
        let quantity = self.quantity.checked_add(change.quantity).ok_or(NumberError::Overflow)?;
        let cost = self.cost.checked_add(change.cost).ok_or(NumberError::Overflow)?;
        let realized = self.realized.checked_add(change.realized).ok_or(NumberError::Overflow)?;
        Ok((quantity, cost, realized))
    }
}

fn abs(quantity: Quantity) -> Result<Quantity, NumberError> {
    quantity.checked_abs().ok_or(NumberError::Overflow)
}

/// How much of `wanted` (unsigned) a lot gives, and the signed cost of it.
fn part(lot: &Lot, wanted: Quantity) -> Result<(Quantity, Money), NumberError> {
    let held = abs(lot.quantity)?;
    let taken = wanted.min(held);
    let cost = if taken == held { lot.cost } else { pro_rata(lot.cost, taken, held)? };
    Ok((taken, cost))
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

    fn fifo() -> Pick {
        Pick::default()
    }

    #[test]
    fn cost_leaves_first_in_first_out() {
        let mut position = Position::default();
        position.fill(Side::Buy, q(100), p("10"), fifo()).unwrap();
        position.fill(Side::Buy, q(100), p("12"), fifo()).unwrap();
        let change = position.fill(Side::Sell, q(150), p("13"), fifo()).unwrap();
        assert_eq!(change.realized, m("350"));
        assert_eq!((position.quantity(), position.cost()), (q(50), m("600")));
    }

    #[test]
    fn a_flip_opens_the_rest_at_the_fill_price() {
        let mut position = Position::default();
        position.fill(Side::Buy, q(100), p("10"), fifo()).unwrap();
        let change = position.fill(Side::Sell, q(150), p("12"), fifo()).unwrap();
        assert_eq!(change.realized, m("200"));
        assert_eq!((position.quantity(), position.cost()), (q(-50), m("-600")));
        let cover = position.fill(Side::Buy, q(50), p("11"), fifo()).unwrap();
        assert_eq!(cover.realized, m("50"));
        assert_eq!((position.quantity(), position.cost()), (q(0), m("0")));
    }

    #[test]
    fn a_reverse_split_pays_the_fraction_out_of_the_oldest_lot() {
        let mut position = Position::default();
        position.fill(Side::Buy, q(105), p("100"), fifo()).unwrap();
        position.split(SplitRatio { new: q(1), old: q(10) }).unwrap();
        assert_eq!(position.cost(), m("10500"));
        let change = position.cash_in_lieu(m("500")).unwrap();
        assert_eq!((position.quantity(), position.cost()), (q(10), m("10000")));
        assert_eq!(change.realized, Money::ZERO);
    }

    fn bought(method: LotMethod) -> Position {
        let mut position = Position::default();
        let pick = |opens| Pick { method, opens, lot: None };
        position.fill(Side::Buy, q(100), p("10"), pick(1)).unwrap();
        position.fill(Side::Buy, q(100), p("12"), pick(2)).unwrap();
        position.fill(Side::Buy, q(100), p("17"), pick(3)).unwrap();
        position
    }

    #[test]
    fn the_average_method_keeps_one_lot() {
        let mut position = bought(LotMethod::Average);
        assert_eq!(position.lots().len(), 1);
        let pick = Pick { method: LotMethod::Average, lot: Some(3), opens: 4 };
        let change = position.fill(Side::Sell, q(100), p("15"), pick).unwrap();
        assert_eq!((change.realized, position.cost()), (m("200"), m("2600")));
    }

    #[test]
    fn a_named_lot_leaves_first_and_the_rest_is_the_oldest() {
        let mut position = bought(LotMethod::Specific);
        let pick = Pick { method: LotMethod::Specific, lot: Some(2), opens: 4 };
        let change = position.fill(Side::Sell, q(150), p("15"), pick).unwrap();
        assert_eq!(change.realized, m("550"));
        let left: Vec<(Seq, Quantity)> = position.lots().map(|l| (l.id, l.quantity)).collect();
        assert_eq!(left, [(1, q(50)), (3, q(100))]);
        // A lot that is not there is no lot: the oldest leaves.
        let change = position.fill(Side::Sell, q(50), p("15"), Pick { lot: Some(9), ..pick }).unwrap();
        assert_eq!(change.realized, m("250"));
    }

    #[test]
    fn an_account_that_does_not_pick_takes_the_oldest_whatever_the_order_names() {
        let mut position = bought(LotMethod::Fifo);
        let pick = Pick { method: LotMethod::Fifo, lot: Some(3), opens: 4 };
        assert_eq!(position.fill(Side::Sell, q(100), p("15"), pick).unwrap().realized, m("500"));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut position = bought(LotMethod::Fifo);
        let before = position.clone();
        assert!(position.fill(Side::Buy, q(9_000_000_000), p("9000000000"), fifo()).is_err());
        assert_eq!(position, before);
    }
}
