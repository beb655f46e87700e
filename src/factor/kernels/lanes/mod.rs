//! The fast kernels: a block of [`LANES`] instruments side by side, one vector a row.
//!
//! A rolling kernel walks its rows in chunks as long as its window, aligned to the panel's rows (van Herk): a window
//! is the tail of one chunk and the head of the next, so each value costs the same whatever the window, nothing is
//! ever subtracted, and nothing drifts. A value depends on the rows of its own window and on their place in the panel
//! only: full history, a part of it and the latest day give the same bits.
//! Missing is NaN; windows count infinity as missing. Every kernel has a slower twin in the files beside this folder,
//! which the tests hold it to.

pub mod element;
pub mod ewm;
pub mod extremes;
pub mod pairs;
pub mod scan;
pub mod simd;
pub mod sorted;
pub mod sums;
#[cfg(test)]
mod testing;

use std::ops::{Add, Div, Mul, Neg, Range, Sub};

use crate::factor::panel::LANES;

/// The values of one row of a block.
pub type Row<T> = [T; LANES];

/// A number that lanes hold.
pub trait Lane:
    Copy
    + PartialOrd
    + Default
    + Send
    + Sync
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// Missing.
    const NAN: Self;
    /// Above all.
    const INFINITY: Self;
    /// As `f64`.
    fn wide(self) -> f64;
    /// Whether it is NaN.
    #[inline(always)]
    fn is_missing(self) -> bool {
        self.wide().is_nan()
    }
    /// From `f64`, rounded.
    fn of(value: f64) -> Self;
    /// From another lane's number, rounded where it is wider.
    #[inline(always)]
    fn cast<T: Lane>(value: T) -> Self {
        Self::of(value.wide())
    }
}

impl Lane for f32 {
    const NAN: Self = f32::NAN;
    const INFINITY: Self = f32::INFINITY;
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Lane for f64 {
    const NAN: Self = f64::NAN;
    const INFINITY: Self = f64::INFINITY;
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
}

/// Rows of a block with the panel's row at which they start.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// The values.
    pub values: &'a [Row<T>],
    /// Row of the panel of the first of them.
    pub first: usize,
}

impl<'a, T: Lane> Rows<'a, T> {
    /// Row of the panel after the last.
    pub fn end(&self) -> usize {
        self.first + self.values.len()
    }

    /// The values from row `from` of the panel to before `to`, as far as they are there.
    pub fn part(&self, from: usize, to: usize) -> &'a [Row<T>] {
        let low = from.saturating_sub(self.first).min(self.values.len());
        let high = to.saturating_sub(self.first).clamp(low, self.values.len());
        self.values.get(low..high).unwrap_or(&[])
    }
}

/// One chunk of a walk, and the chunk before it as far as it is there; rows of the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Rows of the chunk before.
    pub before: Range<usize>,
    /// Rows of this chunk.
    pub this: Range<usize>,
    /// Where this chunk would start if all its rows were there.
    pub boundary: usize,
}

/// Cuts the rows that the results `out` need into aligned chunks. `window` 0 is one chunk from the first row on.
pub fn chunks(first: usize, out: &Range<usize>, window: usize) -> impl Iterator<Item = Chunk> {
    let (out, size) = (out.clone(), if window == 0 { usize::MAX } else { window });
    let mut start = if window == 0 { 0 } else { out.start / size * size };
    let mut done = false;
    std::iter::from_fn(move || {
        if done || start >= out.end {
            return None;
        }
        let end = start.checked_add(size);
        let stop = end.unwrap_or(out.end).min(out.end);
        let before = start.saturating_sub(size).max(first).min(start)..start;
        let boundary = if window == 0 { first } else { start };
        let chunk = Chunk { before, this: start.max(first)..stop, boundary };
        match end {
            Some(end) => start = end,
            None => done = true,
        }
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_aligned_to_the_panel_and_know_the_chunk_before() {
        let found: Vec<Chunk> = chunks(3, &(12..31), 10).collect();
        let expected = [(3..10, 10..20), (10..20, 20..30), (20..30, 30..31)];
        let chunk = |(before, this): (_, Range<usize>)| Chunk { before, boundary: this.start, this };
        assert_eq!(found, expected.map(chunk));
        let all: Vec<Chunk> = chunks(3, &(12..31), 0).collect();
        assert_eq!(all, [Chunk { before: 0..0, this: 3..31, boundary: 3 }]);
    }

    #[test]
    fn parts_are_cut_to_the_rows_that_are_there() {
        let values = [[1.0_f32; LANES], [2.0; LANES]];
        let rows = Rows { values: &values, first: 5 };
        assert_eq!((rows.part(0, 6).len(), rows.part(6, 99).len(), rows.part(9, 12).len()), (1, 1, 0));
    }
}
