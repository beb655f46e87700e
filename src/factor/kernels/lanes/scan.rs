//! Windows whose kernel looks at all of its rows: one lane after the other, with the slice kernels beside this folder.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "lanes are 0..LANES of arrays; windows end inside the lane's rows"
)]

use std::ops::Range;

use super::{Lane, Row, Rows};
use crate::factor::panel::LANES;

/// Works out `kernel` on windows of `window` rows (0: all so far) that end at each of the rows `out` of the panel.
/// `starts` is the first row of each lane's own series.
pub fn run<T: Lane>(
    x: Rows<'_, T>,
    window: usize,
    out: &Range<usize>,
    starts: &Row<usize>,
    results: &mut [Row<f64>],
    kernel: &dyn Fn(&[f64]) -> f64,
) {
    let mut values: Vec<f64> = Vec::with_capacity(x.values.len());
    for l in 0..LANES {
        values.clear();
        values.extend(
            x.values.iter().map(|row| row[l].wide()).map(|v| if v.is_infinite() { f64::NAN } else { v }),
        );
        for at in out.clone() {
            let last = (at + 1).saturating_sub(x.first).min(values.len());
            let first = starts[l].max(x.first) - x.first;
            let first = if window == 0 { first } else { first.max(last.saturating_sub(window)) };
            results[at - out.start][l] = if first < last { kernel(&values[first..last]) } else { f64::NAN };
        }
    }
}
