//! Rows a second from CSV text and from vendors' answers into the market store, beside a bare prepared insert of the
//! same rows in the same order.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::market::{Basis, DailyBar};
use qlib_pro::domain::vendor::{DataKind, VendorId};
use qlib_pro::domain::{CleanText, Exchange, InstrumentId, UnixNanos};
use qlib_pro::market::import::{BarFile, BarRun, Source};
use qlib_pro::market::repair::Suspect;
use qlib_pro::market::validate::sift;
use qlib_pro::market::vendors::{Ask, Payload, Reply, Response, Series, Vendor, registry};
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

/// Answers of Polygon for each name, as they come over the wire.
fn answers() -> Vec<(Ask, Vec<u8>)> {
    let rows: Vec<DailyBar> = pages(&text()).concat();
    let calendars = Calendars::bundled().unwrap();
    let calendar = calendars.of(Exchange::Xnys);
    let mut by_name: BTreeMap<InstrumentId, Vec<String>> = BTreeMap::new();
    for bar in &rows {
        let midnight = calendar.at_local(bar.session, chrono::NaiveTime::MIN).unwrap().nanos() / 1_000_000;
        let (open, high, low, close, volume) = (bar.open, bar.high, bar.low, bar.close, bar.volume);
        by_name.entry(bar.instrument).or_default().push(format!(
            r#"{{"v":{volume}.0,"vw":{close},"o":{open},"c":{close},"h":{high},"l":{low},"t":{midnight},"n":1000}}"#
        ));
    }
    let (from, to) = (rows[0].session, rows[rows.len() - 1].session);
    let answer = |(instrument, rows): (InstrumentId, Vec<String>)| {
        let body = format!(r#"{{"adjusted":false,"status":"OK","results":[{}]}}"#, rows.join(","));
        (Ask::Daily { instrument, from, to }, body.into_bytes())
    };
    by_name.into_iter().map(answer).collect()
}

/// What an answer says, read like any other.
fn read(vendor: &dyn Vendor, ask: &Ask, body: &[u8]) -> Series {
    let now = UnixNanos::from_seconds(1_700_000_000);
    let call = vendor.call(ask, now).unwrap();
    let response = Response {
        status: 200,
        retry_after: None,
        remaining: None,
        content_type: "application/json",
        body,
        now,
    };
    match vendor.read(ask, &call, &response) {
        Reply::Data(page) => match page.payload {
            Payload::Series(series) => series,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn answers_read(bencher: Bencher<'_, '_>) {
    let answers = answers();
    let vendor = registry::vendor(VendorId::Polygon, &Calendars::bundled().unwrap());
    bencher.counter(ItemsCount::new(NAMES * SESSIONS)).bench(|| {
        answers.iter().map(|(ask, body)| read(vendor.as_ref(), ask, body).bars.len()).sum::<usize>()
    });
}

/// Writes what was read, one transaction an answer: sifted, with its record of what was answered for.
fn write(store: &mut MarketStore, calendars: &Calendars, instrument: InstrumentId, series: &Series) -> u64 {
    let suspect = Suspect::new(&series.bars, series.basis, &series.actions);
    let sifted = sift(&[], &suspect, calendars.of(Exchange::Xnys));
    let (from, to) = (series.bars[0].session, series.bars[series.bars.len() - 1].session);
    let (source, at) = (CleanText::new("polygon"), UnixNanos::ZERO);
    let covered = store::market::Covered { instrument, source, kind: DataKind::Daily, from, to, at };
    let page = store::market::Fetched { bars: sifted.bars, covered: vec![covered], ..Default::default() };
    let mut run = store::market::BarRun::new(CleanText::new("polygon"), series.basis, UnixNanos::ZERO);
    store.store_fetched(&mut run, &page, UnixNanos::ZERO).unwrap().stored
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn answers_written(bencher: Bencher<'_, '_>) {
    let calendars = Calendars::bundled().unwrap();
    let vendor = registry::vendor(VendorId::Polygon, &calendars);
    let new_home = || {
        let folder = tempfile::tempdir().unwrap();
        let store = MarketStore::open(folder.path()).unwrap();
        let read_answer = |(ask, body): (Ask, Vec<u8>)| match ask {
            Ask::Daily { instrument, .. } => (instrument, read(vendor.as_ref(), &ask, &body)),
            other => panic!("{other:?}"),
        };
        (folder, store, answers().into_iter().map(read_answer).collect::<Vec<_>>())
    };
    bencher.counter(ItemsCount::new(NAMES * SESSIONS)).with_inputs(new_home).bench_values(
        |(folder, mut store, answers)| {
            let stored: u64 =
                answers.iter().map(|(id, series)| write(&mut store, &calendars, *id, series)).sum();
            assert_eq!(stored, (NAMES * SESSIONS) as u64);
            (folder, store)
        },
    );
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn bare_insert_by_date(bencher: Bencher<'_, '_>) {
    bare_insert(bencher, &pages(&text()).concat());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn bare_insert_by_symbol(bencher: Bencher<'_, '_>) {
    let mut rows = pages(&text()).concat();
    rows.sort_by_key(|bar| (bar.instrument, bar.session));
    bare_insert(bencher, &rows);
}

fn bare_insert(bencher: Bencher<'_, '_>, rows: &[DailyBar]) {
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
            for bar in rows {
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
