//! Runs a change over columns of single-precision values.

use std::ops::Range;

use rayon::prelude::*;

use super::single::{count, mean, median, population_deviation, sample_deviation};
use super::{Change, Fields, StepError};
use crate::factor::process::{MAD_TO_DEVIATION, Z_MAX};
use crate::factor::rank::average;

/// What CSRankNorm stretches ranks by, so that they vary about as a normal variable does.
const RANK_STRETCH: f64 = 3.46;
/// What RobustZScoreNorm adds to the deviation, so that it never divides by zero.
const MAD_FLOOR: f32 = 1e-12;

/// Changes the columns that are meant. `days` are the rows of each day, `fit` the rows to learn from.
pub fn run(
    change: Change,
    fields: Fields,
    names: &[String],
    columns: &mut [Vec<f32>],
    days: &[Range<usize>],
    fit: Range<usize>,
) -> Result<(), StepError> {
    if fields == Fields::Labels && !names.iter().any(|name| fields.include(name)) {
        return Err(StepError::NoLabel);
    }
    if let Some(name) = change.learns().filter(|_| fit.is_empty()) {
        return Err(StepError::NoFit(name));
    }
    let meant = columns.par_iter_mut().zip(names).filter(|(_, name)| fields.include(name));
    meant.for_each(|(column, _)| change_column(change, column, days, fit.clone()));
    Ok(())
}

/// Rows in which every one of the columns has a value.
pub fn complete_rows<'a>(columns: impl Iterator<Item = &'a Vec<f32>>, rows: usize) -> Vec<bool> {
    let mut complete = vec![true; rows];
    for column in columns {
        complete.iter_mut().zip(column).for_each(|(row, value)| *row &= !value.is_nan());
    }
    complete
}

fn change_column(change: Change, column: &mut [f32], days: &[Range<usize>], fit: Range<usize>) {
    let seen = column.get(fit).unwrap_or(&[]);
    match change {
        Change::CrossZScore { robust: false } => each_day(column, days, |day| {
            let (middle, spread) = (mean(day), sample_deviation(day));
            day.iter_mut().for_each(|v| *v = (*v - middle) / spread);
        }),
        Change::CrossZScore { robust: true } => each_day(column, days, robust_day),
        Change::CrossRank => each_day(column, days, rank_day),
        Change::CrossFill => each_day(column, days, |day| {
            let middle = mean(day);
            day.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = middle);
        }),
        Change::FillInfinite => each_day(column, days, |day| {
            let finite: Vec<f32> = day.iter().copied().filter(|v| !v.is_infinite()).collect();
            let middle = mean(&finite);
            day.iter_mut().filter(|v| v.is_infinite()).for_each(|v| *v = middle);
        }),
        Change::Fill(value) => {
            column.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = value as f32);
        }
        Change::Tanh => column.iter_mut().for_each(|v| *v = libm::tanh(f64::from(*v - 1.0)) as f32),
        Change::ZScore => {
            let (middle, spread) = (mean(seen), population_deviation(seen));
            shift_and_scale(column, middle, spread);
        }
        Change::MinMax => {
            // The least and the largest of no values are missing.
            let (least, largest) = match count(seen) {
                0 => (f32::NAN, f32::NAN),
                _ => (
                    seen.iter().copied().fold(f32::INFINITY, f32::min),
                    seen.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                ),
            };
            shift_and_scale(column, least, largest - least);
        }
        Change::RobustZScore { clip } => {
            let middle = median(seen) as f32;
            let distances: Vec<f32> = seen.iter().map(|v| (v - middle).abs()).collect();
            let spread = (median(&distances) as f32 + MAD_FLOOR) * MAD_TO_DEVIATION as f32;
            let limit = if clip { Z_MAX as f32 } else { f32::INFINITY };
            column.iter_mut().for_each(|v| *v = ((*v - middle) / spread).clamp(-limit, limit));
        }
    }
}

fn each_day(column: &mut [f32], days: &[Range<usize>], step: impl Fn(&mut [f32])) {
    for day in days {
        if let Some(values) = column.get_mut(day.clone()) {
            step(values);
        }
    }
}

fn robust_day(day: &mut [f32]) {
    let middle = median(day) as f32;
    let distances: Vec<f32> = day.iter().map(|v| (v - middle).abs()).collect();
    let spread = median(&distances);
    for value in day {
        let z = f64::from(*value - middle) / spread / MAD_TO_DEVIATION;
        *value = z.clamp(-Z_MAX, Z_MAX) as f32;
    }
}

fn rank_day(day: &mut [f32]) {
    let seen: Vec<f64> = day.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).collect();
    let ranks = average(&seen);
    let count = seen.len() as f64;
    let slots = day.iter_mut().filter(|v| !v.is_nan());
    slots.zip(ranks).for_each(|(v, rank)| *v = ((rank / count - 0.5) * RANK_STRETCH) as f32);
}

/// A column that does not vary over the fit rows is left as it is, as in Qlib.
fn shift_and_scale(column: &mut [f32], middle: f32, spread: f32) {
    if spread != 0.0 {
        column.iter_mut().for_each(|v| *v = (*v - middle) / spread);
    }
}
