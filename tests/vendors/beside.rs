//! Headlines, figures and listings: what was answered lately is not asked again, a run that ends goes on, and what fails
//! is remembered.

use std::time::{Duration, Instant};

use qlib_pro::domain::vendor::{DataKind, VendorId};
use qlib_pro::service::sync::{BesideReport, Progress, SyncOutcome, SyncWish, stopper};
use qlib_pro::store::market::MarketReader;

use super::rig::{Rig, day, id};
use super::server::faults::{Armed, Fault};
use super::server::{Canned, Seen};

const A: &str = "QAAA.XNYS";
const B: &str = "QBBB.XNYS";
const POLYGON: VendorId = VendorId::Polygon;
const PATIENCE: Duration = Duration::from_secs(60);

fn wish(symbols: &[&str]) -> SyncWish {
    let instruments = symbols.iter().map(|s| id(s)).collect();
    SyncWish { vendor: Some(POLYGON), instruments, ..SyncWish::default() }
}

fn outcomes(report: &BesideReport) -> Vec<SyncOutcome> {
    report.rows.iter().map(|row| row.outcome).collect()
}

/// From when headlines were asked for, by request.
fn since(rig: &Rig) -> Vec<String> {
    let asked = |seen: &Seen| seen.query.get("published_utc.gte").cloned();
    rig.server.log().iter().filter_map(asked).collect()
}

use SyncOutcome::{Canceled, Done, Failed, UpToDate};

#[test]
fn headlines_are_asked_for_since_the_last_answer_and_not_twice_in_an_hour() {
    let rig = Rig::new();
    let first = rig.beside(DataKind::News, &wish(&[A, B]));
    assert_eq!(outcomes(&first), [Done, Done], "{first:#?}");
    assert!(first.rows.iter().all(|row| row.stored > 15), "{first:#?}");
    assert_eq!(since(&rig), ["2024-06-08T01:00:00Z"; 2], "the first time 30 days");
    rig.server.forget();
    let at_once = rig.beside(DataKind::News, &wish(&[A, B]));
    assert_eq!((outcomes(&at_once), at_once.requests), (vec![UpToDate; 2], 0));
    assert!(rig.server.log().is_empty());
    rig.set_now("2024-07-09T22:00:00Z");
    let next = rig.beside(DataKind::News, &wish(&[A, B]));
    assert_eq!(
        next.rows.iter().map(|row| row.stored).collect::<Vec<_>>(),
        [2, 2],
        "two sessions, none twice"
    );
    assert!(since(&rig).iter().all(|since| since.starts_with("2024-07-07T01:0")), "{:?}", since(&rig));
    rig.server.forget();
    let again = rig.beside(DataKind::News, &SyncWish { again: true, ..wish(&[A]) });
    assert_eq!((outcomes(&again), again.rows[0].stored), (vec![Done], 0));
    let named = rig.beside(DataKind::News, &SyncWish { from: Some(day("2024-06-28")), ..wish(&[A]) });
    assert_eq!(outcomes(&named), [Done]);
    assert_eq!(since(&rig), ["2024-06-09T22:00:00Z", "2024-06-28T04:00:00Z"]);
}

#[test]
fn a_first_day_after_the_last_answer_leaves_no_hole() {
    let rig = Rig::new();
    assert_eq!(outcomes(&rig.beside(DataKind::News, &wish(&[A]))), [Done]);
    rig.set_now("2024-07-20T22:00:00Z");
    rig.server.forget();
    let named = SyncWish { from: Some(day("2024-07-19")), ..wish(&[A]) };
    assert_eq!(outcomes(&rig.beside(DataKind::News, &named)), [Done]);
    assert_eq!(outcomes(&rig.beside(DataKind::News, &wish(&[A]))), [Done], "the days between are owed");
    let since = since(&rig);
    assert_eq!(since[0], "2024-07-19T04:00:00Z");
    assert!(since[1].starts_with("2024-07-07T01:0"), "{since:?}");
}

#[test]
fn who_does_not_know_a_name_is_not_asked_again_so_soon() {
    let rig = Rig::new();
    rig.market.forget("QAAA");
    let yahoo = SyncWish { vendor: Some(VendorId::Yahoo), ..wish(&[A]) };
    let report = rig.beside(DataKind::Fundamentals, &yahoo);
    assert_eq!(report.rows[0].code, "NOT_FOUND", "{report:#?}");
    let report = rig.beside(DataKind::Fundamentals, &yahoo);
    assert_eq!((report.rows[0].code.as_str(), report.requests), ("NOT_FOUND", 0), "{report:#?}");
    let again = SyncWish { again: true, ..yahoo.clone() };
    assert!(rig.beside(DataKind::Fundamentals, &again).requests > 0);
    rig.pass(8 * 24 * 3_600);
    assert!(rig.beside(DataKind::Fundamentals, &yahoo).requests > 0);
}

#[test]
fn who_has_no_figures_of_a_name_gives_way_to_the_next() {
    let mut rig = Rig::new();
    rig.settings.sync_vendors.set(DataKind::Fundamentals, vec![POLYGON, VendorId::Yahoo]);
    rig.restart();
    let empty = serde_json::json!({ "status": "OK", "results": [] });
    rig.server.arm(Armed::next(Fault::Instead(Canned::json(&empty)), "/financials", 1));
    let anybody = SyncWish { vendor: None, ..wish(&[A]) };
    let report = rig.beside(DataKind::Fundamentals, &anybody);
    let row = &report.rows[0];
    assert_eq!((row.outcome, row.vendor, row.stored), (Done, Some(POLYGON), 0), "{report:#?}");
    assert_eq!(
        (row.code.as_str(), row.said.as_str()),
        ("", "yahoo: it does not know this symbol"),
        "asked, too"
    );
    assert_eq!(outcomes(&rig.beside(DataKind::Fundamentals, &anybody)), [UpToDate]);

    rig.server.arm(Armed::next(Fault::Instead(Canned::json(&empty)), "/financials", 1));
    let report = rig.beside(DataKind::Fundamentals, &wish(&[B]));
    assert_eq!((outcomes(&report), report.rows[0].stored), (vec![Done], 0), "{report:#?}");
    assert_eq!(outcomes(&rig.beside(DataKind::Fundamentals, &wish(&[B]))), [UpToDate]);
}

#[test]
fn figures_are_asked_for_weekly_and_listings_daily() {
    let rig = Rig::new();
    rig.market.list(&["QAAA"]);
    for (kind, fresh_hours) in [(DataKind::Fundamentals, 7 * 24), (DataKind::Directory, 24)] {
        let report = rig.beside(kind, &wish(&[A]));
        assert_eq!((outcomes(&report), report.rows[0].stored > 0), (vec![Done], true), "{report:#?}");
        rig.pass(fresh_hours * 3_600 - 600);
        assert_eq!(outcomes(&rig.beside(kind, &wish(&[A]))), [UpToDate], "{kind}");
        rig.pass(1_200);
        assert_eq!(outcomes(&rig.beside(kind, &wish(&[A]))), [Done], "{kind}");
    }
    let days = SyncWish { to: Some(day("2024-06-28")), ..wish(&[A]) };
    let refused = rig.try_beside(DataKind::Fundamentals, &days).unwrap_err().to_string();
    assert!(refused.contains("leave them out"), "{refused}");
}

#[test]
fn a_run_that_is_stopped_goes_on_where_it_was_and_tells_how_far_it_is() {
    let rig = Rig::new();
    let symbols: Vec<String> = (0..12).map(|n| format!("Q{n:02}.XNYS")).collect();
    let wish = wish(&symbols.iter().map(String::as_str).collect::<Vec<_>>());
    let (stopper, stop) = stopper();
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |now: &Progress| {
        seen.lock().unwrap().push(now.clone());
        if now.done >= 7 {
            stopper.set();
        }
    };
    let report = rig.beside_until(DataKind::News, &wish, stop, &progress).unwrap();
    let canceled = report.rows.iter().filter(|row| row.outcome == Canceled).count();
    assert!(report.canceled && (4..=5).contains(&canceled), "{report:#?}");
    let seen = seen.into_inner().unwrap();
    let begun = seen.iter().find(|now| now.done == 3).unwrap();
    assert_eq!((begun.doing.as_str(), begun.total), ("news of Q03.XNYS", 12));
    assert!(begun.rows > 0 && begun.seconds_left >= 60, "{begun:#?}");
    let waited = seen.iter().find(|now| now.waiting.is_some()).unwrap();
    assert_eq!(waited.windows, [(60, 5, 5)], "five a minute");
    let rest = rig.beside(DataKind::News, &wish);
    let asked = rest.rows.iter().filter(|row| row.outcome == Done).count();
    assert_eq!((asked, rest.failed()), (canceled, 0), "{rest:#?}");
}

#[test]
fn what_a_vendor_did_not_give_is_remembered_until_it_does() {
    let rig = Rig::new();
    rig.arm("500", "QAAA", 4);
    let report = rig.beside(DataKind::News, &wish(&[A, B]));
    assert_eq!(outcomes(&report), [Failed, Done], "{report:#?}");
    let notes = || MarketReader::open(rig.home()).unwrap().sync_notes().unwrap();
    let note = &notes()[0];
    assert_eq!((note.instrument, note.kind, note.failures), (id(A), DataKind::News, 1), "{note:#?}");
    assert_eq!(note.code.as_str(), report.rows[0].code);
    rig.server.forget();
    let next = rig.beside(DataKind::News, &wish(&[A, B]));
    assert_eq!(outcomes(&next), [Done, UpToDate], "{next:#?}");
    assert!(notes().iter().all(|note| note.code.is_empty() && note.failures == 0), "{:#?}", notes());
}

#[test]
fn an_order_of_its_own_sends_a_kind_to_another_vendor() {
    let mut rig = Rig::new();
    let anybody = || SyncWish { vendor: None, ..wish(&[A]) };
    assert_eq!(rig.beside(DataKind::News, &anybody()).rows[0].vendor, Some(POLYGON));
    rig.settings.sync_vendors.set(DataKind::News, vec![VendorId::Asx]);
    rig.restart();
    rig.pass(7_200);
    let report = rig.beside(DataKind::News, &anybody());
    assert_eq!((report.rows[0].vendor, report.rows[0].code.as_str()), (None, "NO_SUCH_DATA"), "{report:#?}");
}

#[test]
fn a_watchlist_is_a_universe_of_its_person() {
    let rig = Rig::new();
    let wish =
        SyncWish { vendor: Some(POLYGON), universe: Some("watchlist".to_owned()), ..SyncWish::default() };
    let empty = rig.try_beside(DataKind::News, &wish).unwrap_err().to_string();
    assert!(empty.starts_with("your watchlist has no name that a vendor could have"), "{empty}");
    let permit = rig.session().permit().unwrap();
    rig.house().watch(&permit, &[id(B), id("S01.SIM")]).unwrap();
    let report = rig.beside(DataKind::News, &wish);
    assert_eq!(report.rows.iter().map(|row| row.of.as_str()).collect::<Vec<_>>(), [B]);
    let prices = rig.sync_as(rig.session(), &wish);
    assert_eq!(prices.rows.iter().map(|row| row.symbol.as_str()).collect::<Vec<_>>(), ["QBBB"]);
    assert!(rig.house().wish_named(&["Watchlist".to_owned()]).unwrap().universe.is_some());
    let named = rig.house().wish_named(&["aapl".to_owned()]).unwrap();
    assert_eq!((named.universe, named.instruments), (None, vec![id("AAPL.XNYS")]));
}

#[test]
fn after_a_close_the_kinds_of_the_setting_are_synced_one_after_the_other() {
    let mut rig = Rig::new();
    rig.settings.sync_kinds = vec![DataKind::Daily, DataKind::News];
    rig.restart();
    assert_eq!(rig.sync_rest(POLYGON, &[A]).failed(), 0);
    rig.set_now("2024-07-09T01:00:00Z");
    rig.server.forget();
    let schedule = rig.house().start_schedule().unwrap();
    let begun = Instant::now();
    let last = loop {
        let board = rig.house().sync_view(&rig.session().permit().unwrap());
        if let Some(last) = board.last.filter(|last| last.said.as_str().starts_with("news")) {
            break last;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing was synced: {:#?}", rig.server.log());
        std::thread::sleep(Duration::from_millis(5));
    };
    drop(schedule);
    assert!(last.said.as_str().starts_with("news: 1 answered with "), "{last:?}");
    assert!(!last.said.as_str().contains("with 0 rows"), "{last:?}");
    assert!(!last.troubled, "{last:?}");
    assert_eq!((rig.bar_requests().len(), since(&rig).len()), (1, 1), "{:#?}", rig.server.log());
}
