//! Every broker keeps the same promises: one conformance suite on the paper broker and on the Alpaca adapter against
//! a venue on loopback, and the faults that only a remote venue has.

// This whole target is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "other targets use the rest of it")]
mod support;

mod conformance;
mod desk;
mod fake;
mod faults;
#[path = "../support/home.rs"]
#[allow(dead_code, reason = "other targets use the rest of it")]
mod home;
mod reports;
mod stage;
