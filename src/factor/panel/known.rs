//! What is known on a day beside prices: figures per share, groups, the tone of headlines.
//!
//! A figure stands from the first session on or after the day it was known, in the share terms of the adjusted
//! prices; nothing is used before it was known.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::rows::Outline;
use super::{Column, FUNDAMENTAL_AGE_DAYS_MAX, Group, Grouping, NO_GROUP, PER_SHARE, Panel, PeriodRecord};
use crate::domain::InstrumentId;
use crate::domain::market::Fundamental;

/// Writes each figure from the session it was known, in the share terms of the adjusted prices.
pub(super) fn fill_fundamentals(panel: &mut Panel, mut figures: Vec<Fundamental>, outlines: &[Outline]) {
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
        let Some(instrument) = panel.index_of(first.instrument) else { continue };
        let per_share = PER_SHARE.into_iter().find(|f| *f == first.field.as_str());
        let terms = outlines.get(instrument).map_or(&[][..], |o| &o.shares);
        keep_periods(panel, instrument, if per_share.is_some() { terms } else { &[] }, group);
        let Some(field) = per_share else { continue };
        let series = known_series(panel, terms, group);
        let (rows, count) = (panel.sessions.len(), panel.symbols.len());
        let column = panel.columns.entry(field).or_insert_with(|| Column::missing(rows, count));
        series.iter().enumerate().for_each(|(row, value)| column.set(instrument, row, *value));
    }
}

/// Keeps one instrument's figures of one field by period, for the sessions from which they were known, in the share
/// terms of `terms`.
fn keep_periods(panel: &mut Panel, instrument: usize, terms: &[(usize, f64)], group: &[Fundamental]) {
    let Some(first) = group.first() else { return };
    let count = panel.symbols.len();
    let record = |f: &Fundamental| {
        let known_row = panel.sessions.partition_point(|s| *s < f.known_at);
        let term = terms.partition_point(|(from, _)| *from <= known_row).checked_sub(1);
        let shares = term.and_then(|at| terms.get(at)).map_or(1.0, |(_, shares)| *shares);
        PeriodRecord { known_row, period_end: f.period_end, value: f.value * shares }
    };
    let records = group.iter().map(record).filter(|r| r.known_row < panel.sessions.len()).collect();
    let all = panel.periods.entry(first.field.as_str().to_owned()).or_insert_with(|| vec![Vec::new(); count]);
    if let Some(slot) = all.get_mut(instrument) {
        *slot = records;
    }
}

/// Writes who belonged where from which row on. Names get codes in their alphabetical order.
pub(super) fn fill_groups(panel: &mut Panel, mut members: Vec<(Group, InstrumentId, NaiveDate, String)>) {
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
fn known_series(panel: &Panel, terms: &[(usize, f64)], group: &[Fundamental]) -> Vec<f32> {
    let mut terms = terms.iter().peekable();
    let mut pending = group.iter().peekable();
    let mut current: Option<(&Fundamental, f32)> = None;
    let mut factor = 1.0;
    let mut series = Vec::with_capacity(panel.sessions.len());
    for (row, session) in panel.sessions.iter().enumerate() {
        while let Some((_, shares)) = terms.next_if(|(from, _)| *from <= row) {
            factor = *shares;
        }
        while let Some(figure) = pending.next_if(|f| f.known_at <= *session) {
            if current.is_none_or(|(held, _)| figure.period_end >= held.period_end) {
                current = Some((figure, (figure.value * factor) as f32));
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
pub(super) fn fill_tones(panel: &mut Panel, tones: &BTreeMap<(InstrumentId, usize), (f64, u32)>) {
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
