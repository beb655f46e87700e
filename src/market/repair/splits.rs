//! A split that is told twice: once too early, once on the day on which raw prices step by it.

use super::rows::Row;
use super::{Suspect, rows::rows_of};
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar, SplitRatio};

/// Sessions within which an equal split is the same one.
const SAME_SESSIONS: usize = 5;
/// Equal ratios may differ by this share: they are often worked out from prices.
const SAME_RATIO: f64 = 0.02;
/// A split shows when the price steps by it, give or take this share of its logarithm.
const SHOWS_SHARE: f64 = 0.5;

fn size(ratio: SplitRatio) -> f64 {
    libm::log(ratio.new.to_f64() / ratio.old.to_f64())
}

/// Splits that raw prices do not show, while they show an equal one within days. Only the latter happened.
pub fn told_twice<'a>(bars: &[DailyBar], actions: &'a [CorporateAction]) -> Vec<&'a CorporateAction> {
    let rows = rows_of(bars, &Suspect::new(bars, Basis::Split, &[]));
    let splits: Vec<(usize, f64, &CorporateAction)> = actions
        .iter()
        .filter_map(|action| {
            let ActionKind::Split(ratio) = action.kind else { return None };
            let row = rows.partition_point(|row| row.session < action.date);
            (row > 0 && row < rows.len()).then_some((row, size(ratio), action))
        })
        .collect();
    let shows = |row: usize, size: f64| {
        let close = |row: usize| rows.get(row).map_or(f64::NAN, Row::close);
        let step = libm::log(close(row) / close(row.saturating_sub(1)));
        (step + size).abs() < SHOWS_SHARE * size.abs()
    };
    let is_same = |a: &(usize, f64, &CorporateAction), b: &(usize, f64, &CorporateAction)| {
        a.0 != b.0 && a.0.abs_diff(b.0) <= SAME_SESSIONS && (a.1 - b.1).abs() < SAME_RATIO
    };
    let twice = splits.iter().filter(|split| {
        !shows(split.0, split.1)
            && splits.iter().any(|other| is_same(split, other) && shows(other.0, other.1))
    });
    twice.map(|(_, _, action)| *action).collect()
}
