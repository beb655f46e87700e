//! The whole binary, as scripts and people use it: exit codes, logins, imports, the path from files to trades, and
//! what each role may do. Every test has a home of its own.

// This whole target is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod files;
mod imports;
#[cfg(target_os = "linux")]
mod keyring;
mod keys;
mod logins;
mod orders;
mod permissions;
mod qlib;
#[path = "../support/mod.rs"]
mod support;
mod trading;
