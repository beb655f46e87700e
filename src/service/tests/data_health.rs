//! How the data is: what lags, what has gaps, who is told, and how often.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::*;
use crate::domain::market::{Basis, DailyBar, Delisting};
use crate::domain::vendor::{Circuit, DataKind, VendorId};
use crate::domain::{CleanText, Volume};
use crate::service::data_health::DataWatch;
use crate::service::engine::lock;
use crate::service::permit::ManageData;
use crate::service::sync::SyncWish;
use crate::service::view::{Awaited, DataHealth, VendorState};
use crate::store::market::{BarRun, SyncNote};

fn bars(instrument: &str, days: &[&str]) -> Vec<DailyBar> {
    let price: Price = "50".parse().unwrap();
    let bar = |day: &&str| DailyBar {
        instrument: instrument.parse().unwrap(),
        session: day.parse().unwrap(),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Volume::from_raw(1_000_000),
        vwap: None,
    };
    days.iter().map(bar).collect()
}

fn store(home: &Home, source: &str, bars: &[DailyBar]) {
    let mut run = BarRun::new(CleanText::new(source), Basis::Raw, home.clock.now());
    lock(home.house.market_store()).store_bars(&mut run, bars).unwrap();
}

fn watch(home: &Home, role: Role) -> DataWatch {
    DataWatch::new(&home.login(role), &Arc::new(ArcSwapOption::<DataHealth>::empty()), &Arc::default())
}

/// A home on 2026-05-28, a Thursday, after the close in New York.
fn home(folder: &Path) -> Home {
    let home = Home::open(folder);
    home.people(Exchange::Xnys);
    home
}

#[test]
fn what_a_vendor_has_not_given_yet_is_behind_and_files_never_are() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    let days = ["2026-05-18", "2026-05-19", "2026-05-21", "2026-05-22"];
    store(&home, "yahoo", &bars("AAPL.XNYS", &days));
    store(&home, "file", &bars("MSFT.XNYS", &days));
    let health = watch(&home, Role::Trader).look().unwrap();
    let row = |symbol: &str| health.sources.iter().find(|s| s.instrument.symbol.as_str() == symbol).unwrap();
    let (aapl, msft) = (row("AAPL"), row("MSFT"));
    // The 25th is Memorial Day: the 26th, 27th and perhaps the 28th are over.
    assert!((2..=3).contains(&aapl.behind), "{aapl:?}");
    assert_eq!((aapl.gaps, aapl.fetched, aapl.is_stale()), (1, true, true));
    assert_eq!((msft.behind, msft.fetched, msft.is_stale()), (aapl.behind, false, false));
    assert_eq!((health.stale, health.sources_total), (1, 2));
    assert_eq!(health.sources[0].instrument, aapl.instrument, "the worst comes first");
}

#[test]
fn headlines_that_a_vendor_did_not_give_are_told_with_the_prices_of_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    store(&home, "yahoo", &bars("AAPL.XNYS", &["2026-05-27", "2026-05-28"]));
    let note = |code: &str| SyncNote {
        instrument: "AAPL.XNYS".parse().unwrap(),
        source: "polygon".into(),
        kind: DataKind::News,
        at: home.clock.now(),
        code: code.into(),
        said: "too slow".into(),
        failures: 0,
    };
    let says = || watch(&home, Role::Trader).look().unwrap().sources[0].says.clone();
    lock(home.house.market_store()).store_sync_note(&note("TOO_SLOW")).unwrap();
    assert_eq!(says(), "news from polygon: too slow");
    lock(home.house.market_store()).store_sync_note(&note("")).unwrap();
    assert_eq!(says(), "");
}

#[test]
fn what_is_delisted_or_given_by_another_vendor_is_not_behind_and_nobody_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    store(&home, "yahoo", &bars("GONE.XNYS", &["2026-03-02", "2026-03-03"]));
    store(&home, "yahoo", &bars("AAPL.XNYS", &["2026-03-02", "2026-03-03"]));
    let newest = ["2026-05-26", "2026-05-27", "2026-05-28"];
    store(&home, "polygon", &bars("AAPL.XNYS", &newest));
    let gone = Delisting {
        instrument: "GONE.XNYS".parse().unwrap(),
        day: "2026-03-03".parse().unwrap(),
        reason: "taken over".into(),
    };
    lock(home.house.market_store()).store_delistings(&[gone]).unwrap();
    let health = watch(&home, Role::Trader).look().unwrap();
    let row = |symbol: &str, source: &str| {
        let mut rows = health.sources.iter();
        rows.find(|s| s.instrument.symbol.as_str() == symbol && s.source == source).unwrap()
    };
    assert_eq!((row("GONE", "yahoo").behind, row("GONE", "yahoo").is_stale()), (0, false));
    assert_eq!(row("AAPL", "yahoo").awaited, Awaited::Elsewhere);
    assert!(row("AAPL", "yahoo").behind > 50 && !row("AAPL", "yahoo").is_stale());
    assert_eq!((row("AAPL", "polygon").awaited, health.stale), (Awaited::Yes, 0));
    let users = lock(home.house.users());
    let told = users.read().notices(name(Role::Trader.demo_name()), 100).unwrap();
    assert!(told.iter().all(|notice| notice.title.as_str() != "Prices are behind"), "{told:?}");
}

#[test]
fn those_who_manage_data_are_told_once_of_each_set_that_is_behind() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    store(&home, "yahoo", &bars("AAPL.XNYS", &["2026-05-20"]));
    let mut first = watch(&home, Role::Trader);
    for _ in 0..3 {
        first.look().unwrap();
    }
    watch(&home, Role::Admin).look().unwrap();
    let told = |role: Role| {
        let users = lock(home.house.users());
        let all = users.read().notices(name(role.demo_name()), 100).unwrap();
        all.into_iter()
            .filter(|n| n.title.as_str() == "Prices are behind")
            .map(|n| n.text.to_string())
            .collect()
    };
    let trader: Vec<String> = told(Role::Trader);
    assert!(
        trader.len() == 1 && trader[0].contains("AAPL.XNYS") && trader[0].contains("2026-05-20"),
        "{trader:?}"
    );
    let (admin, customer): (Vec<String>, Vec<String>) = (told(Role::Admin), told(Role::Customer));
    assert_eq!((admin.len(), customer.len()), (1, 0));
    store(&home, "yahoo", &bars("IBM.XNYS", &["2026-05-20"]));
    // One that has just counted rests for as long as its count took.
    watch(&home, Role::Trader).look().unwrap();
    let again: Vec<String> = told(Role::Trader);
    assert_eq!(again.len(), 2, "another set is another notice");
}

#[test]
fn a_vendor_shows_its_key_its_budget_and_why_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    let admin = home.login(Role::Admin);
    let permit = admin.permit::<crate::service::permit::Administer>().unwrap();
    let key = access::Password::new("demo-key-of-polygon".to_string());
    home.house.set_key(&permit, crate::domain::key::KeySlot::AlphaVantage, &key).unwrap();
    let mut watch = watch(&home, Role::Trader);
    let find = |health: &DataHealth, id| health.vendors.iter().find(|v| v.vendor == id).cloned().unwrap();
    let before = watch.look().unwrap();
    assert_eq!(find(&before, VendorId::Polygon).state, VendorState::NoKey);
    let vendor = find(&before, VendorId::AlphaVantage);
    assert_eq!(vendor.state, VendorState::Unused);
    assert!(vendor.key == "vault (key file)" || vendor.key == "keyring", "{}", vendor.key);
    let id = crate::domain::key::KeyId::of("demo-key-of-polygon").to_string();
    let until = home.clock.now().plus_nanos(600_000_000_000);
    lock(home.house.market_store())
        .change_budget(VendorId::AlphaVantage, &id, home.clock.now(), &mut |state| {
            state.circuit = Circuit::Open;
            state.blocked_until = Some(until);
            state.reason = "it failed five times".into();
        })
        .unwrap();
    let vendor = find(&watch.look().unwrap(), VendorId::AlphaVantage);
    assert_eq!((vendor.state, vendor.until), (VendorState::Open, Some(until)));
    assert!(vendor.says.contains("failed five times"), "{}", vendor.says);
    home.clock.pass_seconds(700);
    let vendor = find(&watch.look().unwrap(), VendorId::AlphaVantage);
    assert_eq!((vendor.state, vendor.until), (VendorState::Ready, None));
}

#[test]
fn after_forty_days_without_a_network_every_age_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    store(&home, "polygon", &bars("AAPL.XNYS", &["2026-05-26", "2026-05-27"]));
    store(&home, "yahoo", &bars("MSFT.XNYS", &["2026-05-22"]));
    let fetched = home.clock.now();
    lock(home.house.market_store())
        .change_budget(VendorId::Yahoo, "none", fetched, &mut |state| state.last_success = Some(fetched))
        .unwrap();
    home.clock.pass_seconds(40 * 86_400);
    let health = watch(&home, Role::Trader).look().unwrap();
    // Counted by hand from 2026-05-28 to 2026-07-06 without Juneteenth and the eve of the Fourth, which is a Saturday;
    // the 7th has not ended.
    let weekdays = ["2026-05-28", "2026-07-06"].map(|d| d.parse::<chrono::NaiveDate>().unwrap());
    let closed = ["2026-06-19", "2026-07-03"].map(|d| d.parse::<chrono::NaiveDate>().unwrap());
    let open = weekdays[0].iter_days().take_while(|d| *d <= weekdays[1]).filter(|d| {
        use chrono::Datelike;
        d.weekday().number_from_monday() <= 5 && !closed.contains(d)
    });
    let missed = u32::try_from(open.count()).unwrap();
    let row = |symbol: &str| health.sources.iter().find(|s| s.instrument.symbol.as_str() == symbol).unwrap();
    let (aapl, msft) = (row("AAPL"), row("MSFT"));
    let at = home.house.calendars().of(Exchange::Xnys).date_at(home.clock.now());
    assert_eq!(at.to_string(), "2026-07-07");
    let today = u32::from(aapl.behind > missed);
    assert_eq!((aapl.behind, msft.behind), (missed + today, missed + today + 2), "the 25th was a holiday");
    assert_eq!((aapl.last, health.stale), ("2026-05-27".parse().ok(), 2));
    let yahoo = health.vendors.iter().find(|v| v.vendor == VendorId::Yahoo).unwrap();
    let age = health.at.since(yahoo.last_success.unwrap()) / 1_000_000_000;
    assert!((40 * 86_400 - 60..=40 * 86_400).contains(&age), "{age} s");
}

#[test]
fn an_exchange_whose_listings_nobody_gave_is_told_with_the_reason_and_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    let session = home.login(Role::Trader);
    let permit = session.permit::<ManageData>().unwrap();
    home.house.start_sync(&permit, DataKind::Directory, &SyncWish::default()).unwrap();
    let mut watch = watch(&home, Role::Trader);
    let health = loop {
        let health = watch.look().unwrap();
        if !health.sync.running {
            break health;
        }
        std::thread::yield_now();
    };
    let [row] = health.listings.as_slice() else { panic!("{:?}", health.listings) };
    assert!(row.says.contains("no vendor that is switched on and has a key"), "{row:?}");
    assert_eq!((row.exchange, row.next), (Exchange::Xnys, None), "by itself it fetches prices only");
    lock(home.house.settings()).sync_kinds.push(DataKind::Directory);
    let next = watch.look().unwrap().listings[0].next;
    assert_eq!(next, "2026-05-29T20:00:00Z".parse().ok(), "the next close in New York");
}
