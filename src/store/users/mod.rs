//! The users store: people, credentials, sessions, the access log, watchlists, preferences and notices.
//!
//! It keeps password hashes and never sees a password. Role, password and disabling raise a person's `epoch`, so
//! that a login made before is noticed. Several processes may write; each write is one immediate transaction.

mod access;
mod lists;
mod notices;
mod people;

use std::path::Path;

pub use access::{AccessEntry, Failures, SessionRow};
pub use people::{Credential, Person};

use super::db::{Db, Durability};
use super::migrate::Migrations;
use super::{StoreError, USERS_FILE};

pub(super) const MIGRATIONS: Migrations = &[include_str!("../schema/users/001.sql")];

/// Newest notices kept for a person.
pub const NOTICES_MAX: u32 = 1_000;
/// Newest entries of the access log that are kept.
pub const ACCESS_LOG_MAX: u32 = 200_000;
/// Newest failed log-ins kept for a name.
pub const FAILURES_PER_NAME_MAX: u32 = 100;
/// Newest failed log-ins kept in all.
pub const FAILURES_MAX: u32 = 20_000;
/// Newest ended sessions kept for a person.
pub const SESSIONS_PER_USER_MAX: u32 = 200;
/// Instruments in one watchlist.
pub const WATCHLIST_MAX: u32 = 500;

/// Reads the users store.
#[derive(Debug)]
pub struct UsersReader {
    db: Db,
}

impl UsersReader {
    /// Opens the store of a home for reading.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        Db::open_reader(home, USERS_FILE, MIGRATIONS).map(|db| Self { db })
    }
}

/// Writes the users store.
#[derive(Debug)]
pub struct UsersStore {
    inner: UsersReader,
}

impl UsersStore {
    /// Opens, and creates where missing, the store of a home.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        let db = Db::open_writer(home, USERS_FILE, MIGRATIONS, Durability::Full)?;
        Ok(Self { inner: UsersReader { db } })
    }

    /// The same store, for reading what was just written.
    pub fn read(&self) -> &UsersReader {
        &self.inner
    }

    fn db(&mut self) -> &mut Db {
        &mut self.inner.db
    }
}
