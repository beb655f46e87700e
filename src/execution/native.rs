//! Groups that a broker keeps by itself: an entry with one or two exits, or two exits of which one is done at most.
//!
//! Such a group is sent in one go or not at all. The broker holds the exits until the entry is filled, takes what one
//! exit fills off the other, and ends what is left; here its word is taken in and nothing is done twice. A group is
//! judged as one wish: each of its orders beside those before it, so that counts see all of them, and all of them again
//! when a second person agrees. Position and cash are not asked again at the entry's fill, since an exit is of the same
//! size and the other side. A shape that the broker does not take is refused before anything is sent; an entry with one
//! exit of such a shape is worked from here instead.

use std::sync::Arc;

use crate::domain::broker::{Capabilities, OrderClass, OrderReport};
use crate::domain::event::{EndReason, EventBody, Refusal};
use crate::domain::limit::LimitName;
use crate::domain::{
    AccountId, CleanText, InstrumentId, Order, OrderId, OrderSpec, OrderStatus, OrderType, RefusalCode, Side,
    TimeInForce, UserName,
};
use crate::risk::{Decision, Draft, OrderKey, Verdict, evaluate};

use super::engine::EngineError;
use super::reconcile::HELD_WITHOUT;
use super::step::Step;
use super::venues::capabilities;

/// What a broker makes of an order and those that hang on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Led {
    /// It leads no group of the broker's.
    Nothing,
    /// A group that the broker keeps.
    Group(OrderClass),
    /// A group that it does not take.
    Unfit(RefusalCode, &'static str),
}

/// The class of a group by who hangs on whom; `None` when it is no group of a broker's kind.
pub fn class_of(lead: &OrderSpec, legs: &[OrderSpec]) -> Option<OrderClass> {
    let is_child = |leg: &&OrderSpec| leg.parent == Some(lead.id);
    match legs {
        [leg] if is_child(&leg) => Some(OrderClass::Oto),
        [leg] if lead.parent.is_none() && leg.oco.is_some() && leg.oco == lead.oco => Some(OrderClass::Oco),
        [one, two] if is_child(&one) && is_child(&two) && one.oco.is_some() && one.oco == two.oco => {
            Some(OrderClass::Bracket)
        }
        _ => None,
    }
}

/// The group's class where a broker of these abilities takes it as a whole; why not, else.
pub fn fitting(
    lead: &OrderSpec,
    legs: &[OrderSpec],
    takes: &Capabilities,
) -> Result<OrderClass, (RefusalCode, &'static str)> {
    const CLASS: RefusalCode = RefusalCode::UnsupportedOrderClass;
    let class = class_of(lead, legs).filter(|class| takes.groups_whole && takes.classes.contains(class));
    let Some(class) = class else {
        return Err((CLASS, "a group there is an entry with one or two exits, or two exits, given together"));
    };
    let entry = (class != OrderClass::Oco).then_some(lead);
    let exits: Vec<&OrderSpec> = legs.iter().chain(entry.is_none().then_some(lead)).collect();
    if entry.is_some_and(|e| !matches!(e.order_type, OrderType::Market | OrderType::Limit)) {
        return Err((CLASS, "the entry of a group there is a market or limit order"));
    }
    let profits = exits.iter().filter(|o| o.order_type == OrderType::Limit).count();
    let losses =
        exits.iter().filter(|o| matches!(o.order_type, OrderType::Stop | OrderType::StopLimit)).count();
    if profits > 1 || losses > 1 || profits + losses != exits.len() {
        return Err((
            CLASS,
            "the exits of a group there are one limit order and one stop or stop-limit order",
        ));
    }
    if entry.is_none() && lead.order_type != OrderType::Limit {
        return Err((CLASS, "of two exits there, the limit order is given first"));
    }
    let is_alike = |o: &&OrderSpec| {
        (o.instrument, o.strategy, o.quantity) == (lead.instrument, lead.strategy, lead.quantity)
    };
    let closes = |o: &&OrderSpec| (o.side == lead.side) == entry.is_none();
    if !exits.iter().all(|o| is_alike(o) && closes(o)) {
        return Err((
            CLASS,
            "the orders of a group there are of one instrument, strategy and quantity, exits against the entry",
        ));
    }
    if legs.iter().chain([lead]).any(|o| o.reduce_only || o.post_only) {
        return Err((CLASS, "no order of a group there is reduce-only or post-only"));
    }
    let lasts = matches!(lead.tif, TimeInForce::Day | TimeInForce::Gtc);
    if !lasts || legs.iter().any(|o| o.tif != lead.tif) {
        let why = "all orders of a group there work for one time, day or gtc, and exits that end with the day would leave what is held without them: give the entry with --tif gtc";
        return Err((RefusalCode::UnsupportedTimeInForce, why));
    }
    Ok(class)
}

impl Step<'_> {
    /// The order of the list being given that leads the group of two exits another order of it belongs to.
    pub(super) fn coming_lead(&self, order: &OrderSpec) -> Option<OrderSpec> {
        let group = order.oco.filter(|_| order.parent.is_none())?;
        let mates = self.coming.iter().filter(|o| {
            o.account == order.account && o.oco == Some(group) && o.parent.is_none() && o.id != order.id
        });
        let mut leads = mates.filter(|o| o.order_type == OrderType::Limit);
        leads.next().filter(|_| order.order_type != OrderType::Limit).cloned()
    }

    /// Orders that hang on another and are not on their way yet: those of the list being given, else those kept here.
    fn followers(&self, lead: &OrderSpec) -> Vec<OrderSpec> {
        let hangs = |o: &&OrderSpec| {
            let is_mate =
                lead.oco.is_some() && o.oco == lead.oco && o.parent.is_none() && lead.parent.is_none();
            o.account == lead.account && o.id != lead.id && (o.parent == Some(lead.id) || is_mate)
        };
        if self.coming.iter().any(|o| o.id == lead.id) {
            return self.coming.iter().filter(hangs).cloned().collect();
        }
        let orders = self.state().orders();
        let key = (lead.account, lead.id);
        let kept = orders.children(&key).filter_map(|key| orders.open().get(&key)).filter(|o| waits_here(o));
        kept.chain(self.pending_mates(lead)).map(|o| OrderSpec::clone(&o.spec)).collect()
    }

    /// What an order leads at a broker of these abilities.
    pub(super) fn led(&self, lead: &OrderSpec, takes: &Capabilities) -> Led {
        let legs = self.followers(lead);
        let is_tied = legs.iter().any(|leg| leg.oco.is_some());
        if legs.is_empty() || !takes.groups_whole {
            return Led::Nothing;
        }
        match fitting(lead, &legs, takes) {
            Ok(class) => Led::Group(class),
            Err((code, why)) if is_tied => Led::Unfit(code, why),
            // What hangs on it waits here, and is sent once it is done.
            Err(_) => Led::Nothing,
        }
    }

    /// A soft limit that asks for a second person for an exit which a broker gets with this order: one of an entry's, or
    /// the other one of a pair.
    pub(super) fn exits_ask(&self, order: &OrderSpec) -> Option<LimitName> {
        if let Some(limit) = self.asking.get(&(order.account, order.id)) {
            return Some(*limit);
        }
        // Of a list that is being given its exits were tried in their turn, so that counts saw all orders before them.
        let comes = self.coming.iter().any(|o| (o.account, o.id) == (order.account, order.id));
        if comes || !self.leads_group(order) {
            return None;
        }
        let exits = self.followers(order);
        let mut asked = exits
            .into_iter()
            .filter(|exit| exit.parent.is_some())
            .filter_map(|exit| self.judge_leg(&Arc::new(exit), false)?.asks_for());
        asked.next()
    }

    /// Notes that a soft limit asks for a second person for an order of the list being given: of a broker's pair of exits
    /// both wait, and for an exit that goes with its entry the entry does.
    pub(super) fn note_asking(&mut self, order: &OrderSpec, code: RefusalCode, decision: &Decision) {
        if self.coming.is_empty() || self.remote_broker(order).is_none() {
            return;
        }
        let Some(limit) = decision.asks_for() else { return };
        let waits = |o: &&OrderSpec| {
            o.account == order.account
                && match order.parent {
                    Some(parent) => o.id == parent && self.leads_group(o),
                    None => {
                        code == RefusalCode::ApprovalRequired
                            && order.oco.is_some()
                            && o.oco == order.oco
                            && o.parent.is_none()
                    }
                }
        };
        let waiting: Vec<OrderKey> = self.coming.iter().filter(waits).map(|o| (o.account, o.id)).collect();
        for key in waiting {
            self.asking.entry(key).or_insert(limit);
        }
    }

    /// Whether an order and those that hang on it are a group that its account's broker keeps.
    fn leads_group(&self, order: &OrderSpec) -> bool {
        let broker = self.remote_broker(order);
        broker.is_some_and(|broker| matches!(self.led(order, capabilities(broker)), Led::Group(_)))
    }

    /// Everybody whose wish an order is, and what goes to a broker with it.
    pub(super) fn makers(&self, lead: &Order) -> Vec<UserName> {
        let legs = if self.leads_group(&lead.spec) { self.followers(&lead.spec) } else { Vec::new() };
        let orders = self.state().orders();
        let legs = legs.iter().filter_map(|leg| orders.get(leg.account, leg.id));
        lead.makers().chain(legs.flat_map(Order::makers)).collect()
    }

    /// Judges an order that waits here and goes to a broker with the one that leads its group.
    fn judge_leg(&self, leg: &Arc<OrderSpec>, approved: bool) -> Option<Decision> {
        let state = self.state();
        let book = state.book(leg.account, self.now)?;
        let draft = Draft { approved, waits_for_parent: leg.parent.is_some(), ..Draft::amended(leg) };
        Some(evaluate(&book, state.limits(), &draft))
    }

    /// Refuses what goes to a broker with an order that may go now, where the gate refuses it by now: of a pair of exits
    /// that one alone, and the other waits on; of an entry's exits the whole group. Whether anything was refused.
    pub(super) fn refuse_legs(&mut self, lead: &Arc<OrderSpec>) -> Result<bool, EngineError> {
        if !self.leads_group(lead) {
            return Ok(false);
        }
        let refused = |leg: OrderSpec| {
            let leg = Arc::new(leg);
            let decision = self.judge_leg(&leg, true);
            let said = decision.and_then(|decision| match decision.verdict() {
                Verdict::Refuse(refusal) => Some((refusal.clone(), decision)),
                Verdict::Accept | Verdict::Hold(_) => None,
            });
            (leg, said)
        };
        let judged: Vec<_> = self.followers(lead).into_iter().map(refused).collect();
        if judged.iter().all(|(_, said)| said.is_none()) {
            return Ok(false);
        }
        let is_entry = judged.iter().any(|(leg, _)| leg.parent.is_some());
        let denied = || Refusal::plain(RefusalCode::OrderListDenied);
        for (leg, said) in judged {
            match said {
                Some((refusal, decision)) => self.deny(&leg, refusal, Some(decision))?,
                None if is_entry => self.deny(&leg, denied(), None)?,
                None => {}
            }
        }
        if is_entry {
            self.deny(lead, denied(), None)?;
        }
        Ok(true)
    }

    /// The order of a pair of exits that leads it, where both wait for a second person: they go out together.
    pub(super) fn waiting_lead(&self, order: &Order) -> Option<Order> {
        let other = self.pending_mates(&order.spec).next()?;
        (order.spec.order_type != OrderType::Limit).then(|| other.clone())
    }

    /// Whether it is what is left of a broker's pair of exits that waited for a second person: nothing can fill beside it
    /// any more, so it goes out as an order of no group.
    pub(super) fn is_left_of_pair(&self, order: &OrderSpec) -> bool {
        let orders = self.state().orders();
        let waits = |o: &Order| o.status == OrderStatus::PendingApproval && o.remote.is_none();
        let filled = |group| orders.is_group_filled(&(order.account, group));
        orders.open().get(&(order.account, order.id)).is_some_and(waits)
            && order.parent.is_none()
            && order.oco.is_some_and(|group| !filled(group))
            && orders.siblings(order).next().is_none()
    }

    /// Orders of a broker's pair of exits that wait for a second person beside this one.
    fn pending_mates(&self, order: &OrderSpec) -> impl Iterator<Item = &Order> {
        let is_of_pair = self.remote_broker(order).is_some() && order.parent.is_none();
        let mates = self.state().orders().siblings(order).filter(move |_| is_of_pair);
        mates.filter(|o| o.spec.parent.is_none() && o.status == OrderStatus::PendingApproval)
    }

    /// Why an order of a group may not be given to its account's broker, if so.
    pub(super) fn unfit_group(&self, order: &OrderSpec) -> Option<Refusal> {
        let broker = self.remote_broker(order).filter(|_| order.oco.is_some())?;
        let takes = capabilities(broker);
        let lead = match order.parent {
            Some(parent) => {
                self.coming.iter().find(|o| o.account == order.account && o.id == parent).cloned()
            }
            None => Some(self.coming_lead(order).unwrap_or_else(|| order.clone())),
        };
        match lead.filter(|_| self.coming.iter().any(|o| o.id == order.id)).map(|lead| self.led(&lead, takes))
        {
            Some(Led::Group(_)) => None,
            Some(Led::Unfit(code, why)) => {
                Some(Refusal { observed: Some(format!("{broker}: {why}")), ..Refusal::plain(code) })
            }
            Some(Led::Nothing) | None => Some(Refusal::plain(RefusalCode::UnsupportedOrderClass)),
        }
    }

    /// The order with which another of its group goes to the broker, when that one is on its way in this step.
    pub(super) fn sent_lead(&self, order: &OrderSpec) -> Option<OrderId> {
        let lead = order.parent.or_else(|| self.coming_lead(order).map(|lead| lead.id))?;
        self.is_sent_now(&(order.account, lead)).then_some(lead)
    }

    /// Lets an exit that waits go with its entry, when that is on its way in this step and the broker keeps the group.
    pub(super) fn join(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let orders = self.state().orders();
        let Some(leg) = orders.open().get(&key).filter(|o| waits_here(o)).map(|o| o.spec.clone()) else {
            return Ok(());
        };
        let Some(lead) = self.sent_lead(&leg).and_then(|id| orders.get(key.0, id)) else { return Ok(()) };
        let Some(broker) = self.remote_broker(&leg) else { return Ok(()) };
        match self.led(&lead.spec, capabilities(broker)) {
            Led::Group(_) => {
                let (route, with) = (with_lead(lead.spec.id), Some(lead.spec.id));
                self.emit(EventBody::OrderSubmitted {
                    order: leg,
                    broker,
                    route,
                    with,
                    decision: None,
                    valued_at: None,
                    alone: false,
                })
            }
            Led::Nothing | Led::Unfit(..) => Ok(()),
        }
    }

    /// The same for exits that were here before their entry, such as one that waited for a second person.
    pub(super) fn join_all(&mut self, lead: OrderKey) -> Result<(), EngineError> {
        let orders = self.state().orders();
        let waiting = |key: &OrderKey| orders.open().get(key).is_some_and(waits_here);
        let mut legs: Vec<OrderKey> = orders.children(&lead).filter(waiting).collect();
        let Some(spec) = orders.get(lead.0, lead.1).map(|o| o.spec.clone()) else { return Ok(()) };
        legs.extend(self.pending_mates(&spec).map(|o| (lead.0, o.spec.id)));
        let broker = self.remote_broker(&spec);
        if !self.leads_group(&spec) {
            return Ok(());
        }
        // All of them, since the group as a whole was looked at.
        for (account, id) in legs {
            let Some((broker, leg)) = broker.zip(self.state().orders().get(account, id)) else { continue };
            let order = leg.spec.clone();
            let (route, with) = (with_lead(lead.1), Some(lead.1));
            self.emit(EventBody::OrderSubmitted {
                order,
                broker,
                route,
                with,
                decision: None,
                valued_at: None,
                alone: false,
            })?;
        }
        Ok(())
    }

    /// Open orders that were sent with another.
    pub(super) fn legs_of(&self, lead: &Order) -> Vec<Order> {
        let orders = self.state().orders();
        let key = (lead.spec.account, lead.spec.id);
        let children = orders.children(&key).filter_map(|key| orders.open().get(&key));
        let all = children.chain(orders.siblings(&lead.spec));
        all.filter(|o| o.sent_with() == Some(key.1)).cloned().collect()
    }

    /// A report of an order that the broker told with another, under our name where it is known by its kind.
    pub(super) fn as_leg(&self, lead: &Order, report: &OrderReport) -> OrderReport {
        let known = self.state().orders().at_venue(lead.spec.account, report.venue_id).is_some();
        let legs = if known { Vec::new() } else { self.legs_of(lead) };
        let kind = report.terms.map(|terms| terms.order_type);
        let ours = legs
            .iter()
            .find(|leg| is_unnamed(leg) && leg.spec.side == report.side && Some(leg.spec.order_type) == kind);
        OrderReport { id: ours.map(|leg| leg.spec.id).or(report.id), ..report.clone() }
    }

    /// Why an order ended at its broker that nobody here asked to end. An entry that filled in part takes its exits
    /// with it there: somebody must know.
    pub(super) fn ended_there(&mut self, order: &Order) -> Result<EndReason, EngineError> {
        if order.status == OrderStatus::PendingCancel {
            return Ok(EndReason::Requested);
        }
        let Some(lead) = order.sent_with() else { return Ok(EndReason::Venue) };
        let orders = self.state().orders();
        if order.spec.oco.is_some_and(|group| orders.is_group_filled(&(order.spec.account, group))) {
            return Ok(EndReason::GroupFilled);
        }
        let Some(lead) = orders.get(order.spec.account, lead).filter(|o| o.status.is_done()) else {
            return Ok(EndReason::Venue);
        };
        if order.spec.parent != Some(lead.spec.id) || lead.status == OrderStatus::Filled {
            return Ok(EndReason::Venue);
        }
        if lead.filled.is_positive() {
            let (id, filled) = (lead.spec.id, lead.filled);
            let text = format!("order {id} ended with {filled} filled, and {HELD_WITHOUT}");
            self.tell_break(order.spec.account, text)?;
        }
        Ok(EndReason::ParentEnded)
    }

    /// What one exit fills the broker takes off the other.
    pub(super) fn cut_there(&mut self, order: &Order, report: &OrderReport) -> Result<(), EngineError> {
        let (account, id) = (order.spec.account, order.spec.id);
        let is_kept = order.sent_with().is_some() || !self.legs_of(order).is_empty();
        let is_less = report.quantity < order.spec.quantity && report.quantity > order.filled;
        let by = order.spec.quantity.checked_sub(report.quantity);
        match by.filter(|_| is_kept && is_less && order.status.is_working()) {
            Some(by) => self.emit(EventBody::OrderReduced { account, id, by, group: true }),
            None => Ok(()),
        }
    }

    /// Whether something told of an unknown order may be about an exit whose name at the broker is not known yet: its
    /// entry is asked for, and tells it.
    pub(super) fn awaits_name(&self, account: AccountId, instrument: InstrumentId, side: Side) -> bool {
        let queue = self.state().orders().queue(instrument).iter().filter(|w| w.key.0 == account);
        let mut orders = queue.filter_map(|w| self.state().orders().open().get(&w.key));
        orders.any(|o| o.sent_with().is_some() && is_unnamed(o) && o.spec.side == side)
    }
}

fn with_lead(lead: OrderId) -> CleanText {
    CleanText::from(format!("one group with order {lead}: the broker keeps it"))
}

fn waits_here(order: &Order) -> bool {
    let waits = order.code == Some(RefusalCode::WaitsForParent);
    waits && order.status == OrderStatus::Held && order.remote.is_none()
}

fn is_unnamed(order: &Order) -> bool {
    order.remote.as_ref().is_some_and(|remote| remote.venue_ids.is_empty()) && !order.status.is_done()
}
