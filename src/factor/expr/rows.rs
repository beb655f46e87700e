//! Steps that move or mark whole rows of a block, lane by lane where the lanes' own series differ.

use std::ops::Range;

use crate::factor::kernels::lanes::{Lane, Row, Rows};
use crate::factor::panel::LANES;

/// Makes the rows missing that lie outside the lanes' own series.
pub(super) fn mask<T: Lane>(values: &mut [Row<T>], first: usize, starts: &Row<usize>, ends: &Row<usize>) {
    for (lane, (start, end)) in starts.iter().zip(ends).enumerate() {
        let before = start.saturating_sub(first).min(values.len());
        let after = end.saturating_sub(first).min(values.len()).max(before);
        let (inside, late) = values.split_at_mut(after);
        let early = inside.iter_mut().take(if start < end { before } else { usize::MAX });
        for row in early.chain(late) {
            if let Some(slot) = row.get_mut(lane) {
                *slot = T::NAN;
            }
        }
    }
}

/// The value `by` rows ago (negative: ahead), read inside each lane's own series only.
pub(super) fn shift<T: Lane, O: Lane>(
    x: Rows<'_, T>,
    by: i64,
    rows: &Range<usize>,
    (starts, ends): (Row<usize>, Row<usize>),
    out: &mut [Row<O>],
) {
    let from = rows.start as i64 - by;
    for (k, slot) in out.iter_mut().enumerate() {
        let source = usize::try_from(from + k as i64).ok().and_then(|at| at.checked_sub(x.first));
        *slot = match source.and_then(|at| x.values.get(at)) {
            Some(row) => row.map(|v| O::of(v.wide())),
            None => [O::NAN; LANES],
        };
    }
    // Rows that stand outside a lane's series may hold values that a window reached.
    let moved = |at: &usize| usize::try_from(*at as i64 + by).unwrap_or(0);
    let starts = starts.each_ref().map(moved);
    let ends = ends.each_ref().map(moved);
    mask(out, rows.start, &starts, &ends);
}

/// The first value of each lane that may be read, on every row.
pub(super) fn first_value<T: Lane, O: Lane>(x: Rows<'_, T>, starts: &Row<usize>, out: &mut [Row<O>]) {
    let mut values = [O::NAN; LANES];
    for ((slot, start), lane) in values.iter_mut().zip(starts).zip(0..) {
        let row = start.checked_sub(x.first).and_then(|at| x.values.get(at));
        *slot = row.and_then(|r| r.get(lane)).map_or(O::NAN, |v| O::of(v.wide()));
    }
    out.fill(values);
}

/// Works out one lane after the other on all its rows; `from` is the row of the panel of the first.
pub(super) fn by_lane<T: Lane>(
    x: Rows<'_, T>,
    rows: &Range<usize>,
    out: &mut [Row<f64>],
    kernel: impl Fn(&[f64], usize) -> Vec<f64>,
) {
    for lane in 0..LANES {
        let series: Vec<f64> = x.values.iter().filter_map(|r| r.get(lane)).map(|v| v.wide()).collect();
        let results = kernel(&series, x.first);
        let wanted = results.iter().skip(rows.start.saturating_sub(x.first));
        for (row, value) in out.iter_mut().zip(wanted) {
            if let Some(slot) = row.get_mut(lane) {
                *slot = *value;
            }
        }
    }
}
