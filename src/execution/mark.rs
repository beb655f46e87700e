//! Marks: market time, last prices and equity, written to the journal; and the controls judged by them.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::event::{EquityMark, EventBody, HaltMode};
use crate::domain::limit::{LimitName, Scope};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{AccountId, Exchange, InstrumentId, Margin, Money, Price, RefusalCode};
use crate::portfolio::Account;
use crate::risk::checks::{FatFill, Loss, MarginStanding, fat_fill, losses};
use crate::risk::{OrderKey, Priced, Target, monitor};

use super::engine::EngineError;
use super::step::Step;

/// Live quotes are marked at most once in this time, in seconds of market time.
const MARK_EVERY_SECONDS: i64 = 1;
/// With nothing held or ordered, market time alone is marked this seldom, in seconds.
const IDLE_MARK_EVERY_SECONDS: i64 = 60;

impl Step<'_> {
    /// A new trading day: entitlements first, then the day's opening equity. What goes ex this morning is of the day,
    /// like the fall of the price that goes with it: the day opens without it.
    pub(super) fn new_day(&mut self, exchange: Exchange, day: NaiveDate) -> Result<(), EngineError> {
        self.charge_borrow(exchange, day)?;
        self.settle_proceeds(exchange, day)?;
        let accounts = self.state().accounts().iter();
        let opening = accounts.filter_map(|(name, a)| Some((*name, self.state().equity(a)?))).collect();
        self.ex_dates(exchange, day)?;
        self.pay_dates(exchange, day)?;
        self.mark(exchange, Some(&opening))
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
            self.mark(exchange, None)
        } else {
            Ok(())
        }
    }

    /// Marks an exchange: market time, the last price of everything held or ordered, and its accounts' figures; on a new
    /// day the equities that it opens with.
    pub(super) fn mark(
        &mut self,
        exchange: Exchange,
        opening: Option<&BTreeMap<AccountId, Money>>,
    ) -> Result<(), EngineError> {
        let mut accounts = Vec::new();
        for (name, account) in self.state().accounts() {
            let Some(equity) = account.trades_on(exchange).then(|| self.state().equity(account)).flatten()
            else {
                continue;
            };
            let opens = opening.map(|all| all.get(name).copied().unwrap_or(equity));
            let day_open = opens.unwrap_or(account.day_open());
            let peak = self.state().peak(account).max(opens.unwrap_or(equity));
            accounts.push(EquityMark { account: *name, equity, day_open, peak });
        }
        let seen = self.marked_prices(exchange);
        let prices = seen.iter().map(|(instrument, last)| (*instrument, last.price)).collect();
        let mut ages: Vec<i64> = seen.iter().map(|(_, last)| self.now.since(last.time)).collect();
        if ages.iter().all(|age| *age == 0) {
            ages.clear();
        }
        self.engine.state.view.marked.insert(exchange, self.now);
        self.emit(EventBody::Marked { exchange, time: self.now, prices, ages: Some(ages), accounts })?;
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

    /// What is held or ordered of an exchange, with its last price.
    fn marked_prices(&self, exchange: Exchange) -> Vec<(InstrumentId, Priced)> {
        let state = self.state();
        let held = state.accounts().values().flat_map(|a| a.positions().keys().copied());
        // What strategies hold against each other is worth something to each.
        let strategies = state.strategies.held().map(|(_, _, instrument, _)| instrument);
        let wanted = held.chain(state.orders.instruments()).chain(strategies);
        let mut wanted: Vec<InstrumentId> = wanted.filter(|i| i.exchange == exchange).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.into_iter().filter_map(|i| Some((i, state.view.last(i)?))).collect()
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
            let of_scopes = monitor::lost_in_scopes(&book, state.limits());
            for loss in losses(&book, state.limits()).into_iter().chain(of_scopes) {
                self.speak(name, loss)?;
            }
            self.judge_watched(name)?;
        }
        Ok(())
    }

    /// A control that speaks without an order is a risk event, once while it stands.
    fn speak(&mut self, account: AccountId, loss: Loss) -> Result<(), EngineError> {
        let Loss { code, scope, limit, observed, threshold } = loss;
        let stands = match scope {
            None => self.state().latched.contains(&(account, code)),
            Some(scope) => self.state().latched_scopes.contains(&(account, code, scope)),
        };
        if stands {
            return Ok(());
        }
        self.emit(EventBody::RiskEvent { code, account, limit, observed, threshold, scope })
    }

    /// After a market event, a fill or a refusal: lets the watched controls of an account speak, and says when what
    /// they said no longer holds.
    pub(super) fn judge_watched(&mut self, account: AccountId) -> Result<(), EngineError> {
        let state = self.state();
        let stands = state.latched.iter().any(|(name, _)| *name == account);
        if !stands && !monitor::is_watching(state.limits()) {
            return Ok(());
        }
        let Some(book) = state.book(account, self.now) else { return Ok(()) };
        for (code, spoken) in monitor::watched(&book, state.limits()) {
            match spoken {
                Some(loss) => self.speak(account, loss)?,
                None if self.state().latched.contains(&(account, code)) => {
                    self.emit(EventBody::RiskEased { account, code })?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// A feed fell silent: whoever holds or wants something there has an old book, told once until it is back.
    pub(super) fn feed_silent(&mut self, exchange: Exchange, silent: bool) -> Result<(), EngineError> {
        let code = RefusalCode::StaleMarketData;
        let state = self.state();
        let exposed = |name: AccountId, account: &Account| {
            let mut held = account.positions().keys();
            held.any(|i| i.exchange == exchange) || state.orders.open().keys().any(|key| key.0 == name)
        };
        let own = state.accounts().iter().filter(|(_, account)| account.trades_on(exchange));
        let names: Vec<AccountId> = own
            .filter(|(name, account)| {
                let told = state.latched.contains(&(**name, code));
                if silent { !told && exposed(**name, account) } else { told }
            })
            .map(|(name, _)| *name)
            .collect();
        names.into_iter().try_for_each(|account| {
            if !silent {
                return self.emit(EventBody::RiskEased { account, code });
            }
            let observed = format!("no price of {exchange} comes in");
            let (limit, threshold) = (String::new(), String::new());
            self.emit(EventBody::RiskEvent { code, account, limit, observed, threshold, scope: None })
        })
    }

    /// After a fill: one far on the wrong side of the price before it is told, and halts the scopes that say so; one
    /// told late is no error of now, and halts nothing.
    pub(super) fn judge_fill(
        &mut self,
        key: &OrderKey,
        (price, is_late): (Price, bool),
        before: Option<Price>,
    ) -> Result<(), EngineError> {
        let state = self.state();
        if !state.limits().has(LimitName::MaxFillDistance) {
            return Ok(());
        }
        let known = state.orders.get(key.0, key.1).zip(state.accounts.get(&key.0)).zip(before);
        let Some(((order, account), before)) = known else { return Ok(()) };
        let target = Target::of(account.spec(), &order.spec);
        let Some(fat) = fat_fill(state.limits(), &target, (order.spec.side, price), before) else {
            return Ok(());
        };
        let (code, limit) = (RefusalCode::FatFill, LimitName::MaxFillDistance.to_string());
        let reason =
            format!("order {} of {} filled at {price}, {} from {before}", key.1, key.0, fat.observed);
        let FatFill { observed, threshold, halts } = fat;
        self.emit(EventBody::RiskEvent { code, account: key.0, limit, observed, threshold, scope: None })?;
        let mut halts = halts.into_iter().filter(|_| !is_late);
        halts.try_for_each(|scope| self.halt_by_house(scope, &reason))
    }

    /// Halts a scope in the engine's own name, when it is not.
    pub(super) fn halt_by_house(&mut self, scope: Scope, reason: &str) -> Result<(), EngineError> {
        if self.state().halts.get(&scope).is_some_and(|halt| halt.mode == HaltMode::Halted) {
            return Ok(());
        }
        let (mode, actor, reason) = (HaltMode::Halted, self.engine.own_name, reason.into());
        self.emit(EventBody::Halted { scope, mode, actor, reason })
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
                self.emit(EventBody::RiskEvent {
                    code,
                    account: name,
                    limit,
                    observed,
                    threshold,
                    scope: None,
                })?;
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
        self.judge_watched(name)?;
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
            scope: None,
        })
    }
}
