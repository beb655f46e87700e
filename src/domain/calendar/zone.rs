//! Zone rules: the only file that knows what a time zone is.
//!
//! Rules come from the time zone database compiled into the program, never from the machine's own, so the same
//! session has the same instant everywhere. A [`Zone`] is read once into a sorted list of offset changes;
//! look-ups after that are a binary search.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::domain::time::{NANOS_PER_SECOND, UnixNanos};

/// First instant whose offset changes are listed, in seconds since the epoch (1980-01-01).
const FIRST_CHANGE_SECONDS: i64 = 315_532_800;
/// Last instant whose offset changes are listed, in seconds since the epoch (2100-01-01).
const LAST_CHANGE_SECONDS: i64 = 4_102_444_800;

/// One place's offsets from UTC, 1980 to 2099. Before and after, the nearest known offset holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Offset before the first change, in seconds.
    first: i64,
    /// (first second at which it holds, offset in seconds), sorted.
    changes: Vec<(i64, i64)>,
}

impl Zone {
    /// A zone that is always UTC.
    pub const fn utc() -> Self {
        Self { first: 0, changes: Vec::new() }
    }

    /// Reads a zone such as `America/New_York` from the bundled database; `None` when it is not there.
    pub fn bundled(name: &str) -> Option<Self> {
        let rules: TimeZone = TimeZoneDatabase::bundled().get(name).ok()?;
        let start = Timestamp::from_second(FIRST_CHANGE_SECONDS).ok()?;
        let first = i64::from(rules.to_offset(start).seconds());
        let changes = rules
            .following(start)
            .map(|change| (change.timestamp().as_second(), i64::from(change.offset().seconds())))
            .take_while(|(second, _)| *second < LAST_CHANGE_SECONDS)
            .collect();
        Some(Self { first, changes })
    }

    /// Offset from UTC in force at a second since the epoch, in seconds (east is positive).
    fn offset_at(&self, second: i64) -> i64 {
        let after = self.changes.partition_point(|(from, _)| *from <= second);
        let last = after.checked_sub(1).and_then(|i| self.changes.get(i));
        last.map_or(self.first, |(_, offset)| *offset)
    }

    /// Offset from UTC at an instant, in seconds (east is positive).
    pub fn offset(&self, time: UnixNanos) -> i64 {
        self.offset_at(time.nanos().div_euclid(NANOS_PER_SECOND))
    }

    /// The calendar date at an instant.
    pub fn date_at(&self, time: UnixNanos) -> NaiveDate {
        let second = time.nanos().div_euclid(NANOS_PER_SECOND);
        let local = UnixNanos::from_seconds(second.saturating_add(self.offset_at(second)));
        local.date()
    }

    /// The instant of a local wall time; `None` outside the range of [`UnixNanos`].
    ///
    /// A wall time that the clock skips or shows twice is read with the offset in force before the change;
    /// no exchange opens or closes in such an hour.
    pub fn instant(&self, date: NaiveDate, time: NaiveTime) -> Option<UnixNanos> {
        let local = NaiveDateTime::new(date, time).and_utc().timestamp();
        let guess = local - self.offset_at(local);
        let second = local - self.offset_at(guess);
        second.checked_mul(NANOS_PER_SECOND).map(UnixNanos::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, date: &str, time: &str) -> String {
        let time = NaiveTime::parse_from_str(time, "%H:%M").unwrap();
        Zone::bundled(zone).unwrap().instant(date.parse().unwrap(), time).unwrap().to_string()
    }

    #[test]
    fn new_york_and_sydney_change_their_clocks_in_different_weeks() {
        let cases = [
            ("America/New_York", "2024-03-08", "09:30", "2024-03-08T14:30:00Z"),
            ("America/New_York", "2024-03-11", "09:30", "2024-03-11T13:30:00Z"),
            ("America/New_York", "2024-11-01", "16:00", "2024-11-01T20:00:00Z"),
            ("America/New_York", "2024-11-04", "16:00", "2024-11-04T21:00:00Z"),
            ("America/New_York", "2006-03-13", "09:30", "2006-03-13T14:30:00Z"),
            ("Australia/Sydney", "2024-04-05", "10:00", "2024-04-04T23:00:00Z"),
            ("Australia/Sydney", "2024-04-08", "10:00", "2024-04-08T00:00:00Z"),
            ("Australia/Sydney", "2024-10-04", "16:00", "2024-10-04T06:00:00Z"),
            ("Australia/Sydney", "2024-10-07", "16:00", "2024-10-07T05:00:00Z"),
            ("Australia/Sydney", "2027-12-31", "10:00", "2027-12-30T23:00:00Z"),
        ];
        for (zone, date, time, utc) in cases {
            assert_eq!(instant(zone, date, time), utc, "{zone} {date} {time}");
        }
    }

    #[test]
    fn the_date_turns_at_local_midnight() {
        let zone = Zone::bundled("Australia/Sydney").unwrap();
        let date = |t: &str| zone.date_at(t.parse().unwrap()).to_string();
        assert_eq!(date("2024-01-14T12:59:59Z"), "2024-01-14");
        assert_eq!(date("2024-01-14T13:00:00Z"), "2024-01-15");
    }

    #[test]
    fn every_hour_agrees_with_the_rules_it_was_read_from() {
        for name in ["America/New_York", "Australia/Sydney"] {
            let rules = TimeZoneDatabase::bundled().get(name).unwrap();
            let zone = Zone::bundled(name).unwrap();
            for second in (FIRST_CHANGE_SECONDS..1_861_920_000).step_by(3600) {
                let offset = rules.to_offset(Timestamp::from_second(second).unwrap()).seconds();
                assert_eq!(zone.offset_at(second), i64::from(offset), "{name} {second}");
            }
        }
    }

    #[test]
    fn an_unknown_zone_is_none() {
        assert_eq!(Zone::bundled("Mars/Olympus"), None);
    }
}
