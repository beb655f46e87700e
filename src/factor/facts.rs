//! Market facts for risk checks, from a panel: average daily volume, beta, volatility.
//!
//! Uses rows up to and including the one asked for, never later ones. A fact that lacks data is `None`.

use super::kernels::line::covariance;
use super::kernels::moments::{count, deviation, mean, variance};
use super::panel::Panel;
use crate::domain::facts::{ExchangeFacts, InstrumentFacts};

/// Sessions of the average volume.
pub const VOLUME_SESSIONS: usize = 20;
/// Sessions of the beta.
pub const BETA_SESSIONS: usize = 252;
/// Sessions of the volatility.
pub const VOLATILITY_SESSIONS: usize = 60;
/// Returns under which beta is missing.
const BETA_RETURNS_MIN: f64 = 60.0;
/// Returns under which volatility is missing.
const VOLATILITY_RETURNS_MIN: f64 = 20.0;

/// Facts of every instrument as of the close of `row`.
pub fn market_facts(panel: &Panel, row: usize) -> ExchangeFacts {
    let end = (row + 1).min(panel.sessions().len());
    let start = end.saturating_sub(BETA_SESSIONS);
    let returns: Vec<Vec<f64>> =
        (0..panel.symbols().len()).map(|i| daily_returns(panel, i, start, end)).collect();
    let universe: Vec<f64> = (0..end - start)
        .map(|k| mean(&returns.iter().filter_map(|r| r.get(k).copied()).collect::<Vec<_>>()))
        .collect();
    let mut facts = ExchangeFacts::default();
    for ((i, instrument), own) in panel.symbols().iter().enumerate().zip(&returns) {
        let recent = own.get(own.len().saturating_sub(VOLATILITY_SESSIONS)..).unwrap_or(&[]);
        let beta = covariance(own, &universe) / variance(&universe);
        let daily = deviation(recent);
        facts.insert(
            *instrument,
            InstrumentFacts {
                average_daily_volume: average_volume(panel, i, end),
                beta: (count(own) >= BETA_RETURNS_MIN && beta.is_finite()).then_some(beta),
                // The very first row has no row before it.
                returns: own.get(usize::from(start == 0)..).map(Into::into),
                daily_volatility: (count(recent) >= VOLATILITY_RETURNS_MIN && daily.is_finite())
                    .then_some(daily),
            },
        );
    }
    facts
}

/// Mean volume in shares as traded, over the sessions that have one.
fn average_volume(panel: &Panel, instrument: usize, end: usize) -> Option<f64> {
    let raw = |row: usize| {
        let factor = panel.value("factor", instrument, row);
        panel.value("volume", instrument, row) * if factor.is_finite() { factor } else { 1.0 }
    };
    let volumes: Vec<f64> = (end.saturating_sub(VOLUME_SESSIONS)..end).map(raw).collect();
    let average = mean(&volumes);
    average.is_finite().then_some(average)
}

/// Close over previous close less one for rows `start..end`; NaN where either is missing.
fn daily_returns(panel: &Panel, instrument: usize, start: usize, end: usize) -> Vec<f64> {
    (start..end)
        .map(|row| match row.checked_sub(1) {
            Some(before) => {
                panel.value("close", instrument, row) / panel.value("close", instrument, before) - 1.0
            }
            None => f64::NAN,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::panel::PanelBuilder;
    use chrono::{Days, NaiveDate};

    #[test]
    fn facts_use_nothing_after_their_row_and_miss_what_lacks_data() {
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let days: Vec<NaiveDate> = (0..100).map(|d| first + Days::new(d)).collect();
        let make = |last: f32| {
            let mut b = PanelBuilder::new(days.clone());
            for (k, day) in days.iter().enumerate() {
                for (symbol, swing) in [("A.SIM", 1.0), ("B.SIM", 2.0)] {
                    let close = 100.0 + swing * (k % 7) as f32 + if k == 99 { last } else { 0.0 };
                    b.row(symbol.parse().unwrap(), *day, &[("close", close), ("volume", 1000.0)]).unwrap();
                }
            }
            b.build()
        };
        assert_eq!(market_facts(&make(0.0), 98), market_facts(&make(50.0), 98));
        let facts = market_facts(&make(0.0), 98);
        let (a, b) = (facts.values().next().unwrap(), facts.values().nth(1).unwrap());
        assert_eq!(a.average_daily_volume, Some(1000.0));
        assert!(b.beta.unwrap() > 1.0 && a.beta.unwrap() < 1.0);
        assert!((a.beta.unwrap() + b.beta.unwrap() - 2.0).abs() < 1e-9);
        let early = market_facts(&make(0.0), 10);
        assert!(early.values().all(|f| f.beta.is_none() && f.daily_volatility.is_none()));
    }
}
