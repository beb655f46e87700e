//! Restricted list: symbols that may not be traded.

use crate::domain::limit::{CheckOutcome, CheckRecord, LimitName};
use crate::risk::limits::symbols;

use super::Case;

/// Whether the symbol is on a list that binds the account.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let name = LimitName::RestrictedSymbols;
    let spec = case.book.account.spec();
    let symbol = case.order.instrument.symbol;
    let mut record = case.plain(name.as_str(), name.code(), false);
    record.observed = symbol.to_string();
    for (scope, value) in case.limits.binding(name, spec.account, spec.kind, symbol) {
        let on = |v: Option<&crate::domain::limit::LimitValue>| {
            v.and_then(symbols).is_some_and(|s| s.contains(&symbol))
        };
        let outcome = match (on(value.hard.as_ref()), on(value.soft.as_ref())) {
            (true, _) => CheckOutcome::Breach,
            (false, true) => CheckOutcome::SoftBreach,
            (false, false) => continue,
        };
        record.scope = scope;
        record.threshold =
            value.hard.as_ref().or(value.soft.as_ref()).map(ToString::to_string).unwrap_or_default();
        record.outcome = outcome;
        if outcome == CheckOutcome::Breach {
            break;
        }
    }
    record
}
