//! Plain-language insights for customers: facts in, sentences out.
//!
//! Knows only `domain`, and of that nothing of how an outlook came about: no model, factor, score or rank can be
//! said here because none can be named. Every sentence carries its figures and dates, none tells anybody what to do.
//! The same facts always give the same words, in the same order.

mod words;

use chrono::NaiveDate;

use crate::domain::{CleanText, Currency, InstrumentId, Money, Price, Quantity, Ratio};

/// Most insights that are shown at once.
pub const INSIGHTS_MAX: usize = 50;
/// Said once under every list of insights.
pub const DISCLAIMER: &str = "For information only. This is not advice.";

/// How the months ahead look for a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// Better than most.
    Favourable,
    /// Neither.
    Neutral,
    /// Worse than most.
    Unfavourable,
}

/// The tone of recent headlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NewsTone {
    /// Mostly good.
    Good,
    /// Good and bad.
    Mixed,
    /// Mostly bad.
    Bad,
}

/// The company a fact is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Name; the symbol is used when it is empty.
    pub name: CleanText,
}

/// Something true of a customer's portfolio or of what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The value of the whole portfolio changed.
    PortfolioChange {
        /// Value at the start.
        before: Money,
        /// Value at the end.
        after: Money,
        /// Money of the two.
        currency: Currency,
        /// First day.
        since: NaiveDate,
        /// Last day.
        until: NaiveDate,
    },
    /// The value of one holding changed.
    HoldingChange {
        /// Company.
        company: Company,
        /// Gain or loss over the days.
        change: Money,
        /// Change of its price as a share of the first price.
        share: Ratio,
        /// Money of the change.
        currency: Currency,
        /// First day.
        since: NaiveDate,
        /// Last day.
        until: NaiveDate,
    },
    /// A holding was bought or sold.
    HoldingTraded {
        /// Company.
        company: Company,
        /// Shares bought (positive) or sold.
        change: Quantity,
        /// Shares now.
        now: Quantity,
        /// Day.
        on: NaiveDate,
    },
    /// A price moved far in one day.
    PriceMove {
        /// Company.
        company: Company,
        /// Price before.
        before: Price,
        /// Price after.
        after: Price,
        /// Money of the prices.
        currency: Currency,
        /// Day.
        on: NaiveDate,
    },
    /// One company is a large part of the portfolio.
    Concentration {
        /// Company.
        company: Company,
        /// Its share of the value.
        share: Ratio,
        /// Day.
        on: NaiveDate,
    },
    /// Recent headlines about a company.
    News {
        /// Company.
        company: Company,
        /// Their tone.
        tone: NewsTone,
        /// How many.
        headlines: u32,
        /// First day.
        since: NaiveDate,
        /// Last day.
        until: NaiveDate,
        /// The tone by vendors of their own, with their names.
        told: Vec<(CleanText, NewsTone)>,
    },
    /// How a company looks.
    Outlook {
        /// Company.
        company: Company,
        /// How it looks now.
        now: Outlook,
        /// How it looked before, when that was otherwise.
        before: Option<Outlook>,
        /// Day of the present view.
        on: NaiveDate,
    },
    /// How much is in cash.
    CashShare {
        /// Cash.
        cash: Money,
        /// Its share of the value.
        share: Ratio,
        /// Money of the cash.
        currency: Currency,
        /// Day.
        on: NaiveDate,
    },
    /// The prices are those of the simulated market.
    SimulatedData {
        /// Day.
        on: NaiveDate,
    },
}

/// How much an insight matters; the first is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Must be seen before all else.
    Notice,
    /// Matters a lot.
    High,
    /// Worth knowing.
    Medium,
    /// For the curious.
    Low,
}

/// What a customer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insight {
    /// How much it matters.
    pub importance: Importance,
    /// Company it is about, where it is about one.
    pub instrument: Option<InstrumentId>,
    /// A few words.
    pub headline: CleanText,
    /// One or two sentences.
    pub text: CleanText,
    /// Good (1), neither (0) or something to watch (-1).
    pub tone: i8,
}

/// Share of the portfolio from which one company is a large part.
const CONCENTRATION_HIGH: i64 = 300_000_000;
/// Change of a price or a value from which it matters a lot.
const MOVE_HIGH: i64 = 50_000_000;
/// Share of cash from which it is worth knowing.
const CASH_MEDIUM: i64 = 250_000_000;

/// Turns facts into insights: the important first, then the larger figure, then by company and words.
pub fn insights(facts: &[Fact]) -> Vec<Insight> {
    let mut sized: Vec<(i64, Insight)> = facts
        .iter()
        .map(|fact| {
            let size = size(fact);
            let (headline, text) = words::say(fact);
            let instrument = company(fact).map(|c| c.instrument);
            let importance = importance(fact, size);
            (
                size,
                Insight {
                    importance,
                    instrument,
                    headline: headline.into(),
                    text: text.into(),
                    tone: tone(fact),
                },
            )
        })
        .collect();
    sized.sort_by(|(a_size, a), (b_size, b)| {
        let key = |i: &Insight| (i.instrument, i.headline.clone(), i.text.clone());
        a.importance.cmp(&b.importance).then(b_size.cmp(a_size)).then_with(|| key(a).cmp(&key(b)))
    });
    sized.truncate(INSIGHTS_MAX);
    sized.into_iter().map(|(_, insight)| insight).collect()
}

fn company(fact: &Fact) -> Option<&Company> {
    match fact {
        Fact::HoldingChange { company, .. }
        | Fact::HoldingTraded { company, .. }
        | Fact::PriceMove { company, .. }
        | Fact::Concentration { company, .. }
        | Fact::News { company, .. }
        | Fact::Outlook { company, .. } => Some(company),
        Fact::PortfolioChange { .. } | Fact::CashShare { .. } | Fact::SimulatedData { .. } => None,
    }
}

/// The fact's figure as a raw share, for ordering.
fn size(fact: &Fact) -> i64 {
    match fact {
        Fact::PortfolioChange { before, after, .. } => {
            change_of(before.raw(), after.raw()).raw().saturating_abs()
        }
        Fact::PriceMove { before, after, .. } => change_of(before.raw(), after.raw()).raw().saturating_abs(),
        Fact::HoldingChange { share, .. }
        | Fact::Concentration { share, .. }
        | Fact::CashShare { share, .. } => share.raw().saturating_abs(),
        Fact::News { headlines, .. } => i64::from(*headlines),
        Fact::HoldingTraded { .. } | Fact::Outlook { .. } | Fact::SimulatedData { .. } => 0,
    }
}

/// `after / before - 1`; zero when there was nothing before.
fn change_of(before: i64, after: i64) -> Ratio {
    let grown = i128::from(after) - i128::from(before);
    let scaled = grown * i128::from(Ratio::ONE_RAW);
    let share = crate::domain::fixed::divide_half_even(scaled, i128::from(before));
    share.and_then(|s| Ratio::from_raw_wide(s).ok()).unwrap_or(Ratio::ZERO)
}

/// Good, neither, or something to watch.
fn tone(fact: &Fact) -> i8 {
    let sign = |raw: i64| i8::try_from(raw.signum()).unwrap_or(0);
    match fact {
        Fact::PortfolioChange { before, after, .. } => sign(after.raw().saturating_sub(before.raw())),
        Fact::HoldingChange { change, .. } => sign(change.raw()),
        Fact::PriceMove { before, after, .. } => sign(after.raw().saturating_sub(before.raw())),
        Fact::Concentration { .. } => -1,
        Fact::News { tone: NewsTone::Good, .. } | Fact::Outlook { now: Outlook::Favourable, .. } => 1,
        Fact::News { tone: NewsTone::Bad, .. } | Fact::Outlook { now: Outlook::Unfavourable, .. } => -1,
        Fact::News { tone: NewsTone::Mixed, .. }
        | Fact::Outlook { now: Outlook::Neutral, .. }
        | Fact::HoldingTraded { .. }
        | Fact::CashShare { .. }
        | Fact::SimulatedData { .. } => 0,
    }
}

fn importance(fact: &Fact, size: i64) -> Importance {
    match fact {
        Fact::SimulatedData { .. } => Importance::Notice,
        Fact::PortfolioChange { .. } => Importance::High,
        Fact::Concentration { .. } if size >= CONCENTRATION_HIGH => Importance::High,
        Fact::PriceMove { .. } | Fact::HoldingChange { .. } if size >= MOVE_HIGH => Importance::High,
        Fact::Outlook { before: Some(_), .. } => Importance::High,
        Fact::Concentration { .. } | Fact::PriceMove { .. } | Fact::HoldingTraded { .. } => {
            Importance::Medium
        }
        Fact::CashShare { .. } if size >= CASH_MEDIUM => Importance::Medium,
        Fact::News { tone: NewsTone::Good | NewsTone::Bad, .. } => Importance::Medium,
        Fact::Outlook { now: Outlook::Favourable | Outlook::Unfavourable, .. } => Importance::Medium,
        Fact::HoldingChange { .. } | Fact::CashShare { .. } | Fact::News { .. } | Fact::Outlook { .. } => {
            Importance::Low
        }
    }
}

#[cfg(test)]
mod tests;
