//! Price collar: how far a limit price may lie on the wrong side of the reference price; passive prices pass.

use crate::domain::limit::{CheckRecord, LimitName};
use crate::domain::{Price, Ratio, Side};

use super::{Case, Measure};

/// The limit price's distance beyond the reference against `price_collar`.
pub fn check(case: &Case<'_>) -> CheckRecord {
    // What waits for a trigger is priced from there.
    let from = case.order.trigger_price.or(case.reference.map(|r| r.price));
    let Some(reference) = from.filter(|p| p.is_positive()) else {
        return case.judge(LimitName::PriceCollar, None);
    };
    // Without a limit the order trades at the reference itself.
    let limit = case.order.limit_price.unwrap_or(reference);
    let beyond = beyond(case.order.side, limit, reference);
    let wide = i128::from(beyond) * i128::from(Ratio::ONE_RAW);
    let base = i128::from(reference.raw());
    let distance =
        crate::domain::fixed::divide_half_even(wide, base).and_then(|r| Ratio::from_raw_wide(r).ok());
    let measure = Measure {
        now: "0".to_owned(),
        observed: distance.map(|d| d.to_string()).unwrap_or_default(),
        over: &|raw| wide > base * i128::from(raw),
    };
    case.judge(LimitName::PriceCollar, Some(measure))
}

/// How far a price lies on the costly side of the reference, in raw units; zero when it is passive.
fn beyond(side: Side, limit: Price, reference: Price) -> i64 {
    let distance = match side {
        Side::Buy => limit.raw().saturating_sub(reference.raw()),
        Side::Sell => reference.raw().saturating_sub(limit.raw()),
    };
    distance.max(0)
}
