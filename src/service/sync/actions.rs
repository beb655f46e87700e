//! The same split or dividend told by two vendors is one.
//!
//! Who told it first stays; a vendor may correct itself, and one that knows the day of payment fills it in where the
//! other did not. What differs beyond rounding is a difference to be shown, and never a second action.

use crate::domain::market::{ActionKind, CorporateAction};
use crate::domain::{CleanText, InstrumentId, UnixNanos};
use crate::market::repair::{Change, Changed};
use crate::store::market as store;

/// Days within which two vendors may put the same action.
const DAYS_APART_MAX: i64 = 4;
/// Dividends differ when they are farther apart than one part in this many: vendors round, and restate for splits.
const ROUNDING: i128 = 200;

/// The name of a source that is no vendor.
const FILE: &str = "file";

/// Two vendors tell an action differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// What is stored.
    pub kept: CorporateAction,
    /// Who told it; empty for a file.
    pub of: CleanText,
    /// What another vendor tells.
    pub told: CorporateAction,
}

/// What follows from a vendor's actions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// To be stored.
    pub store: Vec<CorporateAction>,
    /// Told differently before.
    pub differences: Vec<Difference>,
}

/// Merges what a vendor tells into what is known.
pub(super) fn merge(
    known: &[(CorporateAction, CleanText)],
    told: &[CorporateAction],
    source: &str,
) -> Merged {
    let mut merged = Merged::default();
    for action in told {
        let same_kind = |k: &&(CorporateAction, CleanText)| is_split(&k.0.kind) == is_split(&action.kind);
        let on_day = known.iter().filter(same_kind).find(|(k, _)| k.date == action.date);
        let near = known.iter().filter(same_kind).find(|(k, of)| {
            let apart = k.date.signed_duration_since(action.date).num_days().abs();
            of.as_str() != source && apart <= DAYS_APART_MAX && is_same(&k.kind, &action.kind)
        });
        match on_day.or(near) {
            None => merged.store.push(action.clone()),
            Some((kept, of)) if of.as_str() == source => {
                if kept != action {
                    merged.store.push(action.clone());
                }
            }
            Some((kept, of)) => {
                if kept.date != action.date || !is_same(&kept.kind, &action.kind) {
                    let (kept, of, told) = (kept.clone(), of.clone(), action.clone());
                    merged.differences.push(Difference { kept, of, told });
                } else if let Some(fuller) = with_pay_date(kept, action) {
                    merged.store.push(fuller);
                }
            }
        }
    }
    merged
}

/// Where a source's splits and dividends differ from others', to be kept in the place of what was known of those days;
/// `None` when it told nothing.
pub(super) fn differing(
    (instrument, source, at): (InstrumentId, &CleanText, UnixNanos),
    told: &[CorporateAction],
    differences: &[Difference],
) -> Option<store::Differing> {
    let days = || told.iter().map(|action| action.date);
    let near = chrono::Days::new(DAYS_APART_MAX.unsigned_abs());
    let (first, last) = days().min().zip(days().max())?;
    let span = (first.checked_sub_days(near)?, last.checked_add_days(near)?);
    let mut found = Vec::new();
    for Difference { kept, of, told } in differences {
        let of = if of.is_empty() { CleanText::new(FILE) } else { of.clone() };
        let field = if is_split(&told.kind) { "split" } else { "dividend" };
        let mut days = vec![kept.date, told.date];
        days.dedup();
        for day in days {
            let says = |action: &CorporateAction| {
                if action.date == day { value(&action.kind) } else { no_value(&action.kind) }
            };
            let (mut sources, mut values) = ([of.clone(), source.clone()], [says(kept), says(told)]);
            if sources[0] > sources[1] {
                sources.reverse();
                values.reverse();
            }
            let field = CleanText::new(field);
            found.push(store::Disagreement { instrument, session: day, field, sources, values, at });
        }
    }
    Some(store::Differing { instrument, source: source.clone(), span, found })
}

/// New shares for one old, or money per share.
fn value(kind: &ActionKind) -> f64 {
    match kind {
        ActionKind::Split(ratio) => ratio.new.to_f64() / ratio.old.to_f64(),
        ActionKind::Dividend { amount, .. } => amount.to_f64(),
    }
}

/// What a source says of a day on which it tells none.
const fn no_value(kind: &ActionKind) -> f64 {
    match kind {
        ActionKind::Split(_) => 1.0,
        ActionKind::Dividend { .. } => 0.0,
    }
}

/// What was told and is so no more: actions that were repaired away from their day and kind.
pub(super) fn dropped(changes: &[Change], now: &[CorporateAction]) -> Vec<CorporateAction> {
    let before = changes.iter().filter_map(|change| match &change.what {
        Changed::Action { before, .. } => Some(before),
        Changed::Bar { .. } | Changed::Adjusted { .. } => None,
    });
    let stays =
        |a: &CorporateAction| now.iter().any(|b| a.date == b.date && is_split(&a.kind) == is_split(&b.kind));
    before.filter(|action| !stays(action)).cloned().collect()
}

const fn is_split(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Split(_))
}

fn is_same(a: &ActionKind, b: &ActionKind) -> bool {
    match (a, b) {
        (ActionKind::Split(a), ActionKind::Split(b)) => {
            let (left, right) = (wide(a.new.raw(), b.old.raw()), wide(b.new.raw(), a.old.raw()));
            left == right
        }
        (ActionKind::Dividend { amount: a, .. }, ActionKind::Dividend { amount: b, .. }) => {
            let (a, b) = (i128::from(a.raw()), i128::from(b.raw()));
            (a - b).abs() * ROUNDING <= a.max(b)
        }
        (ActionKind::Split(_), ActionKind::Dividend { .. })
        | (ActionKind::Dividend { .. }, ActionKind::Split(_)) => false,
    }
}

fn wide(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// The kept action with the day of payment that only the other one knows.
fn with_pay_date(kept: &CorporateAction, told: &CorporateAction) -> Option<CorporateAction> {
    let (ActionKind::Dividend { amount, pay_date }, ActionKind::Dividend { pay_date: known, .. }) =
        (kept.kind, told.kind)
    else {
        return None;
    };
    (pay_date == kept.date && known > told.date)
        .then(|| CorporateAction { kind: ActionKind::Dividend { amount, pay_date: known }, ..kept.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::market::SplitRatio;
    use crate::market::repair::Rule;

    fn split(date: &str, new: &str, old: &str) -> CorporateAction {
        let ratio = SplitRatio { new: new.parse().unwrap(), old: old.parse().unwrap() };
        let instrument = "AAPL.XNYS".parse().unwrap();
        CorporateAction { instrument, date: date.parse().unwrap(), kind: ActionKind::Split(ratio) }
    }

    fn dividend(date: &str, amount: &str, paid: &str) -> CorporateAction {
        let kind = ActionKind::Dividend { amount: amount.parse().unwrap(), pay_date: paid.parse().unwrap() };
        CorporateAction { instrument: "AAPL.XNYS".parse().unwrap(), date: date.parse().unwrap(), kind }
    }

    #[test]
    fn the_same_action_from_two_vendors_is_one() {
        let known = [
            (split("2020-08-31", "4", "1"), "yahoo".into()),
            (dividend("2020-08-07", "0.8200001", "2020-08-07"), "yahoo".into()),
        ];
        let told = [split("2020-08-31", "8", "2"), dividend("2020-08-07", "0.82", "2020-08-13")];
        let merged = merge(&known, &told, "polygon");
        assert_eq!(merged.store, [dividend("2020-08-07", "0.8200001", "2020-08-13")], "its pay date is new");
        assert!(merged.differences.is_empty());
    }

    #[test]
    fn what_differs_is_shown_and_not_doubled() {
        let known = [
            (split("2024-06-10", "10", "1"), "polygon".into()),
            (dividend("2024-01-05", "1", "2024-01-05"), "".into()),
        ];
        let told = [split("2024-06-07", "10", "1"), dividend("2024-01-05", "1.2", "2024-01-05")];
        let merged = merge(&known, &told, "yahoo");
        assert!(merged.store.is_empty());
        assert_eq!(merged.differences.len(), 2);
    }

    #[test]
    fn a_vendor_corrects_itself_and_new_actions_are_stored() {
        let known = [(dividend("2024-01-05", "1", "2024-01-05"), "yahoo".into())];
        let told = [dividend("2024-01-05", "1.2", "2024-01-05"), dividend("2024-04-05", "1.2", "2024-04-05")];
        assert_eq!(merge(&known, &told, "yahoo").store, told);
        assert!(merge(&known, &told[..0], "yahoo").store.is_empty());
    }

    #[test]
    fn a_dividend_that_was_moved_or_taken_out_is_dropped_on_its_old_day_only() {
        let change = |before: &CorporateAction, after: Option<&CorporateAction>| Change {
            session: before.date,
            rule: Rule::EarlyDividend,
            what: Changed::Action { before: before.clone(), after: after.cloned() },
        };
        let early = dividend("2024-01-04", "1", "2024-01-05");
        let right = dividend("2024-01-05", "1", "2024-01-05");
        let pence = dividend("2024-04-05", "120", "2024-04-05");
        let pounds = dividend("2024-04-05", "1.2", "2024-04-05");
        let changes = [change(&early, Some(&right)), change(&pence, Some(&pounds))];
        assert_eq!(dropped(&changes, &[right, pounds]), std::slice::from_ref(&early));
        assert_eq!(dropped(&[change(&early, None)], &[]), [early]);
    }
}
