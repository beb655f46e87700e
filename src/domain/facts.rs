//! Market facts for risk checks, as plain values built elsewhere from a panel.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AccountId, InstrumentId};

/// Facts of one instrument. `None` makes the checks that need it say NOT_EVALUATED.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InstrumentFacts {
    /// Average daily volume over 20 sessions, in shares.
    pub average_daily_volume: Option<f64>,
    /// Beta to the equal-weighted universe over 252 sessions.
    pub beta: Option<f64>,
    /// Standard deviation of daily returns over 60 sessions.
    pub daily_volatility: Option<f64>,
    /// Daily returns of the last sessions, the oldest first; NaN where one is missing.
    pub returns: Option<Arc<[f64]>>,
}

/// Facts of one account's book: its positions and open orders, valued at last prices.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BookFacts {
    /// Sum of value times beta; `None` when a beta is missing.
    pub beta_value: Option<f64>,
    /// What the book would have made on each day of the instruments' returns; `None` when a history is missing.
    pub outcomes: Option<Arc<[f64]>>,
}

/// Facts of the instruments of an order and of all that its account holds and orders.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MarketFacts {
    /// By instrument.
    pub instruments: BTreeMap<InstrumentId, InstrumentFacts>,
    /// By account, where one book as it stands is to be looked at many times; the gate makes them itself otherwise.
    pub books: BTreeMap<AccountId, BookFacts>,
}

impl MarketFacts {
    /// Takes over what other facts say, newer over older.
    pub fn merge(&mut self, newer: &MarketFacts) {
        self.instruments.extend(newer.instruments.iter().map(|(i, facts)| (*i, facts.clone())));
        self.books.extend(newer.books.iter().map(|(a, facts)| (*a, facts.clone())));
    }
}
