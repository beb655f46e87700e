//! Market facts for risk checks, as plain values built elsewhere from a panel.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Exchange, InstrumentId};

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

/// Facts of the instruments of one exchange, as of one session.
pub type ExchangeFacts = BTreeMap<InstrumentId, InstrumentFacts>;

/// Facts of every exchange that was told of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MarketFacts(BTreeMap<Exchange, Arc<ExchangeFacts>>);

impl MarketFacts {
    /// Takes the facts of an exchange in the place of those it had; whether they are others.
    pub fn tell(&mut self, exchange: Exchange, facts: &Arc<ExchangeFacts>) -> bool {
        let is_new = !self.knows(exchange, facts);
        if is_new {
            self.0.insert(exchange, Arc::clone(facts));
        }
        is_new
    }

    /// Whether these very facts of an exchange are the ones it was told last.
    pub fn knows(&self, exchange: Exchange, facts: &Arc<ExchangeFacts>) -> bool {
        self.0.get(&exchange).is_some_and(|known| Arc::ptr_eq(known, facts))
    }

    /// What each exchange was told last.
    pub fn by_exchange(&self) -> impl Iterator<Item = (Exchange, &Arc<ExchangeFacts>)> {
        self.0.iter().map(|(exchange, facts)| (*exchange, facts))
    }

    /// What is known of an instrument.
    pub fn of(&self, instrument: InstrumentId) -> Option<&InstrumentFacts> {
        self.0.get(&instrument.exchange)?.get(&instrument)
    }

    /// What is known of every instrument.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &InstrumentFacts)> {
        self.0.values().flat_map(|own| own.iter().map(|(instrument, facts)| (*instrument, facts)))
    }
}
