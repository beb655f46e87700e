//! Orders at a broker: what is sent there is an event first, and what the broker says becomes events here.
//!
//! A report is never taken at its word alone. A fill counts once for each range of cumulative quantity under the
//! venue's name of the order, so the same fill twice, or told by two ways, is no news; one that overlaps half is a
//! break for a person. An end that the venue tells before its fills waits for them.

use crate::domain::broker::{BrokerReport, FillReport, OrderReport, VenueRefusal, VenueStatus};
use crate::domain::command::VenueAnswer;
use crate::domain::event::{EndReason, EventBody, Fill, Refusal, VenueFill};
use crate::domain::{
    AccountId, CleanText, Money, Order, OrderId, OrderStatus, Quantity, RefusalCode, VenueOrderId,
};
use crate::risk::OrderKey;

use super::engine::EngineError;
use super::reconcile::ENDED_BEFORE;
use super::step::Step;

impl Step<'_> {
    /// What a broker answered to something that was sent.
    pub(super) fn venue_answer(&mut self, key: OrderKey, answer: &VenueAnswer) -> Result<(), EngineError> {
        let (account, id) = key;
        let Some(order) = self.state().orders().get(account, id).filter(|o| o.remote.is_some()).cloned()
        else {
            return self.foreign(account, id.to_string());
        };
        let pending = |status| order.status == status;
        match answer {
            VenueAnswer::Acked(venue_id) => self.acknowledge(&order, *venue_id),
            VenueAnswer::Refused(refusal) if pending(OrderStatus::Submitted) => {
                self.venue_refuses(&order, refusal)
            }
            VenueAnswer::Amended(venue_id) if waits_for_change(&order) => {
                self.confirm_update(&order, *venue_id)
            }
            VenueAnswer::AmendRefused(refusal) if waits_for_change(&order) => {
                self.emit(EventBody::AmendRejected { account, id, refusal: said(refusal), decision: None })
            }
            VenueAnswer::CancelRefused(refusal) if pending(OrderStatus::PendingCancel) => {
                self.emit(EventBody::CancelRejected { account, id, refusal: said(refusal) })
            }
            VenueAnswer::Refused(_)
            | VenueAnswer::Amended(_)
            | VenueAnswer::AmendRefused(_)
            | VenueAnswer::CancelRefused(_) => Ok(()),
        }
    }

    /// What a broker tells of an account's orders.
    pub(super) fn venue_report(
        &mut self,
        account: AccountId,
        report: &BrokerReport,
    ) -> Result<(), EngineError> {
        match report {
            BrokerReport::Connected | BrokerReport::Gap { .. } => Ok(()),
            BrokerReport::Order(report) => self.order_told(account, report),
            BrokerReport::Fill(report) => match self.named(account, report.id, report.venue_id) {
                Some(order) => self.fill_report(&order, report),
                None if self.awaits_name(account, report.instrument, report.side) => Ok(()),
                None => self.foreign(account, report.venue_id.to_string()),
            },
            BrokerReport::AmendRejected(report) => {
                let refusal = VenueRefusal { code: RefusalCode::VenueReject, text: CleanText::default() };
                match self.named(account, report.id, report.venue_id) {
                    Some(order) => {
                        self.venue_answer((account, order.spec.id), &VenueAnswer::AmendRefused(refusal))
                    }
                    None => self.foreign(account, report.venue_id.to_string()),
                }
            }
            BrokerReport::CancelRejected(report) => {
                let refusal = VenueRefusal { code: RefusalCode::VenueReject, text: CleanText::default() };
                match self.named(account, report.id, report.venue_id) {
                    Some(order) => {
                        self.venue_answer((account, order.spec.id), &VenueAnswer::CancelRefused(refusal))
                    }
                    None => self.foreign(account, report.venue_id.to_string()),
                }
            }
        }
    }

    /// Takes in how an order stands, and then those that are told with it.
    fn order_told(&mut self, account: AccountId, report: &OrderReport) -> Result<(), EngineError> {
        match self.reported(account, report) {
            Some(order) => self.order_report(&order, report)?,
            None if self.awaits_name(account, report.instrument, report.side) => {}
            None => self.adopt(account, report)?,
        }
        for leg in &report.legs {
            let Some(lead) = self.named(account, report.id, report.venue_id) else { break };
            let leg = self.as_leg(&lead, leg);
            // It has no name of ours there: it is known by the venue's from now on, however it stands.
            if let Some(ours) = self.named(account, leg.id, leg.venue_id).filter(|o| o.sent_with().is_some())
            {
                self.acknowledge(&ours, leg.venue_id)?;
            }
            self.order_told(account, &leg)?;
        }
        Ok(())
    }

    /// Begins or ends the comparison of an account with its broker.
    pub(super) fn reconcile(
        &mut self,
        account: AccountId,
        breaks: Option<&[CleanText]>,
    ) -> Result<(), EngineError> {
        let running = self.state().is_reconciling(account);
        match breaks {
            None if !running => self.emit(EventBody::ReconciliationBegan { account }),
            Some(breaks) if running => {
                for found in breaks {
                    self.tell_break(account, found.to_string())?;
                }
                self.emit(EventBody::ReconciliationEnded { account, breaks: breaks.to_vec() })
            }
            None | Some(_) => Ok(()),
        }
    }

    /// The order that a report speaks of: by the venue's name, else by ours.
    pub(super) fn named(
        &self,
        account: AccountId,
        id: Option<OrderId>,
        venue_id: VenueOrderId,
    ) -> Option<Order> {
        let orders = self.state().orders();
        let ours = || id.and_then(|id| orders.get(account, id)).filter(|o| o.remote.is_some());
        orders.at_venue(account, venue_id).or_else(ours).cloned()
    }

    pub(super) fn acknowledge(&mut self, order: &Order, venue_id: VenueOrderId) -> Result<(), EngineError> {
        let (account, id) = (order.spec.account, order.spec.id);
        let known = order.remote.as_ref().is_some_and(|r| r.venue_ids.contains(&venue_id));
        let waits = matches!(order.status, OrderStatus::Submitted | OrderStatus::Suspended);
        if order.status.is_done() || (known && !waits) {
            return Ok(());
        }
        self.emit(EventBody::OrderAcknowledged { account, id, venue_id })
    }

    fn venue_refuses(&mut self, order: &Order, refusal: &VenueRefusal) -> Result<(), EngineError> {
        let legs = self.legs_of(order);
        self.emit(EventBody::OrderRejected { order: order.spec.clone(), refusal: said(refusal) })?;
        for leg in legs {
            let refusal = Refusal::plain(RefusalCode::ParentRejected);
            self.emit(EventBody::OrderRejected { order: leg.spec, refusal })?;
        }
        self.follow((order.spec.account, order.spec.id), Quantity::ZERO)
    }

    fn confirm_update(&mut self, order: &Order, venue_id: VenueOrderId) -> Result<(), EngineError> {
        let (account, id) = (order.spec.account, order.spec.id);
        let Some(remote) = &order.remote else { return Ok(()) };
        let Some((quantity, limit_price, trigger_price)) = remote.asked else { return Ok(()) };
        let decision = None;
        self.emit(EventBody::OrderUpdated { account, id, quantity, limit_price, trigger_price, decision })?;
        if remote.venue_id() != Some(venue_id) {
            self.emit(EventBody::OrderAcknowledged { account, id, venue_id })?;
        }
        let done = self.state().orders().get(account, id).is_some_and(|o| o.status.is_done());
        if done { self.follow((account, id), Quantity::ZERO) } else { Ok(()) }
    }

    pub(super) fn order_report(&mut self, order: &Order, report: &OrderReport) -> Result<(), EngineError> {
        let (account, id) = (order.spec.account, order.spec.id);
        let Some(remote) = &order.remote else { return Ok(()) };
        if order.status.is_done() {
            return Ok(());
        }
        // A new name that takes the place of one of ours is the answer to a change.
        let replaces = report.replaces.is_some_and(|old| remote.venue_ids.contains(&old));
        let is_new = !remote.venue_ids.contains(&report.venue_id);
        let answers = is_new && (replaces || report.amend_seq > 0) && waits_for_change(order);
        match report.status {
            // It lost the race: the order works on, or was filled, as it was.
            VenueStatus::Rejected if answers => {
                let code = RefusalCode::VenueReject;
                let refusal = VenueRefusal { code, text: "the venue refused the replacing order".into() };
                return self.venue_answer((account, id), &VenueAnswer::AmendRefused(refusal));
            }
            VenueStatus::Received if answers => return Ok(()),
            VenueStatus::Received | VenueStatus::Rejected
                if replaces && is_new && !waits_for_change(order) =>
            {
                return Ok(());
            }
            _ if replaces && is_new && !waits_for_change(order) => return self.changed_there(order, report),
            _ if answers => {
                self.confirm_update(order, report.venue_id)?;
                let changed = self.named(account, Some(id), report.venue_id);
                return changed.map_or(Ok(()), |order| self.order_report(&order, report));
            }
            _ => {}
        }
        let current = remote.venue_id().is_none_or(|name| name == report.venue_id) || replaces;
        let all_told = remote.filled_under(report.venue_id) >= report.filled;
        let end = |reason| EventBody::OrderCanceled { account, id, reason };
        match report.status {
            // What takes the place of an order that was given elsewhere is another such order.
            VenueStatus::Replaced if order.spec.is_external() && !waits_for_change(order) => {
                if current && all_told { self.emit(end(EndReason::Venue)) } else { Ok(()) }
            }
            VenueStatus::Received | VenueStatus::Replaced => Ok(()),
            VenueStatus::Working
            | VenueStatus::Held
            | VenueStatus::PartiallyFilled
            | VenueStatus::DoneForDay
            | VenueStatus::PendingCancel
            | VenueStatus::PendingUpdate => self.works_there(order, report, current),
            VenueStatus::Suspended if order.status.is_working() => {
                self.emit(EventBody::OrderSuspended { account, id })
            }
            VenueStatus::Rejected if current => {
                let refusal = VenueRefusal { code: RefusalCode::VenueReject, text: CleanText::default() };
                self.venue_refuses(order, &refusal)
            }
            // Fills first, then the end: until all of them are told, the order stays as it is.
            VenueStatus::Canceled if current && all_told => {
                let reason = self.ended_there(order)?;
                self.emit(end(reason))?;
                self.follow((account, id), Quantity::ZERO)
            }
            VenueStatus::Expired if current && all_told => {
                self.emit(EventBody::OrderExpired { account, id, reason: EndReason::Venue })?;
                self.follow((account, id), Quantity::ZERO)
            }
            VenueStatus::Suspended
            | VenueStatus::Rejected
            | VenueStatus::Filled
            | VenueStatus::Canceled
            | VenueStatus::Expired => Ok(()),
        }
    }

    fn works_there(&mut self, order: &Order, report: &OrderReport, current: bool) -> Result<(), EngineError> {
        self.acknowledge(order, report.venue_id)?;
        if current { self.cut_there(order, report) } else { Ok(()) }
    }

    fn fill_report(&mut self, order: &Order, report: &FillReport) -> Result<(), EngineError> {
        let (account, id) = (order.spec.account, order.spec.id);
        let Some(remote) = &order.remote else { return Ok(()) };
        let Some(from) = report.cum.checked_sub(report.quantity).filter(|q| !q.is_negative()) else {
            return self.tell_break(
                account,
                format!("fill {} of order {id}: it fills more than it says in all", report.trade),
            );
        };
        let ranges = remote.filled.iter().filter(|(name, _, _)| *name == report.venue_id);
        let touched: Vec<(Quantity, Quantity)> = ranges
            .filter(|(_, low, high)| *low < report.cum && from < *high)
            .map(|(_, low, high)| (*low, *high))
            .collect();
        if touched.iter().any(|(low, high)| *low <= from && report.cum <= *high) {
            return Ok(());
        }
        if !touched.is_empty() || !report.quantity.is_positive() || !report.price.is_positive() {
            return self.tell_break(
                account,
                format!("fill {} of order {id} does not fit what was filled before", report.trade),
            );
        }
        let late = order.status.is_done();
        let Some(fill) = self.venue_fill(order, report, false) else {
            return self.tell_break(
                account,
                format!("fill {} of order {id} is more than can be counted", report.trade),
            );
        };
        let before = self.reference(&order.spec);
        let stale_ms = self.state().venue().stale_after_ms.map(i64::from);
        let is_old = before.zip(stale_ms).is_some_and(|(p, ms)| report.time.plus_millis(ms) < p.time);
        self.acknowledge(order, report.venue_id)?;
        self.emit(EventBody::Fill(fill))?;
        self.follow((account, id), report.quantity)?;
        self.judge_executions(&(account, id))?;
        self.judge_fill(&(account, id), (report.price, is_old), before.map(|p| p.price))?;
        self.judge_cash(account)?;
        if late {
            let text = format!("fill {} of order {id} {ENDED_BEFORE}", report.trade);
            self.tell(RefusalCode::LateFill, account, text)?;
        }
        Ok(())
    }

    pub(super) fn venue_fill(&self, order: &Order, report: &FillReport, is_inferred: bool) -> Option<Fill> {
        let cum = order.filled.checked_add(report.quantity)?;
        let leaves = order.spec.quantity.checked_sub(cum)?.max(Quantity::ZERO);
        Some(Fill {
            account: order.spec.account,
            id: order.spec.id,
            instrument: order.spec.instrument,
            side: order.spec.side,
            quantity: report.quantity,
            price: report.price,
            fee: Money::ZERO,
            cum,
            leaves,
            against: (report.price, report.quantity),
            venue: Some(Box::new(VenueFill {
                trade: report.trade,
                venue_id: report.venue_id,
                cum: report.cum,
                is_inferred,
            })),
        })
    }

    /// Something at the broker that was not given here: shown, never acted on.
    pub(super) fn foreign(&mut self, account: AccountId, name: String) -> Result<(), EngineError> {
        self.tell_break(account, format!("order {name} at the broker was not given here"))
    }

    /// A difference that a person must look at; the same one is told once.
    pub(super) fn tell_break(&mut self, account: AccountId, text: String) -> Result<(), EngineError> {
        self.tell(RefusalCode::ReconciliationBreak, account, text)
    }

    fn tell(&mut self, code: RefusalCode, account: AccountId, text: String) -> Result<(), EngineError> {
        let observed = CleanText::from(text).to_string();
        if self.state().has_break(account, &observed) {
            return Ok(());
        }
        let (limit, threshold) = (String::new(), String::new());
        self.emit(EventBody::RiskEvent { code, account, limit, observed, threshold, scope: None })
    }
}

/// A venue's refusal as ours.
fn said(refusal: &VenueRefusal) -> Refusal {
    let words = (!refusal.text.is_empty()).then(|| refusal.text.to_string());
    Refusal { observed: words, ..Refusal::plain(refusal.code) }
}

/// Whether a change is on its way. A fill that comes meanwhile does not answer it.
fn waits_for_change(order: &Order) -> bool {
    !order.status.is_done() && order.remote.as_ref().is_some_and(|remote| remote.asked.is_some())
}
