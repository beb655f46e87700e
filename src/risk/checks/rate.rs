//! Rate: orders of the account in the last sixty seconds, this one included.

use crate::domain::decision::Inputs;
use crate::domain::limit::LimitName;
use crate::domain::time::NANOS_PER_SECOND;
use crate::risk::book::{Book, Recent};

use super::{Control, Finding, Measure, Rule, bounded};

/// The control.
#[derive(Debug)]
pub struct MaxOrdersPerMinute;

impl Control for MaxOrdersPerMinute {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxOrdersPerMinute)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        // Judging an order again in its place is not a new one.
        let (now, new) = (i64::from(inputs.recent), i64::from(!inputs.amends));
        let count = Measure::span(now, now + new).unless(inputs.amends);
        bounded(inputs, LimitName::MaxOrdersPerMinute, Some(count))
    }
}

/// Window of the rate limit, in seconds.
pub const RATE_WINDOW_SECONDS: i64 = 60;

/// Orders taken in the window that ends now.
pub(in crate::risk) fn in_window(book: &Book<'_>) -> u32 {
    // The oldest come first, so the first one inside ends the search: mostly the very first.
    let outside = |order: &Recent| book.now.since(order.time) >= RATE_WINDOW_SECONDS * NANOS_PER_SECOND;
    let before =
        if book.recent.front().is_some_and(outside) { book.recent.partition_point(outside) } else { 0 };
    let inside = book.recent.len() - before;
    u32::try_from(inside).unwrap_or(u32::MAX)
}
