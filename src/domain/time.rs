//! Instants as UTC nanoseconds, and the [`Clock`] that hands them in from outside.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::serial::Short;

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
    /// Number of its date in UTC, as `chrono` counts days: 0001-01-01 is day 1.
    pub const fn date_number(self) -> i64 {
        self.0.div_euclid(DAY_SECONDS * NANOS_PER_SECOND) + EPOCH_DATE_NUMBER
    }
    /// Its date in UTC.
    pub fn date(self) -> NaiveDate {
        let date = i32::try_from(self.date_number()).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
        date.unwrap_or(NaiveDate::MIN)
    }
    /// As a `chrono` UTC date and time.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

impl fmt::Display for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(text_of(self.0).as_str())
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

/// Seconds in a day.
const DAY_SECONDS: i64 = 86_400;
/// Number of 1970-01-01 among the days since 0001-01-01, which is day 1.
const EPOCH_DATE_NUMBER: i64 = 719_163;
/// Days from 0000-03-01 to 1970-01-01, and in 400 years (proleptic Gregorian calendar).
const DAYS_TO_EPOCH: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The shortest exact text: no fraction, or 3, 6 or 9 digits of it. Years of an `i64` of nanoseconds have four digits.
fn text_of(nanos: i64) -> Short {
    let (seconds, fraction) = (nanos.div_euclid(NANOS_PER_SECOND), nanos.rem_euclid(NANOS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    // Howard Hinnant's civil_from_days: years that begin in March, in eras of 400.
    let shifted = days + DAYS_TO_EPOCH;
    let (era, day) = (shifted.div_euclid(DAYS_OF_400_YEARS), shifted.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let mut text = Short::new();
    let parts =
        [(b'-', month), (b'-', date), (b'T', second / 3_600), (b':', second / 60 % 60), (b':', second % 60)];
    text.number(year.unsigned_abs(), 4);
    for (before, part) in parts {
        text.push(before);
        text.number(part.unsigned_abs(), 2);
    }
    let (value, digits) = match fraction {
        0 => (0, 0),
        f if f % 1_000_000 == 0 => (f / 1_000_000, 3),
        f if f % 1_000 == 0 => (f / 1_000, 6),
        f => (f, 9),
    };
    if digits > 0 {
        text.push(b'.');
        text.number(value.unsigned_abs(), digits);
    }
    text.push(b'Z');
    text
}

/// Reads the texts that [`text_of`] writes; `None` for any other, which may be a time all the same.
fn quickly(text: &str) -> Option<i64> {
    let (date, rest) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let field = |text: &str, from: usize, to: usize| -> Option<i64> {
        text.get(from..to).filter(|t| plain(t))?.parse().ok()
    };
    let marks = |text: &str, mark: u8, places: [usize; 2]| {
        places.iter().all(|at| text.as_bytes().get(*at) == Some(&mark))
    };
    if date.len() != 10 || time.len() != 8 || !marks(date, b'-', [4, 7]) || !marks(time, b':', [2, 5]) {
        return None;
    }
    let (year, month, day) = (field(date, 0, 4)?, field(date, 5, 7)?, field(date, 8, 10)?);
    let (hour, minute, second) = (field(time, 0, 2)?, field(time, 3, 5)?, field(time, 6, 8)?);
    let nanos = match fraction.len() {
        0 if !rest.contains('.') => 0,
        digits @ (3 | 6 | 9) => field(fraction, 0, digits)? * 10_i64.pow(9 - digits as u32),
        _ => return None,
    };
    // The range in which an i64 of nanoseconds cannot overflow, and the days that every month has.
    if !(1700..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Howard Hinnant's days_from_civil.
    let shifted = year - i64::from(month <= 2);
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * DAYS_OF_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_EPOCH;
    Some((days * DAY_SECONDS + hour * 3_600 + minute * 60 + second) * NANOS_PER_SECOND + nanos)
}

impl FromStr for UnixNanos {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Some(nanos) = quickly(text) {
            return Ok(UnixNanos(nanos));
        }
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
        super::serial::from_text(d)
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
    fn its_texts_are_those_of_the_calendar_library_both_ways() {
        let mut nanos = i64::MIN;
        for step in 0..200_000_i64 {
            let time = UnixNanos(nanos);
            let expected = time.to_datetime().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            assert_eq!(time.to_string(), expected);
            let known = DateTime::parse_from_rfc3339(&expected).unwrap().timestamp_nanos_opt();
            assert_eq!(expected.parse().ok(), known.map(UnixNanos), "{expected}");
            let unit = [1, 1_000, 1_000_000, NANOS_PER_SECOND][step as usize % 4];
            nanos = nanos.saturating_add(i64::MAX / 100_001 + step) / unit * unit;
        }
        for odd in
            ["2024-02-30T00:00:00Z", "2024-01-02T24:00:00Z", "2024-01-02T00:00:00.Z", "2024-1-2T0:0:0Z"]
        {
            assert_eq!(odd.parse::<UnixNanos>(), Err(TimeError), "{odd}");
        }
    }

    #[test]
    fn refuses_other_zones() {
        assert_eq!("2024-01-02T14:30:00+01:00".parse::<UnixNanos>(), Err(TimeError));
    }
}
