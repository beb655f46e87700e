//! Time passing on an exchange: what is due ends, a new day begins.

use crate::domain::event::{EndReason, EventBody};
use crate::domain::market::SessionState;
use crate::domain::{Exchange, Quantity, UnixNanos};

use crate::risk::OrderKey;

use super::engine::EngineError;
use super::step::Step;

impl Step<'_> {
    /// Moves market time of an exchange to now, before anything that happens now: orders due before now end,
    /// dividends are owed and paid, and on a new day the day's opening equity is marked.
    pub(super) fn begin(&mut self, exchange: Exchange) -> Result<(), EngineError> {
        let now = self.now;
        if let Some(market_time) = self.state().market_time(exchange).filter(|t| *t > now) {
            return Err(EngineError::TimeGoesBack { exchange, market_time, found: now });
        }
        self.expire(&[exchange])?;
        self.engine.state.view.clocks.insert(exchange, now);
        self.turn_limits()?;
        self.expire_approvals()?;
        let day = self.engine.calendars.of(exchange).date_at(now);
        if self.state().day(exchange) != Some(day) {
            self.new_day(exchange, day)?;
        }
        Ok(())
    }

    /// Ends what is due before now on these exchanges, in the order in which it ends.
    pub(super) fn expire(&mut self, exchanges: &[Exchange]) -> Result<(), EngineError> {
        let next = |step: &Self| {
            let due = exchanges.iter().filter_map(|e| step.state().orders.next_due(*e, step.now));
            due.min()
        };
        while let Some((at, key)) = next(self) {
            // What follows from an end happens with it, not when somebody notices.
            let now = std::mem::replace(&mut self.now, at);
            self.end_due(key, at)?;
            self.now = now;
        }
        self.settle_lists(&mut [])
    }

    fn end_due(&mut self, key: OrderKey, at: UnixNanos) -> Result<(), EngineError> {
        if self.take_closing_price(at, key)? {
            return Ok(());
        }
        let (account, id) = key;
        let gtd = self.state().orders.open().get(&key).is_some_and(|o| o.spec.expire_at == Some(at));
        let reason = if gtd { EndReason::ExpireTime } else { EndReason::SessionClose };
        self.emit(EventBody::OrderExpired { account, id, reason })?;
        self.follow(key, Quantity::ZERO)
    }

    /// Whether an exchange trades at a moment: by word where there was one, else by its calendar.
    pub(super) fn in_session(&self, exchange: Exchange, time: UnixNanos) -> bool {
        match self.state().sessions.get(&exchange) {
            Some(SessionState::Open) => true,
            Some(SessionState::Close) => false,
            None => self.engine.calendars.of(exchange).session_at(time).is_some(),
        }
    }
}
