//! One day across all instruments: ranks, deviations, residuals, buckets, clipping, scaling.
//!
//! Each takes the day's values in instrument order and overwrites them. NaN and infinity are missing and stay NaN.
//! With groups, each instrument is compared within its own; one whose group is not known ([`NO_GROUP`]) has no
//! value. Ties are averaged and sums run in instrument order, so a result depends on nothing but the values.

use super::moments::{deviation, mean};
use super::order::quantile;
use crate::factor::panel::NO_GROUP;

/// Runs `kernel` on the values there of each group (or of all), in instrument order, and writes them back.
fn within(day: &mut [f64], groups: Option<&[u16]>, kernel: impl Fn(&mut [f64])) {
    let group = |at: usize| groups.map_or(0, |g| g.get(at).copied().unwrap_or(NO_GROUP));
    let mut members: Vec<(u16, usize, f64)> = Vec::with_capacity(day.len());
    for (at, value) in day.iter_mut().enumerate() {
        if value.is_finite() && group(at) != NO_GROUP {
            members.push((group(at), at, *value));
        }
        *value = f64::NAN;
    }
    members.sort_by_key(|m| (m.0, m.1));
    for same in members.chunk_by(|a, b| a.0 == b.0) {
        let mut values: Vec<f64> = same.iter().map(|m| m.2).collect();
        kernel(&mut values);
        for ((_, at, _), value) in same.iter().zip(values) {
            if let Some(slot) = day.get_mut(*at) {
                *slot = value;
            }
        }
    }
}

/// Average ranks from 1.
fn ranked(values: &mut [f64]) {
    let mut places: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut before = 0;
    for equal in places.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for (_, at) in equal {
            if let Some(slot) = values.get_mut(*at) {
                *slot = rank;
            }
        }
        before += equal.len();
    }
}

/// Average rank over the number: above 0, at most 1.
pub fn rank(day: &mut [f64], groups: Option<&[u16]>) {
    within(day, groups, |values| {
        let n = values.len() as f64;
        ranked(values);
        values.iter_mut().for_each(|v| *v /= n);
    });
}

/// Deviations from the mean in sample standard deviations (n - 1); NaN without spread.
pub fn z_score(day: &mut [f64], groups: Option<&[u16]>) {
    within(day, groups, |values| {
        let (middle, spread) = (mean(values), deviation(values));
        let scale = if spread > 0.0 { spread } else { f64::NAN };
        values.iter_mut().for_each(|v| *v = (*v - middle) / scale);
    });
}

/// Less the mean.
pub fn demean(day: &mut [f64], groups: Option<&[u16]>) {
    within(day, groups, |values| {
        let middle = mean(values);
        values.iter_mut().for_each(|v| *v -= middle);
    });
}

/// What the regression on `other` with an intercept leaves. Instruments without one of the two have no value;
/// where `other` has no spread only the mean is taken off.
pub fn residual(day: &mut [f64], other: &[f64]) {
    for (at, value) in day.iter_mut().enumerate() {
        if !other.get(at).is_some_and(|x| x.is_finite()) {
            *value = f64::NAN;
        }
    }
    let complete = || day.iter().zip(other).filter(|(y, _)| y.is_finite());
    let n = complete().count() as f64;
    let mean_y = complete().map(|p| p.0).sum::<f64>() / n;
    let mean_x = complete().map(|p| p.1).sum::<f64>() / n;
    let first = complete().next().map(|p| *p.1);
    let flat = complete().all(|p| Some(*p.1) == first);
    let xx: f64 = complete().map(|(_, x)| (x - mean_x) * (x - mean_x)).sum();
    let xy: f64 = complete().map(|(y, x)| (y - mean_y) * (x - mean_x)).sum();
    let slope = if flat || xx <= 0.0 { 0.0 } else { xy / xx };
    for (value, x) in day.iter_mut().zip(other) {
        *value = if value.is_finite() { *value - mean_y - slope * (x - mean_x) } else { f64::NAN };
    }
}

/// Bucket 1 to `buckets` by average rank, the lowest values in bucket 1.
pub fn bucket(day: &mut [f64], buckets: f64) {
    within(day, None, |values| {
        let n = values.len() as f64;
        ranked(values);
        values.iter_mut().for_each(|v| *v = (*v * buckets / n).ceil());
    });
}

/// Clipped to the quantiles `tail` and `1 - tail`, interpolated linearly.
pub fn winsorise(day: &mut [f64], tail: f64) {
    within(day, None, |values| {
        let (low, high) = (quantile(values, tail), quantile(values, 1.0 - tail));
        values.iter_mut().for_each(|v| *v = v.max(low).min(high));
    });
}

/// Scaled so that the magnitudes sum to `total`; NaN when all are 0.
pub fn scale(day: &mut [f64], total: f64) {
    within(day, None, |values| {
        let sum: f64 = values.iter().map(|v| v.abs()).sum();
        let by = if sum > 0.0 { total / sum } else { f64::NAN };
        values.iter_mut().for_each(|v| *v *= by);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: f64 = f64::NAN;

    fn same(found: &[f64], wanted: &[f64]) {
        let equal = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(found.len() == wanted.len() && found.iter().zip(wanted).all(equal), "{found:?} {wanted:?}");
    }

    fn run(day: &[f64], kernel: impl Fn(&mut [f64])) -> Vec<f64> {
        let mut day = day.to_vec();
        kernel(&mut day);
        day
    }

    #[test]
    fn ranks_average_ties_and_leave_the_missing_out() {
        let day = [3.0, NO, 1.0, 3.0, f64::INFINITY, 9.0];
        same(&run(&day, |d| rank(d, None)), &[0.625, NO, 0.25, 0.625, NO, 1.0]);
        same(&run(&day, |d| bucket(d, 2.0)), &[2.0, NO, 1.0, 2.0, NO, 2.0]);
    }

    #[test]
    fn a_group_is_compared_with_itself_and_an_unknown_one_with_nothing() {
        let groups = [4, 1, 4, NO_GROUP, 1];
        let day = [1.0, 10.0, 3.0, 5.0, 30.0];
        same(&run(&day, |d| demean(d, Some(&groups))), &[-1.0, -10.0, 1.0, NO, 10.0]);
        same(&run(&day, |d| rank(d, Some(&groups))), &[0.5, 0.5, 1.0, NO, 1.0]);
        let half = 1.0 / 2.0_f64.sqrt();
        same(&run(&day, |d| z_score(d, Some(&groups))), &[-half, -half, half, NO, half]);
    }

    #[test]
    fn without_spread_there_is_no_score() {
        same(&run(&[2.0, 2.0], |d| z_score(d, None)), &[NO, NO]);
        same(&run(&[2.0, NO], |d| z_score(d, None)), &[NO, NO]);
        same(&run(&[0.0, 0.0], |d| scale(d, 1.0)), &[NO, NO]);
    }

    #[test]
    fn a_line_across_the_day_leaves_nothing() {
        let other = [1.0, 2.0, 3.0, NO, 4.0];
        same(&run(&[3.0, 5.0, 7.0, 9.0, NO], |d| residual(d, &other)), &[0.0, 0.0, 0.0, NO, NO]);
        same(&run(&[1.0, 3.0], |d| residual(d, &[2.0, 2.0])), &[-1.0, 1.0]);
    }

    #[test]
    fn clipping_and_scaling_keep_their_promise() {
        same(&run(&[0.0, 1.0, 2.0, 3.0, 100.0], |d| winsorise(d, 0.25)), &[1.0, 1.0, 2.0, 3.0, 3.0]);
        same(&run(&[1.0, -3.0, NO], |d| scale(d, 2.0)), &[0.5, -1.5, NO]);
    }
}
