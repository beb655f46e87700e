//! The trades store: the journal, its postings, and the tables people query.
//!
//! One owner at a time writes it (see `ownership`); everybody else reads. What `append` acknowledged is on
//! disk, as a whole batch: events, postings and rows in one transaction with one sync. The journal is a hash chain
//! and never changes; orders, executions, risk events, portfolios and limit versions are projections of it.

mod anchor;
mod anew;
mod head;
mod journal;
mod outbox;
mod projections;
mod queries;
mod verify;

use std::path::Path;

pub use anchor::ANCHOR_FILE;
use anchor::Anchor;
pub use head::Head;
pub use outbox::Delivery;
pub use queries::{Accounts, Period};
pub use verify::{Refold, VerifyReport};

use super::db::{Db, Durability, make_private_dir};
use super::migrate::Migrations;
use super::ownership::{self, HeldBy, OwnerLock};
use super::{StoreError, TRADES_FILE};
use crate::domain::Seq;
use crate::domain::journal::ChainHash;

pub(super) const MIGRATIONS: Migrations =
    &[include_str!("../schema/trades/001.sql"), include_str!("../schema/trades/002.sql")];

/// Reads the trades store.
#[derive(Debug)]
pub struct TradesReader {
    db: Db,
}

impl TradesReader {
    /// Opens the store of a home for reading, whoever owns it.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        Db::open_reader(home, TRADES_FILE, MIGRATIONS).map(|db| Self { db })
    }
}

/// Writes the trades store: only its owner has one.
#[derive(Debug)]
pub struct TradesStore {
    inner: TradesReader,
    /// The last stored event and its link of the chain.
    head: (Seq, ChainHash),
    anchor: Anchor,
    _lock: OwnerLock,
}

impl TradesStore {
    /// Becomes the owner, and creates the store where it is missing. Refused, with the holder's name, while another
    /// process (or another handle of this one) owns it.
    pub fn open_owner(home: &Path, who: &HeldBy) -> Result<Self, StoreError> {
        make_private_dir(home)?;
        let lock = ownership::take(home, who)?;
        let db = Db::open_writer(home, TRADES_FILE, MIGRATIONS, Durability::Full)?;
        let inner = TradesReader { db };
        inner.check_anchor()?;
        let head = inner.head()?;
        let anchor = Anchor::open(home)?;
        Ok(Self { inner, head, anchor, _lock: lock })
    }

    /// The same store, for reading what was just written.
    pub fn read(&self) -> &TradesReader {
        &self.inner
    }

    fn db(&mut self) -> &mut Db {
        &mut self.inner.db
    }
}
