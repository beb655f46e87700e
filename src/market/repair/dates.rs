//! Rows dated a day early: the stamp of a session's open, turned into a date in the wrong zone.
//!
//! It shows in a row on a day without trading whose next day is a session. All rows of that week are moved by a day when
//! every one of them then stands on a session of its own, the last of them on the week's last; else none is.

use chrono::{Datelike, Days, NaiveDate};

use super::{Change, Changed, Rule};
use crate::domain::calendar::Calendar;
use crate::domain::market::DailyBar;

/// Days of a run that may begin on a Sunday and end on a Thursday.
const RUN_DAYS: i64 = 5;

fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

/// Moves the weeks that are a day early.
pub(super) fn repair(bars: &mut [DailyBar], known: usize, calendar: &Calendar, changes: &mut Vec<Change>) {
    let is_session = |day| calendar.position_of(day).is_some();
    let mut from = known;
    while let Some(first) = bars.get(from).map(|bar| bar.session) {
        if is_session(first) || !is_session(next(first)) {
            from += 1;
            continue;
        }
        let rest = bars.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|bar| (bar.session - first).num_days() < RUN_DAYS).count();
        let after = rest.get(count).map(|bar| bar.session);
        let fits = |bar: &DailyBar| {
            let moved = next(bar.session);
            is_session(moved) && after.is_none_or(|after| moved < after)
        };
        let last = rest.get(count.saturating_sub(1)).map_or(first, |bar| next(bar.session));
        let ends_week = calendar.next_session(last).is_none_or(|s| s.date.iso_week() != last.iso_week());
        let early = ends_week && rest.iter().take(count).all(fits);
        for bar in bars.iter_mut().skip(from).take(if early { count } else { 0 }) {
            let before = *bar;
            bar.session = next(before.session);
            let what = Changed::Bar { before: Box::new(before), after: Box::new(*bar) };
            changes.push(Change { session: before.session, rule: Rule::DateShift, what });
        }
        from += count.max(1);
    }
}
