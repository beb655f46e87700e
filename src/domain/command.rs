//! What people and programs ask of the engine.

use super::broker::{BrokerReport, OrderReport, PositionReport, VenueRefusal};
use super::event::HaltMode;
use super::limit::{LimitDraft, Scope};
use super::market::SessionState;
use super::venue::VenueModel;
use super::{
    AccountId, AccountSpec, ChangeSetId, CleanText, Exchange, Instrument, Money, OrderId, OrderSpec, Price,
    Quantity, Seq, UserName, VenueOrderId,
};

/// One wish. The engine answers with events, always: a refusal is an event too.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Opens an account.
    OpenAccount(AccountSpec),
    /// Makes an instrument known, or replaces what is known of it.
    DefineInstrument(Instrument),
    /// Sets how the paper exchange fills, from now on.
    Configure(VenueModel),
    /// Gives an order.
    Submit(OrderSpec),
    /// Gives a list of orders, sells first; buys that cash does not cover yet wait for the sells.
    SubmitList(Vec<OrderSpec>),
    /// Changes a working order.
    Amend {
        /// Its account.
        account: AccountId,
        /// Its id.
        id: OrderId,
        /// New quantity.
        quantity: Option<Quantity>,
        /// New limit price.
        limit_price: Option<Price>,
        /// New trigger price.
        trigger_price: Option<Price>,
    },
    /// Ends a working order.
    Cancel {
        /// Its account.
        account: AccountId,
        /// Its id.
        id: OrderId,
    },
    /// Sets a limit: tightening applies at once, loosening waits for a second person.
    SetLimit(LimitDraft),
    /// Sets limits as one change set, all of them or none: they wait for a second person together.
    SetLimits(Vec<LimitDraft>),
    /// Approves a waiting limit version that belongs to no change set.
    ApproveLimit {
        /// Its version.
        version: u32,
    },
    /// Approves all waiting versions of a change set, or none.
    ApproveLimits {
        /// The set.
        set: ChangeSetId,
        /// Its newest version when it was shown: it counts only while no other has joined, and never when none was shown.
        seen: Option<u32>,
    },
    /// Turns a waiting limit version down (its maker takes it back), and with it all of its change set.
    RejectLimit {
        /// Its version.
        version: u32,
        /// Why.
        reason: CleanText,
    },
    /// Turns all waiting versions of a change set down.
    RejectLimits {
        /// The set.
        set: ChangeSetId,
        /// Why.
        reason: CleanText,
    },
    /// Releases an order that a soft limit holds.
    ApproveOrder {
        /// Its account.
        account: AccountId,
        /// Its id.
        id: OrderId,
        /// What was shown of it, where something was: it counts only while that is still so.
        seen: Option<ShownOrder>,
    },
    /// Stops trading in a scope.
    Halt {
        /// What is halted.
        scope: Scope,
        /// Everything, or all but reducing.
        mode: HaltMode,
        /// Whether open orders of the scope end in the same step.
        cancel: bool,
        /// Why, in the words of who halts; may be empty.
        reason: CleanText,
    },
    /// Closes the positions of a scope at market: its open orders end, and orders that only reduce are given.
    Flatten {
        /// What is closed.
        scope: Scope,
        /// Why, in the words of who closes; may be empty.
        reason: CleanText,
    },
    /// Notes that a halt was tried on a copy of the book.
    NoteDrill {
        /// What would have been halted.
        scope: Scope,
        /// Orders it would have ended.
        orders: u32,
        /// How long that took, in microseconds.
        micros: u64,
    },
    /// Notes that somebody looked at a risk event of an account, and what came of it.
    AcknowledgeRisk {
        /// The event.
        of: Seq,
        /// Its account.
        account: AccountId,
        /// What was found and done.
        resolution: CleanText,
    },
    /// Lifts a halt that somebody else set.
    Resume {
        /// What is resumed.
        scope: Scope,
    },
    /// What a broker answered to something that was sent.
    VenueAnswer {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// What.
        answer: VenueAnswer,
    },
    /// What a broker tells of an account's orders.
    VenueReport {
        /// Account.
        account: AccountId,
        /// What.
        report: BrokerReport,
    },
    /// How an order stands at its broker, after all executions were asked for: what is still missing is inferred.
    VenueSettled {
        /// Account.
        account: AccountId,
        /// How it stands.
        report: OrderReport,
    },
    /// Begins or ends a comparison of an account with its broker.
    Reconcile {
        /// Account.
        account: AccountId,
        /// `None` begins; what differs ends it.
        breaks: Option<Vec<CleanText>>,
    },
    /// A live feed fell silent in its session, or is back.
    FeedSilent {
        /// Its exchange.
        exchange: Exchange,
        /// Whether it is silent.
        silent: bool,
    },
    /// Asks to take over what a broker holds more of an instrument, as it tells; or agrees to it.
    TakeOver {
        /// Account.
        account: AccountId,
        /// What the broker holds.
        report: PositionReport,
        /// What was seen as asked for when it was given.
        seen: Seen,
    },
    /// Opens or closes an exchange by word; from then on its calendar is not asked.
    Session {
        /// Exchange.
        exchange: Exchange,
        /// Open or close.
        state: SessionState,
    },
}

/// What a person saw of an order that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownOrder {
    /// Shares.
    pub quantity: Quantity,
    /// Limit price, where it has one.
    pub limit_price: Option<Price>,
    /// Where its trigger stands, where it has one.
    pub trigger_price: Option<Price>,
}

/// What somebody asked to take over from a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedFor {
    /// Who.
    pub by: UserName,
    /// Shares, negative when short.
    pub quantity: Quantity,
    /// What they cost.
    pub cost: Money,
}

/// What a person saw of earlier wishes for the same shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing was shown: it asks, or agrees to what somebody asked for.
    Unseen,
    /// This was shown, or that nobody had asked: it counts only while that is still so.
    Shown(Option<AskedFor>),
}

impl Seen {
    /// Whether what is asked for now is what was seen.
    pub fn is_still(self, asked: Option<AskedFor>) -> bool {
        match self {
            Self::Unseen => true,
            Self::Shown(shown) => shown == asked,
        }
    }
}

/// A broker's answer. That it is not known whether something arrived is no answer: then nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueAnswer {
    /// It has the order, under this name.
    Acked(VenueOrderId),
    /// It refuses the order.
    Refused(VenueRefusal),
    /// It changed the order, which works under this name from now on.
    Amended(VenueOrderId),
    /// It refuses the change.
    AmendRefused(VenueRefusal),
    /// It refuses the cancel.
    CancelRefused(VenueRefusal),
}

/// A command and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Who.
    pub actor: UserName,
    /// Whether the actor may be the second person of a two-person rule right now (service decides; law of DESIGN 7).
    pub independent_of: Independence,
    /// What.
    pub command: Command,
}

/// Whose wishes an actor may not approve, beside their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Independence {
    /// Of everybody but themselves.
    #[default]
    Everyone,
    /// Not of these people: one made or reset the other's account or password in the last seven days.
    AllBut(Vec<UserName>),
    /// Of nobody: the home has one person only.
    Alone,
}

impl Independence {
    /// Whether `actor` may approve what `maker` asked for.
    pub fn allows(&self, actor: UserName, maker: UserName) -> bool {
        match self {
            Independence::Everyone => actor != maker,
            Independence::AllBut(tied) => actor != maker && !tied.contains(&maker),
            Independence::Alone => actor != maker,
        }
    }
}
