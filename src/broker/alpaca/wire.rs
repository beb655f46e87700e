//! What Alpaca writes, and what it means here. Decimals are read from their text; a JSON number with a fraction is
//! refused, since nobody can say what it was before it became a float. Unknown fields are passed over.

use chrono::DateTime;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::domain::broker::{
    BrokerReport, FillReport, OrderReport, PositionReport, SessionClock, VenueAccount, VenueStatus,
    VenueTerms,
};
use crate::domain::{
    CleanText, Exchange, InstrumentId, Money, OrderId, OrderType, Price, Quantity, Side, TimeInForce,
    TradeId, UnixNanos, VenueOrderId,
};

/// Between our order id and the number of the amendment in a client order id; no order id of ours has it.
const AMENDED: char = '~';

/// Why an answer could not be read.
pub(super) type Unread = CleanText;

fn unread(what: &str, found: &str, why: impl std::fmt::Display) -> Unread {
    let found: String = found.chars().take(80).collect();
    CleanText::new(&format!("{what} '{found}' {why}"))
}

/// A decimal as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dec(String);

impl<'de> Deserialize<'de> for Dec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Dec;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal as text, or a whole number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dec, E> {
                Ok(Dec(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Dec, E> {
                Ok(Dec(whole.to_string()))
            }
            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Dec, E> {
                Ok(Dec(whole.to_string()))
            }
        }
        d.deserialize_any(Text)
    }
}

impl Dec {
    fn quantity(&self, what: &str) -> Result<Quantity, Unread> {
        self.0.parse().map_err(|e| unread(what, &self.0, e))
    }

    fn price(&self, what: &str) -> Result<Price, Unread> {
        self.0.parse().map_err(|e| unread(what, &self.0, e))
    }

    /// A figure that is shown and compared, never booked: rounded half to even to what is held here.
    fn rounded(&self, what: &str, places: u32) -> Result<Decimal, Unread> {
        let exact: Decimal = self.0.parse().map_err(|e| unread(what, &self.0, e))?;
        Ok(exact.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven).normalize())
    }

    fn average(&self, what: &str) -> Result<Price, Unread> {
        self.rounded(what, 9)?.to_string().parse().map_err(|e| unread(what, &self.0, e))
    }

    fn money(&self, what: &str) -> Result<Money, Unread> {
        self.rounded(what, 6)?.to_string().parse().map_err(|e| unread(what, &self.0, e))
    }
}

/// Alpaca's order.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireOrder {
    id: String,
    client_order_id: String,
    symbol: String,
    qty: Option<Dec>,
    filled_qty: Dec,
    filled_avg_price: Option<Dec>,
    side: String,
    limit_price: Option<Dec>,
    stop_price: Option<Dec>,
    #[serde(rename = "type")]
    kind: Option<String>,
    time_in_force: Option<String>,
    trail_price: Option<Dec>,
    trail_percent: Option<Dec>,
    status: String,
    replaces: Option<String>,
    replaced_by: Option<String>,
    updated_at: Option<String>,
    submitted_at: Option<String>,
    created_at: Option<String>,
    #[serde(default)]
    order_class: Option<String>,
    #[serde(default)]
    legs: Option<Vec<WireOrder>>,
}

impl WireOrder {
    /// As a report.
    pub(super) fn report(&self) -> Result<OrderReport, Unread> {
        let (id, amend_seq) = own_name(&self.client_order_id);
        // An order that was given by its value has no quantity; what it has filled is all that is known.
        let quantity = self.qty.as_ref().unwrap_or(&self.filled_qty);
        let changed = [&self.updated_at, &self.submitted_at, &self.created_at].into_iter().flatten().next();
        let changed = changed.ok_or_else(|| unread("order", &self.id, "has no time"))?;
        Ok(OrderReport {
            venue_id: venue_id(&self.id)?,
            id,
            amend_seq,
            instrument: instrument(&self.symbol)?,
            side: side(&self.side)?,
            quantity: quantity.quantity("qty")?,
            filled: self.filled_qty.quantity("filled_qty")?,
            average: self.filled_avg_price.as_ref().map(|p| p.average("filled_avg_price")).transpose()?,
            limit_price: self.limit_price.as_ref().map(|p| p.price("limit_price")).transpose()?,
            trigger_price: self.stop_price.as_ref().map(|p| p.price("stop_price")).transpose()?,
            status: status(&self.status)?,
            replaces: self.replaces.as_deref().map(venue_id).transpose()?,
            replaced_by: self.replaced_by.as_deref().map(venue_id).transpose()?,
            changed_at: time(changed)?,
            terms: self.terms(),
            legs: self.legs.iter().flatten().map(WireOrder::report).collect::<Result<_, _>>()?,
        })
    }

    /// What to tell of an order of something that has no name here.
    pub(super) fn foreign_name(&self) -> Option<CleanText> {
        foreign(&self.symbol, format!("order {} of", self.id))
    }

    /// Whether it belongs to a group whose other orders are not told with it.
    pub(super) fn lacks_legs(&self) -> bool {
        let is_group = matches!(self.order_class.as_deref(), Some("bracket" | "oco" | "oto"));
        is_group && self.legs.as_ref().is_none_or(Vec::is_empty)
    }

    /// What kind of order it is, in our words; `None` where there is none.
    fn terms(&self) -> Option<VenueTerms> {
        let (order_type, tif) = kind_of(self.kind.as_deref()?, self.time_in_force.as_deref()?)?;
        let amount = self.trail_price.as_ref().map(|p| p.0.clone());
        let trail = amount.or_else(|| self.trail_percent.as_ref().map(|p| format!("{}%", p.0)));
        let trail = match trail {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(VenueTerms { order_type, tif, trail })
    }

    /// When it was given, for paging.
    pub(super) fn submitted_at(&self) -> Option<&str> {
        self.submitted_at.as_deref()
    }

    /// The venue's name, for paging.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// Alpaca's record of an execution.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireActivity {
    id: String,
    order_id: String,
    symbol: String,
    side: String,
    qty: Dec,
    price: Dec,
    cum_qty: Dec,
    transaction_time: String,
}

impl WireActivity {
    /// As a report.
    pub(super) fn report(&self) -> Result<FillReport, Unread> {
        Ok(FillReport {
            trade: trade_id(&self.id)?,
            venue_id: venue_id(&self.order_id)?,
            id: None,
            instrument: instrument(&self.symbol)?,
            side: side(&self.side)?,
            quantity: self.qty.quantity("qty")?,
            price: self.price.price("price")?,
            cum: self.cum_qty.quantity("cum_qty")?,
            time: time(&self.transaction_time)?,
        })
    }

    /// What to tell of an execution of something that has no name here.
    pub(super) fn foreign_name(&self) -> Option<CleanText> {
        foreign(&self.symbol, format!("order {} of", self.order_id))
    }

    /// The venue's mark for the page behind it.
    pub(super) fn token(&self) -> &str {
        &self.id
    }
}

/// Alpaca's position.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WirePosition {
    symbol: String,
    qty: Dec,
    side: String,
    #[serde(default)]
    avg_entry_price: Option<Dec>,
}

impl WirePosition {
    /// What to tell of a position in something that has no name here.
    pub(super) fn foreign_name(&self) -> Option<CleanText> {
        foreign(&self.symbol, format!("{} of", self.qty.0))
    }

    /// As a report; short is negative whether or not the text says so.
    pub(super) fn report(&self) -> Result<PositionReport, Unread> {
        let size = self.qty.quantity("qty")?;
        let size = size.checked_abs().ok_or_else(|| unread("qty", &self.qty.0, "is too large"))?;
        let quantity = match self.side.as_str() {
            "long" => size,
            "short" => size.checked_neg().ok_or_else(|| unread("qty", &self.qty.0, "is too large"))?,
            other => return Err(unread("position side", other, "is not known")),
        };
        let average = self.avg_entry_price.as_ref().map(|p| p.average("avg_entry_price")).transpose()?;
        Ok(PositionReport { instrument: instrument(&self.symbol)?, quantity, average })
    }
}

/// Alpaca's account.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireAccount {
    currency: String,
    cash: Dec,
    equity: Dec,
    buying_power: Dec,
    status: String,
    #[serde(default)]
    account_blocked: bool,
    #[serde(default)]
    trading_blocked: bool,
    #[serde(default)]
    trade_suspended_by_user: bool,
    #[serde(default)]
    shorting_enabled: bool,
}

impl WireAccount {
    /// As a report.
    pub(super) fn report(&self) -> Result<VenueAccount, Unread> {
        let stopped = self.account_blocked || self.trading_blocked || self.trade_suspended_by_user;
        Ok(VenueAccount {
            currency: self.currency.parse().map_err(|e| unread("currency", &self.currency, e))?,
            cash: self.cash.money("cash")?,
            equity: self.equity.money("equity")?,
            buying_power: self.buying_power.money("buying_power")?,
            can_trade: self.status == "ACTIVE" && !stopped,
            can_short: self.shorting_enabled,
        })
    }
}

/// Alpaca's clock.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireClock {
    timestamp: String,
    is_open: bool,
    next_open: String,
    next_close: String,
}

impl WireClock {
    /// As a report.
    pub(super) fn report(&self) -> Result<SessionClock, Unread> {
        Ok(SessionClock {
            time: time(&self.timestamp)?,
            is_open: self.is_open,
            next_open: time(&self.next_open)?,
            next_close: time(&self.next_close)?,
        })
    }
}

/// One line of the answer to a cancel of many.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireCancel {
    pub(super) id: String,
    pub(super) status: u16,
}

/// Alpaca's words for an error.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct WireError {
    pub(super) code: Option<i64>,
    #[serde(default)]
    pub(super) message: String,
}

/// A message of the report stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "stream", content = "data", rename_all = "snake_case")]
pub(super) enum WireMessage {
    Authorization { status: String },
    Listening { streams: Vec<String> },
    TradeUpdates(Box<WireUpdate>),
}

/// A change of an order.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireUpdate {
    event: String,
    execution_id: Option<String>,
    order: WireOrder,
    price: Option<Dec>,
    qty: Option<Dec>,
    timestamp: Option<String>,
}

impl WireUpdate {
    /// What it tells: for a fill, the execution first and then the order. What is about something that has no name
    /// here is told by comparisons.
    pub(super) fn reports(&self) -> Result<Vec<BrokerReport>, Unread> {
        if self.order.foreign_name().is_some() {
            return Ok(Vec::new());
        }
        let order = self.order.report()?;
        Ok(match self.event.as_str() {
            "fill" | "partial_fill" => {
                vec![BrokerReport::Fill(self.fill(&order)?), BrokerReport::Order(order)]
            }
            "order_replace_rejected" => vec![BrokerReport::AmendRejected(order)],
            "order_cancel_rejected" => vec![BrokerReport::CancelRejected(order)],
            "trade_bust" | "trade_correct" => {
                let reason =
                    CleanText::new(&format!("the venue took back or corrected a trade of {}", self.order.id));
                vec![BrokerReport::Gap { reason }, BrokerReport::Order(order)]
            }
            _ => vec![BrokerReport::Order(order)],
        })
    }

    fn fill(&self, order: &OrderReport) -> Result<FillReport, Unread> {
        let missing = |what: &str| unread("fill of order", &self.order.id, format!("has no {what}"));
        let trade = self.execution_id.as_deref().ok_or_else(|| missing("execution_id"))?;
        let quantity = self.qty.as_ref().ok_or_else(|| missing("qty"))?.quantity("qty")?;
        let price = self.price.as_ref().ok_or_else(|| missing("price"))?.price("price")?;
        let at = self.timestamp.as_deref().map(time).transpose()?;
        Ok(FillReport {
            trade: trade_id(trade)?,
            venue_id: order.venue_id,
            id: order.id,
            instrument: order.instrument,
            side: order.side,
            quantity,
            price,
            cum: order.filled,
            time: at.unwrap_or(order.changed_at),
        })
    }
}

/// The client order id of an order after so many amendments.
pub(super) fn client_order_id(id: OrderId, amend_seq: u32) -> String {
    if amend_seq == 0 { id.to_string() } else { format!("{id}{AMENDED}{amend_seq}") }
}

/// Our order id and amendment in a client order id; `None` when it is not one of ours.
fn own_name(text: &str) -> (Option<OrderId>, u32) {
    let (id, amend_seq) = match text.rsplit_once(AMENDED) {
        Some((id, seq)) => (id, seq.parse().ok()),
        None => (text, Some(0)),
    };
    match (id.parse().ok(), amend_seq) {
        (Some(id), Some(seq)) => (Some(id), seq),
        _ => (None, 0),
    }
}

fn venue_id(text: &str) -> Result<VenueOrderId, Unread> {
    text.parse().map_err(|e| unread("order id", text, e))
}

fn trade_id(text: &str) -> Result<TradeId, Unread> {
    text.parse().map_err(|e| unread("execution id", text, e))
}

/// What to tell of a symbol that is none here, such as a pair of coins or an option.
fn foreign(symbol: &str, what: String) -> Option<CleanText> {
    let is_known = instrument(symbol).is_ok();
    let shown: String = symbol.chars().take(80).collect();
    (!is_known)
        .then(|| CleanText::from(format!("{what} '{shown}' at the broker: no symbol that can be kept here")))
}

/// All of Alpaca's shares are quoted on the US consolidated market.
fn instrument(symbol: &str) -> Result<InstrumentId, Unread> {
    let symbol = symbol.parse().map_err(|e| unread("symbol", symbol, e))?;
    Ok(InstrumentId::new(symbol, Exchange::Xnys))
}

fn side(text: &str) -> Result<Side, Unread> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" | "sell_short" => Ok(Side::Sell),
        other => Err(unread("side", other, "is not known")),
    }
}

fn time(text: &str) -> Result<UnixNanos, Unread> {
    let parsed = DateTime::parse_from_rfc3339(text).map_err(|e| unread("time", text, e))?;
    let nanos = parsed.timestamp_nanos_opt().ok_or_else(|| unread("time", text, "is out of range"))?;
    Ok(UnixNanos::from_nanos(nanos))
}

/// Our kind of order and time in force; auction orders travel as a plain type with a time in force of their own.
fn kind_of(kind: &str, tif: &str) -> Option<(OrderType, TimeInForce)> {
    let order_type = match (kind, tif) {
        ("market", "opg") => OrderType::MarketOnOpen,
        ("limit", "opg") => OrderType::LimitOnOpen,
        ("market", "cls") => OrderType::MarketOnClose,
        ("limit", "cls") => OrderType::LimitOnClose,
        (_, "opg" | "cls") => return None,
        ("market", _) => OrderType::Market,
        ("limit", _) => OrderType::Limit,
        ("stop", _) => OrderType::Stop,
        ("stop_limit", _) => OrderType::StopLimit,
        ("trailing_stop", _) => OrderType::TrailingStop,
        (_, _) => return None,
    };
    let tif = match tif {
        "day" | "opg" | "cls" => TimeInForce::Day,
        "gtc" => TimeInForce::Gtc,
        "ioc" => TimeInForce::Ioc,
        "fok" => TimeInForce::Fok,
        _ => return None,
    };
    Some((order_type, tif))
}

fn status(text: &str) -> Result<VenueStatus, Unread> {
    Ok(match text {
        "pending_new" | "pending_review" => VenueStatus::Received,
        "new" | "accepted" | "accepted_for_bidding" => VenueStatus::Working,
        "held" => VenueStatus::Held,
        "partially_filled" => VenueStatus::PartiallyFilled,
        "done_for_day" => VenueStatus::DoneForDay,
        "pending_cancel" => VenueStatus::PendingCancel,
        "pending_replace" => VenueStatus::PendingUpdate,
        "stopped" | "suspended" | "calculated" => VenueStatus::Suspended,
        "filled" => VenueStatus::Filled,
        "canceled" => VenueStatus::Canceled,
        "expired" => VenueStatus::Expired,
        "replaced" => VenueStatus::Replaced,
        "rejected" => VenueStatus::Rejected,
        other => return Err(unread("order status", other, "is not known")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(json: &str) -> Result<Dec, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn decimals_are_read_from_their_text_and_floats_are_refused() {
        assert_eq!(dec("\"187.20\"").unwrap().price("p").unwrap(), "187.2".parse().unwrap());
        assert_eq!(dec("1").unwrap().quantity("q").unwrap(), "1".parse().unwrap());
        assert!(dec("1.25").is_err());
        assert!(dec("\"1e3\"").unwrap().price("p").is_err());
        assert!(dec("\"0.0000000001\"").unwrap().price("p").is_err());
    }

    #[test]
    fn averages_round_half_to_even_to_what_is_held() {
        let average = |text: &str| Dec(text.into()).average("a").unwrap().to_string();
        assert_eq!(average("187.1940000005"), "187.194");
        assert_eq!(average("187.1940000015"), "187.194000002");
        assert_eq!(Dec("-23140.2000005".into()).money("m").unwrap().to_string(), "-23140.20");
    }

    #[test]
    fn a_client_order_id_carries_its_amendment_and_nothing_foreign_is_taken_for_ours() {
        let id: OrderId = "q-1".parse().unwrap();
        assert_eq!(own_name(&client_order_id(id, 0)), (Some(id), 0));
        assert_eq!(own_name(&client_order_id(id, 12)), (Some(id), 12));
        assert_eq!(own_name("q-1~x"), (None, 0));
        assert_eq!(own_name("what is this"), (None, 0));
    }

    #[test]
    fn every_status_of_the_vendor_has_a_meaning_and_an_unknown_one_is_said() {
        let known = "new partially_filled filled done_for_day canceled expired replaced pending_cancel \
                     pending_replace pending_review accepted pending_new accepted_for_bidding stopped rejected \
                     suspended calculated held";
        for word in known.split_whitespace() {
            assert!(status(word).is_ok(), "{word}");
        }
        assert!(status("resting").unwrap_err().as_str().contains("resting"));
    }

    #[test]
    fn a_short_position_is_negative_with_and_without_a_sign() {
        for qty in ["5", "-5"] {
            let json = format!(r#"{{"symbol":"AAPL","qty":"{qty}","side":"short"}}"#);
            let position: WirePosition = serde_json::from_str(&json).unwrap();
            assert_eq!(position.report().unwrap().quantity, "-5".parse().unwrap());
        }
    }
}
