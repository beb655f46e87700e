//! Point-in-time figures: what an expression over periods was worth on each day, with what was known that day.
//!
//! `P(expr)` sees, on each row, the periods whose figures were known by then, oldest first, each with its newest
//! revision, and takes the value of the last; `PRef(expr, 201903)` sees that one period alone. A period without a
//! record between two that have one is missing where the field has a cadence (`_q`, `_a`). Nothing known later
//! ever enters.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use super::registry::Cadence;
use super::series::evaluate;
use super::{Node, Op, visit};
use crate::factor::kernels::element::Series;
use crate::factor::panel::PeriodRecord;

/// Quarters a year.
const QUARTERS: i32 = 4;

/// The value of a `P` or `PRef` node on each of `rows`; `records` gives one instrument's figures of a field, in
/// any order. NaN where nothing is known.
pub fn point_in_time<'a>(
    node: &Node,
    records: &dyn Fn(&str) -> &'a [PeriodRecord],
    rows: Range<usize>,
) -> Vec<f64> {
    let (inner, wanted) = match node {
        Node::Call(Op::P, args) => (args.first(), None),
        Node::Call(Op::PRef, args) => match args.as_slice() {
            [inner, Node::Number(period)] => (Some(inner), Some(*period as i32)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    let Some(inner) = inner else { return vec![f64::NAN; rows.len()] };
    let fields = fields_of(inner, records);
    let changes: BTreeSet<usize> =
        fields.iter().flat_map(|f| f.records.iter().map(|r| r.known_row.max(rows.start))).collect();
    let mut values = vec![f64::NAN; rows.len()];
    let mut changes = changes.into_iter().filter(|row| *row < rows.end).peekable();
    while let Some(row) = changes.next() {
        let until = changes.peek().copied().unwrap_or(rows.end);
        let value = as_known(inner, &fields, wanted, row);
        for slot in values.get_mut(row - rows.start..until - rows.start).unwrap_or(&mut []) {
            *slot = value;
        }
    }
    values
}

/// One field of an expression and what is recorded of it.
struct Figures<'n, 'a> {
    node: &'n Node,
    cadence: Cadence,
    records: &'a [PeriodRecord],
}

fn fields_of<'n, 'a>(inner: &'n Node, records: &dyn Fn(&str) -> &'a [PeriodRecord]) -> Vec<Figures<'n, 'a>> {
    let mut fields: Vec<Figures<'n, 'a>> = Vec::new();
    visit(inner, &mut |node| {
        if let Node::Period(name, cadence) = node
            && !fields.iter().any(|f| f.node == node)
        {
            fields.push(Figures { node, cadence: *cadence, records: records(name) });
        }
    });
    fields
}

/// The expression's last value over the periods known on a row.
fn as_known(inner: &Node, fields: &[Figures<'_, '_>], wanted: Option<i32>, row: usize) -> f64 {
    let known: Vec<BTreeMap<NaiveDate, f64>> = fields.iter().map(|f| newest(f, row)).collect();
    let (days, series) = match wanted {
        Some(period) => one_period(&known, period),
        None => all_periods(fields, &known),
    };
    let leaf = |node: &Node| {
        let at = fields.iter().position(|f| f.node == node)?;
        series.get(at).map(|values| Series::Double(values.clone()))
    };
    match evaluate(inner, &leaf, &days) {
        Ok(values) => values.doubles(days.len()).last().copied().unwrap_or(f64::NAN),
        Err(_) => f64::NAN,
    }
}

/// Newest revision of every period known on a row, by the period's place (its end, or the end's quarter or year).
fn newest(figures: &Figures<'_, '_>, row: usize) -> BTreeMap<NaiveDate, f64> {
    let mut latest: BTreeMap<NaiveDate, (usize, f64)> = BTreeMap::new();
    for record in figures.records.iter().filter(|r| r.known_row <= row) {
        let held = latest.entry(record.period_end).or_insert((record.known_row, record.value));
        if record.known_row >= held.0 {
            *held = (record.known_row, record.value);
        }
    }
    let mut kept: BTreeMap<NaiveDate, f64> = BTreeMap::new();
    for (end, (_, value)) in latest {
        if let Some(slot) = figures.cadence.slot(end) {
            kept.retain(|other, _| figures.cadence.slot(*other) != Some(slot));
        }
        kept.insert(end, value);
    }
    kept
}

/// The newest figure whose period ends in a year (2019) or a year's quarter (201903).
fn one_period(known: &[BTreeMap<NaiveDate, f64>], period: i32) -> (Vec<NaiveDate>, Vec<Vec<f64>>) {
    let is_year = period < 10_000;
    let fits = |end: &NaiveDate| {
        if is_year {
            return end.year() == period;
        }
        end.year() == period / 100 && end.month0() as i32 / (12 / QUARTERS) + 1 == period % 100
    };
    let value = |of: &BTreeMap<NaiveDate, f64>| {
        of.iter().rfind(|(end, _)| fits(end)).map_or(f64::NAN, |(_, value)| *value)
    };
    (vec![NaiveDate::default()], known.iter().map(|of| vec![value(of)]).collect())
}

/// Every field on one common list of periods, oldest first.
fn all_periods(
    fields: &[Figures<'_, '_>],
    known: &[BTreeMap<NaiveDate, f64>],
) -> (Vec<NaiveDate>, Vec<Vec<f64>>) {
    let mut ends: BTreeSet<NaiveDate> = known.iter().flat_map(|of| of.keys().copied()).collect();
    let cadence = fields.iter().map(|f| f.cadence).max().filter(|c| *c != Cadence::Any);
    if let Some(cadence) = cadence {
        ends = on_grid(&ends, cadence);
    }
    let days: Vec<NaiveDate> = ends.into_iter().collect();
    let value = |of: &BTreeMap<NaiveDate, f64>, day: &NaiveDate| match cadence {
        None => of.get(day).copied(),
        Some(cadence) => {
            of.iter().rfind(|(end, _)| cadence.slot(**end) == cadence.slot(*day)).map(|(_, v)| *v)
        }
    };
    let series =
        known.iter().map(|of| days.iter().map(|d| value(of, d).unwrap_or(f64::NAN)).collect()).collect();
    (days, series)
}

/// One day in every period of the cadence from the first to the last known.
fn on_grid(ends: &BTreeSet<NaiveDate>, cadence: Cadence) -> BTreeSet<NaiveDate> {
    let slots = ends.first().and_then(|d| cadence.slot(*d)).zip(ends.last().and_then(|d| cadence.slot(*d)));
    let Some((first, last)) = slots else { return BTreeSet::new() };
    let day = |slot: i32| match cadence {
        Cadence::Year => NaiveDate::from_ymd_opt(slot, 1, 1),
        Cadence::Quarter | Cadence::Any => {
            let month = slot.rem_euclid(QUARTERS) as u32 * 3 + 1;
            NaiveDate::from_ymd_opt(slot.div_euclid(QUARTERS), month, 1)
        }
    };
    (first..=last).filter_map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Expression;
    use super::*;

    fn record(known_row: usize, end: &str, value: f64) -> PeriodRecord {
        PeriodRecord { known_row, period_end: end.parse().unwrap(), value }
    }

    /// The first quarter is revised on row 6; the third of 2023 never comes.
    fn records() -> Vec<PeriodRecord> {
        vec![
            record(1, "2023-03-31", 1.0),
            record(3, "2023-06-30", 2.0),
            record(6, "2023-03-31", 1.5),
            record(8, "2023-12-31", 4.0),
        ]
    }

    fn values(text: &str, rows: Range<usize>) -> Vec<f64> {
        let records = records();
        let expression = Expression::parse(text).unwrap();
        let lookup = |field: &str| if field == "eps" { records.as_slice() } else { &[] };
        point_in_time(expression.node(), &lookup, rows)
    }

    fn same(found: Vec<f64>, wanted: &[f64]) {
        let equal = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(found.len() == wanted.len() && found.iter().zip(wanted).all(equal), "{found:?} {wanted:?}");
    }

    const NO: f64 = f64::NAN;

    #[test]
    fn the_newest_period_is_known_from_its_day_and_a_revision_of_an_older_one_does_not_replace_it() {
        same(values("P($$eps)", 0..10), &[NO, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 4.0, 4.0]);
        same(values("P($$eps)", 7..9), &[2.0, 4.0]);
    }

    #[test]
    fn windows_count_periods_and_see_the_revision_of_the_day() {
        same(values("P(Sum($$eps, 2))", 2..9), &[1.0, 3.0, 3.0, 3.0, 3.5, 3.5, 6.0]);
        same(values("P($$eps / Ref($$eps, 1) - 1)", 3..7), &[1.0, 1.0, 1.0, 2.0 / 1.5 - 1.0]);
    }

    #[test]
    fn a_quarter_that_never_came_is_missing_where_quarters_are_counted() {
        same(values("P(Ref($$eps_q, 1))", 8..9), &[NO]);
        same(values("P(Ref($$eps, 1))", 8..9), &[2.0]);
        same(values("P(Ref($$eps_q, 2))", 8..9), &[2.0]);
    }

    #[test]
    fn one_period_is_given_as_known_on_the_day() {
        same(values("PRef($$eps_q, 202301)", 0..8), &[NO, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 1.5]);
        same(values("PRef($$eps, 202303)", 8..9), &[NO]);
        same(values("PRef($$eps_a, 2023)", 7..9), &[2.0, 4.0]);
        same(values("PRef($$eps * 2, 202302)", 3..4), &[4.0]);
    }

    #[test]
    fn a_field_nobody_reported_is_missing() {
        same(values("P($$sales / $$eps)", 0..3), &[NO, NO, NO]);
    }
}
