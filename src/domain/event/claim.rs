//! Taking over what stood at a broker before its account was kept here.

use serde::{Deserialize, Serialize};

use crate::domain::command::AskedFor;
use crate::domain::{AccountId, InstrumentId, Money, Quantity, UserName};

/// A holding that somebody takes over: what the broker holds more than the book, and what that cost there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Account.
    pub account: AccountId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Shares, signed.
    pub quantity: Quantity,
    /// Their cost by the broker's average entry price, signed like them.
    pub cost: Money,
    /// What they are worth by the last price seen here; their cost where none was.
    pub worth: Money,
    /// Who asked for it.
    pub maker: UserName,
    /// Who agreed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserName>,
    /// Whether the only person of the home agreed to it, after waiting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

impl Claim {
    /// What was asked for, by whom.
    pub const fn asked(&self) -> AskedFor {
        AskedFor { by: self.maker, quantity: self.quantity, cost: self.cost }
    }
}
