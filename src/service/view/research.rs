//! Signals and the baskets made of them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::{
    AccountId, InstrumentId, Money, OrderId, Price, Quantity, Ratio, RefusalCode, Side, Symbol, UnixNanos,
};

/// One ranked name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalRow {
    /// 1 is best.
    pub rank: u32,
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Company name; empty when unknown.
    pub name: String,
    /// Weighted sum of z-scores.
    pub score: f64,
    /// Share of past outcomes of its fifth that had the score's sign; `None` under 60 outcomes.
    pub confidence: Option<f64>,
    /// Outcomes the confidence rests on.
    pub outcomes: u32,
    /// (family, weight × z); a family that was left out or missing is `None`.
    pub contributions: Vec<(String, Option<f64>)>,
    /// Shares held in the current account.
    pub held: Quantity,
}

/// The latest run of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signals {
    /// Model.
    pub model: String,
    /// Universe it ran on.
    pub universe: String,
    /// Last session whose data was used.
    pub session: Option<NaiveDate>,
    /// Market time at which it was made.
    pub time: Option<UnixNanos>,
    /// What was left out and why, one sentence each.
    pub omissions: Vec<String>,
    /// Ranked names, best first.
    pub rows: Vec<SignalRow>,
}

/// One order of a rebalance with its risk decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BasketRow {
    /// Account.
    pub account: AccountId,
    /// Client order id.
    pub id: OrderId,
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Shares.
    pub quantity: Quantity,
    /// Last price the size rests on.
    pub price: Option<Price>,
    /// Quantity × price.
    pub notional: Option<Money>,
    /// Target share of equity.
    pub target_weight: Ratio,
    /// `accepted`, `held`, `refused`, or `would be …` in a dry run.
    pub decision: String,
    /// Code where it was refused or is held.
    pub code: Option<RefusalCode>,
    /// Limit that spoke.
    pub limit: Option<String>,
    /// What was seen.
    pub observed: Option<String>,
    /// What is allowed.
    pub threshold: Option<String>,
}
