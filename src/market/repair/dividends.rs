//! Dividends and adjusted closes that do not fit the prices.
//!
//! On an ex-date three things should agree: the dividend as a share of the close before, the step in the vendor's adjusted
//! closes, and, over many ex-dates, the fall of the price. Where two agree the third is put right. Where the vendor gives
//! no adjusted closes, prices alone must speak, and more clearly.

// `row` of a dividend is in `1..rows.len()`: actions on the first row or after the last are not judged.
#![allow(clippy::indexing_slicing)]

use super::rows::{Dividend, Row, noise};
use super::{Change, Changed, Rule, Suspect};
use crate::domain::market::{ActionKind, Basis};

/// A step of the adjusted closes that is none, and how closely one must fit a dividend, as a share of the price.
const STEP_NONE: f64 = 2e-5;
/// How closely a step must fit a dividend, as a share of the step.
const STEP_SHARE: f64 = 0.02;
/// Least share of the price of a dividend that should show in the adjusted closes.
const SHOWS: f64 = 2e-4;
/// What units are mixed up by.
const UNIT: f64 = 100.0;
/// Sessions within which a second equal dividend is a repetition.
const REPEAT_SESSIONS: usize = 5;
/// A dividend above this share of the price, and this many times the noise, must show in the price.
const LARGE: f64 = 0.05;
const NOISE_TIMES: f64 = 4.0;
/// Above this share of the price, in hundredths of the currency or more than once, a unit is doubted.
const HUGE: f64 = 0.1;
/// Dividends of less than this share of the price are doubted when most are so, and they are so many.
const TINY: f64 = 1e-3;
const TINY_COUNT: usize = 3;
/// How many standard errors the mean fall must be above zero before tiny dividends are held to be 100 times larger.
const FALL_ERRORS: f64 = 1.5;

/// What is known of one dividend.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Share of the close before.
    share: f64,
    /// Fall of the close.
    fall: f64,
    /// Fall of the close on the next row.
    next_fall: f64,
    /// Step in the adjusted closes.
    step: Option<f64>,
}

/// Steps of the adjusted closes to be made right: row, what earlier rows are multiplied by, why.
type Steps = Vec<(usize, f64, Rule)>;

struct Judge<'a> {
    rows: &'a [Row],
    suspect: &'a Suspect<'a>,
    noise: f64,
    dividends: Vec<Dividend>,
    seen: Vec<Seen>,
    /// Which rule has spoken of each dividend.
    ruled: Vec<Option<Rule>>,
    steps: Steps,
}

/// Judges the dividends of a series whose prices are right. Returns them, and the adjusted closes.
pub(super) fn repair(
    rows: &mut [Row],
    suspect: &Suspect<'_>,
    changes: &mut Vec<Change>,
) -> (Vec<Dividend>, Vec<Option<f64>>) {
    let mut judge = Judge::new(rows, suspect);
    if suspect.basis != Basis::Total {
        judge.doubled();
        judge.early();
        judge.gains();
        judge.split_day();
        judge.step_units();
        judge.missing();
        judge.huge();
        judge.tiny();
    }
    let Judge { dividends, ruled, steps, .. } = judge;
    for (dividend, rule) in dividends.iter().zip(&ruled) {
        let Some((rule, served)) = rule.zip(suspect.actions.get(dividend.action)) else { continue };
        let after = dividend.action(served);
        if after.as_ref() != Some(served) {
            let what = Changed::Action { before: served.clone(), after };
            changes.push(Change { session: served.date, rule, what });
        }
    }
    for (row, factor, rule) in &steps {
        let what = Changed::Adjusted { factor: *factor };
        changes.push(Change { session: rows[*row].session, rule: *rule, what });
        for earlier in &mut rows[..*row] {
            earlier.adjusted = earlier.adjusted.map(|share| share * factor);
        }
    }
    (dividends, rows.iter().map(|row| row.adjusted.map(|share| share * row.close())).collect())
}

impl<'a> Judge<'a> {
    fn new(rows: &'a [Row], suspect: &'a Suspect<'a>) -> Self {
        let placed = suspect.actions.iter().enumerate().filter_map(|(action, served)| {
            let row = rows.partition_point(|row| row.session < served.date);
            let alone = matches!(served.kind, ActionKind::Dividend { .. });
            let inside = row > 0 && row < rows.len() && row >= suspect.known;
            (alone && inside).then_some(Dividend { action, row, date: served.date, times: 1.0, gone: false })
        });
        let mut dividends: Vec<Dividend> = placed.collect();
        dividends.sort_by_key(|d| d.row);
        // Several on one row cannot be told apart.
        let crowded: Vec<usize> =
            dividends.windows(2).filter(|w| w[0].row == w[1].row).map(|w| w[0].row).collect();
        dividends.retain(|d| !crowded.contains(&d.row));
        let seen = dividends.iter().map(|d| look(rows, d.row)).collect();
        let ruled = vec![None; dividends.len()];
        Self { rows, suspect, noise: noise(rows), dividends, seen, ruled, steps: Vec::new() }
    }

    /// Dividends that no rule has spoken of yet.
    fn open(&self) -> Vec<usize> {
        (0..self.ruled.len()).filter(|i| self.ruled[*i].is_none()).collect()
    }

    /// Makes the adjusted closes before a dividend step by `share`.
    fn restep(&mut self, dividend: usize, share: f64, rule: Rule) {
        let Some(step) = self.seen[dividend].step else { return };
        let factor = (1.0 - share) / (1.0 - step);
        if (factor - 1.0).abs() > STEP_NONE {
            self.steps.push((self.dividends[dividend].row, factor, rule));
        }
    }

    fn doubled(&mut self) {
        for second in 1..self.dividends.len() {
            let first = second - 1;
            let (a, b) = (&self.dividends[first], &self.dividends[second]);
            let (money_a, money_b) = (self.rows[a.row].dividend, self.rows[b.row].dividend);
            let equal = (money_a - money_b).abs() <= 1e-6 * money_b;
            if !equal || b.row - a.row > REPEAT_SESSIONS {
                continue;
            }
            let (fall_a, fall_b) = (self.seen[first].fall, self.seen[second].fall);
            let (gone, kept) = if fall_a < fall_b { (first, second) } else { (second, first) };
            let half = |dividend: usize| self.seen[dividend].share / 2.0;
            if self.seen[gone].fall < half(gone) && self.seen[kept].fall > half(kept) {
                self.dividends[gone].gone = true;
                self.ruled[gone] = Some(Rule::DoubledDividend);
                self.restep(gone, 0.0, Rule::DoubledDividend);
            }
        }
    }

    fn early(&mut self) {
        for index in self.open() {
            let Seen { share, fall, next_fall, step } = self.seen[index];
            let row = self.dividends[index].row;
            let shows = share > LARGE.max(NOISE_TIMES * self.noise);
            if !shows || fall > share / 3.0 || next_fall < share / 2.0 || row + 1 >= self.rows.len() {
                continue;
            }
            self.ruled[index] = Some(Rule::EarlyDividend);
            self.restep(index, 0.0, Rule::EarlyDividend);
            let dividend = &mut self.dividends[index];
            dividend.row += 1;
            dividend.date = self.rows[row + 1].session;
            let moved = self.rows[row].dividend / self.rows[row].close();
            if step.is_some() {
                self.steps.push((row + 1, 1.0 - moved, Rule::EarlyDividend));
            }
        }
    }

    /// Funds: the capital gain is part of the dividend, but the adjusted closes count it again.
    fn gains(&mut self) {
        let doubled = |index: &usize| {
            let row = self.dividends[*index].row;
            let gain = self.rows[row].gain / self.rows[row - 1].close();
            let Seen { share, step, .. } = self.seen[*index];
            gain > 0.0 && gain <= share && step.is_some_and(|step| fits(step, share + gain))
        };
        let found: Vec<usize> = self.open().into_iter().filter(doubled).collect();
        let miss = |times: f64| -> f64 {
            found.iter().map(|i| (self.seen[*i].fall - times * self.seen[*i].share).powi(2)).sum()
        };
        let twice = |i: &usize| self.seen[*i].step.unwrap_or(0.0);
        let miss_twice: f64 = found.iter().map(|i| (self.seen[*i].fall - twice(i)).powi(2)).sum();
        if miss(1.0) >= miss_twice {
            return;
        }
        for index in found {
            self.ruled[index] = Some(Rule::DoubledGain);
            self.restep(index, self.seen[index].share, Rule::DoubledGain);
        }
    }

    /// A dividend per old share on the day of a split.
    fn split_day(&mut self) {
        for index in self.open() {
            let Seen { share, fall, step, .. } = self.seen[index];
            let split = self.rows[self.dividends[index].row].split;
            if split == 1.0 {
                continue;
            }
            let restated = share / split;
            let agrees = match step {
                Some(step) => !fits(step, share) && fits(step, restated),
                None => (fall - restated).abs() + 2.0 * self.noise < (fall - share).abs(),
            };
            if agrees {
                self.dividends[index].times = 1.0 / split;
                self.ruled[index] = Some(Rule::DividendSplit);
            }
        }
    }

    /// The adjusted closes step by a hundredth, or by the hundredfold, of the dividend.
    fn step_units(&mut self) {
        for times in [1.0 / UNIT, UNIT] {
            let off = |index: &usize| {
                let Seen { share, step, .. } = self.seen[*index];
                step.is_some_and(|step| !fits(step, share) && step > STEP_NONE && fits(step, share * times))
            };
            let found: Vec<usize> = self.open().into_iter().filter(off).collect();
            let miss = |times: f64| -> f64 {
                found.iter().map(|i| (self.seen[*i].fall - times * self.seen[*i].share).powi(2)).sum()
            };
            let dividend_is_wrong = miss(times) < miss(1.0);
            for index in found {
                if dividend_is_wrong {
                    self.dividends[index].times = times;
                    self.ruled[index] = Some(Rule::DividendUnit);
                } else {
                    self.ruled[index] = Some(Rule::MissingAdjustment);
                    self.restep(index, self.seen[index].share, Rule::MissingAdjustment);
                }
            }
        }
    }

    fn missing(&mut self) {
        for index in self.open() {
            let Seen { share, step, .. } = self.seen[index];
            let none = step.is_some_and(|step| step.abs() < STEP_NONE);
            // In bars of a week the step comes with the next bar.
            let after = self.dividends[index].row + 1;
            let late =
                after < self.rows.len() && look(self.rows, after).step.is_some_and(|step| step > share / 2.0);
            if none && !late && share > SHOWS && share < 1.0 {
                self.ruled[index] = Some(Rule::MissingAdjustment);
                self.restep(index, share, Rule::MissingAdjustment);
            }
        }
    }

    /// Dividends so large that the price would have had to show it.
    fn huge(&mut self) {
        let hidden = |index: &usize| {
            let Seen { share, fall, .. } = self.seen[*index];
            share > HUGE && share - fall > (share / 2.0).max(NOISE_TIMES * self.noise)
        };
        let found: Vec<usize> = self.open().into_iter().filter(hidden).collect();
        if found.len() < 2 && !self.suspect.minor_unit {
            return;
        }
        for index in found {
            self.dividends[index].times = 1.0 / UNIT;
            self.ruled[index] = Some(Rule::DividendUnit);
            self.restep(index, self.seen[index].share / UNIT, Rule::DividendUnit);
        }
    }

    /// Vendors that quote in hundredths: dividends so small that the prices' falls must be a hundred of them.
    fn tiny(&mut self) {
        let found: Vec<usize> = self.open().into_iter().filter(|i| self.seen[*i].share < TINY).collect();
        let most = found.len() * 2 > self.dividends.len();
        if !self.suspect.minor_unit || found.len() < TINY_COUNT || !most {
            return;
        }
        let count = found.len() as f64;
        let falls = || found.iter().map(|i| self.seen[*i].fall);
        let mean = falls().sum::<f64>() / count;
        let spread = (falls().map(|fall| (fall - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        let miss = |times: f64| -> f64 {
            found.iter().map(|i| (self.seen[*i].fall - times * self.seen[*i].share).powi(2)).sum()
        };
        if mean * count.sqrt() < FALL_ERRORS * spread || miss(UNIT) >= miss(1.0) {
            return;
        }
        for index in found {
            self.dividends[index].times = UNIT;
            self.ruled[index] = Some(Rule::DividendUnit);
            self.restep(index, self.seen[index].share * UNIT, Rule::DividendUnit);
        }
    }
}

fn look(rows: &[Row], row: usize) -> Seen {
    let (before, at) = (&rows[row - 1], &rows[row]);
    let next = rows.get(row + 1);
    Seen {
        share: at.dividend / before.close(),
        fall: 1.0 - at.close() / before.close(),
        next_fall: next.map_or(0.0, |next| 1.0 - next.close() / at.close()),
        step: before.adjusted.zip(at.adjusted).map(|(before, at)| 1.0 - before / at),
    }
}

/// Whether a step of the adjusted closes is that of a dividend.
fn fits(step: f64, share: f64) -> bool {
    (step - share).abs() <= STEP_NONE.max(STEP_SHARE * share.abs())
}
