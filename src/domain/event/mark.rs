//! What a mark says of an account.

use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, Money};

/// An account's figures at a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityMark {
    /// Account.
    pub account: AccountId,
    /// Equity now.
    pub equity: Money,
    /// Equity at the start of the exchange's day.
    pub day_open: Money,
    /// Highest equity so far.
    pub peak: Money,
}
