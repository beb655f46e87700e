//! Qlib's processors on columns of factor values: `CSZScoreNorm(robust=true);Fillna(0)`.
//!
//! Rows are grouped by day. Cross-sectional steps look at one day; fitted ones learn from the fit rows and apply to
//! all. NaN is missing and stays missing unless a step fills it. Rules are those of `qlib.data.dataset.processor`.

use std::ops::Range;

use super::kernels::moments::{deviation, mean};
use super::process::{MAD_TO_DEVIATION, Z_MAX, median};
use super::rank::average;

/// Most steps of one run.
pub const STEPS_MAX: usize = 100;
/// What CSRankNorm stretches ranks by, so that they vary about as a normal variable does.
const RANK_STRETCH: f64 = 3.46;
/// What RobustZScoreNorm adds to the deviation, so that it never divides by zero.
const MAD_FLOOR: f64 = 1e-12;

/// Every processor with its argument, for messages.
pub const NAMES: &str = "CSZScoreNorm(robust=), CSRankNorm, CSZFillna, Fillna(value), ZScoreNorm, \
                         RobustZScoreNorm(clip_outlier=), MinMaxNorm, ProcessInf, TanhProcess, DropnaProcessor";

/// One processor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Per day: less the mean over the sample deviation, or the robust form clipped to ±3.
    CrossZScore {
        /// Median and MAD instead.
        robust: bool,
    },
    /// Per day: average rank as a share, less a half, stretched.
    CrossRank,
    /// Per day: missing becomes the mean.
    CrossFill,
    /// Missing becomes a value.
    Fill(f64),
    /// Less the mean over the population deviation of the fit rows.
    ZScore,
    /// Less the median over the scaled MAD of the fit rows.
    RobustZScore {
        /// Clip to ±3.
        clip: bool,
    },
    /// From 0 at the least to 1 at the largest of the fit rows.
    MinMax,
    /// Per day: infinite becomes the mean of the others.
    FillInfinite,
    /// tanh(x - 1).
    Tanh,
    /// Rows with a missing value go.
    DropMissing,
}

/// Why steps cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// No processor of that name, or not with that argument.
    #[error("'{0}' is no processor; known are {NAMES}")]
    Unknown(String),
    /// Too many.
    #[error("at most {STEPS_MAX} steps can be run at once")]
    TooMany,
    /// A fitted step without rows to learn from.
    #[error("{0} learns from a range of days: give --fit-from and --fit-to that hold rows")]
    NoFit(&'static str),
}

impl Step {
    /// Reads `Name(argument);Name`.
    pub fn parse_all(text: &str) -> Result<Vec<Step>, StepError> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let steps: Vec<Step> = parts.map(Step::parse).collect::<Result<_, _>>()?;
        if steps.len() > STEPS_MAX { Err(StepError::TooMany) } else { Ok(steps) }
    }

    fn parse(text: &str) -> Result<Step, StepError> {
        let unknown = || StepError::Unknown(text.escape_default().to_string());
        let (name, argument) = match text.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.strip_suffix(')').ok_or_else(unknown)?.trim()),
            None => (text, ""),
        };
        let flag = |key: &str, default: bool| match argument.split_once('=') {
            None if argument.is_empty() => Ok(default),
            Some((k, "true" | "True")) if k.trim() == key => Ok(true),
            Some((k, "false" | "False")) if k.trim() == key => Ok(false),
            _ => Err(unknown()),
        };
        let value = || {
            let number = argument.strip_prefix("fill_value=").unwrap_or(argument);
            if number.is_empty() { Ok(0.0) } else { number.parse::<f64>().map_err(|_| unknown()) }
        };
        let step = match name {
            "CSZScoreNorm" => Step::CrossZScore { robust: flag("robust", false)? },
            "RobustZScoreNorm" => Step::RobustZScore { clip: flag("clip_outlier", true)? },
            "Fillna" => Step::Fill(value()?),
            _ if !argument.is_empty() => return Err(unknown()),
            "CSRankNorm" => Step::CrossRank,
            "CSZFillna" => Step::CrossFill,
            "ZScoreNorm" => Step::ZScore,
            "MinMaxNorm" => Step::MinMax,
            "ProcessInf" => Step::FillInfinite,
            "TanhProcess" => Step::Tanh,
            "DropnaProcessor" => Step::DropMissing,
            _ => return Err(unknown()),
        };
        Ok(step)
    }

    /// Runs it on one column. `days` are the rows of each day, `fit` those to learn from. Dropping rows is not a
    /// matter of one column: see [`complete_rows`].
    pub fn apply(
        self,
        column: &mut [f64],
        days: &[Range<usize>],
        fit: Range<usize>,
    ) -> Result<(), StepError> {
        let learn = |name| {
            let seen: Vec<f64> =
                column.get(fit.clone()).unwrap_or(&[]).iter().copied().filter(|v| !v.is_nan()).collect();
            if seen.is_empty() { Err(StepError::NoFit(name)) } else { Ok(seen) }
        };
        match self {
            Step::CrossZScore { robust: false } => each_day(column, days, |day| scale(day, &present(day))),
            Step::CrossZScore { robust: true } => each_day(column, days, robust_day),
            Step::CrossRank => each_day(column, days, rank_day),
            Step::CrossFill => each_day(column, days, |day| {
                let middle = mean(&present(day));
                day.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = middle);
            }),
            Step::FillInfinite => each_day(column, days, |day| {
                let finite: Vec<f64> = day.iter().copied().filter(|v| v.is_finite()).collect();
                let middle = mean(&finite);
                day.iter_mut().filter(|v| v.is_infinite()).for_each(|v| *v = middle);
            }),
            Step::Fill(value) => column.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = value),
            Step::Tanh => column.iter_mut().for_each(|v| *v = libm::tanh(*v - 1.0)),
            Step::ZScore => {
                let seen = learn("ZScoreNorm")?;
                let middle = mean(&seen);
                let spread = (seen.iter().map(|v| (v - middle) * (v - middle)).sum::<f64>()
                    / seen.len() as f64)
                    .sqrt();
                shift_and_scale(column, middle, spread);
            }
            Step::MinMax => {
                let seen = learn("MinMaxNorm")?;
                let least = seen.iter().copied().fold(f64::INFINITY, f64::min);
                let largest = seen.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                shift_and_scale(column, least, largest - least);
            }
            Step::RobustZScore { clip } => {
                let seen = learn("RobustZScoreNorm")?;
                let middle = median(&seen);
                let distances: Vec<f64> = seen.iter().map(|v| (v - middle).abs()).collect();
                shift_and_scale(column, middle, (median(&distances) + MAD_FLOOR) * MAD_TO_DEVIATION);
                if clip {
                    column.iter_mut().for_each(|v| *v = v.clamp(-Z_MAX, Z_MAX));
                }
            }
            Step::DropMissing => {}
        }
        Ok(())
    }
}

/// Rows in which every column has a value.
pub fn complete_rows(columns: &[Vec<f64>], rows: usize) -> Vec<bool> {
    let has = |column: &Vec<f64>, row: usize| column.get(row).is_some_and(|v| !v.is_nan());
    (0..rows).map(|row| columns.iter().all(|column| has(column, row))).collect()
}

fn each_day(column: &mut [f64], days: &[Range<usize>], step: impl Fn(&mut [f64])) {
    for day in days {
        if let Some(values) = column.get_mut(day.clone()) {
            step(values);
        }
    }
}

fn present(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|v| !v.is_nan()).collect()
}

fn scale(day: &mut [f64], seen: &[f64]) {
    let (middle, spread) = (mean(seen), deviation(seen));
    day.iter_mut().for_each(|v| *v = (*v - middle) / spread);
}

fn robust_day(day: &mut [f64]) {
    let seen = present(day);
    let middle = median(&seen);
    let distances: Vec<f64> = seen.iter().map(|v| (v - middle).abs()).collect();
    let spread = median(&distances) * MAD_TO_DEVIATION;
    day.iter_mut().for_each(|v| *v = ((*v - middle) / spread).clamp(-Z_MAX, Z_MAX));
}

fn rank_day(day: &mut [f64]) {
    let seen = present(day);
    let ranks = average(&seen);
    let count = seen.len() as f64;
    let slots = day.iter_mut().filter(|v| !v.is_nan());
    slots.zip(ranks).for_each(|(v, rank)| *v = (rank / count - 0.5) * RANK_STRETCH);
}

/// A column that does not vary over the fit rows is left as it is, as in Qlib.
fn shift_and_scale(column: &mut [f64], middle: f64, spread: f64) {
    if spread != 0.0 {
        column.iter_mut().for_each(|v| *v = (*v - middle) / spread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(step: &str, mut column: Vec<f64>) -> Vec<f64> {
        let days = [0..3, 3..column.len()];
        let rows = column.len();
        for step in Step::parse_all(step).unwrap() {
            step.apply(&mut column, &days, 0..rows).unwrap();
        }
        column
    }

    #[test]
    fn steps_are_read_with_their_arguments_and_refused_without_sense() {
        let steps = Step::parse_all(" CSZScoreNorm(robust=true) ; Fillna(0);").unwrap();
        assert_eq!(steps, [Step::CrossZScore { robust: true }, Step::Fill(0.0)]);
        for bad in ["Nothing", "CSRankNorm(1)", "CSZScoreNorm(robust=maybe)", "Fillna(x)", "Fillna(1"] {
            assert!(matches!(Step::parse_all(bad), Err(StepError::Unknown(_))), "{bad}");
        }
    }

    #[test]
    fn cross_sections_stay_within_their_day() {
        let out = run("CSRankNorm", vec![1.0, f64::NAN, 3.0, 5.0, 5.0]);
        assert_eq!(out[0], 0.0);
        assert!(out[1].is_nan());
        assert_eq!((out[2], out[3], out[4]), (1.73, 0.25 * 3.46, 0.25 * 3.46));
        assert_eq!(run("CSZFillna", vec![1.0, f64::NAN, 3.0, 5.0])[1], 2.0);
        assert_eq!(run("ProcessInf", vec![1.0, f64::INFINITY, 3.0, 5.0])[1], 2.0);
    }

    #[test]
    fn a_fitted_step_needs_rows_and_leaves_a_constant_alone() {
        assert_eq!(run("ZScoreNorm;MinMaxNorm", vec![2.0; 4]), vec![2.0; 4]);
        assert_eq!(run("MinMaxNorm", vec![1.0, 3.0, 2.0, 5.0]), vec![0.0, 0.5, 0.25, 1.0]);
        let refused = Step::ZScore.apply(&mut [1.0], &[], 0..0);
        assert_eq!(refused, Err(StepError::NoFit("ZScoreNorm")));
    }

    #[test]
    fn complete_rows_have_every_column() {
        let columns = [vec![1.0, f64::NAN], vec![1.0, 2.0]];
        assert_eq!(complete_rows(&columns, 2), [true, false]);
    }
}
