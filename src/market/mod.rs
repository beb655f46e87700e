//! Market data from outside: files, and the simulated exchange.
//!
//! [`import`] turns files into pages of checked rows and a quarantine; it knows no store. [`adjust`] restates prices
//! for splits and dividends on read, by one formula. Nothing here fills, invents or silently drops a row.

pub mod adjust;
pub mod import;

#[cfg(test)]
mod testing;
