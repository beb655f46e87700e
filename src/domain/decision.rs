//! What a risk decision saw: the record that the journal keeps, from which the decision can be made again.
//!
//! [`Inputs`] holds every figure that the controls look at, as plain values: whoever has them needs no book, no panel
//! and no clock. What a control says of them is a [`CheckRecord`], for people.

use serde::{Deserialize, Serialize};

use super::event::HaltMode;
use super::limit::{LimitName, LimitValue, Scope};
use super::{AccountKind, Margin, Money, OrderId, Price, Quantity, RefusalCode, Side, Symbol, UnixNanos};

/// One limit that spoke against an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// Code of the breach.
    pub code: RefusalCode,
    /// Limit that spoke, or the check's name where no limit stands behind it.
    pub limit: String,
    /// Scope of the limit.
    pub scope: Scope,
    /// What was seen.
    pub observed: String,
    /// What is allowed.
    pub threshold: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckOutcome {
    /// Within its limit, or no limit is set.
    Passed,
    /// Above the soft limit only.
    SoftBreach,
    /// Above the hard limit.
    Breach,
    /// A fact was missing: never a silent pass.
    NotEvaluated,
}

/// One check of one decision, with what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// Code the check would refuse with.
    pub code: RefusalCode,
    /// Limit or check name.
    pub limit: String,
    /// Scope of the limit that spoke, or that is nearest.
    pub scope: Scope,
    /// Value before the order; empty where it has no meaning.
    pub now: String,
    /// Value with the order, worst case.
    pub observed: String,
    /// Hard threshold; empty when none is set.
    pub threshold: String,
    /// How it ended.
    pub outcome: CheckOutcome,
}

/// A figure before and with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span<T> {
    /// Before.
    pub now: T,
    /// With it.
    pub with: T,
}

/// A limit that binds an order, as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Which limit.
    pub name: LimitName,
    /// What it covers.
    pub scope: Scope,
    /// The value nothing may pass. Of a list of symbols only the order's own is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard: Option<LimitValue>,
    /// Above this the order waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<LimitValue>,
    /// What is measured of its scope alone, where that is not the account's figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
}

/// A figure of a limit's own scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Own {
    /// Before and with the order, raw: of a fraction of equity the money. `None` when it cannot be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span<i64>>,
    /// Whether the order only makes smaller what its strategy holds; of another scope the account's position counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduces: Option<bool>,
}

/// Everything the controls look at. A figure that is `None` could not be said, or no limit asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Kind of account.
    pub kind: AccountKind,
    /// How it pays.
    pub margin: Margin,
    /// Symbol of the order.
    pub symbol: Symbol,
    /// Side of the order.
    pub side: Side,
    /// Whether it replaces an open order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub amends: bool,
    /// Whether it may wait for its list's sells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_wait: bool,
    /// Whether a second person has agreed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approved: bool,
    /// What is wrong with the order itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<RefusalCode>,
    /// A promise of the order that it would not keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_promise: Option<RefusalCode>,
    /// Whether it is held until its parent fills: what depends on position and cash is judged then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits_for_parent: bool,
    /// Whether the symbol's market is halted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub market_halted: bool,
    /// Whether its account is being compared with its broker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconciling: bool,
    /// The hardest halt that binds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<(Scope, HaltMode)>,
    /// Whole quantity.
    pub quantity: Quantity,
    /// Whether it never fills beyond the position.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduce_only: bool,
    /// Its limit price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Price>,
    /// What the limit price is held against: its trigger, else the reference price for its side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Price>,
    /// Value of the whole quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notional: Option<Money>,
    /// What the rest would cost, fee included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether it only makes the position smaller.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduces: bool,
    /// Whether the account and the instrument may be sold short.
    pub short: (bool, bool),
    /// Held, when long; what open sells and this one would sell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selling: Option<(Quantity, Quantity)>,
    /// Cash at hand.
    pub cash: Money,
    /// Cash that open buys hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_held: Option<Money>,
    /// Equity at last prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity: Option<Money>,
    /// Equity at the start of the day.
    pub day_open: Money,
    /// Highest equity so far.
    pub peak: Money,
    /// Whether the drawdown control spoke and was not lifted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drawn_down: bool,
    /// Whether a margin call stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub margin_called: bool,
    /// Worst-case value of the position on the order's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Span<Money>>,
    /// Worst-case quantity of the position on the order's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_quantity: Option<Span<Quantity>>,
    /// Worst case of all positions together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross: Option<Span<Money>>,
    /// Worst case of longs less shorts, without a sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<Span<Money>>,
    /// Value of what is held, without other open orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Span<Money>>,
    /// Worst case of the instrument's sector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Span<Money>>,
    /// Average daily volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Quantity>,
    /// Value moved with the market, without a sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<Span<Money>>,
    /// Loss of one day that is not passed on 95 and 99 days of 100: the larger of history and formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub var: Option<[Span<Money>; 2]>,
    /// Mean loss of the days beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<[Span<Money>; 2]>,
    /// Orders of the account in the last sixty seconds.
    pub recent: u32,
    /// Age of the last order like this one, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like_it: Option<u32>,
    /// The first own open order on the other side that it would trade with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crosses: Option<OrderId>,
    /// How many there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub crossings: u32,
    /// Open orders of the account.
    pub open: u32,
    /// Orders, changes and cancels of the account today.
    pub messages: u32,
    /// Of those, cancels.
    pub cancels: u32,
    /// Fills of the account today.
    pub fills: u32,
    /// Orders of its strategy that filled since a person last looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<u32>,
    /// Age of the reference price, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_age: Option<u32>,
    /// Unrealised loss of the position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_loss: Option<Money>,
    /// Losing closes of the account in a row.
    pub losses: u32,
    /// Seconds since the account's last close at a loss, today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_loss: Option<u32>,
    /// Day trades in the last five sessions, of an account whose number of them is restricted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_trades: Option<u32>,
    /// What only some limits ask for.
    #[serde(default, skip_serializing_if = "Beside::is_empty")]
    pub beside: Beside,
    /// Limits that bind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Bound>,
}

/// Figures that only some limits, or some deeds, ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Beside {
    /// Whether it can only close what is held, by a person's flatten or as an exit of a filled parent: limits that
    /// people set do not speak against it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flattens: bool,
    /// A soft limit that asks for a second person for an exit which goes out with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits_ask: Option<LimitName>,
    /// Shares that all paper accounts together would be short of the instrument, and how many can be borrowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowed: Option<(Quantity, Quantity)>,
    /// Proceeds that are not settled yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Money>,
    /// Smallest price step of the instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<Price>,
    /// Worst case of all positions of all paper accounts in the account's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Span<Money>>,
    /// Quantity that a day of average volume lets the account trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_take: Option<Quantity>,
    /// Orders and changes of the account in the last sixty seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Span<u32>>,
    /// Orders and changes of all paper accounts in the last sixty seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firm_pace: Option<Span<u32>>,
    /// Refused orders and changes of the account in the last sixty seconds, of so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<(u32, u32)>,
    /// Stops that closed what the account held, in five sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_outs: Option<u32>,
    /// Loss realised in the instrument over five sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Money>,
    /// All paper accounts in the account's currency together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firm: Option<FirmFigures>,
    /// Capital that was put into the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capital: Option<Money>,
    /// Whether the account fell too far below it and no person has lifted that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub below_capital: bool,
}

/// Exposures of all paper accounts in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmFigures {
    /// Sum of the worst cases.
    pub gross: Span<Money>,
    /// Longs less shorts, without its sign.
    pub net: Span<Money>,
    /// Their equity.
    pub equity: Money,
}

impl Beside {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a decision saw: plain data for the journal and the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Highest limit version considered.
    pub limits_version: u32,
    /// Sequence number of the book considered.
    pub book_seq: u64,
    /// Time of the reference price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_time: Option<UnixNanos>,
    /// What the controls looked at.
    pub inputs: Inputs,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this shape")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
