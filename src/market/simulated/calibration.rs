//! The simulated market against the table measured on real daily data (470 US names, 2013 to 2018).
//!
//! Returns are log returns with splits and dividends undone; figures of a name are medians over names. Over twelve
//! seeds the mean of every figure is held within 25 % of the table, but for three: skew is held within 0.25 and
//! autocorrelation of returns within 0.03, since both are near zero, and drift only within two standard errors of
//! five years.
//!
//! The table's bad rows (18 nulls, 19 broken highs and lows, 82 missing symbol-days in a million) are faults of a file,
//! not of a market: what SIM tells of itself has none of them, and a test holds that.
//!
//! Five years of one market are a noisy sample: a single seed may be off by twice as much, mostly in the
//! autocorrelation of magnitudes, which rests on the market's own few storms.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::*;
use crate::domain::market::ActionKind;

/// No choice: the first eleven numbers and the year.
const SEEDS: [u64; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2024];
/// How much farther than the mean one seed may be, as a share of the mean's room.
const SEED_SLACK: f64 = 0.5;
const NAMES: usize = 200;
const DAYS: usize = HISTORY_SESSIONS as usize;

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn moment(x: &[f64], power: i32) -> f64 {
    let m = mean(x);
    x.iter().map(|v| (v - m).powi(power)).sum::<f64>() / x.len() as f64
}

fn sd(x: &[f64]) -> f64 {
    moment(x, 2).sqrt()
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let cov = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / x.len() as f64;
    cov / (sd(x) * sd(y))
}

fn lagged(x: &[f64], lag: usize) -> f64 {
    correlation(&x[..x.len() - lag], &x[lag..])
}

fn quantile(x: &[f64], share: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn abs(x: &[f64]) -> Vec<f64> {
    x.iter().map(|v| v.abs()).collect()
}

struct Name {
    sector: String,
    returns: Vec<f64>,
    overnight: Vec<f64>,
    intraday: Vec<f64>,
    range: Vec<f64>,
    log_volume: Vec<f64>,
    dollars: Vec<f64>,
}

fn names(simulation: &Simulation) -> Vec<Name> {
    let mut actions: BTreeMap<_, (f64, f64)> = BTreeMap::new();
    for action in simulation.actions() {
        let entry = actions.entry((action.instrument, action.date)).or_insert((1.0, 0.0));
        match action.kind {
            ActionKind::Split(r) => entry.0 = r.new.to_f64() / r.old.to_f64(),
            ActionKind::Dividend { amount, .. } => entry.1 = amount.to_f64(),
        }
    }
    let count = simulation.instruments().len();
    let name = |n: usize| {
        let bars: Vec<_> = simulation.bars().iter().skip(n).step_by(count).collect();
        let mut shares = 1.0;
        let mut name = Name {
            sector: simulation.instruments()[n].sector.to_string(),
            returns: vec![],
            overnight: vec![],
            intraday: vec![],
            range: vec![],
            log_volume: vec![],
            dollars: vec![],
        };
        for pair in bars.windows(2) {
            let (before, bar) = (pair[0], pair[1]);
            let (ratio, paid) = actions.get(&(bar.instrument, bar.session)).copied().unwrap_or((1.0, 0.0));
            let (open, close) = (bar.open.to_f64(), bar.close.to_f64());
            shares *= ratio;
            name.returns.push(((close + paid) * ratio / before.close.to_f64()).ln());
            name.overnight.push(((open + paid) * ratio / before.close.to_f64()).ln());
            name.intraday.push((close / open).ln());
            name.range.push((bar.high.to_f64() - bar.low.to_f64()) / close);
            name.log_volume.push((bar.volume.to_f64() / shares).ln());
            name.dollars.push(bar.volume.to_f64() * close);
        }
        name
    };
    (0..count).map(name).collect()
}

/// (label, measured, table, least, most)
type Line = (&'static str, f64, f64, f64, f64);

fn table(seed: u64) -> Vec<Line> {
    let simulation = Simulation::new(seed, NAMES);
    let names = names(&simulation);
    let market: Vec<f64> =
        (0..DAYS - 1).map(|t| names.iter().map(|n| n.returns[t]).sum::<f64>() / NAMES as f64).collect();
    let per = |f: &dyn Fn(&Name) -> f64| names.iter().map(f).collect::<Vec<f64>>();
    let median = |f: &dyn Fn(&Name) -> f64| quantile(&per(f), 0.5);
    let year = SESSIONS_A_YEAR.sqrt();
    let vols = per(&|n| sd(&n.returns) * year);
    let dollars = per(&|n| quantile(&n.dollars, 0.5) / 1e6);
    let betas = per(&|n| correlation(&n.returns, &market) * sd(&n.returns) / sd(&market));
    let (all, same, cross) = pair_correlations(&names);
    let splits = simulation.actions().iter().filter(|a| matches!(a.kind, ActionKind::Split(_))).count();
    let name_years = (NAMES * 5) as f64;
    let near = |label, value, target: f64| {
        (label, value, target, target - 0.25 * target.abs(), target + 0.25 * target.abs())
    };
    vec![
        near("annual volatility, median", quantile(&vols, 0.5), 0.228),
        near("annual volatility, p10", quantile(&vols, 0.1), 0.167),
        near("annual volatility, p90", quantile(&vols, 0.9), 0.345),
        near("market volatility", sd(&market) * year, 0.127),
        near("pair correlation, mean", all, 0.283),
        near("pair correlation, same sector", same, 0.392),
        near("pair correlation, cross sector", cross, 0.269),
        near("beta dispersion", sd(&betas), 0.285),
        near(
            "excess kurtosis, median",
            median(&|n| moment(&n.returns, 4) / sd(&n.returns).powi(4) - 3.0),
            5.9,
        ),
        ("skew", median(&|n| moment(&n.returns, 3) / sd(&n.returns).powi(3)), -0.33, -0.58, -0.08),
        ("autocorrelation of r, lag 1", median(&|n| lagged(&n.returns, 1)), -0.009, -0.03, 0.03),
        near("autocorrelation of abs r, lag 1", median(&|n| lagged(&abs(&n.returns), 1)), 0.126),
        near("autocorrelation of abs r, lag 10", median(&|n| lagged(&abs(&n.returns), 10)), 0.044),
        near("market autocorrelation of abs r, lag 1", lagged(&abs(&market), 1), 0.248),
        near("overnight share of variance", median(&|n| overnight_share(n)), 0.34),
        near("(high - low) / close, median", median(&|n| quantile(&n.range, 0.5)), 0.0161),
        near("log volume, sd", median(&|n| sd(&n.log_volume)), 0.451),
        near("log volume, lag 1", median(&|n| lagged(&n.log_volume, 1)), 0.600),
        near("log volume with abs r", median(&|n| correlation(&n.log_volume, &abs(&n.returns))), 0.416),
        near("dollar volume p5, M", quantile(&dollars, 0.05), 40.0),
        near("dollar volume p50, M", quantile(&dollars, 0.5), 126.0),
        near("dollar volume p95, M", quantile(&dollars, 0.95), 613.0),
        near("dividends a name and year", (simulation.actions().len() - splits) as f64 / name_years, 3.0),
        near("splits a name and year", splits as f64 / name_years, 0.025),
        ("drift a year", mean(&market) * SESSIONS_A_YEAR, 0.08, -0.08, 0.26),
    ]
}

fn overnight_share(name: &Name) -> f64 {
    let (overnight, intraday) = (moment(&name.overnight, 2), moment(&name.intraday, 2));
    overnight / (overnight + intraday)
}

/// Mean correlation of all pairs, of pairs in one sector, of the others.
fn pair_correlations(names: &[Name]) -> (f64, f64, f64) {
    let scaled: Vec<Vec<f64>> = names
        .iter()
        .map(|n| {
            let (m, s) = (mean(&n.returns), sd(&n.returns) * (n.returns.len() as f64).sqrt());
            n.returns.iter().map(|r| (r - m) / s).collect()
        })
        .collect();
    let (mut same, mut cross) = ((0.0, 0.0), (0.0, 0.0));
    for i in 0..names.len() {
        for j in 0..i {
            let c: f64 = scaled[i].iter().zip(&scaled[j]).map(|(a, b)| a * b).sum();
            let slot = if names[i].sector == names[j].sector { &mut same } else { &mut cross };
            slot.0 += c;
            slot.1 += 1.0;
        }
    }
    ((same.0 + cross.0) / (same.1 + cross.1), same.0 / same.1, cross.0 / cross.1)
}

/// A line of all seeds: label, table, bounds of the mean, and what each seed measured.
struct Measured {
    label: &'static str,
    target: f64,
    bounds: (f64, f64),
    values: Vec<f64>,
}

fn measured() -> Vec<Measured> {
    let tables: Vec<Vec<Line>> = SEEDS.par_iter().map(|seed| table(*seed)).collect();
    let line = |at: usize| {
        let (label, _, target, least, most) = tables[0][at];
        let values = tables.iter().map(|table| table[at].1).collect();
        Measured { label, target, bounds: (least, most), values }
    };
    (0..tables[0].len()).map(line).collect()
}

#[test]
fn every_line_of_the_table_is_held_over_twelve_seeds_and_no_seed_is_odd() {
    let mut missed = Vec::new();
    for Measured { label, target, bounds: (least, most), values } in measured() {
        let (mean, low, high) = (mean(&values), quantile(&values, 0.0), quantile(&values, 1.0));
        println!(
            "{label:40} {mean:9.4}  table {target:9.4}  {least:.4}..{most:.4}  seeds {low:.4}..{high:.4}"
        );
        if !(least..=most).contains(&mean) {
            missed.push(format!("{label} is {mean:.4} over all seeds, wanted {least:.4}..{most:.4}"));
        }
        // One seed may be as far again from the table as the mean may.
        let slack = (most - least) * SEED_SLACK;
        if low < least - slack || high > most + slack {
            missed.push(format!(
                "{label} is {low:.4}..{high:.4} in single seeds, wanted {least:.4}..{most:.4}"
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_the_market_tells_of_itself_has_no_bad_row() {
    let simulation = Simulation::new(5, 20);
    let (rows, days) = (simulation.bars().len(), HISTORY_SESSIONS as usize);
    assert_eq!(rows, 20 * days, "no symbol-day is missing");
    for bar in simulation.bars() {
        assert_eq!(crate::market::import::check_prices(bar.open, bar.high, bar.low, bar.close), Ok(()));
    }
}
