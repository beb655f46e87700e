//! How well a column of a factor file foresaw another: by day and over all days.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::factors::FactorFileError;
use super::table::FactorTable;
use crate::domain::Symbol;
use crate::factor::evaluate::{Information, correlation, information, summarise};
use crate::factor::rank::average;

/// Sessions over which the decay of a score is followed.
const DECAY_SESSIONS: usize = 5;
/// Most quantiles.
pub const QUANTILES_MAX: usize = 100;

/// One day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// Session.
    pub date: NaiveDate,
    /// Pearson's correlation of score and label.
    pub ic: Option<f64>,
    /// The same of their ranks.
    pub rank_ic: Option<f64>,
    /// Names with both values.
    pub names: usize,
    /// Mean label of each quantile of the score, lowest first.
    pub quantile_returns: Vec<Option<f64>>,
    /// Share of the top quantile that was not in it the day before.
    pub turnover: Option<f64>,
    /// Correlation of the score with that of the day before.
    pub autocorrelation: Option<f64>,
}

/// All days.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// Days with a coefficient.
    pub days: usize,
    /// Mean IC.
    pub ic: Option<f64>,
    /// Mean IC over its deviation.
    pub icir: Option<f64>,
    /// Mean rank IC.
    pub rank_ic: Option<f64>,
    /// Mean rank IC over its deviation.
    pub rank_icir: Option<f64>,
    /// Mean label of each quantile over the days, lowest first.
    pub quantile_returns: Vec<Option<f64>>,
    /// Mean turnover of the top quantile.
    pub turnover: Option<f64>,
    /// Mean rank IC of the score of 0, 1, 2 … sessions ago with today's label.
    pub decay: Vec<Option<f64>>,
}

/// Days and summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// By day.
    pub daily: Vec<Day>,
    /// Over all days.
    pub summary: Summary,
}

/// One day's names with a score, in symbol order.
type Scores = Vec<(Symbol, f64, f64)>;

/// Judges `score` by `label`.
pub fn evaluate(
    table: &FactorTable,
    score: &str,
    label: &str,
    quantiles: usize,
) -> Result<Evaluation, FactorFileError> {
    if !(1..=QUANTILES_MAX).contains(&quantiles) {
        return Err(FactorFileError::Asked(format!("--quantiles must be from 1 to {QUANTILES_MAX}")));
    }
    let named = |name: &str| {
        let known = table.columns.join(", ");
        let missing = || FactorFileError::Asked(format!("there is no column '{name}'; there are {known}"));
        table.column(name).ok_or_else(missing)
    };
    let (scores, labels) = (named(score)?, named(label)?);
    let days: Vec<(NaiveDate, Scores)> =
        table.days().into_iter().map(|(date, rows)| (date, day_of(table, scores, labels, rows))).collect();
    let mut daily = Vec::with_capacity(days.len());
    let mut before: Option<(&Scores, BTreeSet<Symbol>)> = None;
    for (date, names) in &days {
        let (day, top) = judge(*date, names, before.as_ref(), quantiles);
        daily.push(day);
        before = Some((names, top));
    }
    let summary = summary(&daily, &days, quantiles);
    Ok(Evaluation { daily, summary })
}

fn day_of(table: &FactorTable, scores: &[f64], labels: &[f64], rows: std::ops::Range<usize>) -> Scores {
    let value = |column: &[f64], row: usize| column.get(row).copied().unwrap_or(f64::NAN);
    let named = |row: usize| Some((table.keys.get(row)?.1, value(scores, row), value(labels, row)));
    rows.filter_map(named).filter(|(_, score, _)| !score.is_nan()).collect()
}

fn judge(
    date: NaiveDate,
    names: &Scores,
    before: Option<&(&Scores, BTreeSet<Symbol>)>,
    quantiles: usize,
) -> (Day, BTreeSet<Symbol>) {
    let Information { ic, rank_ic, pairs } = of(names, names);
    let mut order: Vec<&(Symbol, f64, f64)> = names.iter().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); quantiles];
    let mut top = BTreeSet::new();
    for (place, (symbol, _, label)) in order.iter().enumerate() {
        let quantile = place * quantiles / order.len().max(1);
        if let Some(group) = groups.get_mut(quantile).filter(|_| !label.is_nan()) {
            group.push(*label);
        }
        if quantile + 1 == quantiles {
            top.insert(*symbol);
        }
    }
    let turnover = before
        .filter(|_| !top.is_empty())
        .map(|(_, old)| top.difference(old).count() as f64 / top.len() as f64);
    let autocorrelation = before.and_then(|(old, _)| {
        let (now, then): (Vec<f64>, Vec<f64>) =
            names.iter().filter_map(|(s, score, _)| Some((*score, find(old, *s)?.1))).unzip();
        correlation(&now, &then)
    });
    let quantile_returns = groups.iter().map(|g| mean_of(g.iter().copied())).collect();
    (Day { date, ic, rank_ic, names: pairs, quantile_returns, turnover, autocorrelation }, top)
}

fn find(names: &Scores, symbol: Symbol) -> Option<&(Symbol, f64, f64)> {
    names.binary_search_by_key(&symbol, |n| n.0).ok().and_then(|at| names.get(at))
}

/// Coefficients of one day's scores with another day's labels.
fn of(scores: &Scores, labels: &Scores) -> Information {
    let (x, y): (Vec<f64>, Vec<f64>) =
        scores.iter().filter_map(|(s, score, _)| Some((*score, find(labels, *s)?.2))).unzip();
    information(&x, &y)
}

fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn summary(daily: &[Day], days: &[(NaiveDate, Scores)], quantiles: usize) -> Summary {
    let found: Vec<Information> =
        daily.iter().map(|d| Information { ic: d.ic, rank_ic: d.rank_ic, pairs: d.names }).collect();
    let means = summarise(&found);
    let finite = |value: f64| value.is_finite().then_some(value);
    let quantile =
        |q: usize| mean_of(daily.iter().filter_map(|d| d.quantile_returns.get(q).copied().flatten()));
    let decay = (0..=DECAY_SESSIONS).map(|lag| {
        let pairs = days.iter().zip(days.iter().skip(lag));
        mean_of(pairs.filter_map(|((_, then), (_, now))| rank_correlation(then, now)))
    });
    Summary {
        days: means.map_or(0, |m| m.days),
        ic: means.map(|m| m.ic),
        icir: means.and_then(|m| finite(m.icir)),
        rank_ic: means.and_then(|m| finite(m.rank_ic)),
        rank_icir: means.and_then(|m| finite(m.rank_icir)),
        quantile_returns: (0..quantiles).map(quantile).collect(),
        turnover: mean_of(daily.iter().filter_map(|d| d.turnover)),
        decay: decay.collect(),
    }
}

fn rank_correlation(scores: &Scores, labels: &Scores) -> Option<f64> {
    let pairs = scores.iter().filter_map(|(s, score, _)| Some((*score, find(labels, *s)?.2)));
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.filter(|(_, label)| !label.is_nan()).unzip();
    correlation(&average(&x), &average(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FactorTable {
        let mut text = String::from("date,symbol,score,label\n");
        for day in 2..6 {
            for name in 0..4 {
                let label = if name == 3 && day == 5 { String::new() } else { format!("{}", name * day) };
                text.push_str(&format!("2024-01-0{day},N{name},{name},{label}\n"));
            }
        }
        FactorTable::parse(text.as_bytes(), &"t.csv".into()).unwrap()
    }

    #[test]
    fn a_perfect_score_has_perfect_coefficients_and_no_turnover() {
        let found = evaluate(&table(), "score", "label", 2).unwrap();
        assert_eq!(found.daily[0].rank_ic, Some(1.0));
        assert_eq!(found.daily[0].quantile_returns, [Some(1.0), Some(5.0)]);
        assert_eq!((found.daily[0].turnover, found.daily[1].turnover), (None, Some(0.0)));
        assert_eq!(found.daily[3].names, 3);
        assert_eq!((found.summary.days, found.summary.decay.len()), (4, 6));
        assert_eq!((found.summary.decay[1], found.summary.decay[4]), (Some(1.0), None));
    }

    #[test]
    fn an_unknown_column_is_named_with_those_there_are() {
        let said = evaluate(&table(), "scroe", "label", 5).unwrap_err().to_string();
        assert!(said.contains("scroe") && said.contains("score, label"), "{said}");
        assert!(evaluate(&table(), "score", "label", 0).is_err());
    }
}
