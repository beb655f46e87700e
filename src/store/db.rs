//! One SQLite file of a home: opened with the right pragmas and permissions, migrated, and used by transactions.
//!
//! Promises: WAL, foreign keys, a busy timeout of five seconds, files 0600 in a folder 0700, every write a
//! `BEGIN IMMEDIATE` transaction. Readers cannot write. It knows nothing of what the tables mean.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::error::{Fault, StoreError};
use super::fail;
use super::migrate::{self, Migrations};

/// How long a write waits for another process.
const BUSY_TIMEOUT_MS: u64 = 5_000;
/// Page cache of a connection.
const CACHE_KIB: i64 = 64 * 1024;
/// Prepared statements kept by a connection.
const STATEMENTS_MAX: usize = 128;
/// A WAL larger than this is cut back after a checkpoint.
const WAL_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// Pages in the WAL that make a commit copy them into the store file; an import touches many pages again and again.
const CHECKPOINT_PAGES: u32 = 8_192;
/// First SQLite without the WAL-reset race.
const SQLITE_LEAST: i32 = 3_051_003;

/// How hard a commit tries to survive a power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// A commit is on disk when it returns.
    Full,
    /// The last commits may be lost with the power; they can be fetched again.
    Normal,
}

/// A connection and the file it belongs to.
#[derive(Debug)]
pub(super) struct Db {
    conn: Connection,
    path: PathBuf,
}

/// Ends what a connection is doing: it fails there.
pub struct Interrupter(rusqlite::InterruptHandle);

impl std::fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an interrupter")
    }
}

impl Interrupter {
    /// Does it; nothing happens when the connection is at rest or gone.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl Db {
    /// Opens for writing; creates and migrates the file.
    pub(super) fn open_writer(
        home: &Path,
        name: &str,
        migrations: Migrations,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        refuse_old_sqlite()?;
        make_private_dir(home)?;
        let path = home.join(name);
        make_private_file(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&path, flags).map_err(StoreError::sql(&path, "open it"))?;
        let mut db = Db { conn, path };
        db.prepare(Some(durability)).map_err(StoreError::sql(&db.path, "set it up"))?;
        migrate::apply(&mut db.conn, &db.path, migrations)?;
        Ok(db)
    }

    /// Opens for reading only; the file must exist and be up to date.
    pub(super) fn open_reader(home: &Path, name: &str, migrations: Migrations) -> Result<Self, StoreError> {
        refuse_old_sqlite()?;
        let path = home.join(name);
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&path, flags).map_err(StoreError::sql(&path, "open it"))?;
        let db = Db { conn, path };
        db.prepare(None).map_err(StoreError::sql(&db.path, "set it up"))?;
        migrate::check(&db.conn, &db.path, migrations)?;
        Ok(db)
    }

    fn prepare(&self, writer: Option<Durability>) -> rusqlite::Result<()> {
        self.conn.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        self.conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        self.conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        self.conn.pragma_update(None, "foreign_keys", true)?;
        self.conn.pragma_update(None, "trusted_schema", false)?;
        let Some(durability) = writer else {
            return self.conn.pragma_update(None, "query_only", true);
        };
        self.conn.pragma_update(None, "journal_mode", "wal")?;
        self.conn.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX)?;
        self.conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        let synchronous = match durability {
            Durability::Full => "full",
            Durability::Normal => "normal",
        };
        self.conn.pragma_update(None, "synchronous", synchronous)
    }

    /// Ends from another thread what this connection is doing.
    pub(super) fn interrupter(&self) -> Interrupter {
        Interrupter(self.conn.get_interrupt_handle())
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a read.
    pub(super) fn read<T, E: Into<Fault>>(
        &self,
        doing: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        body(&self.conn).map_err(|fault| name(&self.path, doing, fault.into()))
    }

    /// Runs a write as one immediate transaction: all of it is kept or nothing.
    pub(super) fn write<T, E: Into<Fault>>(
        &mut self,
        doing: &'static str,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let room = self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        fail::point_of(room, "before_write");
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::sql(&self.path, doing))?;
        let result = match body(&tx) {
            Ok(value) => {
                fail::point_of(room, "before_commit");
                let committed = if fail::fails_of(room, "commit") { Err(disk_error()) } else { tx.commit() };
                fail::point_of(room, "after_commit");
                committed.map(|()| value).map_err(Fault::Sql)
            }
            Err(fault) => Err(fault.into()),
        };
        result.map_err(|fault| name(&self.path, doing, fault))
    }
}

/// What SQLite says of a disk that did not take a commit.
fn disk_error() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None)
}

/// Adds the path to what went wrong.
fn name(path: &Path, doing: &'static str, fault: Fault) -> StoreError {
    match fault {
        Fault::Sql(source) => StoreError::sql(path, doing)(source),
        Fault::Store(error) => error,
    }
}

fn refuse_old_sqlite() -> Result<(), StoreError> {
    if rusqlite::version_number() < SQLITE_LEAST {
        return Err(StoreError::SqliteTooOld { found: rusqlite::version().to_owned() });
    }
    Ok(())
}

/// Creates the folder and its parents; the folder itself is for its owner only.
pub(super) fn make_private_dir(dir: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(StoreError::io(dir, "create the folder"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(dir, mode).map_err(StoreError::io(dir, "make the folder private"))?;
    }
    Ok(())
}

/// Creates the file when missing; it is for its owner only (SQLite gives -wal and -shm the same mode).
pub(super) fn make_private_file(path: &Path) -> Result<fs::File, StoreError> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem if path.exists() => {
            StoreError::NotWritable { path: path.to_path_buf() }
        }
        _ => StoreError::io(path, "create the file")(error),
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o600);
        file.set_permissions(mode).map_err(StoreError::io(path, "make the file private"))?;
    }
    Ok(file)
}

/// Has what was made, renamed or removed in a folder stay so when the power fails.
pub(super) fn sync_dir(folder: &Path) -> Result<(), StoreError> {
    let synced = fs::File::open(folder).and_then(|dir| dir.sync_all());
    synced.map_err(StoreError::io(folder, "sync the folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_file_that_may_not_be_written_is_said_with_what_to_do() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("users.db");
        drop(make_private_file(&path).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        // Who runs everything may write it all the same.
        if let Err(error) = make_private_file(&path) {
            let said = error.to_string();
            assert!(matches!(error, StoreError::NotWritable { .. }) && said.contains("chmod u+rw"), "{said}");
        }
    }
}
