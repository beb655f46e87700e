//! Settings and paths: where a home is, and what its `settings.toml` says.
//!
//! One table ([`SETTINGS`]) lists every setting; reading, checking, writing and help come from it. A file with an
//! unknown key or a bad value is refused with every problem at once, each with its line. This room is the only
//! reader of `settings.toml`, of `factors.toml` and (with the command line's credentials) of environment variables.

pub mod factors;
mod file;
mod market;
mod paths;
mod registry;
mod settings;
mod tiers;
pub mod vendors;

use std::path::PathBuf;

pub use file::{Problem, load, parse, set};
pub use market::{LiveSetting, LiveVendor, VendorOrder, VendorSetting, VendorTable};
pub use paths::{Paths, TEXT_FILES};
pub use registry::{Kind, SETTINGS, Setting, find};
pub use settings::{Settings, UpDown};

use crate::domain::{AddressError, CleanText};

/// Why settings or paths could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No folder for the home can be found.
    #[error("no home folder is known; name one with --home DIR or QLIB_PRO_HOME")]
    NoHome,
    /// The file system said no.
    #[error("{}: cannot {doing}: {source}; check that the home is yours", CleanText::new(&.path.to_string_lossy()))]
    Io {
        /// File.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The file says things it may not say.
    #[error("{}", file::listing(.path, .problems))]
    Problems {
        /// File.
        path: PathBuf,
        /// All of them, in the order of lines.
        problems: Vec<Problem>,
    },
    /// No setting by that name.
    #[error("there is no setting '{0}'; see `settings` for all of them")]
    Unknown(CleanText),
    /// An address in a variable will not do.
    #[error("variable {name}: {what}")]
    BadVariable {
        /// Variable.
        name: String,
        /// What is wrong and what would do.
        what: AddressError,
    },
    /// The value will not do.
    #[error("setting {key}: {what}")]
    BadValue {
        /// Setting.
        key: &'static str,
        /// What is wrong and what would do.
        what: String,
    },
}

/// Whether the `NO_COLOR` convention asks for no colours.
#[allow(clippy::disallowed_methods, reason = "config reads the few variables that are settings")]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The point at which a test lets this process end, and how often it is passed before: `QLIB_PRO_FAIL_AT=NAME:COUNT`.
/// A build for use does not read it.
#[cfg(debug_assertions)]
#[allow(clippy::disallowed_methods, reason = "config reads the few variables there are")]
pub fn fail_point() -> Option<(String, u64)> {
    let wish = std::env::var("QLIB_PRO_FAIL_AT").ok()?;
    let (name, count) = wish.split_once(':')?;
    Some((name.to_owned(), count.parse().ok()?))
}
