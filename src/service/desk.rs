//! The terminal's side of the door: one [`Screen`] to draw and one bounded queue of [`Request`]s.
//!
//! A pane never waits: it draws the newest screen and sends requests; a worker thread makes the permits, calls the
//! service and answers with a [`Reply`]. A full queue is said at once, nothing is dropped silently.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::domain::command::ShownOrder;
use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitDraft, Scope};
use crate::domain::vendor::DataKind;
use crate::domain::{AccountId, ChangeSetId, CleanText, InstrumentId, OrderId, Price, Quantity, Seq, Symbol};

use super::access::Password;
use super::quality::Decision;
use super::trading::OrderWish;
use super::view::{
    AskedFor, BasketRow, FactorRow, Instrument, PreviewView, Research, Screen, SetPreviewView, WhatIf,
};

/// Most requests that may wait.
pub const REQUESTS_MAX: usize = 64;

/// An order as a ticket holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// Account.
    pub account: AccountId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// The order.
    pub order: Box<OrderWish>,
}

/// Tables that can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Orders.
    Orders,
    /// Fills.
    Fills,
    /// Positions.
    Positions,
    /// Signals.
    Signals,
    /// Limit versions.
    Limits,
    /// The audit trail.
    Audit,
    /// Headlines of what is watched and held.
    News,
}

impl Table {
    /// The word used on the command line and in file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Table::Orders => "orders",
            Table::Fills => "fills",
            Table::Positions => "positions",
            Table::Signals => "signals",
            Table::Limits => "limits",
            Table::Audit => "audit",
            Table::News => "news",
        }
    }
}

/// Expressions to be kept computed: a newer wish replaces the older one as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResearchWish {
    /// Counts the wishes; the answer carries it.
    pub generation: u64,
    /// The expression under the pen, checked; empty for none.
    pub formula: String,
    /// Whose series is drawn.
    pub instrument: Option<InstrumentId>,
    /// The watchlist's column.
    pub column: Option<String>,
    /// The screen in force: an expression that is true or false.
    pub screen: Option<String>,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Show this instrument in chart and quote.
    Focus(InstrumentId),
    /// Speak of this account.
    SelectAccount(AccountId),
    /// Find instruments by ticker or name.
    Find(String),
    /// Add to the watchlist.
    Watch(InstrumentId),
    /// Take off the watchlist.
    Unwatch(InstrumentId),
    /// What would this order do?
    WhatIf(Ticket),
    /// Send a reviewed order; `basis` is that of the what-if that was reviewed.
    Submit {
        /// The order.
        ticket: Ticket,
        /// Limits version and book sequence of the review.
        basis: (u32, u64),
    },
    /// Why an order is where it is.
    Route(AccountId, OrderId),
    /// Change a working order.
    Amend {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// New quantity.
        quantity: Option<Quantity>,
        /// New limit price.
        limit_price: Option<Price>,
        /// New trigger price.
        trigger_price: Option<Price>,
    },
    /// Cancel one order.
    Cancel {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
    },
    /// Cancel all working orders of an account, or those on one symbol.
    CancelAll {
        /// Account.
        account: AccountId,
        /// Symbol, or all.
        symbol: Option<Symbol>,
    },
    /// What would this limit break?
    PreviewLimit(Box<LimitDraft>),
    /// Set a limit.
    SetLimit(Box<LimitDraft>),
    /// Approve a waiting limit version.
    ApproveLimit(u32),
    /// Turn a waiting version down with its change set, or take an own one back.
    RejectLimit {
        /// Its version.
        version: u32,
        /// Why.
        reason: CleanText,
    },
    /// Note that a risk event was looked at.
    Acknowledge {
        /// Its number in the journal.
        event: Seq,
        /// What was found and done.
        reason: CleanText,
    },
    /// Put an earlier version's values back.
    RevertLimit(u32),
    /// What would these limits do together?
    PreviewLimits(Vec<LimitDraft>),
    /// What would this waiting change set do?
    PreviewSet(ChangeSetId),
    /// Submit limits as one change set, for this reason.
    SetLimits(Vec<LimitDraft>, CleanText),
    /// Approve a waiting change set.
    ApproveSet(ChangeSetId, Option<u32>),
    /// Turn a waiting change set down, for this reason, or take an own one back.
    RejectSet(ChangeSetId, CleanText),
    /// Put back what stood before a change set.
    RevertSet(ChangeSetId),
    /// Release an order held by a soft limit.
    ApproveOrder {
        /// Account.
        account: AccountId,
        /// Order.
        id: OrderId,
        /// What was shown of it.
        seen: ShownOrder,
    },
    /// Stop trading.
    Halt {
        /// What.
        scope: Scope,
        /// How hard.
        mode: HaltMode,
        /// Whether open orders end too.
        cancel: bool,
        /// Why; may be empty.
        reason: CleanText,
    },
    /// Close the positions of a scope at market.
    Flatten {
        /// What.
        scope: Scope,
        /// Why; may be empty.
        reason: CleanText,
    },
    /// Try a halt without doing it.
    Drill(Scope),
    /// Go on trading.
    Resume(Scope),
    /// Take over what an account's broker holds more, or agree to it.
    TakeOver {
        /// Account.
        account: AccountId,
        /// Symbol.
        symbol: Symbol,
        /// What was shown as asked for, where somebody had.
        shown: Option<AskedFor>,
    },
    /// Run the model now.
    RunSignals,
    /// Turn signals into orders for the current account.
    Rebalance {
        /// Only show what would be done.
        dry_run: bool,
    },
    /// Play this many sessions.
    Advance(u32),
    /// Set the speed of the simulated clock; 0 pauses.
    Speed(u32),
    /// Fetch what is missing of these names, as people write them; of all that was synced before when there are none.
    Sync(DataKind, Vec<String>),
    /// Stop the sync that runs.
    StopSync,
    /// Show the rows set aside that contain this; all when it is empty.
    FindSetAside(String),
    /// Do this with a row that was set aside.
    Decide(i64, Decision),
    /// Open the vault of keys with its passphrase.
    OpenVault(Password),
    /// Have the system ask for its keyring.
    OpenKeyring,
    /// Mark all notices as read.
    ReadNotices,
    /// Change a setting.
    Setting {
        /// Key.
        key: String,
        /// New value.
        value: String,
    },
    /// Write a table into the home's exports folder.
    Export {
        /// Which.
        table: Table,
        /// As JSON instead of CSV.
        json: bool,
    },
    /// Disable a person's login.
    DisableUser(crate::domain::UserName),
    /// Prove the journal.
    VerifyAudit,
    /// Keep these expressions computed; values come with [`Wake::Research`].
    Research(ResearchWish),
    /// The factors that can be looked up.
    Factors,
    /// Keep an expression as an own factor.
    SaveFactor {
        /// Its name.
        name: String,
        /// Its expression.
        text: String,
    },
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Done; one sentence says what happened.
    Done(String),
    /// Not done; says what failed, why and what to do.
    Failed(String),
    /// Instruments found.
    Found(Vec<Instrument>),
    /// What the ticket would do; carries the ticket it speaks of.
    WhatIf(Ticket, Box<WhatIf>),
    /// Why an order is where it is, in words.
    Route(AccountId, OrderId, CleanText),
    /// The order was not sent: things changed since the review.
    Changed(Ticket, Box<WhatIf>),
    /// What the drafted limit would do.
    Preview(Box<PreviewView>),
    /// What the change set would do.
    SetPreview(Box<SetPreviewView>),
    /// Orders of a rebalance; `true` when it was a dry run.
    Basket(Vec<BasketRow>, bool),
    /// The factors that can be looked up, and what is wrong with the file of own ones.
    Factors(Vec<FactorRow>, Option<String>),
}

/// The queue of requests is full: say so, try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("still busy with earlier requests; try again in a moment")]
pub struct Busy;

/// What reaches the terminal beside keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Wake {
    /// A newer screen stands ready.
    Screen,
    /// Newer values of the registered expressions stand ready.
    Research,
    /// An answer to the request with this number.
    Reply(u64, Reply),
    /// The session is over (disabled, password changed elsewhere, service stopped); says why.
    Ended(String),
}

/// The terminal's end: draws [`Desk::screen`], sends requests, waits on [`Desk::wakes`].
#[derive(Debug)]
pub struct Desk {
    screen: Arc<ArcSwap<Screen>>,
    research: Arc<ArcSwapOption<Research>>,
    requests: Sender<(u64, Request)>,
    wakes: Receiver<Wake>,
    next: u64,
}

/// The service's end: takes requests, publishes screens and replies. Dropped when the terminal is gone.
#[derive(Debug)]
pub struct DeskEnd {
    /// Where new screens are put.
    pub screen: Arc<ArcSwap<Screen>>,
    /// Where new values of expressions are put.
    pub research: Arc<ArcSwapOption<Research>>,
    /// Requests with their numbers.
    pub requests: Receiver<(u64, Request)>,
    /// Wakes the terminal; [`Wake::Screen`] and [`Wake::Research`] may be dropped when full, replies are not.
    pub wakes: Sender<Wake>,
}

impl Desk {
    /// Both ends around a first screen.
    pub fn pair(first: Screen) -> (Desk, DeskEnd) {
        let screen = Arc::new(ArcSwap::from_pointee(first));
        let (requests, waiting) = bounded(REQUESTS_MAX);
        let (wake, wakes) = bounded(REQUESTS_MAX * 2);
        let research = Arc::new(ArcSwapOption::empty());
        let end = DeskEnd {
            screen: Arc::clone(&screen),
            research: Arc::clone(&research),
            requests: waiting,
            wakes: wake,
        };
        (Desk { screen, research, requests, wakes, next: 1 }, end)
    }

    /// The newest screen.
    pub fn screen(&self) -> Arc<Screen> {
        self.screen.load_full()
    }

    /// The newest values of the registered expressions; none before the first.
    pub fn research(&self) -> Option<Arc<Research>> {
        self.research.load_full()
    }

    /// Sends a request; returns its number, which comes back with the reply.
    pub fn send(&mut self, request: Request) -> Result<u64, Busy> {
        let number = self.next;
        self.requests.try_send((number, request)).map_err(|_| Busy)?;
        self.next += 1;
        Ok(number)
    }

    /// Where wakes arrive; select on it beside the keyboard.
    pub fn wakes(&self) -> &Receiver<Wake> {
        &self.wakes
    }
}
