//! Regression on the row number, weighted mean, correlation and covariance of a window.
//!
//! The newest row stands at position N whatever the window holds; missing rows drop out, as in Qlib's
//! `rolling.pyx`. Sums are taken about the means, in two passes.

use super::moments::{deviation, mean};
use super::present;

/// Standard deviation at or under which Qlib calls `Rsquare` and `Corr` undefined.
pub const DEVIATION_MIN: f64 = 2e-5;

/// Sums of a line fit.
struct Fit {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

fn fit(window: &[f64], size: usize) -> Fit {
    let first = (size + 1).saturating_sub(window.len());
    let points =
        || window.iter().enumerate().filter(|(_, y)| !y.is_nan()).map(move |(k, y)| ((first + k) as f64, *y));
    let n = points().count() as f64;
    let mean_x = points().map(|p| p.0).sum::<f64>() / n;
    let mean_y = points().map(|p| p.1).sum::<f64>() / n;
    let mut sums = Fit { n, mean_x, mean_y, xx: 0.0, xy: 0.0, yy: 0.0 };
    for (x, y) in points() {
        sums.xx += (x - mean_x) * (x - mean_x);
        sums.xy += (x - mean_x) * (y - mean_y);
        sums.yy += (y - mean_y) * (y - mean_y);
    }
    sums
}

/// Slope of the line; NaN under two values.
pub fn slope(window: &[f64], size: usize) -> f64 {
    let sums = fit(window, size);
    if sums.n < 2.0 { f64::NAN } else { sums.xy / sums.xx }
}

/// Share of the variance the line explains; NaN under two values or where nothing varies.
pub fn r_square(window: &[f64], size: usize) -> f64 {
    let sums = fit(window, size);
    if sums.n < 2.0 || deviation(window).abs() <= DEVIATION_MIN {
        return f64::NAN;
    }
    sums.xy * sums.xy / (sums.xx * sums.yy)
}

/// As [`r_square`] over an expanding window, which Qlib leaves without that threshold.
pub fn r_square_plain(window: &[f64]) -> f64 {
    let sums = fit(window, window.len());
    if sums.n < 2.0 { f64::NAN } else { sums.xy * sums.xy / (sums.xx * sums.yy) }
}

/// The newest value less the line at its place.
pub fn residual(window: &[f64], size: usize) -> f64 {
    let sums = fit(window, size);
    let newest = window.last().copied().unwrap_or(f64::NAN);
    if sums.n < 2.0 {
        return f64::NAN;
    }
    newest - (sums.mean_y + sums.xy / sums.xx * (size as f64 - sums.mean_x))
}

/// Mean of `weight × value` with weights 1..n over their sum: Qlib's `WMA`, n times smaller than the usual one.
pub fn weighted_mean(window: &[f64]) -> f64 {
    let total = (window.len() * (window.len() + 1)) as f64 / 2.0;
    let weighted: Vec<f64> = window.iter().enumerate().map(|(k, v)| (k + 1) as f64 / total * v).collect();
    present(&weighted).sum::<f64>() / present(&weighted).count() as f64
}

/// Both values of the rows where both are there.
fn pairs(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    x.iter().zip(y).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip()
}

fn co_deviation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(u, v)| (u - mean_a) * (v - mean_b)).sum()
}

/// Sample covariance of the complete rows; NaN under two.
pub fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let (a, b) = pairs(x, y);
    if a.len() < 2 { f64::NAN } else { co_deviation(&a, &b) / (a.len() - 1) as f64 }
}

/// Correlation of the complete rows; NaN under two, or where a side's own deviation is next to nothing.
pub fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let flat = |s: &[f64]| deviation(s).abs() <= DEVIATION_MIN;
    if flat(x) || flat(y) {
        return f64::NAN;
    }
    let (a, b) = pairs(x, y);
    if a.len() < 2 {
        return f64::NAN;
    }
    co_deviation(&a, &b) / (co_deviation(&a, &a) * co_deviation(&b, &b)).sqrt()
}
