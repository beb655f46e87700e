//! Backup and restore of a home.

use std::fs;

use rusqlite::Connection;

use super::super::market::BarRun;
use super::super::{MarketReader, MarketStore, StoreError, TRADES_FILE, TradesReader, UsersStore};
use super::super::{backup, is_home, restore, unsound};
use super::journal::opening;
use super::{act, at, bar, date, id, owner, who};
use crate::domain::CleanText;
use crate::domain::market::Basis;

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    UsersStore::open(home.path()).unwrap();
    drop(owner(home.path()));
    let mut market = MarketStore::open(home.path()).unwrap();
    let mut run = BarRun::new(CleanText::new("file"), Basis::Raw, at(1));
    market.store_bars(&mut run, &[bar("A.XNYS", "2024-01-02", "7", 1)]).unwrap();
    home
}

/// Texts of a home.
const TEXTS: &[&str] = &["settings.toml", "factors.toml"];

fn has_bar(home: &std::path::Path) -> bool {
    let reader = MarketReader::open(home).unwrap();
    reader.bars(id("A.XNYS"), None, date("2024-01-01"), date("2024-02-01")).unwrap().is_some()
}

#[test]
fn a_backup_of_a_home_in_use_restores_into_an_empty_one() {
    let (home, other) = (home(), tempfile::tempdir().unwrap());
    let _owner = owner(home.path());
    let file = other.path().join("b.qlibpro");
    let saved = backup(home.path(), TEXTS, &file).unwrap();
    let target = other.path().join("new");
    assert_eq!(restore(&file, &target, TEXTS, false, &who(), &act(1)).unwrap(), saved);
    assert!(has_bar(&target));
    assert!(TradesReader::open(&target).unwrap().verify().unwrap().is_sound());
    let names: Vec<_> = fs::read_dir(other.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left beside the backup: {names:?}");
}

#[test]
fn settings_go_with_a_backup_and_an_older_backup_leaves_them() {
    let (home, other) = (home(), tempfile::tempdir().unwrap());
    let (with, without) = (other.path().join("with"), other.path().join("without"));
    backup(home.path(), TEXTS, &without).unwrap();
    let settings = home.path().join("settings.toml");
    fs::write(&settings, "ascii = true\n").unwrap();
    let saved = backup(home.path(), TEXTS, &with).unwrap();
    let names: Vec<&str> = saved.files.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["trades.db", "market.db", "users.db", "settings.toml"]);
    fs::write(&settings, "ascii = false\n").unwrap();
    restore(&without, home.path(), TEXTS, true, &who(), &act(1)).unwrap();
    assert_eq!(fs::read_to_string(&settings).unwrap(), "ascii = false\n");
    restore(&with, home.path(), TEXTS, true, &who(), &act(1)).unwrap();
    assert_eq!(fs::read_to_string(&settings).unwrap(), "ascii = true\n");
    let old = home.path().join("settings.toml.before-restore");
    assert_eq!(fs::read_to_string(old).unwrap(), "ascii = false\n");
    // A text that no restore would take is in no backup.
    fs::File::create(&settings).unwrap().set_len((16 << 20) + 1).unwrap();
    let error = backup(home.path(), TEXTS, &other.path().join("large")).unwrap_err().to_string();
    assert!(error.contains("larger than the 16 MiB"), "{error}");
    // A file that is none of a home's texts is never written.
    let error = restore(&with, &other.path().join("new"), &[], false, &who(), &act(1)).unwrap_err();
    assert!(matches!(error, StoreError::BadBackup { .. }), "{error}");
}

#[test]
fn a_restore_replaces_only_when_told_and_never_a_home_in_use() {
    let (full, other) = (home(), tempfile::tempdir().unwrap());
    let file = other.path().join("b.qlibpro");
    backup(full.path(), TEXTS, &file).unwrap();
    assert!(matches!(
        restore(&file, full.path(), TEXTS, false, &who(), &act(1)),
        Err(StoreError::NotEmpty { .. })
    ));
    let held = owner(full.path());
    assert!(matches!(
        restore(&file, full.path(), TEXTS, true, &who(), &act(1)),
        Err(StoreError::Held { .. })
    ));
    drop(held);
    restore(&file, full.path(), TEXTS, true, &who(), &act(1)).unwrap();
    let log = UsersStore::open(full.path()).unwrap().read().access_log(1).unwrap();
    assert!(log[0].detail.as_str().contains("replaced: event 0"), "{log:?}");
    assert!(has_bar(full.path()));
    assert!(full.path().join("market.db.before-restore").exists());
}

#[test]
fn a_backup_of_an_earlier_release_is_brought_up_to_date_and_verified_before_it_takes_a_place() {
    let (full, other) = (home(), tempfile::tempdir().unwrap());
    owner(full.path()).append(&opening()).unwrap();
    let trades = || Connection::open(full.path().join(TRADES_FILE)).unwrap();
    let earlier = "DROP TABLE standing; DROP TABLE journal_spans; DELETE FROM schema_migrations WHERE version > 4; \
         PRAGMA user_version = 4";
    trades().execute_batch(earlier).unwrap();
    let (good, bad) = (other.path().join("good"), other.path().join("bad"));
    backup(full.path(), TEXTS, &good).unwrap();
    trades().execute_batch("UPDATE portfolios SET cash = cash + 1").unwrap();
    backup(full.path(), TEXTS, &bad).unwrap();
    let target = other.path().join("new");
    let error = restore(&bad, &target, TEXTS, false, &who(), &act(1)).unwrap_err();
    assert!(matches!(error, StoreError::BadBackup { .. }), "{error}");
    assert!(!is_home(&target) && unsound(&target).is_none());
    restore(&good, &target, TEXTS, false, &who(), &act(1)).unwrap();
    assert!(TradesReader::open(&target).unwrap().verify().unwrap().is_sound());
    let said = unsound(&target).unwrap();
    assert!(said.as_str().contains("not verified yet"), "only a proof lifts the mark: {said}");
}

#[test]
fn a_backup_takes_the_place_of_no_file_of_a_home() {
    let full = home();
    for name in ["market.db", "settings.toml"] {
        let error = backup(full.path(), TEXTS, &full.path().join(name)).unwrap_err();
        assert!(matches!(error, StoreError::InsideHome { .. }), "{error}");
    }
    assert!(has_bar(full.path()));
}

#[test]
fn a_damaged_backup_changes_nothing() {
    let (full, other) = (home(), tempfile::tempdir().unwrap());
    let file = other.path().join("b.qlibpro");
    backup(full.path(), TEXTS, &file).unwrap();
    let good = fs::read(&file).unwrap();
    for cut in [good[..4].to_vec(), good[..good.len() / 2].to_vec(), b"something else".to_vec()] {
        fs::write(&file, cut).unwrap();
        let target = other.path().join("new");
        let error = restore(&file, &target, TEXTS, false, &who(), &act(1)).unwrap_err();
        assert!(matches!(error, StoreError::BadBackup { .. }), "{error}");
        assert!(!super::super::is_home(&target));
    }
}
