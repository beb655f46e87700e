//! Rows a second from CSV text into the market store, beside a bare prepared insert of the same rows.

#![allow(clippy::unwrap_used)]

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::market::{Basis, DailyBar};
use qlib_pro::domain::{CleanText, Exchange, UnixNanos};
use qlib_pro::market::import::{BarFile, BarRun, Source};
use qlib_pro::store::{self, MarketStore};
use rusqlite::{Connection, params};

/// Names in the file.
const NAMES: usize = 100;
/// Sessions of each.
const SESSIONS: usize = 500;

fn main() {
    divan::main();
}

fn text() -> String {
    let calendars = Calendars::bundled().unwrap();
    let calendar = calendars.of(Exchange::Xnys);
    let days = "2015-01-02".parse::<chrono::NaiveDate>().unwrap().iter_days();
    let days: Vec<_> = days.filter(|d| calendar.session_on(*d).is_some()).take(SESSIONS).collect();
    let mut text = String::from("date,symbol,open,high,low,close,volume\n");
    for (row, day) in days.iter().enumerate() {
        for name in 0..NAMES {
            let cents = 5_000 + name * 10 + row * 7 % 90;
            let price = |more: usize| format!("{}.{:02}", (cents + more) / 100, (cents + more) % 100);
            let (open, high, low, close) = (price(5), price(20), price(0), price(10));
            text.push_str(&format!("{day},N{name:03},{open},{high},{low},{close},{}\n", 1_000_000 + row));
        }
    }
    text
}

fn pages(text: &str) -> Vec<Vec<DailyBar>> {
    let source = Source::from_reader("bars.csv", std::io::Cursor::new(text.to_owned()));
    let mut run = BarRun::new(Calendars::bundled().unwrap().of(Exchange::Xnys).clone());
    let pages = run.pages(BarFile::open(source).unwrap());
    pages.map(|page| page.unwrap().rows.iter().map(|row| row.value).collect()).collect()
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn parse_and_check(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.counter(ItemsCount::new(NAMES * SESSIONS)).bench(|| pages(&text));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn parse_check_and_store(bencher: Bencher<'_, '_>) {
    let text = text();
    let new_home = || {
        let folder = tempfile::tempdir().unwrap();
        let store = MarketStore::open(folder.path()).unwrap();
        (folder, store)
    };
    bencher.counter(ItemsCount::new(NAMES * SESSIONS)).with_inputs(new_home).bench_values(
        |(folder, mut store)| {
            let mut run = store::market::BarRun::new(CleanText::new("file"), Basis::Raw, UnixNanos::ZERO);
            let stored: u64 =
                pages(&text).iter().map(|page| store.store_bars(&mut run, page).unwrap().stored).sum();
            assert_eq!(stored, (NAMES * SESSIONS) as u64);
            (folder, store)
        },
    );
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn bare_insert_of_parsed_rows(bencher: Bencher<'_, '_>) {
    let rows: Vec<DailyBar> = pages(&text()).concat();
    let new_file = || {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open(folder.path().join("bare.db")).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; \
             CREATE TABLE bars (symbol TEXT, session TEXT, open INTEGER, high INTEGER, low INTEGER, \
             close INTEGER, volume INTEGER, PRIMARY KEY (symbol, session)) STRICT, WITHOUT ROWID;",
        )
        .unwrap();
        (folder, db)
    };
    bencher.counter(ItemsCount::new(NAMES * SESSIONS)).with_inputs(new_file).bench_values(
        |(folder, mut db)| {
            let tx = db.transaction().unwrap();
            let mut insert = tx.prepare("INSERT INTO bars VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)").unwrap();
            for bar in &rows {
                let (symbol, session) = (bar.instrument.symbol.to_string(), bar.session.to_string());
                let prices = (bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw());
                let (open, high, low, close) = prices;
                insert.execute(params![symbol, session, open, high, low, close, bar.volume.raw()]).unwrap();
            }
            drop(insert);
            tx.commit().unwrap();
            (folder, db)
        },
    );
}
