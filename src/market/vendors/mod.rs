//! The vendors, each by one template: what it can do, how a wish becomes a call, and how an answer is read.
//!
//! A vendor here is pure: it makes [`Call`]s and reads [`Response`]s, and touches no socket, clock or key. `fetch`
//! does the rest for all of them: budget, deadline, credentials, retries, paging. So a new vendor is one folder, and
//! its parser can be fuzzed.

pub mod alpha_vantage;
pub mod asx;
pub mod classify;
#[cfg(test)]
pub(in crate::market) mod fuzz;
pub mod json;
mod payload;
pub mod polygon;
#[cfg(test)]
pub(crate) mod recorded;
pub mod registry;
pub mod rows;
pub mod words;
pub mod yahoo;

use std::fmt;

use chrono::NaiveDate;

pub use payload::{
    Facts, Listing, Listings, MinuteBar, Minutes, News, Payload, Quotes, ScoredHeadline, Series, SessionText,
    VendorQuote, one_dividend_a_day,
};

use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{CleanText, Exchange, InstrumentId, Quarantined, UnixNanos};

/// What is wanted of a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Daily bars, both dates included; with splits and dividends where they come in the same answer.
    Daily {
        /// Instrument.
        instrument: InstrumentId,
        /// First session.
        from: NaiveDate,
        /// Last session.
        to: NaiveDate,
    },
    /// Daily bars of everything on one exchange on one day.
    GroupedDaily {
        /// Exchange.
        exchange: Exchange,
        /// Session.
        date: NaiveDate,
    },
    /// Minute bars, both dates included.
    Minutes {
        /// Instrument.
        instrument: InstrumentId,
        /// First session.
        from: NaiveDate,
        /// Last session.
        to: NaiveDate,
    },
    /// Last prices.
    Quotes(Vec<InstrumentId>),
    /// Splits with an ex-date in the span.
    Splits {
        /// Instrument.
        instrument: InstrumentId,
        /// First ex-date.
        from: NaiveDate,
        /// Last ex-date.
        to: NaiveDate,
    },
    /// Dividends with an ex-date in the span.
    Dividends {
        /// Instrument.
        instrument: InstrumentId,
        /// First ex-date.
        from: NaiveDate,
        /// Last ex-date.
        to: NaiveDate,
    },
    /// Splits of everything on one exchange with an ex-date in the span.
    MarketSplits {
        /// Exchange.
        exchange: Exchange,
        /// First ex-date.
        from: NaiveDate,
        /// Last ex-date.
        to: NaiveDate,
    },
    /// Dividends of everything on one exchange with an ex-date in the span.
    MarketDividends {
        /// Exchange.
        exchange: Exchange,
        /// First ex-date.
        from: NaiveDate,
        /// Last ex-date.
        to: NaiveDate,
    },
    /// Figures of a company.
    Fundamentals(InstrumentId),
    /// Headlines about instruments since a time; announcements on exchanges that have them.
    News {
        /// Instruments.
        instruments: Vec<InstrumentId>,
        /// Not before.
        since: UnixNanos,
    },
    /// Instruments by name.
    Search(CleanText),
    /// Everything listed on an exchange; `on` a day in the past where the vendor can.
    Directory {
        /// Exchange.
        exchange: Exchange,
        /// Day; today when `None`.
        on: Option<NaiveDate>,
    },
    /// The vendor's own session, for vendors that have one (Yahoo's cookie and crumb).
    Session,
}

impl Ask {
    /// The capability it needs; `None` for a session.
    pub const fn kind(&self) -> Option<DataKind> {
        match self {
            Ask::Daily { .. } => Some(DataKind::Daily),
            Ask::GroupedDaily { .. } => Some(DataKind::GroupedDaily),
            Ask::Minutes { .. } => Some(DataKind::Minutes),
            Ask::Quotes(_) => Some(DataKind::Quotes),
            Ask::Splits { .. }
            | Ask::Dividends { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. } => Some(DataKind::Actions),
            Ask::Fundamentals(_) => Some(DataKind::Fundamentals),
            Ask::News { .. } => Some(DataKind::News),
            Ask::Search(_) => Some(DataKind::Search),
            Ask::Directory { .. } => Some(DataKind::Directory),
            Ask::Session => None,
        }
    }
}

/// One HTTP GET: a path below the vendor's address, and parameters without any credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// Path from the root, such as `/v2/aggs/ticker/AAPL/range/1/day/2024-01-02/2024-01-31`.
    pub path: String,
    /// Another of [`Vendor::hosts`] that answers this; an address of this machine answers for all of them.
    pub host: Option<&'static str>,
    /// Parameters, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Whether the vendor's session (cookie and crumb) must go with it.
    pub needs_session: bool,
    /// How often this answer was continued; a bound against endless paging.
    pub page: u32,
}

impl Call {
    /// A call of a path.
    pub fn to(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }
}

/// Where a vendor wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// It has none.
    Nowhere,
    /// In a parameter of this name.
    Query(&'static str),
    /// In `Authorization: Bearer`.
    Bearer,
}

/// Requests that a vendor's plan allows in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Length of the window, in seconds (86,400: a day).
    pub seconds: u32,
    /// Most requests in it.
    pub requests: u32,
}

/// An answer as it came, its body bounded.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// HTTP status.
    pub status: u16,
    /// Value of `Retry-After`, if any.
    pub retry_after: Option<&'a str>,
    /// Values of `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Unix seconds), if any.
    pub remaining: Option<(u32, i64)>,
    /// Content type as told; never believed.
    pub content_type: &'a str,
    /// Body, after decompression.
    pub body: &'a [u8],
    /// When it came.
    pub now: UnixNanos,
}

/// What an answer turned out to be. Classified by body before status.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// What was asked for, or a page of it.
    Data(Box<Page>),
    /// A good answer without anything in it.
    Empty,
    /// The vendor does not know the instrument. Not the same as delisted.
    NotFound,
    /// Too many requests; not before this time.
    RateLimited {
        /// When to try again.
        until: UnixNanos,
        /// The vendor's words, or ours.
        said: CleanText,
    },
    /// The day's requests are used up.
    QuotaSpent {
        /// When to try again.
        until: UnixNanos,
        /// The vendor's words.
        said: CleanText,
    },
    /// The plan does not include this kind of data.
    NotEntitled {
        /// The vendor's words.
        said: CleanText,
    },
    /// The vendor says that the request is wrong. No use in repeating it.
    BadRequest(CleanText),
    /// The key is refused.
    AuthFailed(CleanText),
    /// A wall for robots, a consent page, a redirect to somewhere else.
    Blocked(CleanText),
    /// Not what it must be: broken JSON, another shape. May be tried again.
    Malformed(CleanText),
    /// The vendor has a bad moment (5xx).
    Transient(CleanText),
    /// The session is no longer good: make a new one and try once more.
    SessionOver,
    /// The place in a longer answer is no longer known: begin again behind what is stored.
    CursorExpired,
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The good part.
    pub payload: Payload,
    /// The rows that may not be stored, each with its reason; `file` is the vendor's name, `line` the row from 1.
    pub rejected: Vec<Quarantined>,
    /// Where it goes on. Never leads to another host.
    pub next: Option<Call>,
}

impl Page {
    /// A last page.
    pub fn last(payload: Payload, rejected: Vec<Quarantined>) -> Reply {
        Reply::Data(Box::new(Page { payload, rejected, next: None }))
    }
}

/// One vendor of market data.
pub trait Vendor: fmt::Debug + Send + Sync {
    /// Which.
    fn id(&self) -> VendorId;

    /// Its own address, the default of its setting.
    fn url(&self) -> &'static str;

    /// Hosts that are its own.
    fn hosts(&self) -> &'static [&'static str] {
        self.id().hosts()
    }

    /// Where its key goes.
    fn key_place(&self) -> KeyPlace;

    /// Requests of the smallest plan.
    fn allowances(&self) -> &'static [Allowance];

    /// What it has for an exchange, by our reading of its documents; the plan may allow less.
    fn has(&self, kind: DataKind, exchange: Exchange) -> bool;

    /// How many days back it keeps minutes; `None` where it names no bound.
    fn minute_days_max(&self) -> Option<u64> {
        None
    }

    /// The first call for a wish; `None` when it has no such thing.
    fn call(&self, ask: &Ask, now: UnixNanos) -> Option<Call>;

    /// Reads an answer.
    fn read(&self, ask: &Ask, call: &Call, response: &Response<'_>) -> Reply;
}
