//! Use of limits without an order: what a price, a fill or a change of a limit did to an account.
//!
//! Each level is told once, until the use falls below all of them. Above 100 percent is a passive breach: it is shown,
//! and nothing is traded away by it. Controls that stop new risk for a while are watched too: they speak once, and it
//! is told when what they said no longer holds.

use crate::domain::limit::{LimitName, LimitValue, Scope};

use crate::domain::{AccountSpec, RefusalCode};

use super::book::Book;
use super::checks::Loss;
use super::limits::LimitBook;
use super::utilisation;

/// Levels of use that are told, in percent; the last one is passed, not reached.
pub const LEVELS: [u8; 4] = [50, 75, 90, 100];

/// Limits whose controls speak, and fall silent, between orders.
const WATCHED: [LimitName; 6] = [
    LimitName::MaxPositionLoss,
    LimitName::MaxConsecutiveLosses,
    LimitName::LossCooldown,
    LimitName::MaxStopOuts,
    LimitName::LowProfitLock,
    LimitName::MaxRejectRate,
];

/// What was told of a figure that moves with prices is over only below this share of its hard value, in percent: on the
/// edge it would end and begin again and again.
const EASY_PERCENT: i128 = 90;

/// Whether anything that is watched is in force.
pub fn is_watching(limits: &LimitBook) -> bool {
    limits.in_force().any(|(name, _, _)| WATCHED.contains(&name))
}

/// The watched controls: each code, and what speaks where its hard value is passed. One whose use cannot be said, or is
/// on the edge, stays as it is and is not there.
pub fn watched(book: &Book<'_>, limits: &LimitBook) -> Vec<(RefusalCode, Option<Loss>)> {
    let spec = book.account.spec();
    WATCHED
        .iter()
        .filter_map(|name| spoken(book, limits, spec, *name).map(|loss| (name.code(), loss)))
        .collect()
}

/// Daily losses of an account's symbols and strategies above their hard values; nothing of what cannot be said.
pub fn lost_in_scopes(book: &Book<'_>, limits: &LimitBook) -> Vec<Loss> {
    let spec = book.account.spec();
    let name = LimitName::MaxDailyLoss;
    let own = limits.in_force().filter(|(n, scope, _)| {
        let is_apart = match scope {
            Scope::Symbol(_) | Scope::Strategy(_) => true,
            Scope::Firm | Scope::Account(_) => false,
        };
        *n == name && is_apart && utilisation::covers(*scope, spec)
    });
    own.filter_map(|(_, scope, value)| {
        let hard = value.hard.as_ref()?;
        let used = utilisation::observed(book, name, scope).filter(|used| passes(name, used, hard))?;
        let (limit, observed, threshold) = (name.as_str().to_owned(), used.to_string(), hard.to_string());
        Some(Loss { code: name.code(), scope: Some(scope), limit, observed, threshold })
    })
    .collect()
}

fn spoken(book: &Book<'_>, limits: &LimitBook, spec: &AccountSpec, name: LimitName) -> Option<Option<Loss>> {
    let own = limits.in_force().filter(|(n, scope, _)| *n == name && utilisation::covers(*scope, spec));
    let mut on_edge = false;
    for (_, scope, value) in own {
        let Some(hard) = value.hard.as_ref() else { continue };
        let Some(used) = utilisation::observed(book, name, scope) else {
            // Without a loss there is nothing to cool down from.
            if name == LimitName::LossCooldown { continue } else { return None }
        };
        if passes(name, &used, hard) {
            let (limit, observed, threshold) = (name.as_str().to_owned(), used.to_string(), hard.to_string());
            return Some(Some(Loss { code: name.code(), scope: None, limit, observed, threshold }));
        }
        on_edge |= is_on_edge(&used, hard);
    }
    (!on_edge).then_some(None)
}

/// Whether an amount or a share is little below its bound; counts have no edge.
fn is_on_edge(used: &LimitValue, hard: &LimitValue) -> bool {
    match (used, hard) {
        (LimitValue::Count(_), _) => false,
        (used, hard) => used
            .raw()
            .zip(hard.raw())
            .is_some_and(|(used, hard)| i128::from(used) * 100 > i128::from(hard) * EASY_PERCENT),
    }
}

fn passes(name: LimitName, used: &LimitValue, hard: &LimitValue) -> bool {
    if name.higher_is_looser() { used.raw() > hard.raw() } else { used.raw() < hard.raw() }
}

/// A level of use that was newly reached, or left altogether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Limit.
    pub limit: LimitName,
    /// Its scope.
    pub scope: Scope,
    /// Percent; 0 below all levels.
    pub level: u8,
    /// What is used.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
}

/// Limits on an account and its positions whose use reached a higher level than `told`, or fell below all of them.
/// A use that cannot be said, because a price is missing, tells nothing.
pub fn reached(book: &Book<'_>, limits: &LimitBook, told: impl Fn(LimitName, Scope) -> u8) -> Vec<Reached> {
    let watched = |name: LimitName| utilisation::is_of_account(name) || utilisation::is_of_one_name(name);
    let spec = book.account.spec();
    let mut found = Vec::new();
    for (limit, scope, value) in limits.in_force().filter(|(name, _, _)| watched(*name)) {
        let Some(hard) = value.hard.as_ref().filter(|_| utilisation::covers(scope, spec)) else { continue };
        let Some(used) = utilisation::observed(book, limit, scope) else { continue };
        let level = level(&used, hard);
        let before = told(limit, scope);
        if level > before || (level == 0 && before > 0) {
            let (observed, threshold) = (used.to_string(), hard.to_string());
            found.push(Reached { limit, scope, level, observed, threshold });
        }
    }
    found
}

fn level(used: &LimitValue, hard: &LimitValue) -> u8 {
    let Some((used, hard)) = used.raw().zip(hard.raw()) else { return 0 };
    if used > hard {
        return 100;
    }
    let share = |level: u8| i128::from(hard) * i128::from(level) <= i128::from(used) * 100;
    let below = LEVELS.iter().rev().copied().filter(|level| *level < 100);
    below.into_iter().find(|level| used > 0 && share(*level)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Money;

    #[test]
    fn a_level_is_reached_and_only_the_last_is_passed() {
        let money = |whole| LimitValue::Money(Money::from_whole(whole).unwrap());
        let at = |used| level(&money(used), &money(200));
        assert_eq!([0, 99, 100, 149, 150, 179, 180, 200, 201].map(at), [0, 0, 50, 50, 75, 75, 90, 90, 100]);
        assert_eq!(level(&money(0), &money(0)), 0);
        assert_eq!(level(&money(1), &money(0)), 100);
    }
}
