//! What each holding did since its exchange's day began: its value then, and the money its trades and dividends moved.
//!
//! Day's profit = value now − value at the previous close + money that came out of it today. Buys take money in, sells,
//! dividends that went ex today and cash for fractions give it back; a split changes nothing of it. Fees and borrow
//! are the account's, not the holding's. A fold like the rest: what is not known is not guessed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, ByInstrument, Exchange, InstrumentId, Money, Price, StrategyId};

use crate::risk::DayProfits;

use super::state::State;

/// One holding's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayOf {
    /// Which day.
    pub day: NaiveDate,
    /// Its value at the close before; `None` where no price was known.
    pub opening: Option<Money>,
    /// Money that came out of it since; `None` when it cannot be counted.
    pub flow: Option<Money>,
}

impl DayOf {
    /// A day of which nothing but its begin is known; `held` says whether there was a holding then.
    pub const fn new(day: NaiveDate, held: bool) -> Self {
        let opening = if held { None } else { Some(Money::ZERO) };
        Self { day, opening, flow: Some(Money::ZERO) }
    }

    /// Adds money that came out of the holding.
    pub fn add(&mut self, amount: Option<Money>) {
        self.flow = self.flow.zip(amount).and_then(|(flow, amount)| flow.checked_add(amount));
    }

    /// Two holdings as one, on the same day.
    pub fn joined(&self, other: &Self) -> Self {
        Self {
            opening: self.opening.zip(other.opening).and_then(|(a, b)| a.checked_add(b)),
            flow: self.flow.zip(other.flow).and_then(|(a, b)| a.checked_add(b)),
            ..*self
        }
    }
}

/// The day of every holding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Days(BTreeMap<AccountId, ByInstrument<DayOf>>);

impl DayProfits for State {
    fn of_today(&self, account: AccountId, instrument: InstrumentId, price: Option<Price>) -> Option<Money> {
        let untouched = || {
            let held = self.accounts().get(&account).is_some_and(|a| a.positions().contains_key(&instrument));
            let traded = self.day_of.0.get(&account).is_some_and(|days| days.contains_key(&instrument));
            (!held && !traded).then_some(Money::ZERO)
        };
        self.day_profit(account, instrument, price).or_else(untouched)
    }

    fn of_strategy(&self, account: AccountId, strategy: StrategyId) -> Option<Money> {
        let worth = self.orders.by_strategy().sums(strategy).positions(account)?;
        self.strategies.day_profit((account, strategy), worth)
    }
}

impl State {
    /// A holding's profit today at a price; `None` where its value at the day's begin is not known.
    pub fn day_profit(
        &self,
        account: AccountId,
        instrument: InstrumentId,
        price: Option<Price>,
    ) -> Option<Money> {
        let known = self.day_of.0.get(&account)?.get(&instrument)?;
        let today = self.day(instrument.exchange).is_none_or(|day| day <= known.day);
        let held = self.accounts().get(&account)?.positions().get(&instrument);
        let value = match held {
            Some(held) => held.value(price?).ok()?,
            None => Money::ZERO,
        };
        value.checked_sub(known.opening.filter(|_| today)?)?.checked_add(known.flow?)
    }

    /// Instruments in which an account held or traded something today.
    pub fn held_today(&self, account: AccountId) -> impl Iterator<Item = InstrumentId> {
        self.day_of.0.get(&account).into_iter().flat_map(|days| days.keys().copied())
    }

    /// Begins a day of an exchange for the holdings of an account, at the marked prices.
    pub(super) fn begin_day_of(
        &mut self,
        account: AccountId,
        (exchange, day): (Exchange, NaiveDate),
        prices: &[(InstrumentId, Price)],
    ) {
        let Some(held) = self.accounts.get(&account) else { return };
        let days = self.day_of.0.entry(account).or_default();
        days.retain(|id, of| id.exchange != exchange || of.day >= day);
        for (instrument, position) in held.positions().iter().filter(|(id, _)| id.exchange == exchange) {
            // Marked prices come in instrument order.
            let at = prices.binary_search_by_key(instrument, |(id, _)| *id).ok();
            let price = at.and_then(|at| prices.get(at)).map(|(_, price)| *price);
            let opening = price.and_then(|price| position.value(price).ok());
            let new = DayOf { day, opening, flow: Some(Money::ZERO) };
            // What went ex this morning came before.
            let of = days.or_insert_with(*instrument, || new);
            of.opening = opening;
        }
    }

    /// Notes money that came out of a holding; `held` says whether there was one before.
    pub(super) fn note_day_flow(
        &mut self,
        (account, instrument): (AccountId, InstrumentId),
        held: bool,
        day: NaiveDate,
        amount: Option<Money>,
    ) {
        let new = DayOf::new(day, held);
        let of = self.day_of.0.entry(account).or_default().or_insert_with(instrument, || new);
        if of.day < day {
            *of = new;
        }
        of.add(amount);
    }

    /// A holding goes on under another symbol.
    pub(super) fn rename_day_flow(&mut self, from: InstrumentId, to: InstrumentId) {
        for days in self.day_of.0.values_mut() {
            let Some(old) = days.remove(&from) else { continue };
            let joined = days.get(&to).filter(|new| new.day == old.day).map(|new| old.joined(new));
            days.insert(to, joined.unwrap_or(old));
        }
    }
}
