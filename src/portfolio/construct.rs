//! Target weights from ranked signals: the best `top_k` names, equally weighted.
//!
//! Each name gets `gross / top_k`, rounded down, so the weights never sum to more than the gross target; with fewer
//! names than `top_k` the rest stays in cash rather than in fewer, larger positions. Pure and in integers.

use crate::domain::signal::Signal;
use crate::domain::{InstrumentId, Ratio};

/// The share of the equity an instrument should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Share of the equity.
    pub weight: Ratio,
    /// Its rank among the signals; 1 is bought first.
    pub priority: u32,
}

/// Targets for the best `top_k` signals. Signals are taken by rank, equal ranks by instrument.
pub fn top_k_equal(signals: &[Signal], top_k: u32, gross: Ratio) -> Vec<Target> {
    let each = Ratio::from_raw(gross.raw().checked_div(i64::from(top_k)).unwrap_or(0));
    let mut ranked: Vec<&Signal> = signals.iter().collect();
    ranked.sort_by_key(|s| (s.rank, s.instrument));
    let best = ranked.into_iter().take(top_k as usize);
    best.map(|s| Target { instrument: s.instrument, weight: each, priority: s.rank }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnixNanos;

    fn signal(symbol: &str, rank: u32) -> Signal {
        Signal {
            model: "m".into(),
            instrument: format!("{symbol}.SIM").parse().unwrap(),
            session: chrono::NaiveDate::from_ymd_opt(2024, 1, 2).unwrap(),
            time: UnixNanos::ZERO,
            score: 1.0,
            rank,
            of: 3,
            confidence: None,
            contributions: Vec::new(),
        }
    }

    #[test]
    fn the_best_names_share_the_gross_target_and_never_exceed_it() {
        let signals = [signal("C", 3), signal("A", 1), signal("B", 2), signal("D", 4)];
        let targets = top_k_equal(&signals, 3, "0.95".parse().unwrap());
        let names: Vec<String> = targets.iter().map(|t| t.instrument.symbol.to_string()).collect();
        assert_eq!(names, ["A", "B", "C"]);
        let sum: i64 = targets.iter().map(|t| t.weight.raw()).sum();
        assert!(sum <= 950_000_000 && sum > 949_999_990);
    }

    #[test]
    fn too_few_names_leave_cash() {
        let targets = top_k_equal(&[signal("A", 1)], 20, "0.95".parse().unwrap());
        assert_eq!(targets[0].weight.to_string(), "0.0475");
        assert!(top_k_equal(&[signal("A", 1)], 0, "0.95".parse().unwrap()).is_empty());
    }
}
