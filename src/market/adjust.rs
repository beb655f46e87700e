//! Prices restated for splits and dividends, on read, by one formula.
//!
//! Walking back from the last bar, on each ex-date `factor /= (1 + D / close) × ratio`, where `D` is the dividend as it
//! was paid and `close` the raw close of the ex-date, `ratio` the new shares for one old. The factor holds for all bars
//! before. This is the convention of Quandl's WIKI Prices; the Yahoo and CRSP form `factor *= 1 − D / previous close`
//! differs by up to 1.3e-4, so series of two providers must never be mixed.
//!
//! An action on a day without a bar counts on the next bar. Actions after the last bar are not used: a restated series
//! never knows more than its bars. Actions are always given as they happened, in raw terms.

use chrono::NaiveDate;

use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar};

/// What prices are wanted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjust {
    /// As stored, whatever the basis.
    Stored,
    /// Restated for splits.
    Split,
    /// Restated for splits and dividends.
    Total,
}

impl Adjust {
    /// From the word used on the command line.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "stored" => Some(Adjust::Stored),
            "split" => Some(Adjust::Split),
            "total" => Some(Adjust::Total),
            _ => None,
        }
    }
}

/// The bars cannot be restated as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("prices with basis total cannot be restated for splits alone; ask for stored or total")]
pub struct AdjustError;

/// What a bar's stored prices and volume are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// For prices.
    pub price: f64,
    /// For volume: splits only.
    pub volume: f64,
}

/// No change.
const ONE: Factor = Factor { price: 1.0, volume: 1.0 };

/// The factor of each bar. `bars` are one instrument's, in session order; `actions` are the same instrument's, in any
/// order.
pub fn factors(
    bars: &[DailyBar],
    actions: &[CorporateAction],
    basis: Basis,
    target: Adjust,
) -> Result<Vec<Factor>, AdjustError> {
    let all: Vec<&CorporateAction> = actions.iter().collect();
    let place = |day| bars.partition_point(|bar| bar.session < day);
    let close = |index: usize| bars.get(index).map_or(f64::NAN, |bar| bar.close.to_f64());
    let steps = steps(bars.len(), place, close, &all, basis, target)?;
    let ends = steps.iter().skip(1).map(|step| step.from).chain([bars.len()]);
    Ok(steps.iter().zip(ends).flat_map(|(step, end)| (step.from..end).map(|_| step.factor)).collect())
}

/// The factor that holds from one bar on, until the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// First bar.
    pub from: usize,
    /// What its stored prices and volume are multiplied by.
    pub factor: Factor,
    /// Old shares for one share of the last bar: turns figures per share of that time into those of the last bar,
    /// whatever the basis of the prices.
    pub shares: f64,
}

/// The factors of `bars` bars as steps, oldest first, the first from bar 0. `place` gives the first bar on or after a
/// day, `close` the stored close of a bar.
pub fn steps(
    bars: usize,
    place: impl Fn(NaiveDate) -> usize,
    close: impl Fn(usize) -> f64,
    actions: &[&CorporateAction],
    basis: Basis,
    target: Adjust,
) -> Result<Vec<Step>, AdjustError> {
    let (splits, dividends) = match (basis, target) {
        (_, Adjust::Stored) | (Basis::Split, Adjust::Split) | (Basis::Total, Adjust::Total) => (false, false),
        (Basis::Raw, Adjust::Split) => (true, false),
        (Basis::Raw, Adjust::Total) => (true, true),
        (Basis::Split, Adjust::Total) => (false, true),
        (Basis::Total, Adjust::Split) => return Err(AdjustError),
    };
    let placed = actions.iter().map(|action| (place(action.date), *action));
    let mut due: Vec<(usize, &CorporateAction)> = placed.filter(|(at, _)| (1..bars).contains(at)).collect();
    due.sort_by_key(|(at, action)| (*at, action.date));
    let mut step = Step { from: 0, factor: ONE, shares: 1.0 };
    // New shares for one old over all splits after the bar: turns a split-basis close into the raw one.
    let mut later_splits = 1.0;
    let mut steps = Vec::with_capacity(due.len() + 1);
    for group in due.chunk_by(|a, b| a.0 == b.0).rev() {
        let Some((at, _)) = group.first() else { continue };
        steps.push(Step { from: *at, ..step });
        let (dividend, ratio) = sum_of(group.iter().map(|(_, action)| *action));
        let raw_close = if basis == Basis::Raw { close(*at) } else { close(*at) * later_splits };
        if dividends {
            step.factor.price /= 1.0 + dividend / raw_close;
        }
        if splits {
            step.factor.price /= ratio;
            step.factor.volume *= ratio;
        }
        later_splits *= ratio;
        step.shares = 1.0 / later_splits;
    }
    steps.push(step);
    steps.reverse();
    Ok(steps)
}

/// The dividends and the product of the split ratios of one bar.
fn sum_of<'a>(actions: impl Iterator<Item = &'a CorporateAction>) -> (f64, f64) {
    let mut sum = (0.0, 1.0);
    for action in actions {
        match action.kind {
            ActionKind::Dividend { amount, .. } => sum.0 += amount.to_f64(),
            ActionKind::Split(ratio) => sum.1 *= ratio.new.to_f64() / ratio.old.to_f64(),
        }
    }
    sum
}

#[cfg(test)]
mod tests;
