//! Exchange calendars: which days are sessions, and when each opens and closes.
//!
//! XNYS trades 09:30–16:00 New York time and XASX 10:00–16:00 Sydney time on the weekdays of 1990 to 2027 that
//! their bundled files do not close; some sessions close early. SIM, the simulated exchange, trades 09:30–16:00
//! UTC on every Monday to Friday of any year, without holidays or daylight saving.
//!
//! Everything is computed when a calendar is made; a look-up is by the number of the day (or, for SIM, arithmetic) and
//! never touches zone rules, files or a clock. Outside the covered years look-ups answer `None`: they never guess.

mod table;
mod weekdays;
pub mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::{Exchange, UnixNanos};
use table::Hours;
use zone::Zone;

/// The closures and early closes of 1990 to 2027 (see NOTICE).
const XNYS_DAYS: &str = include_str!("../../../data/calendars/XNYS.csv");
/// The closures and early closes of 1990 to 2027 (see NOTICE).
const XASX_DAYS: &str = include_str!("../../../data/calendars/XASX.csv");
/// First and last year of the bundled files.
const COVERED_YEARS: (i32, i32) = (1990, 2027);
/// Whole years that nanoseconds since 1970 reach.
const NANOS_YEARS: std::ops::RangeInclusive<i32> = 1678..=2261;

/// Why a calendar has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// A line of a calendar file cannot be read.
    #[error("calendar of {exchange}, line {line}: {reason}; lines are date,kind,open_local,close_local")]
    BadLine {
        /// Whose calendar.
        exchange: Exchange,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The zone is not in the bundled database.
    #[error("time zone {0} is not in the bundled database")]
    UnknownZone(&'static str),
    /// The date lies outside the calendar.
    #[error("the calendar of {exchange} covers 1990 to 2027 and says nothing of {date}")]
    NotCovered {
        /// Whose calendar.
        exchange: Exchange,
        /// The date asked for.
        date: NaiveDate,
    },
}

/// One trading session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Trading day in the exchange's zone.
    pub date: NaiveDate,
    /// When it opens.
    pub open: UnixNanos,
    /// When it closes.
    pub close: UnixNanos,
    /// Whether it closes before the regular time.
    pub early: bool,
}

/// How a calendar knows its days.
#[derive(Debug, Clone)]
enum Days {
    /// Listed one by one, sorted; `first` is, for each covered date, the position of the first session on or after it.
    Listed { sessions: Arc<[Session]>, first: Arc<[u32]>, zone: Arc<Zone>, covered: (NaiveDate, NaiveDate) },
    /// Every Monday to Friday, in UTC.
    Weekdays,
}

/// The sessions of one exchange. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calendar {
    exchange: Exchange,
    days: Days,
}

impl Calendar {
    /// Whose calendar this is.
    pub const fn exchange(&self) -> Exchange {
        self.exchange
    }

    /// First and last date the calendar knows; `None` when it knows every date (SIM).
    pub const fn covered(&self) -> Option<(NaiveDate, NaiveDate)> {
        match &self.days {
            Days::Listed { covered, .. } => Some(*covered),
            Days::Weekdays => None,
        }
    }

    /// Whether the calendar says anything of `date` (SIM: of every date that fits nanoseconds since 1970).
    pub fn covers(&self, date: NaiveDate) -> bool {
        match self.covered() {
            Some((first, last)) => first <= date && date <= last,
            None => NANOS_YEARS.contains(&date.year()),
        }
    }

    /// An error that names the covered years, when `date` is outside them.
    pub fn require(&self, date: NaiveDate) -> Result<(), CalendarError> {
        let refusal = CalendarError::NotCovered { exchange: self.exchange, date };
        if self.covers(date) { Ok(()) } else { Err(refusal) }
    }

    /// The date at an instant, in the exchange's zone.
    pub fn date_at(&self, time: UnixNanos) -> NaiveDate {
        match &self.days {
            Days::Listed { zone, .. } => zone.date_at(time),
            Days::Weekdays => time.date(),
        }
    }

    /// The instant of a local clock time on a date; `None` when that day has no such time.
    pub fn at_local(&self, date: NaiveDate, time: chrono::NaiveTime) -> Option<UnixNanos> {
        match &self.days {
            Days::Listed { zone, .. } => zone.instant(date, time),
            Days::Weekdays => date.and_time(time).and_utc().timestamp_nanos_opt().map(UnixNanos::from_nanos),
        }
    }

    /// An instant in the exchange's zone, as people write it: `2017-12-29 16:00 New York`.
    pub fn local_clock(&self, time: UnixNanos) -> String {
        let (offset, place) = match (&self.days, self.exchange) {
            (Days::Weekdays, _) => (0, "SIM"),
            (Days::Listed { zone, .. }, Exchange::Xasx) => (zone.offset(time), "Sydney"),
            (Days::Listed { zone, .. }, Exchange::Xnys | Exchange::Sim) => (zone.offset(time), "New York"),
        };
        let local = time.plus_nanos(offset.saturating_mul(crate::domain::time::NANOS_PER_SECOND));
        format!("{} {place}", local.to_datetime().format("%Y-%m-%d %H:%M"))
    }

    /// Position of a session in the calendar: consecutive sessions have consecutive positions.
    pub fn position_of(&self, date: NaiveDate) -> Option<i64> {
        let position = self.position_on_or_after(date)?;
        self.at_position(position).filter(|session| session.date == date).map(|_| position)
    }

    /// The session at a position given by [`Calendar::position_of`].
    pub fn at_position(&self, position: i64) -> Option<Session> {
        match &self.days {
            Days::Listed { sessions, .. } => sessions.get(usize::try_from(position).ok()?).copied(),
            Days::Weekdays => weekdays::session(position),
        }
    }

    /// The session of a date; `None` on a closed day or outside the covered years.
    pub fn session_on(&self, date: NaiveDate) -> Option<Session> {
        self.at_position(self.position_on_or_after(date)?).filter(|session| session.date == date)
    }

    /// The session with `open <= time <= close`.
    pub fn session_at(&self, time: UnixNanos) -> Option<Session> {
        let position = self.first_not(time, |session| session.close < time)?;
        self.at_position(position).filter(|session| session.open <= time)
    }

    /// The first session after a date.
    pub fn next_session(&self, after: NaiveDate) -> Option<Session> {
        self.at_position(self.position_on_or_after(after)?).filter(|s| s.date > after).or_else(|| {
            let position = self.position_of(after)?;
            self.at_position(position.checked_add(1)?)
        })
    }

    /// The last session before a date.
    pub fn previous_session(&self, before: NaiveDate) -> Option<Session> {
        self.at_position(self.position_on_or_after(before)?.checked_sub(1)?)
    }

    /// The sessions of `first..=last` that the calendar knows, in order.
    pub fn sessions_between(&self, first: NaiveDate, last: NaiveDate) -> Vec<Session> {
        let start = self.covered().map_or(first, |(begin, _)| first.max(begin));
        let Some(position) = self.position_on_or_after(start) else { return Vec::new() };
        (position..).map_while(|p| self.at_position(p)).take_while(|s| s.date <= last).collect()
    }

    /// The first close strictly after an instant.
    pub fn next_close_after(&self, time: UnixNanos) -> Option<UnixNanos> {
        self.ending_after(time).map(|session| session.close)
    }

    /// The session an order given at `time` belongs to: the current one before its close, else the next.
    pub fn session_for_order(&self, time: UnixNanos) -> Result<Session, CalendarError> {
        let date = self.date_at(time);
        self.ending_after(time).ok_or(CalendarError::NotCovered { exchange: self.exchange, date })
    }

    /// The first session that closes strictly after an instant.
    fn ending_after(&self, time: UnixNanos) -> Option<Session> {
        self.at_position(self.first_not(time, |session| session.close <= time)?)
    }

    /// Position of the first session on or after a date; `None` outside the covered years.
    pub fn position_on_or_after(&self, date: NaiveDate) -> Option<i64> {
        match &self.days {
            Days::Listed { first, covered, .. } => {
                let day = i64::from(date.num_days_from_ce()) - i64::from(covered.0.num_days_from_ce());
                first.get(usize::try_from(day).ok()?).map(|position| i64::from(*position))
            }
            Days::Weekdays => Some(weekdays::from_date(date)),
        }
    }

    /// Position of the first session for which `is_before` is false; `None` outside the covered years.
    fn first_not(&self, time: UnixNanos, is_before: impl Fn(&Session) -> bool) -> Option<i64> {
        match &self.days {
            Days::Listed { sessions, first, covered, .. } => {
                // What closed two dates ago, or before, is before the instant wherever the exchange is.
                let day = time.date_number() - i64::from(covered.0.num_days_from_ce()) - 1;
                let from = usize::try_from(day).map_or(Some(0), |day| first.get(day).map(|at| *at as usize));
                let from = from.unwrap_or(sessions.len());
                let rest = sessions.get(from..)?;
                let position = from + rest.iter().take_while(|session| is_before(session)).count();
                let known = position > 0 || self.covers(self.date_at(time));
                i64::try_from(position).ok().filter(|_| known)
            }
            Days::Weekdays => {
                let position = weekdays::from_date(self.date_at(time));
                let passed = weekdays::session(position).is_some_and(|session| is_before(&session));
                position.checked_add(i64::from(passed))
            }
        }
    }
}

/// The calendars of all exchanges. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calendars {
    xnys: Calendar,
    xasx: Calendar,
    sim: Calendar,
}

impl Calendars {
    /// The calendars compiled into the program.
    pub fn bundled() -> Result<Self, CalendarError> {
        Self::with_overrides(&BTreeMap::new())
    }

    /// The bundled calendars with a person's own lines on top, by exchange (SIM has none).
    pub fn with_overrides(overrides: &BTreeMap<Exchange, String>) -> Result<Self, CalendarError> {
        let own = |exchange: Exchange| overrides.get(&exchange).map_or("", String::as_str);
        Ok(Self {
            xnys: listed(Exchange::Xnys, &[XNYS_DAYS, own(Exchange::Xnys)], "America/New_York", (9, 30))?,
            xasx: listed(Exchange::Xasx, &[XASX_DAYS, own(Exchange::Xasx)], "Australia/Sydney", (10, 0))?,
            sim: Calendar { exchange: Exchange::Sim, days: Days::Weekdays },
        })
    }

    /// The calendar of an exchange.
    pub const fn of(&self, exchange: Exchange) -> &Calendar {
        match exchange {
            Exchange::Xnys => &self.xnys,
            Exchange::Xasx => &self.xasx,
            Exchange::Sim => &self.sim,
        }
    }
}

/// A calendar that opens at `(hour, minute)` and closes at 16:00 local time.
fn listed(
    exchange: Exchange,
    texts: &[&str],
    zone_name: &'static str,
    (hour, minute): (u32, u32),
) -> Result<Calendar, CalendarError> {
    let zone = Zone::bundled(zone_name).ok_or(CalendarError::UnknownZone(zone_name))?;
    let time = |h, m| NaiveTime::from_hms_opt(h, m, 0).unwrap_or(NaiveTime::MIN);
    let regular = Hours { open: time(hour, minute), close: time(16, 0) };
    let first = NaiveDate::from_ymd_opt(COVERED_YEARS.0, 1, 1).unwrap_or(NaiveDate::MIN);
    let last = NaiveDate::from_ymd_opt(COVERED_YEARS.1, 12, 31).unwrap_or(NaiveDate::MIN);
    let sessions = table::sessions(exchange, texts, &zone, regular, (first, last))?;
    let on_or_after = |date: NaiveDate| sessions.partition_point(|session| session.date < date) as u32;
    let positions = first.iter_days().take_while(|date| *date <= last).map(on_or_after).collect();
    let days = Days::Listed {
        sessions: sessions.into(),
        first: positions,
        zone: Arc::new(zone),
        covered: (first, last),
    };
    Ok(Calendar { exchange, days })
}

#[cfg(test)]
mod tests;
