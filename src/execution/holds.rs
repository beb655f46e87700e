//! What open orders hold of their account's money, so that nobody spends it twice.
//!
//! A hold is a function of the open orders, the position and the fees in force, worked out anew for whatever an event
//! touched: in a cash account a buy holds what its rest would cost at its own price (without one, at the price it was
//! let in at) with the fee still to come; in a Reg-T account an order holds half of what it would open, with the fee.
//! Sells of what is held hold nothing, nor do orders that wait for others. Of a group only the largest holds. The
//! sum is on the account, so that what is free is one subtraction; [`State::holds_agree`] works all of it out again.

use crate::domain::event::{Event, EventBody};
use crate::domain::{
    AccountId, InstrumentId, Margin, Money, NumberError, Order, OrderStatus, Quantity, Side,
};
use crate::portfolio::Movement;
use crate::risk::OrderKey;

use super::fold::Effects;
use super::state::State;

/// Brings the holds of everything an event touched up to date, and adds what moved to its effects.
pub(super) fn update(state: &mut State, event: &Event, effects: &mut Effects) -> Result<(), NumberError> {
    let fill = match &event.body {
        EventBody::Fill(fill) => Some((fill.account, fill.id)),
        _ => None,
    };
    if let Some(key) = alone(state, event, effects) {
        return bring(state, key, fill, effects);
    }
    touched(state, event, effects).into_iter().try_for_each(|key| bring(state, key, fill, effects))
}

/// Brings the hold of one order up to date.
fn bring(
    state: &mut State,
    key: OrderKey,
    fill: Option<OrderKey>,
    effects: &mut Effects,
) -> Result<(), NumberError> {
    let Some(order) = state.orders.get(key.0, key.1) else { return Ok(()) };
    let (before, after) = (order.hold, needed(state, order)?);
    if before == after {
        return Ok(());
    }
    state.orders.set_hold(&key, after);
    let Some(account) = state.accounts.get_mut(&key.0) else { return Ok(()) };
    let change = account.hold(before, after)?;
    match effects.movements.first_mut().filter(|_| fill == Some(key)) {
        Some((_, movement)) => (movement.hold, movement.used) = (change, true),
        None => effects.movements.push((key.0, Movement::held(change))),
    }
    effects.orders.note(key);
    Ok(())
}

/// Account and instrument of which an event changes the position.
fn moved(event: &Event) -> Option<(AccountId, InstrumentId)> {
    match &event.body {
        EventBody::Fill(fill) => Some((fill.account, fill.instrument)),
        EventBody::Cash { account, instrument: Some(instrument), .. } => Some((*account, *instrument)),
        _ => None,
    }
}

/// The only order whose hold an event may change, when nothing depends on it: mostly so.
fn alone(state: &State, event: &Event, effects: &Effects) -> Option<OrderKey> {
    let key = effects.orders.lone().filter(|_| !matches!(event.body, EventBody::Configured(_)))?;
    let orders = &state.orders;
    let tied = || orders.get(key.0, key.1).is_some_and(|order| order.spec.oco.is_some());
    let lone = !orders.has_ties() || (!tied() && orders.children(key).next().is_none());
    let others =
        || moved(event).is_some_and(|(account, of)| depending(state, account, of).any(|o| o != *key));
    (lone && !others()).then_some(*key)
}

/// Orders whose hold an event may change.
#[cold]
fn touched(state: &State, event: &Event, effects: &Effects) -> Vec<OrderKey> {
    let orders = &state.orders;
    if matches!(event.body, EventBody::Configured(_)) {
        return orders.open().keys().copied().collect();
    }
    let mut keys: Vec<OrderKey> = effects.orders.iter().copied().collect();
    for key in effects.orders.iter() {
        keys.extend(orders.children(key));
    }
    if let Some((account, instrument)) = moved(event) {
        keys.extend(depending(state, account, instrument));
    }
    let mut others = Vec::new();
    for key in &keys {
        let order = orders.get(key.0, key.1);
        let siblings = order.into_iter().flat_map(|order| orders.siblings(&order.spec));
        others.extend(siblings.map(|o| (o.spec.account, o.spec.id)));
    }
    keys.append(&mut others);
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Open orders whose hold depends on the position: those that only reduce, and all of a Reg-T account.
fn depending(
    state: &State,
    account: AccountId,
    instrument: InstrumentId,
) -> impl Iterator<Item = OrderKey> + '_ {
    let orders = &state.orders;
    let all = state.accounts.get(&account).is_some_and(|a| a.spec().margin == Margin::RegT);
    let queue = if all { orders.queue(instrument) } else { &[] };
    let queued = queue.iter().map(|working| working.key).filter(move |key| key.0 == account);
    let reducing = orders.reducing(account).filter(move |o| !all && o.spec.instrument == instrument);
    queued.chain(reducing.map(|o| (o.spec.account, o.spec.id)))
}

/// What an order holds: nothing when it is done, waits for others, or another of its group holds more.
fn needed(state: &State, order: &Order) -> Result<Money, NumberError> {
    if order.status.is_done() {
        return Ok(Money::ZERO);
    }
    let own = by_itself(state, order)?;
    for other in state.orders.siblings(&order.spec) {
        let its = by_itself(state, other)?;
        if its > own || (its == own && other.spec.id < order.spec.id) {
            return Ok(Money::ZERO);
        }
    }
    Ok(own)
}

/// What an order would hold were it in no group.
fn by_itself(state: &State, order: &Order) -> Result<Money, NumberError> {
    let spec = &order.spec;
    let Some(account) = state.accounts.get(&spec.account) else { return Ok(Money::ZERO) };
    let price = order.own_price().or(order.valued_at);
    let Some(price) = price.filter(|_| order.status != OrderStatus::Held) else { return Ok(Money::ZERO) };
    let margin = account.spec().margin;
    if margin == Margin::Cash && spec.side == Side::Sell {
        return Ok(Money::ZERO);
    }
    let opposite = match spec.side {
        _ if margin == Margin::Cash && !spec.reduce_only => Quantity::ZERO,
        Side::Buy => account.quantity(spec.instrument).checked_neg().ok_or(NumberError::Overflow)?,
        Side::Sell => account.quantity(spec.instrument),
    };
    let opposite = opposite.max(Quantity::ZERO);
    let open = if spec.reduce_only { order.working().min(opposite) } else { order.working() };
    match margin {
        Margin::Cash => {
            let value = price.notional(open)?;
            with_fee(state, order, value, value)
        }
        Margin::RegT => {
            let opens = open.checked_sub(opposite).ok_or(NumberError::Overflow)?.max(Quantity::ZERO);
            let value = price.notional(opens)?;
            // Half, rounded up: an odd millionth is never free.
            let half = Money::from_raw(value.raw() / 2 + value.raw() % 2);
            if opens.is_zero() {
                Ok(Money::ZERO)
            } else {
                with_fee(state, order, price.notional(open)?, half)
            }
        }
    }
}

/// An amount with the fee that the rest of the order, of this value, may still cost at the most.
fn with_fee(state: &State, order: &Order, rest: Money, amount: Money) -> Result<Money, NumberError> {
    let overflow = NumberError::Overflow;
    let all = order.filled_notional.checked_add(rest).ok_or(overflow)?;
    let total = state.venue.fee.most(order.spec.side, order.spec.quantity, all)?;
    let fee = total.checked_sub(order.fees).ok_or(overflow)?.max(Money::ZERO);
    amount.checked_add(fee).ok_or(overflow)
}

/// A debug build works all holds out again after every step while there are no more open orders than this.
const WATCHED_ORDERS_MAX: usize = 256;

impl State {
    /// [`State::holds_agree`] where that is quick.
    pub(super) fn holds_agree_if_few(&self) -> bool {
        self.orders.open().len() > WATCHED_ORDERS_MAX || self.holds_agree()
    }

    /// Whether every order holds what it must, and every account the sum of its orders' holds.
    pub fn holds_agree(&self) -> bool {
        let mut sums = std::collections::BTreeMap::<AccountId, i128>::new();
        for (key, order) in self.orders.open().iter() {
            if needed(self, order) != Ok(order.hold) {
                return false;
            }
            *sums.entry(key.0).or_default() += i128::from(order.hold.raw());
        }
        let own = |name: &AccountId| sums.get(name).copied().unwrap_or(0);
        self.accounts.iter().all(|(name, account)| i128::from(account.held().raw()) == own(name))
    }
}
