//! A new day of an exchange, before its first live event: what is stored of the days that nobody played is played, and
//! the day's own splits and dividends are applied.
//!
//! Without it market time would step over those sessions, and nobody could come back to them. A home whose market time
//! never moved has no position that could miss anything, so nothing is played there.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{Days, NaiveDate};

use crate::domain::{Exchange, UnixNanos};
use crate::store::MarketReader;

use super::super::advance::{Feeder, Until, action_event};
use super::super::error::ServiceError;
use super::super::house::House;

/// Days that are played before it is looked whether the feed is to end.
const DAYS_AT_ONCE: Days = Days::new(30);

impl House {
    /// Brings market time from the day `before` to the eve of `day`, whose first event is at `now`, and applies the day's actions; `false`
    /// when it was stopped on the way: then the event must not be given.
    pub(super) fn begin_live_day(
        &self,
        exchange: Exchange,
        before: Option<NaiveDate>,
        (day, now): (NaiveDate, UnixNanos),
        stop: &AtomicBool,
    ) -> Result<bool, ServiceError> {
        let Some(mut at) = before else { return Ok(true) };
        if at >= day || exchange == Exchange::Sim {
            return Ok(true);
        }
        let eve = day.pred_opt().unwrap_or(day);
        while at < eve {
            if stop.load(Ordering::Acquire) {
                return Ok(false);
            }
            at = at.checked_add_days(DAYS_AT_ONCE).unwrap_or(eve).min(eve);
            let played = self.advance_stored(exchange, Until::Date(at), |_| ())?;
            if played.sessions > 0 {
                tracing::info!(%exchange, sessions = played.sessions, "stored sessions were played before the live feed");
            }
        }
        let reader = MarketReader::open(self.home())?;
        let symbols = self.due_symbols(&reader, exchange, day)?;
        let actions = self.event_actions(&reader, exchange, day, day)?;
        let actions = actions.iter().map(|action| action_event(action, now));
        let events: Vec<_> = symbols.iter().map(|due| due.event(now)).chain(actions).collect();
        if !events.is_empty() {
            let mut feeder = Feeder::new(self);
            feeder.feed_together(events)?;
            feeder.finish()?;
            self.tell_symbols(exchange, &symbols)?;
        }
        Ok(true)
    }
}
