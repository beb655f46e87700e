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
    /// Money at hand.
    Cash,
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
    /// The other side of every trade.
    Clearing,
}

impl Ledger {
    /// The word used in stores and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ledger::Cash => "cash",
            Ledger::Cost => "cost",
            Ledger::Position => "position",
            Ledger::Fee => "fee",
            Ledger::Realized => "realized",
            Ledger::Receivable => "receivable",
            Ledger::Dividend => "dividend",
            Ledger::CorporateAction => "corporate_action",
            Ledger::Deposit => "deposit",
            Ledger::Clearing => "clearing",
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
    /// Signed amount in the asset's smallest unit.
    pub amount: i64,
}
