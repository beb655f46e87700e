//! Collects rows, figures, headlines and groups, and makes a [`Panel`] of them without look-ahead.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::{
    Column, FIELDS, FUNDAMENTAL_AGE_DAYS_MAX, Group, Grouping, INSTRUMENTS_MAX, NO_GROUP, PER_SHARE, Panel,
    PanelError, PeriodRecord,
};
use crate::domain::market::{DailyBar, Fundamental, Headline};
use crate::domain::{InstrumentId, UnixNanos};
use crate::factor::sentiment::Lexicon;

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
    groups: Vec<(Group, InstrumentId, NaiveDate, String)>,
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
            groups: Vec::new(),
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
                    column.set(i, *row, *value);
                }
            }
        }
        let (groups, periods) = (BTreeMap::new(), BTreeMap::new());
        let mut panel = Panel { sessions: self.sessions, symbols, spans, columns, groups, periods };
        fill_fundamentals(&mut panel, self.fundamentals);
        fill_groups(&mut panel, self.groups);
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
        keep_periods(panel, group);
        let Some(field) = PER_SHARE.into_iter().find(|f| *f == first.field.as_str()) else { continue };
        let Some(instrument) = panel.index_of(first.instrument) else { continue };
        let series = known_series(panel, instrument, group);
        let (rows, count) = (panel.sessions.len(), panel.symbols.len());
        let column = panel.columns.entry(field).or_insert_with(|| Column::missing(rows, count));
        series.iter().enumerate().for_each(|(row, value)| column.set(instrument, row, *value));
    }
}

/// Keeps one instrument's figures of one field by period, for the sessions from which they were known.
fn keep_periods(panel: &mut Panel, group: &[Fundamental]) {
    let Some(first) = group.first() else { return };
    let Some(instrument) = panel.index_of(first.instrument) else { return };
    let count = panel.symbols.len();
    let records = group.iter().map(|f| PeriodRecord {
        known_row: panel.sessions.partition_point(|s| *s < f.known_at),
        period_end: f.period_end,
        value: f.value,
    });
    let records: Vec<PeriodRecord> = records.filter(|r| r.known_row < panel.sessions.len()).collect();
    let all = panel.periods.entry(first.field.as_str().to_owned()).or_insert_with(|| vec![Vec::new(); count]);
    if let Some(slot) = all.get_mut(instrument) {
        *slot = records;
    }
}

/// Writes who belonged where from which row on. Names get codes in their alphabetical order.
fn fill_groups(panel: &mut Panel, mut members: Vec<(Group, InstrumentId, NaiveDate, String)>) {
    members.sort();
    for all in members.chunk_by(|a, b| a.0 == b.0) {
        let Some((group, ..)) = all.first() else { continue };
        let names: BTreeSet<&String> = all.iter().map(|m| &m.3).filter(|n| !n.is_empty()).collect();
        let names: Vec<String> = names.into_iter().take(usize::from(NO_GROUP)).cloned().collect();
        let mut grouping = Grouping { names, changes: vec![Vec::new(); panel.symbols.len()] };
        for (_, instrument, since, name) in all {
            let code = grouping.names.binary_search(name).ok().and_then(|c| u16::try_from(c).ok());
            let row = panel.sessions.partition_point(|s| s < since);
            if let Some(changes) = panel.index_of(*instrument).and_then(|i| grouping.changes.get_mut(i)) {
                changes.push((row, code.unwrap_or(NO_GROUP)));
            }
        }
        panel.groups.insert(*group, grouping);
    }
}

/// The figure in force on each row: the newest period known by then, unless it is too old.
fn known_series(panel: &Panel, instrument: usize, group: &[Fundamental]) -> Vec<f32> {
    let factors = panel.column("factor").map(|c| c.series(instrument)).unwrap_or_default();
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
    let mut number = Column::of_series(rows, &vec![vec![0.0; rows]; count]);
    for ((instrument, row), (sum, n)) in tones {
        let Some(index) = panel.index_of(*instrument) else { continue };
        tone.set(index, *row, (sum / f64::from(*n)) as f32);
        number.set(index, *row, *n as f32);
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
