//! The loss controls as they are judged after each market event, without an order.

use crate::domain::limit::{LimitName, LimitValue, Scope};
use crate::domain::{Money, Ratio, RefusalCode};
use crate::risk::book::Book;
use crate::risk::limits::{LimitBook, Target};

use super::share_above;

/// A loss control that speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its code.
    pub code: RefusalCode,
    /// The symbol or strategy whose limit it is, where it is not one of the account.
    pub scope: Option<Scope>,
    /// Its limit.
    pub limit: String,
    /// What was seen.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
}

/// Daily loss and drawdowns above their hard limits; nothing when equity cannot be said.
pub fn losses(book: &Book<'_>, limits: &LimitBook) -> Vec<Loss> {
    let target = Target::account(book.account.spec());
    let (mut daily, mut deepest, mut lowest): (Option<i64>, Option<i64>, Option<i64>) = (None, None, None);
    for (name, _, value) in limits.binding(&target) {
        let raw = value.hard.as_ref().and_then(LimitValue::raw);
        let place = match name {
            LimitName::MaxDailyLoss => &mut daily,
            LimitName::MaxDrawdown => &mut deepest,
            LimitName::MaxStaticDrawdown => &mut lowest,
            _ => continue,
        };
        *place = place.iter().copied().chain(raw).min();
    }
    if daily.is_none() && deepest.is_none() && lowest.is_none() {
        return Vec::new();
    }
    let Some(equity) = book.equity() else { return Vec::new() };
    let mut found = Vec::new();
    let lost = book.account.day_profit(equity).and_then(Money::checked_neg);
    if let Some((lost, bound)) = lost.zip(daily).filter(|(l, b)| l.raw() > *b) {
        let threshold = Money::from_raw(bound).to_string();
        found.push(loss(LimitName::MaxDailyLoss, lost.to_string(), threshold));
    }
    let peak = (LimitName::MaxDrawdown, Some(book.peak), deepest);
    let capital = (LimitName::MaxStaticDrawdown, book.account.capital(), lowest);
    for (name, from, bound) in [peak, capital] {
        let fall = from.and_then(|from| Some((from.checked_sub(equity)?, from)));
        if let Some(((fall, from), bound)) = fall.zip(bound).filter(|((f, of), b)| share_above(*f, *of, *b)) {
            let seen = fall.share_of(from).map(|r| r.to_string()).unwrap_or_default();
            found.push(loss(name, seen, Ratio::from_raw(bound).to_string()));
        }
    }
    found
}

fn loss(name: LimitName, observed: String, threshold: String) -> Loss {
    Loss { code: name.code(), scope: None, limit: name.as_str().to_owned(), observed, threshold }
}
