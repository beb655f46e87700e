//! Vendors of market data: keys, budgets, what is stored of them and how it is.

use serde::Serialize;

use crate::domain::UnixNanos;

/// One key that can be set, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// Vendor or broker.
    pub vendor: String,
    /// `key` or `secret`; empty for vendors that need none.
    pub part: String,
    /// Where it is kept, `not set`, `none needed`, or why it cannot be read.
    pub kept: String,
    /// The first eight hexadecimal digits of its SHA-256.
    pub key_id: Option<String>,
    /// When it was set, where that is known.
    pub set_at: Option<UnixNanos>,
}
