//! The paper exchange behind the [`Broker`] trait: the same engine and matching code that the house runs, as a venue
//! of its own. No socket, file or clock: time comes with the market events it is fed.
//!
//! It never answers `Unknown`: what it says has happened. It exists so that one conformance suite covers both sides
//! of the trait, and so that a test can play a venue.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{
    AmendOutcome, Amendment, Broker, BrokerError, CancelOutcome, CancelScope, Cursor, Dispatch, Listed,
    OrderRef, Page, REPORTS_MAX, SubmitOutcome,
};
use crate::domain::broker::{
    BrokerReport, Capabilities, FillReport, OrderReport, PositionReport, SessionClock, VenueAccount,
    VenueRefusal, VenueStatus, VenueTerms,
};
use crate::domain::command::{Command, Given, Independence};
use crate::domain::event::{EventBody, Fill, Refusal};
use crate::domain::order_state::Order;
use crate::domain::{
    AccountId, BrokerId, CleanText, Event, Exchange, InstrumentId, MarketEvent, OrderId, OrderSpec,
    OrderStatus, Price, Quantity, RefusalCode, UnixNanos, UserName, VenueOrderId,
};
use crate::execution::Engine;
use crate::execution::venues::capabilities;

/// Most executions of one page.
const FILLS_PER_PAGE: usize = 100;

/// The paper exchange as a venue, for one account.
#[derive(Debug)]
pub struct PaperBroker {
    venue: Mutex<Venue>,
    account: AccountId,
    exchange: Exchange,
    reports: broadcast::Sender<BrokerReport>,
}

#[derive(Debug)]
struct Venue {
    engine: Engine,
    own_name: UserName,
    now: UnixNanos,
    fills: Vec<FillReport>,
}

impl PaperBroker {
    /// A venue around an engine in which the account is open. Time begins at `now`.
    pub fn new(
        engine: Engine,
        account: AccountId,
        exchange: Exchange,
        now: UnixNanos,
    ) -> Result<Self, BrokerError> {
        let own_name = "venue".parse().map_err(|_| unusable("its own name is no user name"))?;
        if !engine.state().accounts().contains_key(&account) {
            return Err(unusable("its account is not open"));
        }
        let venue = Mutex::new(Venue { engine, own_name, now, fills: Vec::new() });
        let (reports, _) = broadcast::channel(REPORTS_MAX);
        Ok(Self { venue, account, exchange, reports })
    }

    /// Feeds what happened in the market; fills follow.
    pub fn feed(&self, event: &MarketEvent) -> Result<(), BrokerError> {
        let mut venue = self.venue();
        venue.now = event.time().map_or(venue.now, |time| time.max(venue.now));
        let now = venue.now;
        let batch = venue.engine.market(event, now).map_err(|e| unusable(&e.to_string()))?;
        self.tell(&mut venue, &batch.events);
        Ok(())
    }

    fn venue(&self) -> MutexGuard<'_, Venue> {
        self.venue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, venue: &mut Venue, command: Command) -> Result<Vec<Event>, BrokerError> {
        let given = Given { actor: venue.own_name, independent_of: Independence::Everyone, command };
        let now = venue.now;
        let batch = venue.engine.command(&given, now, now).map_err(|e| unusable(&e.to_string()))?;
        self.tell(venue, &batch.events);
        Ok(batch.events)
    }

    fn tell(&self, venue: &mut Venue, events: &[Event]) {
        for event in events {
            let fill = match &event.body {
                EventBody::Fill(fill) if fill.account == self.account => self.fill_report(event, fill),
                _ => None,
            };
            if let Some(fill) = fill {
                venue.fills.push(fill.clone());
                self.send(BrokerReport::Fill(fill));
            }
            let order =
                order_of(&event.body).and_then(|id| venue.engine.state().orders().get(self.account, id));
            if let Some(report) = order.and_then(order_report) {
                self.send(BrokerReport::Order(report));
            }
        }
    }

    /// Nobody listening is no failure.
    fn send(&self, report: BrokerReport) {
        self.reports.send(report).map(drop).unwrap_or_default();
    }

    fn fill_report(&self, event: &Event, fill: &Fill) -> Option<FillReport> {
        Some(FillReport {
            trade: format!("paper-{}", event.seq).parse().ok()?,
            venue_id: venue_id(fill.id)?,
            id: Some(fill.id),
            instrument: fill.instrument,
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            cum: fill.cum,
            time: event.t,
        })
    }

    /// An order with the open ones that hang on it.
    fn find(&self, venue: &Venue, id: OrderId) -> Option<OrderReport> {
        let orders = venue.engine.state().orders();
        let order = orders.get(self.account, id)?;
        let key = (self.account, id);
        let children = orders.children(&key).filter_map(|key| orders.open().get(&key));
        let mates = orders.siblings(&order.spec).filter(|_| order.spec.parent.is_none());
        let legs = children.chain(mates).filter_map(order_report).collect();
        Some(OrderReport { legs, ..order_report(order)? })
    }
}

fn unusable(reason: &str) -> BrokerError {
    BrokerError::Unusable { broker: BrokerId::Paper, reason: CleanText::new(reason) }
}

fn venue_id(id: OrderId) -> Option<VenueOrderId> {
    id.as_str().parse().ok()
}

fn order_of(body: &EventBody) -> Option<OrderId> {
    match body {
        EventBody::OrderAccepted { order, .. }
        | EventBody::OrderHeld { order, .. }
        | EventBody::OrderRejected { order, .. } => Some(order.id),
        EventBody::OrderReleased { id, .. }
        | EventBody::OrderUpdated { id, .. }
        | EventBody::OrderCanceled { id, .. }
        | EventBody::OrderExpired { id, .. } => Some(*id),
        EventBody::Fill(fill) => Some(fill.id),
        _ => None,
    }
}

fn status(order: &Order) -> Option<VenueStatus> {
    Some(match order.status {
        OrderStatus::Denied => return None,
        OrderStatus::PendingApproval | OrderStatus::Held => VenueStatus::Held,
        OrderStatus::Submitted => VenueStatus::Received,
        OrderStatus::Rejected => VenueStatus::Rejected,
        OrderStatus::Accepted | OrderStatus::Triggered => VenueStatus::Working,
        OrderStatus::Suspended => VenueStatus::Suspended,
        OrderStatus::PartiallyFilled => VenueStatus::PartiallyFilled,
        OrderStatus::PendingUpdate => VenueStatus::PendingUpdate,
        OrderStatus::PendingCancel => VenueStatus::PendingCancel,
        OrderStatus::Filled => VenueStatus::Filled,
        OrderStatus::Canceled => VenueStatus::Canceled,
        OrderStatus::Expired => VenueStatus::Expired,
    })
}

/// The venue's view of an order; none of one that its own checks refused.
fn order_report(order: &Order) -> Option<OrderReport> {
    let spec = &order.spec;
    Some(OrderReport {
        venue_id: venue_id(spec.id)?,
        id: Some(spec.id),
        amend_seq: 0,
        instrument: spec.instrument,
        side: spec.side,
        quantity: spec.quantity,
        filled: order.filled,
        average: average(order),
        limit_price: spec.limit_price,
        trigger_price: order.trigger(),
        status: status(order)?,
        replaces: None,
        replaced_by: None,
        changed_at: order.changed_at,
        terms: Some(VenueTerms { order_type: spec.order_type, tif: spec.tif, trail: spec.trail }),
        legs: Vec::new(),
    })
}

fn average(order: &Order) -> Option<Price> {
    Price::per_share(order.filled_notional, order.filled)
}

fn refusal_of(refusal: &Refusal) -> VenueRefusal {
    VenueRefusal { code: refusal.code, text: CleanText::new(refusal.code.text()) }
}

#[async_trait]
impl Broker for PaperBroker {
    fn capabilities(&self) -> &Capabilities {
        capabilities(BrokerId::Paper)
    }

    async fn submit(&self, order: &Dispatch) -> SubmitOutcome {
        let spec = order.order();
        let mut venue = self.venue();
        let orders: Vec<OrderSpec> = std::iter::once(spec).chain(order.legs()).cloned().collect();
        let command = Command::SubmitList(orders);
        let events = match self.give(&mut venue, command) {
            Ok(events) => events,
            Err(error) => {
                let reason = CleanText::new(&error.to_string());
                return SubmitOutcome::NotSent { until: venue.now, reason };
            }
        };
        let refused = events.iter().find_map(|e| match &e.body {
            EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal }
                if order.id == spec.id =>
            {
                Some(refusal_of(refusal))
            }
            _ => None,
        });
        match (refused, self.find(&venue, spec.id)) {
            (Some(refusal), _) => SubmitOutcome::Refused(refusal),
            (None, Some(report)) => SubmitOutcome::Acked(report),
            (None, None) => SubmitOutcome::Refused(refusal_of(&Refusal::plain(RefusalCode::UnknownOrder))),
        }
    }

    async fn amend(&self, order: &OrderRef, change: &Amendment) -> AmendOutcome {
        let mut venue = self.venue();
        let command = Command::Amend {
            account: self.account,
            id: order.id,
            quantity: change.quantity,
            limit_price: change.limit_price,
            trigger_price: change.trigger_price,
        };
        let events = match self.give(&mut venue, command) {
            Ok(events) => events,
            Err(error) => {
                let reason = CleanText::new(&error.to_string());
                return AmendOutcome::NotSent { until: venue.now, reason };
            }
        };
        let refused = events.iter().find_map(|e| match &e.body {
            EventBody::AmendRejected { refusal, .. } => Some(refusal_of(refusal)),
            _ => None,
        });
        match (refused, self.find(&venue, order.id)) {
            (Some(refusal), _) => AmendOutcome::Refused(refusal),
            (None, Some(report)) => AmendOutcome::InPlace(report),
            (None, None) => AmendOutcome::Refused(refusal_of(&Refusal::plain(RefusalCode::UnknownOrder))),
        }
    }

    async fn cancel(&self, order: &OrderRef) -> CancelOutcome {
        let mut venue = self.venue();
        if self.find(&venue, order.id).is_none() {
            return CancelOutcome::NotFound;
        }
        match self.give(&mut venue, Command::Cancel { account: self.account, id: order.id }) {
            Ok(events) => {
                let refused = events.iter().find_map(|e| match &e.body {
                    EventBody::CancelRejected { refusal, .. } => Some(refusal.code),
                    _ => None,
                });
                refused.map_or(CancelOutcome::Requested, |code| CancelOutcome::TooLate(code.text().into()))
            }
            Err(error) => {
                CancelOutcome::NotSent { until: venue.now, reason: CleanText::new(&error.to_string()) }
            }
        }
    }

    async fn cancel_all(
        &self,
        scope: CancelScope,
    ) -> Result<Vec<(VenueOrderId, CancelOutcome)>, BrokerError> {
        let wanted = |instrument: InstrumentId| match scope {
            CancelScope::All => true,
            CancelScope::Instrument(only) => instrument == only,
        };
        let mut done = Vec::new();
        for order in self.open_orders().await?.items.into_iter().filter(|o| wanted(o.instrument)) {
            let Some(id) = order.id else { continue };
            let asked = OrderRef { id, amend_seq: 0, venue_id: Some(order.venue_id) };
            done.push((order.venue_id, self.cancel(&asked).await));
        }
        Ok(done)
    }

    fn reports(&self) -> BoxStream<'static, BrokerReport> {
        let told = stream::unfold(self.reports.subscribe(), |mut reports| async move {
            match reports.recv().await {
                Ok(report) => Some((report, reports)),
                Err(RecvError::Lagged(missed)) => {
                    let reason = CleanText::new(&format!("{missed} reports came faster than they were read"));
                    Some((BrokerReport::Gap { reason }, reports))
                }
                Err(RecvError::Closed) => None,
            }
        });
        stream::once(async { BrokerReport::Connected }).chain(told).boxed()
    }

    async fn order_by_client_id(
        &self,
        id: OrderId,
        _amend_seq: u32,
    ) -> Result<Option<OrderReport>, BrokerError> {
        Ok(self.find(&self.venue(), id))
    }

    async fn order_by_venue_id(&self, id: VenueOrderId) -> Result<Option<OrderReport>, BrokerError> {
        Ok(id.as_str().parse().ok().and_then(|id| self.find(&self.venue(), id)))
    }

    async fn open_orders(&self) -> Result<Listed<OrderReport>, BrokerError> {
        let venue = self.venue();
        let own = venue.engine.state().orders().open().values().filter(|o| o.spec.account == self.account);
        Ok(Listed { items: own.filter_map(order_report).collect(), unread: Vec::new() })
    }

    async fn fills_since(&self, cursor: &Cursor) -> Result<Page<FillReport>, BrokerError> {
        let venue = self.venue();
        let (since, from) = match cursor {
            Cursor::Since(since) => (*since, 0),
            Cursor::After { since, token } => {
                (*since, token.parse().map_err(|_| unusable("the mark of a page is none of its own"))?)
            }
        };
        let wanted: Vec<&FillReport> = venue.fills.iter().filter(|f| f.time >= since).collect();
        let items: Vec<FillReport> =
            wanted.iter().skip(from).take(FILLS_PER_PAGE).map(|f| (*f).clone()).collect();
        let reached = from + items.len();
        let next = (reached < wanted.len()).then(|| Cursor::After { since, token: reached.to_string() });
        Ok(Page { items, unread: Vec::new(), next })
    }

    async fn positions(&self) -> Result<Listed<PositionReport>, BrokerError> {
        let venue = self.venue();
        let account = venue.engine.state().accounts().get(&self.account);
        let held = account.into_iter().flat_map(|a| a.positions().keys().map(|i| (*i, a.quantity(*i))));
        let reports =
            held.map(|(instrument, quantity)| PositionReport { instrument, quantity, average: None });
        let items = reports.filter(|p| p.quantity != Quantity::ZERO).collect();
        Ok(Listed { items, unread: Vec::new() })
    }

    async fn account(&self) -> Result<VenueAccount, BrokerError> {
        let venue = self.venue();
        let state = venue.engine.state();
        let account = state.accounts().get(&self.account).ok_or_else(|| unusable("its account is gone"))?;
        let equity = state.equity(account).ok_or_else(|| unusable("a position has no price yet"))?;
        Ok(VenueAccount {
            currency: account.spec().currency,
            cash: account.cash(),
            equity,
            buying_power: account.cash(),
            can_trade: true,
            can_short: account.spec().short,
        })
    }

    async fn clock(&self) -> Result<SessionClock, BrokerError> {
        let venue = self.venue();
        let (calendar, now) = (venue.engine.calendars().of(self.exchange), venue.now);
        let date = calendar.date_at(now);
        let today = calendar.session_at(now);
        let next = today.or_else(|| calendar.session_on(date).filter(|s| s.open > now));
        let next =
            next.or_else(|| calendar.next_session(date)).ok_or_else(|| unusable("its calendar has ended"))?;
        let opens = if today.is_some() { calendar.next_session(date) } else { Some(next) };
        let opens = opens.ok_or_else(|| unusable("its calendar has ended"))?;
        Ok(SessionClock {
            time: now,
            is_open: today.is_some(),
            next_open: opens.open,
            next_close: next.close,
        })
    }
}
