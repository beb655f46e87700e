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
    let periods = match wanted {
        Some(period) => one_period(&known, period),
        None => all_periods(fields, &known),
    };
    let leaf = |node: &Node| periods.of_one_field(node, fields);
    match evaluate(inner, &leaf, &periods.days) {
        Ok(values) => values.doubles(periods.days.len()).last().copied().unwrap_or(f64::NAN),
        Err(_) => f64::NAN,
    }
}

/// The periods of a day, with the figures of each field.
struct Periods {
    /// Oldest first, over all fields.
    days: Vec<NaiveDate>,
    /// Each field's figures on them.
    series: Vec<Vec<f64>>,
    /// Which of them are each field's own: from its first known period to its last.
    own: Vec<Vec<usize>>,
}

impl Periods {
    /// A node over one field alone is worked out on that field's own periods, as in Qlib: a window does not reach
    /// into periods that only another field knows.
    fn of_one_field(&self, node: &Node, fields: &[Figures<'_, '_>]) -> Option<Series> {
        let mut found: Vec<usize> = Vec::new();
        visit(node, &mut |part| found.extend(fields.iter().position(|f| f.node == part)));
        found.dedup();
        let [field] = found.as_slice() else { return None };
        let (series, own) = (self.series.get(*field)?, self.own.get(*field)?);
        if matches!(node, Node::Period(..)) {
            return Some(Series::Double(series.clone()));
        }
        let days: Vec<NaiveDate> = own.iter().filter_map(|at| self.days.get(*at)).copied().collect();
        let figures: Vec<f64> = own.iter().filter_map(|at| series.get(*at)).copied().collect();
        let leaf = |part: &Node| matches!(part, Node::Period(..)).then(|| Series::Double(figures.clone()));
        let values = evaluate(node, &leaf, &days).ok()?;
        if own.len() == self.days.len() {
            return Some(values);
        }
        let mut spread = vec![f64::NAN; self.days.len()];
        for (at, value) in own.iter().zip(values.doubles(days.len())) {
            if let Some(slot) = spread.get_mut(*at) {
                *slot = value;
            }
        }
        Some(Series::Double(spread))
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
fn one_period(known: &[BTreeMap<NaiveDate, f64>], period: i32) -> Periods {
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
    Periods {
        days: vec![NaiveDate::default()],
        series: known.iter().map(|of| vec![value(of)]).collect(),
        own: vec![vec![0]; known.len()],
    }
}

/// Every field on one common list of periods, oldest first.
fn all_periods(fields: &[Figures<'_, '_>], known: &[BTreeMap<NaiveDate, f64>]) -> Periods {
    let cadence = fields.iter().map(|f| f.cadence).max().filter(|c| *c != Cadence::Any);
    let place = |day: NaiveDate| match cadence {
        Some(cadence) => first_day_of(cadence, cadence.slot(day).unwrap_or(0)),
        None => Some(day),
    };
    let figures: Vec<BTreeMap<NaiveDate, f64>> = known
        .iter()
        .map(|of| of.iter().filter_map(|(end, value)| Some((place(*end)?, *value))).collect())
        .collect();
    let own: Vec<BTreeSet<NaiveDate>> = figures.iter().map(|of| without_gaps(of, cadence)).collect();
    let days: BTreeSet<NaiveDate> = own.iter().flatten().copied().collect();
    let days: Vec<NaiveDate> = match (cadence, days.first(), days.last()) {
        (Some(cadence), Some(first), Some(last)) => grid(cadence, *first, *last).collect(),
        _ => days.into_iter().collect(),
    };
    let value = |of: &BTreeMap<NaiveDate, f64>, day: &NaiveDate| of.get(day).copied().unwrap_or(f64::NAN);
    Periods {
        series: figures.iter().map(|of| days.iter().map(|d| value(of, d)).collect()).collect(),
        own: own
            .iter()
            .map(|of| days.iter().enumerate().filter(|(_, d)| of.contains(d)).map(|(at, _)| at).collect())
            .collect(),
        days,
    }
}

/// A field's own periods, from the first to the last of its figures.
fn without_gaps(figures: &BTreeMap<NaiveDate, f64>, cadence: Option<Cadence>) -> BTreeSet<NaiveDate> {
    match (cadence, figures.first_key_value(), figures.last_key_value()) {
        (Some(cadence), Some((first, _)), Some((last, _))) => grid(cadence, *first, *last).collect(),
        _ => figures.keys().copied().collect(),
    }
}

/// The first day of every period of the cadence between two days.
fn grid(cadence: Cadence, first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let (from, to) = (cadence.slot(first).unwrap_or(0), cadence.slot(last).unwrap_or(-1));
    (from..=to).filter_map(move |slot| first_day_of(cadence, slot))
}

fn first_day_of(cadence: Cadence, slot: i32) -> Option<NaiveDate> {
    match cadence {
        Cadence::Year => NaiveDate::from_ymd_opt(slot, 1, 1),
        Cadence::Quarter | Cadence::Any => {
            let month = slot.rem_euclid(QUARTERS) as u32 * 3 + 1;
            NaiveDate::from_ymd_opt(slot.div_euclid(QUARTERS), month, 1)
        }
    }
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
    fn a_window_does_not_reach_into_periods_that_only_another_field_knows() {
        let (eps, sales) = (records(), vec![record(0, "2023-03-31", 10.0)]);
        let lookup = |field: &str| if field == "eps" { eps.as_slice() } else { sales.as_slice() };
        let values = |text: &str| {
            let expression = Expression::parse(text).unwrap();
            point_in_time(expression.node(), &lookup, 1..5)
        };
        same(values("P(Mean($$sales_q, 4) - Mean($$eps_q, 4))"), &[9.0, 9.0, NO, NO]);
        same(values("P(Mean($$sales_q - $$eps_q, 4))"), &[9.0, 9.0, 9.0, 9.0]);
    }

    #[test]
    fn a_field_nobody_reported_is_missing() {
        same(values("P($$sales / $$eps)", 0..3), &[NO, NO, NO]);
    }
}
