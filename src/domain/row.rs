//! Rows of the tables that people query: projections of the journal that can be thrown away and rebuilt.

use std::sync::Arc;

use super::event::RiskAck;
use super::limit::LimitVersion;
use super::order_state::Order;
use super::{
    AccountId, AccountKind, Currency, Exchange, InstrumentId, Money, OrderId, Price, Quantity, RefusalCode,
    Seq, Side, UnixNanos, UserName,
};

/// A change to a projected table, in the transaction of the events that caused it.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// Upsert into `orders` by (account, id).
    Order(Arc<Order>),
    /// Insert into `executions`.
    Execution(Execution),
    /// Insert into `risk_events`.
    RiskEvent(RiskEventRow),
    /// Insert into `risk_acks`.
    RiskAck(RiskAckRow),
    /// Upsert into `portfolios` by account: its figures, and the holdings named.
    Portfolio(Portfolio),
    /// Upsert into `limit_versions` by version.
    Limit(Box<LimitVersion>),
}

/// One fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Event that carries it.
    pub seq: Seq,
    /// Market time.
    pub time: UnixNanos,
    /// Account.
    pub account: AccountId,
    /// Order.
    pub id: OrderId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Shares.
    pub quantity: Quantity,
    /// Price.
    pub price: Price,
    /// Fee.
    pub fee: Money,
    /// Profit or loss realised by it, fees apart.
    pub realized: Money,
}

/// One thing that risk must see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskEventRow {
    /// Event that carries it.
    pub seq: Seq,
    /// Market time.
    pub time: UnixNanos,
    /// Account.
    pub account: AccountId,
    /// Code.
    pub code: RefusalCode,
    /// Order it concerns, where one does.
    pub order: Option<OrderId>,
    /// Limit that spoke, and behind a space its symbol or strategy where it is not one of the account; or empty.
    pub limit: String,
    /// What was seen.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
}

/// Who looked at a risk event, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskAckRow {
    /// Event that carries it.
    pub seq: Seq,
    /// Market time.
    pub time: UnixNanos,
    /// What was looked at.
    pub ack: RiskAck,
}

/// What an account has in an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stake {
    /// Account.
    pub account: AccountId,
    /// Shares held, signed.
    pub held: Quantity,
    /// Orders that are not done.
    pub orders: usize,
}

/// One account: its figures as they stand, and what changed of its holdings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    /// Account.
    pub account: AccountId,
    /// Whose it is; `None` is the desk.
    pub owner: Option<UserName>,
    /// Kind.
    pub kind: AccountKind,
    /// Exchange it trades on.
    pub exchange: Option<Exchange>,
    /// Currency.
    pub currency: Currency,
    /// Cash, proceeds not yet settled included.
    pub cash: Money,
    /// The part of it that is not settled yet.
    pub unsettled: Money,
    /// (instrument, quantity, cost) of positions that changed, by instrument; without a quantity it is gone.
    pub holdings: Vec<(InstrumentId, Quantity, Money)>,
}
