//! Signals: the model over the stored data as known at market time, its latest run, and the orders made of it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::market::is_watchlist;
use crate::domain::signal::Signal;
use crate::domain::{AccountId, Exchange, InstrumentId, Price, Symbol};
use crate::execution::State;
use crate::factor::sets::Family;
use crate::model;
use crate::model::composite::{RECORD_SESSIONS, Universe};

use super::book;
use super::engine::lock;
use super::error::ServiceError;
use super::house::House;
use super::permit::{Permit, TradeDesk, ViewSignals};
use super::view;

/// A wish to run a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalWish {
    /// Text of a strategy file; the default strategy when missing.
    pub strategy: Option<String>,
    /// Named universe; the strategy's when missing.
    pub universe: Option<String>,
    /// Account whose exchange is ranked; the desk's when missing.
    pub account: Option<AccountId>,
}

impl House {
    /// Runs a model on what was known at market time and stores its signals. A ranking of the person's own watchlist is
    /// theirs alone: it is returned and does not take the place of the desk's.
    pub fn run_signals(
        &self,
        permit: &Permit<TradeDesk>,
        wish: &SignalWish,
    ) -> Result<view::Signals, ServiceError> {
        self.visible(permit.scope(), wish.account)?;
        let (families, strategy) = self.strategy_of(wish.strategy.as_deref())?;
        let exchange = self.exchange_of(wish.account)?;
        let state = self.state()?;
        let time = state.market_time(exchange).ok_or_else(|| no_market_time(exchange))?;
        let universe = wish.universe.clone().or_else(|| strategy.universe.as_ref().map(ToString::to_string));
        let lookback = families.iter().map(Family::lookback).max().unwrap_or(0);
        let panel = self.panel_reaching(exchange, lookback + RECORD_SESSIONS + 1)?;
        let row = panel.sessions().len().checked_sub(1).ok_or_else(|| no_market_time(exchange))?;
        let named = universe.as_deref().map(|name| self.members(permit.user(), &panel, name, row..row + 1));
        let named = named.transpose()?;
        let everything = model::composite::Everything;
        let members: &dyn Universe = named.as_ref().map_or(&everything, |m| m);
        let scored = model::score(&panel, &families, &strategy, members, row..row + 1)
            .map_err(|e| ServiceError::Invalid(format!("signals: {e}")))?;
        let signals =
            scored.signals(row, time).map_err(|e| ServiceError::Invalid(format!("signals: {e}")))?;
        if !universe.as_deref().is_some_and(is_watchlist) {
            lock(self.market_store()).store_signals(&signals)?;
            tracing::info!(%exchange, model = %strategy.name, names = signals.len(), "signals stored");
        }
        let omissions: Vec<String> = scored.left_out(row).into_iter().map(omission).collect();
        let name = universe.unwrap_or_else(|| everything_of(exchange));
        self.signals_view(&state, &signals, name, omissions, wish.account)
    }

    /// The latest signals of an account's exchange, or the history of one symbol's.
    pub fn signals(
        &self,
        permit: &Permit<ViewSignals>,
        account: Option<AccountId>,
    ) -> Result<view::Signals, ServiceError> {
        self.visible(permit.scope(), account)?;
        let state = self.state()?;
        let exchange = self.exchange_of(account)?;
        let signals = self.latest_signals(&state, exchange, None)?;
        let omissions = left_out_of(&signals);
        self.signals_view(&state, &signals, everything_of(exchange), omissions, account)
    }

    /// Every stored signal of one symbol, oldest first.
    pub fn signal_history(
        &self,
        _: &Permit<ViewSignals>,
        symbol: Symbol,
        account: Option<AccountId>,
    ) -> Result<Vec<Signal>, ServiceError> {
        let id = InstrumentId::new(symbol, self.exchange_of(account)?);
        Ok(lock(self.market_store()).read().signals_history(NaiveDate::MIN, Some(id))?)
    }

    /// Signals of the newest session at or before market time; empty when there are none.
    pub(super) fn latest_signals(
        &self,
        state: &State,
        exchange: Exchange,
        model: Option<&str>,
    ) -> Result<Vec<Signal>, ServiceError> {
        let Some(time) = state.market_time(exchange) else { return Ok(Vec::new()) };
        let today = self.calendars().of(exchange).date_at(time);
        let market = lock(self.market_store());
        let Some(session) = market.read().signal_session(model, exchange, today)? else {
            return Ok(Vec::new());
        };
        let mut signals = market.read().signals(model, exchange, session)?;
        // Several models may have run: the one that ran last stands.
        let newest = signals.iter().max_by_key(|s| (s.time, s.model.clone())).map(|s| s.model.clone());
        signals.retain(|s| Some(&s.model) == newest.as_ref());
        Ok(signals)
    }

    pub(super) fn exchange_of(&self, account: Option<AccountId>) -> Result<Exchange, ServiceError> {
        let Some(account) = account else { return self.main_exchange() };
        let state = self.state()?;
        let found = state.accounts().get(&account).ok_or_else(|| super::trading::unknown_account(account))?;
        found.spec().exchange.map_or_else(|| self.main_exchange(), Ok)
    }

    fn signals_view(
        &self,
        state: &State,
        signals: &[Signal],
        universe: String,
        omissions: Vec<String>,
        account: Option<AccountId>,
    ) -> Result<view::Signals, ServiceError> {
        let names = self.names()?;
        let account = account.or("desk".parse().ok());
        Ok(view::Signals {
            model: signals.first().map(|s| s.model.to_string()).unwrap_or_default(),
            universe,
            session: signals.first().map(|s| s.session),
            time: signals.first().map(|s| s.time),
            omissions,
            rows: signals
                .iter()
                .map(|s| view::SignalRow {
                    rank: s.rank,
                    symbol: s.instrument.symbol,
                    instrument: s.instrument,
                    name: names.get(&s.instrument).cloned().unwrap_or_default(),
                    score: s.score,
                    confidence: s.confidence.map(|c| c.share),
                    outcomes: s.confidence.map_or(0, |c| c.outcomes),
                    contributions: s.contributions.clone(),
                    held: book::held(state, account, s.instrument),
                })
                .collect(),
        })
    }

    /// Names of all instruments.
    pub(super) fn names(&self) -> Result<BTreeMap<InstrumentId, String>, ServiceError> {
        let all = lock(self.market_store()).read().instruments(None)?;
        Ok(all.into_iter().map(|i| (i.id, i.name.to_string())).collect())
    }

    /// Last prices the book knows of these instruments.
    pub(super) fn last_prices(
        state: &State,
        ids: impl Iterator<Item = InstrumentId>,
    ) -> BTreeMap<InstrumentId, Price> {
        ids.filter_map(|i| book::price(state, i).map(|(p, _)| (i, p))).collect()
    }
}

fn everything_of(exchange: Exchange) -> String {
    format!("all of {exchange}")
}

fn omission(family: &str) -> String {
    format!(
        "{family} is left out: under half of the universe has data for it; the other families' weights were raised"
    )
}

/// Families without a contribution in any signal.
fn left_out_of(signals: &[Signal]) -> Vec<String> {
    let Some(first) = signals.first() else { return Vec::new() };
    let missing =
        |name: &str| signals.iter().all(|s| s.contributions.iter().any(|(n, v)| n == name && v.is_none()));
    first.contributions.iter().filter(|(name, _)| missing(name)).map(|(name, _)| omission(name)).collect()
}

pub(super) fn no_market_time(exchange: Exchange) -> ServiceError {
    ServiceError::Invalid(format!(
        "{exchange} has no market time yet; import bars, then 'qlib-pro advance --to DATE' feeds them to the engine"
    ))
}
