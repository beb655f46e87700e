//! The fold: how each event changes the state. Deciding and recovering both go through here.

use crate::domain::calendar::Calendars;
use crate::domain::event::{EndReason, Event, EventBody, Fill, Refusal};
use crate::domain::limit::Scope;
use crate::domain::market::{SessionState, SplitRatio};
use crate::domain::order::Order;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    AccountId, Exchange, InstrumentId, Money, NumberError, OrderSpec, OrderStatus, Price, Quantity,
    RefusalCode, Seq, Side, TimeInForce, UnixNanos,
};
use crate::portfolio::{Account, Booking, Movement, Receivable, split_price, split_quantity};
use crate::risk::{Halt, OrderKey, binds};

use super::engine::EngineError;
use super::orders::Working;
use super::state::{Announced, State};

/// How long orders count for the rate limit, in seconds.
const RECENT_SECONDS: i64 = 60;

/// What an event changed beside the state's own fields.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Ledger movements by account.
    pub movements: Vec<(AccountId, Movement)>,
    /// Orders whose row changes.
    pub orders: Vec<OrderKey>,
}

impl Effects {
    fn moved(account: AccountId, movement: Movement) -> Self {
        Self { movements: vec![(account, movement)], orders: Vec::new() }
    }

    fn of_order(key: OrderKey) -> Self {
        Self { movements: Vec::new(), orders: vec![key] }
    }
}

/// Applies one event with its canonical text: checks its place, changes the state, extends the chain.
pub(super) fn apply(
    state: &mut State,
    calendars: &Calendars,
    event: &Event,
    text: &str,
) -> Result<Effects, EngineError> {
    if event.seq != state.seq.saturating_add(1) {
        return Err(EngineError::Gap { after: state.seq, found: event.seq });
    }
    let effects = Fold { state, calendars, event }.body()?;
    state.seq = event.seq;
    state.chain.0 = state.chain.0.next(text.as_bytes());
    Ok(effects)
}

/// How a fill is booked: the lot it opens, the lot its order names, the day on which a sale settles.
pub(super) fn booking(state: &State, calendars: &Calendars, fill: &Fill, seq: Seq, t: UnixNanos) -> Booking {
    let days = i64::from(state.venue.settlement_days);
    let settles = || {
        let calendar = calendars.of(fill.instrument.exchange);
        let traded = calendar.position_on_or_after(calendar.date_at(t))?;
        calendar.at_position(traded.checked_add(days)?).map(|session| session.date)
    };
    let settles = if days > 0 && fill.side == Side::Sell { settles() } else { None };
    Booking { seq, lot: None, settles }
}

struct Fold<'f> {
    state: &'f mut State,
    calendars: &'f Calendars,
    event: &'f Event,
}

impl Fold<'_> {
    fn body(&mut self) -> Result<Effects, EngineError> {
        match &self.event.body {
            EventBody::AccountOpened(spec) => {
                let (account, movement) = Account::open(spec.clone());
                self.state.accounts.insert(spec.account, account);
                Ok(Effects::moved(spec.account, movement))
            }
            EventBody::InstrumentDefined(instrument) => {
                self.state.instruments.insert(instrument.id, instrument.clone());
                Ok(Effects::default())
            }
            EventBody::Configured(venue) => {
                self.state.venue = *venue;
                Ok(Effects::default())
            }
            EventBody::OrderAccepted { order, .. } => Ok(self.take_in(order, OrderStatus::Accepted, None)),
            EventBody::OrderHeld { order, code, .. } => Ok(self.hold(order, *code)),
            EventBody::OrderReleased { account, id, approver } => {
                Ok(self.release((*account, *id), approver.is_some()))
            }
            EventBody::OrderUpdated { account, id, quantity, limit_price } => {
                Ok(self.update((*account, *id), *quantity, *limit_price))
            }
            EventBody::OrderCanceled { account, id, reason } => {
                Ok(self.end((*account, *id), OrderStatus::Canceled, *reason))
            }
            EventBody::OrderExpired { account, id, reason } => {
                Ok(self.end((*account, *id), OrderStatus::Expired, *reason))
            }
            EventBody::OrderRejected { order, refusal } => {
                Ok(self.refuse(order, refusal, OrderStatus::Rejected))
            }
            EventBody::OrderDenied { order, refusal, .. } => {
                Ok(self.refuse(order, refusal, OrderStatus::Denied))
            }
            EventBody::Fill(fill) => self.fill(fill),
            EventBody::AmendRejected { .. }
            | EventBody::CancelRejected { .. }
            | EventBody::ControlRejected { .. } => Ok(Effects::default()),
            EventBody::LimitProposed { .. }
            | EventBody::LimitApproved { .. }
            | EventBody::Halted { .. }
            | EventBody::Resumed { .. }
            | EventBody::RiskEvent { .. } => self.control(),
            EventBody::CorporateAction { .. }
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

    fn control(&mut self) -> Result<Effects, EngineError> {
        let (seq, t) = (self.event.seq, self.event.t);
        match &self.event.body {
            EventBody::LimitProposed { version, draft, actor } => {
                self.state.limits.propose(*version, draft.clone(), *actor, t);
            }
            EventBody::LimitApproved { version, draft, maker, actor } => {
                let approved = self.state.limits.approve(*version, draft, *maker, *actor, t);
                approved.map_err(|source| EngineError::Limit { seq, source })?;
                if draft.name.code() == RefusalCode::DrawdownLimit {
                    self.unlatch_drawdown(draft.scope);
                }
            }
            EventBody::Halted { scope, mode, actor } => {
                self.state.halts.insert(*scope, Halt { mode: *mode, actor: *actor, since: t });
            }
            EventBody::Resumed { scope, .. } => {
                self.state.halts.remove(scope);
            }
            EventBody::RiskEvent { code, account, .. } => {
                self.state.latched.insert((*account, *code));
            }
            _ => {}
        }
        Ok(Effects::default())
    }

    fn outside(&mut self) -> Result<Effects, EngineError> {
        match &self.event.body {
            EventBody::CorporateAction { instrument, ratio } => return self.split(*instrument, *ratio),
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
            }
            EventBody::ExDateReached { instrument, ex_date } => {
                self.state.dividends.retain(|d| d.instrument != *instrument || d.ex_date != *ex_date);
            }
            EventBody::DividendDue { account, instrument, amount, pay_date } => {
                let receivable = Receivable { instrument: *instrument, amount: *amount, pay_date: *pay_date };
                let movement = self.account(*account)?.owe(receivable);
                return Ok(Effects::moved(*account, self.counted(movement)?));
            }
            EventBody::Cash { account, amount, kind, instrument } => {
                let movement = self.account(*account)?.cash_event(*amount, *kind, *instrument);
                let movement = self.counted(movement)?;
                self.cure(*account);
                return Ok(Effects::moved(*account, movement));
            }
            EventBody::Settled { account, day, .. } => {
                let movement = self.account(*account)?.settle(*day);
                return Ok(Effects::moved(*account, self.counted(movement)?));
            }
            EventBody::Marked { exchange, time, prices, .. } => self.mark(*exchange, *time, prices),
            EventBody::Session { exchange, state } => self.session(*exchange, *state),
            _ => {}
        }
        Ok(Effects::default())
    }

    fn account(&mut self, account: AccountId) -> Result<&mut Account, EngineError> {
        let seq = self.event.seq;
        let unknown = || EngineError::Unknown { seq, what: format!("account {account}") };
        self.state.accounts.get_mut(&account).ok_or_else(unknown)
    }

    fn counted<T>(&self, result: Result<T, NumberError>) -> Result<T, EngineError> {
        result.map_err(|source| EngineError::Number { seq: self.event.seq, source })
    }

    fn active_at(&self) -> UnixNanos {
        self.event.t.plus_millis(i64::from(self.state.venue.latency_ms))
    }

    fn order(&self, spec: &OrderSpec, status: OrderStatus, code: Option<RefusalCode>) -> Order {
        Order {
            spec: spec.clone(),
            status,
            filled: Quantity::ZERO,
            filled_notional: Money::ZERO,
            fees: Money::ZERO,
            given_at: self.event.t,
            changed_at: self.event.t,
            code,
            reason: code.map(|c| c.text().to_owned()).unwrap_or_default(),
            actor: self.event.by,
        }
    }

    fn take_in(&mut self, spec: &OrderSpec, status: OrderStatus, code: Option<RefusalCode>) -> Effects {
        let key = (spec.account, spec.id);
        let working = Working {
            key,
            place: self.event.seq,
            active_at: self.active_at(),
            expires_at: self.expiry(spec),
        };
        let order = self.order(spec, status, code);
        self.state.orders.insert(order, working);
        let recent = self.state.recent.entry(spec.account).or_default();
        recent.push_back(self.event.t);
        let old = |t: &UnixNanos| self.event.t.since(*t) >= RECENT_SECONDS * NANOS_PER_SECOND;
        while recent.front().is_some_and(old) {
            recent.pop_front();
        }
        Effects::of_order(key)
    }

    /// When an order ends by time: a DAY order at the close of the session it belongs to. While an exchange is
    /// opened and closed by word, its next close ends the order.
    fn expiry(&self, spec: &OrderSpec) -> Option<UnixNanos> {
        let exchange = spec.instrument.exchange;
        match spec.tif {
            TimeInForce::Gtc => None,
            TimeInForce::Day if self.state.sessions.contains_key(&exchange) => None,
            TimeInForce::Day => self.calendars.of(exchange).next_close_after(self.event.t),
        }
    }

    fn hold(&mut self, spec: &OrderSpec, code: RefusalCode) -> Effects {
        let key = (spec.account, spec.id);
        let t = self.event.t;
        match self.state.orders.open_mut(&key) {
            Some(order) => {
                order.status = OrderStatus::Held;
                order.code = Some(code);
                order.reason = code.text().to_owned();
                order.changed_at = t;
                Effects::of_order(key)
            }
            None => self.take_in(spec, OrderStatus::Held, Some(code)),
        }
    }

    fn release(&mut self, key: OrderKey, by_a_person: bool) -> Effects {
        let (t, active_at) = (self.event.t, self.active_at());
        if let Some(order) = self.state.orders.open_mut(&key) {
            order.status =
                if order.filled.is_zero() { OrderStatus::Accepted } else { OrderStatus::PartiallyFilled };
            order.code = None;
            order.reason = String::new();
            order.changed_at = t;
        }
        if by_a_person {
            self.state.orders.activate(&key, active_at);
        }
        Effects::of_order(key)
    }

    fn update(&mut self, key: OrderKey, quantity: Quantity, limit_price: Option<Price>) -> Effects {
        let (t, active_at) = (self.event.t, self.active_at());
        self.state.orders.keep_asked(&key);
        let mut done = false;
        if let Some(order) = self.state.orders.open_mut(&key) {
            order.spec.quantity = quantity;
            order.spec.limit_price = limit_price;
            order.changed_at = t;
            done = order.filled >= quantity;
        }
        self.state.orders.activate(&key, active_at);
        if done {
            self.state.orders.finish(&key, |order| order.status = OrderStatus::Filled);
        }
        Effects::of_order(key)
    }

    fn end(&mut self, key: OrderKey, status: OrderStatus, reason: EndReason) -> Effects {
        let t = self.event.t;
        self.state.orders.finish(&key, |order| {
            order.status = status;
            order.changed_at = t;
            order.reason = reason.text().to_owned();
        });
        Effects::of_order(key)
    }

    fn refuse(&mut self, spec: &OrderSpec, refusal: &Refusal, status: OrderStatus) -> Effects {
        let key = (spec.account, spec.id);
        let duplicate = refusal.code == RefusalCode::DuplicateClientOrderId;
        if duplicate || !self.state.accounts.contains_key(&spec.account) {
            return Effects::default();
        }
        let refused = self.order(spec, status, Some(refusal.code));
        if self.state.orders.open().contains_key(&key) {
            self.state.orders.finish(&key, |order| {
                order.status = status;
                order.code = refused.code;
                order.reason = refused.reason;
                order.changed_at = refused.changed_at;
            });
        } else {
            self.state.orders.insert_done(key, refused);
        }
        Effects::of_order(key)
    }

    fn fill(&mut self, fill: &Fill) -> Result<Effects, EngineError> {
        let key = (fill.account, fill.id);
        let (seq, t) = (self.event.seq, self.event.t);
        let notional = self.counted(fill.price.notional(fill.quantity))?;
        let booking = booking(self.state, self.calendars, fill, seq, t);
        let movement = self.account(fill.account)?.fill(fill, booking);
        let movement = self.counted(movement)?;
        let unknown = || EngineError::Unknown { seq, what: format!("order {} of {}", fill.id, fill.account) };
        let order = self.state.orders.open_mut(&key).ok_or_else(unknown)?;
        let sum = order.filled_notional.checked_add(notional).zip(order.fees.checked_add(fill.fee));
        let (filled_notional, fees) =
            sum.ok_or(EngineError::Number { seq, source: NumberError::Overflow })?;
        order.filled = fill.cum;
        (order.filled_notional, order.fees) = (filled_notional, fees);
        order.status = OrderStatus::PartiallyFilled;
        order.changed_at = t;
        if fill.leaves.is_zero() {
            self.state.orders.finish(&key, |order| order.status = OrderStatus::Filled);
        }
        if self.state.view.last(fill.instrument).is_none() {
            self.state.view.set_last(fill.instrument, fill.price, t);
        }
        self.cure(fill.account);
        Ok(Effects { movements: vec![(fill.account, movement)], orders: vec![key] })
    }

    /// Cash is no longer negative: the control that spoke is lifted.
    fn cure(&mut self, account: AccountId) {
        if self.state.accounts.get(&account).is_some_and(|a| !a.cash().is_negative()) {
            self.state.latched.remove(&(account, RefusalCode::CashNegative));
        }
    }

    fn unlatch_drawdown(&mut self, scope: Scope) {
        let accounts = &self.state.accounts;
        self.state.latched.retain(|(account, code)| {
            let kind = accounts.get(account).map(|a| a.spec().kind);
            let bound =
                kind.zip("X".parse().ok()).is_some_and(|(kind, any)| binds(scope, *account, kind, any));
            *code != RefusalCode::DrawdownLimit || !bound
        });
    }

    fn split(&mut self, instrument: InstrumentId, ratio: SplitRatio) -> Result<Effects, EngineError> {
        let mut effects = Effects::default();
        for (name, account) in &mut self.state.accounts {
            let moved = account.split(instrument, ratio);
            let moved = moved.map_err(|source| EngineError::Number { seq: self.event.seq, source })?;
            effects.movements.extend(moved.map(|movement| (*name, movement)));
        }
        let lot = self.state.instruments.get(&instrument).map_or(Quantity::ZERO, |i| i.lot);
        let keys: Vec<OrderKey> = self.state.orders.queue(instrument).iter().map(|w| w.key).collect();
        for key in keys {
            self.split_order(key, ratio, lot)?;
            effects.orders.push(key);
        }
        if let Some(seen) = self.state.view.seen.get_mut(&instrument) {
            seen.quote = None;
            if let Some(last) = &mut seen.last {
                let price = split_price(last.price, ratio);
                last.price = price.map_err(|source| EngineError::Number { seq: self.event.seq, source })?;
            }
        }
        Ok(effects)
    }

    fn split_order(&mut self, key: OrderKey, ratio: SplitRatio, lot: Quantity) -> Result<(), EngineError> {
        let seq = self.event.seq;
        let fits = |source| EngineError::Number { seq, source };
        self.state.orders.keep_asked(&key);
        let Some(order) = self.state.orders.open_mut(&key) else { return Ok(()) };
        order.filled = split_quantity(order.filled, ratio).map_err(fits)?;
        // What is open keeps whole lots; what was filled stays as it is.
        let whole = split_quantity(order.spec.quantity, ratio).map_err(fits)?;
        let leaves = whole.checked_sub(order.filled).ok_or(fits(NumberError::Overflow))?.round_to_lot(lot);
        order.spec.quantity = order.filled.checked_add(leaves).ok_or(fits(NumberError::Overflow))?;
        if let Some(limit) = order.spec.limit_price {
            order.spec.limit_price = Some(split_price(limit, ratio).map_err(fits)?);
        }
        order.changed_at = self.event.t;
        Ok(())
    }

    fn mark(&mut self, exchange: Exchange, time: UnixNanos, prices: &[(InstrumentId, Price)]) {
        let EventBody::Marked { accounts, .. } = &self.event.body else { return };
        let day = self.calendars.of(exchange).date_at(time);
        if self.state.days.insert(exchange, day) != Some(day) {
            for (name, account) in &self.state.accounts {
                if account.trades_on(exchange) {
                    self.state.latched.remove(&(*name, RefusalCode::DailyLossLimit));
                }
            }
        }
        self.state.clocks.insert(exchange, time);
        for (instrument, price) in prices {
            if self.state.view.last(*instrument).is_none_or(|last| last.price != *price) {
                self.state.view.set_last(*instrument, *price, time);
            }
        }
        for mark in accounts {
            if let Some(account) = self.state.accounts.get_mut(&mark.account) {
                account.mark(mark);
            }
        }
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
            .filter(|(_, o)| o.spec.instrument.exchange == exchange && o.spec.tif == TimeInForce::Day)
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.state.orders.set_expiry(&key, expiry);
        }
    }
}
