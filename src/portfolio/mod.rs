//! Positions, lots, the double-entry ledger and P/L; pure.
//!
//! Promises: postings of every movement sum to zero per asset; lots sum to their position; cost contains no fees;
//! nothing rounds twice. Never knows orders, limits or where a price came from.

pub mod account;
pub mod construct;
pub mod ledger;
pub mod position;

pub use account::{Account, Booking, Receivable};
pub use ledger::{Movement, Unbalanced, post};
pub use position::{Lot, Pick, Position, PositionChange, split_price, split_quantity};
