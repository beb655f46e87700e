//! What one day may cost: value at risk and expected shortfall, from history and by formula.
//!
//! Historical: the linear quantile of the days' outcomes, and the mean of those at or below it. Parametric: mean and
//! standard deviation (one less in the denominator) of the same days under a normal law. The larger loss of both
//! counts, never below zero. Statistics are floats; they become money once, at the end.

// Both levels are there: the table has two rows.
#![allow(clippy::indexing_slicing)]

use crate::domain::Money;
use crate::domain::decision::Span;

use super::facts::Outcomes;

/// Days of history under which nothing is said.
pub const DAYS_MIN: usize = 60;

/// A level: the share of days beyond it, the normal quantile, and the normal density there.
struct Level {
    beyond: f64,
    z: f64,
    density: f64,
}

/// 95 and 99 of 100 days. Quantiles and densities of the standard normal law, to full precision.
const LEVELS: [Level; 2] = [
    Level { beyond: 0.05, z: 1.644_853_626_951_472_2, density: 0.103_135_640_375_373_14 },
    Level { beyond: 0.01, z: 2.326_347_874_040_841, density: 0.026_652_142_203_457_8 },
];

/// Value at risk and expected shortfall at each level.
type Both = [(f64, f64); 2];

/// Losses of one day at both levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tails {
    /// Loss that is not passed.
    pub var: [Span<Money>; 2],
    /// Mean loss beyond.
    pub shortfall: [Span<Money>; 2],
}

/// What an order changes of its book: the worth of its name's open buys and sells, and what it would add by itself, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Of the open buys.
    pub buys: Money,
    /// Of the open sells.
    pub sells: Money,
    /// What is held if the order alone fills.
    pub alone: Money,
}

/// A book's past, and its losses as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct BookPast {
    outcomes: Outcomes,
    held: Both,
    /// The worst that its orders make of it.
    ordered: Both,
}

impl BookPast {
    /// `None` with too little history.
    pub fn new(outcomes: Outcomes) -> Option<Self> {
        let of = |book: &[f64]| losses(book.iter().copied().zip(outcomes.whole.iter().copied()));
        let [held, books @ ..] = &outcomes.books;
        let (held, [bought, sold, filled, lost]) = (of(held)?, books);
        let ordered = worst_of([of(bought)?, of(sold)?, of(filled)?, of(lost)?]);
        Some(Self { held, ordered, outcomes })
    }

    /// Losses before and with an order for something that returned `own`, the newest day first: each the worst of what is
    /// held, of all buys, all sells or all orders filled, and of those orders alone that would have lost. Of an order that
    /// is judged as it stands (`again`), what was before is what is held.
    pub fn tails(
        &self,
        own: impl Iterator<Item = f64> + Clone,
        change: Change,
        again: bool,
    ) -> Option<Tails> {
        let (buys, sells, alone) = (change.buys.to_f64(), change.sells.to_f64(), change.alone.to_f64());
        let with = |book: &[f64], more: &dyn Fn(f64) -> f64| {
            let days = book.iter().zip(&self.outcomes.whole).zip(own.clone());
            losses(days.map(
                |((outcome, whole), r)| {
                    if r.is_nan() { (*outcome, false) } else { (outcome + more(r), *whole) }
                },
            ))
        };
        let [held, bought, sold, filled, lost] = &self.outcomes.books;
        let held = with(held, &|r| alone * r)?;
        // An open order that is judged as it stands changes nothing of what is ordered.
        let ordered = if change.buys.is_zero() && change.sells.is_zero() {
            self.ordered
        } else {
            worst_of([
                with(bought, &|r| buys * r)?,
                with(sold, &|r| -sells * r)?,
                with(filled, &|r| (buys - sells) * r)?,
                with(lost, &|r| if r < 0.0 { buys * r } else { -sells * r })?,
            ])
        };
        let now = if again { self.held } else { worst_of([self.held, self.ordered]) };
        let with = worst_of([held, ordered]);
        let span = |pick: &dyn Fn(&Both) -> f64| {
            Some(Span { now: Money::from_f64(pick(&now))?, with: Money::from_f64(pick(&with))? })
        };
        Some(Tails {
            var: [span(&|l| l[0].0)?, span(&|l| l[1].0)?],
            shortfall: [span(&|l| l[0].1)?, span(&|l| l[1].1)?],
        })
    }
}

fn worst_of<const N: usize>(all: [Both; N]) -> Both {
    all.into_iter().fold([(0.0, 0.0); 2], |worst: Both, own| {
        std::array::from_fn(|at| (worst[at].0.max(own[at].0), worst[at].1.max(own[at].1)))
    })
}

/// The worse of all days and of the whole ones alone: a short history of one name neither hides what the others did nor
/// counts as days without a loss.
fn losses(days: impl Iterator<Item = (f64, bool)> + Clone) -> Option<Both> {
    let all = losses_of(days.clone().map(|(outcome, _)| outcome).collect())?;
    if days.clone().all(|(_, whole)| whole) {
        return Some(all);
    }
    Some(worst_of([all, losses_of(days.filter(|(_, whole)| *whole).map(|(outcome, _)| outcome).collect())?]))
}

/// Value at risk and expected shortfall at both levels; days without an outcome are left out.
fn losses_of(mut outcomes: Vec<f64>) -> Option<Both> {
    outcomes.retain(|o| o.is_finite());
    if outcomes.len() < DAYS_MIN {
        return None;
    }
    let days = outcomes.len() as f64;
    let mean = outcomes.iter().sum::<f64>() / days;
    let spread = outcomes.iter().map(|o| (o - mean) * (o - mean)).sum::<f64>() / (days - 1.0);
    let deviation = spread.sqrt();
    // Only the worst days are needed in order: those up to the higher quantile and the one after it.
    let worst = (LEVELS[0].beyond * days) as usize + 2;
    if worst < outcomes.len() {
        outcomes.select_nth_unstable_by(worst, f64::total_cmp);
        outcomes.truncate(worst + 1);
    }
    outcomes.sort_unstable_by(f64::total_cmp);
    Some(LEVELS.map(|level| {
        let quantile = quantile(&outcomes, level.beyond * (days - 1.0));
        let tail: Vec<f64> = outcomes.iter().copied().take_while(|o| *o <= quantile).collect();
        let tail_mean = if tail.is_empty() { quantile } else { tail.iter().sum::<f64>() / tail.len() as f64 };
        let formula = level.z * deviation - mean;
        let formula_mean = level.density / level.beyond * deviation - mean;
        ((-quantile).max(formula).max(0.0), (-tail_mean).max(formula_mean).max(0.0))
    }))
}

/// The value at a place between sorted values, linearly.
fn quantile(sorted: &[f64], place: f64) -> f64 {
    let (low, part) = (place.floor(), place - place.floor());
    let at = |index: f64| sorted.get(index as usize).copied();
    let below = at(low).unwrap_or(0.0);
    below + part * (at(low + 1.0).unwrap_or(below) - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_those_of_textbook_and_history() {
        // 101 outcomes, -50 to 50: quantiles fall on whole values.
        let outcomes: Vec<f64> = (-50..=50).map(f64::from).collect();
        let [at_95, at_99] = losses_of(outcomes).unwrap();
        let deviation = (101.0 * 102.0 / 12.0_f64).sqrt();
        assert!((at_95.0 - (1.644_853_626_951_472_2 * deviation)).abs() < 1e-9, "{at_95:?}");
        assert!((at_99.0 - (2.326_347_874_040_841 * deviation)).abs() < 1e-9);
        // Mean of the worst six, -50 to -45, is 47.5; the formula says 60.4.
        assert!((at_95.1 - 2.062_712_807_507_463 * deviation).abs() < 1e-9);
        assert!(losses_of(vec![1.0; DAYS_MIN - 1]).is_none());
    }

    #[test]
    fn one_bad_day_is_seen_by_history_and_more_of_what_falls_costs_more() {
        let mut book = vec![0.0; 100];
        book[7] = -1_000.0;
        let [_, at_99] = losses_of(book.clone()).unwrap();
        assert!(at_99.1 >= 1_000.0);
        let past = |held: &[f64], ordered: &[f64]| {
            let [held, ordered] = [held, ordered].map(<[f64]>::to_vec);
            let books = [held, ordered.clone(), ordered.clone(), ordered.clone(), ordered];
            BookPast::new(Outcomes { books, whole: vec![true; 100] }).unwrap()
        };
        let more = Money::from_raw(500_000_000);
        let own = book.iter().map(|o| o / 1_000.0);
        let change = Change { buys: more, sells: Money::ZERO, alone: more };
        let seen = past(&book, &book).tails(own.clone(), change, false).unwrap();
        // What is held counts, whatever open orders would make of it.
        let hidden = past(&book, &[0.0; 100]).tails(own.clone(), change, false).unwrap();
        assert_eq!(hidden, seen);
        assert_eq!(past(&[0.0; 100], &book).tails(own, change, false).unwrap().var[1].now, seen.var[1].now);
        assert!(seen.shortfall[1].with > seen.shortfall[1].now);
        assert!(seen.var.iter().all(|v| v.now >= Money::ZERO));
    }
}
