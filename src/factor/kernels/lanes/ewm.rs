//! Exponentially weighted means of all lanes at once; see [`crate::factor::kernels::ewm`] for the rule.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "lanes are 0..LANES of arrays; a result row stands for a row asked for"
)]

use std::ops::Range;

use super::simd::fastest;
use super::{Lane, Row, Rows};
use crate::factor::panel::LANES;

/// The mean with that alpha at each of the rows `out`, over all rows from the first on.
pub fn run<T: Lane>(x: Rows<'_, T>, alpha: f64, out: &Range<usize>, results: &mut [Row<f64>]) {
    fastest(
        #[inline(always)]
        || walk(x, alpha, out, results),
    );
}

#[inline(always)]
fn walk<T: Lane>(x: Rows<'_, T>, alpha: f64, out: &Range<usize>, results: &mut [Row<f64>]) {
    let (mut mean, mut weight) = ([f64::NAN; LANES], [1.0; LANES]);
    for (k, row) in x.part(x.first, out.end).iter().enumerate() {
        for l in 0..LANES {
            let value = row[l].wide();
            let value = if value.abs() < f64::INFINITY { value } else { f64::NAN };
            if mean[l].is_nan() {
                mean[l] = value;
                continue;
            }
            weight[l] *= 1.0 - alpha;
            if !value.is_nan() {
                if mean[l] != value {
                    mean[l] = (weight[l] * mean[l] + value) / (weight[l] + 1.0);
                }
                weight[l] += 1.0;
            }
        }
        if x.first + k >= out.start {
            results[x.first + k - out.start] = mean;
        }
    }
}
