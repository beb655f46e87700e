//! Models: from factors to scores, ranks and confidence.
//!
//! Pure. A score at a session uses rows up to that session; confidence counts only outcomes known by then.
//! [`outlook`] is all of it that a customer ever sees.

pub mod composite;
pub mod strategy;

pub use composite::{ModelError, Scored, score};
pub use strategy::{Strategy, StrategyError};

use crate::factor::rank::fifth;

/// What a ranking says to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// In the top fifth.
    Favourable,
    /// In between.
    Neutral,
    /// In the bottom fifth.
    Unfavourable,
}

/// Fifth of the ranking as an outlook.
pub fn outlook(rank: u32, of: u32) -> Outlook {
    match fifth(rank, of) {
        0 => Outlook::Favourable,
        4 => Outlook::Unfavourable,
        _ => Outlook::Neutral,
    }
}

#[cfg(test)]
mod tests;
