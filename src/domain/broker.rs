//! What brokers can do and what they tell: plain values that `execution` folds and adapters make.
//!
//! A report never changes an order by itself. The engine compares it with what it knows (each fill by the range of
//! cumulative quantity it covers) and decides events; the same report twice is no news.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::IdError;
use super::order::Trail;
use super::{
    AccountKind, CleanText, Currency, Exchange, InstrumentId, Money, OrderId, OrderType, Price, Quantity,
    Ratio, RefusalCode, Side, TimeInForce, TradeId, UnixNanos, VenueOrderId,
};

/// Where an account's orders are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerId {
    /// The paper exchange inside the engine.
    #[default]
    Paper,
    /// Alpaca's paper-trading service.
    Alpaca,
}

impl BrokerId {
    /// All brokers.
    pub const ALL: [BrokerId; 2] = [BrokerId::Paper, BrokerId::Alpaca];

    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            BrokerId::Paper => "paper",
            BrokerId::Alpaca => "alpaca",
        }
    }

    /// Whether orders are matched here, inside the engine's step.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub const fn is_paper(&self) -> bool {
        matches!(self, BrokerId::Paper)
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for BrokerId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let known = || IdError::Unknown {
            kind: "broker",
            found: text.escape_default().to_string(),
            known: "paper, alpaca",
        };
        BrokerId::ALL.into_iter().find(|b| b.as_str() == text).ok_or_else(known)
    }
}

/// How a venue says an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueStatus {
    /// Received, not yet working.
    Received,
    /// Working.
    Working,
    /// Waits at the venue for another order.
    Held,
    /// Working, some of it done.
    PartiallyFilled,
    /// Works again next session.
    DoneForDay,
    /// A cancel is on its way.
    PendingCancel,
    /// A change is on its way.
    PendingUpdate,
    /// Cannot match for now.
    Suspended,
    /// All of it done.
    Filled,
    /// Ended by wish.
    Canceled,
    /// Ended by time.
    Expired,
    /// Another venue order took its place.
    Replaced,
    /// Refused.
    Rejected,
}

impl VenueStatus {
    /// Whether nothing more is expected under this venue order id.
    pub const fn is_done(self) -> bool {
        match self {
            VenueStatus::Filled
            | VenueStatus::Canceled
            | VenueStatus::Expired
            | VenueStatus::Replaced
            | VenueStatus::Rejected => true,
            VenueStatus::Received
            | VenueStatus::Working
            | VenueStatus::Held
            | VenueStatus::PartiallyFilled
            | VenueStatus::DoneForDay
            | VenueStatus::PendingCancel
            | VenueStatus::PendingUpdate
            | VenueStatus::Suspended => false,
        }
    }

    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            VenueStatus::Received => "received",
            VenueStatus::Working => "working",
            VenueStatus::Held => "held",
            VenueStatus::PartiallyFilled => "partially_filled",
            VenueStatus::DoneForDay => "done_for_day",
            VenueStatus::PendingCancel => "pending_cancel",
            VenueStatus::PendingUpdate => "pending_update",
            VenueStatus::Suspended => "suspended",
            VenueStatus::Filled => "filled",
            VenueStatus::Canceled => "canceled",
            VenueStatus::Expired => "expired",
            VenueStatus::Replaced => "replaced",
            VenueStatus::Rejected => "rejected",
        }
    }
}

/// What kind of order a venue's order is, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueTerms {
    /// Kind of order.
    pub order_type: OrderType,
    /// How long it works.
    pub tif: TimeInForce,
    /// How far a trailing stop follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
}

/// One order as a venue tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// The venue's name for it.
    pub venue_id: VenueOrderId,
    /// Our name for it; `None` when it was not given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<OrderId>,
    /// How often it was amended before it got this venue name.
    #[serde(default)]
    pub amend_seq: u32,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// How much in all.
    pub quantity: Quantity,
    /// Filled so far under this venue name.
    pub filled: Quantity,
    /// Average price of that, rounded to what we hold; `None` before the first fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Price>,
    /// Worst acceptable price, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Price>,
    /// Trigger, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_price: Option<Price>,
    /// How it stands.
    pub status: VenueStatus,
    /// The venue order whose place it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<VenueOrderId>,
    /// The venue order that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<VenueOrderId>,
    /// Its last change, in the venue's time.
    pub changed_at: UnixNanos,
    /// What kind of order it is; `None` where we have no word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<VenueTerms>,
    /// The other orders of its group, where the venue keeps one and tells them with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<OrderReport>,
}

impl OrderReport {
    /// It and the orders told with it.
    pub fn flat(&self) -> impl Iterator<Item = &OrderReport> {
        std::iter::once(self).chain(&self.legs)
    }
}

/// One execution as a venue tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillReport {
    /// Its name.
    pub trade: TradeId,
    /// The venue order it belongs to.
    pub venue_id: VenueOrderId,
    /// Our name for that order, where the report carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<OrderId>,
    /// What was traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// How much by this execution.
    pub quantity: Quantity,
    /// At which price.
    pub price: Price,
    /// Filled so far under the venue order id, this execution included.
    pub cum: Quantity,
    /// When, in the venue's time.
    pub time: UnixNanos,
}

/// One position as a venue tells it; short is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionReport {
    /// What is held.
    pub instrument: InstrumentId,
    /// How much.
    pub quantity: Quantity,
    /// Average entry price, rounded to what we hold; `None` where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Price>,
}

/// An account as a venue tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueAccount {
    /// Its currency.
    pub currency: Currency,
    /// Cash.
    pub cash: Money,
    /// Equity.
    pub equity: Money,
    /// What may be bought.
    pub buying_power: Money,
    /// Whether it may trade now.
    pub can_trade: bool,
    /// Whether it may sell short.
    pub can_short: bool,
}

/// The venue's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionClock {
    /// The venue's time.
    pub time: UnixNanos,
    /// Whether its regular session is open.
    pub is_open: bool,
    /// Start of the next session.
    pub next_open: UnixNanos,
    /// End of this or the next session.
    pub next_close: UnixNanos,
}

/// What a report stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerReport {
    /// From now on nothing is missed; what lies before must be asked for.
    Connected,
    /// Reports may be missing from here until it has been asked for.
    Gap {
        /// Why.
        reason: CleanText,
    },
    /// An order changed.
    Order(OrderReport),
    /// An execution.
    Fill(FillReport),
    /// A change of an order was refused; it works on as it was.
    AmendRejected(OrderReport),
    /// A cancel was refused.
    CancelRejected(OrderReport),
}

/// What a broker answered to all questions of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VenueView {
    /// All open orders.
    pub open: Vec<OrderReport>,
    /// Orders of ours that were asked for one by one; `None` where the venue does not know it.
    pub asked: Vec<(OrderId, Option<OrderReport>)>,
    /// Orders that are neither open nor ours, and that executions or replacements name.
    pub elsewhere: Vec<OrderReport>,
    /// Executions since some time before the last reconciliation.
    pub fills: Vec<FillReport>,
    /// All positions.
    pub positions: Vec<PositionReport>,
    /// What has a name that is none here, in words: of no order of ours, and told to a person.
    pub unread: Vec<CleanText>,
}

/// A refusal by a venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueRefusal {
    /// Our code for it.
    pub code: RefusalCode,
    /// The venue's words, cleaned.
    pub text: CleanText,
}

/// How a venue changes a working order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmendMode {
    /// It keeps its venue name.
    InPlace,
    /// A new venue order takes its place.
    Replaced,
}

/// Orders that hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderClass {
    /// Stands alone.
    Simple,
    /// Works once its parent has filled.
    Oto,
    /// One of a group of which one is done at most.
    Oco,
    /// An entry with two exits, of which one is done at most.
    Bracket,
}

impl OrderClass {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderClass::Simple => "simple",
            OrderClass::Oto => "oto",
            OrderClass::Oco => "oco",
            OrderClass::Bracket => "bracket",
        }
    }
}

/// A part of a trading day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPart {
    /// The regular session.
    Regular,
    /// Outside it: orders queue for the next one.
    Closed,
}

/// One kind of order that a venue takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Kind of order.
    pub order_type: OrderType,
    /// For how long it may work.
    pub tifs: &'static [TimeInForce],
    /// When it may be given.
    pub sessions: &'static [SessionPart],
}

/// What a broker can do: order type × time in force × session, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Which broker.
    pub broker: BrokerId,
    /// Kinds of account it serves.
    pub kinds: &'static [AccountKind],
    /// Exchanges it reaches.
    pub exchanges: &'static [Exchange],
    /// Kinds of order it takes.
    pub offers: &'static [Offer],
    /// Groups it takes.
    pub classes: &'static [OrderClass],
    /// Whether it takes a group only in one go, and keeps it by itself from then on.
    pub groups_whole: bool,
    /// Whether it takes parts of a share.
    pub fractional: bool,
    /// Whether it sells short.
    pub short: bool,
    /// Whether it knows orders that may only reduce a position.
    pub reduce_only: bool,
    /// Whether it knows orders that may only rest.
    pub post_only: bool,
    /// How it changes a working order.
    pub amend: AmendMode,
    /// Whether an order that has partly filled may be changed.
    pub amends_partly_filled: bool,
    /// What a trade costs there, as a share of its value, for comparing venues.
    pub cost: Ratio,
}

impl Capabilities {
    /// The offer for a kind of order.
    pub fn offer(&self, order_type: OrderType) -> Option<&'static Offer> {
        self.offers.iter().find(|o| o.order_type == order_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_read_by_its_word() {
        for broker in BrokerId::ALL {
            assert_eq!(broker.as_str().parse::<BrokerId>(), Ok(broker));
        }
        assert!("Alpaca".parse::<BrokerId>().is_err());
    }

    #[test]
    fn an_account_on_paper_says_nothing_of_its_broker() {
        assert!(BrokerId::default().is_paper());
        assert!(!BrokerId::Alpaca.is_paper());
    }
}
