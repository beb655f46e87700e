//! Rate: orders of the account in the last sixty seconds, this one included.

use crate::domain::Symbol;
use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;
use crate::domain::time::NANOS_PER_SECOND;
use crate::risk::book::{Book, Recent};

use super::scoped::scoped;
use super::{Control, Finding, Grain, Measure, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxOrdersPerMinute;

impl Control for MaxOrdersPerMinute {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOrdersPerMinute)
    }

    fn grain(&self) -> Grain {
        Grain::Name
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        // Judging an order again in its place is not a new one.
        let (now, new) = (i64::from(inputs.recent), i64::from(!inputs.amends));
        let count = |now, with| Some(Measure::span(now, with).unless(inputs.amends));
        scoped(inputs, LimitName::MaxOrdersPerMinute, count(now, now + new), |own, _| {
            count(own.now, own.with)
        })
    }
}

/// Window of the rate limit, in seconds.
pub const RATE_WINDOW_SECONDS: i64 = 60;

/// Orders taken in the window that ends now.
pub(in crate::risk) fn in_window(book: &Book<'_>) -> u32 {
    u32::try_from(inside(book).0).unwrap_or(u32::MAX)
}

/// Those of them in one symbol.
pub(in crate::risk) fn in_window_of(book: &Book<'_>, symbol: Symbol) -> u32 {
    let own = inside(book).1.filter(|order| order.instrument.symbol == symbol);
    u32::try_from(own.count()).unwrap_or(u32::MAX)
}

/// How many orders the window holds, and which.
fn inside<'b>(book: &Book<'b>) -> (usize, impl Iterator<Item = &'b Recent> + use<'b>) {
    // The oldest come first, so the first one inside ends the search: mostly the very first.
    let outside = |order: &Recent| book.now.since(order.time) >= RATE_WINDOW_SECONDS * NANOS_PER_SECOND;
    let before =
        if book.recent.front().is_some_and(outside) { book.recent.partition_point(outside) } else { 0 };
    (book.recent.len() - before, book.recent.iter().skip(before))
}
