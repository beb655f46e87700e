//! How hard trading is stopped.

use serde::{Deserialize, Serialize};

/// How hard a halt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltMode {
    /// Only orders that reduce a position pass.
    Reducing,
    /// No new orders.
    #[default]
    Halted,
}

impl HaltMode {
    /// What holds from then on, for people.
    pub const fn told(self) -> &'static str {
        match self {
            HaltMode::Reducing => "only orders that reduce a position are taken",
            HaltMode::Halted => "trading is halted",
        }
    }
}
