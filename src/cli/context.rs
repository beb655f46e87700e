//! What the composition root lends the command line: ways to open a home, and nothing else.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Color, LogLevel};
use super::errors::Failure;
use crate::domain::Role;
use crate::service::admin::Restored;
use crate::service::permit::{Administer, Permit};
use crate::service::view::HealthRow;
use crate::service::{House, ServiceError};

/// Whether a command changes trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// It does: take the trades when nobody holds them; who holds them is said when they are needed.
    Own,
    /// It does not: never take them from anybody.
    Read,
}

/// Which home to open, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HomeWish<'a> {
    /// Its folder; the default one when missing.
    pub home: Option<&'a Path>,
    /// Whether trades change.
    pub mode: OpenMode,
    /// Whether it is made where there is none.
    pub may_make: bool,
    /// How much the log says.
    pub log_level: LogLevel,
}

/// A throw-away home with the simulated market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demo {
    /// Whose screen to open; the picker when none is named.
    pub role: Option<Role>,
    /// Seed of the simulated market; its default when missing.
    pub seed: Option<u64>,
    /// Names on it; its default when missing.
    pub symbols: Option<u32>,
}

/// How to open the workstation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Folder of the home; the default one when missing.
    pub home: Option<PathBuf>,
    /// Who wants in, where they said so.
    pub user: Option<String>,
    /// When to use colours.
    pub color: Color,
    /// How much the log says.
    pub log_level: LogLevel,
    /// On a throw-away home instead.
    pub demo: Option<Demo>,
}

/// Opens a home for a command.
pub type Open<'a> = dyn Fn(&HomeWish<'_>) -> Result<Arc<House>, ServiceError> + 'a;
/// Runs the terminal until the person leaves.
pub type Terminal<'a> = dyn Fn(&Launch) -> Result<(), Failure> + 'a;
/// Where everything of a home lives, by name.
pub type Places<'a> = dyn Fn(Option<&Path>) -> Result<Vec<(&'static str, PathBuf)>, ServiceError> + 'a;
/// What this machine and home are like; needs neither home nor user.
pub type Doctor<'a> = dyn Fn(Option<&Path>) -> Vec<HealthRow> + 'a;
/// Puts a backup into a home, opens and verifies it; over an existing one only with a permit.
pub type Restore<'a> =
    dyn Fn(&Path, &HomeWish<'_>, Option<Permit<Administer>>) -> Result<Restored, ServiceError> + 'a;

/// What the command line may use.
pub struct Context<'a> {
    /// Opens a home.
    pub open: &'a Open<'a>,
    /// Runs the terminal.
    pub terminal: &'a Terminal<'a>,
    /// Where things live.
    pub places: &'a Places<'a>,
    /// Looks at machine and home.
    pub doctor: &'a Doctor<'a>,
    /// Restores a backup.
    pub restore: &'a Restore<'a>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}
