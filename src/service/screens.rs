//! Builds a person's [`Screen`]: every part behind the permit that its capability asks for.
//!
//! Parts the role may not see are not computed at all.

use std::sync::Arc;

use crate::domain::calendar::Calendar;
use crate::domain::limit::Scope as Covers;
use crate::domain::{AccountId, Capability, Exchange, InstrumentId, Order, UnixNanos};
use crate::execution::State;
use crate::store::trades::Period;

use super::access::Session;
use super::book;
use super::engine::lock;
use super::error::ServiceError;
use super::permit::{Administer, ViewInsights, ViewLimits, ViewMarket, ViewPortfolio, ViewSignals};
use super::risk::halt_rows;
use super::view::{self, DataState, Mode, Ownership, Screen};

/// Most notices a screen carries.
const NOTICES_SHOWN_MAX: u32 = 200;

/// What the person is looking at.
#[derive(Debug, Clone, Default)]
pub struct Focus {
    /// Account that panes and tickets speak of.
    pub account: Option<AccountId>,
    /// Instrument of chart and quote.
    pub instrument: Option<InstrumentId>,
}

impl Focus {
    /// The default account, and the first name watched or held there.
    pub fn first(session: &Arc<Session>) -> Result<Self, ServiceError> {
        let house = session.house();
        let account = session.default_account().ok();
        let state = house.state()?;
        let watched = house.watched(session.user(), &state, account)?;
        let mut instrument = watched.first().copied();
        if instrument.is_none() {
            let exchange = house.exchange_of(account)?;
            instrument = house.closes(&state, exchange)?.keys().next().copied();
        }
        Ok(Self { account, instrument })
    }
}

/// Parts that only some roles see.
struct Restricted {
    signals: Option<view::Signals>,
    limits: Option<view::LimitsView>,
    breaches: Option<Vec<view::BreachRow>>,
    users: Option<Vec<view::UserRow>>,
    log: Option<Vec<view::LogRow>>,
    health: Option<Vec<view::HealthRow>>,
}

fn restricted(
    session: &Arc<Session>,
    capabilities: &[Capability],
    account: Option<AccountId>,
) -> Result<Restricted, ServiceError> {
    let house = session.house();
    let mut parts =
        Restricted { signals: None, limits: None, breaches: None, users: None, log: None, health: None };
    if capabilities.contains(&Capability::ViewSignals) {
        parts.signals = Some(house.signals(&session.permit::<ViewSignals>()?, account)?);
    }
    if capabilities.contains(&Capability::ViewLimits) {
        let permit = session.permit::<ViewLimits>()?;
        parts.limits = Some(house.limits(&permit)?);
        parts.breaches = Some(house.breaches(&permit)?);
    }
    if capabilities.contains(&Capability::Administer) {
        let permit = session.permit::<Administer>()?;
        parts.users = Some(house.people(&permit)?);
        parts.log = Some(house.system_log(&permit));
        parts.health = Some(house.health(&permit)?);
    }
    Ok(parts)
}

/// One screen of one person.
pub fn build(
    session: &Arc<Session>,
    focus: &Focus,
    data_health: Option<Arc<view::DataHealth>>,
    version: u64,
) -> Result<Screen, ServiceError> {
    let person = session.person()?.user;
    let capabilities = session.capabilities()?;
    let house = session.house();
    let state = house.state()?;
    let market = session.permit::<ViewMarket>()?;
    let portfolio = session.permit::<ViewPortfolio>()?;
    let insights = session.permit::<ViewInsights>()?;
    let account = focus.account.filter(|a| {
        let found = state.accounts().get(a);
        found.is_some_and(|found| portfolio.scope().covers(found.spec().kind, found.spec().owner))
    });
    let current = account.and_then(|a| state.accounts().get(&a));
    let exchange = house.exchange_of(account)?;
    let labels = house.labels(&state)?;
    let parts = restricted(session, &capabilities, account)?;
    let most = u32::try_from(Screen::HISTORY_MAX).unwrap_or(u32::MAX);
    let (notices, unread) = house.notices(&market, NOTICES_SHOWN_MAX)?;
    Ok(Screen {
        version,
        wall: house.clock().now(),
        user: person.name,
        role: person.role,
        mode: current.map_or(mode_of(exchange), |a| Mode::of(a.spec().kind, a.spec().exchange)),
        ownership: house.held_by().map_or(Ownership::Owner, Ownership::ReadOnly),
        data: data_state(session, &state, exchange)?,
        account,
        accounts: book::accounts_in(&state, portfolio.scope()).map(|a| book::totals(&state, a)).collect(),
        watchlist: ranked(house.watchlist(&market, account)?, parts.signals.as_ref()),
        chart: focus.instrument.map_or(Ok(None), |id| house.chart(&market, id, account))?,
        positions: current.map(|a| book::positions(&state, a, &labels)).unwrap_or_default(),
        equity: account.map_or_else(|| Ok(Vec::new()), |a| house.equity_curve(a))?,
        orders: account.map_or_else(|| Ok(Vec::new()), |a| todays_orders(session, &state, a, exchange))?,
        history: account
            .map_or_else(|| Ok(Vec::new()), |a| house.history(&portfolio, Some(a), Period::ALL, most))?,
        signals: parts.signals,
        limits: parts.limits,
        breaches: parts.breaches,
        differences: capabilities
            .contains(&Capability::ViewLimits)
            .then(|| house.differences_shown(&state, portfolio.scope())),
        halted: halts_on(&state, account, capabilities.contains(&Capability::ViewLimits)),
        insights: account.map_or_else(|| Ok(Vec::new()), |a| house.insights(&insights, a))?,
        news: house.news(&market, account)?,
        notices,
        unread,
        users: parts.users,
        log: parts.log,
        health: parts.health,
        settings: house.setting_rows(&market, &capabilities),
        data_health: data_health.filter(|_| capabilities.contains(&Capability::ManageData)),
        capabilities,
    })
}

/// The watchlist with ranks, where the person may see them.
fn ranked(mut rows: Vec<view::WatchRow>, signals: Option<&view::Signals>) -> Vec<view::WatchRow> {
    for row in &mut rows {
        let found = signals.and_then(|s| s.rows.iter().find(|s| s.instrument == row.instrument));
        row.rank = found.map(|s| s.rank);
    }
    rows
}

fn mode_of(exchange: Exchange) -> Mode {
    match exchange {
        Exchange::Sim => Mode::Simulated,
        Exchange::Xnys | Exchange::Xasx => Mode::Paper,
    }
}

/// Halts that bind an account: the firm's (unless it is a simulation) and its own; why, for who sees limits.
fn halts_on(state: &State, account: Option<AccountId>, sees_why: bool) -> Vec<view::HaltRow> {
    let simulation = account
        .and_then(|a| state.accounts().get(&a))
        .is_some_and(|a| a.spec().kind == crate::domain::AccountKind::Simulation);
    let mut halts = halt_rows(state);
    halts.iter_mut().filter(|_| !sees_why).for_each(|halt| halt.reason.clear());
    halts.retain(|h| match h.scope {
        Covers::Firm | Covers::Symbol(_) | Covers::Strategy(_) => !simulation,
        Covers::Account(own) => Some(own) == account,
    });
    halts
}

/// Working orders, and all that changed on the exchange's present day; newest first.
fn todays_orders(
    session: &Arc<Session>,
    state: &State,
    account: AccountId,
    exchange: Exchange,
) -> Result<Vec<view::OrderRow>, ServiceError> {
    let house = session.house();
    let permit = session.permit::<ViewPortfolio>()?;
    let calendar = house.calendars().of(exchange);
    let today = state.market_time(exchange).map(|t| calendar.date_at(t));
    let is_todays =
        |o: &Order| !o.status.is_done() || today.is_none_or(|day| calendar.date_at(o.changed_at) == day);
    let mut rows = house.orders_that(&permit, Some(account), Period::ALL, is_todays)?;
    rows.sort_by(|a, b| (b.given_at, &b.id).cmp(&(a.given_at, &a.id)));
    Ok(rows)
}

fn data_state(session: &Arc<Session>, state: &State, exchange: Exchange) -> Result<DataState, ServiceError> {
    let house = session.house();
    // Between the events of a feed the wall's time goes on, and with it the ages of its prices.
    let market_time = state.market_time(exchange).max(house.live_time(exchange));
    let simulated = exchange == Exchange::Sim;
    let calendar = house.calendars().of(exchange);
    let rounds = house.rounds_of(exchange);
    let asked_at = rounds.is_some().then(|| house.clock().now());
    let newest = lock(house.market_store()).read().last_session(exchange)?;
    let stored = match (market_time, newest) {
        (_, None) => {
            (format!("no prices of {exchange} are stored; 'qlib-pro import bars' brings some"), true)
        }
        (None, Some(day)) => {
            (format!("{exchange} prices up to {day} are stored; advance feeds them to the engine"), true)
        }
        (Some(_), Some(day)) if simulated => (format!("SIMULATED prices, last full session {day}"), false),
        (Some(time), Some(day)) if day > calendar.date_at(time) => {
            (format!("{exchange} prices to {day}, played to {}", calendar.date_at(time)), false)
        }
        (Some(_), Some(day)) => (format!("{exchange} prices to {day}, all played"), false),
    };
    let shown = house.feed_of(exchange).map_or(stored, |(words, is_fresh)| (words, !is_fresh));
    let (text, warning) = match rounds {
        Some((words, is_fresh)) => (format!("{words}; {}", shown.0), shown.1 || !is_fresh),
        None => shown,
    };
    Ok(DataState {
        simulated,
        session_open: in_session(calendar, market_time, asked_at),
        market_time,
        market_clock: market_time.map(|t| calendar.local_clock(t)).unwrap_or_default(),
        live: house.is_live(),
        speed: house.speed(),
        text,
        warning,
    })
}

/// Whether an exchange is in session at its market time. One that has none yet, since nothing was played, goes by the wall
/// while it is asked for prices.
fn in_session(calendar: &Calendar, market_time: Option<UnixNanos>, asked_at: Option<UnixNanos>) -> bool {
    market_time.or(asked_at).is_some_and(|t| {
        calendar.session_on(calendar.date_at(t)).is_some_and(|session| session.open <= t && t < session.close)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendars;

    #[test]
    fn an_exchange_without_a_time_goes_by_the_wall_while_it_is_asked_for_prices() {
        let calendars = Calendars::bundled().unwrap();
        let at = |text: &str| Some(text.parse::<UnixNanos>().unwrap());
        let open = |market, asked| in_session(calendars.of(Exchange::Xnys), market, asked);
        let (noon, night) = (at("2024-07-08T16:00:00Z"), at("2024-07-08T03:00:00Z"));
        assert!(open(None, noon) && open(noon, night) && open(noon, None));
        assert!(!open(None, night) && !open(night, noon) && !open(None, None));
    }
}
