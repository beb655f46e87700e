//! When a round is due, how much of a vendor's budget it may take, and until when its prices are not stale. Pure.

use crate::domain::UnixNanos;
use crate::domain::calendar::{Calendar, Session};
use crate::domain::time::NANOS_PER_SECOND;
use crate::market::budget::Share;
use crate::market::vendors::Allowance;

/// After a close, when even late vendors have the closing prices, in milliseconds: then comes the last round.
pub(super) const LAST_ROUND_MS: i64 = 20 * 60_000;
/// A price is stale when so many rounds have not told it again.
const ROUNDS_FRESH: i64 = 3;
/// Of each window one part in so many is for rounds, the rest for everybody else.
const SHARE_PARTS: u32 = 2;
/// Length of the shortest window that rounds can use up, in seconds; shorter ones only slow them down.
const WINDOW_SECONDS_MIN: u32 = 60;
/// Length of a window whose share is spread over the session, in seconds.
const DAY_SECONDS: u32 = 86_400;

/// Whether a round of an exchange is due after the one that began last: within the session, and once after its close, on
/// the same day.
pub(super) fn is_due(calendar: &Calendar, last: Option<UnixNanos>, now: UnixNanos, seconds: u32) -> bool {
    if calendar.session_at(now).is_some() {
        let waited = last.map(|last| now.since(last));
        // A clock that was put back must not end the rounds.
        return waited.is_none_or(|nanos| nanos < 0 || nanos >= i64::from(seconds) * NANOS_PER_SECOND);
    }
    let session = last.and_then(|last| calendar.session_at(last));
    session.is_some_and(|session| {
        now >= session.close.plus_millis(LAST_ROUND_MS) && calendar.date_at(now) == session.date
    })
}

/// Until when a price that was told then is not stale: some rounds, over the time in which there are none.
pub(super) fn fresh_until(calendar: &Calendar, told: UnixNanos, seconds: u32) -> UnixNanos {
    let rounds = i64::from(seconds) * NANOS_PER_SECOND * ROUNDS_FRESH;
    let until = match calendar.session_at(told) {
        Some(session) if told.plus_nanos(rounds) <= session.close => told,
        Some(session) => session.close.plus_millis(LAST_ROUND_MS),
        None => {
            let date = calendar.date_at(told);
            let today = calendar.session_on(date).filter(|session| told < session.open);
            today.or_else(|| calendar.next_session(date)).map_or(told, |next| next.open)
        }
    };
    until.plus_nanos(rounds)
}

/// What rounds may use of a plan on the day of a session: a part of each window, of a day's only as much as of the session
/// is over.
pub(super) fn shares(allowances: &[Allowance], session: &Session) -> Vec<Share> {
    let share = |window: &Allowance| Share {
        seconds: window.seconds,
        requests: window.requests.div_ceil(SHARE_PARTS),
        over: (window.seconds >= DAY_SECONDS).then_some((session.open, session.close)),
    };
    allowances.iter().filter(|window| window.seconds >= WINDOW_SECONDS_MIN).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Exchange;
    use crate::domain::calendar::Calendars;

    fn at(text: &str) -> UnixNanos {
        text.parse().unwrap()
    }

    #[test]
    fn rounds_are_within_the_session_and_one_comes_after_its_close() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let due = |last: Option<&str>, now: &str| is_due(calendar, last.map(at), at(now), 60);
        assert!(!due(None, "2024-07-08T13:29:59Z"), "before the open");
        assert!(due(None, "2024-07-08T13:30:00Z"));
        assert!(!due(Some("2024-07-08T13:30:00Z"), "2024-07-08T13:30:59Z"));
        assert!(due(Some("2024-07-08T13:30:00Z"), "2024-07-08T13:31:00Z"));
        assert!(due(Some("2024-07-08T15:00:00Z"), "2024-07-08T14:00:00Z"), "the clock was put back");
        assert!(!due(Some("2024-07-08T19:59:30Z"), "2024-07-08T20:19:59Z"), "vendors are late");
        assert!(due(Some("2024-07-08T19:59:30Z"), "2024-07-08T20:20:00Z"), "the last one");
        assert!(!due(Some("2024-07-08T20:20:00Z"), "2024-07-08T20:30:00Z"));
        assert!(!due(None, "2024-07-08T20:30:00Z"), "opened in the evening");
        assert!(!due(Some("2024-07-05T20:20:00Z"), "2024-07-06T15:00:00Z"), "a Saturday");
        assert!(due(Some("2024-07-05T19:00:00Z"), "2024-07-06T02:00:00Z"), "woken on the same evening");
        assert!(
            !due(Some("2024-07-05T19:00:00Z"), "2024-07-08T12:00:00Z"),
            "woken on Monday before the open"
        );
    }

    #[test]
    fn a_price_is_stale_after_three_rounds_and_not_while_there_are_none() {
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let until = |told: &str| fresh_until(calendar, at(told), 60).to_string();
        assert_eq!(until("2024-07-08T15:00:00Z"), "2024-07-08T15:03:00Z");
        assert_eq!(
            until("2024-07-08T19:59:00Z"),
            "2024-07-08T20:23:00Z",
            "the last round must have missed it"
        );
        assert_eq!(until("2024-07-08T20:20:00Z"), "2024-07-09T13:33:00Z", "until the next session has begun");
        assert_eq!(until("2024-07-05T20:20:00Z"), "2024-07-08T13:33:00Z", "over a weekend");
        assert_eq!(until("2024-07-08T12:00:00Z"), "2024-07-08T13:33:00Z", "before the open of that day");
    }

    #[test]
    fn half_of_a_minute_and_of_a_day_over_its_session_are_for_rounds() {
        let calendars = Calendars::bundled().unwrap();
        let day = calendars.of(Exchange::Xnys).session_on("2024-07-08".parse().unwrap()).unwrap();
        let plan = [(1, 2), (60, 5), (86_400, 25)];
        let plan = plan.map(|(seconds, requests)| Allowance { seconds, requests });
        let minute = Share { seconds: 60, requests: 3, over: None };
        let whole = Share { seconds: 86_400, requests: 13, over: Some((day.open, day.close)) };
        assert_eq!(shares(&plan, &day), [minute, whole]);
    }
}
