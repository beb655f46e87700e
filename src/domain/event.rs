//! What happened: the only thing the journal keeps, and what `replay` prints.
//!
//! State is a fold of these. Each body carries all that the fold needs; nothing is looked up elsewhere.

mod ack;
mod claim;
mod end;
mod fill;
mod halt;
mod mark;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::{ack::RiskAck, claim::Claim, end::EndReason, halt::HaltMode};
pub use fill::{Fill, VenueFill};
pub use mark::EquityMark;

use super::limit::{Breach, DecisionRecord, LimitDraft, LimitName, Scope, Turn};
use super::market::SplitRatio;
use super::venue::VenueModel;
use super::{
    AccountId, AccountSpec, BrokerId, CleanText, Exchange, Instrument, InstrumentId, Money, OrderId,
    OrderSpec, Price, Quantity, RefusalCode, Seq, UnixNanos, UserName, VenueOrderId,
};

/// Why an order, amendment or cancel was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The code that names it.
    pub code: RefusalCode,
    /// Limit that spoke first, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// What is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    /// All that spoke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
}

impl Refusal {
    /// A refusal without a limit behind it.
    pub fn plain(code: RefusalCode) -> Self {
        Self { code, limit: None, observed: None, threshold: None, breaches: Vec::new() }
    }
}

/// What kind of cash movement no fill carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashKind {
    /// Opening or added cash.
    Deposit,
    /// Dividend.
    Dividend,
    /// Paid for the fraction of a share that a split leaves.
    CashInLieu,
    /// Paid for borrowed shares.
    Borrow,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventBody {
    /// An account was opened.
    AccountOpened(AccountSpec),
    /// An instrument became known or changed.
    InstrumentDefined(Instrument),
    /// The paper exchange fills like this from now on.
    Configured(Box<VenueModel>),
    /// An order works.
    OrderAccepted {
        /// The order.
        #[serde(flatten, with = "crate::domain::serial::shared")]
        order: Arc<OrderSpec>,
        /// What risk saw; `None` when it was recorded before (a released order).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
        /// The price at which it holds money, where it names none itself or the market had touched it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valued_at: Option<Price>,
    },
    /// An order waits.
    OrderHeld {
        /// The order.
        #[serde(flatten, with = "crate::domain::serial::shared")]
        order: Arc<OrderSpec>,
        /// For what.
        code: RefusalCode,
        /// What risk saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
        /// The price at which it holds money, where it names none itself or the market had touched it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valued_at: Option<Price>,
    },
    /// A held order works now.
    OrderReleased {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Who released it, where a person did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<UserName>,
        /// Whether the only person of the home agreed to it, after waiting.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
        /// The price at which it holds money, where it names none itself or the market had touched it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valued_at: Option<Price>,
        /// What risk saw; `None` where it was not asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
    },
    /// An order is on its way to a broker: written down before anything is sent.
    OrderSubmitted {
        /// The order.
        #[serde(flatten, with = "crate::domain::serial::shared")]
        order: Arc<OrderSpec>,
        /// To which broker.
        broker: BrokerId,
        /// Why there.
        route: CleanText,
        /// The order it is sent with, where the broker keeps the two as one group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<OrderId>,
        /// What risk saw; `None` when it was recorded before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
        /// The price at which it holds money, where it names none itself or the market had touched it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valued_at: Option<Price>,
        /// Whether the only person of the home agreed to it, after waiting.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
    },
    /// An order that was given elsewhere was found at the broker and is kept here from now on.
    OrderAdopted {
        /// The order as it is kept here.
        #[serde(flatten, with = "crate::domain::serial::shared")]
        order: Arc<OrderSpec>,
        /// At which broker.
        broker: BrokerId,
        /// The broker's name for it.
        venue_id: VenueOrderId,
        /// The price at which it holds money, where it names none itself or the market had touched it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valued_at: Option<Price>,
    },
    /// The broker has an order and works it.
    OrderAcknowledged {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// The broker's name for it.
        venue_id: VenueOrderId,
    },
    /// The broker stopped working an order for a while.
    OrderSuspended {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
    },
    /// A change of an order is on its way to its broker.
    UpdateRequested {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Quantity as it will be.
        quantity: Quantity,
        /// Limit price as it will be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_price: Option<Price>,
        /// Trigger price as it will be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger_price: Option<Price>,
        /// What risk saw; `None` where it was not asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
    },
    /// A cancel of an order is on its way to its broker.
    CancelRequested {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Why.
        reason: EndReason,
    },
    /// An account is being compared with its broker: only cancels and reducing orders are taken.
    ReconciliationBegan {
        /// Account.
        account: AccountId,
    },
    /// The comparison ended.
    ReconciliationEnded {
        /// Account.
        account: AccountId,
        /// What differs and a person must look at.
        breaks: Vec<CleanText>,
    },
    /// Somebody asks to take over what a broker holds more than the book.
    PositionClaimed(Claim),
    /// It is taken over: a second person agreed.
    PositionTakenOver(Claim),
    /// An order was changed.
    OrderUpdated {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Quantity from now on.
        quantity: Quantity,
        /// Limit price from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_price: Option<Price>,
        /// Trigger price from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger_price: Option<Price>,
        /// What risk saw; `None` where it was not asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
    },
    /// An order's quantity became smaller because of another order.
    OrderReduced {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// By how much; `by` in a text is who caused the event.
        #[serde(rename = "less")]
        by: Quantity,
        /// Whether another order of its group filled it; else its parent will fill no more.
        group: bool,
    },
    /// The market reached an order's trigger; it works as what follows.
    OrderTriggered {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
    },
    /// A trailing stop's trigger moved.
    OrderTrailed {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Where it stands from now on.
        trigger_price: Price,
    },
    /// An order ended by wish.
    OrderCanceled {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Why.
        reason: EndReason,
    },
    /// An order ended by time.
    OrderExpired {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Why.
        reason: EndReason,
    },
    /// Refused by the venue.
    OrderRejected {
        /// The order.
        #[serde(flatten, with = "crate::domain::serial::shared")]
        order: Arc<OrderSpec>,
        /// Why.
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// Refused by our own checks.
    OrderDenied {
        /// The order.
        #[serde(flatten, with = "crate::domain::serial::shared")]
        order: Arc<OrderSpec>,
        /// Why.
        #[serde(flatten)]
        refusal: Refusal,
        /// What risk saw, where it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
    },
    /// An amendment was refused.
    AmendRejected {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Why.
        #[serde(flatten)]
        refusal: Refusal,
        /// What risk saw; `None` where it was not asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<DecisionRecord>>,
    },
    /// A cancel was refused.
    CancelRejected {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// Why.
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// A fill.
    Fill(Fill),
    /// A looser limit waits for a second person.
    LimitProposed {
        /// Version.
        version: u32,
        /// What was asked.
        #[serde(flatten)]
        draft: Box<LimitDraft>,
        /// Who asked.
        actor: UserName,
    },
    /// A limit is in force.
    LimitApproved {
        /// Version.
        version: u32,
        /// What was asked.
        #[serde(flatten)]
        draft: Box<LimitDraft>,
        /// Who asked.
        maker: UserName,
        /// Who put it in force (the maker, when it only tightens).
        actor: UserName,
        /// Whether the home had one person only, who had to wait for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
    },
    /// A waiting limit was turned down by somebody else, or taken back by who asked.
    LimitRejected {
        /// Version.
        version: u32,
        /// Who.
        actor: UserName,
        /// Why.
        reason: CleanText,
    },
    /// A limit version began or ended by itself.
    LimitTurned {
        /// Version.
        version: u32,
        /// Which of these.
        turn: Turn,
    },
    /// An account's use of a limit passed a level, or fell below all of them.
    LimitUsed {
        /// Account.
        account: AccountId,
        /// Limit.
        limit: LimitName,
        /// Scope of the limit.
        scope: Scope,
        /// Percent of the hard value: 50, 75, 90, 100 (passed without an order), or 0.
        level: u8,
        /// What is used.
        observed: String,
        /// What is allowed.
        threshold: String,
    },
    /// An approval, resume or limit was refused: nothing changed.
    ControlRejected {
        /// What was tried, in words.
        what: CleanText,
        /// Who tried.
        actor: UserName,
        /// Why not, and what to do.
        reason: CleanText,
    },
    /// Trading stopped in a scope.
    Halted {
        /// Scope.
        scope: Scope,
        /// How hard.
        mode: HaltMode,
        /// Who.
        actor: UserName,
        /// Why, where they said so.
        #[serde(default, skip_serializing_if = "CleanText::is_empty")]
        reason: CleanText,
    },
    /// The positions of a scope are being closed at market: the orders follow.
    Flattened {
        /// Scope.
        scope: Scope,
        /// Who.
        actor: UserName,
        /// How many positions it has.
        positions: u32,
        /// Why, where they said so.
        #[serde(default, skip_serializing_if = "CleanText::is_empty")]
        reason: CleanText,
    },
    /// A halt was tried on a copy of the book: nothing was stopped and nothing ended.
    HaltDrilled {
        /// Scope.
        scope: Scope,
        /// Who.
        actor: UserName,
        /// How many open orders it would have ended.
        orders: u32,
        /// How long that took, in microseconds.
        micros: u64,
    },
    /// Trading goes on in a scope.
    Resumed {
        /// Scope.
        scope: Scope,
        /// Who.
        actor: UserName,
        /// Whether the home had one person only, who had to wait for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
    },
    /// A split changed positions and orders.
    CorporateAction {
        /// Instrument.
        instrument: InstrumentId,
        /// New to old shares.
        ratio: SplitRatio,
        /// Its day, where that is not the day of the event.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ex_date: Option<chrono::NaiveDate>,
        /// Whether prices were in the new terms already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_late: bool,
        /// Whether prices of open orders come to the tick; those of earlier releases stayed as they came out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_tick: bool,
    },
    /// An instrument has another symbol from now on: what is held, ordered, owed and announced goes on under it.
    SymbolChanged {
        /// Under its symbol before.
        instrument: InstrumentId,
        /// Under its symbol from now on.
        to: InstrumentId,
        /// First day of the new symbol, in the exchange's zone.
        day: chrono::NaiveDate,
    },
    /// A symbol stopped or resumed trading.
    SymbolStatus {
        /// Instrument.
        instrument: InstrumentId,
        /// Whether it is halted from now on.
        halted: bool,
    },
    /// A cash dividend became known; who holds at the start of `ex_date` is entitled.
    DividendAnnounced {
        /// Instrument.
        instrument: InstrumentId,
        /// Money per share, as a price.
        amount: Price,
        /// First day without the right, in the exchange's zone.
        ex_date: chrono::NaiveDate,
        /// Day of payment, in the exchange's zone.
        pay_date: chrono::NaiveDate,
    },
    /// The start of a dividend's `ex_date` was reached; what is owed follows as [`EventBody::DividendDue`].
    ExDateReached {
        /// Instrument.
        instrument: InstrumentId,
        /// The day.
        ex_date: chrono::NaiveDate,
    },
    /// A dividend is owed: a receivable (negative: a payable) of an account until `pay_date`.
    DividendDue {
        /// Account.
        account: AccountId,
        /// Instrument.
        instrument: InstrumentId,
        /// Money, signed.
        amount: Money,
        /// When it is paid.
        pay_date: chrono::NaiveDate,
        /// Its ex-date lies before the day that had begun when it was learned: no profit of that day.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_late: bool,
    },
    /// Cash moved for a reason that no fill carries.
    Cash {
        /// Account.
        account: AccountId,
        /// Money, signed.
        amount: Money,
        /// Why.
        kind: CashKind,
        /// For which instrument, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<InstrumentId>,
    },
    /// Proceeds of sales are settled: what was due up to this day.
    Settled {
        /// Account.
        account: AccountId,
        /// Money.
        amount: Money,
        /// The day, in the exchange's zone.
        day: chrono::NaiveDate,
    },
    /// Something that risk must see.
    RiskEvent {
        /// Code.
        code: RefusalCode,
        /// Account.
        account: AccountId,
        /// Limit that spoke, or empty.
        limit: String,
        /// What was seen.
        observed: String,
        /// What is allowed.
        threshold: String,
        /// The symbol or strategy whose limit spoke, where it is not one of the account: no other order is stopped by it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<Scope>,
    },
    /// Somebody looked at what risk had to see, and said what came of it.
    RiskAcknowledged(RiskAck),
    /// What a continuous control said of an account no longer holds.
    RiskEased {
        /// Account.
        account: AccountId,
        /// What it was.
        code: RefusalCode,
    },
    /// A margin call or warning of an account is over.
    MarginEased {
        /// Account.
        account: AccountId,
        /// Which of both.
        code: RefusalCode,
        /// Its equity.
        equity: Money,
        /// What its positions require.
        required: Money,
    },
    /// Market time reached this point on an exchange; the journal's only view of the market.
    Marked {
        /// Exchange.
        exchange: Exchange,
        /// Market time.
        time: UnixNanos,
        /// Last price of every held or ordered instrument.
        prices: Vec<(InstrumentId, Price)>,
        /// How long before that time each of them was seen, in nanoseconds; empty where all were seen then. `None` in
        /// marks that do not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ages: Option<Vec<i64>>,
        /// Figures of every account of the exchange.
        accounts: Vec<EquityMark>,
    },
    /// An exchange opened or closed by word.
    Session {
        /// Exchange.
        exchange: Exchange,
        /// Open or close.
        state: super::market::SessionState,
    },
}

/// An event with its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position, from 1.
    pub seq: Seq,
    /// Market time.
    pub t: UnixNanos,
    /// Wall time at which it was decided (equal to `t` in a replay).
    pub wall: UnixNanos,
    /// Who caused it; the engine itself is `engine`.
    pub by: UserName,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}
