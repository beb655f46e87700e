//! The trades store: the journal, its postings, and the tables people query.
//!
//! One owner at a time writes it (see `ownership`); everybody else reads. What `append` acknowledged is on
//! disk, as a whole batch: events, postings and rows in one transaction with one sync. The journal is a hash chain
//! and never changes; orders, executions, risk events, portfolios and limit versions are projections of it.

mod anchor;
mod anew;
mod head;
mod journal;
mod moments;
mod outbox;
mod projections;
mod queries;
mod verify;

use std::path::Path;

pub(super) use anchor::note_restored;
pub use anchor::{ANCHOR_FILE, accept};
use anchor::{Anchor, Ends};
pub use head::Head;
pub use outbox::Delivery;
pub use queries::{Accounts, Period};
pub use verify::{Refold, VerifyReport};

use rusqlite::Transaction;

pub use super::db::Interrupter;
use super::db::{Db, Durability, make_private_dir};
use super::error::Fault;
use super::migrate::Migrations;
use super::ownership::{self, HeldBy, OwnerLock};
use super::{StoreError, TRADES_FILE};

pub(super) const MIGRATIONS: Migrations = &[
    include_str!("../schema/trades/001.sql"),
    include_str!("../schema/trades/002.sql"),
    include_str!("../schema/trades/003.sql"),
    include_str!("../schema/trades/004.sql"),
    include_str!("../schema/trades/005.sql"),
    include_str!("../schema/trades/006.sql"),
];

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

    /// Ends what this reader is doing, from another thread.
    pub fn interrupter(&self) -> Interrupter {
        self.db.interrupter()
    }
}

/// Writes the trades store: only its owner has one.
#[derive(Debug)]
pub struct TradesStore {
    inner: TradesReader,
    /// Where what only grows ends.
    ends: Ends,
    anchor: Anchor,
    /// A write met an error of the disk: what it holds can no longer be told, so nothing more is written.
    stopped: bool,
    _lock: OwnerLock,
}

impl TradesStore {
    /// Becomes the owner, and creates the store where it is missing. Refused, with the holder's name, while another
    /// process (or another handle of this one) owns it.
    pub fn open_owner(home: &Path, who: &HeldBy) -> Result<Self, StoreError> {
        make_private_dir(home)?;
        let lock = ownership::take(home, who)?;
        let db = Db::open_writer(home, TRADES_FILE, MIGRATIONS, Durability::Full)?;
        let mut inner = TradesReader { db };
        inner.check_anchor()?;
        let ends = inner.ends()?;
        let is_anchored = inner.db.read("read whether it has an anchor", anchor::is_anchored)?;
        let anchor = Anchor::open(home, ends, is_anchored)?;
        if !is_anchored {
            inner.db.write("note that it has an anchor", |tx| anchor::set_anchored(tx))?;
        }
        Ok(Self { inner, ends, anchor, stopped: false, _lock: lock })
    }

    /// The same store, for reading what was just written.
    pub fn read(&self) -> &TradesReader {
        &self.inner
    }

    /// Whether a write met an error of the disk, after which there is none until the home is opened again.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Runs a write, unless one before it met an error of the disk. What it says of the ends is noted in the anchor.
    fn write<T, E: Into<Fault>>(
        &mut self,
        doing: &'static str,
        body: impl FnOnce(&Transaction<'_>, Ends) -> Result<(T, Ends), E>,
    ) -> Result<T, StoreError> {
        if self.stopped {
            return Err(StoreError::Stopped { path: self.inner.db.path().to_path_buf(), doing });
        }
        let before = self.ends;
        let (done, ends) = self
            .inner
            .db
            .write(doing, |tx| body(tx, before))
            .inspect_err(|error| self.stopped = error.is_of_the_disk())?;
        if ends.head.0 > before.head.0 {
            self.anchor.vouches_again();
        }
        self.ends = ends;
        // Written and synced already: an anchor that lags only knows less.
        self.anchor.note(ends).unwrap_or_default();
        Ok(done)
    }
}
