//! Marks: market time, last prices and equity, written to the journal; and the controls judged by them.

use chrono::NaiveDate;

use crate::domain::event::{EquityMark, EventBody};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{AccountId, Exchange, InstrumentId, Margin, Money, Price, RefusalCode};
use crate::risk::checks::{MarginStanding, losses};
use crate::risk::monitor;

use super::engine::EngineError;
use super::step::Step;

/// Live quotes are marked at most once in this time, in seconds of market time.
const MARK_EVERY_SECONDS: i64 = 1;
/// With nothing held or ordered, market time alone is marked this seldom, in seconds.
const IDLE_MARK_EVERY_SECONDS: i64 = 60;

impl Step<'_> {
    /// A new trading day: entitlements first, then the day's opening equity.
    pub(super) fn new_day(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        self.charge_borrow(exchange, day)?;
        self.settle_proceeds(exchange, day)?;
        self.ex_dates(exchange, day)?;
        self.pay_dates(exchange, day)?;
        self.mark(exchange, true)
    }

    /// Marks after a quote or print, when the last mark is old enough.
    pub(super) fn mark_if_due(&mut self, exchange: Exchange) -> Result<(), EngineError> {
        let last = self.state().view.marked.get(&exchange).copied();
        let age = last.map_or(i64::MAX, |last| self.now.since(last));
        if age < MARK_EVERY_SECONDS * NANOS_PER_SECOND {
            return Ok(());
        }
        let state = self.state();
        let mut held = state.accounts().values().flat_map(|a| a.positions().keys().copied());
        let busy = held.any(|i| i.exchange == exchange)
            || state.orders.instruments().any(|i| i.exchange == exchange);
        if busy || age >= IDLE_MARK_EVERY_SECONDS * NANOS_PER_SECOND {
            self.mark(exchange, false)
        } else {
            Ok(())
        }
    }

    /// Marks an exchange: market time, the last price of everything held or ordered, and its accounts' figures.
    pub(super) fn mark(&mut self, exchange: Exchange, new_day: bool) -> Result<(), EngineError> {
        let mut accounts = Vec::new();
        for (name, account) in self.state().accounts() {
            let Some(equity) = account.trades_on(exchange).then(|| self.state().equity(account)).flatten()
            else {
                continue;
            };
            let day_open = if new_day { equity } else { account.day_open() };
            let peak = self.state().peak(account).max(equity);
            accounts.push(EquityMark { account: *name, equity, day_open, peak });
        }
        let prices = self.marked_prices(exchange);
        self.engine.state.view.marked.insert(exchange, self.now);
        self.emit(EventBody::Marked { exchange, time: self.now, prices, accounts })?;
        self.judge_use(exchange)
    }

    /// Tells each level of use that an account newly reached of a limit, with or without an order.
    fn judge_use(&mut self, exchange: Exchange) -> Result<(), EngineError> {
        if self.state().limits.in_force().next().is_none() {
            return Ok(());
        }
        let state = self.state();
        let own = state.accounts().iter().filter(|(_, account)| account.trades_on(exchange));
        let names: Vec<AccountId> = own.map(|(name, _)| *name).collect();
        for account in names {
            let state = self.state();
            let Some(book) = state.book(account, self.now) else { continue };
            let told = |limit, scope| state.warned.get(&(account, limit, scope)).copied().unwrap_or(0);
            for seen in monitor::reached(&book, state.limits(), told) {
                let monitor::Reached { limit, scope, level, observed, threshold } = seen;
                self.emit(EventBody::LimitUsed { account, limit, scope, level, observed, threshold })?;
            }
        }
        Ok(())
    }

    fn marked_prices(&self, exchange: Exchange) -> Vec<(InstrumentId, Price)> {
        let state = self.state();
        let held = state.accounts().values().flat_map(|a| a.positions().keys().copied());
        let mut wanted: Vec<InstrumentId> =
            held.chain(state.orders.instruments()).filter(|i| i.exchange == exchange).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.into_iter().filter_map(|i| state.view.last(i).map(|p| (i, p.price))).collect()
    }

    /// After a market event: moves the live peaks and lets the loss controls speak, once each.
    pub(super) fn judge_losses(&mut self, exchange: Exchange) -> Result<(), EngineError> {
        let names: Vec<AccountId> = self.state().accounts().keys().copied().collect();
        for name in names {
            let state = self.state();
            let Some(account) = state.accounts.get(&name).filter(|a| a.trades_on(exchange)) else { continue };
            let Some(equity) = state.equity(account) else { continue };
            if equity > state.peak(account) {
                self.engine.state.view.peaks.insert(name, equity);
            }
            self.judge_margin(name)?;
            let state = self.state();
            let Some(book) = state.book(name, self.now) else { continue };
            for loss in losses(&book, state.limits()) {
                if !self.state().latched.contains(&(name, loss.code)) {
                    self.emit(EventBody::RiskEvent {
                        code: loss.code,
                        account: name,
                        limit: loss.limit,
                        observed: loss.observed,
                        threshold: loss.threshold,
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Begins and ends an account's margin call and the warning before it.
    fn judge_margin(&mut self, name: AccountId) -> Result<(), EngineError> {
        let state = self.state();
        let margin = state.accounts.get(&name).is_some_and(|a| a.spec().margin == Margin::RegT);
        let book = if margin { state.book(name, self.now) } else { None };
        let Some(standing) = book.and_then(|book| MarginStanding::of(&book)) else { return Ok(()) };
        let MarginStanding { equity, required } = standing;
        let turns = [
            (RefusalCode::MarginCall, standing.is_called(), !standing.is_near()),
            (RefusalCode::MarginWarning, standing.is_near() && !standing.is_called(), standing.is_easy()),
        ];
        for (code, begins, ends) in turns {
            let stands = self.state().latched.contains(&(name, code));
            if begins && !stands {
                let (observed, threshold) = (equity.to_string(), required.to_string());
                let limit = String::new();
                self.emit(EventBody::RiskEvent { code, account: name, limit, observed, threshold })?;
            } else if ends && stands {
                self.emit(EventBody::MarginEased { account: name, code, equity, required })?;
            }
        }
        Ok(())
    }

    /// After a fill: cash below zero in a cash account is a risk event, once until it is cured; a margin account
    /// stands otherwise than before.
    pub(super) fn judge_cash(&mut self, name: AccountId) -> Result<(), EngineError> {
        self.judge_margin(name)?;
        let code = RefusalCode::CashNegative;
        let Some(account) = self.state().accounts.get(&name) else { return Ok(()) };
        let cash = account.cash();
        let pays = account.spec().margin == Margin::Cash;
        if !pays || !cash.is_negative() || self.state().latched.contains(&(name, code)) {
            return Ok(());
        }
        self.emit(EventBody::RiskEvent {
            code,
            account: name,
            limit: String::new(),
            observed: cash.to_string(),
            threshold: Money::ZERO.to_string(),
        })
    }
}
