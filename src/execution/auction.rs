//! Opening and closing auctions: until when their orders are taken, and the closing price of a market fed by prints.

use chrono::NaiveTime;

use crate::domain::order::Start;
use crate::domain::{OrderSpec, RefusalCode, UnixNanos};
use crate::risk::OrderKey;

use super::engine::EngineError;
use super::step::Step;

/// Orders for the open are taken until this long before it, in seconds (09:28 in New York).
const OPEN_CUTOFF_SECONDS: i64 = 2 * 60;
/// Orders for the close are taken until this long before it, in seconds (15:50 in New York).
const CLOSE_CUTOFF_SECONDS: i64 = 10 * 60;
/// From this local hour on, orders are taken for the next session.
const NEXT_SESSION_HOUR: u32 = 19;

const NANOS_PER_SECOND: i64 = crate::domain::time::NANOS_PER_SECOND;

impl Step<'_> {
    /// Whether an order comes too late for its auction: after the cut-off and before the evening.
    pub(super) fn missed_auction(&self, order: &OrderSpec) -> Option<RefusalCode> {
        let at_open = match order.order_type.start() {
            Start::Open => true,
            Start::Close => false,
            Start::AtOnce | Start::Stop | Start::Touch => return None,
        };
        let calendar = self.engine.calendars.of(order.instrument.exchange);
        let date = calendar.date_at(self.now);
        let session = calendar.session_on(date)?;
        let cutoff = if at_open {
            session.open.plus_nanos(-OPEN_CUTOFF_SECONDS * NANOS_PER_SECOND)
        } else {
            session.close.plus_nanos(-CLOSE_CUTOFF_SECONDS * NANOS_PER_SECOND)
        };
        let evening = NaiveTime::from_hms_opt(NEXT_SESSION_HOUR, 0, 0)?;
        let evening = calendar.at_local(date, evening)?;
        // A market fed by bars alone stands at its close until the next one: what is given then is for the next session.
        // One that is quoted goes on past its close, and there the cut-off holds.
        let quoted = self.state().view().quote(order.instrument).is_some();
        let stands_at_close = self.now == session.close && !quoted;
        (self.now > cutoff && self.now < evening && !stands_at_close).then_some(RefusalCode::TooLateToEnter)
    }

    /// At the close of a market that is fed by quotes and prints, an order for the close gets the session's last
    /// print. (A market fed by bars fills it on the bar that ends at the close.) Whether the order is done by that.
    pub(super) fn take_closing_price(&mut self, at: UnixNanos, key: OrderKey) -> Result<bool, EngineError> {
        let Some(order) = self.state().orders().open().get(&key) else { return Ok(false) };
        let instrument = order.spec.instrument;
        let calendar = self.engine.calendars.of(instrument.exchange);
        let closes = calendar.session_at(at).filter(|session| session.close == at);
        let seen = self.state().view().seen().get(&instrument).copied().unwrap_or_default();
        let (Some(session), Some(last), Some(_)) = (closes, seen.last, seen.quote) else { return Ok(false) };
        let fits = order.matches_here()
            && order.spec.order_type.start() == Start::Close
            && last.time >= session.open
            && last.time <= at
            && !self.state().halted().contains(&instrument);
        let within = order.spec.limit_price.is_none_or(|limit| {
            super::matching::bars::toward(order.spec.side).has_reached(last.price, limit)
        });
        if !fits || !within {
            return Ok(false);
        }
        let size = order.working();
        self.fill_at(at, key, size, last.price, (last.price, size))?;
        Ok(self.state().orders().get(key.0, key.1).is_none_or(|o| o.status.is_done()))
    }
}
