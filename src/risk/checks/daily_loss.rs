//! Daily loss: money lost since the day's opening equity, realised and not.

use crate::domain::Money;
use crate::domain::limit::{CheckRecord, LimitName};

use super::{Case, Measure};

/// The day's loss against `max_daily_loss`; what only reduces passes.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let name = LimitName::MaxDailyLoss;
    let loss = case.equity.and_then(|equity| case.book.account.day_open().checked_sub(equity));
    let Some(loss) = loss.map(|l| l.max(Money::ZERO)) else { return case.judge(name, None) };
    let reduces = case.reduces;
    let measure = Measure {
        now: loss.to_string(),
        observed: loss.to_string(),
        over: &|raw| !reduces && loss.raw() > raw,
    };
    case.judge(name, Some(measure))
}
