//! Accounts, positions, orders and trades.

use serde::{Deserialize, Serialize};

use crate::domain::row::Execution;
use crate::domain::{
    AccountId, AccountKind, Currency, Exchange, InstrumentId, Money, OrderId, OrderStatus, OrderType, Price,
    Quantity, Ratio, RefusalCode, Seq, Side, StrategyId, Symbol, TimeInForce, Trail, TriggerType, UnixNanos,
    UserName,
};

/// One account with its totals, all in its own currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Name.
    pub account: AccountId,
    /// Simulation or paper.
    pub kind: AccountKind,
    /// Whose it is; `None` is the desk.
    pub owner: Option<UserName>,
    /// Market it trades on.
    pub exchange: Option<Exchange>,
    /// Currency of every figure here.
    pub currency: Currency,
    /// Cash, unsettled proceeds included.
    pub cash: Money,
    /// Cash + receivables + Σ quantity × last price; `None` while a position has no price.
    pub equity: Option<Money>,
    /// Equity at the start of the exchange's day.
    pub day_open_equity: Option<Money>,
    /// Equity now less `day_open_equity`.
    pub day_profit: Option<Money>,
    /// `day_profit` as a share of `day_open_equity`.
    pub day_return: Option<Ratio>,
    /// Market value less cost of the open positions.
    pub open_profit: Option<Money>,
    /// Realised so far, fees apart.
    pub realized: Money,
    /// Fees paid so far.
    pub fees: Money,
    /// Σ |market value| / equity.
    pub gross_exposure: Option<Ratio>,
    /// Market time of the account's exchange.
    pub market_time: Option<UnixNanos>,
    /// Which price sets off its stops and touches.
    pub trigger: TriggerType,
}

/// One holding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Account that holds it.
    pub account: AccountId,
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Company name; empty when unknown.
    pub name: String,
    /// Sector; empty when unknown.
    pub sector: String,
    /// Shares, negative when short.
    pub quantity: Quantity,
    /// What they cost, fees apart, signed like the quantity.
    pub cost: Money,
    /// Cost per share, for display.
    pub average_price: Option<Price>,
    /// Last price known.
    pub last_price: Option<Price>,
    /// When that was.
    pub price_time: Option<UnixNanos>,
    /// Older than its exchange's market time allows.
    pub stale: bool,
    /// Quantity × last price.
    pub market_value: Option<Money>,
    /// Market value less cost.
    pub profit: Option<Money>,
    /// `profit` as a share of |cost|.
    pub profit_share: Option<Ratio>,
    /// Change since the previous session's close, on what is held now.
    pub day_profit: Option<Money>,
    /// Market value as a share of the account's equity.
    pub weight: Option<Ratio>,
    /// Currency.
    pub currency: Currency,
}

/// Shares bought (or sold short) together and still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotRow {
    /// Account that holds it.
    pub account: AccountId,
    /// Ticker.
    pub symbol: Symbol,
    /// Its number: what an order names to close it.
    pub lot: Seq,
    /// Shares, negative when short.
    pub quantity: Quantity,
    /// What they cost, fees apart, signed like the quantity.
    pub cost: Money,
    /// Cost per share, for display.
    pub average_price: Option<Price>,
    /// Currency.
    pub currency: Currency,
}

/// An account and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Portfolio {
    /// Totals.
    #[serde(flatten)]
    pub totals: Account,
    /// Holdings, largest market value first.
    pub positions: Vec<Position>,
}

/// One order and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Account.
    pub account: AccountId,
    /// Client order id.
    pub id: OrderId,
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Kind.
    #[serde(rename = "type")]
    pub order_type: OrderType,
    /// Ordered.
    pub quantity: Quantity,
    /// Worst acceptable price.
    pub limit_price: Option<Price>,
    /// The price that makes it work; a trailing stop's where it stands now.
    pub trigger_price: Option<Price>,
    /// How far a trailing stop follows.
    pub trail: Option<Trail>,
    /// How long it works.
    pub tif: TimeInForce,
    /// When a GTD order ends.
    pub expire_at: Option<UnixNanos>,
    /// Never beyond the position.
    pub reduce_only: bool,
    /// Never against a standing quote.
    pub post_only: bool,
    /// The order it waits for.
    pub parent: Option<OrderId>,
    /// The group of which one quantity fills in all.
    pub oco: Option<OrderId>,
    /// The strategy that asked for it.
    pub strategy: Option<StrategyId>,
    /// Whether its trigger was reached.
    pub triggered: bool,
    /// Where it stands.
    pub status: OrderStatus,
    /// Filled so far.
    pub filled: Quantity,
    /// Not yet filled.
    pub leaves: Quantity,
    /// Average fill price.
    pub average_price: Option<Price>,
    /// Fees so far.
    pub fees: Money,
    /// Why it was refused, ended or waits.
    pub code: Option<RefusalCode>,
    /// The same in a sentence; empty when there is nothing to explain.
    pub reason: String,
    /// Limit that spoke first (never shown to a scope of own accounts).
    pub limit: Option<String>,
    /// What was seen.
    pub observed: Option<String>,
    /// What is allowed.
    pub threshold: Option<String>,
    /// Market time at which it was given.
    pub given_at: UnixNanos,
    /// Market time of its last change.
    pub changed_at: UnixNanos,
    /// Who gave it.
    pub actor: UserName,
}

/// One fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Market time.
    pub time: UnixNanos,
    /// Account.
    pub account: AccountId,
    /// Order.
    pub id: OrderId,
    /// Ticker.
    pub symbol: Symbol,
    /// Symbol and exchange.
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
    /// Currency of price, fee and realised.
    pub currency: Currency,
}

impl HistoryRow {
    /// A fill as people see it.
    pub(in crate::service) fn of(fill: Execution) -> Self {
        Self {
            time: fill.time,
            account: fill.account,
            id: fill.id,
            symbol: fill.instrument.symbol,
            instrument: fill.instrument,
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            fee: fill.fee,
            realized: fill.realized,
            currency: fill.instrument.exchange.currency(),
        }
    }
}
