//! Mean, sum, variance, skewness, kurtosis, mean absolute deviation and count of a window.
//!
//! Two passes in `f64`; formulas and thresholds are those of pandas 2.2 (`_libs/window/aggregations.pyx`).

use super::present;

/// Variance under which pandas calls skewness and kurtosis undefined.
const VARIANCE_MIN: f64 = 1e-14;

/// Sum of the values there; NaN when there are none.
pub fn sum(window: &[f64]) -> f64 {
    let mut any = false;
    let total = present(window).inspect(|_| any = true).sum();
    if any { total } else { f64::NAN }
}

/// How many values are there.
pub fn count(window: &[f64]) -> f64 {
    present(window).count() as f64
}

/// Mean; NaN when nothing is there. Equal values give exactly that value.
pub fn mean(window: &[f64]) -> f64 {
    match all_equal(window) {
        Some(value) => value,
        None => sum(window) / count(window),
    }
}

/// The one value all share, if they do.
fn all_equal(window: &[f64]) -> Option<f64> {
    let mut values = present(window);
    let first = values.next()?;
    values.all(|v| v == first).then_some(first)
}

/// Sample variance (n - 1); NaN under two values, exactly 0 when all are equal.
pub fn variance(window: &[f64]) -> f64 {
    let n = count(window);
    if n < 2.0 {
        return f64::NAN;
    }
    if all_equal(window).is_some() {
        return 0.0;
    }
    central(window, 2) / (n - 1.0)
}

/// Sample standard deviation.
pub fn deviation(window: &[f64]) -> f64 {
    variance(window).sqrt()
}

/// Σ (x - mean)^power.
fn central(window: &[f64], power: u32) -> f64 {
    let middle = mean(window);
    present(window).map(|v| (1..power).fold(v - middle, |product, _| product * (v - middle))).sum()
}

/// Bias-corrected skewness; NaN under three values, 0 when all are equal.
pub fn skewness(window: &[f64]) -> f64 {
    let n = count(window);
    if n < 3.0 {
        return f64::NAN;
    }
    if all_equal(window).is_some() {
        return 0.0;
    }
    let variance = central(window, 2) / n;
    if variance <= VARIANCE_MIN {
        return f64::NAN;
    }
    let third = central(window, 3) / n;
    (n * (n - 1.0)).sqrt() * third / ((n - 2.0) * variance * variance.sqrt())
}

/// Bias-corrected excess kurtosis; NaN under four values, -3 when all are equal.
pub fn kurtosis(window: &[f64]) -> f64 {
    let n = count(window);
    if n < 4.0 {
        return f64::NAN;
    }
    if all_equal(window).is_some() {
        return -3.0;
    }
    let variance = central(window, 2) / n;
    if variance <= VARIANCE_MIN {
        return f64::NAN;
    }
    let fourth = central(window, 4) / n;
    let spread = (n * n - 1.0) * fourth / (variance * variance) - 3.0 * (n - 1.0) * (n - 1.0);
    spread / ((n - 2.0) * (n - 3.0))
}

/// Mean absolute deviation about the mean.
pub fn absolute_deviation(window: &[f64]) -> f64 {
    let middle = mean(window);
    present(window).map(|v| (v - middle).abs()).sum::<f64>() / count(window)
}
