//! Files to pages of checked rows and a quarantine.
//!
//! Open every file of a command first ([`BarFile::open`], [`TableFile::open`]): what condemns a whole file is found
//! there, before anything can be stored. Then pump the pages. Bars go through one [`BarRun`] a command, which sees the
//! rows of all its files and so knows duplicates and gaps. Memory is bounded: one buffer, one line of 64 KiB and one
//! page of 4,096 rows a file, and in a run 8 bytes a row (see `tally`). Nothing here knows a store.

mod bars;
mod lines;
mod minutes;
mod number;
mod page;
mod qlib;
mod record;
mod source;
mod tables;
mod tally;
mod terms;
mod ticker;
mod when;

pub use bars::{BarFile, BarRun};
pub use lines::LINE_BYTES_MAX;
pub(in crate::market) use lines::{Line, Lines};
pub use minutes::{MinuteFile, MinuteRow, MinuteRun, read_minute};
pub use number::{NumberFault, parse_scaled};
pub use page::{PAGE_LINES_MAX, Page, Pages, Row};
pub use qlib::{ALL, FIELDS as QLIB_FIELDS, Feature, Listed, QlibFolder, QlibOut, QlibSeries};
pub use source::Source;
pub use tables::{
    ACTIONS, DELISTINGS, FUNDAMENTALS, INSTRUMENTS, NEWS, RENAMES, TableFile, TableKind, UNIVERSE,
};
pub use tally::{SYMBOLS_MAX, check_prices};
pub use terms::{DEFAULT_SOURCE, FileBar, Terms, Wanted};
pub use ticker::{means, parse_symbol, parse_symbol_among};
pub(in crate::market) use when::parse_day;

use crate::domain::CleanText;

/// Why a whole file cannot be imported, or why reading had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be opened.
    #[error("cannot open '{file}': {source}; check the path and its permissions")]
    Open {
        /// File as named by the user.
        file: CleanText,
        /// What the system says.
        source: std::io::Error,
    },
    /// The path is a directory.
    #[error("'{file}' is a directory; name the files in it, as in {file}/*.csv")]
    Directory {
        /// Path as named by the user.
        file: CleanText,
    },
    /// A Qlib folder, or a file in it, is not as it must be.
    #[error("'{file}' {what}")]
    Folder {
        /// File or folder.
        file: CleanText,
        /// What is wrong and what to do.
        what: String,
    },
    /// There is nothing in the file.
    #[error("'{file}' is empty; the first line must name the columns")]
    Empty {
        /// File as named by the user.
        file: CleanText,
    },
    /// UTF-16, UTF-32 or binary.
    #[error("'{file}' is UTF-16, UTF-32 or no text at all; save it as CSV in UTF-8")]
    NotUtf8 {
        /// File as named by the user.
        file: CleanText,
    },
    /// The first line is over-long or badly quoted.
    #[error(
        "'{file}', line 1: the header cannot be read; it must be one line of comma-separated column names"
    )]
    BadHeader {
        /// File as named by the user.
        file: CleanText,
    },
    /// A compressed file that breaks off before its header ends.
    #[error("'{file}' breaks off before the end of its header; fetch it again")]
    Damaged {
        /// File as named by the user.
        file: CleanText,
    },
    /// Columns that must be there are not.
    #[error("'{file}', line 1: missing column {missing}; found: {found}")]
    MissingColumns {
        /// File as named by the user.
        file: CleanText,
        /// Names of the columns, with commas.
        missing: String,
        /// The header as it is.
        found: CleanText,
    },
    /// Two columns of one name.
    #[error("'{file}', line 1: column {column} is there twice; remove or rename one")]
    RepeatedColumn {
        /// File as named by the user.
        file: CleanText,
        /// Name of the column.
        column: &'static str,
    },
    /// A row says what cannot be true of the whole file.
    #[error("'{file}', line {line}, column {column}: {what}")]
    Refused {
        /// File as named by the user.
        file: CleanText,
        /// Line of the row.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// What is wrong and what to do.
        what: CleanText,
    },
    /// The disk or pipe fails.
    #[error("reading '{file}' failed near line {line}: {source}; pages before it stand, import it again")]
    Read {
        /// File as named by the user.
        file: CleanText,
        /// Line being read.
        line: u64,
        /// What the system says.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod real_files;
#[cfg(test)]
mod real_tables;
