//! Rows for the tests of kernels: gaps, ties, infinities, tiny and huge values in every lane.

use super::Row;
use crate::factor::panel::LANES;

/// So many rows; the same for the same seed.
pub fn rows(seed: u64, count: usize) -> Vec<Row<f32>> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut cell = move |lane: usize| {
        let (kind, value) = (next() % 23, (next() % 2_000) as f32 / 7.0 - 40.0);
        match (kind, lane) {
            (0, _) => f32::NAN,
            (1, 1 | 5) => f32::INFINITY,
            (2, 2) => f32::NEG_INFINITY,
            (_, 3) => (value / 30.0).round(),
            (_, 4) => value * 1e-9,
            (3 | 4, 6) => value * 1e15,
            (_, 7) => 12.5,
            _ => value,
        }
    };
    (0..count).map(|_| (0..LANES).map(&mut cell).collect::<Vec<_>>().try_into().unwrap()).collect()
}

/// The bits of some rows, all NaN alike.
pub fn bits(rows: &[Row<f64>]) -> Vec<u64> {
    rows.as_flattened().iter().map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() }).collect()
}
