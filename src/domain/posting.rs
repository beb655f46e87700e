//! Double entry: every change of money or shares is a set of postings that sums to zero per asset.

use serde::{Deserialize, Serialize};

use super::{AccountId, Currency, InstrumentId, Seq};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Asset {
    /// Money, in units of 1e-6.
    Money(Currency),
    /// Shares, in units of 1e-9.
    Shares(InstrumentId),
}

impl std::fmt::Display for Asset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Asset::Money(c) => f.pad(c.as_str()),
            Asset::Shares(i) => f.pad(&i.to_string()),
        }
    }
}

/// Which ledger account of a trading account is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ledger {
    /// Money at hand, settled.
    Cash,
    /// Proceeds of sales that are not settled yet.
    Unsettled,
    /// What the shares cost, fees apart.
    Cost,
    /// Shares held.
    Position,
    /// Fees paid.
    Fee,
    /// Realised profit and loss.
    Realized,
    /// Dividends owed to (or by) the account.
    Receivable,
    /// Dividend income.
    Dividend,
    /// Cash in lieu and share changes of corporate actions.
    CorporateAction,
    /// Money from and to outside.
    Deposit,
    /// Paid for borrowed shares.
    Borrow,
    /// Money that open orders hold.
    Hold,
    /// Money that short positions hold.
    Collateral,
    /// The other side of what is held.
    Available,
    /// The other side of every trade.
    Clearing,
}

impl Ledger {
    /// The word used in stores and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ledger::Cash => "cash",
            Ledger::Unsettled => "unsettled",
            Ledger::Cost => "cost",
            Ledger::Position => "position",
            Ledger::Fee => "fee",
            Ledger::Realized => "realized",
            Ledger::Receivable => "receivable",
            Ledger::Dividend => "dividend",
            Ledger::CorporateAction => "corporate_action",
            Ledger::Deposit => "deposit",
            Ledger::Borrow => "borrow",
            Ledger::Hold => "hold",
            Ledger::Collateral => "collateral",
            Ledger::Available => "available",
            Ledger::Clearing => "clearing",
        }
    }
}

/// How final a line is. A hold is pending until a fill posts its share of it, or an end or amendment voids the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Held back for what may happen.
    Pending,
    /// It happened.
    #[default]
    Posted,
    /// It will not happen.
    Void,
}

impl Phase {
    /// The word used in stores and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Posted => "posted",
            Phase::Void => "void",
        }
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Event that caused it.
    pub seq: Seq,
    /// Trading account.
    pub account: AccountId,
    /// Ledger account.
    pub ledger: Ledger,
    /// What is counted.
    pub asset: Asset,
    /// How final it is.
    pub phase: Phase,
    /// Signed amount in the asset's smallest unit.
    pub amount: i64,
}
