//! Why a fetch brought nothing, in plain words and with a stable code.

use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, UnixNanos};

/// A fetch that brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{vendor}: {why}")]
pub struct FetchError {
    /// Whose.
    pub vendor: VendorId,
    /// Why.
    pub why: Why,
}

/// Why a fetch brought nothing. Texts are clean of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It wants a key and there is none.
    #[error("no key is known; set one with 'qlib-pro key set {0}'")]
    NoKey(VendorId),
    /// It has no such data at all.
    #[error("it has no such data")]
    HasNoSuchData,
    /// It no longer has minutes of the days that are wished.
    #[error("it keeps minutes for {days} days only; name later days, or another vendor")]
    TooOld {
        /// How many.
        days: u64,
    },
    /// It does not know the instrument.
    #[error("it does not know this symbol")]
    NotFound,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited {
        /// Not before.
        until: UnixNanos,
        /// Its words.
        said: CleanText,
    },
    /// The day's requests are used up.
    #[error("the day's requests are used up; next try {until}")]
    QuotaSpent {
        /// Not before.
        until: UnixNanos,
        /// Its words.
        said: CleanText,
    },
    /// No request goes now, and it would take too long to wait.
    #[error("{said}; next try {until}")]
    Paused {
        /// Not before.
        until: UnixNanos,
        /// Why.
        said: CleanText,
    },
    /// The plan does not include it.
    #[error("the plan does not include {kind} data")]
    NotEntitled {
        /// What.
        kind: DataKind,
        /// Its words.
        said: CleanText,
    },
    /// It says that the request is wrong.
    #[error("it refuses the request: {0}")]
    BadRequest(CleanText),
    /// It does not take the key or session.
    #[error("it does not take the key: {0}")]
    AuthFailed(CleanText),
    /// A wall for robots, a consent page, a redirect.
    #[error("it is blocked: {0}")]
    Blocked(CleanText),
    /// An answer that is not what it must be.
    #[error("its answer cannot be read: {0}")]
    Malformed(CleanText),
    /// Its prices are in other terms than those that are stored of it.
    #[error("its rows cannot be stored: {0}")]
    OtherTerms(CleanText),
    /// It gave rows, and not one of them is good.
    #[error("none of the {rows} rows of its answer is good ({first}); they are set aside")]
    NothingGood {
        /// How many.
        rows: usize,
        /// Reason of the first.
        first: &'static str,
    },
    /// It multiplied all its prices and told no split for it.
    #[error(
        "its prices are {ratio} times what is stored of it, and no split is told for that; the rows are set aside"
    )]
    Restated {
        /// By what.
        ratio: CleanText,
    },
    /// Its restated history is shorter than what is stored.
    #[error("its restated history is too short, what is stored stays as it is: {0}")]
    TooShort(CleanText),
    /// A bad moment.
    #[error("it failed: {0}")]
    Transient(CleanText),
    /// Nobody answers.
    #[error("it cannot be reached: {0}")]
    Offline(CleanText),
    /// The answer did not end in time.
    #[error("its answer took longer than {}", span((*total_ms).cast_signed()))]
    Slow {
        /// The deadline, in milliseconds.
        total_ms: u64,
    },
    /// The answer is too large.
    #[error("its answer is larger than {} MB", body_bytes_max >> 20)]
    TooLarge {
        /// The bound, in bytes.
        body_bytes_max: usize,
    },
    /// The pages of the answer go round in a circle, or on and on.
    #[error("the pages of its answer do not end")]
    Endless,
    /// The place in a longer answer is no longer known.
    #[error("it no longer knows the place in its answer")]
    CursorExpired,
    /// Ended by a person.
    #[error("canceled")]
    Canceled,
    /// The shared budget could not be read or written.
    #[error("the budget cannot be kept: {0}")]
    Book(CleanText),
}

impl Why {
    /// A stable word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Why::NoKey(_) => "NO_KEY",
            Why::HasNoSuchData => "NO_SUCH_DATA",
            Why::TooOld { .. } => "TOO_OLD",
            Why::NotFound => "NOT_FOUND",
            Why::RateLimited { .. } => "RATE_LIMITED",
            Why::QuotaSpent { .. } => "QUOTA_SPENT",
            Why::Paused { .. } => "PAUSED",
            Why::NotEntitled { .. } => "NOT_ENTITLED",
            Why::BadRequest(_) => "BAD_REQUEST",
            Why::AuthFailed(_) => "AUTH_FAILED",
            Why::Blocked(_) => "BLOCKED",
            Why::Malformed(_) => "MALFORMED",
            Why::OtherTerms(_) => "BASIS_CONFLICT",
            Why::NothingGood { .. } => "NO_GOOD_ROW",
            Why::Restated { .. } => "RESTATED",
            Why::TooShort(_) => "HISTORY_TOO_SHORT",
            Why::Transient(_) => "TRANSIENT",
            Why::Offline(_) => "OFFLINE",
            Why::Slow { .. } => "TOO_SLOW",
            Why::TooLarge { .. } => "TOO_LARGE",
            Why::Endless => "ENDLESS",
            Why::CursorExpired => "CURSOR_EXPIRED",
            Why::Canceled => "CANCELED",
            Why::Book(_) => "NO_BUDGET_STORE",
        }
    }

    /// Whether the next instrument would meet the same: the vendor is left alone for the rest of a run.
    pub const fn is_vendor_wide(&self) -> bool {
        matches!(
            self,
            Why::NoKey(_)
                | Why::QuotaSpent { .. }
                | Why::RateLimited { .. }
                | Why::Paused { .. }
                | Why::AuthFailed(_)
                | Why::Blocked(_)
                | Why::Offline(_)
                | Why::Canceled
                | Why::Book(_)
        )
    }
}

/// A length of time for people.
pub(super) fn span(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{millis} ms"),
        1_000..100_000 => format!("{} s", (millis + 999) / 1_000),
        100_000..6_000_000 => format!("{} min", (millis + 59_999) / 60_000),
        _ => format!("{} h", (millis + 3_599_999) / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_missing_key_can_be_typed_as_it_stands() {
        let error = FetchError { vendor: VendorId::Polygon, why: Why::NoKey(VendorId::Polygon) };
        let said = "polygon: no key is known; set one with 'qlib-pro key set polygon'";
        assert_eq!(error.to_string(), said);
    }
}
