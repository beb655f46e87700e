//! Quantiles, median and rank from one sorted window.
//!
//! Short windows are kept sorted for all lanes at once: taking the oldest value out and the newest in moves each place
//! by at most one, which is a minimum and a maximum a place. Long ones are kept lane by lane with binary search.
//! Missing values stand at the end as infinity.
#![allow(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "lanes are 0..LANES of arrays; places are below the window's length"
)]

use std::ops::Range;

use super::simd::fastest;
use super::{Lane, Row, Rows};
use crate::factor::panel::LANES;

/// Longest window that is kept sorted for all lanes at once.
const VECTOR_WINDOW_MAX: usize = 256;

/// One result wanted from a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// Interpolated linearly at `q (n - 1)`.
    Quantile(f64),
    /// The middle one, or the mean of the two.
    Median,
    /// Of the newest, ties averaged, over the number there.
    Rank,
    /// Of the newest from 0 to 1.
    Scaled,
}

/// A wanted result and where it goes: a row for each row asked for.
pub type Slot<'a> = (Wanted, &'a mut [Row<f64>]);

/// Works out windows of `window` rows (0: all so far) that end at each of the rows `out` of the panel.
pub fn run<T: Lane>(x: Rows<'_, T>, window: usize, out: &Range<usize>, slots: &mut [Slot<'_>]) {
    if window == 0 || window > VECTOR_WINDOW_MAX {
        return by_lane(x, window, out, slots);
    }
    fastest(
        #[inline(always)]
        || together(x, window, out, slots),
    );
}

/// The value as it is sorted: what is missing is infinite, and there is one zero.
#[inline(always)]
fn key<T: Lane>(value: T) -> T {
    let there = value < T::INFINITY && value > T::of(f64::NEG_INFINITY);
    if there { value + T::default() } else { T::INFINITY }
}

#[inline(always)]
fn together<T: Lane>(x: Rows<'_, T>, window: usize, out: &Range<usize>, slots: &mut [Slot<'_>]) {
    // One place before and one after the window, so that each place has two neighbours.
    let mut sorted: Vec<Row<T>> = vec![[T::INFINITY; LANES]; window + 2];
    sorted[0] = [T::of(f64::NEG_INFINITY); LANES];
    let mut history: Vec<Row<T>> = vec![[T::INFINITY; LANES]; window];
    let mut count = [0.0_f64; LANES];
    let start = (out.start + 1).saturating_sub(window).max(x.first);
    for (k, row) in x.part(start, out.end).iter().enumerate() {
        let at = start + k;
        let place = k % window;
        let old = history[place];
        let mut new = [T::INFINITY; LANES];
        for l in 0..LANES {
            new[l] = key(row[l]);
            count[l] += if new[l] < T::INFINITY { 1.0 } else { 0.0 };
            count[l] -= if old[l] < T::INFINITY { 1.0 } else { 0.0 };
        }
        history[place] = new;
        replace(&mut sorted, &old, &new);
        if at >= out.start {
            emit(&sorted[1..=window], &new, &count, at - out.start, slots);
        }
    }
}

/// Takes one value out of the sorted places of each lane and one in.
#[inline(always)]
fn replace<T: Lane>(sorted: &mut [Row<T>], old: &Row<T>, new: &Row<T>) {
    let mut below = sorted[0];
    for at in 1..sorted.len() - 1 {
        let here = sorted[at];
        let above = sorted[at + 1];
        let mut next = here;
        for l in 0..LANES {
            let (low, x, high, o, n) = (below[l], here[l], above[l], old[l], new[l]);
            let up = if high < n { high } else { n };
            let up = if x > up { x } else { up };
            let up = if x < o { x } else { up };
            let down = if low > n { low } else { n };
            let down = if x < down { x } else { down };
            let down = if x > o { x } else { down };
            next[l] = if n >= o { up } else { down };
        }
        sorted[at] = next;
        below = here;
    }
}

#[inline(always)]
fn emit<T: Lane>(sorted: &[Row<T>], newest: &Row<T>, count: &Row<f64>, at: usize, slots: &mut [Slot<'_>]) {
    for (wanted, rows) in slots.iter_mut() {
        let row = &mut rows[at];
        match *wanted {
            Wanted::Quantile(q) => {
                for l in 0..LANES {
                    row[l] = quantile(
                        count[l],
                        q,
                        #[inline(always)]
                        |k| sorted[k.min(sorted.len() - 1)][l].wide(),
                    );
                }
            }
            Wanted::Median => {
                for l in 0..LANES {
                    row[l] = median(
                        count[l],
                        #[inline(always)]
                        |k| sorted[k.min(sorted.len() - 1)][l].wide(),
                    );
                }
            }
            Wanted::Rank | Wanted::Scaled => {
                let (none, one) = (T::default(), T::of(1.0));
                let (mut below, mut equal) = ([none; LANES], [none; LANES]);
                for place in sorted {
                    for l in 0..LANES {
                        below[l] = below[l] + if place[l] < newest[l] { one } else { none };
                        equal[l] = equal[l] + if place[l] == newest[l] { one } else { none };
                    }
                }
                for l in 0..LANES {
                    let there = newest[l] < T::INFINITY;
                    row[l] = ranked(*wanted, below[l].wide(), equal[l].wide(), count[l], there);
                }
            }
        }
    }
}

#[inline(always)]
fn ranked(wanted: Wanted, below: f64, equal: f64, count: f64, there: bool) -> f64 {
    if !there {
        return f64::NAN;
    }
    let rank = below + (equal + 1.0) / 2.0;
    if wanted == Wanted::Scaled { (rank - 1.0) / (count - 1.0) } else { rank / count }
}

#[inline(always)]
fn quantile(count: f64, q: f64, value: impl Fn(usize) -> f64) -> f64 {
    if count < 1.0 {
        return f64::NAN;
    }
    let at = q * (count - 1.0);
    let below = at as usize;
    let low = value(below);
    let high = value((below + 1).min(count as usize - 1));
    low + (high - low) * (at - below as f64)
}

#[inline(always)]
fn median(count: f64, value: impl Fn(usize) -> f64) -> f64 {
    if count < 1.0 {
        return f64::NAN;
    }
    let n = count as usize;
    if n % 2 == 1 { value(n / 2) } else { (value(n / 2 - 1) + value(n / 2)) / 2.0 }
}

fn by_lane<T: Lane>(x: Rows<'_, T>, window: usize, out: &Range<usize>, slots: &mut [Slot<'_>]) {
    let start = if window == 0 { x.first } else { (out.start + 1).saturating_sub(window).max(x.first) };
    let rows = x.part(start, out.end);
    for l in 0..LANES {
        let mut sorted: Vec<T> = Vec::new();
        for (k, row) in rows.iter().enumerate() {
            let newest = key(row[l]);
            if window > 0 && k >= window {
                let old = key(rows[k - window][l]);
                let place = sorted.partition_point(|v| *v < old);
                if old < T::INFINITY {
                    sorted.remove(place);
                }
            }
            if newest < T::INFINITY {
                let place = sorted.partition_point(|v| *v < newest);
                sorted.insert(place, newest);
            }
            let at = start + k;
            if at < out.start {
                continue;
            }
            let count = sorted.len() as f64;
            let value = |k: usize| sorted[k].wide();
            for (wanted, results) in slots.iter_mut() {
                results[at - out.start][l] = match *wanted {
                    Wanted::Quantile(q) => quantile(count, q, value),
                    Wanted::Median => median(count, value),
                    Wanted::Rank | Wanted::Scaled => {
                        let below = sorted.partition_point(|v| *v < newest) as f64;
                        let equal = sorted.partition_point(|v| *v <= newest) as f64 - below;
                        ranked(*wanted, below, equal, count, newest < T::INFINITY)
                    }
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bits, rows};
    use super::*;

    const WANTED: [Wanted; 4] = [Wanted::Quantile(0.2), Wanted::Median, Wanted::Rank, Wanted::Scaled];

    fn with(kernel: impl Fn(Rows<'_, f32>, &Range<usize>, &mut [Slot<'_>]), seed: u64) -> Vec<Vec<u64>> {
        let values = rows(seed, 200);
        let mut results = vec![vec![[0.0; LANES]; 190]; WANTED.len()];
        let mut slots: Vec<Slot<'_>> =
            WANTED.into_iter().zip(results.iter_mut().map(Vec::as_mut_slice)).collect();
        kernel(Rows { values: &values, first: 0 }, &(10..200), &mut slots);
        results.iter().map(|r| bits(r)).collect()
    }

    #[test]
    fn wide_vectors_and_the_way_lane_by_lane_give_the_same_bits() {
        for (seed, window) in [(1, 1), (2, 2), (3, 9), (4, 60), (5, 150)] {
            let fast = with(|x, out, slots| run(x, window, out, slots), seed);
            assert_eq!(fast, with(|x, out, slots| together(x, window, out, slots), seed), "window {window}");
            assert_eq!(fast, with(|x, out, slots| by_lane(x, window, out, slots), seed), "window {window}");
        }
    }
}
