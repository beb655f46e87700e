//! The fold: how each event changes the state. Deciding and recovering both go through here.

mod orders;
mod remote;
mod symbols;

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::calendar::Calendars;
use crate::domain::event::{CashKind, Event, EventBody, Fill};
use crate::domain::limit::{LimitDraft, Scope, Turn};
use crate::domain::market::{SessionState, SplitRatio};
use crate::domain::{
    AccountId, AccountSpec, Exchange, InstrumentId, NumberError, Price, Quantity, RefusalCode, Seq, Side,
    TimeInForce, UnixNanos,
};
use crate::portfolio::{Account, Booking, Movement, Receivable, split_price};
use crate::risk::{Activity, Halt, OrderKey, Target};

use super::engine::EngineError;
use super::few::Few;
use super::holds;
use super::state::{Announced, State};

/// Controls that speak until a person lifts them.
const DRAWDOWNS: [RefusalCode; 2] = [RefusalCode::DrawdownLimit, RefusalCode::StaticDrawdownLimit];

/// What an event changed beside the state's own fields.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Ledger movements by account.
    pub movements: Few<(AccountId, Movement)>,
    /// Orders whose row changes.
    pub orders: Few<OrderKey>,
}

/// Applies one event: checks its place, changes the state. `effects` is what the event before changed, and then this one.
pub(super) fn apply(
    state: &mut State,
    calendars: &Calendars,
    event: &Event,
    effects: &mut Effects,
) -> Result<(), EngineError> {
    if event.seq != state.seq.saturating_add(1) {
        return Err(EngineError::Gap { after: state.seq, found: event.seq });
    }
    state.view.wall = event.wall;
    effects.movements.clear();
    effects.orders.clear();
    Fold { state, calendars, event, effects }.body()?;
    state.forget_asked(&effects.orders);
    holds::update(state, event, effects).map_err(|source| EngineError::Number { seq: event.seq, source })?;
    state.orders.file_done();
    state.seq = event.seq;
    Ok(())
}

/// How a fill is booked: the lot it opens, the lot its order names, the day on which a sale settles.
fn booking(
    state: &State,
    calendars: &Calendars,
    fill: &Fill,
    seq: Seq,
    lot: Option<Seq>,
    t: UnixNanos,
) -> Booking {
    let days = i64::from(state.venue.settlement_days);
    let settles = || {
        let calendar = calendars.of(fill.instrument.exchange);
        let traded = calendar.position_on_or_after(calendar.date_at(t))?;
        calendar.at_position(traded.checked_add(days)?).map(|session| session.date)
    };
    let settles = if days > 0 && fill.side == Side::Sell { settles() } else { None };
    Booking { seq, lot, settles }
}

struct Fold<'f> {
    state: &'f mut State,
    calendars: &'f Calendars,
    event: &'f Event,
    effects: &'f mut Effects,
}

impl Fold<'_> {
    fn body(&mut self) -> Result<(), EngineError> {
        match &self.event.body {
            EventBody::AccountOpened(spec) => {
                self.open(spec);
                Ok(())
            }
            EventBody::InstrumentDefined(instrument) => {
                self.state.orders.define(instrument);
                Arc::make_mut(&mut self.state.instruments).insert(instrument.id, instrument.clone());
                Ok(())
            }
            EventBody::Configured(venue) => {
                let same_fee = self.state.venue.fee == venue.fee;
                self.state.venue = **venue;
                if !same_fee {
                    self.state.sum_up();
                }
                Ok(())
            }
            EventBody::OrderAccepted { .. }
            | EventBody::OrderHeld { .. }
            | EventBody::OrderReleased { .. }
            | EventBody::OrderUpdated { .. }
            | EventBody::OrderReduced { .. }
            | EventBody::OrderTriggered { .. }
            | EventBody::OrderTrailed { .. }
            | EventBody::OrderCanceled { .. }
            | EventBody::OrderExpired { .. }
            | EventBody::OrderRejected { .. }
            | EventBody::OrderDenied { .. } => self.order_event(),
            EventBody::OrderSubmitted { .. }
            | EventBody::OrderAdopted { .. }
            | EventBody::OrderAcknowledged { .. }
            | EventBody::OrderSuspended { .. }
            | EventBody::UpdateRequested { .. }
            | EventBody::CancelRequested { .. }
            | EventBody::AmendRejected { .. }
            | EventBody::CancelRejected { .. }
            | EventBody::ReconciliationBegan { .. }
            | EventBody::ReconciliationEnded { .. } => self.remote_event(),
            EventBody::PositionClaimed(claim) | EventBody::PositionTakenOver(claim) => self.claim(claim),
            EventBody::Fill(fill) => self.fill(fill),
            EventBody::ControlRejected { .. }
            | EventBody::Flattened { .. }
            | EventBody::RiskAcknowledged(_)
            | EventBody::HaltDrilled { .. } => Ok(()),
            EventBody::LimitProposed { .. }
            | EventBody::LimitApproved { .. }
            | EventBody::LimitRejected { .. }
            | EventBody::Halted { .. }
            | EventBody::Resumed { .. }
            | EventBody::LimitTurned { .. }
            | EventBody::LimitUsed { .. }
            | EventBody::MarginEased { .. }
            | EventBody::RiskEased { .. }
            | EventBody::RiskEvent { .. } => self.control(),
            EventBody::CorporateAction { .. }
            | EventBody::SymbolChanged { .. }
            | EventBody::SymbolStatus { .. }
            | EventBody::DividendAnnounced { .. }
            | EventBody::ExDateReached { .. }
            | EventBody::DividendDue { .. }
            | EventBody::Cash { .. }
            | EventBody::Settled { .. }
            | EventBody::Marked { .. }
            | EventBody::Session { .. } => self.outside(),
        }
    }

    fn open(&mut self, spec: &AccountSpec) {
        if !spec.broker.is_paper() {
            self.compared(spec.account, false);
        }
        self.state.orders.note_source(spec.account, spec.trigger);
        let (account, movement) = Account::open(spec.clone());
        self.state.accounts.insert(spec.account, account);
        self.moved(spec.account, movement);
    }

    fn control(&mut self) -> Result<(), EngineError> {
        let (seq, t) = (self.event.seq, self.event.t);
        match &self.event.body {
            EventBody::LimitProposed { version, draft, actor } => {
                self.state.limits.propose(*version, LimitDraft::clone(draft), *actor, (t, self.event.wall));
            }
            EventBody::LimitApproved { version, draft, maker, actor, alone } => {
                let approved = self.state.limits.approve(*version, draft, (*maker, *actor), *alone, t);
                approved.map_err(|source| EngineError::Limit { seq, source })?;
                if draft.terms.effective_from.is_none_or(|from| from <= t) {
                    self.agreed_on(*version);
                }
            }
            EventBody::LimitRejected { version, actor, reason } => {
                let rejected = self.state.limits.reject(*version, *actor, reason.clone(), t);
                rejected.map_err(|source| EngineError::Limit { seq, source })?;
            }
            EventBody::Halted { scope, mode, actor, reason } => {
                let wall = self.event.wall;
                self.state.halt_reasons.insert(*scope, reason.clone());
                let mut by = self.state.halts.remove(scope).map_or_else(Vec::new, |before| before.by);
                by.retain(|who| who != actor);
                by.push(*actor);
                self.state.halts.insert(*scope, Halt { mode: *mode, by, since: t, wall });
            }
            EventBody::Resumed { scope, .. } => {
                self.state.halts.remove(scope);
                self.state.halt_reasons.remove(scope);
                DRAWDOWNS.iter().for_each(|code| self.unlatch(*scope, *code));
                self.state.executions.retain(|(practice, strategy), _| {
                    practice.map_or(Scope::Strategy(*strategy), Scope::Account) != *scope
                });
            }
            EventBody::LimitTurned { version, turn } => {
                let turned = self.state.limits.turn(*version, *turn);
                turned.map_err(|source| EngineError::Limit { seq, source })?;
                if *turn == Turn::Begins {
                    self.agreed_on(*version);
                }
            }
            EventBody::LimitUsed { account, limit, scope, level, .. } => {
                let key = (*account, *limit, *scope);
                if *level == 0 {
                    self.state.warned.remove(&key);
                } else {
                    self.state.warned.insert(key, *level);
                }
            }
            EventBody::RiskEvent { code, account, observed, scope, .. } => {
                self.risk_event((*code, *account, *scope), observed);
            }
            EventBody::MarginEased { account, code, .. } | EventBody::RiskEased { account, code } => {
                self.state.latched.remove(&(*account, *code));
            }
            _ => {}
        }
        Ok(())
    }

    /// What risk had to see: kept until it is over, so that it is told once.
    fn risk_event(
        &mut self,
        (code, account, scope): (RefusalCode, AccountId, Option<Scope>),
        observed: &str,
    ) {
        match (code, scope) {
            (RefusalCode::ReconciliationBreak | RefusalCode::LateFill, _) => {
                self.state.breaks.entry(account).or_default().insert(observed.to_owned());
                let since = self.state.broken_since.entry(account).or_default();
                since.entry(observed.to_owned()).or_insert(self.event.wall);
            }
            // Told each time.
            (RefusalCode::FatFill, _) => {}
            (code, Some(scope)) => drop(self.state.latched_scopes.insert((account, code, scope))),
            (code, None) => drop(self.state.latched.insert((account, code))),
        }
    }

    fn outside(&mut self) -> Result<(), EngineError> {
        match &self.event.body {
            EventBody::CorporateAction { instrument, ratio, ex_date, is_late, to_tick } => {
                let day = self.day_of(*instrument);
                self.note_action(*instrument, ex_date.unwrap_or(day), true);
                return self.split(*instrument, *ratio, (*is_late, *to_tick));
            }
            EventBody::SymbolChanged { instrument, to, day } => {
                return self.change_symbol(*instrument, *to, *day);
            }
            EventBody::SymbolStatus { instrument, halted } => {
                if *halted {
                    self.state.halted.insert(*instrument);
                } else {
                    self.state.halted.remove(instrument);
                }
            }
            EventBody::DividendAnnounced { instrument, amount, ex_date, pay_date } => {
                let known = Announced {
                    instrument: *instrument,
                    amount: *amount,
                    ex_date: *ex_date,
                    pay_date: *pay_date,
                };
                self.state.dividends.push(known);
                self.note_action(*instrument, *ex_date, false);
            }
            EventBody::ExDateReached { instrument, ex_date } => {
                self.go_ex(*instrument, *ex_date);
                self.state.dividends.retain(|d| d.instrument != *instrument || d.ex_date != *ex_date);
            }
            EventBody::DividendDue { account, instrument, amount, pay_date, is_late } => {
                if !is_late {
                    self.note_day_flow(*account, *instrument, Some(*amount));
                }
                let receivable = Receivable { instrument: *instrument, amount: *amount, pay_date: *pay_date };
                let movement = self.account(*account)?.owe(receivable, *is_late);
                let movement = self.counted(movement)?;
                self.moved(*account, movement);
            }
            EventBody::Cash { account, amount, kind, instrument } => {
                if let Some(instrument) = instrument.filter(|_| *kind == CashKind::CashInLieu) {
                    self.note_day_flow(*account, instrument, Some(*amount));
                    let day = self.day_of(instrument);
                    self.state.pay_strategies(*account, instrument, *amount, day);
                }
                let movement = self.account(*account)?.cash_event(*amount, *kind, *instrument);
                let movement = self.counted(movement)?;
                instrument.iter().for_each(|i| self.state.note_position(*account, *i));
                self.cure(*account);
                self.moved(*account, movement);
            }
            EventBody::Settled { account, day, .. } => {
                let movement = self.account(*account)?.settle(*day);
                let movement = self.counted(movement)?;
                self.moved(*account, movement);
            }
            EventBody::Marked { exchange, time, prices, .. } => self.mark(*exchange, *time, prices),
            EventBody::Session { exchange, state } => self.session(*exchange, *state),
            _ => {}
        }
        Ok(())
    }

    /// Notes what an account's books moved by.
    fn moved(&mut self, account: AccountId, movement: Movement) {
        self.effects.movements.push((account, movement));
    }

    /// Notes an order whose row changes.
    fn changed(&mut self, key: OrderKey) {
        self.effects.orders.push(key);
    }

    fn account(&mut self, account: AccountId) -> Result<&mut Account, EngineError> {
        let seq = self.event.seq;
        let unknown = || EngineError::Unknown { seq, what: format!("account {account}") };
        self.state.accounts.get_mut(&account).ok_or_else(unknown)
    }

    fn counted<T>(&self, result: Result<T, NumberError>) -> Result<T, EngineError> {
        result.map_err(|source| EngineError::Number { seq: self.event.seq, source })
    }

    /// Cash is no longer negative: the control that spoke is lifted.
    fn cure(&mut self, account: AccountId) {
        if !self.state.latched.is_empty()
            && self.state.accounts.get(&account).is_some_and(|a| !a.cash().is_negative())
        {
            self.state.latched.remove(&(account, RefusalCode::CashNegative));
        }
    }

    /// A version binds from now on. A drawdown that spoke is lifted by one that somebody agreed to beside its maker
    /// (or the only person of a home, after waiting), never by what one person sets alone or for one order.
    fn agreed_on(&mut self, version: u32) {
        let found = self.state.limits.versions().iter().find(|v| v.version == version);
        let lifts = found.filter(|v| {
            let agreed = v.alone || v.approver.is_some_and(|by| by != v.maker);
            agreed && v.draft.terms.order.is_none() && DRAWDOWNS.contains(&v.draft.name.code())
        });
        if let Some((scope, code)) = lifts.map(|v| (v.draft.scope, v.draft.name.code())) {
            self.unlatch(scope, code);
        }
    }

    fn unlatch(&mut self, scope: Scope, lifted: RefusalCode) {
        let accounts = &self.state.accounts;
        self.state.latched.retain(|(account, code)| {
            let spec = accounts.get(account).map(Account::spec);
            let bound = spec.is_some_and(|spec| Target::account(spec).is_bound_by(scope));
            *code != lifted || !bound
        });
    }

    /// Notes that the book has had an action, where anybody holds or wants the name: else it has no say in it.
    fn note_action(&mut self, instrument: InstrumentId, date: NaiveDate, is_split: bool) {
        let mut accounts = self.state.accounts.values();
        let is_held = accounts.any(|account| account.positions().contains_key(&instrument));
        if is_held || !self.state.orders.queue(instrument).is_empty() {
            self.state.applied.insert((instrument, date, is_split));
        }
    }

    fn split(
        &mut self,
        instrument: InstrumentId,
        ratio: SplitRatio,
        (is_late, to_tick): (bool, bool),
    ) -> Result<(), EngineError> {
        for (name, account) in &mut self.state.accounts {
            let moved = account.split(instrument, ratio);
            let moved = moved.map_err(|source| EngineError::Number { seq: self.event.seq, source })?;
            self.effects.movements.extend(moved.map(|movement| (*name, movement)));
        }
        let known = self.state.instruments.get(&instrument);
        let (lot, tick) = known.map_or((Quantity::ZERO, Price::ZERO), |i| (i.lot, i.tick));
        let steps = (lot, to_tick.then_some(tick));
        let keys: Vec<OrderKey> = self.state.orders.queue(instrument).iter().map(|w| w.key).collect();
        for key in keys {
            self.split_order(key, ratio, steps)?;
            self.effects.orders.push(key);
        }
        if let Some(seen) = self.state.view.seen.get_mut(&instrument).filter(|_| !is_late) {
            seen.quote = None;
            if let Some(last) = &mut seen.last {
                let price = split_price(last.price, ratio);
                last.price = price.map_err(|source| EngineError::Number { seq: self.event.seq, source })?;
                self.state.orders.set_last(instrument, last.price);
            }
        }
        for (account, _) in self.effects.movements.iter() {
            self.state.note_position(*account, instrument);
        }
        let day = self.day_of(instrument);
        self.state.split_strategies(instrument, ratio, day);
        Ok(())
    }

    /// Dividends that go ex on a day that has not passed are of the profit that strategies make today.
    fn go_ex(&mut self, instrument: InstrumentId, ex_date: NaiveDate) {
        if self.state.day(instrument.exchange).is_some_and(|begun| ex_date < begun) {
            return;
        }
        let day = self.day_of(instrument);
        let due = self.state.dividends.iter().filter(|d| d.instrument == instrument && d.ex_date == ex_date);
        let due: Vec<Price> = due.map(|d| d.amount).collect();
        due.into_iter().for_each(|amount| self.state.owe_strategies(instrument, amount, day));
    }

    /// The day of an instrument's exchange at the event.
    fn day_of(&self, instrument: InstrumentId) -> NaiveDate {
        self.calendars.of(instrument.exchange).date_at(self.event.t)
    }

    fn mark(&mut self, exchange: Exchange, time: UnixNanos, prices: &[(InstrumentId, Price)]) {
        let EventBody::Marked { accounts, ages, .. } = &self.event.body else { return };
        let calendar = self.calendars.of(exchange);
        let day = calendar.date_at(time);
        let session = calendar.position_on_or_after(day);
        if self.state.days.insert(exchange, day) != Some(day) {
            let names: Vec<AccountId> = self.state.accounts.keys().copied().collect();
            names.iter().for_each(|name| self.state.begin_day_of(*name, (exchange, day), prices));
            self.state.begin_strategies_day(exchange, day, prices);
            self.forget_scopes(exchange);
            for (name, account) in &self.state.accounts {
                if account.trades_on(exchange) {
                    self.state.latched.remove(&(*name, RefusalCode::DailyLossLimit));
                    let Some(conduct) = self.state.conduct.get_mut(name) else { continue };
                    conduct.activity = Activity::default();
                    if let Some(at) = session {
                        conduct.past.turn_to(at);
                        conduct.day_trades.turn_to(at);
                    }
                }
            }
        }
        self.state.clocks.insert(exchange, time);
        for (at, (instrument, price)) in prices.iter().enumerate() {
            let last = self.state.view.last(*instrument);
            let seen = match ages {
                Some(ages) => time.plus_nanos(-ages.get(at).copied().unwrap_or(0)),
                // A mark that does not say when: a price that is the same may be an old one.
                None => last.filter(|last| last.price == *price).map_or(time, |last| last.time),
            };
            if last.is_none_or(|last| (last.price, last.time) != (*price, seen)) {
                self.state.set_last(*instrument, *price, seen);
            }
        }
        for mark in accounts {
            if let Some(account) = self.state.accounts.get_mut(&mark.account) {
                account.mark(mark);
            }
        }
    }

    /// What symbols and strategies lost on the day before was told then.
    fn forget_scopes(&mut self, exchange: Exchange) {
        let State { accounts, instruments, latched_scopes, .. } = &mut *self.state;
        latched_scopes.retain(|(name, _, scope)| {
            let trades = accounts.get(name).is_some_and(|account| account.trades_on(exchange));
            let is_there = match scope {
                Scope::Symbol(symbol) => instruments.contains_key(&InstrumentId::new(*symbol, exchange)),
                Scope::Firm | Scope::Account(_) | Scope::Strategy(_) => true,
            };
            !(trades && is_there)
        });
    }

    /// From the first word on the calendar is not asked: a close ends the DAY orders that are open now.
    fn session(&mut self, exchange: Exchange, state: SessionState) {
        let first = self.state.sessions.insert(exchange, state).is_none();
        let expiry = match state {
            SessionState::Close => Some(self.event.t),
            SessionState::Open if first => None,
            SessionState::Open => return,
        };
        let days = self.state.orders.open().iter();
        let keys: Vec<OrderKey> = days
            .filter(|(_, o)| o.spec.instrument.exchange == exchange && ends_with_session(o.spec.tif))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.state.orders.set_expiry(&key, expiry);
        }
    }
}

/// Whether an order of this time in force ends with its session at the latest.
const fn ends_with_session(tif: TimeInForce) -> bool {
    match tif {
        TimeInForce::Day | TimeInForce::Ioc | TimeInForce::Fok => true,
        TimeInForce::Gtc | TimeInForce::Gtd => false,
    }
}
