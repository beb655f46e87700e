//! The calendar of the simulated exchange by arithmetic: every Monday to Friday, 09:30–16:00 at UTC+0.
//!
//! A position counts weekdays from Monday 1970-01-05, which is 0; earlier ones are negative.

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::Session;
use crate::domain::time::{NANOS_PER_SECOND, UnixNanos};

/// Days from 0001-01-01 (day 1) to Monday 1970-01-05.
const FIRST_MONDAY: i64 = 719_167;
const SECONDS_PER_DAY: i64 = 86_400;
/// 09:30 in seconds of the day.
const OPEN_SECOND: i64 = 34_200;
/// 16:00 in seconds of the day.
const CLOSE_SECOND: i64 = 57_600;

/// Position of the first weekday on or after `date`.
pub(super) fn from_date(date: NaiveDate) -> i64 {
    let days = i64::from(date.num_days_from_ce()) - FIRST_MONDAY;
    days.div_euclid(7) * 5 + days.rem_euclid(7).min(5)
}

/// The session at a position; `None` where nanoseconds since 1970 do not reach (before 1677, after 2262).
pub(super) fn session(position: i64) -> Option<Session> {
    let days = position.div_euclid(5).checked_mul(7)?.checked_add(position.rem_euclid(5))?;
    let monday = NaiveDate::from_ymd_opt(1970, 1, 5)?;
    let date = monday.checked_add_signed(TimeDelta::try_days(days)?)?;
    let midnight = days.checked_add(4)?.checked_mul(SECONDS_PER_DAY)?;
    let at =
        |second: i64| midnight.checked_add(second)?.checked_mul(NANOS_PER_SECOND).map(UnixNanos::from_nanos);
    Some(Session { date, open: at(OPEN_SECOND)?, close: at(CLOSE_SECOND)?, early: false })
}
