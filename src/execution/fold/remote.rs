//! How events change orders that a broker has.

use std::sync::Arc;

use crate::domain::event::{Claim, EventBody, Fill};
use crate::domain::order_state::Remote;
use crate::domain::{
    AccountId, BrokerId, Order, OrderId, OrderSpec, OrderStatus, OrderStep, Quantity, RefusalCode,
    VenueOrderId,
};
use crate::risk::OrderKey;

use super::super::engine::EngineError;
use super::super::state::Compared;
use super::Fold;

impl Fold<'_> {
    pub(super) fn remote_event(&mut self) -> Result<(), EngineError> {
        match &self.event.body {
            EventBody::OrderSubmitted { order, broker, route, with, valued_at, .. } => {
                self.submit(order, *broker, *with)?;
                let key = (order.account, order.id);
                self.state.orders.change(&key, |order| {
                    if let Some(remote) = order.remote.as_mut() {
                        remote.route = route.clone();
                    }
                });
                self.value((order.account, order.id), *valued_at);
                Ok(())
            }
            EventBody::OrderAdopted { order, broker, venue_id, valued_at } => {
                self.take_in(order, OrderStatus::Accepted, None, *valued_at);
                self.at_broker((order.account, order.id), (*broker, None), Some(*venue_id));
                Ok(())
            }
            EventBody::OrderAcknowledged { account, id, venue_id } => {
                self.step((*account, *id), OrderStep::Accept, |order| {
                    if let Some(remote) = order.remote.as_mut().filter(|r| !r.venue_ids.contains(venue_id)) {
                        remote.venue_ids.push(*venue_id);
                    }
                })?;
                self.state.orders.name_at_venue((*account, *id), *venue_id);
                Ok(())
            }
            EventBody::OrderSuspended { account, id } => {
                self.step((*account, *id), OrderStep::Suspend, |_| {})
            }
            EventBody::UpdateRequested { account, id, quantity, limit_price, trigger_price, .. } => {
                self.state.note_messages(*account, self.event.t, (1, 0));
                let asked = Some((*quantity, *limit_price, *trigger_price));
                self.step((*account, *id), OrderStep::AskUpdate, |order| {
                    ask(order, asked);
                    if let Some(remote) = order.remote.as_mut() {
                        remote.changes = remote.changes.saturating_add(1);
                    }
                })
            }
            EventBody::CancelRequested { account, id, reason } => {
                self.step((*account, *id), OrderStep::AskCancel, |order| {
                    reason.text().clone_into(&mut order.reason);
                })
            }
            // What is refused because an answer is awaited leaves that answer awaited.
            EventBody::AmendRejected { refusal, .. } | EventBody::CancelRejected { refusal, .. }
                if refusal.code == RefusalCode::AlreadyPending =>
            {
                Ok(())
            }
            EventBody::AmendRejected { account, id, .. } => {
                let asked = self.waits_for_change(&(*account, *id));
                self.state.note_messages(*account, self.event.t, (u32::from(!asked), 1));
                self.change_refused((*account, *id))
            }
            EventBody::CancelRejected { account, id, .. } => self.cancel_refused((*account, *id)),
            EventBody::ReconciliationBegan { account } => {
                self.state.reconciling.insert(*account);
                self.state.breaks.remove(account);
                Ok(())
            }
            EventBody::ReconciliationEnded { account, .. } => {
                self.state.reconciling.remove(account);
                self.compared(*account, true);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Notes what somebody asks to take over, or takes it over.
    pub(super) fn claim(&mut self, claim: &Claim) -> Result<(), EngineError> {
        if claim.actor.is_some() {
            return self.take_over(claim);
        }
        self.state.claims.insert((claim.account, claim.instrument), (*claim, self.event.wall));
        Ok(())
    }

    /// Books what stood at a broker before. It is no profit of today: the day begins with it.
    fn take_over(&mut self, claim: &Claim) -> Result<(), EngineError> {
        let Claim { account, instrument, quantity, cost, worth, .. } = *claim;
        let seq = self.event.seq;
        self.note_day_flow(account, instrument, worth.checked_neg());
        let movement = self.account(account)?.take_over(instrument, (quantity, cost), worth, seq);
        let movement = self.counted(movement)?;
        self.state.note_position(account, instrument);
        self.state.claims.remove(&(account, instrument));
        let start = format!("{instrument}: ");
        if let Some(told) = self.state.breaks.get_mut(&account) {
            told.retain(|text| !text.starts_with(&start));
        }
        self.forget_cured(account);
        self.moved(account, movement);
        Ok(())
    }

    /// What is not told any more is forgotten with its time.
    fn forget_cured(&mut self, account: AccountId) {
        let told = self.state.breaks.get(&account);
        if let Some(since) = self.state.broken_since.get_mut(&account) {
            since.retain(|text, _| told.is_some_and(|told| told.contains(text)));
        }
    }

    fn submit(
        &mut self,
        spec: &Arc<OrderSpec>,
        broker: BrokerId,
        with: Option<OrderId>,
    ) -> Result<(), EngineError> {
        let key = (spec.account, spec.id);
        if self.state.orders.open().contains_key(&key) {
            self.state.orders.keep_asked(&key);
            self.step(key, OrderStep::Submit, |order| {
                order.spec = Arc::clone(spec);
                // Sent with its parent, it waits for that one's fills there.
                if with.is_none() || order.code != Some(RefusalCode::WaitsForParent) {
                    order.code = None;
                    order.reason.clear();
                }
            })?;
        } else {
            self.take_in(spec, OrderStatus::Submitted, None, None);
        }
        self.at_broker(key, (broker, with), None);
        Ok(())
    }

    /// From now on an order lives at a broker, which ends it when its time is over.
    fn at_broker(
        &mut self,
        key: OrderKey,
        (broker, with): (BrokerId, Option<OrderId>),
        venue_id: Option<VenueOrderId>,
    ) {
        self.state.orders.set_expiry(&key, None);
        self.state.orders.change(&key, |order| {
            order.cap = order.cap.filter(|_| with.is_some());
            let venue_ids = venue_id.into_iter().collect();
            order.remote = Some(Box::new(Remote { venue_ids, with, ..Remote::new(broker) }));
        });
        if let Some(venue_id) = venue_id {
            self.state.orders.name_at_venue(key, venue_id);
        }
    }

    /// Notes since when an account is at its broker, and when the two were last compared to the end.
    pub(super) fn compared(&mut self, account: AccountId, is_again: bool) {
        let now = self.event.wall;
        let known = self.state.compared.entry(account).or_insert(Compared { opened: now, last: now });
        if is_again {
            known.last = now;
            self.forget_cured(account);
        }
    }

    /// A refused change: an order that waited for the answer works on as it was.
    fn change_refused(&mut self, key: OrderKey) -> Result<(), EngineError> {
        if self.waits_for_change(&key) {
            self.step(key, OrderStep::RefuseUpdate, |order| ask(order, None))
        } else {
            Ok(())
        }
    }

    fn waits_for_change(&self, key: &OrderKey) -> bool {
        let open = self.state.orders.open().get(key);
        open.is_some_and(|o| o.remote.as_ref().is_some_and(|remote| remote.asked.is_some()))
    }

    /// A refused cancel: an order that waited for the answer works on as it was.
    fn cancel_refused(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let waits =
            self.state.orders.open().get(&key).is_some_and(|o| o.status == OrderStatus::PendingCancel);
        if waits { self.step(key, OrderStep::RefuseCancel, |_| {}) } else { Ok(()) }
    }

    /// Notes which part of a venue's order a fill was.
    pub(super) fn note_venue_fill(&mut self, fill: &Fill) {
        let Some(venue) = fill.venue.as_deref() else { return };
        let from = if venue.is_inferred { None } else { venue.cum.checked_sub(fill.quantity) };
        let from = from.unwrap_or(Quantity::ZERO);
        self.state.orders.change(&(fill.account, fill.id), |order| {
            if let Some(remote) = order.remote.as_mut() {
                if venue.is_inferred {
                    remote.filled.retain(|(name, _, _)| *name != venue.venue_id);
                }
                remote.filled.push((venue.venue_id, from, venue.cum));
            }
        });
    }
}

fn ask(
    order: &mut Order,
    asked: Option<(Quantity, Option<crate::domain::Price>, Option<crate::domain::Price>)>,
) {
    if let Some(remote) = order.remote.as_mut() {
        remote.asked = asked;
    }
}
