//! The one door. Terminal and command line call this room and nothing below it.
//!
//! Each method that reads or changes a home takes a [`permit::Permit`], so forgetting a role check does not compile.
//! `files` works on given files, takes none and cannot name the stores.

pub mod access;
pub mod admin;
pub mod advance;
pub mod as_of;
pub mod audit;
mod book;
pub mod broker;
mod courier;
pub mod csv_text;
mod curve;
pub mod customer;
mod data_health;
pub mod deed;
pub mod demo;
pub mod desk;
mod desk_worker;
pub mod door;
pub mod engine;
pub mod error;
mod evidence;
pub mod factors;
pub mod feed;
pub mod files;
mod finer;
pub mod house;
pub mod import;
mod judged;
pub mod keys;
pub mod language;
mod late;
pub mod listing;
pub mod live;
mod live_expression;
pub mod market;
pub mod minutes;
pub mod nightly;
mod notices;
pub mod ordering;
mod panel;
pub mod passing;
pub mod permit;
pub mod polled;
mod preview;
pub mod qlib;
pub mod quality;
pub mod rebalance;
mod renamed;
pub mod research;
mod restated;
pub mod risk;
mod risk_facts;
mod running_session;
mod screens;
pub mod simulate;
pub mod sync;
pub mod trading;
pub mod vendor_test;
pub mod vendors;
pub mod view;

pub use error::{ErrorKind, ServiceError};
pub use house::House;

pub use crate::market::import::parse_symbol;
pub use crate::store::refuse_inside_home;

#[cfg(test)]
mod tests;
