//! A new day of an exchange, before its first live event: what is stored of the days that nobody played is played, and
//! the day's own splits and dividends are applied.
//!
//! Without it market time would step over those sessions, and nobody could come back to them. A home whose market time
//! never moved has no position that could miss anything, so nothing is played there.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{Days, NaiveDate};

use crate::domain::market::{Basis, CorporateAction};
use crate::domain::{Exchange, MarketEvent, UnixNanos};
use crate::store::MarketReader;

use super::super::advance::{Feeder, Until, action_event};
use super::super::error::ServiceError;
use super::super::house::House;
use super::super::renamed::{Due, named_on};

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
        self.know_held(exchange)?;
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
        self.tell_facts_of_working()?;
        let played = self.state()?.market_time(exchange);
        let calendar = self.calendars().of(exchange);
        let after = played.map_or(eve, |time| calendar.date_at(time));
        let symbols = self.due_symbols(&MarketReader::open(self.home())?, exchange, day)?;
        self.apply_due(exchange, after, (day, now), &symbols)?;
        self.tell_symbols(exchange, &symbols)?;
        Ok(true)
    }

    /// Applies changes of symbol, what has become due after one day and up to `day`, and what the book should have had before. A live feed
    /// gives prices as traded, whatever the terms of the stored ones.
    pub(super) fn apply_due(
        &self,
        exchange: Exchange,
        after: NaiveDate,
        (day, now): (NaiveDate, UnixNanos),
        symbols: &[Due],
    ) -> Result<(), ServiceError> {
        let reader = MarketReader::open(self.home())?;
        let state = self.state()?;
        let mut events: Vec<MarketEvent> = symbols.iter().map(|due| due.event(now)).collect();
        events.extend(self.late_actions(&reader, &state, exchange, (after.min(day), now))?);
        let named = |instrument| named_on(symbols, day, instrument);
        let mut due = self.restated_splits(&reader, exchange, named)?;
        if let Some(from) = after.succ_opt().filter(|from| *from <= day) {
            let standing = reader.standing(exchange)?;
            let is_total = |a: &CorporateAction| {
                standing.get(&a.instrument).is_some_and(|(basis, _)| *basis == Basis::Total)
            };
            for action in reader.actions_between(exchange, from, day)? {
                if !is_total(&action) && !due.contains(&action) && !state.has_applied(&action) {
                    due.push(action);
                }
            }
        }
        events.extend(due.iter().map(|action| action_event(action, now)));
        if !events.is_empty() {
            let mut feeder = Feeder::new(self);
            feeder.feed_together(events)?;
            feeder.finish()?;
        }
        Ok(())
    }
}
