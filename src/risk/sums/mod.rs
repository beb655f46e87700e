//! Sums over open orders and positions, kept up to date with each change, so that a check never walks the book.
//!
//! Per account and instrument: plain orders with a price of their own as sums of each side, the few others one by one
//! (those valued at the last price, those that only reduce, legs of a group), and the position; per account the
//! totals of all that. Everything is an exact integer that does not depend on the order of changes: [`Sums::of`] from
//! scratch gives the same sums, and a test holds that. An order that waits for others counts nothing; of a group the
//! largest counts, each side for itself; an order that only reduces counts no more than there is to reduce.

mod name;
mod read;
#[cfg(test)]
mod tests;

pub use name::Prices;
pub use read::{Around, Whole};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::venue::FeeModel;
use crate::domain::{AccountId, Instrument, InstrumentId, Order, Price, Quantity};

use name::{Figures, Name, Part};

/// Totals of one account, raw money.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Totals {
    position: i128,
    held: i128,
    gross: i128,
    buys: i128,
    sells: i128,
    cash: i128,
    /// Open orders.
    open: u32,
    /// Names that cannot be valued without a quote, or at all.
    blind: BTreeSet<InstrumentId>,
    /// Positions without a last price.
    unvalued: u32,
    /// Worst cases by sector.
    sectors: BTreeMap<Arc<str>, i128>,
}

impl Totals {
    fn add(&mut self, figures: &Figures, sign: i128) {
        self.position += sign * figures.position;
        self.held += sign * figures.position.abs();
        self.gross += sign * figures.worst();
        self.buys += sign * figures.buys.value;
        self.sells += sign * figures.sells.value;
        self.cash += sign * figures.cash;
    }
}

/// One instrument: its last price and the accounts that hold or order it, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Line {
    last: Option<Price>,
    names: Vec<(AccountId, Name)>,
}

impl Line {
    fn name(&self, account: AccountId) -> Option<&Name> {
        let at = self.names.binary_search_by(|(a, _)| a.cmp(&account)).ok()?;
        self.names.get(at).map(|(_, name)| name)
    }
}

/// The sums of a book.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    fee: FeeModel,
    lines: BTreeMap<InstrumentId, Line>,
    totals: BTreeMap<AccountId, Totals>,
    sectors: BTreeMap<InstrumentId, Arc<str>>,
}

impl Sums {
    /// The sums of a whole book from scratch.
    pub fn of<'o>(
        fee: FeeModel,
        instruments: impl Iterator<Item = &'o Instrument>,
        positions: impl Iterator<Item = (AccountId, InstrumentId, Quantity)>,
        orders: impl Iterator<Item = &'o Order>,
        last: impl Fn(InstrumentId) -> Option<Price>,
    ) -> Self {
        let mut sums = Self { fee, ..Self::default() };
        instruments.for_each(|i| sums.define(i));
        positions.for_each(|(account, i, quantity)| sums.set_position(account, i, quantity, last(i)));
        orders.for_each(|order| sums.add(order, last(order.spec.instrument)));
        sums
    }

    /// Makes an instrument's sector known.
    pub fn define(&mut self, instrument: &Instrument) {
        let (id, sector) = (instrument.id, Arc::<str>::from(instrument.sector.as_str()));
        if self.sectors.get(&id).is_none_or(|known| *known != sector) {
            self.revalue(id, |_| {}, |sums| drop(sums.sectors.insert(id, sector)));
        }
    }

    /// An order is open from now on. `last` is the last price of its instrument, for a name that is new.
    pub fn add(&mut self, order: &Order, last: Option<Price>) {
        self.totals.entry(order.spec.account).or_default().open += 1;
        self.count(order, 1, last);
    }

    /// An order is no longer open, or about to change. It must be as it was when it was added.
    pub fn remove(&mut self, order: &Order) {
        self.count(order, -1, None);
        if let Some(totals) = self.totals.get_mut(&order.spec.account) {
            totals.open = totals.open.saturating_sub(1);
            if *totals == Totals::default() {
                self.totals.remove(&order.spec.account);
            }
        }
    }

    fn count(&mut self, order: &Order, sign: i128, last: Option<Price>) {
        if let Some(part) = Part::of(order) {
            let fee = self.fee;
            self.change(part.account, order.spec.instrument, last, |name| name.count(&part, sign, &fee));
        }
    }

    /// Sets the position of an account in an instrument.
    pub fn set_position(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        last: Option<Price>,
    ) {
        self.change(account, instrument, last, |name| name.position = quantity);
    }

    /// Sets the last price of an instrument.
    pub fn set_last(&mut self, instrument: InstrumentId, last: Price) {
        if self.lines.get(&instrument).is_some_and(|line| line.last != Some(last)) {
            self.revalue(instrument, |line| line.last = Some(last), |_| {});
        }
    }

    /// Takes all names of an instrument out of the totals, changes something, and puts them back.
    fn revalue(
        &mut self,
        instrument: InstrumentId,
        change_line: impl FnOnce(&mut Line),
        change_sums: impl FnOnce(&mut Self),
    ) {
        let Some(mut line) = self.lines.get_mut(&instrument).map(std::mem::take) else {
            return change_sums(self);
        };
        for (account, name) in &line.names {
            self.total(*account, instrument, line.last, name, -1);
        }
        change_line(&mut line);
        change_sums(self);
        for (account, name) in &line.names {
            self.total(*account, instrument, line.last, name, 1);
        }
        self.lines.insert(instrument, line);
    }

    /// Changes one name and the totals with it.
    fn change(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        last: Option<Price>,
        change: impl FnOnce(&mut Name),
    ) {
        let line = self.lines.entry(instrument).or_default();
        line.last = line.last.or(last);
        let last = line.last;
        let found = line.names.binary_search_by(|(a, _)| a.cmp(&account));
        let at = found.unwrap_or_else(|at| {
            line.names.insert(at, (account, Name::default()));
            at
        });
        let Some(place) = line.names.get_mut(at) else { return };
        let mut name = std::mem::take(&mut place.1);
        self.total(account, instrument, last, &name, -1);
        change(&mut name);
        self.total(account, instrument, last, &name, 1);
        let Some(line) = self.lines.get_mut(&instrument) else { return };
        if name.is_empty() {
            line.names.remove(at);
            if line.names.is_empty() {
                self.lines.remove(&instrument);
            }
        } else if let Some(place) = line.names.get_mut(at) {
            place.1 = name;
        }
    }

    /// Adds a name to its account's totals (`sign` 1) or takes it out (-1).
    fn total(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        last: Option<Price>,
        name: &Name,
        sign: i128,
    ) {
        if name.is_empty() {
            return;
        }
        let totals = self.totals.entry(account).or_default();
        let figures = name.figures(&Prices::all(last), &self.fee);
        if let Some(figures) = figures.filter(|_| last.is_some() || !name.needs_price()) {
            totals.add(&figures, sign);
            if let Some(sector) = self.sectors.get(&instrument).filter(|s| !s.is_empty()) {
                let of_sector = totals.sectors.entry(sector.clone()).or_default();
                *of_sector += sign * figures.worst();
                if *of_sector == 0 {
                    totals.sectors.remove(sector);
                }
            }
        } else {
            let unvalued = u32::from(!name.position.is_zero());
            if sign > 0 {
                totals.blind.insert(instrument);
                totals.unvalued += unvalued;
            } else {
                totals.blind.remove(&instrument);
                totals.unvalued = totals.unvalued.saturating_sub(unvalued);
            }
        }
        if *totals == Totals::default() {
            self.totals.remove(&account);
        }
    }
}
