//! Append-only migrations on `PRAGMA user_version`.
//!
//! Each store has a list of SQL texts; text `n` brings the file from version `n-1` to `n` in one transaction. Its
//! SHA-256 is kept in `schema_migrations` and compared at every open, so that an edited migration or a file of
//! another program is noticed. A file with a higher version than the list is refused, never touched.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::error::StoreError;

/// The migrations of one store, from version 1.
pub(super) type Migrations = &'static [&'static str];

const RECORD: &str =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT";

fn digest(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn version(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The version that a list leads to.
pub(super) fn newest(migrations: Migrations) -> u32 {
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

/// Brings a store up to date.
pub(super) fn apply(conn: &mut Connection, path: &Path, migrations: Migrations) -> Result<(), StoreError> {
    let sql = |doing| StoreError::sql(path, doing);
    let found = version(conn).map_err(sql("read its version"))?;
    refuse_newer(found, path, migrations)?;
    if found < newest(migrations) {
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sql("begin a migration"))?;
        // Another process may have migrated while this one waited for the lock.
        let found = version(&tx).map_err(sql("read its version"))?;
        refuse_newer(found, path, migrations)?;
        tx.execute_batch(RECORD).map_err(sql("record migrations"))?;
        for (number, text) in (1_u32..).zip(migrations.iter()).skip(found as usize) {
            tx.execute_batch(text).map_err(sql("migrate it"))?;
            tx.execute("INSERT INTO schema_migrations VALUES (?1, ?2)", (number, digest(text)))
                .map_err(sql("record a migration"))?;
            tx.pragma_update(None, "user_version", number).map_err(sql("record its version"))?;
        }
        tx.commit().map_err(sql("finish a migration"))?;
    }
    compare(conn, path, migrations)
}

/// Checks a store without changing it.
pub(super) fn check(conn: &Connection, path: &Path, migrations: Migrations) -> Result<(), StoreError> {
    let found = version(conn).map_err(StoreError::sql(path, "read its version"))?;
    refuse_newer(found, path, migrations)?;
    let known = newest(migrations);
    if found < known {
        return Err(StoreError::Older { path: path.to_path_buf(), found, known });
    }
    compare(conn, path, migrations)
}

fn refuse_newer(found: u32, path: &Path, migrations: Migrations) -> Result<(), StoreError> {
    let known = newest(migrations);
    if found > known {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known });
    }
    Ok(())
}

fn compare(conn: &Connection, path: &Path, migrations: Migrations) -> Result<(), StoreError> {
    let recorded: Vec<String> = conn
        .prepare("SELECT sha256 FROM schema_migrations ORDER BY version")
        .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect())
        .map_err(StoreError::sql(path, "read its migrations"))?;
    let mut recorded = recorded.into_iter();
    for (number, text) in (1_u32..).zip(migrations) {
        if recorded.next() != Some(digest(text)) {
            return Err(StoreError::MigrationChanged { path: path.to_path_buf(), version: number });
        }
    }
    Ok(())
}
