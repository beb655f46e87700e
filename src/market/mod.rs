//! Market data from outside: files, and the simulated exchange.
//!
//! [`import`] turns files into pages of checked rows and a quarantine; it knows no store. [`adjust`] restates prices
//! for splits and dividends on read, by one formula. Nothing there fills, invents or silently drops a row.
//! [`simulated`] is the SIM exchange, whose every row is labelled as simulated.

pub mod adjust;
pub mod import;
pub mod simulated;
pub mod vendors;

#[cfg(test)]
mod testing;
