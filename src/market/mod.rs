//! Market data from outside: files, and the simulated exchange.
//!
//! [`import`] turns files into pages of checked rows and a quarantine; it knows no store. [`adjust`] restates prices
//! for splits and dividends on read, by one formula. Nothing there fills, invents or silently drops a row.
//! [`simulated`] is the SIM exchange, whose every row is labelled as simulated.
//!
//! [`vendors`] say how wishes become calls and answers become rows; [`http`] makes one call, [`budget`] says when it may
//! go, and [`fetch`] does both with retries, paging and sessions. [`live`] are prices as they happen, [`intraday`] minutes
//! made of them and longer bars made of minutes.

pub mod adjust;
pub mod budget;
pub mod compare;
pub mod fetch;
pub mod http;
pub mod import;
pub mod intraday;
pub mod live;
pub mod plausible;
pub mod repair;
pub mod simulated;
pub mod sync;
pub mod validate;
pub mod vendors;

#[cfg(test)]
mod testing;
