//! Watching the program: the system clock, the log, and facts about its health.
//!
//! The log goes to a ring buffer (for the system-log pane) and to a file that rotates by size; both are bounded.
//! Messages are cleaned, and fields that may hold a secret are never written. Nothing here decides anything.

mod health;
mod log;

pub use health::{FileHealth, Health, health};
pub use log::{LOG_FILE_BYTES_MAX, LOG_FILES_MAX, LOG_LINES_MAX, LogLevel, LogLine, LogRing, start};

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::{Clock, UnixNanos};

/// The wall clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where wall time enters the program")]
    fn now(&self) -> UnixNanos {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixNanos::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The log file cannot be written.
    #[error("{path}: the log cannot be written: {source}; check that the home is yours and has free space")]
    Log {
        /// Folder or file, cleaned.
        path: crate::domain::CleanText,
        /// Why not.
        source: std::io::Error,
    },
    /// The level is no filter.
    #[error("log level '{0}' will not do; give error, warn, info, debug or trace")]
    Level(crate::domain::CleanText),
    /// A log runs already in this process.
    #[error("a log runs already in this process; start it once")]
    Twice,
}
