//! The home as it stood at a past moment, read-only: what the journal folds to up to there.
//!
//! The state at a moment is the journal up to its last event at or before it, in market time; the newest snapshot before
//! it saves the way there. Nothing of what came later shows, and it works whoever holds the home. Prices are the
//! last ones the journal marked by then.
//!
//! Exchanges have market times of their own, and one event builds on those before it, whatever their exchange. So what
//! was written down after the market of any exchange had passed the moment does not show, even where it belongs to an
//! exchange whose time was behind.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};

use crate::domain::{AccountId, Exchange, UnixNanos};
use crate::execution::{ENGINE_NAME, State};
use crate::store::snapshots::Snapshots;
use crate::store::trades::{Period, TradesReader};

use super::engine;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewLimits, ViewPortfolio};
use super::trading::LISTING_MAX;
use super::view;

/// A past moment as people give it: a day means its end in the zone of the home's main exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The end of a day.
    Day(NaiveDate),
    /// An instant, itself included.
    Instant(UnixNanos),
}

impl FromStr for Moment {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse().map(Moment::Day);
        let instant = || text.parse().map(Moment::Instant);
        day.or_else(|_| instant())
            .map_err(|_| "give a day such as 2024-01-02, or a time such as 2024-01-02T14:30:00Z")
    }
}

/// What is said where events at or before the moment came after the cut.
const CUT_SHORT: &str = "another exchange had passed this moment before its own came to it: what was written down after that \
                         is not shown";

impl House {
    /// What people are told where the market of one exchange had passed a moment before that of another came to it.
    pub fn left_out_at(&self, moment: Moment) -> Result<Option<&'static str>, ServiceError> {
        let time = self.instant_of(moment)?;
        let journal = TradesReader::open(self.home())?;
        let is_short = journal.known_at(time, ENGINE_NAME)? < journal.last_at(time)?;
        Ok(is_short.then_some(CUT_SHORT))
    }

    /// The last instant of a moment that market time has come to; of the day at which it stands, its end.
    pub fn instant_of(&self, moment: Moment) -> Result<UnixNanos, ServiceError> {
        let time = self.last_instant_of(moment)?;
        let state = self.state()?;
        let market = Exchange::ALL.into_iter().filter_map(|exchange| state.market_time(exchange)).max();
        let now = market.unwrap_or_else(|| self.clock().now());
        let calendar = self.calendars().of(self.main_exchange()?);
        let is_today = matches!(moment, Moment::Day(day) if day <= calendar.date_at(now));
        // Until the next session the book stands as it is.
        let is_ahead = || calendar.session_for_order(now).is_ok_and(|session| session.open.max(now) < time);
        if is_today || !is_ahead() {
            return Ok(time);
        }
        Err(ServiceError::Invalid(format!(
            "{} is ahead of market time, which has come to {}; give an earlier moment, or none for what stands now",
            calendar.local_clock(time),
            calendar.local_clock(now)
        )))
    }

    fn last_instant_of(&self, moment: Moment) -> Result<UnixNanos, ServiceError> {
        let day = match moment {
            Moment::Instant(time) => return Ok(time),
            Moment::Day(day) => day,
        };
        let calendar = self.calendars().of(self.main_exchange()?);
        let midnight = day.succ_opt().and_then(|next| calendar.at_local(next, NaiveTime::MIN));
        let out_of_range =
            || ServiceError::Invalid(format!("{day} is out of range; give a day between 1700 and 2200"));
        midnight.map(|time| time.plus_nanos(-1)).ok_or_else(out_of_range)
    }

    /// The state at a past moment.
    fn state_at(&self, moment: Moment) -> Result<Arc<State>, ServiceError> {
        let time = self.instant_of(moment)?;
        let journal = TradesReader::open(self.home())?;
        let upto = journal.known_at(time, ENGINE_NAME)?;
        let snapshots = Snapshots::find(self.home());
        let recovered = engine::resume(self.calendars(), &journal, snapshots.as_ref(), Some(upto))?;
        Ok(Arc::new(recovered.engine.state().clone()))
    }

    /// Holdings and totals at a past moment.
    pub fn portfolios_at(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        moment: Moment,
    ) -> Result<Vec<view::Portfolio>, ServiceError> {
        let state = self.state_at(moment)?;
        let labels = self.labels(&state)?;
        super::trading::portfolios_in(&state, permit.scope(), account, &labels)
    }

    /// Orders as they stood at a past moment, newest first.
    pub fn orders_at(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        period: Period,
        moment: Moment,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        let state = self.state_at(moment)?;
        let scope = permit.scope();
        let wanted = super::trading::scoped_in(&state, scope, account)?;
        let orders = state.orders();
        let mut rows: Vec<_> = orders
            .open()
            .values()
            .chain(orders.done())
            .filter(|o| wanted.contains(&o.spec.account))
            .filter(|o| period.from <= o.given_at && o.given_at < period.to)
            .collect();
        rows.sort_by(|a, b| b.given_at.cmp(&a.given_at).then_with(|| a.spec.id.cmp(&b.spec.id)));
        rows.truncate(LISTING_MAX as usize);
        self.order_rows(&rows.into_iter().cloned().collect::<Vec<_>>(), scope)
    }

    /// Limits and halts in force at a past moment, with their use then.
    pub fn limits_at(
        &self,
        permit: &Permit<ViewLimits>,
        moment: Moment,
    ) -> Result<view::LimitsView, ServiceError> {
        let state = self.state_at(moment)?;
        self.limits_in(&state, permit.scope())
    }
}
