//! What accounts fill in a calendar month, by which the tier of their fees is decided.
//!
//! A fold of fills like the rest: every fill counts its shares, bought or sold, on its exchange's own date. A month ends
//! with the first fill of a later one; a fill that comes late counts in the month that runs.

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, Money, Order, OrderSpec, Quantity};

use super::state::State;

/// An account's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Month {
    /// First day of the month after it.
    next: NaiveDate,
    /// Filled so far.
    shares: Quantity,
}

impl Month {
    fn shares_on(&self, day: NaiveDate) -> Quantity {
        if day < self.next { self.shares } else { Quantity::ZERO }
    }

    /// Counts a fill.
    #[inline]
    pub fn note(&mut self, day: NaiveDate, quantity: Quantity) {
        if day >= self.next {
            *self = Self { next: month_after(day), shares: Quantity::ZERO };
        }
        self.shares = self.shares.checked_add(quantity).unwrap_or(self.shares);
    }
}

#[cold]
fn month_after(day: NaiveDate) -> NaiveDate {
    day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1))).unwrap_or(NaiveDate::MAX)
}

impl State {
    /// Shares that an account has filled in the calendar month of a day, by the date of its exchange.
    pub fn month_volume(&self, account: AccountId, day: NaiveDate) -> Quantity {
        self.conduct.get(&account).map_or(Quantity::ZERO, |conduct| conduct.month.shares_on(day))
    }

    /// What an order costs that fills on a day for so much altogether; `None` when it does not fit.
    pub fn fee_on(&self, day: NaiveDate, order: &OrderSpec, notional: Money) -> Option<Money> {
        let volume = self.month_volume(order.account, day);
        self.venue.fee.total(order.side, order.quantity, notional, volume).ok()
    }

    /// The month's volume that decides what an order pays which fills on a day: as it was before its first fill. Not
    /// counted where the fee has no tiers.
    #[inline]
    pub(super) fn volume_before(&self, order: &Order, day: impl FnOnce() -> NaiveDate) -> Quantity {
        if self.venue.fee.tiers.is_empty() || !order.filled.is_zero() {
            return order.volume_before;
        }
        self.month_volume(order.spec.account, day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_anew_and_what_comes_late_counts_in_the_one_that_runs() {
        let day = |text: &str| -> NaiveDate { text.parse().unwrap() };
        let mut month = Month::default();
        let mut after = |on: &str, shares: i64| {
            month.note(day(on), Quantity::from_whole(shares).unwrap());
            (month.shares_on(day(on)).to_string(), month.next.to_string())
        };
        let told = |shares: &str, next: &str| (shares.to_owned(), next.to_owned());
        assert_eq!(after("2024-01-31", 100), told("100", "2024-02-01"));
        assert_eq!(after("2024-02-01", 5), told("5", "2024-03-01"));
        assert_eq!(after("2024-01-31", 2), told("7", "2024-03-01"));
        assert_eq!(after("2024-02-29", 1), told("8", "2024-03-01"));
        assert_eq!(after("2024-12-02", 3), told("3", "2025-01-01"));
        assert_eq!(month.shares_on(day("2025-01-01")), Quantity::ZERO);
    }
}
