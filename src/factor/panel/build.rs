//! Collects rows, figures, headlines and groups, and makes a [`Panel`] of them without look-ahead.
//!
//! Rows come one at a time ([`PanelBuilder::bar`], [`PanelBuilder::row`]) or an instrument at a time, in parallel,
//! straight into the panel's blocks ([`PanelBuilder::build_from`]). A panel that would be larger than
//! [`PANEL_BYTES_MAX`] is refused before its memory is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::NaiveDate;
use rayon::prelude::*;

use super::known::{fill_fundamentals, fill_groups, fill_tones};
use super::rows::{Blocks, InstrumentRows, Outline};
use super::{Column, FIELDS, Group, INSTRUMENTS_MAX, LANES, PANEL_BYTES_MAX, Panel, PanelError};
use crate::domain::market::{DailyBar, Fundamental, Headline};
use crate::domain::{InstrumentId, UnixNanos};
use crate::factor::sentiment::Lexicon;

/// Fields that bars of a store become.
pub const BAR_FIELDS: [&str; 8] = ["open", "high", "low", "close", "volume", "vwap", "factor", "change"];

/// Rows of one instrument that were added one at a time.
#[derive(Debug, Clone)]
struct Draft {
    given: Vec<bool>,
    /// By place in [`FIELDS`]; empty where no row has the field.
    values: Vec<Vec<f32>>,
    /// (row, factor of figures per share).
    shares: Vec<(usize, f64)>,
}

impl Draft {
    fn new(sessions: usize) -> Self {
        Self { given: vec![false; sessions], values: vec![Vec::new(); FIELDS.len()], shares: Vec::new() }
    }

    fn set(&mut self, field: usize, row: usize, value: f32) {
        let sessions = self.given.len();
        let Some(series) = self.values.get_mut(field) else { return };
        if series.is_empty() {
            series.resize(sessions, f32::NAN);
        }
        if let Some(slot) = series.get_mut(row) {
            *slot = value;
        }
    }

    fn span(&self) -> Range<usize> {
        let first = self.given.iter().position(|g| *g).unwrap_or(0);
        first..self.given.iter().rposition(|g| *g).map_or(first, |last| last + 1)
    }

    fn write(&self, rows: &mut InstrumentRows<'_, '_>) -> Result<(), PanelError> {
        let span = self.span();
        for (field, values) in FIELDS.iter().zip(&self.values) {
            if let Some(values) = values.get(span.clone()) {
                rows.series(field.name, span.start, values)?;
            }
        }
        rows.outline.span = span;
        rows.outline.shares.clone_from(&self.shares);
        rows.outline.shares.sort_by_key(|(row, _)| *row);
        if !self.shares.is_empty() {
            rows.derive_change();
        }
        Ok(())
    }
}

/// Collects rows and makes a [`Panel`].
#[derive(Debug, Clone)]
pub struct PanelBuilder {
    sessions: Vec<NaiveDate>,
    drafts: BTreeMap<InstrumentId, Draft>,
    /// Fields that some draft has, by place in [`FIELDS`].
    drafted: BTreeSet<usize>,
    fundamentals: Vec<Fundamental>,
    tones: BTreeMap<(InstrumentId, usize), (f64, u32)>,
    has_news: bool,
    groups: Vec<(Group, InstrumentId, NaiveDate, String)>,
}

impl PanelBuilder {
    /// A builder over these sessions (sorted, doubles dropped).
    pub fn new(mut sessions: Vec<NaiveDate>) -> Self {
        sessions.sort_unstable();
        sessions.dedup();
        Self {
            sessions,
            drafts: BTreeMap::new(),
            drafted: BTreeSet::new(),
            fundamentals: Vec::new(),
            tones: BTreeMap::new(),
            has_news: false,
            groups: Vec::new(),
        }
    }

    /// The sessions, ascending.
    pub fn sessions(&self) -> &[NaiveDate] {
        &self.sessions
    }

    /// Adds one daily bar. `price` turns its prices into adjusted ones (raw × factor; 1 when they already are);
    /// `shares` does so for figures per share that become known from that day on (splits only).
    pub fn bar(&mut self, bar: &DailyBar, price: f64, shares: f64) -> Result<(), PanelError> {
        let adjusted = |p: crate::domain::Price| (p.to_f64() * price) as f32;
        let row = [
            ("open", adjusted(bar.open)),
            ("high", adjusted(bar.high)),
            ("low", adjusted(bar.low)),
            ("close", adjusted(bar.close)),
            ("volume", (bar.volume.to_f64() / price) as f32),
            ("vwap", bar.vwap.map_or(f32::NAN, adjusted)),
            ("factor", price as f32),
            // Worked out from all closes, once they are there.
            ("change", f32::NAN),
        ];
        let at = self.insert(bar.instrument, bar.session, &row)?;
        if let Some(draft) = self.drafts.get_mut(&bar.instrument) {
            draft.shares.push((at, shares));
        }
        Ok(())
    }

    /// Adds one row of ready values by field name, as from a file; NaN for a missing one.
    pub fn row(
        &mut self,
        instrument: InstrumentId,
        session: NaiveDate,
        values: &[(&str, f32)],
    ) -> Result<(), PanelError> {
        self.insert(instrument, session, values).map(drop)
    }

    fn insert(
        &mut self,
        instrument: InstrumentId,
        session: NaiveDate,
        values: &[(&str, f32)],
    ) -> Result<usize, PanelError> {
        let place = |name: &str| FIELDS.iter().position(|f| f.name == name);
        for (name, _) in values {
            self.drafted.insert(place(name).ok_or_else(|| PanelError::UnknownField((*name).into()))?);
        }
        let row = self
            .sessions
            .binary_search(&session)
            .map_err(|_| PanelError::UnknownSession { instrument, session })?;
        if !self.drafts.contains_key(&instrument) {
            check_size(self.sessions.len(), self.drafts.len() + 1, self.drafted.len())?;
        }
        let draft = self.drafts.entry(instrument).or_insert_with(|| Draft::new(self.sessions.len()));
        match draft.given.get_mut(row) {
            Some(given) if !*given => *given = true,
            Some(_) | None => return Err(PanelError::Duplicate { instrument, session }),
        }
        for (name, value) in values {
            if let Some(field) = place(name) {
                draft.set(field, row, *value);
            }
        }
        Ok(row)
    }

    /// Adds fundamental figures; each is used from the first session on or after `known_at`, never earlier.
    /// Those of a per-share field become a column; all can be asked for by period.
    pub fn fundamentals(&mut self, figures: &[Fundamental]) {
        self.fundamentals.extend(figures.iter().cloned());
    }

    /// Says that an instrument belongs to a group of that name from a day on.
    pub fn member(&mut self, group: Group, instrument: InstrumentId, since: NaiveDate, name: &str) {
        self.groups.push((group, instrument, since, name.to_owned()));
    }

    /// Scores headlines into the session whose close is the first at or after their publication.
    /// `closes` holds the closing instant of each session; later headlines than the last close are left out.
    pub fn headlines(
        &mut self,
        headlines: &[Headline],
        closes: &[UnixNanos],
        lexicon: &Lexicon,
    ) -> Result<(), PanelError> {
        let toned = headlines.iter().map(|h| (h.instrument, h.time, lexicon.tone(h.headline.as_str())));
        self.toned_headlines(toned, closes)
    }

    /// Like [`PanelBuilder::headlines`], for headlines whose tone is known: instrument, publication, tone (-1 to 1).
    pub fn toned_headlines(
        &mut self,
        toned: impl IntoIterator<Item = (InstrumentId, UnixNanos, f64)>,
        closes: &[UnixNanos],
    ) -> Result<(), PanelError> {
        if closes.len() != self.sessions.len() {
            return Err(PanelError::Closes { given: closes.len(), sessions: self.sessions.len() });
        }
        self.has_news = true;
        for (instrument, time, tone) in toned {
            let row = closes.partition_point(|close| *close < time);
            if row < closes.len() {
                let slot = self.tones.entry((instrument, row)).or_insert((0.0, 0));
                slot.0 += tone;
                slot.1 += 1;
            }
        }
        Ok(())
    }

    /// Makes the panel of the rows that were added.
    pub fn build(self) -> Panel {
        // Rows were checked one by one as they came, so nothing is left to refuse.
        let empty = Panel { sessions: self.sessions.clone(), ..Panel::default() };
        self.build_from(&[], &[], || (), |(), _, _| Ok::<_, PanelError>(())).unwrap_or(empty)
    }

    /// Makes the panel of the rows that were added and of those that `fill` gives for each of `instruments`
    /// (ascending), by its place among them. `fill` is called from several threads, each with its own `scratch`.
    ///
    /// `fields` are those that it may write, such as [`BAR_FIELDS`]. An error of `fill` ends it.
    pub fn build_from<S, E: From<PanelError> + Send>(
        mut self,
        instruments: &[InstrumentId],
        fields: &[&str],
        scratch: impl Fn() -> S + Sync,
        fill: impl Fn(&mut S, usize, &mut InstrumentRows<'_, '_>) -> Result<(), E> + Sync,
    ) -> Result<Panel, E> {
        if let Some([_, later]) = instruments.windows(2).find(|w| matches!(w, [a, b] if a >= b)) {
            return Err(PanelError::Unordered(*later).into());
        }
        let drafts = std::mem::take(&mut self.drafts);
        let all: BTreeSet<InstrumentId> = instruments.iter().chain(drafts.keys()).copied().collect();
        let symbols: Vec<InstrumentId> = all.into_iter().collect();
        let drafted = |at: usize| self.drafted.contains(&at);
        let named = FIELDS.iter().enumerate().filter(|(at, f)| drafted(*at) || fields.contains(&f.name));
        let names: Vec<&'static str> = named.map(|(_, f)| f.name).collect();
        check_size(self.sessions.len(), symbols.len(), names.len())?;
        let sessions = self.sessions.len();
        let mut store = Store::new(sessions, symbols.len(), &names);
        let outlines = store.fill(&symbols, scratch, |scratch, rows| {
            if let Some(draft) = drafts.get(&rows.instrument) {
                draft.write(rows)?;
            }
            instruments.binary_search(&rows.instrument).map_or(Ok(()), |at| fill(scratch, at, rows))
        })?;
        Ok(self.finish(symbols, outlines, store.columns()))
    }

    /// Adds what is known beside rows.
    fn finish(
        self,
        symbols: Vec<InstrumentId>,
        outlines: Vec<Outline>,
        columns: BTreeMap<&'static str, Column>,
    ) -> Panel {
        let spans = outlines.iter().map(|o| o.span.clone()).collect();
        let mut panel = Panel { sessions: self.sessions, symbols, spans, columns, ..Panel::default() };
        fill_fundamentals(&mut panel, self.fundamentals, &outlines);
        fill_groups(&mut panel, self.groups);
        if self.has_news {
            fill_tones(&mut panel, &self.tones);
        }
        panel
    }
}

/// Refuses a panel that is too large, before its memory is taken.
fn check_size(sessions: usize, instruments: usize, fields: usize) -> Result<(), PanelError> {
    if instruments > INSTRUMENTS_MAX {
        return Err(PanelError::TooMany);
    }
    let lanes = instruments.div_ceil(LANES).saturating_mul(LANES);
    let bytes = lanes.saturating_mul(sessions).saturating_mul(fields).saturating_mul(size_of::<f32>());
    if bytes > PANEL_BYTES_MAX { Err(PanelError::TooLarge { sessions, instruments, bytes }) } else { Ok(()) }
}

/// The columns while they are written, block by block.
struct Store<'n> {
    sessions: usize,
    instruments: usize,
    names: &'n [&'static str],
    values: Vec<Vec<f32>>,
}

impl<'n> Store<'n> {
    fn new(sessions: usize, instruments: usize, names: &'n [&'static str]) -> Self {
        let size = instruments.div_ceil(LANES) * sessions * LANES;
        // Zeros cost nothing before they are touched; each thread makes its blocks missing.
        Self { sessions, instruments, names, values: names.iter().map(|_| vec![0.0; size]).collect() }
    }

    /// Fills every block, in parallel, and returns what the blocks do not hold, by instrument.
    fn fill<S, E: Send>(
        &mut self,
        symbols: &[InstrumentId],
        scratch: impl Fn() -> S + Sync,
        fill: impl Fn(&mut S, &mut InstrumentRows<'_, '_>) -> Result<(), E> + Sync,
    ) -> Result<Vec<Outline>, E> {
        let sessions = self.sessions;
        let size = (sessions * LANES).max(1);
        let mut blocks: Vec<Blocks<'_>> = symbols.chunks(LANES).map(|_| Vec::new()).collect();
        for (name, values) in self.names.iter().zip(&mut self.values) {
            blocks.iter_mut().zip(values.chunks_exact_mut(size)).for_each(|(b, v)| b.push((name, v)));
        }
        let one = |scratch: &mut S, (mut blocks, symbols): (Blocks<'_>, &[InstrumentId])| {
            blocks.iter_mut().for_each(|(_, block)| block.fill(f32::NAN));
            let mut outlines = vec![Outline::default(); symbols.len()];
            for ((lane, instrument), outline) in symbols.iter().enumerate().zip(&mut outlines) {
                let blocks = &mut blocks;
                let mut rows = InstrumentRows { instrument: *instrument, blocks, lane, sessions, outline };
                fill(scratch, &mut rows)?;
            }
            Ok(outlines)
        };
        let jobs = blocks.into_par_iter().zip(symbols.par_chunks(LANES));
        let filled: Vec<Result<Vec<Outline>, E>> = jobs.map_init(&scratch, &one).collect();
        let outlines: Result<Vec<Vec<Outline>>, E> = filled.into_iter().collect();
        Ok(outlines?.concat())
    }

    fn columns(self) -> BTreeMap<&'static str, Column> {
        let missing = || Column::missing(self.sessions, self.instruments);
        let column = |values| Column::new(self.sessions, self.instruments, values).unwrap_or_else(missing);
        self.names.iter().zip(self.values).map(|(name, values)| (*name, column(values))).collect()
    }
}

#[cfg(test)]
mod tests;
