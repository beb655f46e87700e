//! Alpaca's paper-trading service behind the [`Broker`] trait: REST for questions and wishes, one WebSocket for
//! reports.
//!
//! What is certain is said, what is not is called unknown: a refusal in the venue's own words is a refusal; a request
//! that never left is not sent; everything else between the two is unknown and is asked for by client order id. An
//! order id that the venue has seen before is looked up, never sent under another name.

mod address;
mod http;
#[cfg(test)]
mod recorded;
mod request;
mod stream;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use reqwest::Method;

pub use address::{PAPER_URL, address};
pub use http::{Keys, Timing};

use self::http::{Ask, Fault, Http, Urgency};
use self::wire::{
    WireAccount, WireActivity, WireCancel, WireClock, WireOrder, WirePosition, client_order_id,
};
use super::{
    AmendOutcome, Amendment, Broker, BrokerError, CancelOutcome, CancelScope, Cursor, Dispatch, Listed,
    OrderRef, Page, SubmitOutcome,
};
use crate::domain::broker::{
    BrokerReport, Capabilities, FillReport, OrderReport, PositionReport, SessionClock, VenueAccount,
    VenueRefusal,
};
use crate::domain::{Address, BrokerId, CleanText, Clock, OrderId, RefusalCode, VenueOrderId};
use crate::execution::venues::capabilities;

/// Most orders of one page.
const ORDERS_PER_PAGE: usize = 500;
/// Most executions of one page.
const FILLS_PER_PAGE: usize = 100;
/// Most pages of open orders; more is an answer that does not end.
const ORDER_PAGES_MAX: usize = 40;

/// Asks for the orders of a group with the one that leads it.
const NESTED: &[(&str, &str)] = &[("nested", "true")];

/// Alpaca's paper-trading service, for the account of one pair of keys.
#[derive(Debug)]
pub struct AlpacaBroker {
    http: Arc<Http>,
}

impl AlpacaBroker {
    /// A client; nothing is asked yet.
    pub fn new(
        address: Address,
        keys: Keys,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Result<Self, BrokerError> {
        Ok(Self { http: Arc::new(Http::new(address, keys, clock, timing)?) })
    }

    fn order(&self, what: &'static str, body: &[u8]) -> Result<OrderReport, BrokerError> {
        let order: WireOrder = self.http.read(what, body)?;
        order.report().map_err(|reason| self.http.malformed(what, reason.as_str()))
    }

    async fn find(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<OrderReport>, BrokerError> {
        const WHAT: &str = "an order";
        match self.http.ask::<WireOrder>(WHAT, &Ask::get(path, query)).await {
            Ok(order) if order.lacks_legs() && !path.ends_with(order.id()) => {
                Box::pin(self.find(&format!("/v2/orders/{}", order.id()), NESTED)).await
            }
            Ok(order) => {
                order.report().map(Some).map_err(|reason| self.http.malformed(WHAT, reason.as_str()))
            }
            Err(BrokerError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// After the venue said that it has seen the client order id before: that order is the answer, when it is the
    /// same order.
    async fn adopt(&self, order: &Dispatch) -> SubmitOutcome {
        let spec = order.order();
        match self.order_by_client_id(spec.id, 0).await {
            Ok(Some(found)) if found.instrument == spec.instrument && found.side == spec.side => {
                SubmitOutcome::Acked(found)
            }
            Ok(Some(_)) => SubmitOutcome::Refused(VenueRefusal {
                code: RefusalCode::DuplicateClientOrderId,
                text: CleanText::new("the venue knows another order by this client order id"),
            }),
            Ok(None) => unknown("the venue has seen the client order id but shows no such order"),
            Err(error) => unknown(&error.to_string()),
        }
    }

    async fn venue_id(&self, order: &OrderRef) -> Result<Option<VenueOrderId>, BrokerError> {
        match order.venue_id {
            Some(id) => Ok(Some(id)),
            None => Ok(self.order_by_client_id(order.id, order.amend_seq).await?.map(|found| found.venue_id)),
        }
    }

    async fn cancel_venue_order(&self, id: VenueOrderId) -> CancelOutcome {
        let path = format!("/v2/orders/{id}");
        let urgency = Urgency::Cancel;
        let ask = Ask { method: Method::DELETE, path: &path, query: &[], body: None, urgency };
        match self.http.call(&ask).await {
            Ok(_) => CancelOutcome::Requested,
            Err(Fault::Said { status: 404, .. }) => CancelOutcome::NotFound,
            Err(Fault::Said { status: 422, text, .. }) => CancelOutcome::TooLate(text),
            Err(Fault::Said { text, .. } | Fault::Unknown(text)) => CancelOutcome::Unknown { reason: text },
            Err(Fault::NotSent { until, reason, .. }) => CancelOutcome::NotSent { until, reason },
        }
    }
}

fn unknown(reason: &str) -> SubmitOutcome {
    SubmitOutcome::Unknown { reason: CleanText::new(reason) }
}

/// Whether the venue says that it has seen the client order id before.
fn is_duplicate(status: u16, text: &CleanText) -> bool {
    status == 422 && text.as_str().contains("client_order_id") && text.as_str().contains("unique")
}

fn refused(status: u16, text: CleanText) -> VenueRefusal {
    let code = match status {
        401 => RefusalCode::BrokerOffline,
        403 if text.as_str().contains("buying power") => RefusalCode::InsufficientBuyingPower,
        404 => RefusalCode::UnknownOrder,
        _ => RefusalCode::VenueReject,
    };
    VenueRefusal { code, text }
}

#[async_trait]
impl Broker for AlpacaBroker {
    fn capabilities(&self) -> &Capabilities {
        capabilities(BrokerId::Alpaca)
    }

    async fn submit(&self, order: &Dispatch) -> SubmitOutcome {
        let body = match request::submit(order.order(), order.legs()) {
            Ok(body) => Some(body),
            Err(refusal) => return SubmitOutcome::Refused(refusal),
        };
        let ask =
            Ask { method: Method::POST, path: "/v2/orders", query: &[], body, urgency: Urgency::Normal };
        match self.http.call(&ask).await {
            Ok(body) => match self.order("a new order", &body) {
                Ok(report) => SubmitOutcome::Acked(report),
                Err(error) => unknown(&error.to_string()),
            },
            Err(Fault::Said { status, text, .. }) if is_duplicate(status, &text) => self.adopt(order).await,
            Err(Fault::Said { status, text, .. }) => SubmitOutcome::Refused(refused(status, text)),
            Err(Fault::NotSent { until, reason, .. }) => SubmitOutcome::NotSent { until, reason },
            Err(Fault::Unknown(reason)) => SubmitOutcome::Unknown { reason },
        }
    }

    async fn amend(&self, order: &OrderRef, change: &Amendment) -> AmendOutcome {
        let unknown =
            |error: BrokerError| AmendOutcome::Unknown { reason: CleanText::new(&error.to_string()) };
        let body = match request::amend(order.id, order.amend_seq.saturating_add(1), change) {
            Ok(body) => Some(body),
            Err(refusal) => return AmendOutcome::Refused(refusal),
        };
        let id = match self.venue_id(order).await {
            Ok(Some(id)) => id,
            Ok(None) => {
                let text = CleanText::new("the venue does not know the order");
                return AmendOutcome::Refused(VenueRefusal { code: RefusalCode::UnknownOrder, text });
            }
            Err(error) => return unknown(error),
        };
        let path = format!("/v2/orders/{id}");
        let ask = Ask { method: Method::PATCH, path: &path, query: &[], body, urgency: Urgency::Normal };
        match self.http.call(&ask).await {
            Ok(body) => match self.order("a changed order", &body) {
                Ok(report) if report.venue_id == id => AmendOutcome::InPlace(report),
                Ok(report) => AmendOutcome::Replaced(report),
                Err(error) => unknown(error),
            },
            Err(Fault::Said { status, text, .. }) if is_duplicate(status, &text) => {
                match self.order_by_client_id(order.id, order.amend_seq.saturating_add(1)).await {
                    Ok(Some(report)) => AmendOutcome::Replaced(report),
                    Ok(None) => AmendOutcome::Unknown { reason: text },
                    Err(error) => unknown(error),
                }
            }
            Err(Fault::Said { status, text, .. }) => AmendOutcome::Refused(refused(status, text)),
            Err(Fault::NotSent { until, reason, .. }) => AmendOutcome::NotSent { until, reason },
            Err(Fault::Unknown(reason)) => AmendOutcome::Unknown { reason },
        }
    }

    async fn cancel(&self, order: &OrderRef) -> CancelOutcome {
        match self.venue_id(order).await {
            Ok(Some(id)) => self.cancel_venue_order(id).await,
            Ok(None) => CancelOutcome::NotFound,
            Err(error) => CancelOutcome::Unknown { reason: CleanText::new(&error.to_string()) },
        }
    }

    async fn cancel_all(
        &self,
        scope: CancelScope,
    ) -> Result<Vec<(VenueOrderId, CancelOutcome)>, BrokerError> {
        const WHAT: &str = "a cancel of all orders";
        if let CancelScope::Instrument(instrument) = scope {
            let mut done = Vec::new();
            for order in self.open_orders().await?.items.iter().filter(|o| o.instrument == instrument) {
                done.push((order.venue_id, self.cancel_venue_order(order.venue_id).await));
            }
            return Ok(done);
        }
        let urgency = Urgency::Cancel;
        let ask = Ask { method: Method::DELETE, path: "/v2/orders", query: &[], body: None, urgency };
        let body = self.http.call(&ask).await.map_err(|fault| self.http.error(WHAT, fault))?;
        let lines: Vec<WireCancel> = self.http.read(WHAT, &body)?;
        let read = |line: WireCancel| {
            let id: VenueOrderId =
                line.id.parse().map_err(|_| self.http.malformed(WHAT, "an order id is not readable"))?;
            let outcome = match line.status {
                200..=299 => CancelOutcome::Requested,
                404 => CancelOutcome::NotFound,
                422 => CancelOutcome::TooLate(CleanText::new("the venue says it is already done")),
                status => CancelOutcome::Unknown { reason: CleanText::new(&format!("status {status}")) },
            };
            Ok((id, outcome))
        };
        lines.into_iter().map(read).collect()
    }

    fn reports(&self) -> BoxStream<'static, BrokerReport> {
        stream::reports(Arc::clone(&self.http))
    }

    async fn order_by_client_id(
        &self,
        id: OrderId,
        amend_seq: u32,
    ) -> Result<Option<OrderReport>, BrokerError> {
        let name = client_order_id(id, amend_seq);
        self.find("/v2/orders:by_client_order_id", &[("client_order_id", &name)]).await
    }

    async fn order_by_venue_id(&self, id: VenueOrderId) -> Result<Option<OrderReport>, BrokerError> {
        self.find(&format!("/v2/orders/{id}"), NESTED).await
    }

    async fn open_orders(&self) -> Result<Listed<OrderReport>, BrokerError> {
        const WHAT: &str = "open orders";
        let limit = ORDERS_PER_PAGE.to_string();
        let mut seen = BTreeSet::new();
        let (mut items, mut unread) = (Vec::new(), Vec::new());
        let mut after: Option<String> = None;
        for _ in 0..ORDER_PAGES_MAX {
            let mut query =
                vec![("status", "open"), ("direction", "asc"), ("nested", "false"), ("limit", &limit)];
            if let Some(after) = &after {
                query.push(("after", after));
            }
            let page: Vec<WireOrder> = self.http.ask(WHAT, &Ask::get("/v2/orders", &query)).await?;
            let is_last = page.len() < ORDERS_PER_PAGE;
            let mark = page.last().and_then(|o| o.submitted_at()).map(str::to_owned);
            let before = seen.len();
            for order in page {
                if !seen.insert(order.id().to_owned()) {
                    continue;
                }
                match order.foreign_name() {
                    Some(told) => unread.push(told),
                    None => items.push(order.report().map_err(|e| self.http.malformed(WHAT, e.as_str()))?),
                }
            }
            if is_last {
                return Ok(Listed { items, unread });
            }
            if seen.len() == before || mark.is_none() {
                break;
            }
            after = mark;
        }
        Err(self.http.malformed(WHAT, "the pages do not end"))
    }

    async fn fills_since(&self, cursor: &Cursor) -> Result<Page<FillReport>, BrokerError> {
        const WHAT: &str = "executions";
        let (since, token) = match cursor {
            Cursor::Since(since) => (*since, None),
            Cursor::After { since, token } => (*since, Some(token.as_str())),
        };
        let (limit, after) = (FILLS_PER_PAGE.to_string(), since.to_string());
        let mut query = vec![("direction", "asc"), ("page_size", &limit), ("after", &after)];
        if let Some(token) = token {
            query.push(("page_token", token));
        }
        let page: Vec<WireActivity> =
            self.http.ask(WHAT, &Ask::get("/v2/account/activities/FILL", &query)).await?;
        let mark = page.last().filter(|_| page.len() == FILLS_PER_PAGE).map(|a| a.token().to_owned());
        if mark.as_deref().is_some_and(|mark| Some(mark) == token) {
            return Err(self.http.malformed(WHAT, "the pages do not end"));
        }
        let unread = page.iter().filter_map(WireActivity::foreign_name).collect();
        let known = page.iter().filter(|activity| activity.foreign_name().is_none());
        let items = known.map(WireActivity::report).collect::<Result<_, _>>();
        let items = items.map_err(|reason| self.http.malformed(WHAT, reason.as_str()))?;
        Ok(Page { items, unread, next: mark.map(|token| Cursor::After { since, token }) })
    }

    async fn positions(&self) -> Result<Listed<PositionReport>, BrokerError> {
        const WHAT: &str = "positions";
        let found: Vec<WirePosition> = self.http.ask(WHAT, &Ask::get("/v2/positions", &[])).await?;
        let unread = found.iter().filter_map(WirePosition::foreign_name).collect();
        let known = found.iter().filter(|position| position.foreign_name().is_none());
        let items = known.map(WirePosition::report).collect::<Result<_, _>>();
        let items = items.map_err(|reason| self.http.malformed(WHAT, reason.as_str()))?;
        Ok(Listed { items, unread })
    }

    async fn account(&self) -> Result<VenueAccount, BrokerError> {
        const WHAT: &str = "the account";
        let found: WireAccount = self.http.ask(WHAT, &Ask::get("/v2/account", &[])).await?;
        found.report().map_err(|reason| self.http.malformed(WHAT, reason.as_str()))
    }

    async fn clock(&self) -> Result<SessionClock, BrokerError> {
        const WHAT: &str = "the clock";
        let found: WireClock = self.http.ask(WHAT, &Ask::get("/v2/clock", &[])).await?;
        found.report().map_err(|reason| self.http.malformed(WHAT, reason.as_str()))
    }
}
