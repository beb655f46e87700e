//! Signals: what a model says of an instrument on a day.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CleanText, InstrumentId, UnixNanos};

/// How often a fifth of the ranking was right in the past.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Share of outcomes with the score's sign, 0 to 1.
    pub share: f64,
    /// Number of outcomes it rests on.
    pub outcomes: u32,
}

/// One model's view of one instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Model that made it.
    pub model: CleanText,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Last session whose data was used.
    pub session: NaiveDate,
    /// Market time at which it was made.
    pub time: UnixNanos,
    /// Weighted sum of the families' z-scores; higher is better.
    pub score: f64,
    /// 1 is best.
    pub rank: u32,
    /// How many were ranked.
    pub of: u32,
    /// Past record of its fifth; `None` under 60 outcomes.
    pub confidence: Option<Confidence>,
    /// (family or factor, weight × z) in the model's order; a missing family is `None`.
    pub contributions: Vec<(String, Option<f64>)>,
}
