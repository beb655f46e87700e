//! Sums over open orders and positions, kept up to date with each change, so that a check never walks the book.
//!
//! Per account and instrument: plain orders with a price of their own as sums of each side, the few others one by one
//! (those valued at the last price, those that only reduce, legs of a group), and the position; per account the
//! totals of all that. Everything is an exact integer that does not depend on the order of changes: [`Sums::of`] from
//! scratch gives the same sums, and a test holds that. An order that waits for others counts nothing; of a group the
//! largest counts, each side for itself; an order that only reduces counts no more than there is to reduce.

mod name;
mod read;
mod strategies;
#[cfg(test)]
mod tests;

pub use name::Prices;
pub use read::{Around, Whole};
pub use strategies::ByStrategy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::facts::MarketFacts;
use crate::domain::venue::FeeModel;
use crate::domain::{AccountId, ByInstrument, Instrument, InstrumentId, Order, Price, Quantity};
use crate::risk::facts::{BookHistory, History};

use name::{Figures, Name, Part};

/// How an open order counts, noted before it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted(Option<Part>);

impl Counted {
    /// As it stands.
    pub fn of(order: &Order) -> Self {
        Self(Part::of(order))
    }
}

/// Sums over names, raw money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Amounts {
    position: i128,
    held: i128,
    gross: i128,
    buys: i128,
    sells: i128,
    cash: i128,
}

impl Amounts {
    /// Takes out what was added before, and adds what takes its place; by how much the worst case changes.
    fn shift(&mut self, before: &Figures, after: &Figures) -> i128 {
        let worst = after.worst() - before.worst();
        self.position += after.position - before.position;
        self.held += after.position.abs() - before.position.abs();
        self.gross += worst;
        self.buys += after.buys.value - before.buys.value;
        self.sells += after.sells.value - before.sells.value;
        self.cash += after.cash - before.cash;
        worst
    }
}

/// Totals of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Totals {
    /// Of all names that can be valued at last prices.
    amounts: Amounts,
    /// Open orders.
    open: u32,
    /// Names that are held or ordered.
    names: u32,
    /// Names that cannot be valued without a quote, or at all.
    blind: BTreeSet<InstrumentId>,
    /// Positions without a last price.
    unvalued: u32,
    /// Worst cases by sector.
    sectors: BTreeMap<String, i128>,
    /// Past figures, while facts are known.
    #[serde(skip)]
    history: BookHistory,
}

/// What a name adds to its account's totals; nothing while nothing is held or ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Adds {
    /// Whether anything is held or ordered.
    is_there: bool,
    figures: Figures,
    /// Whether it cannot be valued without a quote, or at all.
    blind: bool,
    /// Whether that is so of a position.
    unvalued: bool,
}

impl Adds {
    fn of(name: &Name, last: Option<Price>, fee: &FeeModel) -> Self {
        if name.is_empty() {
            return Adds::default();
        }
        let figures = name.figures(&Prices::all(last), fee).filter(|_| last.is_some() || !name.needs_price());
        let there = Adds { is_there: true, ..Adds::default() };
        let blind = Adds { blind: true, unvalued: !name.position.is_zero(), ..there };
        figures.map_or(blind, |figures| Adds { figures, ..there })
    }
}

impl Totals {
    /// Nothing is held or ordered.
    const fn is_empty(&self) -> bool {
        self.open == 0 && self.names == 0
    }

    /// What a name adds to the figures of the past takes the place of what it added before.
    fn note_past(&mut self, of: &Of<'_>, before: &Adds, after: &Adds) {
        let Some(days) = of.days else { return };
        if after.is_there && !before.is_there {
            self.history.enter(of.history, days);
        }
        self.history.shift(of.history, &after.figures.worth_since(&before.figures));
        if before.is_there && !after.is_there {
            self.history.leave(of.history);
        }
        if self.names == 0 {
            self.history = BookHistory::default();
        }
    }

    fn add_to_sector(&mut self, sector: &str, raw: i128) {
        if raw == 0 || sector.is_empty() {
            return;
        }
        let sum = self.sectors.get(sector).copied().unwrap_or(0) + raw;
        if sum == 0 {
            self.sectors.remove(sector);
        } else if let Some(place) = self.sectors.get_mut(sector) {
            *place = sum;
        } else {
            self.sectors.insert(sector.to_owned(), sum);
        }
    }
}

/// An account that holds or orders an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    account: AccountId,
    name: Name,
    /// What it adds to the account's totals as they stand.
    adds: Adds,
}

impl Holder {
    fn new(account: AccountId) -> Self {
        Self { account, name: Name::default(), adds: Adds::default() }
    }
}

/// One instrument: its last price and sector, and the accounts that hold or order it, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Line {
    last: Option<Price>,
    sector: String,
    /// Its past, where facts are known.
    #[serde(skip)]
    history: Option<Arc<History>>,
    holders: Vec<Holder>,
}

impl Line {
    /// Nothing is known of it and nobody holds or orders it.
    fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.last.is_none() && self.sector.is_empty() && self.history.is_none()
    }

    fn name(&self, account: AccountId) -> Option<&Name> {
        let at = self.find(account).ok()?;
        self.holders.get(at).map(|holder| &holder.name)
    }

    fn find(&self, account: AccountId) -> Result<usize, usize> {
        self.holders.binary_search_by(|holder| holder.account.cmp(&account))
    }
}

/// The sums of a book.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sums {
    fee: FeeModel,
    lines: ByInstrument<Line>,
    totals: BTreeMap<AccountId, Totals>,
    /// Whether they are of one strategy: an order that only reduces keeps to what its account holds, not to what is here.
    of_strategy: bool,
    /// Days that the known histories reach back; `None` while none is known, and nothing is kept of the past.
    #[serde(skip)]
    days: Option<usize>,
}

impl Sums {
    /// The sums of a strategy that holds and orders nothing.
    pub fn of_strategy() -> Self {
        Self { of_strategy: true, ..Self::default() }
    }

    /// What an open order counts here.
    fn part(&self, order: &Order) -> Option<Part> {
        Part::of(order).map(|part| self.counted(part))
    }

    fn counted(&self, part: Part) -> Part {
        Part { reduces: part.reduces && !self.of_strategy, ..part }
    }

    /// The sums of a whole book from scratch.
    pub fn of<'o>(
        fee: FeeModel,
        instruments: impl Iterator<Item = &'o Instrument>,
        lasts: impl Iterator<Item = (InstrumentId, Price)>,
        positions: impl Iterator<Item = (AccountId, InstrumentId, Quantity)>,
        orders: impl Iterator<Item = &'o Order>,
    ) -> Self {
        let mut sums = Self { fee, ..Self::default() };
        instruments.for_each(|i| sums.define(i));
        lasts.for_each(|(i, last)| sums.set_last(i, last));
        positions.for_each(|(account, i, quantity)| sums.set_position(account, i, quantity));
        orders.for_each(|order| sums.add(order));
        sums
    }

    /// Makes an instrument's sector known.
    pub fn define(&mut self, instrument: &Instrument) {
        let sector = instrument.sector.as_str();
        let known = self.lines.get(&instrument.id).map_or("", |line| line.sector.as_str());
        if known == sector {
            return;
        }
        let Self { lines, totals, .. } = self;
        let line = lines.or_default(instrument.id);
        for Holder { account, adds, .. } in &line.holders {
            let totals = totals.entry(*account).or_default();
            totals.add_to_sector(&line.sector, -adds.figures.worst());
            totals.add_to_sector(sector, adds.figures.worst());
        }
        sector.clone_into(&mut line.sector);
        if line.is_empty() {
            lines.remove(&instrument.id);
        }
    }

    /// An order is open from now on.
    pub fn add(&mut self, order: &Order) {
        self.totals.entry(order.spec.account).or_default().open += 1;
        if let Some(part) = self.part(order) {
            self.change(part.account, order.spec.instrument, |name, fee| name.count(&part, 1, fee));
        }
    }

    /// An open order changed or ended, and what its account holds with it where `held` says so. `counted` is how it was
    /// added or last replaced.
    pub fn replace(&mut self, Counted(old): Counted, order: &Order, held: Option<Quantity>) {
        let is_done = order.status.is_done();
        let old = old.map(|part| self.counted(part));
        let new = if is_done { None } else { self.part(order) };
        if old != new || held.is_some() {
            self.change(order.spec.account, order.spec.instrument, |name, fee| {
                old.iter().for_each(|part| name.count(part, -1, fee));
                new.iter().for_each(|part| name.count(part, 1, fee));
                name.position = held.unwrap_or(name.position);
            });
        }
        if is_done && let Some(totals) = self.totals.get_mut(&order.spec.account) {
            totals.open = totals.open.saturating_sub(1);
            if totals.is_empty() {
                self.totals.remove(&order.spec.account);
            }
        }
    }

    /// Sets the position of an account in an instrument.
    pub fn set_position(&mut self, account: AccountId, instrument: InstrumentId, quantity: Quantity) {
        self.change(account, instrument, |name, _| name.position = quantity);
    }

    /// Sets the last price of an instrument.
    pub fn set_last(&mut self, instrument: InstrumentId, last: Price) {
        let Self { fee, lines, totals, days, .. } = self;
        let line = lines.or_default(instrument);
        if line.last == Some(last) {
            return;
        }
        line.last = Some(last);
        for Holder { account, name, adds } in &mut line.holders {
            let before = std::mem::replace(adds, Adds::of(name, line.last, fee));
            let of = Of { instrument, sector: &line.sector, history: line.history.as_deref(), days: *days };
            total(totals, *account, &of, &before, adds);
        }
    }

    /// Takes in facts of instruments in the place of all that was known of them.
    pub fn know(&mut self, facts: &MarketFacts) {
        let known = self.lines.keys().copied().chain(facts.iter().map(|(instrument, _)| instrument));
        for instrument in known.collect::<BTreeSet<_>>() {
            let line = self.lines.or_default(instrument);
            line.history = facts.of(instrument).map(|own| Arc::new(History::of(own)));
            if line.is_empty() {
                self.lines.remove(&instrument);
            }
        }
        let reach = self.lines.values().filter_map(|line| line.history.as_ref()).map(|h| h.days());
        self.days = reach.max();
        self.totals.values_mut().for_each(|totals| totals.history = BookHistory::default());
        for (instrument, line) in self.lines.iter() {
            for Holder { account, adds, .. } in &line.holders {
                let totals = self.totals.entry(*account).or_default();
                let history = line.history.as_deref();
                let of = Of { instrument: *instrument, sector: &line.sector, history, days: self.days };
                totals.note_past(&of, &Adds::default(), adds);
            }
        }
    }

    /// Changes one name and the totals with it.
    fn change(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        change: impl FnOnce(&mut Name, &FeeModel),
    ) {
        let Self { fee, lines, totals, days, .. } = self;
        let line = lines.or_default(instrument);
        let at = line.find(account).unwrap_or_else(|at| {
            line.holders.insert(at, Holder::new(account));
            at
        });
        let Some(Holder { name, adds, .. }) = line.holders.get_mut(at) else { return };
        change(name, fee);
        let before = std::mem::replace(adds, Adds::of(name, line.last, fee));
        if before != *adds {
            let of = Of { instrument, sector: &line.sector, history: line.history.as_deref(), days: *days };
            total(totals, account, &of, &before, adds);
        }
        if name.is_empty() {
            line.holders.remove(at);
            if line.is_empty() {
                lines.remove(&instrument);
            }
        }
    }
}

/// What is known of an instrument while what it adds to a total changes.
struct Of<'l> {
    instrument: InstrumentId,
    sector: &'l str,
    history: Option<&'l History>,
    /// Days that the known histories reach back.
    days: Option<usize>,
}

/// Puts what a name adds to its account's totals in the place of what it added before.
fn total(
    all: &mut BTreeMap<AccountId, Totals>,
    account: AccountId,
    of: &Of<'_>,
    before: &Adds,
    after: &Adds,
) {
    let totals = all.entry(account).or_default();
    let worst = totals.amounts.shift(&before.figures, &after.figures);
    if before.blind && !after.blind {
        totals.blind.remove(&of.instrument);
    } else if after.blind && !before.blind {
        totals.blind.insert(of.instrument);
    }
    totals.unvalued =
        (totals.unvalued + u32::from(after.unvalued)).saturating_sub(u32::from(before.unvalued));
    totals.add_to_sector(of.sector, worst);
    totals.names = (totals.names + u32::from(after.is_there)).saturating_sub(u32::from(before.is_there));
    totals.note_past(of, before, after);
    if totals.is_empty() {
        all.remove(&account);
    }
}
