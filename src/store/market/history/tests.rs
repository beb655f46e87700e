//! What the cache promises: the same prices as the store, never others, whatever happens to the file.

use std::path::Path;

use proptest::prelude::*;

use super::super::{BarRun, MarketStore};
use super::*;
use crate::domain::market::DailyBar;
use crate::domain::{Price, UnixNanos, Volume};

const EXCHANGE: Exchange = Exchange::Xnys;

fn bar(symbol: &str, day: i64, close: i64, vwap: Option<i64>) -> DailyBar {
    let first: NaiveDate = "2024-01-01".parse().unwrap();
    let price = |n: i64| Price::from_raw(n * 10_000_001);
    DailyBar {
        instrument: format!("{symbol}.XNYS").parse().unwrap(),
        session: first + chrono::TimeDelta::days(day),
        open: price(close + 1),
        high: price(close + 3),
        low: price(close - 1),
        close: price(close),
        volume: Volume::from_raw(close * 7),
        vwap: vwap.map(price),
    }
}

fn put(home: &Path, source: &str, bars: &[DailyBar]) {
    let mut store = MarketStore::open(home).unwrap();
    let mut run = BarRun::new(CleanText::new(source), Basis::Raw, UnixNanos::ZERO);
    store.store_bars(&mut run, bars).unwrap();
}

/// Three names with gaps, one of them with vwap and a second source that is newer.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let a: Vec<DailyBar> = (0..200).filter(|d| d % 7 != 3).map(|d| bar("A", d, 100 + d, None)).collect();
    let b: Vec<DailyBar> = (64..150).map(|d| bar("B", d, 300 - d, (d % 5 != 0).then_some(d + 1))).collect();
    put(home.path(), "file", &[a, b, vec![bar("C", 10, 5, None)]].concat());
    put(home.path(), "other", &(100..160).map(|d| bar("B", d, 900 + d, Some(7))).collect::<Vec<_>>());
    home
}

/// Everything a history says, in words.
fn content(history: &PriceHistory) -> Result<Vec<String>, StoreError> {
    let mut reader = history.reader();
    let mut lists = PriceLists::default();
    let mut said = vec![format!("{:?}", history.sessions())];
    for (at, series) in history.series().iter().enumerate() {
        reader.read(at, &(0..history.sessions().len()), &mut lists)?;
        let PriceLists { sessions, open, high, low, close, volume, vwap, .. } = &lists;
        let values = format!("{sessions:?} {open:?} {high:?} {low:?} {close:?} {volume:?} {vwap:?}");
        said.push(format!("{} {} {:?} {values}", series.instrument, series.source, series.basis));
    }
    Ok(said)
}

fn load(home: &Path) -> PriceHistory {
    PriceHistory::load_with(home, EXCHANGE, 0).unwrap()
}

/// What the store itself says.
fn truth(home: &Path) -> Vec<String> {
    let fresh = scan::scan(home, EXCHANGE, None).unwrap();
    content(&fresh).unwrap()
}

fn read_from_store(history: &PriceHistory) -> usize {
    match history.origin() {
        Origin::Cache => 0,
        Origin::Store { bars, .. } => *bars,
    }
}

#[test]
fn the_cache_gives_the_same_prices_as_the_store_and_no_row_is_read_again() {
    let home = home();
    let first = load(home.path());
    assert_eq!(read_from_store(&first), 171 + 60 + 1);
    let again = load(home.path());
    assert_eq!(again.origin(), &Origin::Cache);
    assert_eq!(content(&first).unwrap(), content(&again).unwrap());
    assert_eq!(content(&again).unwrap(), truth(home.path()));
    let b = &again.series()[1];
    assert_eq!((b.source.as_str(), b.bars()), ("other", 60));
    assert!(content(&again).unwrap()[2].contains("Some("));
}

#[test]
fn a_part_of_the_sessions_starts_counting_at_its_own_first() {
    let home = home();
    let history = load(home.path());
    let mut lists = PriceLists::default();
    history.reader().read(2, &(5..50), &mut lists).unwrap();
    let place = history.sessions().iter().position(|d| d.to_string() == "2024-01-11").unwrap();
    assert_eq!(lists.sessions, [place - 5]);
    assert_eq!(lists.close, [bar("C", 10, 5, None).close]);
    history.reader().read(0, &(100..102), &mut lists).unwrap();
    assert_eq!(lists.close.len(), lists.sessions.len());
    let c = &history.series()[2];
    assert_eq!((c.last_at_or_before(place - 1), c.last_at_or_before(place)), (None, Some(place)));
    assert_eq!(c.last_at_or_before(10_000), Some(place));
}

#[test]
fn newer_rows_alone_are_read_and_a_rewritten_series_is_read_whole() {
    let home = home();
    load(home.path());
    put(home.path(), "file", &[bar("A", 200, 1, None), bar("A", 201, 2, None), bar("D", 5, 3, None)]);
    let grown = load(home.path());
    assert_eq!(read_from_store(&grown), 3);
    assert_eq!(content(&grown).unwrap(), truth(home.path()));
    assert_eq!(load(home.path()).origin(), &Origin::Cache);
    put(home.path(), "file", &[bar("A", 50, 77, None)]);
    let revised = load(home.path());
    assert_eq!(read_from_store(&revised), 173);
    assert_eq!(content(&revised).unwrap(), truth(home.path()));
    put(home.path(), "file", &[bar("C", 3, 77, None)]);
    assert_eq!(read_from_store(&load(home.path())), 2, "an earlier row is no continuation");
    // A source that becomes the preferred one.
    put(home.path(), "file", &[bar("B", 170, 8, None)]);
    let switched = load(home.path());
    assert_eq!(read_from_store(&switched), 87);
    assert_eq!(content(&switched).unwrap(), truth(home.path()));
}

#[test]
fn what_a_killed_process_left_half_written_is_swept_away() {
    let home = home();
    let left = home.path().join(".prices-xnys.cache-a1b2c3");
    let other = home.path().join(".prices-xasx.cache-a1b2c3");
    std::fs::write(&left, b"half").unwrap();
    std::fs::write(&other, b"half").unwrap();
    load(home.path());
    assert!(!left.exists() && other.exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_the_cache_is_never_waited_for() {
    let home = home();
    let path = cache_path(home.path(), EXCHANGE);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let history = load(home.path());
    let said =
        matches!(history.origin(), Origin::Store { damaged: Some(why), .. } if why.contains("regular"));
    assert!(said, "{:?}", history.origin());
    assert_eq!(content(&history).unwrap(), truth(home.path()));
    assert_eq!(load(home.path()).origin(), &Origin::Cache, "a new file is in its place");
}

#[test]
fn rows_that_change_nothing_keep_the_cache() {
    let home = home();
    load(home.path());
    put(home.path(), "file", &[bar("C", 10, 5, None)]);
    assert_eq!(load(home.path()).origin(), &Origin::Cache);
}

#[test]
fn a_restored_store_with_another_history_of_equal_length_is_not_mistaken() {
    let home = home();
    let file = home.path().join(super::super::super::MARKET_FILE);
    let saved = home.path().join("saved.db");
    rusqlite::Connection::open(&file).unwrap().execute("VACUUM INTO ?1", [saved.to_str().unwrap()]).unwrap();
    put(home.path(), "file", &[bar("A", 50, 77, None)]);
    load(home.path());
    for name in ["market.db", "market.db-wal", "market.db-shm"] {
        let _gone = std::fs::remove_file(home.path().join(name));
    }
    std::fs::rename(&saved, &file).unwrap();
    put(home.path(), "file", &[bar("A", 50, 78, None)]);
    let now = load(home.path());
    assert_eq!(read_from_store(&now), 232);
    assert_eq!(content(&now).unwrap(), truth(home.path()));
}

#[test]
fn a_missing_short_or_foreign_file_is_replaced() {
    let home = home();
    load(home.path());
    let path = cache_path(home.path(), EXCHANGE);
    let whole = std::fs::read(&path).unwrap();
    let cases = [Vec::new(), b"QLPRICES".to_vec(), whole[..whole.len() - 1].to_vec(), vec![0xff; 5_000]];
    for case in cases {
        std::fs::write(&path, &case).unwrap();
        let history = load(home.path());
        let Origin::Store { damaged, unwritten, .. } = history.origin() else { panic!("{:?}", case.len()) };
        assert!(damaged.is_some() && unwritten.is_none(), "{damaged:?}");
        assert_eq!(std::fs::read(&path).unwrap(), whole, "made anew, the same");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(content(&load(home.path())).unwrap(), truth(home.path()));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let history = load(home.path());
    assert!(matches!(history.origin(), Origin::Store { unwritten: Some(_), .. }), "{:?}", history.origin());
    assert_eq!(content(&history).unwrap(), truth(home.path()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_changed_byte_is_noticed_and_repaired(at in 0_usize..20_000, flip in 1_u8..=255) {
        let home = home();
        load(home.path());
        let path = cache_path(home.path(), EXCHANGE);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        std::fs::write(&path, &bytes).unwrap();
        let history = load(home.path());
        let said = match content(&history) {
            Ok(said) => said,
            Err(StoreError::DamagedCache { .. }) => {
                let again = PriceHistory::reload(home.path(), EXCHANGE).unwrap();
                content(&again).unwrap()
            }
            Err(other) => panic!("{other}"),
        };
        prop_assert_eq!(said, truth(home.path()));
    }
}
