//! Orders found at a broker that were not given here: each is told as a difference and kept in the book under the
//! strategy `external`, so that it counts in every check, its executions are booked once, and a person can cancel it.
//!
//! Nothing is ever sent because of it. An order of a kind that we have no word for is told and not kept: what it
//! does shows as a difference of positions.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::broker::OrderReport;
use crate::domain::event::EventBody;
use crate::domain::order::EXTERNAL;
use crate::domain::{
    AccountId, Instrument, Order, OrderId, OrderSpec, OrderStatus, OrderType, Quantity, VenueOrderId,
};

use super::engine::EngineError;
use super::step::Step;

impl Step<'_> {
    /// The order that a venue's report of an order speaks of. One that takes the place of ours, given by somebody at
    /// the venue, is ours; one that we gave up because the venue did not know it, and that works there now, is not.
    pub(super) fn reported(&self, account: AccountId, report: &OrderReport) -> Option<Order> {
        let replaced = || {
            let old = self.state().orders().at_venue(account, report.replaces?);
            old.filter(|order| !order.status.is_done()).cloned()
        };
        let known = self.named(account, report.id, report.venue_id).or_else(replaced);
        known.filter(|order| !is_lost(order) || report.status.is_done())
    }

    /// Takes an order in that was given elsewhere.
    pub(super) fn adopt(&mut self, account: AccountId, report: &OrderReport) -> Result<(), EngineError> {
        self.foreign(account, report.venue_id.to_string())?;
        let Some(order) = self.as_kept(account, report) else { return Ok(()) };
        let Some(broker) = self.state().accounts().get(&account).map(|a| a.spec().broker) else {
            return Ok(());
        };
        if broker.is_paper() {
            return Ok(());
        }
        let (instrument, venue_id) = (order.instrument, report.venue_id);
        if !self.state().instruments().contains_key(&instrument) {
            self.emit(EventBody::InstrumentDefined(Instrument::with_defaults(instrument)))?;
        }
        self.emit(EventBody::OrderAdopted { order: Arc::new(order), broker, venue_id, valued_at: None })?;
        let kept = self.named(account, None, venue_id);
        kept.map_or(Ok(()), |order| self.order_report(&order, report))
    }

    /// An order of ours that somebody changed at the venue itself: it has the terms that the venue tells.
    pub(super) fn changed_there(&mut self, order: &Order, report: &OrderReport) -> Result<(), EngineError> {
        let (account, id) = (order.spec.account, order.spec.id);
        // What one exit of a group fills the broker takes off the other, perhaps under a new name.
        let same_prices =
            report.limit_price == order.spec.limit_price.filter(|_| order.spec.order_type.has_limit());
        let is_cut = same_prices && order.sent_with().is_some() && report.quantity < order.spec.quantity;
        if !is_cut {
            self.tell_break(account, format!("order {id} was changed at the broker and not here"))?;
        }
        if order.status.is_working() {
            // What was filled under earlier names is part of the whole, whether or not the venue carries it on.
            let carried = report.filled >= order.filled;
            let quantity =
                if carried { Some(report.quantity) } else { order.filled.checked_add(report.quantity) };
            let quantity = quantity.unwrap_or(order.spec.quantity);
            let limit_price = report.limit_price.filter(|_| order.spec.order_type.has_limit());
            let trigger_price = report.trigger_price.filter(|_| order.spec.order_type.has_trigger());
            self.emit(EventBody::OrderUpdated {
                account,
                id,
                quantity,
                limit_price,
                trigger_price,
                decision: None,
            })?;
        }
        self.acknowledge(order, report.venue_id)?;
        let changed = self.named(account, Some(id), report.venue_id);
        changed.map_or(Ok(()), |order| self.order_report(&order, report))
    }

    /// An order of the venue as it is kept here; `None` when it is of no kind of ours, did nothing, or was kept before.
    fn as_kept(&self, account: AccountId, report: &OrderReport) -> Option<OrderSpec> {
        let terms = report.terms?;
        let did_nothing = report.status.is_done() && !report.filled.is_positive();
        let kind = terms.order_type;
        let limit_price = report.limit_price.filter(|_| kind.has_limit());
        let trigger_price = report.trigger_price.filter(|_| kind.has_trigger());
        let is_whole = limit_price.is_some() == kind.has_limit()
            && trigger_price.is_some() == kind.has_trigger()
            && terms.trail.is_some() == (kind == OrderType::TrailingStop);
        let quantity = report.quantity.max(report.filled);
        let id = kept_id(report.venue_id)?;
        let is_new = self.state().orders().get(account, id).is_none();
        if did_nothing || !is_whole || !is_new || quantity <= Quantity::ZERO {
            return None;
        }
        let plain = OrderSpec::plain(account, id, report.instrument, (report.side, quantity), limit_price);
        Some(OrderSpec {
            order_type: kind,
            trigger_price,
            trail: terms.trail,
            tif: terms.tif,
            strategy: EXTERNAL.parse().ok(),
            ..plain
        })
    }
}

/// Whether an order was given up because the venue did not know it.
fn is_lost(order: &Order) -> bool {
    order.status == OrderStatus::Rejected && order.remote.as_ref().is_some_and(|r| r.venue_ids.is_empty())
}

/// Our name for an order that the venue named: always the same, and none that a person would give.
fn kept_id(venue_id: VenueOrderId) -> Option<OrderId> {
    let short = format!("{EXTERNAL}:{venue_id}").parse().ok();
    short.or_else(|| {
        let hash = Sha256::digest(venue_id.as_str().as_bytes());
        let hash: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
        format!("{EXTERNAL}:{hash}").parse().ok()
    })
}
