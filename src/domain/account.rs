//! Accounts: what they are called, what kind they are, what they may do.

use serde::{Deserialize, Serialize};

use super::{AccountId, BrokerId, Currency, Exchange, Money, Price, Side, UserName};

/// What an account's orders reach. Fixed when the account is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person's own practice; never counts toward the firm.
    Simulation,
    /// The desk's paper account; firm limits bind it.
    Paper,
    /// Real money. Cannot be opened in this release.
    Live,
}

impl AccountKind {
    /// The word used on the command line, in stores and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccountKind::Simulation => "simulation",
            AccountKind::Paper => "paper",
            AccountKind::Live => "live",
        }
    }
}

/// How purchases are covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// Paid in full from cash.
    #[default]
    Cash,
    /// Half of long and short value must be covered by equity (US Regulation T).
    RegT,
}

/// Which lots a closing trade takes. Fixed when the account is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotMethod {
    /// The oldest first.
    #[default]
    Fifo,
    /// One pool: every share costs the same.
    Average,
    /// The lot that the order names, then the oldest.
    Specific,
}

impl LotMethod {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            LotMethod::Fifo => "fifo",
            LotMethod::Average => "average",
            LotMethod::Specific => "specific",
        }
    }

    /// Whether it is the usual one, which is not written down.
    pub const fn is_usual(&self) -> bool {
        matches!(self, LotMethod::Fifo)
    }
}

/// Which price sets off an account's stops and touches at the paper exchange. Fixed when the account is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerType {
    /// The last print.
    #[default]
    Last,
    /// The side that the order would take: the ask for a buy, the bid for a sell.
    BidAsk,
    /// The middle of bid and ask.
    Mid,
    /// Two prints in a row.
    DoubleLast,
}

impl TriggerType {
    /// The word used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            TriggerType::Last => "last",
            TriggerType::BidAsk => "bid_ask",
            TriggerType::Mid => "mid",
            TriggerType::DoubleLast => "double_last",
        }
    }

    /// Whether it is the usual one, which is not written down.
    pub const fn is_usual(&self) -> bool {
        matches!(self, TriggerType::Last)
    }

    /// The price of a quote that it goes by, for an order of this side; `None` where it goes by prints, and of a quote
    /// that is crossed or has nothing on a side that counts.
    pub fn quoted(self, (bid, ask): (Price, Price), side: Side) -> Option<Price> {
        let price = match (self, side) {
            (TriggerType::Last | TriggerType::DoubleLast, _) => return None,
            (TriggerType::BidAsk, Side::Buy) => ask,
            (TriggerType::BidAsk, Side::Sell) => bid,
            (TriggerType::Mid, _) if !bid.is_positive() => return None,
            (TriggerType::Mid, _) => bid.midpoint(ask),
        };
        (bid < ask && price.is_positive()).then_some(price)
    }
}

/// An account as it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSpec {
    /// Name.
    pub account: AccountId,
    /// What its orders reach.
    pub kind: AccountKind,
    /// Whose it is; `None` is the desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// Market it trades on; `None` in a replay, where any instrument of its currency will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// Its currency.
    pub currency: Currency,
    /// Opening cash.
    pub cash: Money,
    /// Whether it may sell short.
    pub short: bool,
    /// How purchases are covered.
    pub margin: Margin,
    /// Where its orders are executed; fixed like its kind.
    #[serde(default, skip_serializing_if = "BrokerId::is_paper")]
    pub broker: BrokerId,
    /// Which lots a closing trade takes.
    #[serde(default, skip_serializing_if = "LotMethod::is_usual")]
    pub lots: LotMethod,
    /// Which price sets off its stops and touches.
    #[serde(default, skip_serializing_if = "TriggerType::is_usual")]
    pub trigger: TriggerType,
}

impl AccountSpec {
    /// The account, where it is one to practise on: what it does counts for itself and never toward the firm.
    pub fn practice(&self) -> Option<AccountId> {
        (self.kind == AccountKind::Simulation).then_some(self.account)
    }
}
