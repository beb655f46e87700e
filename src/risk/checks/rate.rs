//! Rate: orders of the account in the last sixty seconds, this one included.

use crate::domain::limit::{CheckRecord, LimitName};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{UnixNanos, limit::CheckOutcome};
use crate::risk::book::Book;

use super::{Case, Measure};

/// Window of the rate limit, in seconds.
pub const RATE_WINDOW_SECONDS: i64 = 60;

/// Orders taken in the window that ends now.
pub(in crate::risk) fn in_window(book: &Book<'_>) -> i64 {
    let inside = |t: &&UnixNanos| book.now.since(**t) < RATE_WINDOW_SECONDS * NANOS_PER_SECOND;
    i64::try_from(book.recent.iter().rev().take_while(inside).count()).unwrap_or(i64::MAX)
}

/// The number of orders against `max_orders_per_minute`; judging an order again in its place is not a new one.
pub fn check(case: &Case<'_>) -> CheckRecord {
    let before = in_window(case.book);
    let after = if case.draft.amends { before } else { before.saturating_add(1) };
    let measure = Measure { now: before.to_string(), observed: after.to_string(), over: &|raw| after > raw };
    let mut record = case.judge(LimitName::MaxOrdersPerMinute, Some(measure));
    if case.draft.amends {
        record.outcome = CheckOutcome::Passed;
    }
    record
}
