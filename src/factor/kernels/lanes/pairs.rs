//! Correlation, covariance and the regression of one series on another, over the rows where both are there.
//!
//! Sums are taken as in [`super::sums`]: about values that lie in the window.
#![allow(
    clippy::indexing_slicing,
    reason = "lanes are 0..LANES of arrays; tails have a row per row of their chunk"
)]

use std::ops::Range;

use super::simd::fastest;
use super::{Lane, Row, Rows, chunks};
use crate::factor::kernels::line::DEVIATION_MIN;
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

#[derive(Clone, Copy)]
struct Part {
    pivot_a: Row<f64>,
    pivot_b: Row<f64>,
    sums: [Row<f64>; SUMS],
}

impl Part {
    const EMPTY: Self = Self { pivot_a: [0.0; LANES], pivot_b: [0.0; LANES], sums: [[0.0; LANES]; SUMS] };

    #[inline(always)]
    fn add<A: Lane, B: Lane>(&mut self, a: &Row<A>, b: &Row<B>) {
        for l in 0..LANES {
            let (a, b) = (a[l].wide(), b[l].wide());
            let there = (a.abs() < f64::INFINITY) & (b.abs() < f64::INFINITY);
            let n = self.sums[0][l];
            let first = there & (n == 0.0);
            let pivot_a = if first { a } else { self.pivot_a[l] };
            let pivot_b = if first { b } else { self.pivot_b[l] };
            let x = if there { a - pivot_a } else { 0.0 };
            let y = if there { b - pivot_b } else { 0.0 };
            self.pivot_a[l] = pivot_a;
            self.pivot_b[l] = pivot_b;
            self.sums[0][l] = n + if there { 1.0 } else { 0.0 };
            self.sums[1][l] += x;
            self.sums[2][l] += y;
            self.sums[3][l] += x * x;
            self.sums[4][l] += y * y;
            self.sums[5][l] += x * y;
        }
    }

    /// The sums of both about the head's pivots (the tail's where the head is empty).
    #[inline(always)]
    fn joined(tail: &[Row<f64>; SUMS], before: &Self, head: &Self) -> Self {
        let mut all = *head;
        for l in 0..LANES {
            let n = tail[0][l];
            let empty = head.sums[0][l] == 0.0;
            let pivot_a = if empty { before.pivot_a[l] } else { head.pivot_a[l] };
            let pivot_b = if empty { before.pivot_b[l] } else { head.pivot_b[l] };
            let u = if n == 0.0 { 0.0 } else { before.pivot_a[l] - pivot_a };
            let v = if n == 0.0 { 0.0 } else { before.pivot_b[l] - pivot_b };
            let (x, y) = (tail[1][l], tail[2][l]);
            all.pivot_a[l] = pivot_a;
            all.pivot_b[l] = pivot_b;
            all.sums[0][l] += n;
            all.sums[1][l] += x + n * u;
            all.sums[2][l] += y + n * v;
            all.sums[3][l] += tail[3][l] + u * (2.0 * x + n * u);
            all.sums[4][l] += tail[4][l] + v * (2.0 * y + n * v);
            all.sums[5][l] += tail[5][l] + u * y + v * x + n * u * v;
        }
        all
    }
}

/// The two sides of the pairs.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a, A, B> {
    /// First series.
    pub a: Rows<'a, A>,
    /// Second series.
    pub b: Rows<'a, B>,
}

/// The sides' own sample deviations over the same windows, one row for each row asked for: where one is next to
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
    let rows = |from: usize, to: usize| sides.a.part(from, to).iter().zip(sides.b.part(from, to));
    let mut tails: Vec<[Row<f64>; SUMS]> = Vec::new();
    for chunk in chunks(first, out, window) {
        let boundary = if window == 0 { chunk.this.start } else { chunk.this.start / window * window };
        let mut tail = Part::EMPTY;
        tails.clear();
        tails.push(tail.sums);
        for (a, b) in rows(chunk.before.start, chunk.before.end).rev() {
            tail.add(a, b);
            tails.push(tail.sums);
        }
        let full = tails.len() - 1;
        let mut head = Part::EMPTY;
        for (k, (a, b)) in rows(chunk.this.start, chunk.this.end).enumerate() {
            let at = chunk.this.start + k;
            head.add(a, b);
            if at < out.start {
                continue;
            }
            let taken = if window == 0 { 0 } else { (window - 1).saturating_sub(at - boundary).min(full) };
            let all = Part::joined(&tails[taken], &tail, &head);
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
        let enough = n[l] >= 2.0;
        aa[l] = (s[3][l] - s[1][l] * s[1][l] / n[l]).max(0.0);
        bb[l] = (s[4][l] - s[2][l] * s[2][l] / n[l]).max(0.0);
        ab[l] = if enough { s[5][l] - s[1][l] * s[2][l] / n[l] } else { f64::NAN };
    }
    put(
        &mut pairs.covariance,
        at,
        #[inline(always)]
        |l| ab[l] / (n[l] - 1.0),
    );
    if let (Some(_), Some(own)) = (&pairs.correlation, spreads) {
        let (own_a, own_b) = (&own.a[at], &own.b[at]);
        let correlation = |l: usize| {
            let flat = (own_a[l] <= DEVIATION_MIN) | (own_b[l] <= DEVIATION_MIN);
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
