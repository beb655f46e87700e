//! Rows about accounts and their brokers.

use serde::{Deserialize, Serialize};

pub use crate::domain::command::AskedFor;
use crate::domain::{AccountId, InstrumentId, Money, Price, Quantity, Symbol, UnixNanos, UserName};

/// Something that differs between an account and its broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceRow {
    /// Account.
    pub account: AccountId,
    /// What differs, in words.
    pub difference: String,
    /// Since when it is told, comparison after comparison, on the wall.
    pub since: Option<UnixNanos>,
    /// What a person can do about it.
    pub remedy: String,
    /// The instrument, where shares differ.
    pub instrument: Option<InstrumentId>,
    /// Shares that can be taken over, negative when short.
    pub quantity: Option<Quantity>,
    /// Who asked to take just these over, where somebody did.
    pub asked_by: Option<UserName>,
    /// What they cost by the broker's average entry price, as asked.
    pub cost: Option<Money>,
}

impl DifferenceRow {
    /// What somebody asked to take over here.
    pub fn asked(&self) -> Option<AskedFor> {
        Some(AskedFor { by: self.asked_by?, quantity: self.quantity?, cost: self.cost? })
    }
}

/// What differs between accounts and their brokers, as a screen shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// When it was looked at; a little earlier, so that ages do not change all the time.
    pub at: UnixNanos,
    /// What differs, by account.
    pub rows: Vec<DifferenceRow>,
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

impl ClaimRow {
    /// What it is called that nobody has agreed to yet.
    pub const ASKED: &'static str = "asked";
    /// What it is called that is booked.
    pub const DONE: &'static str = "taken_over";

    /// Whether it is booked.
    pub fn is_done(&self) -> bool {
        self.status == Self::DONE
    }
}
