//! Concentration: the largest share of equity in one name, open orders of the order's side included.

use crate::domain::limit::{CheckRecord, LimitName};

use super::{Case, Measure, ratio_text, share_above};

/// The position's worst case as a share of equity against `max_position_weight`; what only reduces passes.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let name = LimitName::MaxPositionWeight;
    let side = case.order.side;
    let values = case.sides.and_then(|s| s.side_value(side)).zip(case.with.and_then(|s| s.side_value(side)));
    let Some(((before, after), equity)) = values.zip(case.equity) else { return case.judge(name, None) };
    let reduces = case.reduces;
    let measure = Measure {
        now: ratio_text(before, equity),
        observed: ratio_text(after, equity),
        over: &|raw| !reduces && share_above(after, equity, raw),
    };
    case.judge(name, Some(measure))
}
