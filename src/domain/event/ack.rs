//! That a person looked at a risk event.

use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, CleanText, Seq, UserName};

/// Who looked at a risk event, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAck {
    /// The event that risk had to see.
    pub of: Seq,
    /// Its account.
    pub account: AccountId,
    /// Who looked.
    pub actor: UserName,
    /// What was found and done.
    pub resolution: CleanText,
}
