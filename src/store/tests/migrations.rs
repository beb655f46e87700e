//! Opening: fresh, again, tampered with, too new; permissions and versions.

use rusqlite::Connection;

use super::super::{MARKET_FILE, MarketReader, MarketStore, StoreError, USERS_FILE, UsersReader, UsersStore};

#[test]
fn the_bundled_sqlite_is_clear_of_the_wal_reset_race() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn a_fresh_store_opens_again_and_again() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        MarketStore::open(home.path()).unwrap();
        UsersStore::open(home.path()).unwrap();
    }
    MarketReader::open(home.path()).unwrap();
}

#[test]
fn a_reader_of_nothing_says_that_there_is_no_store() {
    let home = tempfile::tempdir().unwrap();
    let error = UsersReader::open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(!home.path().join(USERS_FILE).exists());
}

#[test]
fn an_edited_migration_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    drop(UsersStore::open(home.path()).unwrap());
    let raw = Connection::open(home.path().join(USERS_FILE)).unwrap();
    raw.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE version = 1", []).unwrap();
    assert!(matches!(UsersStore::open(home.path()), Err(StoreError::MigrationChanged { version: 1, .. })));
    assert!(matches!(UsersReader::open(home.path()), Err(StoreError::MigrationChanged { version: 1, .. })));
}

#[test]
fn a_store_of_a_newer_program_is_refused_untouched() {
    let home = tempfile::tempdir().unwrap();
    drop(MarketStore::open(home.path()).unwrap());
    let raw = Connection::open(home.path().join(MARKET_FILE)).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    let error = MarketStore::open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    let version: u32 = raw.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_reader_of_an_older_store_asks_for_its_owner() {
    let home = tempfile::tempdir().unwrap();
    let raw = Connection::open(home.path().join(MARKET_FILE)).unwrap();
    raw.execute_batch("CREATE TABLE something (x INTEGER)").unwrap();
    assert!(matches!(MarketReader::open(home.path()), Err(StoreError::Older { found: 0, .. })));
}

#[cfg(unix)]
#[test]
fn the_home_and_its_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let home = parent.path().join("home");
    let store = UsersStore::open(&home).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    for entry in std::fs::read_dir(&home).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop(store);
}
