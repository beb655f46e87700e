//! Rows about accounts and their brokers.

use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, Money, Price, Quantity, Symbol, UserName};

/// Something that differs between an account and its broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceRow {
    /// Account.
    pub account: AccountId,
    /// What differs, in words.
    pub difference: String,
    /// Who asked to take it over, where somebody did.
    pub asked_by: Option<UserName>,
}

/// What somebody takes over from a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// Account.
    pub account: AccountId,
    /// Symbol.
    pub symbol: Symbol,
    /// Shares, negative when short.
    pub quantity: Quantity,
    /// What they cost by the broker's average entry price.
    pub cost: Money,
    /// The same per share, for display.
    pub average_price: Option<Price>,
    /// `asked`: somebody else must agree; or `taken_over`.
    pub status: String,
    /// Who asked for it.
    pub asked_by: UserName,
}
