//! Market facts for risk checks, as plain values built elsewhere from a panel.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AccountId, InstrumentId, OrderSpec, Price, Quantity};

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

/// Facts handed in with an order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MarketFacts {
    /// By instrument.
    pub instruments: BTreeMap<InstrumentId, InstrumentFacts>,
    /// By account.
    pub books: BTreeMap<AccountId, BookFacts>,
}

impl MarketFacts {
    /// Takes over what other facts say, newer over older.
    pub fn merge(&mut self, newer: &MarketFacts) {
        self.instruments.extend(newer.instruments.iter().map(|(i, facts)| (*i, facts.clone())));
        self.books.extend(newer.books.iter().map(|(a, facts)| (*a, facts.clone())));
    }

    /// Takes an order of a list into its account's book, so that the next order of the list is judged beside it.
    pub fn take_in(&mut self, order: &OrderSpec, quantity: Quantity, price: Price) {
        let worth = order.side.signed(quantity).to_f64() * price.to_f64();
        let own = self.instruments.get(&order.instrument);
        let (beta, returns) = own.map_or((None, None), |own| (own.beta, own.returns.clone()));
        let Some(book) = self.books.get_mut(&order.account) else { return };
        book.beta_value = book.beta_value.zip(beta).map(|(sum, beta)| sum + worth * beta);
        let both = book.outcomes.as_deref().zip(returns.as_deref());
        book.outcomes =
            both.map(|(days, own)| days.iter().zip(own).map(|(sum, r)| sum + worth * r).collect());
    }
}
