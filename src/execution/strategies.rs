//! [`Strategies`]: what each strategy holds of what its account holds, and what that made since the day began.
//!
//! A fill of an order that names a strategy is that strategy's, whatever the account holds. Shares that nobody bought
//! here (taken over from a broker) and fills of orders without a strategy, which orders found at a broker are too, are
//! unattributed; but such an order that closes what the account holds closes what is unattributed first, then what
//! strategies hold in that direction, by name; and where it closes all of it, no strategy holds anything any more. What
//! strategies hold and what is unattributed are together the account's position. A split changes each holding by
//! itself; a fraction of a share that the account is paid for leaves those that hold one, by name. A fold like the
//! rest, and no part of the ledger.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::event::Fill;
use crate::domain::fixed::divide_half_even;
use crate::domain::market::SplitRatio;
use crate::domain::{AccountId, ByInstrument, Exchange, InstrumentId, Money, Price, Quantity, StrategyId};
use crate::portfolio::split_quantity;

use super::day::DayOf;
use super::state::State;

/// A strategy in an account.
type Key = (AccountId, StrategyId);

/// What a strategy holds of an instrument in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Holding {
    key: Key,
    /// Signed.
    quantity: Quantity,
    /// The same when its day began.
    opened: Quantity,
    of: DayOf,
}

impl Holding {
    /// Goes on to a day.
    const fn turn_to(mut self, day: NaiveDate) -> Self {
        self.opened = self.quantity;
        self.of = DayOf::new(day, !self.quantity.is_zero());
        self
    }

    /// The same, if it has not got there.
    fn at_least(self, day: NaiveDate) -> Self {
        if self.of.day < day { self.turn_to(day) } else { self }
    }

    /// What it made today beside its value now, raw; `None` where that is not known.
    fn made(&self) -> Option<i128> {
        let (flow, opening) = self.of.flow.zip(self.of.opening)?;
        Some(i128::from(flow.raw()) - i128::from(opening.raw()))
    }

    /// More or less of it, for money that came out of it.
    fn trade(&mut self, signed: Quantity, out: Option<Money>) {
        self.quantity = sum(self.quantity, signed);
        self.of.add(out);
    }
}

/// What the holdings of a strategy made today beside their value now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Made {
    raw: i128,
    /// Holdings of which it is not known.
    unknown: u32,
}

impl Made {
    fn shift(&mut self, before: Option<i128>, after: Option<i128>) {
        self.raw += after.unwrap_or(0) - before.unwrap_or(0);
        self.unknown =
            (self.unknown + u32::from(after.is_none())).saturating_sub(u32::from(before.is_none()));
    }
}

/// What every strategy holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Strategies {
    /// By instrument, account and strategy; what is flat stays until its next day.
    held: ByInstrument<Vec<Holding>>,
    #[serde(with = "crate::domain::serial::pairs")]
    made: BTreeMap<Key, Made>,
}

impl Strategies {
    /// Signed quantity that a strategy holds in an account.
    pub fn quantity(&self, account: AccountId, strategy: StrategyId, instrument: InstrumentId) -> Quantity {
        let held = self.held.get(&instrument).into_iter().flatten();
        held.filter(|h| h.key == (account, strategy)).map(|h| h.quantity).next().unwrap_or(Quantity::ZERO)
    }

    /// Everything that is held: strategy, account, instrument and signed quantity.
    pub fn held(&self) -> impl Iterator<Item = (StrategyId, AccountId, InstrumentId, Quantity)> {
        let all =
            self.held.iter().flat_map(|(i, held)| held.iter().map(|h| (h.key.1, h.key.0, *i, h.quantity)));
        all.filter(|(.., quantity)| !quantity.is_zero())
    }

    /// Profit since the day began of a strategy whose holdings are worth so much now, fees apart.
    pub(super) fn day_profit(&self, key: Key, worth: Money) -> Option<Money> {
        let made = self.made.get(&key).copied().unwrap_or_default();
        let profit = || Money::from_raw_wide(i128::from(worth.raw()) + made.raw).ok();
        if made.unknown == 0 { profit() } else { None }
    }

    /// Changes a holding as it stands on a day; what is held then.
    fn change(
        &mut self,
        key: Key,
        (instrument, day): (InstrumentId, NaiveDate),
        change: impl FnOnce(&mut Holding),
    ) -> Quantity {
        let own = self.held.or_default(instrument);
        let at = own.binary_search_by(|h| h.key.cmp(&key)).unwrap_or_else(|at| {
            let (quantity, opened) = (Quantity::ZERO, Quantity::ZERO);
            own.insert(at, Holding { key, quantity, opened, of: DayOf::new(day, false) });
            at
        });
        let Some(holding) = own.get_mut(at) else { return Quantity::ZERO };
        let before = holding.made();
        *holding = holding.at_least(day);
        change(holding);
        let (after, quantity) = (holding.made(), holding.quantity);
        self.note(key, before, after);
        quantity
    }

    fn note(&mut self, key: Key, before: Option<i128>, after: Option<i128>) {
        let made = self.made.entry(key).or_default();
        made.shift(before, after);
        if *made == Made::default() {
            self.made.remove(&key);
        }
    }

    /// What is held of an instrument, and by whom.
    fn of(&self, instrument: InstrumentId) -> Vec<(Key, Quantity)> {
        let held = self.held.get(&instrument).into_iter().flatten();
        held.filter(|h| !h.quantity.is_zero()).map(|h| (h.key, h.quantity)).collect()
    }

    /// By how much the holdings of strategies change when an order without one trades `signed` of an instrument of which
    /// the account held `before`.
    fn closed(
        &self,
        account: AccountId,
        instrument: InstrumentId,
        before: Quantity,
        signed: Quantity,
    ) -> Vec<(Key, Quantity)> {
        if before.is_zero() || before.is_negative() == signed.is_negative() {
            return Vec::new();
        }
        let mut own = self.of(instrument);
        own.retain(|(key, _)| key.0 == account);
        let wide = |quantity: Quantity| i128::from(quantity.raw());
        if wide(signed).abs() >= wide(before).abs() {
            own.iter_mut().for_each(|(_, quantity)| *quantity = Quantity::from_raw(-quantity.raw()));
            return own;
        }
        let unattributed = wide(before) - own.iter().map(|(_, quantity)| wide(*quantity)).sum::<i128>();
        let rest = wide(signed).abs() - (unattributed * wide(before).signum()).max(0);
        own.retain(|(_, quantity)| quantity.is_negative() == before.is_negative());
        taken_off(own, rest, |quantity| wide(quantity).abs())
    }

    /// By how much they change when the account is paid for a fraction of a share.
    fn paid_out(
        &self,
        account: AccountId,
        instrument: InstrumentId,
        fraction: Quantity,
    ) -> Vec<(Key, Quantity)> {
        let mut own = self.of(instrument);
        own.retain(|(key, held)| key.0 == account && held.is_negative() == fraction.is_negative());
        let part = |quantity: Quantity| i128::from(quantity.raw() % Quantity::ONE_RAW).abs();
        taken_off(own, i128::from(fraction.raw()).abs(), part)
    }

    /// Begins a day of an exchange, at the marked prices.
    fn begin_day(&mut self, exchange: Exchange, day: NaiveDate, prices: &[(InstrumentId, Price)]) {
        let names: Vec<InstrumentId> = self.held.keys().filter(|i| i.exchange == exchange).copied().collect();
        for instrument in names {
            let mut own = self.held.remove(&instrument).unwrap_or_default();
            // Marked prices come in instrument order.
            let at = prices.binary_search_by_key(&instrument, |(id, _)| *id).ok();
            let price = at.and_then(|at| prices.get(at)).map(|(_, price)| *price);
            own.retain_mut(|holding| {
                let (before, is_over) = (holding.made(), holding.of.day < day && holding.quantity.is_zero());
                *holding = holding.at_least(day);
                if holding.of.day == day && !holding.opened.is_zero() {
                    holding.of.opening = price.and_then(|price| price.notional(holding.opened).ok());
                }
                self.note(holding.key, before, if is_over { Some(0) } else { holding.made() });
                !is_over
            });
            if !own.is_empty() {
                self.held.insert(instrument, own);
            }
        }
    }

    /// What is held of one symbol goes on under another.
    fn change_symbol(&mut self, from: InstrumentId, to: InstrumentId) {
        for old in self.held.remove(&from).unwrap_or_default() {
            self.note(old.key, old.made(), Some(0));
            self.change(old.key, (to, old.of.day), |new| {
                let old = old.at_least(new.of.day);
                new.quantity = sum(new.quantity, old.quantity);
                new.opened = sum(new.opened, old.opened);
                new.of = new.of.joined(&old.of);
            });
        }
    }
}

impl State {
    /// Books a fill: as that of a strategy, or as one that may close what strategies hold. `before` is what the account
    /// held.
    pub(super) fn attribute(
        &mut self,
        fill: &Fill,
        strategy: Option<StrategyId>,
        before: Quantity,
        day: NaiveDate,
    ) {
        let (account, instrument) = (fill.account, fill.instrument);
        let signed = fill.side.signed(fill.quantity);
        let parts = match strategy {
            Some(strategy) => vec![((account, strategy), signed)],
            None => self.strategies.closed(account, instrument, before, signed),
        };
        for (key, part) in parts {
            let out = fill.price.notional(part).ok().and_then(Money::checked_neg);
            self.change_strategy(key, (instrument, day), |holding| holding.trade(part, out));
        }
    }

    /// Applies a split to what strategies hold.
    pub(super) fn split_strategies(&mut self, instrument: InstrumentId, ratio: SplitRatio, day: NaiveDate) {
        let split = |quantity: Quantity| split_quantity(quantity, ratio).unwrap_or(quantity);
        for (key, _) in self.strategies.of(instrument) {
            self.change_strategy(key, (instrument, day), |holding| {
                (holding.quantity, holding.opened) = (split(holding.quantity), split(holding.opened));
            });
        }
    }

    /// An account is paid `amount` for the fraction of a share that it still holds.
    pub(super) fn pay_strategies(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        amount: Money,
        day: NaiveDate,
    ) {
        let held = self.accounts.get(&account).and_then(|a| a.positions().get(&instrument));
        let Some(fraction) = held.map(crate::portfolio::Position::fraction) else { return };
        for (key, part) in self.strategies.paid_out(account, instrument, fraction) {
            let wide = i128::from(amount.raw()) * -i128::from(part.raw());
            let out = divide_half_even(wide, i128::from(fraction.raw()));
            let out = out.and_then(|raw| Money::from_raw_wide(raw).ok());
            self.change_strategy(key, (instrument, day), |holding| holding.trade(part, out));
        }
    }

    /// A dividend goes ex: it is of today's profit, for what was held when the day began.
    pub(super) fn owe_strategies(&mut self, instrument: InstrumentId, amount: Price, day: NaiveDate) {
        let held = self.strategies.held.get(&instrument).into_iter().flatten();
        let keys: Vec<Key> = held.map(|holding| holding.key).collect();
        for key in keys {
            self.change_strategy(key, (instrument, day), |holding| {
                holding.of.add(amount.notional(holding.opened).ok());
            });
        }
    }

    /// Begins a day of an exchange for what strategies hold, at the marked prices.
    pub(super) fn begin_strategies_day(
        &mut self,
        exchange: Exchange,
        day: NaiveDate,
        prices: &[(InstrumentId, Price)],
    ) {
        self.strategies.begin_day(exchange, day, prices);
    }

    /// What strategies hold goes on under another symbol. The sums must be made anew.
    pub(super) fn rename_strategies(&mut self, from: InstrumentId, to: InstrumentId) {
        self.strategies.change_symbol(from, to);
    }

    /// Changes a holding, and the sums with it.
    fn change_strategy(
        &mut self,
        key: Key,
        (instrument, day): (InstrumentId, NaiveDate),
        change: impl FnOnce(&mut Holding),
    ) {
        let held = self.strategies.change(key, (instrument, day), change);
        self.orders.set_strategy_position(key.1, (key.0, instrument), held);
    }
}

/// Takes `rest` off holdings, no more of each than `most` says, the first names first; by how much each changes.
fn taken_off(
    own: Vec<(Key, Quantity)>,
    mut rest: i128,
    most: impl Fn(Quantity) -> i128,
) -> Vec<(Key, Quantity)> {
    let parts = own.into_iter().map(|(key, held)| {
        let part = most(held).min(rest.max(0));
        rest -= part;
        let raw = -part * i128::from(held.raw().signum());
        (key, i64::try_from(raw).map_or(Quantity::ZERO, Quantity::from_raw))
    });
    parts.filter(|(_, part)| !part.is_zero()).collect()
}

/// A sum that stays at the largest number where it does not fit: no account holds as much.
fn sum(a: Quantity, b: Quantity) -> Quantity {
    Quantity::from_raw(a.raw().saturating_add(b.raw()))
}
