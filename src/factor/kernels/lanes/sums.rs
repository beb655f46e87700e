//! Mean, sum, variance and the line through a window, from one set of sums.
//!
//! The sums of a window are those of a tail and a head, each taken about a value of its own that lies in the window;
//! so what cancels is never larger than the window's own spread, and a window of equal values has variance 0 exactly.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "lanes are 0..LANES of arrays; tails have a row per row of their chunk"
)]

use std::ops::Range;

use super::simd::fastest;
use super::{Lane, Row, Rows, chunks};
use crate::factor::kernels::line::DEVIATION_MIN;
use crate::factor::panel::LANES;

/// Where the results go; what is `None` is not worked out. Each has a row for each row asked for.
#[derive(Debug, Default)]
pub struct Sums<'a> {
    /// Mean.
    pub mean: Option<&'a mut [Row<f64>]>,
    /// Sum.
    pub sum: Option<&'a mut [Row<f64>]>,
    /// Sample variance.
    pub variance: Option<&'a mut [Row<f64>]>,
    /// Sample standard deviation.
    pub deviation: Option<&'a mut [Row<f64>]>,
    /// Slope of the line on the row number.
    pub slope: Option<&'a mut [Row<f64>]>,
    /// Newest value less the line.
    pub residual: Option<&'a mut [Row<f64>]>,
    /// Share of the variance that the line explains.
    pub r_square: Option<&'a mut [Row<f64>]>,
    /// Whether an infinity makes the line missing for ever after, as Qlib's running sums do.
    pub endless: bool,
}

/// Variance of the deviation at or under which Qlib calls a fit undefined.
pub(super) const VARIANCE_MIN: f64 = DEVIATION_MIN * DEVIATION_MIN;

/// Number of values, Σy.
const FIRST: usize = 2;
/// And Σy².
const SECOND: usize = 3;
/// And Σt, Σt², Σty.
const LINE: usize = 6;

/// Sums about a pivot (NaN until there is a value). K of: n, Σy, Σy², Σt, Σt², Σty, with y = x - pivot and t the row
/// less that of the boundary.
#[derive(Clone, Copy)]
struct Part<const K: usize> {
    pivot: Row<f64>,
    sums: [Row<f64>; K],
}

impl<const K: usize> Part<K> {
    const EMPTY: Self = Self { pivot: [f64::NAN; LANES], sums: [[0.0; LANES]; K] };

    #[inline(always)]
    fn add<T: Lane>(&mut self, x: &Row<T>, t: f64) {
        for l in 0..LANES {
            let value = x[l].wide();
            let there = value.abs() < f64::INFINITY;
            let pivot = if there & self.pivot[l].is_nan() { value } else { self.pivot[l] };
            let y = if there { value - pivot } else { 0.0 };
            self.pivot[l] = pivot;
            self.sums[0][l] += if there { 1.0 } else { 0.0 };
            self.sums[1][l] += y;
            if K >= SECOND {
                self.sums[2][l] += y * y;
            }
            if K >= LINE {
                let t = if there { t } else { 0.0 };
                self.sums[3][l] += t;
                self.sums[4][l] += t * t;
                self.sums[5][l] += t * y;
            }
        }
    }

    /// The sums of both; right where they have one pivot, or one of them is empty.
    #[inline(always)]
    fn with(mut self, tail: &[Row<f64>; K]) -> Self {
        for k in 0..K {
            for l in 0..LANES {
                self.sums[k][l] += tail[k][l];
            }
        }
        self
    }

    /// The sums of both about the head's pivot (the tail's where the head is empty).
    #[inline(always)]
    fn joined(mut self, tail: &[Row<f64>; K], tail_pivot: &Row<f64>) -> Self {
        for l in 0..LANES {
            let n = tail[0][l];
            let pivot = if self.pivot[l].is_nan() { tail_pivot[l] } else { self.pivot[l] };
            let shift = if n == 0.0 { 0.0 } else { tail_pivot[l] - pivot };
            self.pivot[l] = pivot;
            self.sums[1][l] += n * shift;
            if K >= SECOND {
                self.sums[2][l] += shift * (2.0 * tail[1][l] + n * shift);
            }
            if K >= LINE {
                self.sums[5][l] += shift * tail[3][l];
            }
        }
        self.with(tail)
    }
}

/// Works out windows of `window` rows (0: all so far) that end at each of the rows `out` of the panel.
pub fn run<T: Lane>(x: Rows<'_, T>, window: usize, out: &Range<usize>, mut sums: Sums<'_>) {
    let line = sums.slope.is_some() || sums.residual.is_some() || sums.r_square.is_some();
    let second = sums.variance.is_some() || sums.deviation.is_some();
    if line {
        fastest(
            #[inline(always)]
            || walk::<T, LINE>(x, window, out, &mut sums),
        );
    } else if second {
        fastest(
            #[inline(always)]
            || walk::<T, SECOND>(x, window, out, &mut sums),
        );
    } else {
        fastest(
            #[inline(always)]
            || walk::<T, FIRST>(x, window, out, &mut sums),
        );
    }
    if line && sums.endless {
        end_lines(x, out, &mut sums);
    }
}

/// Makes the line missing from each lane's first infinity on.
fn end_lines<T: Lane>(x: Rows<'_, T>, out: &Range<usize>, sums: &mut Sums<'_>) {
    let Sums { slope, residual, r_square, .. } = sums;
    for l in 0..LANES {
        let Some(broken) = x.values.iter().position(|row| row[l].wide().is_infinite()) else { continue };
        let from = (x.first + broken).saturating_sub(out.start).min(out.len());
        for rows in [&mut *slope, &mut *residual, &mut *r_square].into_iter().flatten() {
            rows[from..].iter_mut().for_each(|row| row[l] = f64::NAN);
        }
    }
}

#[inline(always)]
fn walk<T: Lane, const K: usize>(x: Rows<'_, T>, window: usize, out: &Range<usize>, sums: &mut Sums<'_>) {
    let mut tails: Vec<[Row<f64>; K]> = Vec::new();
    for chunk in chunks(x.first, out, window) {
        let boundary = chunk.boundary;
        let (before, this) =
            (x.part(chunk.before.start, chunk.before.end), x.part(chunk.this.start, chunk.this.end));
        let mut tail = Part::<K>::EMPTY;
        // Every window of this chunk holds its first row: where that is there, it is the pivot of both parts.
        if let (Some(row), true) = (this.first(), chunk.this.start == boundary) {
            tail.pivot = finite(row);
        }
        tails.resize(before.len() + 1, tail.sums);
        tails[0] = tail.sums;
        for (k, row) in before.iter().enumerate().rev() {
            tail.add(row, (chunk.before.start + k) as f64 - boundary as f64);
            tails[before.len() - k] = tail.sums;
        }
        let one_pivot = this.first().is_none_or(|row| shares_pivot(&finite(row), &tail.sums[0]));
        let mut head = Part::<K>::EMPTY;
        for (k, row) in this.iter().enumerate() {
            let at = chunk.this.start + k;
            let t = at as f64 - boundary as f64;
            head.add(row, t);
            if at < out.start {
                continue;
            }
            let taken =
                if window == 0 { 0 } else { (window - 1).saturating_sub(at - boundary).min(before.len()) };
            let tail_sums = &tails[taken];
            let all = if one_pivot { head.with(tail_sums) } else { head.joined(tail_sums, &tail.pivot) };
            emit(sums, at - out.start, &all, row, t, window > 0);
        }
    }
}

/// The values of a row that are there; NaN for others.
#[inline(always)]
pub(super) fn finite<T: Lane>(row: &Row<T>) -> Row<f64> {
    row.map(
        #[inline(always)]
        |v| {
            let value = v.wide();
            if value.abs() < f64::INFINITY { value } else { f64::NAN }
        },
    )
}

/// Whether each lane has a first value that was the pivot of its tail, or nothing in its tail.
#[inline(always)]
pub(super) fn shares_pivot(first: &Row<f64>, count: &Row<f64>) -> bool {
    let mut apart = false;
    for l in 0..LANES {
        apart |= first[l].is_nan() & (count[l] > 0.0);
    }
    !apart
}

#[inline(always)]
fn put(slot: &mut Option<&mut [Row<f64>]>, at: usize, value: impl Fn(usize) -> f64) {
    if let Some(rows) = slot {
        let row = &mut rows[at];
        for l in 0..LANES {
            row[l] = value(l);
        }
    }
}

#[inline(always)]
fn emit<T: Lane, const K: usize>(
    sums: &mut Sums<'_>,
    at: usize,
    all: &Part<K>,
    newest: &Row<T>,
    t: f64,
    flat_is_missing: bool,
) {
    let s = &all.sums;
    let n = &s[0];
    put(
        &mut sums.sum,
        at,
        #[inline(always)]
        |l| if n[l] > 0.0 { n[l] * all.pivot[l] + s[1][l] } else { f64::NAN },
    );
    // Sums of whole numbers are exact, so their means are divided once, as pandas does; equal values give their value.
    put(
        &mut sums.mean,
        at,
        #[inline(always)]
        |l| {
            let mean = if s[1][l] == 0.0 { all.pivot[l] } else { (n[l] * all.pivot[l] + s[1][l]) / n[l] };
            if n[l] > 0.0 { mean } else { f64::NAN }
        },
    );
    if K < SECOND {
        return;
    }
    let (mut share, mut spread, mut variance) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        share[l] = 1.0 / n[l];
        let about_mean = s[2][l] - s[1][l] * s[1][l] * share[l];
        spread[l] = if about_mean < 0.0 { 0.0 } else { about_mean };
        variance[l] = if n[l] >= 2.0 { spread[l] / (n[l] - 1.0) } else { f64::NAN };
    }
    put(
        &mut sums.variance,
        at,
        #[inline(always)]
        |l| variance[l],
    );
    put(
        &mut sums.deviation,
        at,
        #[inline(always)]
        |l| variance[l].sqrt(),
    );
    if K >= LINE {
        emit_line(sums, at, all, newest, (t, flat_is_missing), (&share, &spread, &variance));
    }
}

/// The line through a window: `share` is 1/n, `spread` the sum of squares about the mean.
#[inline(always)]
fn emit_line<T: Lane, const K: usize>(
    sums: &mut Sums<'_>,
    at: usize,
    all: &Part<K>,
    newest: &Row<T>,
    (t, flat_is_missing): (f64, bool),
    (share, spread, variance): (&Row<f64>, &Row<f64>, &Row<f64>),
) {
    let s = &all.sums;
    let n = &s[0];
    let (mut slope, mut tt, mut ty) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        tt[l] = s[4][l] - s[3][l] * s[3][l] * share[l];
        ty[l] = s[5][l] - s[3][l] * s[1][l] * share[l];
        slope[l] = if n[l] >= 2.0 { ty[l] / tt[l] } else { f64::NAN };
    }
    put(
        &mut sums.slope,
        at,
        #[inline(always)]
        |l| slope[l],
    );
    if sums.residual.is_some() {
        let newest = finite(newest);
        put(
            &mut sums.residual,
            at,
            #[inline(always)]
            |l| newest[l] - all.pivot[l] - (s[1][l] * share[l] + slope[l] * (t - s[3][l] * share[l])),
        );
    }
    put(
        &mut sums.r_square,
        at,
        #[inline(always)]
        |l| {
            let sloped = variance[l] > VARIANCE_MIN;
            let fit = ty[l] * ty[l] / (tt[l] * spread[l]);
            if flat_is_missing & !sloped { f64::NAN } else { fit }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bits, rows};
    use super::*;

    fn all(plain: bool, values: &[Row<f32>], window: usize) -> Vec<Vec<u64>> {
        let (out, x) = (5..values.len() - 3, Rows { values, first: 0 });
        let mut results = vec![vec![[0.0; LANES]; out.len()]; 7];
        let mut slots = results.iter_mut().map(|r| Some(r.as_mut_slice()));
        let mut slot = || slots.next().flatten();
        let mut sums = Sums {
            mean: slot(),
            sum: slot(),
            variance: slot(),
            deviation: slot(),
            slope: slot(),
            residual: slot(),
            r_square: slot(),
            endless: false,
        };
        match plain {
            true => walk::<f32, LINE>(x, window, &out, &mut sums),
            false => run(x, window, &out, sums),
        }
        results.iter().map(|r| bits(r)).collect()
    }

    #[test]
    fn wide_vectors_change_no_bit() {
        for (seed, window) in [(1, 1), (2, 3), (3, 20), (4, 60), (5, 0), (6, 500)] {
            let values = rows(seed, 260);
            assert_eq!(all(true, &values, window), all(false, &values, window), "window {window}");
        }
    }

    #[test]
    fn what_has_left_the_window_leaves_nothing_behind() {
        let mut values = vec![[1.0_f32; LANES]; 40];
        values[9] = [1e30; LANES];
        let (mut mean, mut deviation) = (vec![[0.0; LANES]; 40], vec![[0.0; LANES]; 40]);
        let sums = Sums { mean: Some(&mut mean), deviation: Some(&mut deviation), ..Sums::default() };
        run(Rows { values: &values, first: 0 }, 4, &(0..40), sums);
        assert_eq!((mean[13], deviation[13]), ([1.0; LANES], [0.0; LANES]));
        assert_eq!(deviation[0][0].to_bits(), f64::NAN.to_bits());
    }
}
