//! People as the stores and screens know them. Secrets are elsewhere.

use serde::{Deserialize, Serialize};

use super::role::{RiskTolerance, Role};
use super::{CleanText, UnixNanos, UserName};

/// What a customer has subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionTier {
    /// Everything in this release.
    #[default]
    Free,
    /// Reserved for vendors that ask for it.
    Premium,
}

impl SubscriptionTier {
    /// The word used in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            SubscriptionTier::Free => "free",
            SubscriptionTier::Premium => "premium",
        }
    }
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Login name.
    pub name: UserName,
    /// What they may do.
    pub role: Role,
    /// May not log in any more.
    pub disabled: bool,
    /// Address for notices; may be empty.
    pub email: CleanText,
    /// How much risk a customer wants to take.
    pub risk_tolerance: RiskTolerance,
    /// Subscription.
    pub subscription_tier: SubscriptionTier,
    /// Wall time of creation.
    pub created_at: UnixNanos,
    /// Wall time of the last login.
    pub last_login: Option<UnixNanos>,
}
