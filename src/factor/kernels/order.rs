//! Largest, smallest, their places, quantiles and ranks of a window.

use super::present;

/// Largest value; NaN when nothing is there.
pub fn largest(window: &[f64]) -> f64 {
    present(window).fold(f64::NAN, f64::max)
}

/// Smallest value; NaN when nothing is there.
pub fn smallest(window: &[f64]) -> f64 {
    present(window).fold(f64::NAN, f64::min)
}

/// Place of the largest, 1 for the oldest row; the first NaN wins, as numpy's `argmax` has it.
pub fn place_of_largest(window: &[f64]) -> f64 {
    place(window, |value, best| value > best)
}

/// Place of the smallest, 1 for the oldest row; the first NaN wins, as numpy's `argmin` has it.
pub fn place_of_smallest(window: &[f64]) -> f64 {
    place(window, |value, best| value < best)
}

fn place(window: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    if present(window).next().is_none() {
        return f64::NAN;
    }
    if let Some(at) = window.iter().position(|v| v.is_nan()) {
        return (at + 1) as f64;
    }
    let mut best = (0, f64::NAN);
    for (at, value) in window.iter().enumerate() {
        if at == 0 || beats(*value, best.1) {
            best = (at, *value);
        }
    }
    (best.0 + 1) as f64
}

/// The quantile `q`, interpolated linearly at `q (n - 1)`.
pub fn quantile(window: &[f64], q: f64) -> f64 {
    let mut values: Vec<f64> = present(window).collect();
    values.sort_unstable_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = q * last as f64;
    let below = at as usize;
    let value = |k: usize| values.get(k.min(last)).copied().unwrap_or(f64::NAN);
    value(below) + (value(below + 1) - value(below)) * (at - below as f64)
}

/// The median.
pub fn median(window: &[f64]) -> f64 {
    let mut values: Vec<f64> = present(window).collect();
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.len() % 2, values.get(half), half.checked_sub(1).and_then(|k| values.get(k))) {
        (1, Some(middle), _) => *middle,
        (_, Some(above), Some(below)) => (below + above) / 2.0,
        _ => f64::NAN,
    }
}

/// Rank of the newest among the values there, ties averaged, over their number; NaN when the newest is missing.
pub fn rank_of_newest(window: &[f64]) -> f64 {
    standing(window).map_or(f64::NAN, |(rank, n)| rank / n)
}

/// Rank of the newest from 1, ties averaged, and the number of values there; `None` when the newest is missing.
pub fn standing(window: &[f64]) -> Option<(f64, f64)> {
    let newest = window.last().copied().filter(|v| !v.is_nan())?;
    let (mut below, mut equal, mut n) = (0.0, 0.0, 0.0);
    for value in present(window) {
        n += 1.0;
        if value < newest {
            below += 1.0;
        } else if value == newest {
            equal += 1.0;
        }
    }
    Some((below + (equal + 1.0) / 2.0, n))
}
