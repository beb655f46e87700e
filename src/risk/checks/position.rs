//! Largest value of one position, open orders of the order's side included.

use crate::domain::limit::{CheckRecord, LimitName};

use super::{Case, Measure};

/// The position's worst case against `max_position_notional`; what only reduces passes.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let name = LimitName::MaxPositionNotional;
    let side = case.order.side;
    let values = case.sides.and_then(|s| s.side_value(side)).zip(case.with.and_then(|s| s.side_value(side)));
    let Some((before, after)) = values else { return case.judge(name, None) };
    let reduces = case.reduces;
    let measure = Measure {
        now: before.to_string(),
        observed: after.to_string(),
        over: &|raw| !reduces && after.raw() > raw,
    };
    case.judge(name, Some(measure))
}
