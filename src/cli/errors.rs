//! Every error as a text (what, where, why, what to do) and an exit code. The only place that decides exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::domain::CleanText;
use crate::service::{ErrorKind, ServiceError};

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// Something did not work: exit 1.
    Failed(String),
    /// Wrong usage: exit 2.
    Usage(String),
    /// Login or role: exit 3.
    Denied(String),
    /// Refused by risk, and already printed: exit 4.
    Refused,
    /// Refused by risk before there was anything to print: exit 4.
    RefusedBecause(String),
    /// Some of the input failed validation, and already printed: exit 5.
    PartlyInvalid,
    /// Whoever read our output has gone; nothing is left to say: exit 0.
    ReaderGone,
}

impl Failure {
    /// Something did not work.
    pub fn failed(text: impl Into<String>) -> Self {
        Failure::Failed(text.into())
    }

    /// Wrong usage.
    pub fn usage(text: impl Into<String>) -> Self {
        Failure::Usage(text.into())
    }

    /// Anything with a message that is no service error.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Failure::Failed(error.to_string())
    }

    /// The exit code of CONTRACTS.
    pub fn code(&self) -> u8 {
        match self {
            Failure::ReaderGone => 0,
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Denied(_) => 3,
            Failure::Refused | Failure::RefusedBecause(_) => 4,
            Failure::PartlyInvalid => 5,
        }
    }

    /// What to print; `None` when everything is said already.
    pub fn text(&self) -> Option<CleanText> {
        match self {
            Failure::Failed(text)
            | Failure::Usage(text)
            | Failure::Denied(text)
            | Failure::RefusedBecause(text) => Some(CleanText::new(text)),
            Failure::Refused | Failure::PartlyInvalid | Failure::ReaderGone => None,
        }
    }

    /// Prints the text to standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if let Some(text) = self.text() {
            // Nobody may be left to read it; the exit code says it all the same.
            writeln!(std::io::stderr(), "error: {text}").unwrap_or_default();
        }
        ExitCode::from(self.code())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::Failed(format!("writing the output failed: {error}")),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Failed => Failure::Failed(text),
            ErrorKind::Usage => Failure::Usage(text),
            ErrorKind::Denied => Failure::Denied(text),
            ErrorKind::Refused => Failure::RefusedBecause(text),
        }
    }
}

impl From<crate::domain::id::IdError> for Failure {
    fn from(error: crate::domain::id::IdError) -> Self {
        Failure::Usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pipe_is_no_error_and_a_full_disk_is() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).code(), 0);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).code(), 1);
    }

    #[test]
    fn messages_cannot_move_the_cursor() {
        let text = Failure::failed("no file 'a\u{1b}[2J'").text().unwrap();
        assert_eq!(text.as_str(), "no file 'a[2J'");
    }
}
