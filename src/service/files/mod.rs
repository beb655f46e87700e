//! What works on given files alone: no home, no user, no permit. It cannot name the stores.

pub mod evaluation;
pub mod factors;
pub mod json_line;
pub mod processing;
pub mod replay;
pub mod sheet;
pub mod table;
#[cfg(test)]
mod testing;

use std::io::Read;
use std::path::Path;

use crate::market::import::{ImportError, Source};

/// Opens a file to read: plain, gzip or zstd; `-` is standard input.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, ImportError> {
    Source::open(path)?.into_reader()
}
