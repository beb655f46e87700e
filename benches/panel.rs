//! A panel of 800 names and 3,400 sessions from a home: cold from SQLite, and warm from the cache of prices.

#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::market::{Basis, DailyBar};
use qlib_pro::domain::{CleanText, Exchange, Price, UnixNanos, Volume};
use qlib_pro::factor::panel::{BAR_FIELDS, Bars, Panel, PanelBuilder, PanelError};
use qlib_pro::store::MarketStore;
use qlib_pro::store::market::{BarRun, Origin, PriceHistory, PriceLists};

/// Names in the store.
const NAMES: usize = 800;
/// Sessions of each.
const SESSIONS: usize = 3_400;
/// Bars of all.
const BARS: usize = NAMES * SESSIONS;

fn main() {
    divan::main();
}

/// A home with the prices of a plain random walk, made once through the store's own door.
fn home() -> &'static tempfile::TempDir {
    static HOME: OnceLock<tempfile::TempDir> = OnceLock::new();
    HOME.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let calendars = Calendars::bundled().unwrap();
        let calendar = calendars.of(Exchange::Xnys);
        let days = "2010-01-04".parse::<chrono::NaiveDate>().unwrap().iter_days();
        let days: Vec<_> = days.filter(|d| calendar.session_on(*d).is_some()).take(SESSIONS).collect();
        let mut store = MarketStore::open(folder.path()).unwrap();
        let mut run = BarRun::new(CleanText::new("file"), Basis::Raw, UnixNanos::ZERO);
        let mut seed = 1_u64;
        for name in 0..NAMES {
            let instrument = format!("N{name:04}.XNYS").parse().unwrap();
            let mut cents = 5_000_i64;
            let bars = days.iter().map(|session| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let step = |shift: u32| i64::try_from(seed >> shift & 127).unwrap();
                cents = (cents + step(33) - 63).max(200);
                let price = |cents: i64| Price::from_raw(cents * 10_000_000);
                DailyBar {
                    instrument,
                    session: *session,
                    open: price(cents + step(40) - 63),
                    high: price(cents + 70),
                    low: price(cents - 70),
                    close: price(cents),
                    volume: Volume::from_whole(1_000_000 + step(47) * 1_000).unwrap(),
                    vwap: None,
                }
            });
            store.store_bars(&mut run, &bars.collect::<Vec<_>>()).unwrap();
        }
        folder
    })
}

/// What went wrong, in words.
#[derive(Debug)]
struct Fault(#[expect(dead_code, reason = "shown when the bench fails")] String);

impl From<PanelError> for Fault {
    fn from(error: PanelError) -> Self {
        Fault(error.to_string())
    }
}

fn panel(history: &PriceHistory) -> Panel {
    let ids: Vec<_> = history.series().iter().map(|s| s.instrument).collect();
    let all = 0..history.sessions().len();
    let builder = PanelBuilder::new(history.sessions().to_vec());
    let scratch = || (history.reader(), PriceLists::default());
    builder
        .build_from(&ids, &BAR_FIELDS, scratch, |(reader, lists), at, rows| {
            reader.read(at, &all, lists).map_err(|e| Fault(e.to_string()))?;
            let PriceLists { open, high, low, close, volume, vwap, .. } = &*lists;
            Ok::<_, Fault>(rows.bars(&lists.sessions, &Bars { open, high, low, close, volume, vwap }, &[])?)
        })
        .unwrap()
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn cold_from_sqlite(bencher: Bencher<'_, '_>) {
    let home = home().path();
    bencher.counter(ItemsCount::new(BARS)).bench(|| {
        let history = PriceHistory::load_with(home, Exchange::Xnys, usize::MAX).unwrap();
        assert_ne!(history.origin(), &Origin::Cache);
        panel(&history)
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn cold_from_sqlite_writing_the_cache(bencher: Bencher<'_, '_>) {
    let home = home().path();
    bencher
        .counter(ItemsCount::new(BARS))
        .bench(|| panel(&PriceHistory::reload(home, Exchange::Xnys).unwrap()));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn warm_from_the_cache(bencher: Bencher<'_, '_>) {
    let home = home().path();
    PriceHistory::load(home, Exchange::Xnys).unwrap();
    bencher.counter(ItemsCount::new(BARS)).bench(|| {
        let history = PriceHistory::load(home, Exchange::Xnys).unwrap();
        assert_eq!(history.origin(), &Origin::Cache);
        panel(&history)
    });
}
