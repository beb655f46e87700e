//! Gross exposure: the worst cases of all positions together, as a multiple of equity.

use crate::domain::limit::{CheckRecord, LimitName};

use super::{Case, Measure, ratio_text, share_above};

/// Gross exposure against `max_gross_exposure`; what only reduces passes.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let name = LimitName::MaxGrossExposure;
    let Some(((before, after), equity)) = case.gross().zip(case.equity) else {
        return case.judge(name, None);
    };
    let reduces = case.reduces;
    let measure = Measure {
        now: ratio_text(before, equity),
        observed: ratio_text(after, equity),
        over: &|raw| !reduces && share_above(after, equity, raw),
    };
    case.judge(name, Some(measure))
}
