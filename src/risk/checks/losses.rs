//! The loss controls as they are judged after each market event, without an order.

use crate::domain::limit::LimitName;
use crate::domain::{Money, RefusalCode, Symbol};
use crate::risk::book::Book;
use crate::risk::limits::LimitBook;

use super::{ratio_text, share_above};

/// A loss control that speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its code.
    pub code: RefusalCode,
    /// Its limit.
    pub limit: String,
    /// What was seen.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
}

/// Daily loss and drawdown above their hard limits; nothing when equity cannot be said.
pub fn losses(book: &Book<'_>, limits: &LimitBook) -> Vec<Loss> {
    if !limits.has(LimitName::MaxDailyLoss) && !limits.has(LimitName::MaxDrawdown) {
        return Vec::new();
    }
    let (Some(equity), Ok(any)) = (book.equity(), "X".parse::<Symbol>()) else { return Vec::new() };
    let spec = book.account.spec();
    let hardest = |name: LimitName| {
        let bounds =
            limits.binding(name, spec.account, spec.kind, any).filter_map(|(_, v)| v.hard.as_ref()?.raw());
        bounds.min()
    };
    let mut found = Vec::new();
    let lost = book.account.day_open().checked_sub(equity);
    if let Some((lost, bound)) = lost.zip(hardest(LimitName::MaxDailyLoss)).filter(|(l, b)| l.raw() > *b) {
        let threshold = Money::from_raw(bound).to_string();
        found.push(loss(LimitName::MaxDailyLoss, lost.to_string(), threshold));
    }
    let fall = book.peak.checked_sub(equity);
    let beyond = fall.zip(hardest(LimitName::MaxDrawdown)).filter(|(f, b)| share_above(*f, book.peak, *b));
    if let Some((fall, bound)) = beyond {
        let threshold = crate::domain::Ratio::from_raw(bound).to_string();
        found.push(loss(LimitName::MaxDrawdown, ratio_text(fall, book.peak), threshold));
    }
    found
}

fn loss(name: LimitName, observed: String, threshold: String) -> Loss {
    Loss { code: name.code(), limit: name.as_str().to_owned(), observed, threshold }
}
