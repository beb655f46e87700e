//! Vendors that fail in every way, and a store that stays right: the sync of a whole home against a vendor on loopback,
//! on virtual time; and the real binary, killed and run again.

// This whole target is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "other targets use the rest of it")]
mod support;

mod actions;
mod beside;
mod binary;
mod doctor;
mod faults;
mod fetching;
mod hostile;
mod live;
mod market;
mod minutes;
mod polled;
mod quotes;
mod repairs;
mod rig;
mod scenarios;
#[allow(dead_code, reason = "the example uses the rest of it")]
mod server;
mod site;
mod sources;
mod stream;
mod table;
