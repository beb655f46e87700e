//! Largest and smallest value of a window and their places.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "lanes are 0..LANES of arrays; tails have a row per row of their chunk"
)]

use std::ops::Range;

use super::simd::fastest;
use super::{Lane, Row, Rows, chunks};
use crate::factor::panel::LANES;

/// Where the results go; what is `None` is not worked out. Each has a row for each row asked for.
#[derive(Debug, Default)]
pub struct Extremes<'a> {
    /// The value.
    pub value: Option<&'a mut [Row<f64>]>,
    /// Its place, 1 for the oldest row of the window; the first missing row wins, as in Qlib.
    pub place: Option<&'a mut [Row<f64>]>,
    /// Its place, missing rows passed over.
    pub place_known: Option<&'a mut [Row<f64>]>,
}

/// Rows of the panel are counted in `f64` here; -1 is none.
const NONE: f64 = -1.0;

/// The best of some rows: its value (minus infinity: none), its row, and the first missing row.
#[derive(Clone, Copy)]
struct Best {
    value: Row<f64>,
    row: Row<f64>,
    gap: Row<f64>,
}

impl Best {
    const EMPTY: Self = Self { value: [f64::NEG_INFINITY; LANES], row: [NONE; LANES], gap: [NONE; LANES] };

    /// Takes in a row older than all so far: it wins ties.
    #[inline(always)]
    fn add_older<T: Lane>(&mut self, x: &Row<T>, sign: f64, row: f64, starts: &Row<f64>) {
        for l in 0..LANES {
            let value = x[l].wide() * sign;
            let there = value.abs() < f64::INFINITY;
            let wins = there & (value >= self.value[l]);
            self.value[l] = if wins { value } else { self.value[l] };
            self.row[l] = if wins { row } else { self.row[l] };
            let gap = !there & (row >= starts[l]);
            self.gap[l] = if gap { row } else { self.gap[l] };
        }
    }

    /// Takes in a row newer than all so far.
    #[inline(always)]
    fn add_newer<T: Lane>(&mut self, x: &Row<T>, sign: f64, row: f64, starts: &Row<f64>) {
        for l in 0..LANES {
            let value = x[l].wide() * sign;
            let there = value.abs() < f64::INFINITY;
            let wins = there & (value > self.value[l]);
            self.value[l] = if wins { value } else { self.value[l] };
            self.row[l] = if wins { row } else { self.row[l] };
            let gap = !there & (row >= starts[l]) & (self.gap[l] == NONE);
            self.gap[l] = if gap { row } else { self.gap[l] };
        }
    }
}

/// Which end is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The largest.
    Largest,
    /// The smallest.
    Smallest,
}

/// Works out windows of `window` rows (0: all so far) that end at each of the rows `out` of the panel. `starts` is
/// the first row of each lane's own series: rows before it are not missing but not there.
pub fn run<T: Lane>(
    x: Rows<'_, T>,
    end: End,
    window: usize,
    out: &Range<usize>,
    starts: &Row<usize>,
    extremes: Extremes<'_>,
) {
    let sign = match end {
        End::Largest => 1.0,
        End::Smallest => -1.0,
    };
    fastest(
        #[inline(always)]
        || walk(x, sign, window, out, starts, extremes),
    );
}

#[inline(always)]
fn walk<T: Lane>(
    x: Rows<'_, T>,
    sign: f64,
    window: usize,
    out: &Range<usize>,
    starts: &Row<usize>,
    mut extremes: Extremes<'_>,
) {
    let starts = starts.map(|s| s as f64);
    let mut tails: Vec<Best> = Vec::new();
    for chunk in chunks(x.first, out, window) {
        let boundary = chunk.boundary;
        let mut tail = Best::EMPTY;
        let before = x.part(chunk.before.start, chunk.before.end);
        let full = before.len();
        tails.resize(full + 1, tail);
        tails[0] = tail;
        for (k, row) in before.iter().enumerate().rev() {
            tail.add_older(row, sign, (chunk.before.start + k) as f64, &starts);
            tails[full - k] = tail;
        }
        let mut head = Best::EMPTY;
        for (k, row) in x.part(chunk.this.start, chunk.this.end).iter().enumerate() {
            let at = chunk.this.start + k;
            head.add_newer(row, sign, at as f64, &starts);
            if at < out.start {
                continue;
            }
            let taken = if window == 0 { 0 } else { (window - 1).saturating_sub(at - boundary).min(full) };
            let oldest = if window == 0 { 0 } else { (at + 1).saturating_sub(window) };
            emit(&mut extremes, at - out.start, (&tails[taken], &head), sign, (oldest as f64, &starts));
        }
    }
}

#[inline(always)]
fn emit(
    extremes: &mut Extremes<'_>,
    at: usize,
    (tail, head): (&Best, &Best),
    sign: f64,
    (oldest, starts): (f64, &Row<f64>),
) {
    let (mut value, mut row, mut gap) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        let older = tail.value[l] >= head.value[l];
        value[l] = if older { tail.value[l] } else { head.value[l] };
        row[l] = if older { tail.row[l] } else { head.row[l] };
        gap[l] = if tail.gap[l] == NONE { head.gap[l] } else { tail.gap[l] };
    }
    if let Some(rows) = &mut extremes.value {
        for l in 0..LANES {
            rows[at][l] = if row[l] == NONE { f64::NAN } else { value[l] * sign };
        }
    }
    let place = |l: usize, row: f64| row - if oldest > starts[l] { oldest } else { starts[l] } + 1.0;
    if let Some(rows) = &mut extremes.place {
        for l in 0..LANES {
            let first = if gap[l] == NONE { row[l] } else { gap[l] };
            rows[at][l] = if row[l] == NONE { f64::NAN } else { place(l, first) };
        }
    }
    if let Some(rows) = &mut extremes.place_known {
        for l in 0..LANES {
            rows[at][l] = if row[l] == NONE { f64::NAN } else { place(l, row[l]) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bits, rows};
    use super::*;

    #[test]
    fn wide_vectors_change_no_bit() {
        let starts = [0, 3, 0, 40, 0, 0, 1, 0];
        for (seed, window) in [(1, 1), (2, 6), (3, 60), (4, 0)] {
            let values = rows(seed, 200);
            let work = |plain: bool| {
                let mut results = vec![vec![[0.0; LANES]; 190]; 3];
                let mut slots = results.iter_mut().map(|r| Some(r.as_mut_slice()));
                let mut slot = || slots.next().flatten();
                let extremes = Extremes { value: slot(), place: slot(), place_known: slot() };
                let x = Rows { values: &values, first: 0 };
                match plain {
                    true => walk(x, 1.0, window, &(10..200), &starts, extremes),
                    false => run(x, End::Largest, window, &(10..200), &starts, extremes),
                }
                results.iter().map(|r| bits(r)).collect::<Vec<_>>()
            };
            assert_eq!(work(true), work(false), "window {window}");
        }
    }
}
