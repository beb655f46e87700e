//! Dates and times as files write them.
//!
//! A day is `YYYY-MM-DD`. A time of day may follow (as data frames write it) and is checked but not used: the date is
//! taken as written, since a daily row names its trading day. A moment is RFC 3339 or a wall time read as UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::domain::UnixNanos;

/// A day, from `YYYY-MM-DD` with or without a time behind it.
pub(in crate::market) fn parse_day(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = parse_iso_day(day.as_bytes())?;
    (rest.is_empty() || is_time(rest)).then_some(day)
}

/// A day written `YYYYMMDD`.
pub(super) fn parse_compact_day(text: &str) -> Option<NaiveDate> {
    let &[y1, y2, y3, y4, m1, m2, d1, d2] = text.as_bytes() else { return None };
    parse_iso_day(&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2])
}

fn parse_iso_day(text: &[u8]) -> Option<NaiveDate> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

/// Whether a text is a time of day behind a date, such as `T00:00:00Z` or ` 16:00:00-05:00`.
fn is_time(text: &str) -> bool {
    let Some(time) = text.strip_prefix(['T', 't', ' ']) else { return false };
    let time = time.trim_end_matches(['Z', 'z']);
    let clock = time.find(['+', '-']).and_then(|at| time.get(..at)).unwrap_or(time);
    ["%H:%M", "%H:%M:%S%.f"].iter().any(|form| NaiveTime::parse_from_str(clock, form).is_ok())
}

/// A moment: RFC 3339 with any offset, a wall time in UTC, or a day, which stands for its last second in UTC so that
/// nothing is known before it was.
pub(super) fn parse_moment(text: &str) -> Option<UnixNanos> {
    let nanos = |time: DateTime<_>| time.timestamp_nanos_opt().map(UnixNanos::from_nanos);
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return nanos(time.to_utc());
    }
    if text.len() == 10 {
        return nanos(parse_day(text)?.and_hms_opt(23, 59, 59)?.and_utc());
    }
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    nanos(time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_iso_with_or_without_a_time() {
        let good = [
            "2024-02-29",
            "2024-02-29T00:00:00Z",
            "2024-02-29 00:00:00",
            "2024-02-29 16:00:00-05:00",
            "2024-02-29 09:30",
            "2024-02-29T00:00:00.000+00:00",
        ];
        for text in good {
            assert_eq!(parse_day(text).map(|d| d.to_string()).as_deref(), Some("2024-02-29"), "{text}");
        }
        for text in
            ["", "2023-02-29", "29/02/2024", "20240229", "2024-2-29", "2024-02-29x", "2024-02-29 25:00"]
        {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }

    #[test]
    fn moments_become_utc() {
        let cases = [
            ("2024-01-02T09:30:00-05:00", "2024-01-02T14:30:00Z"),
            ("2024-01-02T14:30:00Z", "2024-01-02T14:30:00Z"),
            ("2024-01-02 14:30:00", "2024-01-02T14:30:00Z"),
            ("2024-01-02 14:30", "2024-01-02T14:30:00Z"),
            ("2024-01-02", "2024-01-02T23:59:59Z"),
        ];
        for (text, utc) in cases {
            assert_eq!(parse_moment(text).map(|t| t.to_string()).as_deref(), Some(utc), "{text}");
        }
        assert_eq!(parse_moment("yesterday"), None);
    }
}
