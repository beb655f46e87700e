//! Rows at a wrong level: 100 times too large or small, or on the wrong side of a split.
//!
//! Between neighbouring rows the price moves by the market, by a dividend, or, where a level is wrong, by the logarithm
//! of 100 or of a split nearby. Such a step is an edge. Levels are followed from the rows that are trusted to all others;
//! what comes back to the trusted level was a row or two, what does not was all the history before.

// Indices come from `1..rows.len()` and from ranges over the same rows; `scales` is as long as `rows`.
#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;

use super::rows::{Row, Scale, noise};
use super::{Rule, Suspect};
use crate::domain::market::Basis;

/// What units are mixed up by.
const UNIT: f64 = 100.0;
/// Sessions around a split in which rows may have been left out of it, or taken into it.
const SPLIT_SESSIONS: usize = 15;
/// Least size of a split, as a logarithm, that can be told from the market.
const SPLIT_LOG_MIN: f64 = 0.25;
/// A step of a unit is 100 times give or take so much of the logarithm, or [`NOISE_TIMES`] the noise when that is more.
const UNIT_SLACK: f64 = 0.25;
/// An edge is at least this many times the daily noise.
const NOISE_TIMES: f64 = 6.0;
/// How far an edge may be from a split that explains it, as a share of it: a step of more than 4.5 times, and a smaller one.
const SLACK: f64 = 0.35;
const SLACK_SMALL: f64 = 0.2;
const LARGE_LOG: f64 = 1.5;
/// So many newest rows on the wrong side of a split are doubted, not the rows before them, if those are at least so many.
/// Of units the one that most rows are in stands, however long the run at the end is.
const TAIL_ROWS: usize = 3;
const BODY_ROWS: usize = 10;

/// A step of level: what the row before is multiplied by to stand beside the row.
#[derive(Debug, Clone, Copy)]
struct Edge {
    factor: f64,
    rule: Rule,
}

/// What each row is to be multiplied by; `None` for good rows and for those that cannot be helped.
pub(super) fn scales(rows: &[Row], suspect: &Suspect<'_>) -> Vec<Option<Scale>> {
    let edges = edges(rows, suspect.basis);
    let mut scales = vec![None; rows.len()];
    if suspect.known > 0 {
        forward(&edges, suspect.known, rows.len(), &mut scales);
        return scales;
    }
    let Some(last) = (1..rows.len()).rev().find(|row| edges[*row].is_some()) else { return scales };
    let stretch = (1..last).rev().find(|row| edges[*row].is_some()).map_or(last, |edge| last - edge);
    let doubted = rows.len() - last <= TAIL_ROWS && stretch >= BODY_ROWS;
    let is_unit = edges[last].is_some_and(|edge| edge.rule == Rule::Unit100);
    let trusted = match newest_of_most(&edges) {
        // A vendor that quotes in hundredths mixes units up in long runs: there the newest rows are right.
        _ if suspect.minor_unit => {
            if doubted {
                last - 1
            } else {
                rows.len() - 1
            }
        }
        Some(newest) if is_unit => newest,
        _ if doubted && !is_unit => last - 1,
        _ => rows.len() - 1,
    };
    let mut at = Level::default();
    for row in (1..=trusted).rev() {
        if let Some(edge) = edges[row] {
            at.cross(edge.factor, edge.rule);
        }
        scales[row - 1] = at.scale();
    }
    if suspect.basis == Basis::Raw && suspect.actions.is_empty() {
        // What never comes back may be a split that nobody told.
        scales.iter_mut().take_while(|scale| scale.is_some()).for_each(|scale| *scale = None);
    }
    scales
}

/// The newest row of the unit that most rows are in; `None` when none has more rows than that of the newest row.
fn newest_of_most(edges: &[Option<Edge>]) -> Option<usize> {
    let mut unit = 0_i32;
    let mut units = vec![0; edges.len()];
    for row in (1..edges.len()).rev() {
        if let Some(edge) = edges[row].filter(|edge| edge.rule == Rule::Unit100) {
            unit += if edge.factor > 1.0 { 1 } else { -1 };
        }
        units[row - 1] = unit;
    }
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    units.iter().for_each(|unit| *counts.entry(*unit).or_default() += 1);
    let (most, count) = counts.iter().max_by_key(|(_, count)| **count)?;
    let is_more = *count > counts.get(&0).copied().unwrap_or(0);
    is_more.then(|| units.iter().rposition(|unit| unit == most)).flatten()
}

/// Whether a step of the logarithm is a unit rather than the market or a split: 100 times either way.
pub(super) fn is_unit(step: f64, noise: f64) -> bool {
    off_unit(step, noise).is_some()
}

/// How far a step is from a unit, when it is one.
fn off_unit(step: f64, noise: f64) -> Option<f64> {
    let size = libm::log(UNIT);
    let off = (step.abs() - size).abs();
    (off <= UNIT_SLACK.max(NOISE_TIMES * noise).min(size * SLACK)).then_some(off)
}

/// How far a row is from the trusted level.
#[derive(Debug, Clone, Copy)]
struct Level {
    factor: f64,
    rule: Rule,
}

impl Default for Level {
    fn default() -> Self {
        Self { factor: 1.0, rule: Rule::Unit100 }
    }
}

impl Level {
    fn cross(&mut self, factor: f64, rule: Rule) {
        self.factor *= factor;
        self.rule = rule;
        if (self.factor - 1.0).abs() < 1e-9 {
            self.factor = 1.0;
        }
    }

    fn scale(self) -> Option<Scale> {
        let volume = if self.rule == Rule::SplitGlitch { 1.0 / self.factor } else { 1.0 };
        (self.factor != 1.0).then_some(Scale { rule: self.rule, price: self.factor, volume })
    }
}

/// From stored rows on: only rows between two edges are scaled. A new level that lasts to the end may be the truth.
fn forward(edges: &[Option<Edge>], known: usize, count: usize, scales: &mut [Option<Scale>]) {
    let (mut at, mut since) = (Level::default(), known);
    for row in known..count {
        if let Some(edge) = edges[row] {
            at.cross(1.0 / edge.factor, edge.rule);
            if at.factor == 1.0 {
                since = row;
            }
        }
        scales[row] = at.scale();
        if at.factor == 1.0 {
            since = row + 1;
        }
    }
    for scale in &mut scales[since.min(count)..] {
        *scale = None;
    }
}

fn edges(rows: &[Row], basis: Basis) -> Vec<Option<Edge>> {
    let noise = noise(rows);
    let mut edges = vec![None; rows.len()];
    for row in 1..rows.len() {
        // A dividend takes its part of the fall.
        let paid = 1.0 - rows[row].dividend / rows[row - 1].close();
        let expected = if paid > 0.0 { libm::log(paid) } else { 0.0 };
        let step = libm::log(rows[row].level() / rows[row - 1].level()) - expected;
        if step.abs() > NOISE_TIMES * noise {
            edges[row] = explain(rows, row, (step, noise), basis);
        }
    }
    edges
}

/// What explains a step best, if anything does.
fn explain(rows: &[Row], row: usize, (step, noise): (f64, f64), basis: Basis) -> Option<Edge> {
    let near = &rows[row.saturating_sub(SPLIT_SESSIONS)..(row + SPLIT_SESSIONS + 1).min(rows.len())];
    let splits = near.iter().map(|row| row.split).filter(|split| *split != 1.0 && basis != Basis::Raw);
    let fits = splits.map(|split| split.max(1.0 / split)).filter_map(|ratio| {
        let size = libm::log(ratio);
        let slack = size * if size > LARGE_LOG { SLACK } else { SLACK_SMALL };
        let off = (step.abs() - size).abs();
        (size >= SPLIT_LOG_MIN && off <= slack).then_some((off, ratio, Rule::SplitGlitch))
    });
    let fits = fits.chain(off_unit(step, noise).map(|off| (off, UNIT, Rule::Unit100)));
    let (_, ratio, rule) = fits.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Edge { factor: if step > 0.0 { ratio } else { 1.0 / ratio }, rule })
}
