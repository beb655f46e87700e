//! Reads a calendar file into sessions.
//!
//! The file lists only the weekdays that are not regular: `date,kind,open_local,close_local` with kind `closed`,
//! `early_close` (own times) or `regular` (takes back an earlier line). Later texts replace earlier ones day by day,
//! so a person's own file can add a closure that was announced after the bundled one was made.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

use super::zone::Zone;
use super::{CalendarError, Session};
use crate::domain::Exchange;

/// Regular trading hours of an exchange, in its own zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hours {
    /// First trade.
    pub open: NaiveTime,
    /// Last trade.
    pub close: NaiveTime,
}

/// What a line of the file makes of its day.
#[derive(Debug, Clone, Copy)]
enum Day {
    Closed,
    Early(Hours),
    Regular,
}

fn parse_line(line: &str) -> Result<(NaiveDate, Day), &'static str> {
    let mut fields = line.split(',').map(str::trim);
    let mut next = || fields.next().unwrap_or("");
    let (date, kind, open, close) = (next(), next(), next(), next());
    let date = date.parse().map_err(|_| "the date is not YYYY-MM-DD")?;
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "a time is not HH:MM");
    let day = match kind {
        "closed" => Day::Closed,
        "regular" => Day::Regular,
        "early_close" => Day::Early(Hours { open: time(open)?, close: time(close)? }),
        _ => return Err("the kind is none of closed, early_close, regular"),
    };
    match day {
        Day::Early(hours) if hours.open >= hours.close => Err("it closes before it opens"),
        _ => Ok((date, day)),
    }
}

fn parse(exchange: Exchange, texts: &[&str]) -> Result<BTreeMap<NaiveDate, Day>, CalendarError> {
    let mut days = BTreeMap::new();
    for text in texts {
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with("date,") || line.starts_with('#') {
                continue;
            }
            let (date, day) = parse_line(line).map_err(|reason| CalendarError::BadLine {
                exchange,
                line: index.saturating_add(1),
                reason,
            })?;
            days.insert(date, day);
        }
    }
    Ok(days)
}

/// All sessions of `first..=last`, in order.
pub(super) fn sessions(
    exchange: Exchange,
    texts: &[&str],
    zone: &Zone,
    regular: Hours,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<Session>, CalendarError> {
    let days = parse(exchange, texts)?;
    let mut sessions = Vec::new();
    for date in first.iter_days().take_while(|date| *date <= last) {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        let (hours, early) = match days.get(&date) {
            Some(Day::Closed) => continue,
            Some(Day::Early(hours)) => (*hours, true),
            Some(Day::Regular) => (regular, false),
            None if weekend => continue,
            None => (regular, false),
        };
        let at = |time| zone.instant(date, time).ok_or(CalendarError::NotCovered { exchange, date });
        sessions.push(Session { date, open: at(hours.open)?, close: at(hours.close)?, early });
    }
    Ok(sessions)
}
