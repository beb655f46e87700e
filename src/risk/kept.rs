//! What a past decision kept for a limit that somebody drafts later. Figures that only some limits ask for are gathered
//! while one of those stands; without it they are not in the record, and what is not there is never taken for a pass.

use crate::domain::decision::{Bound, Inputs, Own, Span};
use crate::domain::limit::{LimitName, LimitValue, Scope};

use super::checks::{Control, NEED_FACTS, is_apart, needs_facts};

/// Limits whose figures are gathered while any one of the same row stands; a limit belongs to the first row that names
/// it. Figures of all others are always kept.
const TOGETHER: [&[LimitName]; 12] = [
    &[LimitName::MaxVar95, LimitName::MaxVar99, LimitName::MaxShortfall95, LimitName::MaxShortfall99],
    &[LimitName::MaxBeta],
    // Volumes come with all facts of the market.
    &NEED_FACTS,
    &[LimitName::MaxFirmGrossExposure, LimitName::MaxFirmNetExposure],
    &[LimitName::MaxUnsettledUse],
    &[LimitName::MaxCurrencyExposure],
    &[LimitName::MaxMessagesPerMinute],
    &[LimitName::MaxFirmMessagesPerMinute],
    &[LimitName::MaxRejectRate],
    &[LimitName::MaxStopOuts],
    &[LimitName::LowProfitLock],
    &[LimitName::MaxStaticDrawdown],
];

/// What a record has for one limit of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Its figure was looked for: what is missing now was missing then.
    Looked,
    /// The figure of its scope follows from others.
    Follows(Own),
    /// Of its scope's figure only a part: what is over with that is over with the whole.
    Part(Own),
    /// Nobody had limited it, so its figure was not looked for; it may be there all the same.
    Nothing,
    /// The same of a figure that says nothing of whether it was looked for.
    Silence,
}

/// What a record has for a limit that is drafted.
pub(super) fn kept(inputs: &Inputs, drafted: &Bound) -> Kept {
    let Bound { name, scope, .. } = *drafted;
    if is_apart(name, scope) {
        return kept_apart(inputs, name, scope);
    }
    let stood = |name: &LimitName| inputs.limits.iter().any(|bound| bound.name == *name);
    let seen = |looked: bool| if looked { Kept::Looked } else { Kept::Silence };
    match name {
        // Only orders inside the longest window that stood were looked at.
        LimitName::DuplicateOrderWindow => {
            let looked = inputs.limits.iter().filter_map(|bound| longest(bound, name)).max();
            seen(inputs.like_it.is_some() || looked >= longest(drafted, name))
        }
        // Older records always name the first one; what waits for its parent meets none.
        LimitName::MaxSelfTrades => seen(inputs.waits_for_parent || inputs.crosses.is_some() || stood(&name)),
        _ => match TOGETHER.iter().find(|limits| limits.contains(&name)) {
            Some(limits) if !limits.iter().any(stood) => Kept::Nothing,
            Some(_) | None => Kept::Looked,
        },
    }
}

fn kept_apart(inputs: &Inputs, name: LimitName, scope: Scope) -> Kept {
    if inputs.limits.iter().any(|b| (b.name, b.scope) == (name, scope) && b.own.is_some()) {
        return Kept::Looked;
    }
    // What a strategy holds does not follow from what its account holds.
    if matches!(scope, Scope::Strategy(_)) {
        return Kept::Nothing;
    }
    // The order's own side of its name; beyond nothing it is the net of it, and never more than the worse side.
    let side = inputs.position.map(|span| Span { now: span.now.raw(), with: span.with.raw() });
    let side = side.map(|span| Own { span: Some(span), reduces: None });
    match (name, side) {
        (LimitName::MaxNetExposure, Some(own)) if own.span.is_some_and(|span| span.with > 0) => {
            Kept::Follows(own)
        }
        (LimitName::MaxGrossExposure, Some(own)) => Kept::Part(own),
        _ => Kept::Nothing,
    }
}

/// Whether an order passes a limit whatever its figure was: what only makes a position smaller, and of counts of
/// orders what is no new one. What needs facts may have lacked them, and then passes nothing; what makes an account's
/// position smaller may make that of its strategy larger.
pub(super) fn passes_anyway(control: &dyn Control, inputs: &Inputs, name: LimitName, scope: Scope) -> bool {
    let of_strategy = matches!(scope, Scope::Strategy(_)) && is_apart(name, scope);
    let reduces =
        inputs.reduces && !of_strategy && control.spares_reductions() && !needs_facts(name.as_str());
    let counts = matches!(
        name,
        LimitName::MaxOpenOrders | LimitName::MaxOrdersPerMinute | LimitName::DuplicateOrderWindow
    );
    reduces || (inputs.amends && counts)
}

/// The longest window of a bound of this name.
fn longest(bound: &Bound, name: LimitName) -> Option<i64> {
    let values = bound.hard.iter().chain(&bound.soft).filter(|_| bound.name == name);
    values.filter_map(LimitValue::raw).max()
}
