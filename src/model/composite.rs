//! The composite model: families' z-scores blended into a score, a rank and a confidence.
//!
//! Confidence, exactly: of the names that stood in the same fifth of the ranking over the last 252 sessions, the
//! share whose next 5-session return relative to the universe had the score's sign, counting only outcomes known
//! by then; missing under 60 outcomes. The universe's return is the plain mean of its names' returns.
//! [`score`] works on a range of rows at once, so that a backtest scores each session once.

use std::ops::Range;

use rayon::prelude::*;

use super::strategy::Strategy;
use crate::domain::signal::{Confidence, Signal};
use crate::domain::{InstrumentId, UnixNanos};
use crate::factor::expr::{EvalError, Expression, compute};
use crate::factor::panel::{Column, Panel};
use crate::factor::process::{WINSOR_TAIL, blend, mean_of_half, robust_z, winsorise};
use crate::factor::rank::{descending, fifth};
use crate::factor::sets::{Factor, Family};

/// Sessions back over which outcomes are counted.
pub const RECORD_SESSIONS: usize = 252;
/// Sessions ahead that an outcome spans.
pub const OUTCOME_SESSIONS: usize = 5;
/// Outcomes under which there is no confidence.
pub const OUTCOMES_MIN: u32 = 60;
/// A name takes part if it has a close within this many sessions.
pub const FRESH_SESSIONS: usize = 5;

/// A factor counts for a name once this share (one over it) of the rows it reads lies in the name's own history.
const HISTORY_DIVISOR: usize = 2;

/// Why a model could not score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// An expression could not be evaluated.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The strategy names a family that was not given.
    #[error("the strategy weighs family '{0}', which is not among the families given")]
    UnknownFamily(String),
    /// None of the families has data for half of the universe.
    #[error(
        "no family of the strategy has data for half of the universe on that session: import more history"
    )]
    NothingToScore,
    /// The panel has no closing prices.
    #[error("the panel has no closing prices: import bars first")]
    NoPrices,
}

/// Which instruments take part on a session.
pub trait Universe: Sync {
    /// Whether the instrument is a member at that row of the panel.
    fn contains(&self, instrument: InstrumentId, row: usize) -> bool;
}

/// Every instrument of the panel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Everything;

impl Universe for Everything {
    fn contains(&self, _instrument: InstrumentId, _row: usize) -> bool {
        true
    }
}

/// One scored session.
#[derive(Debug, Clone)]
struct Day {
    scores: Vec<f64>,
    ranks: Vec<Option<u32>>,
    of: u32,
    /// Weight of each family of the strategy; `None` when left out.
    weights: Vec<Option<f64>>,
    /// z-score of each family, by instrument.
    families: Vec<Vec<f64>>,
    /// (hits, outcomes) of each fifth over the next sessions, where known within the panel.
    record: [(u32, u32); 5],
}

/// Scores of a range of sessions.
#[derive(Debug, Clone)]
pub struct Scored {
    strategy: Strategy,
    symbols: Vec<InstrumentId>,
    sessions: Vec<chrono::NaiveDate>,
    first: usize,
    days: Vec<Day>,
}

/// Scores every row of `rows`, and the rows before them that confidence needs.
pub fn score(
    panel: &Panel,
    families: &[Family],
    strategy: &Strategy,
    universe: &dyn Universe,
    rows: Range<usize>,
) -> Result<Scored, ModelError> {
    if panel.column("close").is_none() {
        return Err(ModelError::NoPrices);
    }
    let first = rows.start.saturating_sub(RECORD_SESSIONS);
    let used = used_families(families, strategy)?;
    let values = family_values(panel, &used, first..rows.end)?;
    let days = (first..rows.end)
        .into_par_iter()
        .map(|row| score_day(panel, strategy, &used, &values, universe, first, row))
        .collect();
    Ok(Scored {
        strategy: strategy.clone(),
        symbols: panel.symbols().to_vec(),
        sessions: panel.sessions().to_vec(),
        first,
        days,
    })
}

fn used_families<'a>(families: &'a [Family], strategy: &Strategy) -> Result<Vec<&'a Family>, ModelError> {
    let find = |name: &String| {
        families.iter().find(|f| f.name == *name).ok_or_else(|| ModelError::UnknownFamily(name.clone()))
    };
    strategy.weights.iter().map(|w| find(&w.family)).collect()
}

/// A factor's values over the rows that are scored.
struct Valued {
    sign: f64,
    /// Rows of its own history that a name needs before the one scored.
    rows_min: usize,
    column: Column,
}

/// Values of each family's factors; a factor whose fields the panel lacks has no column.
fn family_values(
    panel: &Panel,
    families: &[&Family],
    rows: Range<usize>,
) -> Result<Vec<Vec<Valued>>, ModelError> {
    let has_fields = |f: &&Factor| {
        f.expression.fields().iter().all(|name| panel.column(name).is_some())
            && f.expression.periods().iter().all(|name| panel.has_periods(name))
    };
    let kept: Vec<Vec<&Factor>> =
        families.iter().map(|f| f.factors.iter().filter(has_fields).collect()).collect();
    let expressions: Vec<Expression> = kept.iter().flatten().map(|f| f.expression.clone()).collect();
    let mut columns = compute(panel, &expressions, rows)?.into_iter();
    Ok(kept
        .iter()
        .map(|factors| {
            factors
                .iter()
                .zip(columns.by_ref())
                .map(|(f, c)| Valued {
                    sign: f.sign,
                    rows_min: f.expression.lookback() / HISTORY_DIVISOR,
                    column: c,
                })
                .collect()
        })
        .collect())
}

fn score_day(
    panel: &Panel,
    strategy: &Strategy,
    families: &[&Family],
    values: &[Vec<Valued>],
    universe: &dyn Universe,
    first: usize,
    row: usize,
) -> Day {
    let count = panel.symbols().len();
    let eligible: Vec<bool> = panel
        .symbols()
        .iter()
        .enumerate()
        .map(|(i, s)| universe.contains(*s, row) && is_fresh(panel, i, row))
        .collect();
    let history: Vec<Option<usize>> = eligible
        .iter()
        .enumerate()
        .map(|(i, e)| e.then(|| row.saturating_sub(panel.span(i).start)))
        .collect();
    let z: Vec<Vec<f64>> = families
        .iter()
        .zip(values)
        .map(|(family, columns)| family_z(family, columns, &history, row - first, count))
        .collect();
    let weights: Vec<f64> = strategy.weights.iter().map(|w| w.weight).collect();
    let blended = blend(&z, &weights, &eligible);
    let ranks = descending(&blended.scores);
    let of = u32::try_from(ranks.iter().flatten().count()).unwrap_or(u32::MAX);
    let record = outcomes(panel, row, &eligible, &blended.scores, &ranks, of);
    Day { scores: blended.scores, ranks, of, weights: blended.weights, families: z, record }
}

fn is_fresh(panel: &Panel, instrument: usize, row: usize) -> bool {
    let from = (row + 1).saturating_sub(FRESH_SESSIONS);
    (from..=row).any(|r| panel.value("close", instrument, r).is_finite())
}

/// Mean of the signed robust z-scores of a family's factors, over all of its factors whether there or not.
/// `history` is the rows of its own that a name has before this one; `None` takes no part.
fn family_z(
    family: &Family,
    columns: &[Valued],
    history: &[Option<usize>],
    row: usize,
    count: usize,
) -> Vec<f64> {
    let mut lists: Vec<Vec<f64>> = columns
        .iter()
        .map(|factor| {
            let section = factor.column.cross_section(row);
            let counts = |rows: &Option<usize>| rows.is_some_and(|n| n >= factor.rows_min);
            let mut values: Vec<f64> = section
                .iter()
                .zip(history)
                .map(|(v, rows)| if counts(rows) { factor.sign * f64::from(*v) } else { f64::NAN })
                .collect();
            winsorise(&mut values, WINSOR_TAIL);
            robust_z(&values)
        })
        .collect();
    lists.resize(family.factors.len(), Vec::new());
    mean_of_half(&lists, count)
}

/// Hits and outcomes of each fifth of one session's ranking over the sessions that follow.
fn outcomes(
    panel: &Panel,
    row: usize,
    eligible: &[bool],
    scores: &[f64],
    ranks: &[Option<u32>],
    of: u32,
) -> [(u32, u32); 5] {
    let mut record = [(0, 0); 5];
    let forward =
        |i: usize| panel.value("close", i, row + OUTCOME_SESSIONS) / panel.value("close", i, row) - 1.0;
    let returns: Vec<f64> =
        eligible.iter().enumerate().map(|(i, e)| if *e { forward(i) } else { f64::NAN }).collect();
    let known: Vec<f64> = returns.iter().copied().filter(|r| r.is_finite()).collect();
    if known.is_empty() {
        return record;
    }
    let universe = known.iter().sum::<f64>() / known.len() as f64;
    for ((value, score), rank) in returns.iter().zip(scores).zip(ranks) {
        let Some(rank) = rank.filter(|_| value.is_finite() && *score != 0.0) else { continue };
        if let Some(slot) = record.get_mut(fifth(rank, of)) {
            slot.1 += 1;
            slot.0 += u32::from((value - universe) * score > 0.0);
        }
    }
    record
}

impl Scored {
    /// Rows that were asked for or needed, first and the one after the last.
    pub fn rows(&self) -> Range<usize> {
        self.first..self.first + self.days.len()
    }

    fn day(&self, row: usize) -> Option<&Day> {
        row.checked_sub(self.first).and_then(|k| self.days.get(k))
    }

    /// Families left out on a row because under half of the universe has a value.
    pub fn left_out(&self, row: usize) -> Vec<&str> {
        let Some(day) = self.day(row) else { return Vec::new() };
        let families = self.strategy.weights.iter().zip(&day.weights);
        families.filter(|(_, w)| w.is_none()).map(|(f, _)| f.family.as_str()).collect()
    }

    /// Past record of each fifth as known at the close of `row`.
    pub fn confidence(&self, row: usize) -> [Option<Confidence>; 5] {
        let from = row.saturating_sub(RECORD_SESSIONS);
        let to = (row + 1).saturating_sub(OUTCOME_SESSIONS);
        let mut sums = [(0_u32, 0_u32); 5];
        for day in (from..to).filter_map(|r| self.day(r)) {
            for (sum, add) in sums.iter_mut().zip(day.record) {
                sum.0 += add.0;
                sum.1 += add.1;
            }
        }
        sums.map(|(hits, outcomes)| {
            (outcomes >= OUTCOMES_MIN)
                .then(|| Confidence { share: f64::from(hits) / f64::from(outcomes), outcomes })
        })
    }

    /// The signals of one session, best first.
    pub fn signals(&self, row: usize, time: UnixNanos) -> Result<Vec<Signal>, ModelError> {
        let (Some(day), Some(session)) = (self.day(row), self.sessions.get(row)) else {
            return Err(ModelError::NothingToScore);
        };
        if day.of == 0 {
            return Err(ModelError::NothingToScore);
        }
        let confidence = self.confidence(row);
        let mut signals: Vec<Signal> = Vec::new();
        for (i, instrument) in self.symbols.iter().enumerate() {
            let (Some(Some(rank)), Some(score)) = (day.ranks.get(i), day.scores.get(i)) else { continue };
            signals.push(Signal {
                model: self.strategy.name.clone(),
                instrument: *instrument,
                session: *session,
                time,
                score: *score,
                rank: *rank,
                of: day.of,
                confidence: confidence.get(fifth(*rank, day.of)).copied().flatten(),
                contributions: self.contributions(day, i),
            });
        }
        signals.sort_by_key(|s| s.rank);
        Ok(signals)
    }

    fn contributions(&self, day: &Day, instrument: usize) -> Vec<(String, Option<f64>)> {
        let parts = self.strategy.weights.iter().zip(day.weights.iter().zip(&day.families));
        parts
            .map(|(family, (weight, z))| {
                let z = z.get(instrument).copied().filter(|z| !z.is_nan());
                (family.family.clone(), z.zip(*weight).map(|(z, w)| z * w))
            })
            .collect()
    }
}
