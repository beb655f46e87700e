//! Rows that a vendor got wrong and that its own other rows put right.
//!
//! [`repair`] looks at one instrument's series as it was served, its splits and dividends, and where the vendor gives
//! them its own adjusted closes. It undoes a unit that is 100 times too large or small, a split that was applied to some
//! rows and not to others, dates that were shifted by a day, and dividends that are doubled, a day early, in another unit
//! or missing from the adjusted closes. Each change names its [`Rule`] and keeps what was there before; what no rule
//! explains is left as it is, for [`super::validate`] to judge. A row is never made up.
//!
//! Everything is judged in prices restated for splits. Raw series have no split glitches of their own (a missing step is
//! a missing action), so only units and dates are repaired in them. The newest rows are trusted over older ones, and rows
//! that are stored already over new ones.

mod dates;
mod dividends;
mod levels;
mod rows;
mod splits;

use chrono::NaiveDate;

use crate::domain::calendar::Calendar;
use crate::domain::market::{Basis, CorporateAction, DailyBar};
use rows::{Row, back, rows_of};

pub use splits::told_twice;

/// Why something was changed. The word of a rule is a promise to users: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Prices 100 times too large or too small against the rows around them.
    Unit100,
    /// Prices and volume of rows that a split was applied to once too often or not at all.
    SplitGlitch,
    /// Rows dated a day early, as by a time zone.
    DateShift,
    /// The same dividend given twice within days; the one without a fall in price goes.
    DoubledDividend,
    /// A dividend dated a session before the price fell.
    EarlyDividend,
    /// A dividend 100 times too large or too small against prices or adjusted closes.
    DividendUnit,
    /// A dividend per old share on the day of a split.
    DividendSplit,
    /// A split told twice: the one that raw prices do not show goes.
    DoubledSplit,
    /// Adjusted closes that do not know of a dividend, or not of all of it.
    MissingAdjustment,
    /// Adjusted closes that count a capital gain twice.
    DoubledGain,
}

impl Rule {
    /// Every rule.
    pub const ALL: &'static [Rule] = &[
        Rule::Unit100,
        Rule::SplitGlitch,
        Rule::DateShift,
        Rule::DoubledDividend,
        Rule::EarlyDividend,
        Rule::DividendUnit,
        Rule::DividendSplit,
        Rule::DoubledSplit,
        Rule::MissingAdjustment,
        Rule::DoubledGain,
    ];

    /// The word used in stores and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Unit100 => "unit_100x",
            Rule::SplitGlitch => "split_glitch",
            Rule::DateShift => "date_shift",
            Rule::DoubledDividend => "doubled_dividend",
            Rule::EarlyDividend => "early_dividend",
            Rule::DividendUnit => "dividend_unit",
            Rule::DividendSplit => "dividend_split",
            Rule::DoubledSplit => "doubled_split",
            Rule::MissingAdjustment => "missing_adjustment",
            Rule::DoubledGain => "doubled_gain",
        }
    }
}

/// One instrument's series as a vendor served it.
#[derive(Debug, Clone, Copy)]
pub struct Suspect<'a> {
    /// Daily bars, oldest first, one a session.
    pub bars: &'a [DailyBar],
    /// In what terms they are.
    pub basis: Basis,
    /// Splits and dividends, in raw terms.
    pub actions: &'a [CorporateAction],
    /// How many of the first bars are stored already: they anchor the others and are never changed.
    pub known: usize,
    /// The vendor's own adjusted closes, one a bar; empty where it gives none.
    pub adjusted: &'a [Option<f64>],
    /// Capital gains of funds by ex-date, in the terms of the bars; counted in the dividend of that day.
    pub gains: &'a [(NaiveDate, f64)],
    /// Whether the vendor quotes in hundredths of its currency (`GBp`, `ZAc`, `ILA`): units are then mixed up often.
    pub minor_unit: bool,
    /// The exchange's sessions, where dates are to be judged.
    pub calendar: Option<&'a Calendar>,
}

impl<'a> Suspect<'a> {
    /// A series with nothing beside its bars and actions.
    pub const fn new(bars: &'a [DailyBar], basis: Basis, actions: &'a [CorporateAction]) -> Self {
        Self { bars, basis, actions, known: 0, adjusted: &[], gains: &[], minor_unit: false, calendar: None }
    }
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Session of the row, or ex-date of the dividend, as it was served.
    pub session: NaiveDate,
    /// Why.
    pub rule: Rule,
    /// What.
    pub what: Changed,
}

/// What was changed, before and after.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// A bar.
    Bar {
        /// As served.
        before: Box<DailyBar>,
        /// As it is to be stored.
        after: Box<DailyBar>,
    },
    /// A dividend or split; `after` is `None` when it is taken out.
    Action {
        /// As served.
        before: CorporateAction,
        /// As it is to be stored.
        after: Option<CorporateAction>,
    },
    /// All adjusted closes before the session, multiplied.
    Adjusted {
        /// By what.
        factor: f64,
    },
}

/// What came of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Repaired {
    /// The bars, one for each that was given, in the same order.
    pub bars: Vec<DailyBar>,
    /// Splits and dividends, in raw terms.
    pub actions: Vec<CorporateAction>,
    /// Adjusted closes, as many as were given.
    pub adjusted: Vec<Option<f64>>,
    /// What was changed, oldest session first.
    pub changes: Vec<Change>,
}

/// Repairs a series as far as its rules go.
pub fn repair(suspect: &Suspect<'_>) -> Repaired {
    let mut changes = Vec::new();
    let mut bars = suspect.bars.to_vec();
    if let Some(calendar) = suspect.calendar {
        dates::repair(&mut bars, suspect.known, calendar, &mut changes);
    }
    let mut rows: Vec<Row> = rows_of(&bars, suspect);
    let scales = levels::scales(&rows, suspect);
    for ((bar, row), scale) in bars.iter_mut().zip(&mut rows).zip(scales) {
        let Some(scale) = scale else { continue };
        let before = *bar;
        *bar = scale.of(bar);
        row.scale(scale);
        let what = Changed::Bar { before: Box::new(before), after: Box::new(*bar) };
        changes.push(Change { session: before.session, rule: scale.rule, what });
    }
    let (actions, adjusted) = dividends::repair(&mut rows, suspect, &mut changes);
    let adjusted = if suspect.adjusted.is_empty() { Vec::new() } else { adjusted };
    changes.sort_by_key(|change| (change.session, change.rule));
    Repaired { bars, actions: back(actions, suspect), adjusted, changes }
}

/// Whether a row is in another unit than those before it; `step` is the logarithm of its close over theirs.
pub(super) fn is_other_unit(before: &[DailyBar], step: f64) -> bool {
    levels::is_unit(step, rows::noise_of(before.iter().map(|bar| bar.close.to_f64())))
}

#[cfg(test)]
mod real_pairs;
#[cfg(test)]
mod tests;
