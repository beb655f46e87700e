//! One field for all instruments, laid out for kernels that work on several instruments at once.
//!
//! Time is contiguous within a block of [`LANES`] instruments that stand side by side: a row of a block is one vector.

use std::ops::Range;

/// Instruments side by side in one block of a column: one vector of `f32` lanes.
pub const LANES: usize = 8;

/// One field for all instruments, in blocks of [`LANES`] of them: `[block][row][lane]`. The lanes after the last
/// instrument of the last block are NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    rows: usize,
    instruments: usize,
    values: Vec<f32>,
}

impl Column {
    /// A column from its values in blocks; `None` unless they are just as many as that many instruments take.
    pub fn new(rows: usize, instruments: usize, values: Vec<f32>) -> Option<Self> {
        let wanted = instruments.div_ceil(LANES).checked_mul(rows)?.checked_mul(LANES)?;
        (rows > 0 && values.len() == wanted).then_some(Self { rows, instruments, values })
    }

    /// A column of the instruments' own series; one that is too short is missing at its end.
    pub fn of_series(rows: usize, series: &[Vec<f32>]) -> Self {
        let mut column = Self::missing(rows, series.len());
        for (instrument, values) in series.iter().enumerate() {
            values.iter().enumerate().for_each(|(row, value)| column.set(instrument, row, *value));
        }
        column
    }

    /// All missing.
    pub fn missing(rows: usize, instruments: usize) -> Self {
        Self { rows, instruments, values: vec![f32::NAN; instruments.div_ceil(LANES) * rows * LANES] }
    }

    /// A column whose every value will be written; until then it is 0.
    pub(in crate::factor) fn unwritten(rows: usize, instruments: usize) -> Self {
        Self { rows, instruments, values: vec![0.0; instruments.div_ceil(LANES) * rows * LANES] }
    }

    /// Becomes these rows of another column.
    pub(in crate::factor) fn copy_rows(&mut self, other: &Column, rows: Range<usize>) {
        self.fit(rows.len(), other.instruments);
        for block in 0..other.instruments.div_ceil(LANES) {
            let from = other.block(block).get(rows.start * LANES..rows.end * LANES).unwrap_or(&[]);
            let size = self.rows * LANES;
            let to = self.values.get_mut(block * size..(block + 1) * size).unwrap_or_default();
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }

    /// Gives it another shape; its values are to be written anew.
    pub(in crate::factor) fn fit(&mut self, rows: usize, instruments: usize) {
        (self.rows, self.instruments) = (rows, instruments);
        self.values.resize(instruments.div_ceil(LANES) * rows * LANES, 0.0);
    }

    /// Rows of each series.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of instruments.
    pub fn instruments(&self) -> usize {
        self.instruments
    }

    /// All values, block by block.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Whether any value is infinite.
    pub fn has_infinite(&self) -> bool {
        self.values.iter().fold(false, |any, v| any | (v.abs() == f32::INFINITY))
    }

    /// The blocks, each `rows` × [`LANES`] values, to write to.
    pub fn blocks_mut(&mut self) -> std::slice::ChunksExactMut<'_, f32> {
        self.values.chunks_exact_mut((self.rows * LANES).max(1))
    }

    /// The rows of one block; empty when there is no such block.
    pub fn block(&self, block: usize) -> &[f32] {
        let size = self.rows * LANES;
        self.values.get(block * size..(block + 1) * size).unwrap_or(&[])
    }

    /// One instrument's series; all missing when there is no such instrument.
    pub fn series(&self, instrument: usize) -> Vec<f32> {
        (0..self.rows).map(|row| self.get(instrument, row)).collect()
    }

    /// One value; NaN when missing or outside.
    pub fn get(&self, instrument: usize, row: usize) -> f32 {
        self.place(instrument, row).and_then(|at| self.values.get(at)).copied().unwrap_or(f32::NAN)
    }

    /// Writes one value; nothing happens outside.
    pub fn set(&mut self, instrument: usize, row: usize, value: f32) {
        if let Some(slot) = self.place(instrument, row).and_then(|at| self.values.get_mut(at)) {
            *slot = value;
        }
    }

    /// All values of one row, in instrument order.
    pub fn cross_section(&self, row: usize) -> Vec<f32> {
        (0..self.instruments).map(|i| self.get(i, row)).collect()
    }

    fn place(&self, instrument: usize, row: usize) -> Option<usize> {
        let inside = instrument < self.instruments && row < self.rows;
        inside.then(|| ((instrument / LANES) * self.rows + row) * LANES + instrument % LANES)
    }
}
