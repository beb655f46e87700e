//! [`Deed`]: everything a trading command can ask of a home, as one value, and [`Done`], what comes of it.
//!
//! A deed is done by a [`Doer`], who stands for one login: the command's own when its process holds the trades, else the
//! login that the holder made for it (see `passing`). Both go through the same permits, so a deed can do no more
//! through another process than at home. A deed carries no name and no password.

use serde::{Deserialize, Serialize};

use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitDraft, Scope};
use crate::domain::{AccountId, ChangeSetId, CleanText, Exchange, OrderId, Price, Quantity, Seq, Symbol};

use super::access::Session;
use super::admin::AccountWish;
use super::advance::{AdvanceReport, Until};
use super::error::ServiceError;
use super::permit::{Administer, ControlRisk, ManageData, TradeDesk};
use super::rebalance::Basket;
use super::trading::{OrderWish, TradePermit};
use super::view::{BreachRow, ClaimRow, LimitVersionRow, OrderRow};

/// One thing to do. Accounts that are `None` are the default one of who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Give an order.
    Submit {
        /// Account.
        account: Option<AccountId>,
        /// The order.
        order: OrderWish,
    },
    /// Change a working order.
    Amend {
        /// Account.
        account: Option<AccountId>,
        /// Order.
        id: OrderId,
        /// New quantity.
        quantity: Option<Quantity>,
        /// New limit price.
        limit_price: Option<Price>,
        /// New trigger price.
        trigger_price: Option<Price>,
    },
    /// End a working order.
    Cancel {
        /// Account.
        account: Option<AccountId>,
        /// Order.
        id: OrderId,
    },
    /// End all working orders of an account, or those on one symbol.
    CancelAll {
        /// Account.
        account: Option<AccountId>,
        /// Symbol, or all.
        symbol: Option<Symbol>,
    },
    /// Turn signals into orders.
    Rebalance {
        /// Account.
        account: Option<AccountId>,
        /// Text of a strategy file; the default strategy without it.
        strategy: Option<String>,
        /// Give none of them.
        dry_run: bool,
    },
    /// Control risk.
    Control(Control),
    /// Play sessions.
    Advance {
        /// Exchange; the desk's by default.
        exchange: Option<Exchange>,
        /// How far.
        until: Until,
    },
    /// Open an account.
    OpenAccount(AccountWish),
}

/// A deed of who controls risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Release an order that a soft limit holds.
    ApproveOrder {
        /// Account.
        account: Option<AccountId>,
        /// Order.
        id: OrderId,
    },
    /// Set a limit.
    SetLimit(LimitDraft),
    /// Approve a waiting version.
    ApproveLimit(u32),
    /// Approve all waiting versions of a change set.
    ApproveLimits {
        /// The set.
        set: ChangeSetId,
        /// Its newest version when it was shown.
        #[serde(default)]
        seen: Option<u32>,
    },
    /// Turn a waiting version down, or take an own one back.
    RejectLimit {
        /// Its version.
        version: u32,
        /// Why.
        reason: CleanText,
    },
    /// Turn all waiting versions of a change set down.
    RejectLimits {
        /// The set.
        set: ChangeSetId,
        /// Why.
        reason: CleanText,
    },
    /// Put an earlier version's values back.
    RevertLimit(u32),
    /// Put back what stood before a change set.
    RevertLimits(ChangeSetId),
    /// Stop trading.
    Halt {
        /// What.
        scope: Scope,
        /// How hard.
        mode: HaltMode,
        /// Whether open orders of the scope end in the same step.
        #[serde(default)]
        cancel: bool,
        /// Why; may be empty.
        #[serde(default)]
        reason: CleanText,
    },
    /// Close the positions of a scope at market.
    Flatten {
        /// What.
        scope: Scope,
        /// Why; may be empty.
        #[serde(default)]
        reason: CleanText,
    },
    /// Try a halt without doing it.
    Drill(Scope),
    /// Go on trading.
    Resume(Scope),
    /// Note that a risk event was looked at.
    Acknowledge {
        /// Its number in the journal.
        event: Seq,
        /// What was found and done.
        resolution: CleanText,
    },
    /// Take over what a broker holds more, or agree to it.
    TakeOver {
        /// Account.
        account: AccountId,
        /// Symbol.
        symbol: Symbol,
    },
}

/// What came of a deed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// One order as it stands.
    Order(Box<OrderRow>),
    /// Orders as they stand.
    Orders(Vec<OrderRow>),
    /// A limit version as it stands.
    Limit(Box<LimitVersionRow>),
    /// The limit versions of a change set.
    Limits(Vec<LimitVersionRow>),
    /// What is taken over.
    Claim(Box<ClaimRow>),
    /// A risk event as it stands.
    RiskEvent(Box<BreachRow>),
    /// How many orders ended.
    Canceled(u32),
    /// A halt was tried: how many orders would have ended, and how long that took in microseconds.
    Drilled(u32, u64),
    /// A rebalance.
    Basket(Basket),
    /// Sessions played.
    Advanced(AdvanceReport),
    /// It is done, and there is nothing to show.
    Well,
}

impl Deed {
    /// What it is, for the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Deed::Submit { .. } => "order submit",
            Deed::Amend { .. } => "order amend",
            Deed::Cancel { .. } => "order cancel",
            Deed::CancelAll { .. } => "order cancel --all",
            Deed::Rebalance { .. } => "rebalance",
            Deed::Control(Control::ApproveOrder { .. }) => "order approve",
            Deed::Control(Control::SetLimit(_)) => "limits set",
            Deed::Control(Control::ApproveLimit(_) | Control::ApproveLimits { .. }) => "limits approve",
            Deed::Control(Control::RejectLimit { .. } | Control::RejectLimits { .. }) => "limits reject",
            Deed::Control(Control::RevertLimit(_) | Control::RevertLimits(_)) => "limits revert",
            Deed::Control(Control::Halt { .. }) => "halt",
            Deed::Control(Control::Flatten { .. }) => "flatten",
            Deed::Control(Control::Drill(_)) => "halt --drill",
            Deed::Control(Control::Resume(_)) => "resume",
            Deed::Control(Control::Acknowledge { .. }) => "risk ack",
            Deed::Control(Control::TakeOver { .. }) => "reconcile adopt",
            Deed::Advance { .. } => "advance",
            Deed::OpenAccount(_) => "account open",
        }
    }
}

impl Done {
    /// The order that a deed on one order answers with.
    pub fn order(self) -> Result<OrderRow, ServiceError> {
        if let Done::Order(row) = self { Ok(*row) } else { Err(unlike()) }
    }

    /// The orders that a deed on several answers with.
    pub fn orders(self) -> Result<Vec<OrderRow>, ServiceError> {
        if let Done::Orders(rows) = self { Ok(rows) } else { Err(unlike()) }
    }

    /// The version that a deed on limits answers with.
    pub fn limit(self) -> Result<LimitVersionRow, ServiceError> {
        if let Done::Limit(row) = self { Ok(*row) } else { Err(unlike()) }
    }

    /// The versions that a deed on a change set answers with.
    pub fn limits(self) -> Result<Vec<LimitVersionRow>, ServiceError> {
        if let Done::Limits(rows) = self { Ok(rows) } else { Err(unlike()) }
    }

    /// How many orders a halt ended.
    pub fn canceled(self) -> Result<u32, ServiceError> {
        if let Done::Canceled(orders) = self { Ok(orders) } else { Err(unlike()) }
    }

    /// How many orders a drill would have ended, and how long that took in microseconds.
    pub fn drilled(self) -> Result<(u32, u64), ServiceError> {
        if let Done::Drilled(orders, micros) = self { Ok((orders, micros)) } else { Err(unlike()) }
    }

    /// What taking over answers with.
    pub fn claim(self) -> Result<ClaimRow, ServiceError> {
        if let Done::Claim(row) = self { Ok(*row) } else { Err(unlike()) }
    }

    /// The risk event that looking at one answers with.
    pub fn risk_event(self) -> Result<BreachRow, ServiceError> {
        if let Done::RiskEvent(row) = self { Ok(*row) } else { Err(unlike()) }
    }

    /// What a rebalance answers with.
    pub fn basket(self) -> Result<Basket, ServiceError> {
        if let Done::Basket(basket) = self { Ok(basket) } else { Err(unlike()) }
    }

    /// What playing sessions answers with.
    pub fn advanced(self) -> Result<AdvanceReport, ServiceError> {
        if let Done::Advanced(report) = self { Ok(report) } else { Err(unlike()) }
    }
}

/// Only another version of this program answers one deed with the outcome of another.
fn unlike() -> ServiceError {
    ServiceError::Invalid(
        "the answer belongs to another request: is the program that holds the trades of another version?"
            .into(),
    )
}

/// Does the deeds of one login.
#[derive(Debug)]
pub struct Doer {
    session: Session,
    permits: Vec<TradePermit>,
}

impl Doer {
    /// For a login.
    pub fn new(session: Session) -> Self {
        Self { session, permits: Vec::new() }
    }

    /// The login.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Does one deed, unless the login no longer holds.
    pub fn act(&mut self, deed: Deed, progress: impl FnMut(chrono::NaiveDate)) -> Result<Done, ServiceError> {
        self.session.person()?;
        let house = std::sync::Arc::clone(self.session.house());
        Ok(match deed {
            Deed::Submit { account, order } => {
                let mut rows = house.give_order(self.trader(account)?, &order)?;
                if order.has_exits() { Done::Orders(rows) } else { order_done(rows.swap_remove(0)) }
            }
            Deed::Amend { account, id, quantity, limit_price, trigger_price } => {
                let prices = (limit_price, trigger_price);
                order_done(house.amend(self.trader(account)?, id, quantity, prices)?)
            }
            Deed::Cancel { account, id } => order_done(house.cancel(self.trader(account)?, id)?),
            Deed::CancelAll { account, symbol } => {
                Done::Orders(house.cancel_all(self.trader(account)?, symbol)?)
            }
            Deed::Rebalance { account, strategy, dry_run } => {
                let permit = self.session.permit::<TradeDesk>()?;
                Done::Basket(house.rebalance(&permit, self.trader(account)?, strategy.as_deref(), dry_run)?)
            }
            Deed::Advance { exchange, until } => {
                let permit = self.session.permit::<ManageData>()?;
                Done::Advanced(house.advance(&permit, exchange, until, progress)?)
            }
            Deed::OpenAccount(wish) => {
                house.open_account(&self.session.permit::<Administer>()?, &wish)?;
                Done::Well
            }
            Deed::Control(control) => self.control(control)?,
        })
    }

    /// Deeds of who controls risk.
    fn control(&self, control: Control) -> Result<Done, ServiceError> {
        let house = self.session.house();
        let permit = self.session.permit::<ControlRisk>()?;
        let version = |row| Done::Limit(Box::new(row));
        Ok(match control {
            Control::ApproveOrder { account, id } => {
                let account = account.map_or_else(|| self.session.default_account(), Ok)?;
                order_done(house.approve_order(&permit, account, id, None)?)
            }
            Control::SetLimit(draft) => version(house.set_limit(&permit, draft)?),
            Control::ApproveLimit(number) => version(house.approve_limit(&permit, number)?),
            Control::RejectLimit { version: number, reason } => {
                version(house.reject_limit(&permit, number, reason)?)
            }
            Control::RejectLimits { set, reason } => Done::Limits(house.reject_limits(&permit, set, reason)?),
            Control::RevertLimit(number) => version(house.revert_limit(&permit, number)?),
            Control::RevertLimits(set) => Done::Limits(house.revert_set(&permit, set)?),
            Control::ApproveLimits { set, seen } => Done::Limits(house.approve_limits(&permit, set, seen)?),
            Control::Halt { scope, mode, cancel, reason } => {
                Done::Canceled(house.halt(&permit, scope, mode, cancel, reason)?)
            }
            Control::Flatten { scope, reason } => Done::Orders(house.flatten(&permit, scope, reason)?),
            Control::Drill(scope) => {
                let (orders, micros) = house.drill(&permit, scope)?;
                Done::Drilled(orders, micros)
            }
            Control::TakeOver { account, symbol } => {
                Done::Claim(Box::new(house.take_over(&permit, account, symbol)?))
            }
            Control::Acknowledge { event, resolution } => {
                Done::RiskEvent(Box::new(house.acknowledge(&permit, event, resolution)?))
            }
            Control::Resume(scope) => {
                house.resume(&permit, scope)?;
                Done::Well
            }
        })
    }

    /// The permit for an account, made once a login; the engine still refuses a login that no longer holds.
    fn trader(&mut self, account: Option<AccountId>) -> Result<&TradePermit, ServiceError> {
        let account = account.map_or_else(|| self.session.default_account(), Ok)?;
        let known = self.permits.iter().position(|p| p.account() == account);
        let at = match known {
            Some(at) => at,
            None => {
                self.permits.push(self.session.trade_permit(Some(account))?);
                self.permits.len() - 1
            }
        };
        self.permits.get(at).ok_or(ServiceError::SessionOver)
    }
}

fn order_done(row: OrderRow) -> Done {
    Done::Order(Box::new(row))
}
