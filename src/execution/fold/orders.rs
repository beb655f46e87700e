//! How events change orders: every step goes through the table of [`OrderStatus::after`].

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::event::{EndReason, EventBody, Fill, Refusal};
use crate::domain::market::SplitRatio;
use crate::domain::order::Start;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{
    AccountId, InstrumentId, Money, NumberError, Order, OrderSpec, OrderStatus, OrderStep, Price, Quantity,
    RefusalCode, Side, TimeInForce, UnixNanos,
};
use crate::portfolio::{split_price, split_quantity};
use crate::risk::{Activity, OrderKey, Recent};

use super::super::engine::EngineError;
use super::super::orders::Working;
use super::super::state::Conduct;
use super::{Fold, booking};

/// How long orders count for the rate limit, in seconds.
const RECENT_SECONDS: i64 = 60;

impl Fold<'_> {
    pub(super) fn order_event(&mut self) -> Result<(), EngineError> {
        match &self.event.body {
            EventBody::OrderAccepted { order, valued_at, .. } => {
                self.take_in(order, OrderStatus::Accepted, None, *valued_at);
                Ok(())
            }
            EventBody::OrderHeld { order, code, valued_at, .. } => self.hold(order, *code, *valued_at),
            EventBody::OrderReleased { account, id, approver, valued_at, .. } => {
                self.release((*account, *id), approver.is_some())?;
                self.value((*account, *id), *valued_at);
                Ok(())
            }
            EventBody::OrderUpdated { account, id, quantity, limit_price, trigger_price, .. } => {
                self.update((*account, *id), *quantity, (*limit_price, *trigger_price))
            }
            EventBody::OrderReduced { account, id, by, group } => self.reduce((*account, *id), *by, *group),
            EventBody::OrderTriggered { account, id } => {
                let key = (*account, *id);
                let order = self.state.orders.open().get(&key);
                let rests = order.is_some_and(|order| order.spec.order_type.has_limit());
                let step = if rests { OrderStep::Trigger } else { OrderStep::Elect };
                self.step(key, step, |order| order.triggered = true)
            }
            EventBody::OrderTrailed { account, id, trigger_price } => {
                let stop = Some(*trigger_price);
                self.state.orders.change(&(*account, *id), |order| order.stop = stop);
                self.changed((*account, *id));
                Ok(())
            }
            EventBody::OrderCanceled { account, id, reason } => {
                if *reason == EndReason::Requested {
                    self.active(*account, |a| {
                        a.messages = a.messages.saturating_add(1);
                        a.cancels = a.cancels.saturating_add(1);
                    });
                }
                self.step((*account, *id), OrderStep::Cancel, |order| {
                    reason.text().clone_into(&mut order.reason)
                })
            }
            EventBody::OrderExpired { account, id, reason } => {
                self.step((*account, *id), OrderStep::Expire, |order| {
                    if *reason == EndReason::ApprovalExpired {
                        order.code = Some(RefusalCode::ApprovalExpired);
                    }
                    reason.text().clone_into(&mut order.reason)
                })
            }
            EventBody::OrderRejected { order, refusal } => self.refuse(order, refusal, OrderStep::Reject),
            EventBody::OrderDenied { order, refusal, .. } => self.refuse(order, refusal, OrderStep::Deny),
            _ => Ok(()),
        }
    }

    /// Notes the price at which an order without one of its own holds money.
    pub(super) fn value(&mut self, key: OrderKey, valued_at: Option<Price>) {
        if valued_at.is_some() {
            self.state.orders.change(&key, |order| order.valued_at = valued_at);
        }
    }

    /// Takes an order one step further; a step that the table does not list is an error.
    pub(super) fn step(
        &mut self,
        key: OrderKey,
        step: OrderStep,
        change: impl FnOnce(&mut Order),
    ) -> Result<(), EngineError> {
        self.step_held(key, step, None, change)
    }

    /// The same; an open order's account then holds `held` of its instrument, where that is given.
    fn step_held(
        &mut self,
        key: OrderKey,
        step: OrderStep,
        held: Option<Quantity>,
        change: impl FnOnce(&mut Order),
    ) -> Result<(), EngineError> {
        let (seq, t) = (self.event.seq, self.event.t);
        let taken = self.state.orders.change_held(&key, held, |order| {
            let from = order.status;
            change(order);
            order.changed_at = t;
            order.status = from.after(step, order.standing()).ok_or((from, step))?;
            Ok(())
        });
        match taken {
            Some(Ok(())) => {
                self.changed(key);
                Ok(())
            }
            Some(Err((from, step))) => Err(EngineError::Illegal { seq, id: key.1, from, step }),
            None => Err(EngineError::Unknown { seq, what: format!("order {} of {}", key.1, key.0) }),
        }
    }

    fn active_at(&self) -> UnixNanos {
        self.event.t.plus_millis(i64::from(self.state.venue.latency_ms))
    }

    pub(super) fn take_in(
        &mut self,
        spec: &Arc<OrderSpec>,
        status: OrderStatus,
        code: Option<RefusalCode>,
        valued_at: Option<Price>,
    ) {
        let key = (spec.account, spec.id);
        let working = Working {
            key,
            place: self.event.seq,
            active_at: self.active_at(),
            expires_at: self.expiry(spec),
        };
        let mut order = Order::new(Arc::clone(spec), status, self.event.t, self.event.by);
        order.code = code;
        order.valued_at = valued_at;
        order.reason = code.map(|c| c.text().to_owned()).unwrap_or_default();
        order.cap = spec.parent.map(|parent| self.filled_of((spec.account, parent)));
        self.state.orders.insert(Arc::new(order), working);
        self.state.note_messages(spec.account, self.event.t, (1, 0));
        let Conduct { activity, recent, .. } = self.state.conduct(spec.account);
        activity.messages = activity.messages.saturating_add(1);
        recent.push_back(Recent::of(spec, self.event.t));
        let old = |o: &Recent| self.event.t.since(o.time) >= RECENT_SECONDS * NANOS_PER_SECOND;
        while recent.front().is_some_and(old) {
            recent.pop_front();
        }
        self.changed(key);
    }

    /// Counts what an account does today.
    fn active(&mut self, account: AccountId, count: impl FnOnce(&mut Activity)) {
        count(&mut self.state.conduct(account).activity);
    }

    fn filled_of(&self, key: OrderKey) -> Quantity {
        self.state.orders.get(key.0, key.1).map_or(Quantity::ZERO, |order| order.filled)
    }

    /// When an order ends by time: a GTD order at its moment, a DAY order (and one for at once) at the close of the
    /// session it belongs to. While an exchange is opened and closed by word, its next close ends the order.
    fn expiry(&self, spec: &OrderSpec) -> Option<UnixNanos> {
        let exchange = spec.instrument.exchange;
        match spec.tif {
            TimeInForce::Gtc => None,
            TimeInForce::Gtd => spec.expire_at,
            TimeInForce::Day | TimeInForce::Ioc | TimeInForce::Fok
                if self.state.sessions.contains_key(&exchange) =>
            {
                None
            }
            TimeInForce::Day | TimeInForce::Ioc | TimeInForce::Fok => {
                self.calendars.of(exchange).next_close_after(self.event.t)
            }
        }
    }

    fn hold(
        &mut self,
        spec: &Arc<OrderSpec>,
        code: RefusalCode,
        valued_at: Option<Price>,
    ) -> Result<(), EngineError> {
        let key = (spec.account, spec.id);
        let approval = code == RefusalCode::ApprovalRequired;
        if approval {
            self.state.asked.insert(key, self.event.wall);
        }
        if !self.state.orders.open().contains_key(&key) {
            let status = if approval { OrderStatus::PendingApproval } else { OrderStatus::Held };
            self.take_in(spec, status, Some(code), valued_at);
            return Ok(());
        }
        let step = if approval { OrderStep::AskApproval } else { OrderStep::Hold };
        self.step(key, step, |order| {
            if code == RefusalCode::WaitsForParent {
                // It begins anew with what its parent fills next.
                order.cap = order.cap.map(|_| order.filled);
                (order.triggered, order.stop) = (false, None);
            }
            order.code = Some(code);
            order.valued_at = valued_at.or(order.valued_at);
            code.text().clone_into(&mut order.reason);
        })
    }

    fn release(&mut self, key: OrderKey, by_a_person: bool) -> Result<(), EngineError> {
        let (t, active_at) = (self.event.t, self.active_at());
        let orders = &self.state.orders;
        let order = orders.open().get(&key);
        let is_child = order.is_some_and(|order| order.spec.parent.is_some());
        let working = order.and_then(|order| orders.working(order.spec.instrument, &key));
        let given = working.map_or(t, |working| working.active_at);
        self.step(key, OrderStep::Release, |order| {
            order.code = None;
            order.reason.clear();
        })?;
        // A child works from the next bar, quote or print on, never on the one that filled its parent.
        if is_child {
            self.state.orders.activate(&key, active_at.max(t));
        } else if by_a_person {
            self.state.orders.activate(&key, active_at);
        } else {
            // The rest of what its list's sells paid for works from then on.
            self.state.orders.activate(&key, given.max(t));
        }
        Ok(())
    }

    fn update(
        &mut self,
        key: OrderKey,
        quantity: Quantity,
        (limit_price, trigger_price): (Option<Price>, Option<Price>),
    ) -> Result<(), EngineError> {
        let active_at = self.active_at();
        // A change that a broker was asked for was counted when it was asked.
        let open = self.state.orders.open().get(&key);
        let here = open.is_none_or(|order| !order.is_at_broker());
        if here {
            self.state.note_messages(key.0, self.event.t, (1, 0));
        }
        let (by, wall) = (self.event.by, self.event.wall);
        // What waits for a second person is asked for anew, by all whose wish it is now.
        self.state.asked.entry(key).and_modify(|since| *since = wall);
        self.state.orders.keep_asked(&key);
        self.step(key, OrderStep::Update, |order| {
            if here && order.makers().all(|maker| maker != by) {
                order.changed_by.push(by);
            }
            let spec = Arc::make_mut(&mut order.spec);
            (spec.quantity, spec.limit_price, spec.trigger_price) = (quantity, limit_price, trigger_price);
            if let Some(remote) = order.remote.as_mut() {
                remote.asked = None;
            }
        })?;
        self.active(key.0, |a| a.messages = a.messages.saturating_add(1));
        self.state.orders.activate(&key, active_at);
        self.finish_if_filled(key);
        Ok(())
    }

    /// Takes quantity off an order: another of its group filled it, or its parent will fill no more.
    fn reduce(&mut self, key: OrderKey, by: Quantity, group: bool) -> Result<(), EngineError> {
        self.state.orders.keep_asked(&key);
        let less = |quantity: Quantity| quantity.checked_sub(by).unwrap_or(Quantity::ZERO);
        self.step(key, OrderStep::Update, |order| {
            let spec = Arc::make_mut(&mut order.spec);
            spec.quantity = less(spec.quantity);
            if group {
                order.cap = order.cap.map(less);
            }
        })?;
        self.finish_if_filled(key);
        Ok(())
    }

    /// An order whose quantity became what it has filled is done.
    fn finish_if_filled(&mut self, key: OrderKey) {
        self.state.orders.change(&key, |order| {
            if !order.status.is_done() && order.filled.is_positive() && order.filled >= order.spec.quantity {
                order.status = OrderStatus::Filled;
            }
        });
    }

    fn refuse(
        &mut self,
        spec: &Arc<OrderSpec>,
        refusal: &Refusal,
        step: OrderStep,
    ) -> Result<(), EngineError> {
        let key = (spec.account, spec.id);
        let duplicate = refusal.code == RefusalCode::DuplicateClientOrderId;
        if duplicate || !self.state.accounts.contains_key(&spec.account) {
            return Ok(());
        }
        let name = |order: &mut Order| {
            order.code = Some(refusal.code);
            refusal.code.text().clone_into(&mut order.reason);
        };
        let is_open = self.state.orders.open().contains_key(&key);
        self.state.note_messages(key.0, self.event.t, (u32::from(!is_open), 1));
        if is_open {
            return self.step(key, step, name);
        }
        let status = if step == OrderStep::Reject { OrderStatus::Rejected } else { OrderStatus::Denied };
        let mut refused = Order::new(Arc::clone(spec), status, self.event.t, self.event.by);
        name(&mut refused);
        self.state.orders.insert_done(key, refused);
        self.changed(key);
        Ok(())
    }

    pub(super) fn fill(&mut self, fill: &Fill) -> Result<(), EngineError> {
        let key = (fill.account, fill.id);
        let (seq, t) = (self.event.seq, self.event.t);
        let notional = self.counted(fill.price.notional(fill.quantity))?;
        let day = self.calendars.of(fill.instrument.exchange).date_at(t);
        let before = self.account(fill.account)?.quantity(fill.instrument);
        let closing = self.note_day_trade(fill, before, day);
        let out = if fill.side == Side::Buy { notional.checked_neg() } else { Some(notional) };
        self.state.note_day_flow((fill.account, fill.instrument), !before.is_zero(), day, out);
        let unknown = || EngineError::Unknown { seq, what: format!("order {} of {}", fill.id, fill.account) };
        let order = self.state.orders.get(key.0, key.1).ok_or_else(unknown)?;
        let booking = booking(self.state, self.calendars, fill, seq, order.spec.lot, t);
        let strategy = order.spec.held_by();
        let stops = order.spec.order_type.start() == Start::Stop && order.filled.is_zero();
        let sum = order.filled_notional.checked_add(notional).zip(order.fees.checked_add(fill.fee));
        let (filled_notional, fees) =
            sum.ok_or(EngineError::Number { seq, source: NumberError::Overflow })?;
        let volume = self.state.volume_before(order, || day);
        let step = if fill.leaves.is_zero() { OrderStep::FillRest } else { OrderStep::FillPart };
        // A late fill may be of an order that is done, or under its symbol of then.
        let own = !order.status.is_done() && order.spec.instrument == fill.instrument;
        let movement = self.account(fill.account)?.fill(fill, booking);
        let movement = self.counted(movement)?;
        let held = before.checked_add(fill.side.signed(fill.quantity)).unwrap_or(before);
        if let Some(session) = closing {
            let past = &mut self.state.conduct(fill.account).past;
            past.note_close(session, fill.instrument, movement.realized, stops);
        }
        self.step_held(key, step, own.then_some(held), |order| {
            order.filled = fill.cum;
            (order.filled_notional, order.fees) = (filled_notional, fees);
            order.volume_before = volume;
            order.triggered |= matches!(order.spec.order_type.start(), Start::Stop | Start::Touch);
        })?;
        if self.state.orders.has_ties() {
            self.raise_caps(key, fill.quantity);
        }
        self.note_venue_fill(fill);
        if self.state.view.last(fill.instrument).is_none() {
            self.state.set_last(fill.instrument, fill.price, t);
        }
        if !own {
            self.state.note_position(fill.account, fill.instrument);
        }
        let Conduct { activity, month, .. } = self.state.conduct(fill.account);
        month.note(day, fill.quantity);
        activity.fills = activity.fills.saturating_add(1);
        if movement.realized.is_negative() {
            activity.losses = activity.losses.saturating_add(1);
            activity.lost_at = Some(t);
        } else if movement.realized.is_positive() {
            activity.losses = 0;
        }
        self.state.attribute(fill, strategy, before, day);
        if let Some(strategy) = strategy {
            let practice = self.state.accounts.get(&fill.account).and_then(|a| a.spec().practice());
            let count = self.state.executions.entry((practice, strategy)).or_default();
            *count = count.saturating_add(1);
        }
        self.cure(fill.account);
        self.moved(fill.account, movement);
        Ok(())
    }

    /// Money that comes out of a holding today, before it is booked.
    pub(super) fn note_day_flow(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        amount: Option<Money>,
    ) {
        let day = self.day_of(instrument);
        let held = self.state.accounts.get(&account).is_some_and(|a| !a.quantity(instrument).is_zero());
        self.state.note_day_flow((account, instrument), held, day, amount);
    }

    /// Before the fill is booked: whether it closes, or opens, what the account holds; the session, when it closes.
    fn note_day_trade(&mut self, fill: &Fill, held: Quantity, day: NaiveDate) -> Option<i64> {
        let session = self.calendars.of(fill.instrument.exchange).position_on_or_after(day)?;
        let closes = !held.is_zero() && held.is_negative() != (fill.side == Side::Sell);
        let opens = !closes || held.checked_abs().is_none_or(|held| fill.quantity > held);
        let trades = &mut self.state.conduct(fill.account).day_trades;
        trades.note(session, fill.instrument, closes, opens);
        closes.then_some(session)
    }

    /// Children may fill what their parent has.
    fn raise_caps(&mut self, parent: OrderKey, quantity: Quantity) {
        let children: Vec<OrderKey> = self.state.orders.children(&parent).collect();
        for child in children {
            self.state.orders.change(&child, |order| {
                order.cap = order.cap.map(|cap| cap.checked_add(quantity).unwrap_or(cap));
                if order.sent_with().is_some() && order.code == Some(RefusalCode::WaitsForParent) {
                    order.code = None;
                    order.reason.clear();
                }
            });
        }
    }

    pub(super) fn split_order(
        &mut self,
        key: OrderKey,
        ratio: SplitRatio,
        steps: (Quantity, Option<Price>),
    ) -> Result<(), EngineError> {
        self.state.orders.keep_asked(&key);
        let t = self.event.t;
        let split = self.state.orders.change(&key, |order| {
            order.changed_at = t;
            split_order(order, ratio, steps)
        });
        self.counted(split.unwrap_or(Ok(())))
    }
}

/// What is open keeps whole lots; what was filled stays as it is. Prices and distances go the other way, and where there
/// is a tick, to it: those of a buy down, those of a sell up, so that no limit gets worse and no stop later; a distance
/// gets no longer.
fn split_order(
    order: &mut Order,
    ratio: SplitRatio,
    (lot, tick): (Quantity, Option<Price>),
) -> Result<(), NumberError> {
    use crate::domain::Trail;
    let side = order.spec.side;
    let down = |price: Price| tick.map_or(price, |tick| price.down_to_tick(tick).max(tick));
    let to_tick = |price: Price| match side {
        Side::Buy => down(price),
        Side::Sell => tick.map_or(price, |tick| price.up_to_tick(tick)),
    };
    let price = |price: Option<Price>| price.map(|p| split_price(p, ratio).map(to_tick)).transpose();
    let share = Quantity::from_raw(Quantity::ONE_RAW);
    let filled = split_quantity(order.filled, ratio)?;
    let whole = split_quantity(order.spec.quantity, ratio)?;
    let leaves = whole.checked_sub(filled).ok_or(NumberError::Overflow)?.round_to_lot(lot);
    // The fraction of a share is paid out: nobody has it any more.
    order.filled = filled.round_to_lot(share);
    let spec = Arc::make_mut(&mut order.spec);
    spec.quantity = order.filled.checked_add(leaves).ok_or(NumberError::Overflow)?;
    let cap = order.cap.map(|cap| split_quantity(cap, ratio)).transpose()?;
    order.cap = cap.map(|cap| cap.round_to_lot(share));
    spec.limit_price = price(spec.limit_price)?;
    spec.trigger_price = price(spec.trigger_price)?;
    order.stop = price(order.stop)?;
    order.valued_at = order.valued_at.map(|p| split_price(p, ratio)).transpose()?;
    spec.trail = match spec.trail {
        Some(Trail::Amount(amount)) => Some(Trail::Amount(down(split_price(amount, ratio)?))),
        other => other,
    };
    Ok(())
}
