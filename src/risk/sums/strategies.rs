//! [`ByStrategy`]: the sums of each strategy alone, as if what it holds and orders were all there is.
//!
//! What names no strategy is not looked at, and costs nothing. Prices and sectors are those of the sums of the whole
//! book. Cash is the account's: no fee is counted here. So is the promise of an order that only reduces: it may sell what
//! others of the account hold, and counts in full here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, Instrument, InstrumentId, Order, Price, Quantity, StrategyId};

use super::{Counted, Sums};

/// The sums of a strategy that holds and orders nothing.
static NOTHING: LazyLock<Sums> = LazyLock::new(Sums::of_strategy);

/// The sums of every strategy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ByStrategy(BTreeMap<StrategyId, Sums>);

impl ByStrategy {
    /// The sums from scratch, beside those of the whole book.
    pub fn of<'o>(
        all: &Sums,
        positions: impl Iterator<Item = (StrategyId, AccountId, InstrumentId, Quantity)>,
        orders: impl Iterator<Item = &'o Order>,
    ) -> Self {
        let mut own = Self::default();
        positions.for_each(|(strategy, account, instrument, quantity)| {
            own.set_position(strategy, (account, instrument), quantity, all);
        });
        orders.for_each(|order| {
            if let Some(strategy) = order.spec.held_by() {
                own.add(strategy, order, all);
            }
        });
        own
    }

    /// The sums of a strategy.
    pub fn sums(&self, strategy: StrategyId) -> &Sums {
        self.0.get(&strategy).unwrap_or(&NOTHING)
    }

    /// An order of a strategy is open from now on.
    pub fn add(&mut self, strategy: StrategyId, order: &Order, all: &Sums) {
        self.change(strategy, order.spec.instrument, all, |own| own.add(order));
    }

    /// An open order of a strategy changed or ended; `counted` is how it was added or last replaced.
    pub fn replace(&mut self, strategy: StrategyId, counted: Counted, order: &Order, all: &Sums) {
        self.change(strategy, order.spec.instrument, all, |own| own.replace(counted, order, None));
    }

    /// Sets what a strategy holds in an account.
    pub fn set_position(
        &mut self,
        strategy: StrategyId,
        (account, instrument): (AccountId, InstrumentId),
        quantity: Quantity,
        all: &Sums,
    ) {
        self.change(strategy, instrument, all, |own| own.set_position(account, instrument, quantity));
    }

    /// Sets the last price of an instrument.
    pub fn set_last(&mut self, instrument: InstrumentId, last: Price) {
        let own = self.0.values_mut().filter(|own| own.lines.contains_key(&instrument));
        own.for_each(|own| own.set_last(instrument, last));
    }

    /// Makes an instrument's sector known.
    pub fn define(&mut self, instrument: &Instrument) {
        let own = self.0.values_mut().filter(|own| own.lines.contains_key(&instrument.id));
        own.for_each(|own| own.define(instrument));
    }

    /// Changes the sums of a strategy, which know only instruments that it holds or orders.
    fn change(
        &mut self,
        strategy: StrategyId,
        instrument: InstrumentId,
        all: &Sums,
        change: impl FnOnce(&mut Sums),
    ) {
        let own = self.0.entry(strategy).or_insert_with(Sums::of_strategy);
        let line = own.lines.or_default(instrument);
        if line.holders.is_empty()
            && let Some(known) = all.lines.get(&instrument)
        {
            line.last = known.last;
            line.sector.clone_from(&known.sector);
        }
        change(own);
        if own.lines.get(&instrument).is_some_and(|line| line.holders.is_empty()) {
            own.lines.remove(&instrument);
        }
        if own.lines.is_empty() && own.totals.is_empty() {
            self.0.remove(&strategy);
        }
    }
}
