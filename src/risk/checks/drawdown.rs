//! Drawdown: the fall from the highest equity so far; once it spoke it stays in force after a recovery.

use crate::domain::limit::{CheckOutcome, CheckRecord, LimitName};
use crate::domain::{Money, RefusalCode};

use super::{Case, Measure, ratio_text, share_above};

/// The fall against `max_drawdown`; what only reduces passes.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let name = LimitName::MaxDrawdown;
    let peak = case.book.peak;
    let fall = case.equity.and_then(|equity| peak.checked_sub(equity)).map(|f| f.max(Money::ZERO));
    let Some(fall) = fall else { return case.judge(name, None) };
    let reduces = case.reduces;
    let measure = Measure {
        now: ratio_text(fall, peak),
        observed: ratio_text(fall, peak),
        over: &|raw| !reduces && share_above(fall, peak, raw),
    };
    let mut record = case.judge(name, Some(measure));
    let latched = case.book.latched.contains(&(case.book.account.spec().account, RefusalCode::DrawdownLimit));
    if latched && !reduces && !record.threshold.is_empty() {
        record.outcome = CheckOutcome::Breach;
    }
    record
}
