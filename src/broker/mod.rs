//! The outside of the [`Broker`] trait: the paper broker and Alpaca's paper-trading service.
//!
//! A broker is asked and answers; it decides nothing. What it cannot say for certain it calls unknown: an order whose
//! sending got no answer is never taken for a refused one, and is never sent again under another name. Only an order
//! that is in the journal as submitted can be sent ([`Dispatch`]). Keys never show in an error, a log or `Debug`.

pub mod alpaca;
pub mod collect;
pub mod paper;

use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::domain::broker::{
    BrokerReport, Capabilities, FillReport, OrderReport, PositionReport, SessionClock, VenueAccount,
    VenueRefusal,
};
use crate::domain::{
    BrokerId, CleanText, InstrumentId, Order, OrderId, OrderSpec, OrderStatus, Price, Quantity, UnixNanos,
    VenueOrderId,
};

use crate::execution::routing::as_sent;

/// Most reports that wait for a reader; beyond it the reader is told of a gap.
pub const REPORTS_MAX: usize = 4_096;

/// An order as it is to be sent; made only of one that the book holds as submitted, so that its sending is in the
/// journal before it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    order: OrderSpec,
    legs: Vec<OrderSpec>,
}

impl Dispatch {
    /// What is to be sent of an order; `None` unless it waits for being sent.
    pub fn of(order: &Order) -> Option<Dispatch> {
        Self::with_legs(order, &[])
    }

    /// The same with those of `others` that are sent with it as one group; an order that is sent with another is not
    /// sent by itself.
    pub fn with_legs(order: &Order, others: &[Order]) -> Option<Dispatch> {
        let remote = order.remote.as_ref().filter(|_| order.status == OrderStatus::Submitted)?;
        if remote.with.is_some() {
            return None;
        }
        let goes_along = |o: &&Order| {
            let is_mine = o.sent_with() == Some(order.spec.id) && o.spec.account == order.spec.account;
            is_mine && o.status == OrderStatus::Submitted
        };
        let legs = others.iter().filter(goes_along).map(|o| OrderSpec::clone(&o.spec)).collect();
        Some(Dispatch { order: as_sent(&order.spec, remote.broker), legs })
    }

    /// The order.
    pub const fn order(&self) -> &OrderSpec {
        &self.order
    }

    /// The other orders of its group.
    pub fn legs(&self) -> &[OrderSpec] {
        &self.legs
    }
}

/// Which order a venue is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRef {
    /// Our name.
    pub id: OrderId,
    /// How often it was amended.
    pub amend_seq: u32,
    /// The venue's present name, where it is known.
    pub venue_id: Option<VenueOrderId>,
}

/// New terms of a working order; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amendment {
    /// New quantity in all.
    pub quantity: Option<Quantity>,
    /// New limit price.
    pub limit_price: Option<Price>,
    /// New trigger.
    pub trigger_price: Option<Price>,
}

/// What became of an order that was sent.
#[allow(clippy::large_enum_variant, reason = "made once a request; a box would buy nothing")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The venue has it.
    Acked(OrderReport),
    /// The venue refused it.
    Refused(VenueRefusal),
    /// It certainly did not reach the venue; the same order may be sent again from `until` on.
    NotSent {
        /// Not before.
        until: UnixNanos,
        /// Why.
        reason: CleanText,
    },
    /// Nobody knows; ask for it by its client order id.
    Unknown {
        /// Why.
        reason: CleanText,
    },
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AmendOutcome {
    /// The venue order has its new terms.
    InPlace(OrderReport),
    /// A new venue order is to take its place.
    Replaced(OrderReport),
    /// The venue refused it; the order works on as it was.
    Refused(VenueRefusal),
    /// It certainly did not reach the venue.
    NotSent {
        /// Not before.
        until: UnixNanos,
        /// Why.
        reason: CleanText,
    },
    /// Nobody knows.
    Unknown {
        /// Why.
        reason: CleanText,
    },
}

/// What became of a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The venue will end it; a report says when.
    Requested,
    /// The venue says it cannot be cancelled any more.
    TooLate(CleanText),
    /// The venue does not know the order.
    NotFound,
    /// It certainly did not reach the venue.
    NotSent {
        /// Not before.
        until: UnixNanos,
        /// Why.
        reason: CleanText,
    },
    /// Nobody knows.
    Unknown {
        /// Why.
        reason: CleanText,
    },
}

/// Which orders are cancelled together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelScope {
    /// All open orders of the account.
    All,
    /// Those of one instrument.
    Instrument(InstrumentId),
}

/// Where a reading of fills goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// From a moment on.
    Since(UnixNanos),
    /// Behind a page, in the venue's own words.
    After {
        /// The moment the reading began at.
        since: UnixNanos,
        /// The venue's mark.
        token: String,
    },
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// What it holds.
    pub items: Vec<T>,
    /// What has a name that is none here, in words.
    pub unread: Vec<CleanText>,
}

/// One page of a longer answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What it holds, the oldest first.
    pub items: Vec<T>,
    /// What has a name that is none here, in words.
    pub unread: Vec<CleanText>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// Why a broker could not answer.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is not one this release may speak to.
    #[error(
        "{broker}: the address '{found}' is not allowed; use https://paper-api.alpaca.markets or a loopback address"
    )]
    Address {
        /// Broker.
        broker: BrokerId,
        /// What was given.
        found: CleanText,
    },
    /// No keys.
    #[error(
        "{broker}: no key is known; use 'qlib-pro key set {broker}', or QLIB_PRO_ALPACA_KEY and QLIB_PRO_ALPACA_SECRET"
    )]
    NoKeys {
        /// Broker.
        broker: BrokerId,
    },
    /// The venue does not take the key.
    #[error("{broker} does not take the key; check that it is a paper-trading key: {text}")]
    BadKey {
        /// Broker.
        broker: BrokerId,
        /// The venue's words.
        text: CleanText,
    },
    /// It could not be reached, or gave no usable answer in time.
    #[error("{broker} could not be asked for {what}: {reason}; it is asked again by itself")]
    Offline {
        /// Broker.
        broker: BrokerId,
        /// What was asked.
        what: &'static str,
        /// Why.
        reason: CleanText,
    },
    /// Too many requests.
    #[error("{broker} takes no more requests before {until}")]
    RateLimited {
        /// Broker.
        broker: BrokerId,
        /// From then on.
        until: UnixNanos,
    },
    /// The venue said no.
    #[error("{broker} refused {what} ({status}): {text}")]
    Refused {
        /// Broker.
        broker: BrokerId,
        /// What was asked.
        what: &'static str,
        /// HTTP status.
        status: u16,
        /// The venue's words.
        text: CleanText,
    },
    /// The answer cannot be read.
    #[error("{broker}: the answer about {what} cannot be read: {reason}")]
    Malformed {
        /// Broker.
        broker: BrokerId,
        /// What was asked.
        what: &'static str,
        /// Why.
        reason: CleanText,
    },
    /// The HTTP client could not be built, or the paper exchange failed.
    #[error("{broker} cannot be used: {reason}")]
    Unusable {
        /// Broker.
        broker: BrokerId,
        /// Why.
        reason: CleanText,
    },
}

/// A place where orders are executed.
#[async_trait]
pub trait Broker: Send + Sync + fmt::Debug {
    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// Sends an order. Called by the sender alone, once per order and then only after a `NotSent`.
    async fn submit(&self, order: &Dispatch) -> SubmitOutcome;

    /// Changes a working order.
    async fn amend(&self, order: &OrderRef, change: &Amendment) -> AmendOutcome;

    /// Asks for an order's end.
    async fn cancel(&self, order: &OrderRef) -> CancelOutcome;

    /// Asks for the end of many.
    async fn cancel_all(&self, scope: CancelScope)
    -> Result<Vec<(VenueOrderId, CancelOutcome)>, BrokerError>;

    /// What it tells from now on, without end; it connects again by itself. Nothing that happened while it was not
    /// connected comes later: each [`BrokerReport::Connected`] and [`BrokerReport::Gap`] asks for a reconciliation.
    fn reports(&self) -> BoxStream<'static, BrokerReport>;

    /// An order by our name and amendment, with those that were sent with it.
    async fn order_by_client_id(
        &self,
        id: OrderId,
        amend_seq: u32,
    ) -> Result<Option<OrderReport>, BrokerError>;

    /// An order by the venue's name.
    async fn order_by_venue_id(&self, id: VenueOrderId) -> Result<Option<OrderReport>, BrokerError>;

    /// All open orders.
    async fn open_orders(&self) -> Result<Listed<OrderReport>, BrokerError>;

    /// Executions, the oldest first, a page at a time.
    async fn fills_since(&self, cursor: &Cursor) -> Result<Page<FillReport>, BrokerError>;

    /// All positions. A failure is not an empty answer.
    async fn positions(&self) -> Result<Listed<PositionReport>, BrokerError>;

    /// The account.
    async fn account(&self) -> Result<VenueAccount, BrokerError>;

    /// The venue's clock.
    async fn clock(&self) -> Result<SessionClock, BrokerError>;
}
