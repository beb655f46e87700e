//! SIM's calendar as arithmetic: every weekday is a session, 09:30 to 16:00 UTC, no holidays.
//!
//! Sessions are numbered from 0, the first Monday of history; history is 252 whole weeks, so the session on
//! which the clock starts is number 1,260 and again a Monday.

use chrono::{Datelike, Days, NaiveDate};

use crate::domain::UnixNanos;

/// Sessions of history, five years of 252.
pub const HISTORY_SESSIONS: u32 = 1_260;
/// Seconds after midnight UTC at which a session opens (09:30).
pub const OPEN_SECONDS: i64 = 34_200;
/// Seconds after midnight UTC at which a session closes (16:00).
pub const CLOSE_SECONDS: i64 = 57_600;
/// Seconds after midnight UTC at which SIM's clock starts, on the first session after history (12:45).
pub const START_SECONDS: i64 = 45_900;
/// Sessions after history that can be generated (about forty years): a bound on how far one call can run.
pub const FUTURE_SESSIONS_MAX: u32 = 10_000;

const DAYS_A_WEEK: u32 = 7;
const SESSIONS_A_WEEK: u32 = 5;

/// Monday 2021-03-08, session 0.
fn first_session() -> NaiveDate {
    NaiveDate::from_ymd_opt(2021, 3, 8).unwrap_or_default()
}

/// The date of a session number.
pub fn date_of(index: u32) -> NaiveDate {
    let days = index / SESSIONS_A_WEEK * DAYS_A_WEEK + index % SESSIONS_A_WEEK;
    first_session().checked_add_days(Days::new(u64::from(days))).unwrap_or_default()
}

/// The number of the session on `date`; `None` before history and on Saturdays and Sundays.
pub fn index_of(date: NaiveDate) -> Option<u32> {
    let days = u32::try_from(date.signed_duration_since(first_session()).num_days()).ok()?;
    let weekday = days % DAYS_A_WEEK;
    (weekday < SESSIONS_A_WEEK).then_some(days / DAYS_A_WEEK * SESSIONS_A_WEEK + weekday)
}

/// The number of the first session on or after `date`; 0 for dates before history.
pub fn index_on_or_after(date: NaiveDate) -> u32 {
    let days = u32::try_from(date.signed_duration_since(first_session()).num_days()).unwrap_or(0);
    days / DAYS_A_WEEK * SESSIONS_A_WEEK + (days % DAYS_A_WEEK).min(SESSIONS_A_WEEK)
}

/// The instant `seconds` after midnight UTC on `date`.
pub fn instant(date: NaiveDate, seconds: i64) -> UnixNanos {
    let epoch_days = i64::from(date.num_days_from_ce()) - 719_163;
    UnixNanos::from_seconds(epoch_days * 86_400 + seconds)
}

/// The last day of the calendar quarter after the one that ends on `quarter_end`.
pub fn next_quarter_end(quarter_end: NaiveDate) -> NaiveDate {
    let (year, month) = (quarter_end.year(), quarter_end.month());
    let (year, month, day) = match month {
        3 => (year, 6, 30),
        6 => (year, 9, 30),
        9 => (year, 12, 31),
        _ => (year + 1, 3, 31),
    };
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or(quarter_end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Weekday;

    #[test]
    fn numbers_and_dates_are_inverse_and_skip_weekends() {
        for index in 0..3_000 {
            let date = date_of(index);
            assert!(!matches!(date.weekday(), Weekday::Sat | Weekday::Sun));
            assert_eq!(index_of(date), Some(index));
            assert_eq!(index_on_or_after(date), index);
        }
        let saturday = NaiveDate::from_ymd_opt(2026, 1, 3).unwrap();
        assert_eq!((index_of(saturday), index_on_or_after(saturday)), (None, 1_260));
    }

    #[test]
    fn history_ends_on_the_session_before_the_start() {
        assert_eq!(date_of(HISTORY_SESSIONS - 1).to_string(), "2026-01-02");
        assert_eq!(instant(date_of(HISTORY_SESSIONS), START_SECONDS).to_string(), "2026-01-05T12:45:00Z");
    }

    #[test]
    fn quarters_follow_each_other() {
        let mut end = NaiveDate::from_ymd_opt(2020, 12, 31).unwrap();
        let ends: Vec<String> = (0..4)
            .map(|_| {
                end = next_quarter_end(end);
                end.to_string()
            })
            .collect();
        assert_eq!(ends, ["2021-03-31", "2021-06-30", "2021-09-30", "2021-12-31"]);
    }
}
