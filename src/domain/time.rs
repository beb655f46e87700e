//! Instants as UTC nanoseconds, and the [`Clock`] that hands them in from outside.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(i64);

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const NANOS_PER_MILLI: i64 = 1_000_000;

impl UnixNanos {
    /// The epoch.
    pub const ZERO: UnixNanos = UnixNanos(0);
    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
    /// From whole seconds since the epoch, saturating.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }
    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// Later by `nanos`, saturating.
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
    /// Later by `millis` milliseconds, saturating.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(NANOS_PER_MILLI)))
    }
    /// Nanoseconds from `earlier` to here, saturating; negative when `earlier` is later.
    pub const fn since(self, earlier: UnixNanos) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
    /// As a `chrono` UTC date and time.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

impl fmt::Display for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not an RFC 3339 time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an RFC 3339 time in UTC such as 2024-01-02T14:30:00Z")]
pub struct TimeError;

impl FromStr for UnixNanos {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError)?;
        if time.offset().local_minus_utc() != 0 {
            return Err(TimeError);
        }
        time.timestamp_nanos_opt().map(UnixNanos).ok_or(TimeError)
    }
}

impl Serialize for UnixNanos {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixNanos {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(|e| serde::de::Error::custom(format!("'{text}' {e}")))
    }
}

/// Where wall time comes from. The pure rooms get instants as arguments; only the outer rooms hold a clock.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> UnixNanos;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_shortest_exact_time() {
        for text in ["2024-01-02T14:30:00Z", "2024-01-02T14:30:00.500Z", "2024-01-02T14:30:00.000000001Z"] {
            assert_eq!(text.parse::<UnixNanos>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_other_zones() {
        assert_eq!("2024-01-02T14:30:00+01:00".parse::<UnixNanos>(), Err(TimeError));
    }
}
