//! Rows a second from CSV text and from vendors' answers into the market store, beside a bare prepared insert of the
//! same rows in the same order. Ours and bare take turns, round by round; processor time is given beside time on the
//! wall, which other programs on the machine stretch. Figures are printed, never judged.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "flow/clock.rs"]
mod clock;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clock::{cpu, median};
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
/// Rows of a page of an import.
const PAGE: usize = 4_096;
/// Rows of a round.
const ROWS: usize = NAMES * SESSIONS;
/// Times that all take their turns.
const ROUNDS: usize = 15;

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
    pages.map(|page| page.unwrap().rows.iter().map(|row| row.value.bar).collect()).collect()
}

/// Pages of files, stored as an import does.
fn store(store: &mut MarketStore, pages: &[Vec<DailyBar>]) {
    let mut run = store::market::BarRun::new(CleanText::new("file"), Basis::Raw, UnixNanos::ZERO);
    let stored: u64 = pages.iter().map(|page| store.store_bars(&mut run, page).unwrap().stored).sum();
    assert_eq!(stored, ROWS as u64);
}

/// A file of rows by date, as an import takes it: read, sorted by series, each judged, pages of whole series stored.
fn import(store: &mut MarketStore, calendars: &Calendars, text: &str) {
    let mut rows = pages(text).concat();
    rows.sort_by_key(|bar| (bar.instrument, bar.session));
    let mut run = store::market::BarRun::new(CleanText::new("file"), Basis::Raw, UnixNanos::ZERO);
    let (mut page, mut stored) = (Vec::with_capacity(PAGE), 0);
    for bars in rows.chunk_by(|a, b| a.instrument == b.instrument) {
        let suspect = Suspect::new(bars, Basis::Raw, &[]);
        page.extend(sift(&[], &suspect, calendars.of(Exchange::Xnys)).bars);
        if page.len() >= PAGE {
            stored += store.store_bars(&mut run, &page).unwrap().stored;
            page.clear();
        }
    }
    stored += store.store_bars(&mut run, &page).unwrap().stored;
    assert_eq!(stored, ROWS as u64);
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

/// What may be stored of what was read.
fn sifted(calendars: &Calendars, series: &Series) -> Vec<DailyBar> {
    let suspect = Suspect::new(&series.bars, series.basis, &series.actions);
    sift(&[], &suspect, calendars.of(Exchange::Xnys)).bars
}

/// Stores an answer in one transaction, with the record of what it answers for.
fn write(store: &mut MarketStore, instrument: InstrumentId, basis: Basis, bars: Vec<DailyBar>) -> u64 {
    let (from, to) = (bars[0].session, bars[bars.len() - 1].session);
    let (source, at) = (CleanText::new("polygon"), UnixNanos::ZERO);
    let covered = store::market::Covered { instrument, source, kind: DataKind::Daily, from, to, at };
    let page = store::market::Fetched { bars, covered: vec![covered], ..Default::default() };
    let mut run = store::market::BarRun::new(CleanText::new("polygon"), basis, UnixNanos::ZERO);
    store.store_fetched(&mut run, &page, UnixNanos::ZERO).unwrap().stored
}

/// Bare SQLite, in one transaction.
fn bare(db: &mut Connection, rows: &[DailyBar]) {
    let tx = db.transaction().unwrap();
    let mut insert = tx.prepare("INSERT INTO bars VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)").unwrap();
    for bar in rows {
        let (symbol, session) = (bar.instrument.symbol.to_string(), bar.session.to_string());
        let (open, high, low, close) = (bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw());
        insert.execute(params![symbol, session, open, high, low, close, bar.volume.raw()]).unwrap();
    }
    drop(insert);
    tx.commit().unwrap();
}

fn bare_file() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(folder.path().join("bare.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; \
         CREATE TABLE bars (symbol TEXT, session TEXT, open INTEGER, high INTEGER, low INTEGER, \
         close INTEGER, volume INTEGER, PRIMARY KEY (symbol, session)) STRICT, WITHOUT ROWID;",
    )
    .unwrap();
    (folder, db)
}

fn new_store() -> (tempfile::TempDir, MarketStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = MarketStore::open(folder.path()).unwrap();
    (folder, store)
}

/// What one turn took, on the wall and of the processor.
#[derive(Default)]
struct Took(Vec<(f64, f64)>);

impl Took {
    fn time(&mut self, work: impl FnOnce()) {
        let (began, before) = (Instant::now(), cpu());
        work();
        let used = cpu().zip(before).map_or(Duration::ZERO, |(now, before)| now - before);
        self.0.push((began.elapsed().as_secs_f64(), used.as_secs_f64()));
    }

    /// The median on the wall; the mean of the processor, whose time is counted coarsely.
    fn middle(&self) -> (f64, f64) {
        let used: f64 = self.0.iter().map(|t| t.1).sum();
        (median(self.0.iter().map(|t| t.0).collect()), used / self.0.len() as f64)
    }
}

fn say(what: &str, ours: &Took, bare: &Took) {
    let ((wall, cpu), (bare_wall, bare_cpu)) = (ours.middle(), bare.middle());
    let rate = |seconds: f64| ROWS as f64 / seconds;
    println!(
        "{what}: {:.0} rows/s on the wall, {:.0} of the processor; bare / it: {:.2} and {:.2}",
        rate(wall),
        rate(cpu),
        bare_wall / wall,
        bare_cpu / cpu
    );
}

fn main() {
    let calendars = Calendars::bundled().unwrap();
    let vendor = registry::vendor(VendorId::Polygon, &calendars);
    let text = text();
    let by_date = pages(&text);
    let mut by_symbol: Vec<DailyBar> = by_date.concat();
    by_symbol.sort_by_key(|bar| (bar.instrument, bar.session));
    let of_names: Vec<Vec<DailyBar>> = by_symbol.chunks(PAGE).map(<[DailyBar]>::to_vec).collect();
    let answers = answers();
    let name = |ask: &Ask| match ask {
        Ask::Daily { instrument, .. } => *instrument,
        other => panic!("{other:?}"),
    };
    let series: Vec<(InstrumentId, Series)> =
        answers.iter().map(|(ask, body)| (name(ask), read(vendor.as_ref(), ask, body))).collect();
    let [mut parsed, mut whole, mut stored, mut asked]: [Took; 4] = Default::default();
    let [mut judged, mut written, mut both]: [Took; 3] = Default::default();
    let [mut bare_symbol, mut bare_names, mut bare_date]: [Took; 3] = Default::default();
    for _ in 0..ROUNDS {
        let (_bare, mut db) = bare_file();
        bare_symbol.time(|| bare(&mut db, &by_symbol));
        let (_home, mut market) = new_store();
        both.time(|| {
            for (id, one) in &series {
                write(&mut market, *id, one.basis, sifted(&calendars, one));
            }
        });
        let (_bare, mut db) = bare_file();
        bare_names.time(|| by_symbol.chunks(SESSIONS).for_each(|rows| bare(&mut db, rows)));
        let (_home, mut market) = new_store();
        written.time(|| {
            let one =
                |(id, one): &(InstrumentId, Series)| write(&mut market, *id, one.basis, one.bars.clone());
            assert_eq!(series.iter().map(one).sum::<u64>(), ROWS as u64);
        });
        judged
            .time(|| series.iter().for_each(|(_, one)| assert_eq!(sifted(&calendars, one).len(), SESSIONS)));
        let (_home, mut market) = new_store();
        stored.time(|| store(&mut market, &of_names));
        let (_bare, mut db) = bare_file();
        bare_date.time(|| bare(&mut db, &by_date.concat()));
        let (_home, mut market) = new_store();
        whole.time(|| import(&mut market, &calendars, &text));
        parsed.time(|| drop(pages(&text)));
        asked.time(|| answers.iter().for_each(|(ask, body)| drop(read(vendor.as_ref(), ask, body))));
    }
    println!("{ROWS} rows of {NAMES} names, {ROUNDS} rounds; medians on the wall, means of the processor");
    say("bare, by symbol", &bare_symbol, &bare_symbol);
    say("bare, by symbol, a transaction a name", &bare_names, &bare_symbol);
    say("answers: stored, a transaction a name, beside the same bare", &written, &bare_names);
    say("answers: sifted and stored, beside the same bare", &both, &bare_names);
    say("answers: sifted", &judged, &bare_names);
    say("files by symbol: stored, pages of an import", &stored, &bare_symbol);
    say("bare, by date", &bare_date, &bare_date);
    say("files by date: parsed, checked, judged and stored", &whole, &bare_date);
    say("files by date: parsed and checked", &parsed, &bare_date);
    say("answers: read", &asked, &bare_names);
}
