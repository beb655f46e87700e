//! Vendors of market data: their names, what each kind of data is called, and what is remembered of a vendor's budget.
//!
//! A budget belongs to (vendor, key) and is shared by every process of a home through the market store; how it is
//! spent is `market::budget`'s business, and nothing here decides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::IdError;
use super::{CleanText, UnixNanos};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $known:literal: $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word used on the command line, in settings and in stores.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let unknown = || IdError::Unknown { kind: $kind, found: CleanText::new(text).to_string(), known: $known };
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(unknown)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }
    };
}

words!(
    /// Who market data comes from.
    VendorId, "vendor", "alpha_vantage, yahoo, polygon, asx":
    /// Alpha Vantage: 25 requests a day on the free plan.
    AlphaVantage = "alpha_vantage",
    /// Yahoo Finance: unofficial, best effort.
    Yahoo = "yahoo",
    /// Polygon.io, now Massive: United States only.
    Polygon = "polygon",
    /// The Australian exchange's own site: unofficial, best effort.
    Asx = "asx",
);

impl VendorId {
    /// Hosts that are its own.
    pub const fn hosts(self) -> &'static [&'static str] {
        match self {
            VendorId::AlphaVantage => &["www.alphavantage.co"],
            VendorId::Yahoo => &[
                "query2.finance.yahoo.com",
                "query1.finance.yahoo.com",
                "fc.yahoo.com",
                "feeds.finance.yahoo.com",
            ],
            VendorId::Polygon => &["api.massive.com", "api.polygon.io"],
            VendorId::Asx => &["asx.api.markitdigital.com"],
        }
    }
}

/// Hosts of Polygon's stream: the real-time and the delayed one, by their new and their old names.
pub const STREAM_HOSTS: &[&str] =
    &["socket.massive.com", "delayed.massive.com", "socket.polygon.io", "delayed.polygon.io"];
/// The host of Alpaca's paper trading; real money is traded on another.
pub const ALPACA_HOSTS: &[&str] = &["paper-api.alpaca.markets"];

words!(
    /// A kind of data a vendor may have.
    DataKind, "kind of data", "daily, grouped_daily, minutes, quotes, actions, fundamentals, news, search, directory, stream":
    /// Daily bars of one instrument.
    Daily = "daily",
    /// Daily bars of a whole market for one day, in one call.
    GroupedDaily = "grouped_daily",
    /// Minute bars.
    Minutes = "minutes",
    /// Last prices, bid and ask.
    Quotes = "quotes",
    /// Splits and dividends.
    Actions = "actions",
    /// Figures of companies.
    Fundamentals = "fundamentals",
    /// Headlines.
    News = "news",
    /// Finding instruments by name.
    Search = "search",
    /// Everything that is listed: names, sectors, delistings.
    Directory = "directory",
    /// Prices as they happen.
    Stream = "stream",
);

/// What a sync fetches by itself, and the word for it on the command line, in the terminal and in settings.
pub const SYNC_KINDS: &[(&str, DataKind)] = &[
    ("prices", DataKind::Daily),
    ("minutes", DataKind::Minutes),
    ("fundamentals", DataKind::Fundamentals),
    ("news", DataKind::News),
    ("listings", DataKind::Directory),
];

impl DataKind {
    /// The word for it where people name what is to be fetched.
    pub fn word(self) -> &'static str {
        SYNC_KINDS.iter().find(|(_, kind)| *kind == self).map_or(self.as_str(), |(word, _)| word)
    }
}

/// What is remembered of one vendor and key between requests and processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    /// Requests by window: its length in seconds, when it began, how many it has had.
    pub windows: Vec<WindowUse>,
    /// No request before this time, whatever the windows say.
    pub blocked_until: Option<UnixNanos>,
    /// Why, in plain words.
    pub reason: CleanText,
    /// Failures in a row.
    pub failures: u32,
    /// What the circuit does.
    pub circuit: Circuit,
    /// When a request last succeeded.
    pub last_success: Option<UnixNanos>,
    /// What went wrong last, in plain words, and when.
    pub last_error: Option<(UnixNanos, CleanText)>,
    /// Kinds of data that the plan turned out not to allow, and when that was found.
    pub refused: Vec<(DataKind, UnixNanos)>,
    /// Its words when it refused them.
    #[serde(default)]
    pub refused_said: Vec<(DataKind, CleanText)>,
    /// Kinds of data that it has given, and when it last did.
    #[serde(default)]
    pub allowed: Vec<(DataKind, UnixNanos)>,
    /// Kinds of data of which a test could find out neither, when it was, and why.
    #[serde(default)]
    pub untold: Vec<(DataKind, UnixNanos, CleanText)>,
    /// By how many seconds its clock was ahead of ours at its last answer, where that is too many; negative: behind.
    pub clock_ahead_seconds: Option<i64>,
}

/// How many requests one window of time has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUse {
    /// Length in seconds.
    pub seconds: u32,
    /// When it began.
    pub began: UnixNanos,
    /// Requests in it.
    pub used: u32,
}

/// Whether requests are let through after failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// They are.
    #[default]
    Closed,
    /// They are not, until `blocked_until`.
    Open,
    /// One is, to see.
    HalfOpen,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for vendor in VendorId::ALL {
            assert_eq!(vendor.as_str().parse::<VendorId>().unwrap(), *vendor);
        }
        for kind in DataKind::ALL {
            assert_eq!(kind.as_str().parse::<DataKind>().unwrap(), *kind);
        }
        let said = "goggle".parse::<VendorId>().unwrap_err().to_string();
        assert!(said.contains("alpha_vantage"), "{said}");
    }
}
