//! The real binary in a real terminal, at 120x36 and at 80x24: what a person sees and types, what the bytes are, and
//! how the terminal is given back. Every wait is for something on the screen, with a bound; nothing sleeps.

#![cfg(unix)]
// This whole target is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod citizen;
mod data;
mod entry;
mod figures;
mod home;
mod keys;
mod limits;
mod picture;
mod research;
mod terminal;
mod trading;
