//! What works on given files alone: no home, no user, no permit. It cannot name the stores.

pub mod factors;
pub mod replay;
pub mod table;
