//! Writing the rows of one instrument into the blocks of a panel that is being made.
//!
//! Rows of an instrument are given in ascending order, once each; its span runs from the first to the last of them.
//! Prices become adjusted ones here and nowhere else: stored price × factor, volume ÷ factor, as `f64`, then `f32`.
//! The change of a close is over the last close there was.

use std::ops::Range;

use super::{FIELDS, LANES, PanelError};
use crate::domain::{InstrumentId, Price, Volume};

/// Prices of one instrument, one value a bar in each list.
#[derive(Debug, Clone, Copy)]
pub struct Bars<'a> {
    /// First prices.
    pub open: &'a [Price],
    /// Highest prices.
    pub high: &'a [Price],
    /// Lowest prices.
    pub low: &'a [Price],
    /// Last prices.
    pub close: &'a [Price],
    /// Volumes.
    pub volume: &'a [Volume],
    /// Volume-weighted average prices; empty when the source has none.
    pub vwap: &'a [Option<Price>],
}

/// In what terms bars stand, from one of them on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// First bar they hold for.
    pub from: usize,
    /// Adjusted price = stored price × this.
    pub price: f64,
    /// Adjusted price over raw price: what the field `factor` says.
    pub factor: f64,
    /// A figure per share that becomes known then is multiplied by this: splits only.
    pub shares: f64,
}

impl Terms {
    /// Terms that change nothing.
    pub const AS_STORED: Self = Self { from: 0, price: 1.0, factor: 1.0, shares: 1.0 };
}

/// What the blocks do not hold of an instrument.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outline {
    pub span: Range<usize>,
    /// (first row, factor of figures per share), ascending.
    pub shares: Vec<(usize, f64)>,
}

/// The same block of every column.
pub(super) type Blocks<'a> = Vec<(&'static str, &'a mut [f32])>;

/// Takes the rows of one instrument.
#[derive(Debug)]
pub struct InstrumentRows<'a, 'b> {
    pub(super) instrument: InstrumentId,
    pub(super) blocks: &'a mut Blocks<'b>,
    pub(super) lane: usize,
    pub(super) sessions: usize,
    pub(super) outline: &'a mut Outline,
}

impl InstrumentRows<'_, '_> {
    /// Adds bars on these rows. `terms` are ascending, the first from bar 0; without any, prices stand as stored.
    pub fn bars(&mut self, rows: &[usize], bars: &Bars<'_>, terms: &[Terms]) -> Result<(), PanelError> {
        self.claim(rows)?;
        let terms = if terms.is_empty() { &[Terms::AS_STORED] } else { terms };
        self.outline.shares.extend(terms.iter().filter_map(|t| rows.get(t.from).map(|row| (*row, t.shares))));
        let lists = [("open", bars.open), ("high", bars.high), ("low", bars.low), ("close", bars.close)];
        for (at, part) in terms.iter().enumerate() {
            let end = terms.get(at + 1).map_or(rows.len(), |t| t.from);
            let range = part.from..end;
            let Some(rows) = rows.get(range.clone()) else { continue };
            let factor = part.price;
            let price = |p: &Price| (p.to_f64() * factor) as f32;
            for (field, list) in lists {
                self.write(field, rows, list.get(range.clone()).unwrap_or(&[]).iter().map(price));
            }
            let volumes = bars.volume.get(range.clone()).unwrap_or(&[]);
            self.write("volume", rows, volumes.iter().map(|v| (v.to_f64() / factor) as f32));
            let vwaps = bars.vwap.get(range).unwrap_or(&[]);
            self.write("vwap", rows, vwaps.iter().map(|v| v.as_ref().map_or(f32::NAN, price)));
            self.write("factor", rows, rows.iter().map(|_| part.factor as f32));
        }
        self.derive_change();
        Ok(())
    }

    /// Writes the change of each close over the close before it, from the closes that are there.
    pub(super) fn derive_change(&mut self) {
        let (lane, span) = (self.lane, self.outline.span.clone());
        let block = |name: &str| self.blocks.iter().position(|(field, _)| *field == name);
        let (Some(close), Some(change)) = (block("close"), block("change")) else { return };
        let rows = |at: usize, blocks: &Blocks<'_>| -> Vec<f32> {
            let cells = blocks.get(at).map_or(&[][..], |(_, block)| block).chunks_exact(LANES);
            let cells = cells.skip(span.start).take(span.end - span.start);
            cells.map(|cells| cells.get(lane).copied().unwrap_or(f32::NAN)).collect()
        };
        let mut changes = rows(close, self.blocks);
        let mut before = f64::NAN;
        for value in &mut changes {
            let now = f64::from(*value);
            *value = (now / before - 1.0) as f32;
            before = if now.is_nan() { before } else { now };
        }
        if let Some((_, block)) = self.blocks.get_mut(change) {
            for (cells, value) in block.chunks_exact_mut(LANES).skip(span.start).zip(changes) {
                if let Some(cell) = cells.get_mut(lane) {
                    *cell = value;
                }
            }
        }
    }

    /// Adds ready values of one field on the rows from `first` on, NaN for missing ones; the rows count as given.
    pub fn series(&mut self, field: &str, first: usize, values: &[f32]) -> Result<(), PanelError> {
        let known = FIELDS.iter().find(|f| f.name == field).map(|f| f.name);
        let field = known.ok_or_else(|| PanelError::UnknownField(field.into()))?;
        let end = first.checked_add(values.len()).filter(|end| *end <= self.sessions);
        let end = end.ok_or(PanelError::OutsideSessions { instrument: self.instrument })?;
        self.cover(first..end);
        let block = self.blocks.iter_mut().find(|(name, _)| *name == field).map(|(_, block)| block);
        let cells = block.into_iter().flat_map(|b| b.chunks_exact_mut(LANES).skip(first));
        for (cells, value) in cells.zip(values) {
            if let Some(cell) = cells.get_mut(self.lane) {
                *cell = *value;
            }
        }
        Ok(())
    }

    /// Whose rows are given.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Takes ascending rows behind those that are there.
    fn claim(&mut self, rows: &[usize]) -> Result<(), PanelError> {
        let (Some(first), Some(last)) = (rows.first().copied(), rows.last().copied()) else { return Ok(()) };
        let ascending = rows.windows(2).all(|w| matches!(w, [a, b] if a < b));
        let behind = first >= self.outline.span.end;
        if !ascending || !behind || last >= self.sessions {
            return Err(PanelError::OutsideSessions { instrument: self.instrument });
        }
        self.cover(first..last + 1);
        Ok(())
    }

    /// Says that these rows belong to the instrument, whether or not they have a value; rows outside the panel do not.
    pub fn cover(&mut self, rows: Range<usize>) {
        let rows = rows.start..rows.end.min(self.sessions);
        let span = &mut self.outline.span;
        let nothing = |r: &Range<usize>| r.start >= r.end;
        if !nothing(&rows) {
            *span = if nothing(span) { rows } else { span.start.min(rows.start)..span.end.max(rows.end) };
        }
    }

    fn write(&mut self, field: &str, rows: &[usize], values: impl Iterator<Item = f32>) {
        let Some((_, block)) = self.blocks.iter_mut().find(|(name, _)| *name == field) else { return };
        for (row, value) in rows.iter().zip(values) {
            if let Some(cell) = block.get_mut(row * LANES + self.lane) {
                *cell = value;
            }
        }
    }
}
