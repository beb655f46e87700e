//! Correlation, covariance and the regression of one series on another, over the rows where both are there.
//!
//! Sums are taken as in [`super::sums`]: about values that lie in the window.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "lanes are 0..LANES of arrays; tails have a row per row of their chunk"
)]

use std::ops::Range;

use super::simd::fastest;
use super::sums::{VARIANCE_MIN, finite, shares_pivot};
use super::{Lane, Row, Rows, chunks};
use crate::factor::panel::LANES;

/// Where the results go; what is `None` is not worked out. Each has a row for each row asked for.
#[derive(Debug, Default)]
pub struct Pairs<'a> {
    /// Sample covariance.
    pub covariance: Option<&'a mut [Row<f64>]>,
    /// Pearson's correlation.
    pub correlation: Option<&'a mut [Row<f64>]>,
    /// Slope of the first on the second.
    pub beta: Option<&'a mut [Row<f64>]>,
    /// The newest of the first less its line on the second.
    pub residual: Option<&'a mut [Row<f64>]>,
}

/// n, Σa, Σb, Σa², Σb², Σab about the pivots.
const SUMS: usize = 6;

/// Sums about pivots (NaN until there is a pair).
#[derive(Clone, Copy)]
struct Part {
    pivot_a: Row<f64>,
    pivot_b: Row<f64>,
    sums: [Row<f64>; SUMS],
}

impl Part {
    const EMPTY: Self =
        Self { pivot_a: [f64::NAN; LANES], pivot_b: [f64::NAN; LANES], sums: [[0.0; LANES]; SUMS] };

    #[inline(always)]
    fn add<A: Lane, B: Lane>(&mut self, a: &Row<A>, b: &Row<B>) {
        for l in 0..LANES {
            let (a, b) = (a[l].wide(), b[l].wide());
            let there = (a.abs() < f64::INFINITY) & (b.abs() < f64::INFINITY);
            let first = there & self.pivot_a[l].is_nan();
            let pivot_a = if first { a } else { self.pivot_a[l] };
            let pivot_b = if first { b } else { self.pivot_b[l] };
            let x = if there { a - pivot_a } else { 0.0 };
            let y = if there { b - pivot_b } else { 0.0 };
            self.pivot_a[l] = pivot_a;
            self.pivot_b[l] = pivot_b;
            self.sums[0][l] += if there { 1.0 } else { 0.0 };
            self.sums[1][l] += x;
            self.sums[2][l] += y;
            self.sums[3][l] += x * x;
            self.sums[4][l] += y * y;
            self.sums[5][l] += x * y;
        }
    }

    /// The sums of both; right where they have one pivot, or one of them is empty.
    #[inline(always)]
    fn with(mut self, tail: &[Row<f64>; SUMS]) -> Self {
        for k in 0..SUMS {
            for l in 0..LANES {
                self.sums[k][l] += tail[k][l];
            }
        }
        self
    }

    /// The sums of both about the head's pivots (the tail's where the head is empty).
    #[inline(always)]
    fn joined(mut self, tail: &[Row<f64>; SUMS], before: &Self) -> Self {
        for l in 0..LANES {
            let n = tail[0][l];
            let empty = self.pivot_a[l].is_nan();
            let pivot_a = if empty { before.pivot_a[l] } else { self.pivot_a[l] };
            let pivot_b = if empty { before.pivot_b[l] } else { self.pivot_b[l] };
            let u = if n == 0.0 { 0.0 } else { before.pivot_a[l] - pivot_a };
            let v = if n == 0.0 { 0.0 } else { before.pivot_b[l] - pivot_b };
            let (x, y) = (tail[1][l], tail[2][l]);
            self.pivot_a[l] = pivot_a;
            self.pivot_b[l] = pivot_b;
            self.sums[1][l] += n * u;
            self.sums[2][l] += n * v;
            self.sums[3][l] += u * (2.0 * x + n * u);
            self.sums[4][l] += v * (2.0 * y + n * v);
            self.sums[5][l] += u * y + v * x + n * u * v;
        }
        self.with(tail)
    }
}

/// The values of a pair of rows where both are there; NaN for others.
#[inline(always)]
fn complete<A: Lane, B: Lane>(a: &Row<A>, b: &Row<B>) -> (Row<f64>, Row<f64>) {
    let (mut x, mut y) = (finite(a), finite(b));
    for l in 0..LANES {
        let missing = x[l].is_nan() | y[l].is_nan();
        x[l] = if missing { f64::NAN } else { x[l] };
        y[l] = if missing { f64::NAN } else { y[l] };
    }
    (x, y)
}

/// The two sides of the pairs.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a, A, B> {
    /// First series.
    pub a: Rows<'a, A>,
    /// Second series.
    pub b: Rows<'a, B>,
}

/// The sides' own sample variances over the same windows, one row for each row asked for: where one is next to
/// nothing, Qlib calls the correlation undefined.
#[derive(Debug, Clone, Copy)]
pub struct Spreads<'a> {
    /// Of the first series.
    pub a: &'a [Row<f64>],
    /// Of the second series.
    pub b: &'a [Row<f64>],
}

/// Works out windows of `window` rows (0: all so far) that end at each of the rows `out` of the panel. The
/// correlation is asked for together with `spreads`.
pub fn run<A: Lane, B: Lane>(
    sides: Sides<'_, A, B>,
    spreads: Option<Spreads<'_>>,
    window: usize,
    out: &Range<usize>,
    pairs: Pairs<'_>,
) {
    fastest(
        #[inline(always)]
        || walk(sides, spreads, window, out, pairs),
    );
}

#[inline(always)]
fn walk<A: Lane, B: Lane>(
    sides: Sides<'_, A, B>,
    spreads: Option<Spreads<'_>>,
    window: usize,
    out: &Range<usize>,
    mut pairs: Pairs<'_>,
) {
    let first = sides.a.first.max(sides.b.first);
    let mut tails: Vec<[Row<f64>; SUMS]> = Vec::new();
    for chunk in chunks(first, out, window) {
        let boundary = chunk.boundary;
        let (before, this) = (&chunk.before, &chunk.this);
        let (before_a, before_b) =
            (sides.a.part(before.start, before.end), sides.b.part(before.start, before.end));
        let (this_a, this_b) = (sides.a.part(this.start, this.end), sides.b.part(this.start, this.end));
        let mut tail = Part::EMPTY;
        let opening = this_a.first().zip(this_b.first()).map(|(a, b)| complete(a, b));
        if let (Some((a, b)), true) = (opening, this.start == boundary) {
            (tail.pivot_a, tail.pivot_b) = (a, b);
        }
        let full = before_a.len();
        tails.resize(full + 1, tail.sums);
        tails[0] = tail.sums;
        for (k, (a, b)) in before_a.iter().zip(before_b).rev().enumerate() {
            tail.add(a, b);
            tails[k + 1] = tail.sums;
        }
        let one_pivot = opening.is_none_or(|(a, _)| shares_pivot(&a, &tail.sums[0]));
        let mut head = Part::EMPTY;
        for (k, (a, b)) in this_a.iter().zip(this_b).enumerate() {
            let at = this.start + k;
            head.add(a, b);
            if at < out.start {
                continue;
            }
            let taken = if window == 0 { 0 } else { (window - 1).saturating_sub(at - boundary).min(full) };
            let all = if one_pivot { head.with(&tails[taken]) } else { head.joined(&tails[taken], &tail) };
            emit(&mut pairs, spreads, at - out.start, &all, a, b);
        }
    }
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
fn emit<A: Lane, B: Lane>(
    pairs: &mut Pairs<'_>,
    spreads: Option<Spreads<'_>>,
    at: usize,
    all: &Part,
    a: &Row<A>,
    b: &Row<B>,
) {
    let s = &all.sums;
    let n = &s[0];
    let (mut aa, mut bb, mut ab) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        let share = 1.0 / n[l];
        let (x, y) = (s[3][l] - s[1][l] * s[1][l] * share, s[4][l] - s[2][l] * s[2][l] * share);
        aa[l] = if x < 0.0 { 0.0 } else { x };
        bb[l] = if y < 0.0 { 0.0 } else { y };
        ab[l] = if n[l] >= 2.0 { s[5][l] - s[1][l] * s[2][l] * share } else { f64::NAN };
    }
    put(
        &mut pairs.covariance,
        at,
        #[inline(always)]
        |l| ab[l] / (n[l] - 1.0),
    );
    let own = spreads.and_then(|own| Some((own.a.get(at)?, own.b.get(at)?)));
    if let (Some(_), Some((own_a, own_b))) = (&pairs.correlation, own) {
        let correlation = |l: usize| {
            let flat = (own_a[l] <= VARIANCE_MIN) | (own_b[l] <= VARIANCE_MIN);
            if flat { f64::NAN } else { ab[l] / (aa[l] * bb[l]).sqrt() }
        };
        put(&mut pairs.correlation, at, correlation);
    }
    let beta = |l: usize| if bb[l] > 0.0 { ab[l] / bb[l] } else { f64::NAN };
    put(&mut pairs.beta, at, beta);
    let residual = |l: usize| {
        let (a, b) = (a[l].wide(), b[l].wide());
        let pair = (a.abs() < f64::INFINITY) & (b.abs() < f64::INFINITY);
        let line = s[1][l] / n[l] + beta(l) * (b - all.pivot_b[l] - s[2][l] / n[l]);
        if pair { a - all.pivot_a[l] - line } else { f64::NAN }
    };
    put(&mut pairs.residual, at, residual);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bits, rows};
    use super::*;

    #[test]
    fn wide_vectors_change_no_bit() {
        for (seed, window) in [(1, 2), (2, 7), (3, 60), (4, 0)] {
            let (a, b) = (rows(seed, 200), rows(seed + 90, 200));
            let spread = vec![[1.0; LANES]; 190];
            let work = |plain: bool| {
                let mut results = vec![vec![[0.0; LANES]; 190]; 4];
                let mut slots = results.iter_mut().map(|r| Some(r.as_mut_slice()));
                let mut slot = || slots.next().flatten();
                let pairs = Pairs { covariance: slot(), correlation: slot(), beta: slot(), residual: slot() };
                let sides = Sides { a: Rows { values: &a, first: 0 }, b: Rows { values: &b, first: 0 } };
                let spreads = Some(Spreads { a: &spread, b: &spread });
                match plain {
                    true => walk(sides, spreads, window, &(10..200), pairs),
                    false => run(sides, spreads, window, &(10..200), pairs),
                }
                results.iter().map(|r| bits(r)).collect::<Vec<_>>()
            };
            assert_eq!(work(true), work(false), "window {window}");
        }
    }
}
