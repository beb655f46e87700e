//! Market facts for risk checks, as plain values built elsewhere from a panel.

use std::collections::BTreeMap;

use super::InstrumentId;

/// Facts of one instrument. `None` makes the checks that need it say NOT_EVALUATED.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct InstrumentFacts {
    /// Average daily volume over 20 sessions, in shares.
    pub average_daily_volume: Option<f64>,
    /// Beta to the equal-weighted universe over 252 sessions.
    pub beta: Option<f64>,
    /// Standard deviation of daily returns over 60 sessions.
    pub daily_volatility: Option<f64>,
}

/// Facts handed in with an order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MarketFacts {
    /// By instrument.
    pub instruments: BTreeMap<InstrumentId, InstrumentFacts>,
}
