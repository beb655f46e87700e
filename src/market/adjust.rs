//! Prices restated for splits and dividends, on read, by one formula.
//!
//! Walking back from the last bar, on each ex-date `factor /= (1 + D / close) × ratio`, where `D` is the dividend as it
//! was paid and `close` the raw close of the ex-date, `ratio` the new shares for one old. The factor holds for all bars
//! before. This is the convention of Quandl's WIKI Prices; the Yahoo and CRSP form `factor *= 1 − D / previous close`
//! differs by up to 1.3e-4, so series of two providers must never be mixed.
//!
//! An action on a day without a bar counts on the next bar. Actions after the last bar are not used: a restated series
//! never knows more than its bars. Actions are always given as they happened, in raw terms.

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
    let (splits, dividends) = match (basis, target) {
        (_, Adjust::Stored) | (Basis::Split, Adjust::Split) | (Basis::Total, Adjust::Total) => (false, false),
        (Basis::Raw, Adjust::Split) => (true, false),
        (Basis::Raw, Adjust::Total) => (true, true),
        (Basis::Split, Adjust::Total) => (false, true),
        (Basis::Total, Adjust::Split) => return Err(AdjustError),
    };
    if !splits && !dividends {
        return Ok(vec![ONE; bars.len()]);
    }
    let last = bars.last().map(|bar| bar.session);
    let mut pending: Vec<&CorporateAction> = actions.iter().filter(|a| Some(a.date) <= last).collect();
    pending.sort_by_key(|action| action.date);
    let mut factors = Vec::with_capacity(bars.len());
    let mut factor = ONE;
    // New shares for one old over all splits after the bar: turns a split-basis close into the raw one.
    let mut later_splits = 1.0;
    for (index, bar) in bars.iter().enumerate().rev() {
        factors.push(factor);
        let before = index.checked_sub(1).and_then(|i| bars.get(i)).map(|bar| bar.session);
        let due = pending.partition_point(|action| before.is_some_and(|before| action.date <= before));
        let (dividend, ratio) = sum_of(&pending.split_off(due));
        let raw_close =
            if basis == Basis::Raw { bar.close.to_f64() } else { bar.close.to_f64() * later_splits };
        if dividends {
            factor.price /= 1.0 + dividend / raw_close;
        }
        if splits {
            factor.price /= ratio;
            factor.volume *= ratio;
        }
        later_splits *= ratio;
    }
    factors.reverse();
    Ok(factors)
}

/// The dividends and the product of the split ratios of one bar.
fn sum_of(actions: &[&CorporateAction]) -> (f64, f64) {
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
