//! A score judged by a label over many days: coefficients, quantiles, long against short, turnover, decay.
//!
//! Rules of Qlib where it has them: long-short is half the difference between the mean labels of the day's best and
//! worst scores, `int(0.2 × listed)` names each, equal scores in instrument order; the autocorrelation is Pearson's
//! with the day before; a year has 252 days. Days are worked on in parallel, each by itself, so the figures do not
//! depend on the number of threads. Nothing is filled in: what a day cannot say is `None`.

use std::ops::Range;

use rayon::prelude::*;

use super::{Information, correlation, information, summarise};
use crate::factor::kernels::moments::{deviation, mean};
use crate::factor::panel::Column;

/// Share of the names that a long or a short side holds.
const SIDE_SHARE: f64 = 0.2;
/// Days of a year in annual figures.
pub const DAYS_PER_YEAR: f64 = 252.0;

/// Scores and labels of all days, one value an instrument in the same order every day.
pub trait Sections: Sync {
    /// Number of days.
    fn days(&self) -> usize;
    /// The day's scores; NaN is missing.
    fn scores(&self, day: usize) -> Vec<f64>;
    /// The day's labels; NaN is missing.
    fn labels(&self, day: usize) -> Vec<f64>;
    /// Which instruments are there on the day, with a value or without.
    fn listed(&self, day: usize) -> Vec<bool> {
        let has = |(score, label): (f64, f64)| !score.is_nan() || !label.is_nan();
        self.scores(day).into_iter().zip(self.labels(day)).map(has).collect()
    }
}

/// Rows of two columns of the same instruments.
#[derive(Debug, Clone)]
pub struct ColumnSections<'a> {
    /// What is judged.
    pub score: &'a Column,
    /// What came.
    pub label: &'a Column,
    /// Rows to judge.
    pub rows: Range<usize>,
}

impl ColumnSections<'_> {
    fn section(&self, column: &Column, day: usize) -> Vec<f64> {
        column.cross_section(self.rows.start + day).into_iter().map(f64::from).collect()
    }
}

impl Sections for ColumnSections<'_> {
    fn days(&self) -> usize {
        self.rows.len()
    }

    fn scores(&self, day: usize) -> Vec<f64> {
        self.section(self.score, day)
    }

    fn labels(&self, day: usize) -> Vec<f64> {
        self.section(self.label, day)
    }
}

/// The members of one group, which may change from day to day; everybody else counts as not listed.
pub struct Members<'a, S> {
    /// All instruments.
    pub all: &'a S,
    /// Group of every instrument on a day.
    pub groups: &'a (dyn Fn(usize) -> Vec<u16> + Sync),
    /// The group.
    pub code: u16,
}

impl<S: Sections> Members<'_, S> {
    fn only(&self, day: usize, mut values: Vec<f64>) -> Vec<f64> {
        let outside = values.iter_mut().zip((self.groups)(day)).filter(|(_, code)| *code != self.code);
        outside.for_each(|(value, _)| *value = f64::NAN);
        values
    }
}

impl<S: Sections> Sections for Members<'_, S> {
    fn days(&self) -> usize {
        self.all.days()
    }

    fn scores(&self, day: usize) -> Vec<f64> {
        self.only(day, self.all.scores(day))
    }

    fn labels(&self, day: usize) -> Vec<f64> {
        self.only(day, self.all.labels(day))
    }

    fn listed(&self, day: usize) -> Vec<bool> {
        let codes = (self.groups)(day);
        self.all
            .listed(day)
            .into_iter()
            .zip(codes)
            .map(|(listed, code)| listed && code == self.code)
            .collect()
    }
}

/// What one day said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayQuality {
    /// IC, rank IC and the number of complete pairs.
    pub information: Information,
    /// Mean label of each quantile of the score, lowest first.
    pub quantile_returns: Vec<Option<f64>>,
    /// Half of the mean label of the best fifth less that of the worst.
    pub long_short: Option<f64>,
    /// Mean label of all names.
    pub long_average: Option<f64>,
    /// Share of the top quantile that was not in it the day before.
    pub turnover: Option<f64>,
    /// Pearson's correlation of the scores with those of the day before.
    pub autocorrelation: Option<f64>,
}

/// A daily return over all days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Returns {
    /// Mean of a day.
    pub mean: f64,
    /// Mean × 252.
    pub annual: f64,
    /// Mean over sample deviation, × √252; not finite when nothing varies.
    pub sharpe: f64,
}

/// Days of a score, and what they say together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// By day.
    pub daily: Vec<DayQuality>,
}

impl Judgement {
    /// Means and ratios of the coefficients; `None` when no day has any.
    pub fn information(&self) -> Option<super::InformationSummary> {
        let days: Vec<Information> = self.daily.iter().map(|day| day.information).collect();
        summarise(&days)
    }

    /// Mean label of each quantile over the days, lowest first.
    pub fn quantile_returns(&self) -> Vec<Option<f64>> {
        let quantiles = self.daily.iter().map(|day| day.quantile_returns.len()).max().unwrap_or(0);
        (0..quantiles).map(|q| self.mean(|day| day.quantile_returns.get(q).copied().flatten())).collect()
    }

    /// Long-short returns.
    pub fn long_short(&self) -> Option<Returns> {
        self.returns(|day| day.long_short)
    }

    /// Returns of holding every name alike.
    pub fn long_average(&self) -> Option<Returns> {
        self.returns(|day| day.long_average)
    }

    /// Mean over the days that have the figure.
    pub fn mean(&self, figure: impl Fn(&DayQuality) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.daily.iter().filter_map(figure).collect();
        (!values.is_empty()).then(|| mean(&values))
    }

    fn returns(&self, figure: impl Fn(&DayQuality) -> Option<f64>) -> Option<Returns> {
        let values: Vec<f64> = self.daily.iter().filter_map(figure).collect();
        let middle = mean(&values);
        let sharpe = middle / deviation(&values) * DAYS_PER_YEAR.sqrt();
        (!values.is_empty()).then_some(Returns { mean: middle, annual: middle * DAYS_PER_YEAR, sharpe })
    }
}

/// How well the score of a day foresaw the label of a later one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay {
    /// 1 is the label of the score's own day, `h` that of `h - 1` sessions later.
    pub horizon: usize,
    /// Means and ratios; `None` when no day has a coefficient.
    pub information: Option<super::InformationSummary>,
}

/// Judges a score by day, with so many quantiles.
pub fn judge<S: Sections>(sections: &S, quantiles: usize) -> Judgement {
    let days: Vec<(DayQuality, Vec<usize>)> =
        (0..sections.days()).into_par_iter().map(|day| judge_day(sections, day, quantiles)).collect();
    let mut before: Option<Vec<usize>> = None;
    let mut daily = Vec::with_capacity(days.len());
    for (mut day, top) in days {
        let share = |old: &Vec<usize>| {
            let fresh = top.iter().filter(|name| old.binary_search(name).is_err()).count();
            fresh as f64 / top.len() as f64
        };
        day.turnover = before.as_ref().filter(|_| !top.is_empty()).map(share);
        daily.push(day);
        before = Some(top);
    }
    Judgement { daily }
}

/// Judges rows of a column by those of another.
pub fn judge_columns(score: &Column, label: &Column, rows: Range<usize>, quantiles: usize) -> Judgement {
    judge(&ColumnSections { score, label, rows }, quantiles)
}

/// Follows a score over horizons: the label of day `t + h - 1` against the score of day `t`.
pub fn decay<S: Sections>(sections: &S, horizons: &[usize]) -> Vec<Decay> {
    let follow = |horizon: &usize| {
        let later = horizon.saturating_sub(1);
        let starts = 0..sections.days().saturating_sub(later);
        let of = |day: usize| information(&sections.scores(day), &sections.labels(day + later));
        let days: Vec<Information> = starts.into_par_iter().map(of).collect();
        Decay { horizon: *horizon, information: summarise(&days) }
    };
    horizons.iter().map(follow).collect()
}

/// One day, without its turnover, and the instruments of its top quantile, ascending.
fn judge_day<S: Sections>(sections: &S, day: usize, quantiles: usize) -> (DayQuality, Vec<usize>) {
    let (scores, labels) = (sections.scores(day), sections.labels(day));
    let listed = sections.listed(day).into_iter().filter(|there| *there).count();
    let label = |instrument: usize| labels.get(instrument).copied().unwrap_or(f64::NAN);
    let order = ascending(&scores);
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); quantiles];
    let mut top = Vec::new();
    for (place, (_, instrument)) in order.iter().enumerate() {
        let quantile = place * quantiles / order.len().max(1);
        if let Some(group) = groups.get_mut(quantile) {
            group.push(label(*instrument));
        }
        if quantile + 1 == quantiles {
            top.push(*instrument);
        }
    }
    top.sort_unstable();
    let side = (listed as f64 * SIDE_SHARE) as usize;
    let short = order.iter().take(side).map(|(_, instrument)| label(*instrument));
    let long = best(&order, side).into_iter().map(label);
    let difference = mean_of(long).zip(mean_of(short)).map(|(long, short)| (long - short) / 2.0);
    let quality = DayQuality {
        information: information(&scores, &labels),
        quantile_returns: groups.into_iter().map(|group| mean_of(group.into_iter())).collect(),
        long_short: difference,
        // Qlib's labels are single precision, and so is the mean that pandas makes of a group of them.
        long_average: mean_of(labels.iter().copied()).map(|mean| f64::from(mean as f32)),
        turnover: None,
        autocorrelation: day.checked_sub(1).and_then(|day| together(&scores, &sections.scores(day))),
    };
    (quality, top)
}

/// Scores that are there, lowest first, with their instruments; equal ones in instrument order.
fn ascending(scores: &[f64]) -> Vec<(f64, usize)> {
    let there = scores.iter().enumerate().filter(|(_, score)| !score.is_nan());
    let mut order: Vec<(f64, usize)> = there.map(|(instrument, score)| (*score + 0.0, instrument)).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order
}

/// The instruments of the highest scores; of equal ones the first.
fn best(order: &[(f64, usize)], names: usize) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(names);
    for tie in order.chunk_by(|a, b| a.0 == b.0).rev() {
        chosen.extend(tie.iter().take(names - chosen.len()).map(|(_, instrument)| *instrument));
    }
    chosen
}

fn together(now: &[f64], then: &[f64]) -> Option<f64> {
    let both = now.iter().zip(then).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let (now, then): (Vec<f64>, Vec<f64>) = both.map(|(a, b)| (*a, *b)).unzip();
    correlation(&now, &then)
}

/// Mean of the values there; `None` without any.
fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let there = values.filter(|value| !value.is_nan());
    let (sum, count) = there.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of columns: `series[instrument][row]`.
    fn columns(score: &[Vec<f32>], label: &[Vec<f32>]) -> (Column, Column) {
        let rows = score[0].len();
        (Column::of_series(rows, score), Column::of_series(rows, label))
    }

    #[test]
    fn a_perfect_score_has_perfect_coefficients_and_no_turnover() {
        let score: Vec<Vec<f32>> = (0..10).map(|i| vec![i as f32; 3]).collect();
        let label: Vec<Vec<f32>> = (0..10).map(|i| (1..4).map(|row| (i * row) as f32).collect()).collect();
        let (score, label) = columns(&score, &label);
        let found = judge_columns(&score, &label, 0..3, 5);
        assert_eq!(found.daily[0].quantile_returns[4], Some(8.5));
        assert_eq!(found.daily[0].long_short, Some((8.5 - 0.5) / 2.0));
        assert_eq!(found.daily[1].turnover, Some(0.0));
        assert_eq!((found.daily[0].turnover, found.daily[0].autocorrelation), (None, None));
        let close = |value: Option<f64>| (value.unwrap() - 1.0).abs() < 1e-12;
        assert!(close(found.daily[2].information.rank_ic) && close(found.daily[1].autocorrelation));
        assert_eq!(found.quantile_returns().len(), 5);
    }

    #[test]
    fn equal_scores_stand_in_instrument_order_on_both_sides() {
        let order = ascending(&[1.0, 1.0, f64::NAN, 1.0, 0.0]);
        assert_eq!(order.iter().map(|(_, i)| *i).collect::<Vec<_>>(), [4, 0, 1, 3]);
        assert_eq!(best(&order, 2), [0, 1]);
        assert_eq!(best(&order, 9), [0, 1, 3, 4]);
    }

    #[test]
    fn a_horizon_reads_the_label_of_later_sessions() {
        let score: Vec<Vec<f32>> = (0..4).map(|i| vec![i as f32, f32::NAN, f32::NAN]).collect();
        let label: Vec<Vec<f32>> = (0..4).map(|i| vec![i as f32, -(i as f32), f32::NAN]).collect();
        let (score, label) = columns(&score, &label);
        let found = decay(&ColumnSections { score: &score, label: &label, rows: 0..3 }, &[1, 2, 3, 9]);
        let ic = |at: usize| found[at].information.map(|i| i.ic.round());
        assert_eq!((ic(0), ic(1), ic(2), ic(3)), (Some(1.0), Some(-1.0), None, None));
    }

    #[test]
    fn members_are_judged_by_themselves() {
        let score: Vec<Vec<f32>> = [1.0, 2.0, 3.0, 4.0].map(|v| vec![v]).to_vec();
        let label: Vec<Vec<f32>> = [2.0, 1.0, 3.0, 4.0].map(|v| vec![v]).to_vec();
        let (score, label) = columns(&score, &label);
        let all = ColumnSections { score: &score, label: &label, rows: 0..1 };
        let groups = |_: usize| vec![0, 0, 1, 1];
        let of = |code| judge(&Members { all: &all, groups: &groups, code }, 2);
        assert_eq!(of(0).daily[0].information.ic.map(f64::round), Some(-1.0));
        assert_eq!(of(1).daily[0].information.ic.map(f64::round), Some(1.0));
        assert_eq!(of(1).daily[0].information.pairs, 2);
        assert_eq!(of(0).daily[0].long_average, Some(1.5));
    }
}
