//! The anchor beside the trades store: what was acknowledged is missed, what was not is not.

use std::fs;
use std::path::Path;

use super::super::trades::{ANCHOR_FILE, accept};
use super::super::{MarketStore, UsersStore};
use super::super::{StoreError, TRADES_FILE, TradesReader, TradesStore, backup, restore};
use super::journal::{another, opening};
use super::{act, at, owner, who};
use crate::domain::journal::ChainHash;

/// What a home without a write that came later would be: the store as it was, the anchor as it is.
fn without_its_end(write: impl FnOnce(&mut TradesStore)) -> Result<TradesStore, StoreError> {
    let home = tempfile::tempdir().unwrap();
    owner(home.path()).append(&opening()).unwrap();
    let (store, earlier) = (home.path().join(TRADES_FILE), home.path().join("earlier"));
    fs::copy(&store, &earlier).unwrap();
    write(&mut owner(home.path()));
    fs::rename(&earlier, &store).unwrap();
    let read = TradesReader::open(home.path()).unwrap().verify().unwrap();
    let opened = TradesStore::open_owner(home.path(), &who());
    assert_eq!(read.is_sound(), opened.is_ok(), "{:?}", read.findings);
    opened
}

#[test]
fn a_store_that_stops_short_of_what_was_acknowledged_is_refused() {
    let events = without_its_end(|store| assert_ne!(store.append(&another(2)).unwrap(), ChainHash::START));
    assert!(matches!(events, Err(StoreError::CutShort { ends: 1, known: 2, .. })), "{events:?}");
    let acts = without_its_end(|store| store.copy_access(&[act(1), act(2)]).unwrap());
    assert!(matches!(acts, Err(StoreError::ActsCutShort { ends: 0, known: 2, .. })), "{acts:?}");
    let moved = without_its_end(|store| store.delivered("notices", 1, at(9)).unwrap());
    let said = moved.unwrap_err().to_string();
    assert!(said.contains("`restore` a backup"), "{said}");
    without_its_end(|_| ()).unwrap();
}

#[test]
fn an_anchor_that_lags_only_knows_less() {
    let home = tempfile::tempdir().unwrap();
    let anchor = home.path().join(ANCHOR_FILE);
    owner(home.path()).append(&opening()).unwrap();
    let earlier = fs::read(&anchor).unwrap();
    let mut store = owner(home.path());
    store.append(&another(2)).unwrap();
    store.copy_access(&[act(1)]).unwrap();
    store.delivered("notices", 2, at(9)).unwrap();
    drop(store);
    assert_ne!(fs::read(&anchor).unwrap(), earlier);
    fs::write(&anchor, earlier).unwrap();
    let store = owner(home.path());
    assert!(store.read().verify().unwrap().is_sound());
    assert_eq!(store.chain_end().0, 2);
}

fn findings(home: &Path) -> Vec<String> {
    let report = TradesReader::open(home).unwrap().verify().unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_store_whose_anchor_is_lost_is_refused_until_it_is_accepted() {
    let home = tempfile::tempdir().unwrap();
    let anchor = home.path().join(ANCHOR_FILE);
    drop(owner(home.path()));
    assert!(anchor.exists() && findings(home.path()).is_empty(), "a new store has one");
    owner(home.path()).append(&opening()).unwrap();
    let good = fs::read(&anchor).unwrap();
    let mut flipped = good.clone();
    flipped[3] ^= 1;
    assert!(!accept(home.path(), &who()).unwrap(), "there is nothing to accept");
    for (number, damaged) in [None, Some(&good[..9]), Some(&flipped), Some(b"")].into_iter().enumerate() {
        match damaged {
            Some(bytes) => fs::write(&anchor, bytes).unwrap(),
            None => fs::remove_file(&anchor).unwrap(),
        }
        let found = findings(home.path());
        assert!(found.len() == 1 && found[0].contains("is missing or damaged"), "{found:?}");
        let refused = TradesStore::open_owner(home.path(), &who()).unwrap_err();
        let said = refused.to_string();
        assert!(
            matches!(refused, StoreError::AnchorLost { .. }) && said.contains("'audit accept'"),
            "{said}"
        );
        assert!(accept(home.path(), &who()).unwrap());
        assert_eq!(findings(home.path()), Vec::<String>::new());
        owner(home.path()).append(&another(2 + number as u64)).unwrap();
    }
}

#[test]
fn a_store_that_was_cut_short_is_not_accepted() {
    let home = tempfile::tempdir().unwrap();
    owner(home.path()).append(&opening()).unwrap();
    let (store, earlier) = (home.path().join(TRADES_FILE), home.path().join("earlier"));
    fs::copy(&store, &earlier).unwrap();
    fs::remove_file(home.path().join(ANCHOR_FILE)).unwrap();
    let unanchored = rusqlite::Connection::open(&store).unwrap();
    unanchored.pragma_update(None, "application_id", 0).unwrap();
    drop(unanchored);
    // An anchor that can be read and was made anew, which an act does not change.
    owner(home.path()).copy_access(&[act(1)]).unwrap();
    let whole = fs::read(&store).unwrap();
    fs::copy(&earlier, &store).unwrap();
    let refused = accept(home.path(), &who()).unwrap_err();
    assert!(matches!(refused, StoreError::ActsCutShort { ends: 0, known: 1, .. }), "{refused}");
    assert!(
        matches!(accept(home.path(), &who()), Err(StoreError::ActsCutShort { .. })),
        "and not the second time"
    );
    fs::write(&store, whole).unwrap();
    assert!(accept(home.path(), &who()).unwrap());
}

#[test]
fn what_cannot_be_read_for_what_it_holds_is_damage() {
    let home = tempfile::tempdir().unwrap();
    owner(home.path()).append(&opening()).unwrap();
    let store = home.path().join(TRADES_FILE);
    let good = fs::read(&store).unwrap();
    let with = |from: usize, to: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[from..to].fill(byte);
        bytes
    };
    let page = 4_096;
    let damaged: [(&str, Vec<u8>); 7] = [
        ("header", with(0, 16, b'x')),
        ("short", good[..100].to_vec()),
        ("half", good[..good.len() / page / 2 * page].to_vec()),
        ("garbage behind the header", with(100, page, 0xa5)),
        ("zeros behind the header", with(100, page, 0)),
        ("garbage", with(0, page, 0xa5)),
        ("ruin", with(page, good.len(), 0xff)),
    ];
    for (how, bytes) in damaged {
        fs::write(&store, bytes).unwrap();
        let read = TradesReader::open(home.path()).and_then(|trades| trades.verify());
        match read {
            Ok(report) => assert!(!report.is_sound(), "{how}"),
            Err(error) => assert!(error.is_damage(), "{how}: {error}"),
        }
    }
    fs::write(&store, &good).unwrap();
    let raw = rusqlite::Connection::open(&store).unwrap();
    raw.execute_batch("ALTER TABLE outbox RENAME TO gone").unwrap();
    assert!(TradesReader::open(home.path()).unwrap().check_anchor().unwrap_err().is_damage());
    raw.execute_batch("ALTER TABLE gone RENAME TO outbox").unwrap();
    assert!(TradesReader::open(home.path()).unwrap().verify().unwrap().is_sound());
    let held = owner(home.path());
    assert!(!TradesStore::open_owner(home.path(), &who()).unwrap_err().is_damage());
    drop(held);
    fs::remove_file(&store).unwrap();
    assert!(!TradesReader::open(home.path()).unwrap_err().is_damage());
}

#[test]
fn a_store_of_a_time_without_anchors_opens_and_says_so_until_it_grows() {
    let home = tempfile::tempdir().unwrap();
    owner(home.path()).append(&opening()).unwrap();
    fs::remove_file(home.path().join(ANCHOR_FILE)).unwrap();
    let store = rusqlite::Connection::open(home.path().join(TRADES_FILE)).unwrap();
    store.pragma_update(None, "application_id", 0).unwrap();
    drop(store);
    let mut store = owner(home.path());
    store.copy_access(&[act(1)]).unwrap();
    let found = findings(home.path());
    assert!(found.len() == 1 && found[0].contains("was missing or damaged"), "{found:?}");
    store.append(&another(2)).unwrap();
    assert_eq!(findings(home.path()), Vec::<String>::new());
}

#[test]
fn a_restored_home_has_the_anchor_of_what_was_restored() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    UsersStore::open(home.path()).unwrap();
    MarketStore::open(home.path()).unwrap();
    let mut store = owner(home.path());
    store.append(&opening()).unwrap();
    store.copy_access(&[act(1)]).unwrap();
    let file = other.path().join("b.qlibpro");
    backup(home.path(), &[], &file).unwrap();
    // What comes after the backup is gone by intent, and not a finding.
    store.append(&another(2)).unwrap();
    drop(store);
    restore(&file, home.path(), &[], true, &who(), &act(2)).unwrap();
    assert_eq!(findings(home.path()), Vec::<String>::new());
    assert!(home.path().join(format!("{ANCHOR_FILE}.before-restore")).exists());
    assert_eq!(owner(home.path()).chain_end().0, 1);
}
