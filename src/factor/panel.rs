//! The panel: trading sessions × instruments, one column of `f32` a field.
//!
//! Columns are stored instrument by instrument with time contiguous, so that a rolling window is a slice.
//! NaN is missing. Each instrument has a span of rows from its first to its last given row; windows are counted
//! inside that span, as Qlib counts them. A row holds only what was known at the close of its session:
//! fundamentals from the day they were known, headlines published at or before the close. It never fills a
//! missing price.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{Days, NaiveDate};

use super::sentiment::Lexicon;
use crate::domain::market::{DailyBar, Fundamental, Headline};
use crate::domain::{CleanText, InstrumentId, UnixNanos};

/// Most instruments a panel holds.
pub const INSTRUMENTS_MAX: usize = 20_000;
/// Days after which a fundamental figure is too old to be used.
pub const FUNDAMENTAL_AGE_DAYS_MAX: u64 = 550;

/// A field that expressions may name, with what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name without the `$`.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
}

/// Every field of the language; a given panel may lack some.
pub const FIELDS: &[Field] = &[
    Field { name: "open", doc: "first price of the session, adjusted" },
    Field { name: "high", doc: "highest price, adjusted" },
    Field { name: "low", doc: "lowest price, adjusted" },
    Field { name: "close", doc: "last price, adjusted" },
    Field { name: "volume", doc: "shares traded, adjusted the other way" },
    Field { name: "vwap", doc: "volume-weighted average price, adjusted" },
    Field { name: "change", doc: "close over the previous close, minus one, where the source has it" },
    Field { name: "factor", doc: "adjusted price = raw price × factor" },
    Field {
        name: "eps",
        doc: "earnings per share over twelve months, as known on the day, in adjusted shares",
    },
    Field { name: "book_value", doc: "book value per share, as known on the day, in adjusted shares" },
    Field { name: "sales", doc: "sales per share, as known on the day, in adjusted shares" },
    Field {
        name: "cash_flow",
        doc: "operating cash flow per share, as known on the day, in adjusted shares",
    },
    Field { name: "dividend", doc: "dividends per share over twelve months, as known on the day, adjusted" },
    Field { name: "sentiment", doc: "mean tone (-1 to 1) of the headlines since the previous close" },
    Field { name: "headlines", doc: "number of headlines since the previous close" },
];

/// Fundamental fields that become columns.
const PER_SHARE: [&str; 5] = ["eps", "book_value", "sales", "cash_flow", "dividend"];

/// Why a row could not go into a panel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PanelError {
    /// The date is not one of the panel's sessions.
    #[error("{instrument} has a row on {session}, which is no session of this panel: check the calendar")]
    UnknownSession {
        /// Instrument of the row.
        instrument: InstrumentId,
        /// Date of the row.
        session: NaiveDate,
    },
    /// Two rows for one instrument and session.
    #[error("{instrument} has two rows on {session}: keep one")]
    Duplicate {
        /// Instrument of the row.
        instrument: InstrumentId,
        /// Date of the row.
        session: NaiveDate,
    },
    /// A field no expression can name.
    #[error("'{0}' is no field of a panel: see `factor list` for the fields")]
    UnknownField(CleanText),
    /// One close for each session is needed.
    #[error("{given} closing times were given for {sessions} sessions: give one each")]
    Closes {
        /// Closing times given.
        given: usize,
        /// Sessions of the panel.
        sessions: usize,
    },
    /// Too many instruments.
    #[error("a panel holds at most {INSTRUMENTS_MAX} instruments: narrow the universe")]
    TooMany,
}

/// One field for all instruments: `rows` values an instrument, time contiguous.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    rows: usize,
    values: Vec<f32>,
}

impl Column {
    /// A column from its values; `None` unless they are a whole number of series of `rows`.
    pub fn new(rows: usize, values: Vec<f32>) -> Option<Self> {
        (rows > 0 && values.len().is_multiple_of(rows)).then_some(Self { rows, values })
    }

    /// All missing.
    fn missing(rows: usize, instruments: usize) -> Self {
        Self { rows, values: vec![f32::NAN; rows * instruments] }
    }

    /// Rows of each series.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// One instrument's series; empty when there is no such instrument.
    pub fn series(&self, instrument: usize) -> &[f32] {
        self.values.chunks_exact(self.rows.max(1)).nth(instrument).unwrap_or(&[])
    }

    /// One value; NaN when missing or outside.
    pub fn get(&self, instrument: usize, row: usize) -> f32 {
        self.series(instrument).get(row).copied().unwrap_or(f32::NAN)
    }

    /// All values of one row, in instrument order.
    pub fn cross_section(&self, row: usize) -> Vec<f32> {
        self.values.chunks_exact(self.rows.max(1)).map(|s| s.get(row).copied().unwrap_or(f32::NAN)).collect()
    }

    fn series_mut(&mut self, instrument: usize) -> &mut [f32] {
        self.values.chunks_exact_mut(self.rows.max(1)).nth(instrument).unwrap_or(&mut [])
    }
}

/// Sessions × instruments × fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    sessions: Vec<NaiveDate>,
    symbols: Vec<InstrumentId>,
    spans: Vec<Range<usize>>,
    columns: BTreeMap<&'static str, Column>,
}

impl Panel {
    /// Trading days, ascending.
    pub fn sessions(&self) -> &[NaiveDate] {
        &self.sessions
    }

    /// Instruments, ascending.
    pub fn symbols(&self) -> &[InstrumentId] {
        &self.symbols
    }

    /// Rows from the first to the last given row of an instrument.
    pub fn span(&self, instrument: usize) -> Range<usize> {
        self.spans.get(instrument).cloned().unwrap_or(0..0)
    }

    /// The column of a field (without the `$`), where the panel has it.
    pub fn column(&self, field: &str) -> Option<&Column> {
        self.columns.get(field)
    }

    /// Fields that have a column.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.keys().copied()
    }

    /// One value as `f64`; NaN when missing.
    pub fn value(&self, field: &str, instrument: usize, row: usize) -> f64 {
        self.column(field).map_or(f64::NAN, |c| f64::from(c.get(instrument, row)))
    }

    /// Row of a session.
    pub fn row_of(&self, session: NaiveDate) -> Option<usize> {
        self.sessions.binary_search(&session).ok()
    }

    /// Last row at or before a date.
    pub fn row_at_or_before(&self, date: NaiveDate) -> Option<usize> {
        self.sessions.partition_point(|s| *s <= date).checked_sub(1)
    }

    /// Position of an instrument.
    pub fn index_of(&self, instrument: InstrumentId) -> Option<usize> {
        self.symbols.binary_search(&instrument).ok()
    }
}

/// The fields of one row while a panel is built.
type Row = Vec<(&'static str, f32)>;

/// Collects rows and makes a [`Panel`].
#[derive(Debug, Clone)]
pub struct PanelBuilder {
    sessions: Vec<NaiveDate>,
    rows: BTreeMap<InstrumentId, BTreeMap<usize, Row>>,
    fundamentals: Vec<Fundamental>,
    tones: BTreeMap<(InstrumentId, usize), (f64, u32)>,
    has_news: bool,
}

impl PanelBuilder {
    /// A builder over these sessions (sorted, doubles dropped).
    pub fn new(mut sessions: Vec<NaiveDate>) -> Self {
        sessions.sort_unstable();
        sessions.dedup();
        Self {
            sessions,
            rows: BTreeMap::new(),
            fundamentals: Vec::new(),
            tones: BTreeMap::new(),
            has_news: false,
        }
    }

    /// Adds one daily bar. `factor` turns its prices into adjusted ones (raw × factor; 1 when they already are).
    pub fn bar(&mut self, bar: &DailyBar, factor: f64) -> Result<(), PanelError> {
        let price = |p: crate::domain::Price| (p.to_f64() * factor) as f32;
        let row = vec![
            ("open", price(bar.open)),
            ("high", price(bar.high)),
            ("low", price(bar.low)),
            ("close", price(bar.close)),
            ("volume", (bar.volume.to_f64() / factor) as f32),
            ("vwap", bar.vwap.map_or(f32::NAN, price)),
            ("factor", factor as f32),
        ];
        self.insert(bar.instrument, bar.session, row)
    }

    /// Adds one row of ready values by field name, as from a file; NaN for a missing one.
    pub fn row(
        &mut self,
        instrument: InstrumentId,
        session: NaiveDate,
        values: &[(&str, f32)],
    ) -> Result<(), PanelError> {
        let known = |name: &str| FIELDS.iter().find(|f| f.name == name).map(|f| f.name);
        let row: Result<Row, PanelError> = values
            .iter()
            .map(|(name, v)| Ok((known(name).ok_or_else(|| PanelError::UnknownField((*name).into()))?, *v)))
            .collect();
        self.insert(instrument, session, row?)
    }

    fn insert(&mut self, instrument: InstrumentId, session: NaiveDate, row: Row) -> Result<(), PanelError> {
        let index = self
            .sessions
            .binary_search(&session)
            .map_err(|_| PanelError::UnknownSession { instrument, session })?;
        if !self.rows.contains_key(&instrument) && self.rows.len() >= INSTRUMENTS_MAX {
            return Err(PanelError::TooMany);
        }
        match self.rows.entry(instrument).or_default().insert(index, row) {
            None => Ok(()),
            Some(_) => Err(PanelError::Duplicate { instrument, session }),
        }
    }

    /// Adds fundamental figures; each is used from the first session on or after `known_at`, never earlier.
    pub fn fundamentals(&mut self, figures: &[Fundamental]) {
        let kept = figures.iter().filter(|f| PER_SHARE.contains(&f.field.as_str()));
        self.fundamentals.extend(kept.cloned());
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

    /// Makes the panel.
    pub fn build(self) -> Panel {
        let rows = self.sessions.len();
        let symbols: Vec<InstrumentId> = self.rows.keys().copied().collect();
        let mut columns: BTreeMap<&'static str, Column> = BTreeMap::new();
        let mut spans = Vec::with_capacity(symbols.len());
        for (i, days) in self.rows.values().enumerate() {
            let first = days.keys().next().copied().unwrap_or(0);
            let last = days.keys().next_back().map_or(0, |l| l + 1);
            spans.push(first..last);
            for (row, values) in days {
                for (field, value) in values {
                    let column = columns.entry(field).or_insert_with(|| Column::missing(rows, symbols.len()));
                    if let Some(slot) = column.series_mut(i).get_mut(*row) {
                        *slot = *value;
                    }
                }
            }
        }
        let mut panel = Panel { sessions: self.sessions, symbols, spans, columns };
        fill_fundamentals(&mut panel, self.fundamentals);
        if self.has_news {
            fill_tones(&mut panel, &self.tones);
        }
        panel
    }
}

/// Writes each figure from the session it was known, in the share terms of the adjusted prices.
fn fill_fundamentals(panel: &mut Panel, mut figures: Vec<Fundamental>) {
    figures.sort_by(|a, b| {
        (a.instrument, a.field.as_str(), a.known_at, a.period_end).cmp(&(
            b.instrument,
            b.field.as_str(),
            b.known_at,
            b.period_end,
        ))
    });
    for group in figures.chunk_by(|a, b| a.instrument == b.instrument && a.field == b.field) {
        let Some(first) = group.first() else { continue };
        let Some(field) = PER_SHARE.into_iter().find(|f| *f == first.field.as_str()) else { continue };
        let Some(instrument) = panel.index_of(first.instrument) else { continue };
        let series = known_series(panel, instrument, group);
        let (rows, count) = (panel.sessions.len(), panel.symbols.len());
        let column = panel.columns.entry(field).or_insert_with(|| Column::missing(rows, count));
        column.series_mut(instrument).copy_from_slice(&series);
    }
}

/// The figure in force on each row: the newest period known by then, unless it is too old.
fn known_series(panel: &Panel, instrument: usize, group: &[Fundamental]) -> Vec<f32> {
    let factors = panel.column("factor").map(|c| c.series(instrument)).unwrap_or(&[]);
    let mut pending = group.iter().peekable();
    let mut current: Option<(&Fundamental, f32)> = None;
    let mut factor = 1.0_f32;
    let mut series = Vec::with_capacity(panel.sessions.len());
    for (row, session) in panel.sessions.iter().enumerate() {
        if let Some(f) = factors.get(row).filter(|f| f.is_finite()) {
            factor = *f;
        }
        while let Some(figure) = pending.next_if(|f| f.known_at <= *session) {
            if current.is_none_or(|(held, _)| figure.period_end >= held.period_end) {
                current = Some((figure, (figure.value * f64::from(factor)) as f32));
            }
        }
        let fresh = current.filter(|(f, _)| {
            f.known_at
                .checked_add_days(Days::new(FUNDAMENTAL_AGE_DAYS_MAX))
                .is_some_and(|limit| *session <= limit)
        });
        series.push(fresh.map_or(f32::NAN, |(_, value)| value));
    }
    series
}

/// Writes the mean tone and the count of each session; a session without headlines has no tone and count 0.
fn fill_tones(panel: &mut Panel, tones: &BTreeMap<(InstrumentId, usize), (f64, u32)>) {
    let (rows, count) = (panel.sessions.len(), panel.symbols.len());
    let mut tone = Column::missing(rows, count);
    let mut number = Column { rows, values: vec![0.0; rows * count] };
    for ((instrument, row), (sum, n)) in tones {
        let Some(index) = panel.index_of(*instrument) else { continue };
        if let Some(slot) = tone.series_mut(index).get_mut(*row) {
            *slot = (sum / f64::from(*n)) as f32;
        }
        if let Some(slot) = number.series_mut(index).get_mut(*row) {
            *slot = *n as f32;
        }
    }
    panel.columns.insert("sentiment", tone);
    panel.columns.insert("headlines", number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 1, d).unwrap()
    }

    fn id() -> InstrumentId {
        "A.SIM".parse().unwrap()
    }

    fn builder(rows: &[(u32, f32, f32)]) -> PanelBuilder {
        let mut b = PanelBuilder::new((1..=5).map(day).collect());
        for (d, close, factor) in rows {
            b.row(id(), day(*d), &[("close", *close), ("factor", *factor)]).unwrap();
        }
        b
    }

    fn figure(known: u32, period: u32, value: f64) -> Fundamental {
        Fundamental {
            instrument: id(),
            known_at: day(known),
            period_end: day(period),
            field: "eps".into(),
            value,
        }
    }

    #[test]
    fn missing_rows_are_nan_and_the_span_runs_from_first_to_last() {
        let panel = builder(&[(2, 10.0, 1.0), (4, 11.0, 1.0)]).build();
        assert_eq!(panel.span(0), 1..4);
        let close = panel.column("close").unwrap().series(0);
        assert!(close[0].is_nan() && close[2].is_nan() && close[1] == 10.0 && close[3] == 11.0);
    }

    #[test]
    fn a_figure_is_used_from_the_day_it_was_known_and_older_periods_do_not_replace_it() {
        let mut b = builder(&[(1, 1.0, 1.0), (2, 1.0, 1.0), (3, 1.0, 1.0), (4, 1.0, 1.0), (5, 1.0, 1.0)]);
        b.fundamentals(&[figure(2, 1, 3.0), figure(3, 3, 4.0), figure(4, 2, 9.0)]);
        let panel = b.build();
        let eps = panel.column("eps").unwrap().series(0);
        assert!(eps[0].is_nan());
        assert_eq!(eps[1..], [3.0, 4.0, 4.0, 4.0]);
    }

    #[test]
    fn a_figure_is_restated_into_adjusted_shares() {
        let mut b = builder(&[(1, 50.0, 0.5), (2, 50.0, 0.5), (3, 50.0, 1.0)]);
        b.fundamentals(&[figure(1, 1, 8.0)]);
        let panel = b.build();
        assert_eq!(panel.column("eps").unwrap().series(0)[..3], [4.0, 4.0, 4.0]);
    }

    #[test]
    fn a_headline_after_the_close_belongs_to_the_next_session() {
        let lexicon = Lexicon::parse("term,kind,weight\ngain,tone,3\n").unwrap();
        let closes: Vec<UnixNanos> = (1..=5).map(|d| UnixNanos::from_seconds(d * 100)).collect();
        let headline = |seconds: i64| Headline {
            instrument: id(),
            time: UnixNanos::from_seconds(seconds),
            headline: "gain".into(),
            source: "x".into(),
        };
        let mut b = builder(&[(1, 1.0, 1.0), (5, 1.0, 1.0)]);
        b.headlines(&[headline(200), headline(201), headline(501)], &closes, &lexicon).unwrap();
        let panel = b.build();
        let tone = panel.column("sentiment").unwrap().series(0);
        assert!(tone[0].is_nan() && tone[1] == 0.5 && tone[2] == 0.5 && tone[3].is_nan() && tone[4].is_nan());
        assert_eq!(panel.column("headlines").unwrap().series(0), [0.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn strangers_and_doubles_are_refused() {
        let mut b = builder(&[(1, 1.0, 1.0)]);
        let late = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
        assert!(matches!(b.row(id(), late, &[]), Err(PanelError::UnknownSession { .. })));
        assert!(matches!(b.row(id(), day(1), &[]), Err(PanelError::Duplicate { .. })));
        assert!(matches!(b.row(id(), day(2), &[("clsoe", 1.0)]), Err(PanelError::UnknownField(_))));
    }
}
