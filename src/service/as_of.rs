//! The home as it stood at a past moment, read-only: what the journal folds to up to there.
//!
//! The state at a moment is the journal up to its last event at or before it, in market time; the newest snapshot before
//! it saves the way there. Nothing of what came later shows, and it works whoever holds the home. Prices are the
//! last ones the journal marked by then.
//!
//! Exchanges have market times of their own, and one event builds on those before it, whatever their exchange. So what
//! was written down after the market of any exchange had passed the moment does not show, even where it belongs to an
//! exchange whose time was behind.
//!
//! A day ends for each account as it does on the account's exchange; what belongs to no account ends with the day of the
//! home's main exchange. So accounts of two exchanges are shown as of two instants, which are said.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};

use crate::domain::calendar::Calendar;
use crate::domain::{AccountId, Exchange, UnixNanos};
use crate::execution::{ENGINE_NAME, State};
use crate::store::snapshots::Snapshots;
use crate::store::trades::{Accounts, Period, TradesReader};

use super::engine::{self, lock};
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, ViewLimits, ViewPortfolio};
use super::trading::LISTING_MAX;
use super::{book, view};

/// A past moment as people give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The end of a day, on each exchange its own.
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

/// A past moment that market time has come to: the instants it means, each with the exchanges whose accounts are shown as
/// of then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past(BTreeMap<UnixNanos, BTreeSet<Exchange>>);

impl Past {
    /// The last of its instants; there is always one.
    fn latest(&self) -> UnixNanos {
        self.0.keys().next_back().copied().unwrap_or_default()
    }
}

/// What is said where events at or before the moment came after the cut.
const CUT_SHORT: &str = "another exchange had passed this moment before its own came to it: what was written down after that \
                         is not shown";

impl House {
    /// What a moment means for the accounts in scope, or for one of them.
    pub fn past(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        moment: Moment,
    ) -> Result<Past, ServiceError> {
        let (state, main) = (self.state()?, self.main_exchange()?);
        super::trading::scoped_in(&state, permit.scope(), account)?;
        let own = book::accounts_in(&state, permit.scope())
            .filter(|a| account.is_none_or(|wanted| a.spec().account == wanted));
        let exchanges: BTreeSet<Exchange> = own.map(|a| a.spec().exchange.unwrap_or(main)).collect();
        if exchanges.is_empty() { self.past_of_home(moment) } else { self.past_on(exchanges, moment) }
    }

    /// What a moment means for the home as a whole: a day ends as on its main exchange.
    pub fn past_of_home(&self, moment: Moment) -> Result<Past, ServiceError> {
        self.past_on([self.main_exchange()?], moment)
    }

    /// A day that has come on one exchange only is shown as the other stands now.
    fn past_on(
        &self,
        exchanges: impl IntoIterator<Item = Exchange>,
        moment: Moment,
    ) -> Result<Past, ServiceError> {
        let state = self.state()?;
        let market = Exchange::ALL.into_iter().filter_map(|exchange| state.market_time(exchange)).max();
        let now = market.unwrap_or_else(|| self.clock().now());
        let mut shown: BTreeMap<UnixNanos, BTreeSet<Exchange>> = BTreeMap::new();
        let (mut has_come, mut ahead) = (false, None);
        for exchange in exchanges {
            let calendar = self.calendars().of(exchange);
            let time = last_instant(calendar, moment)?;
            let is_today = matches!(moment, Moment::Day(day) if day <= calendar.date_at(now));
            // Until the next session the book stands as it is.
            let is_ahead =
                || calendar.session_for_order(now).is_ok_and(|session| session.open.max(now) < time);
            let comes = is_today || !is_ahead();
            has_come |= comes;
            ahead = ahead.or((!comes).then_some((calendar, time)));
            shown.entry(if comes { time } else { now }).or_default().insert(exchange);
        }
        match (ahead, moment) {
            (Some(_), Moment::Day(_)) if has_come => Ok(Past(shown)),
            (Some((calendar, time)), _) => Err(ServiceError::Invalid(format!(
                "{} is ahead of market time, which has come to {}; give an earlier moment, or none for what stands now",
                calendar.local_clock(time),
                calendar.local_clock(now)
            ))),
            (None, _) => Ok(Past(shown)),
        }
    }

    /// What people are told below their rows: the instants that are shown, each by the clock of its exchange; and where
    /// the market of one exchange had passed one before that of another came to it, that something is left out.
    pub fn told_of(&self, past: &Past) -> Result<String, ServiceError> {
        let journal = TradesReader::open(self.home())?;
        let (mut clocks, mut is_short) = (Vec::new(), false);
        for (time, exchanges) in &past.0 {
            clocks.extend(exchanges.iter().map(|exchange| self.calendars().of(*exchange).local_clock(*time)));
            is_short |= journal.known_at(*time, ENGINE_NAME)? < journal.last_at(*time)?;
        }
        let told = format!("as of {}", clocks.join(" and "));
        Ok(if is_short { format!("{told}; {CUT_SHORT}") } else { told })
    }

    /// The state at a past instant.
    fn state_at(&self, time: UnixNanos) -> Result<Arc<State>, ServiceError> {
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
        past: &Past,
    ) -> Result<Vec<view::Portfolio>, ServiceError> {
        let (main, mut all) = (self.main_exchange()?, Vec::new());
        for (time, exchanges) in &past.0 {
            let state = self.state_at(*time)?;
            let labels = self.labels(&state)?;
            let mut found = super::trading::portfolios_in(&state, permit.scope(), account, &labels)?;
            found.retain(|p| exchanges.contains(&p.totals.exchange.unwrap_or(main)));
            all.extend(found);
        }
        all.sort_by_key(|p| p.totals.account);
        Ok(all)
    }

    /// Orders as they stood at a past moment, newest first.
    pub fn orders_at(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        period: Period,
        past: &Past,
    ) -> Result<Vec<view::OrderRow>, ServiceError> {
        let (scope, mut rows) = (permit.scope(), Vec::new());
        for (time, exchanges) in &past.0 {
            let state = self.state_at(*time)?;
            let wanted =
                self.of_exchanges(&state, super::trading::scoped_in(&state, scope, account)?, exchanges)?;
            let orders = state.orders();
            let found = orders.open().values().chain(orders.done());
            let found = found.filter(|o| wanted.contains(&o.spec.account));
            rows.extend(found.filter(|o| period.from <= o.given_at && o.given_at < period.to).cloned());
        }
        rows.sort_by(|a, b| b.given_at.cmp(&a.given_at).then_with(|| a.spec.id.cmp(&b.spec.id)));
        rows.truncate(LISTING_MAX as usize);
        self.order_rows(&rows, scope)
    }

    /// Fills up to a past moment, newest first.
    pub fn history_at(
        &self,
        permit: &Permit<ViewPortfolio>,
        account: Option<AccountId>,
        period: Period,
        past: &Past,
    ) -> Result<Vec<view::HistoryRow>, ServiceError> {
        let (state, mut rows) = (self.state()?, Vec::new());
        for (time, exchanges) in &past.0 {
            let wanted = super::trading::scoped_in(&state, permit.scope(), account)?;
            let wanted = self.of_exchanges(&state, wanted, exchanges)?;
            let period = Period { to: period.to.min(time.plus_nanos(1)), ..period };
            let fills = lock(self.ledger()).executions(Accounts::Only(&wanted), period, LISTING_MAX)?;
            rows.extend(fills.into_iter().map(view::HistoryRow::of));
        }
        if past.0.len() > 1 {
            rows.sort_by_key(|row| std::cmp::Reverse(row.time));
        }
        rows.truncate(LISTING_MAX as usize);
        Ok(rows)
    }

    /// Those of the accounts that trade on one of the exchanges; without an exchange of its own an account is of the main
    /// one.
    fn of_exchanges(
        &self,
        state: &State,
        mut accounts: Vec<AccountId>,
        exchanges: &BTreeSet<Exchange>,
    ) -> Result<Vec<AccountId>, ServiceError> {
        let main = self.main_exchange()?;
        accounts.retain(|name| {
            let exchange = state.accounts().get(name).and_then(|a| a.spec().exchange);
            exchanges.contains(&exchange.unwrap_or(main))
        });
        Ok(accounts)
    }

    /// Limits and halts in force at a past moment of the home, with their use then.
    pub fn limits_at(
        &self,
        permit: &Permit<ViewLimits>,
        past: &Past,
    ) -> Result<view::LimitsView, ServiceError> {
        let state = self.state_at(past.latest())?;
        self.limits_in(&state, permit.scope())
    }
}

/// The last instant of a moment on an exchange.
fn last_instant(calendar: &Calendar, moment: Moment) -> Result<UnixNanos, ServiceError> {
    let day = match moment {
        Moment::Instant(time) => return Ok(time),
        Moment::Day(day) => day,
    };
    let midnight = day.succ_opt().and_then(|next| calendar.at_local(next, NaiveTime::MIN));
    let out_of_range =
        || ServiceError::Invalid(format!("{day} is out of range; give a day between 1700 and 2200"));
    midnight.map(|time| time.plus_nanos(-1)).ok_or_else(out_of_range)
}
