//! Windows that Qlib does not have, or has with a quirk: decaying mean, product, places that missing rows never
//! win, rank from 0 to 1, regression of one series on another.
//!
//! Same windows as everywhere: partial at the start, missing values left out.

use super::order::standing;
use super::present;

/// Mean with weights 1 to n over the window's n rows, the newest heaviest, normalised over the values there.
pub fn decay(window: &[f64]) -> f64 {
    let weighted =
        || window.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(|(k, v)| ((k + 1) as f64, *v));
    let (mut sum, mut total) = (0.0, 0.0);
    for (weight, value) in weighted() {
        sum += weight * value;
        total += weight;
    }
    if total > 0.0 { sum / total } else { f64::NAN }
}

/// Product of the values there; NaN when there are none.
pub fn product(window: &[f64]) -> f64 {
    let mut any = false;
    let product = present(window).inspect(|_| any = true).product();
    if any { product } else { f64::NAN }
}

/// Place of the largest value, 1 for the oldest row; ties go to the oldest, missing rows count but never win.
pub fn place_of_largest(window: &[f64]) -> f64 {
    place(window, |value, best| value > best)
}

/// Place of the smallest value, as [`place_of_largest`].
pub fn place_of_smallest(window: &[f64]) -> f64 {
    place(window, |value, best| value < best)
}

fn place(window: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    let mut best: Option<(usize, f64)> = None;
    for (at, value) in window.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        if best.is_none_or(|(_, held)| beats(*value, held)) {
            best = Some((at, *value));
        }
    }
    best.map_or(f64::NAN, |(at, _)| (at + 1) as f64)
}

/// (average rank - 1) / (n - 1) of the newest value; NaN when it is missing or alone.
pub fn rank_of_newest(window: &[f64]) -> f64 {
    match standing(window) {
        Some((rank, n)) if n > 1.0 => (rank - 1.0) / (n - 1.0),
        Some(_) | None => f64::NAN,
    }
}

/// Means and co-deviations of the rows where both are there; `None` under two pairs or where x has no spread.
fn regression(y: &[f64], x: &[f64]) -> Option<(f64, f64, f64)> {
    let pairs = || y.iter().zip(x).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let n = pairs().count() as f64;
    let first = pairs().next().map(|(_, b)| *b)?;
    if n < 2.0 || pairs().all(|(_, b)| *b == first) {
        return None;
    }
    let (mut mean_y, mut mean_x) = (0.0, 0.0);
    for (a, b) in pairs() {
        mean_y += a;
        mean_x += b;
    }
    mean_y /= n;
    mean_x /= n;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (a, b) in pairs() {
        xy += (a - mean_y) * (b - mean_x);
        xx += (b - mean_x) * (b - mean_x);
    }
    (xx > 0.0).then_some((mean_y, mean_x, xy / xx))
}

/// Slope of the regression of y on x.
pub fn beta(y: &[f64], x: &[f64]) -> f64 {
    regression(y, x).map_or(f64::NAN, |(_, _, slope)| slope)
}

/// The newest y less the regression of y on x; NaN when the newest pair is incomplete.
pub fn beta_residual(y: &[f64], x: &[f64]) -> f64 {
    match (regression(y, x), y.last(), x.last()) {
        (Some((mean_y, mean_x, slope)), Some(a), Some(b)) => a - mean_y - slope * (b - mean_x),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: f64 = f64::NAN;

    #[test]
    fn missing_rows_neither_weigh_nor_win() {
        assert_eq!(decay(&[1.0, NO, 4.0]), (1.0 + 12.0) / 4.0);
        assert_eq!(place_of_largest(&[2.0, NO, 5.0, 5.0]), 3.0);
        assert_eq!(place_of_smallest(&[NO, 2.0, 5.0]), 2.0);
        assert_eq!(product(&[2.0, NO, 3.0]), 6.0);
        assert!(decay(&[NO]).is_nan() && product(&[]).is_nan() && place_of_largest(&[NO]).is_nan());
    }

    #[test]
    fn the_rank_runs_from_zero_to_one() {
        assert_eq!(rank_of_newest(&[3.0, 1.0, 2.0, 4.0]), 1.0);
        assert_eq!(rank_of_newest(&[3.0, NO, 1.0]), 0.0);
        assert_eq!(rank_of_newest(&[2.0, 2.0, 1.0, 2.0]), 2.0 / 3.0);
        assert!(rank_of_newest(&[3.0]).is_nan() && rank_of_newest(&[3.0, NO]).is_nan());
    }

    #[test]
    fn a_line_is_found_and_leaves_nothing() {
        let (x, y) = ([1.0, 2.0, NO, 4.0], [5.0, 7.0, 100.0, 11.0]);
        assert_eq!(beta(&y, &x), 2.0);
        assert_eq!(beta_residual(&y, &x), 0.0);
        assert!(beta(&y, &[3.0; 4]).is_nan());
        assert!(beta_residual(&[1.0, 2.0, NO], &[1.0, 2.0, 3.0]).is_nan());
    }
}
