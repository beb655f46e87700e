//! The scenarios of data, of several runs, of the calendar and of the home.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use qlib_pro::domain::market::{ActionKind, Basis};
use qlib_pro::domain::vendor::{Circuit, VendorId};
use qlib_pro::market::adjust::{Adjust, factors};
use qlib_pro::service::sync::{CLOCK_OFF, Control, SyncOutcome, SyncWish, stopper};
use qlib_pro::store::market::MarketReader;
use serde_json::json;

use super::rig::{FROM, Rig, TO, day, id};
use super::server::Canned;
use super::server::faults::{Armed, Fault, named};

const AV: VendorId = VendorId::AlphaVantage;
const YAHOO: VendorId = VendorId::Yahoo;
const POLYGON: VendorId = VendorId::Polygon;
const ALL: [VendorId; 3] = [AV, YAHOO, POLYGON];

const A: &str = "QAAA.XNYS";
const B: &str = "QBBB.XNYS";

fn is_adjusted(vendor: VendorId) -> bool {
    vendor == YAHOO
}

/// A scenario on every vendor; every failure is told, not only the first.
fn on_each(vendors: &[VendorId], act: impl Fn(VendorId) + std::panic::RefUnwindSafe) {
    let act = &act;
    let failed: Vec<&VendorId> =
        vendors.iter().filter(|vendor| std::panic::catch_unwind(|| act(**vendor)).is_err()).collect();
    assert!(failed.is_empty(), "failed for {failed:?}");
}

#[test]
fn s03_its_own_count_of_requests_stops_us_before_it_does() {
    on_each(&ALL, |vendor| {
        let rig = Rig::new();
        let bars = if vendor == AV { "TIME_SERIES" } else { "QAAA" };
        rig.arm("remaining_0", bars, 1);
        rig.sync(Some(vendor), &[A]);
        let report = rig.sync(Some(vendor), &[B]);
        assert_eq!(report.failed(), 0, "{report:#?}");
        let log = rig.server.log();
        assert!((log[1].at - log[0].at) / 1_000_000_000 >= 49, "{log:#?}");
    });
}

#[test]
fn s05_a_spent_day_stays_spent_after_a_restart_and_others_go_on() {
    let mut rig = Rig::new();
    rig.arm("av_quota", "TIME_SERIES", 99);
    let report = rig.sync(Some(AV), &[A, B]);
    assert_eq!((report.failed(), report.rows[0].code.as_str()), (2, "QUOTA_SPENT"), "{report:#?}");
    assert_eq!(rig.server.log().len(), 1);
    rig.restart();
    let report = rig.sync(Some(AV), &[A]);
    assert_eq!((report.failed(), rig.server.log().len()), (1, 1), "{report:#?}");
    let report = rig.sync(None, &[A]);
    assert_eq!((report.failed(), report.rows[0].vendor), (0, Some(POLYGON)), "{report:#?}");
    let budgets = MarketReader::open(rig.home()).unwrap().budgets().unwrap();
    let av = &budgets.iter().find(|b| b.vendor.as_str() == AV.as_str()).unwrap().state;
    assert!(av.blocked_until.unwrap() > rig.house().clock().now() && !av.reason.is_empty(), "{av:#?}");
    assert!(!format!("{budgets:?} {report:?}").contains(super::rig::KEY));
}

#[test]
fn s06_a_premium_notice_turns_the_kind_off_and_bars_go_on() {
    let rig = Rig::new();
    rig.arm("av_premium", "TIME_SERIES_DAILY_ADJUSTED", 99);
    let report = rig.sync(Some(AV), &[A]);
    assert_eq!(report.failed(), 0, "{report:#?}");
    assert_eq!(rig.closes(A, AV), rig.expected("QAAA", false, FROM, TO));
    rig.sync(Some(AV), &[B]);
    let asked = rig.server.log();
    let adjusted = asked.iter().filter(|s| s.query["function"] == "TIME_SERIES_DAILY_ADJUSTED");
    assert_eq!(adjusted.count(), 1, "it is not asked for again: {asked:#?}");
}

#[test]
fn s06_made_up_samples_are_never_stored() {
    let rig = Rig::new();
    rig.arm("av_premium", "TIME_SERIES_DAILY_ADJUSTED", 99);
    rig.server.arm(Armed::next(named("av_artificial").unwrap(), "TIME_SERIES_DAILY", 99));
    let report = rig.sync(Some(AV), &[A]);
    assert_eq!(report.failed(), 1, "{report:#?}");
    assert!(rig.closes(A, AV).is_empty());
}

#[test]
fn s07_failures_open_the_circuit_which_closes_by_itself() {
    on_each(&[YAHOO, POLYGON], |vendor| {
        let rig = Rig::new();
        let path = if vendor == YAHOO { "/chart/" } else { "/aggs/" };
        rig.arm("500", path, 6);
        let report = rig.sync(Some(vendor), &[A, B]);
        let codes: Vec<&str> = report.rows.iter().map(|row| row.code.as_str()).collect();
        assert_eq!(codes, ["TRANSIENT", ""], "{report:#?}");
        let gaps = rig.gaps_ms();
        assert!(gaps.iter().any(|gap| *gap >= 29_000), "{gaps:?}");
        let budgets = MarketReader::open(rig.home()).unwrap().budgets().unwrap();
        let state = &budgets.iter().find(|b| b.vendor.as_str() == vendor.as_str()).unwrap().state;
        assert_eq!(state.circuit, Circuit::Closed);
        assert!(state.last_error.is_some() && state.last_success.is_some());
    });
}

#[test]
fn s10_after_a_wall_for_robots_the_vendor_is_left_alone() {
    on_each(&[YAHOO, POLYGON], |vendor| {
        let rig = Rig::new();
        rig.arm("html_page", if vendor == YAHOO { "/chart/" } else { "/aggs/" }, 1);
        let report = rig.sync(Some(vendor), &[A, B]);
        assert_eq!(report.rows.iter().filter(|r| r.code == "BLOCKED").count(), 2, "{report:#?}");
        let before = rig.server.log().len();
        let report = rig.sync(Some(vendor), &[A]);
        assert_eq!((rig.server.log().len(), report.rows[0].code.as_str()), (before, "PAUSED"), "{report:#?}");
        rig.clock.fetch_add(901 * 1_000_000_000, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(rig.sync(Some(vendor), &[A]).failed(), 0);
    });
}

/// The bars that a hand-made answer must leave, beside it.
fn hand_made(rig: &Rig, vendor: VendorId, path: &str, body: &str, symbol: &str, expected: &str) {
    let Some(shared) = super::support::shared_data() else { return };
    let folder = shared.join("vendors");
    let text = std::fs::read_to_string(folder.join(body)).unwrap();
    rig.server.arm(Armed::next(Fault::Instead(Canned::text(200, "application/json", &text)), path, 99));
    let report = rig.sync_between(Some(vendor), &[symbol], "2024-01-02", "2024-12-02");
    let expected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join(expected)).unwrap()).unwrap();
    let bars = expected["bars"].as_array().unwrap();
    let expected: BTreeMap<NaiveDate, String> = bars
        .iter()
        .map(|bar| (day(bar["date"].as_str().unwrap()), format!("{:.2}", bar["close"].as_f64().unwrap())))
        .collect();
    assert_eq!(rig.closes(symbol, vendor), expected, "{report:#?}");
}

#[test]
fn s13_s14_bad_rows_are_held_back_and_the_rest_is_stored() {
    let rig = Rig::at("2024-12-03T01:00:00Z");
    let (body, told) =
        ("polygon/handmade/aggs_QVEX_defects.json", "polygon/handmade/expected/aggs_QVEX_defects.json");
    hand_made(&rig, POLYGON, "/aggs/ticker/QVEX", body, "QVEX.XNYS", told);
    // Its last row is of a session that was running.
    rig.set_now("2024-10-24T03:00:00Z");
    let (body, told) = (
        "yahoo/handmade/chart_BHP.AX_nulls_split_div_live.json",
        "yahoo/handmade/expected/chart_BHP.AX_nulls_split_div_live.json",
    );
    hand_made(&rig, YAHOO, "/chart/BHP.AX", body, "BHP.XASX", told);
    let folder = super::support::shared_data();
    if folder.is_some() {
        let quarantined = MarketReader::open(rig.home()).unwrap().quarantine(100).unwrap();
        assert!(!quarantined.is_empty());
    }
}

/// Stored closes restated for splits by the formula of the program.
fn restated(rig: &Rig, symbol: &str, vendor: VendorId) -> BTreeMap<NaiveDate, String> {
    let reader = MarketReader::open(rig.home()).unwrap();
    let series =
        reader.bars(id(symbol), Some(vendor.as_str()), NaiveDate::MIN, NaiveDate::MAX).unwrap().unwrap();
    let actions: Vec<_> =
        reader.actions_of(id(symbol)).unwrap().into_iter().map(|(action, _)| action).collect();
    let by = factors(&series.bars, &actions, series.basis, Adjust::Split).unwrap();
    let pairs = series.bars.iter().zip(by);
    pairs.map(|(bar, f)| (bar.session, format!("{:.2}", bar.close.to_f64() * f.price))).collect()
}

#[test]
fn s15_a_split_in_the_middle_leaves_no_jump_in_restated_prices() {
    on_each(&ALL, |vendor| {
        let rig = Rig::new();
        rig.market.split("QAAA", "2024-06-17", 4);
        rig.market.dividend("QAAA", "2024-06-10", 0.5);
        let report = rig.sync(Some(vendor), &[A]);
        assert_eq!((report.failed(), report.quarantined()), (0, 0), "{report:#?}");
        assert_eq!(rig.closes(A, vendor), rig.expected("QAAA", is_adjusted(vendor), FROM, TO));
        assert_eq!(restated(&rig, A, vendor), rig.expected("QAAA", true, FROM, TO));
        let actions = MarketReader::open(rig.home()).unwrap().actions_of(id(A)).unwrap();
        assert_eq!(actions.len(), 2, "{actions:?}");
        let paid = actions.iter().find_map(|(action, _)| match action.kind {
            ActionKind::Dividend { amount, .. } => Some(amount.to_string()),
            ActionKind::Split(_) => None,
        });
        assert_eq!(paid.as_deref(), Some("0.5"), "as it was paid");
    });
}

#[test]
fn the_same_actions_from_two_vendors_are_stored_once() {
    let rig = Rig::new();
    rig.market.split("QAAA", "2024-06-17", 4);
    rig.market.dividend("QAAA", "2024-06-10", 0.5);
    for vendor in ALL {
        assert_eq!(rig.sync(Some(vendor), &[A]).failed(), 0);
    }
    assert_eq!(MarketReader::open(rig.home()).unwrap().actions_of(id(A)).unwrap().len(), 2);
}

#[test]
fn s16_a_new_split_brings_the_whole_history_again_and_never_two_bases() {
    on_each(&ALL, |vendor| {
        let rig = Rig::at("2024-06-24T01:00:00Z");
        assert_eq!(rig.sync_between(Some(vendor), &[A], FROM, "2024-06-21").failed(), 0);
        rig.market.split("QAAA", "2024-06-26", 10);
        rig.set_now(super::rig::NOW);
        let report = rig.sync(Some(vendor), &[A]);
        assert_eq!((report.failed(), report.quarantined()), (0, 0), "{report:#?}");
        assert_eq!(rig.closes(A, vendor), rig.expected("QAAA", is_adjusted(vendor), FROM, TO));
        assert_eq!(restated(&rig, A, vendor), rig.expected("QAAA", true, FROM, TO));
        if is_adjusted(vendor) {
            assert!(report.rows[0].said.contains("restated for a split"), "{report:#?}");
            assert!(report.rows[0].revised >= 14, "{report:#?}");
        }
        let again = rig.sync(Some(vendor), &[A]);
        assert_eq!(again.rows[0].outcome, SyncOutcome::UpToDate, "{again:#?}");
    });
}

#[test]
fn s17_a_session_that_is_running_is_never_stored_as_final() {
    on_each(&ALL, |vendor| {
        let rig = Rig::at("2024-07-05T18:00:00Z");
        let report = rig.sync(Some(vendor), &[A]);
        assert_eq!(
            rig.closes(A, vendor),
            rig.expected("QAAA", is_adjusted(vendor), FROM, "2024-07-03"),
            "{report:#?}"
        );
        rig.set_now(super::rig::NOW);
        let report = rig.sync(Some(vendor), &[A]);
        assert_eq!((report.rows[0].stored, report.rows[0].revised), (1, 0), "{report:#?}");
        assert_eq!(rig.closes(A, vendor), rig.expected("QAAA", is_adjusted(vendor), FROM, TO));
    });
}

#[test]
fn s18_an_unknown_symbol_is_the_same_from_every_vendor() {
    on_each(&ALL, |vendor| {
        let rig = Rig::new();
        rig.market.forget("NOSUCH");
        let report = rig.sync(Some(vendor), &["NOSUCH.XNYS", A]);
        let codes: Vec<&str> = report.rows.iter().map(|row| row.code.as_str()).collect();
        assert_eq!(codes, ["NOT_FOUND", ""], "{report:#?}");
        let notes = MarketReader::open(rig.home()).unwrap().sync_notes().unwrap();
        assert_eq!((notes.len(), notes[0].failures), (1, 1), "one failure is no delisting");
    });
}

#[test]
fn s19_what_a_directory_says_is_no_longer_listed_keeps_its_history_and_is_not_fetched() {
    let rig = Rig::new();
    rig.market.list(&["QAAA", "QBBB"]);
    assert_eq!(rig.sync(Some(POLYGON), &[A, B]).failed(), 0);
    assert_eq!(rig.directory(POLYGON, A).code, "");
    let before = rig.closes(A, POLYGON);
    rig.market.delist("QAAA", "2024-07-08");
    rig.set_now("2024-07-10T01:00:00Z");
    assert_eq!(rig.directory(POLYGON, A).code, "");
    rig.server.forget();
    let report = rig.sync_rest(POLYGON, &[A, B]);
    assert_eq!(report.failed(), 0, "{report:#?}");
    assert!(report.rows[0].said.starts_with("no longer listed since 2024-07-08"), "{report:#?}");
    assert!(report.rows[1].stored > 0, "{report:#?}");
    assert!(rig.bar_requests().iter().all(|seen| !seen.path.contains("QAAA")), "{:#?}", rig.server.log());
    assert_eq!(rig.closes(A, POLYGON), before, "its history is kept");
}

#[test]
fn s19_what_the_directory_drops_and_nobody_knows_for_days_is_no_longer_listed() {
    let (bhp, cba) = ("BHP.XASX", "CBA.XASX");
    let rig = Rig::new();
    rig.market.list(&["BHP.AX", "CBA.AX"]);
    assert_eq!(rig.sync(Some(YAHOO), &[bhp, cba]).failed(), 0);
    let (before, asx) = (rig.closes(bhp, YAHOO), VendorId::Asx);
    rig.market.list(&["CBA.AX"]);
    rig.market.forget("BHP.AX");
    let gone = |rig: &Rig| {
        assert_eq!(rig.directory(asx, bhp).code, "");
        MarketReader::open(rig.home()).unwrap().delistings(id(bhp).exchange).unwrap().len()
    };
    for now in ["2024-07-09T01:00:00Z", "2024-07-10T01:00:00Z", "2024-07-11T01:00:00Z"] {
        assert_eq!(gone(&rig), 0, "not after one failure, and not for the directory alone");
        rig.set_now(now);
        let report = rig.sync_rest(YAHOO, &[bhp, cba]);
        assert_eq!(
            (report.rows[0].code.as_str(), report.rows[1].code.as_str()),
            ("NOT_FOUND", ""),
            "{report:#?}"
        );
    }
    assert_eq!(gone(&rig), 1);
    rig.set_now("2024-07-12T01:00:00Z");
    rig.server.forget();
    let report = rig.sync_rest(YAHOO, &[bhp, cba]);
    assert!(report.rows[0].said.starts_with("no longer listed since 2024-07-11"), "{report:#?}");
    assert!(rig.bar_requests().iter().all(|seen| !seen.path.contains("BHP")), "{:#?}", rig.server.log());
    assert_eq!(rig.closes(bhp, YAHOO), before, "its history is kept");
    rig.market.list(&["BHP.AX", "CBA.AX"]);
    assert_eq!(gone(&rig), 0, "it is listed again");
}

#[test]
fn s11_a_notice_in_place_of_a_csv_file_is_no_directory() {
    let rig = Rig::new();
    rig.market.list(&["BHP.AX"]);
    rig.arm("notice_for_csv", "/directory/file", 99);
    let row = rig.directory(VendorId::Asx, "BHP.XASX");
    assert_eq!((row.stored, row.code.as_str()), (0, "MALFORMED"), "{row:?}");
    assert!(
        MarketReader::open(rig.home())
            .unwrap()
            .instruments(Some(id("BHP.XASX").exchange))
            .unwrap()
            .is_empty()
    );
    rig.server.disarm();
    assert_eq!(rig.directory(VendorId::Asx, "BHP.XASX").stored, 1);
}

#[test]
fn s20_an_expired_cursor_goes_on_behind_what_is_stored() {
    let rig = Rig::new();
    rig.market.page_rows(8);
    rig.server.arm(Armed::next(named("400_cursor").unwrap(), "/aggs/", 1).after(2));
    let report = rig.sync(Some(POLYGON), &[A]);
    assert_eq!(report.failed(), 0, "{report:#?}");
    assert_eq!(rig.closes(A, POLYGON), rig.expected("QAAA", false, FROM, TO));
    assert_eq!(report.rows[0].revised, 0);
    let cursors: Vec<Option<String>> =
        rig.bar_requests().iter().map(|seen| seen.query.get("cursor").cloned()).collect();
    assert_eq!(cursors.iter().filter(|c| c.is_none()).count(), 2, "{cursors:?}");
}

/// An answer of Polygon's that goes on at an address.
fn going_on_at(rig: &Rig, next: &str) -> Fault {
    let days = rig.market.days("QAAA", day(FROM), day("2024-06-05"), false);
    let rows: Vec<_> = days
        .iter()
        .map(|d| {
            let midnight = rig.market.calendar("").at_local(d.session.date, chrono::NaiveTime::MIN).unwrap();
            json!({ "v": d.volume, "o": d.open, "c": d.close, "h": d.high, "l": d.low, "t": midnight.nanos() / 1_000_000 })
        })
        .collect();
    let body =
        json!({ "ticker": "QAAA", "adjusted": false, "results": rows, "status": "OK", "next_url": next });
    Fault::Instead(Canned::json(&body))
}

#[test]
fn s21_pages_in_a_circle_end_and_no_key_goes_to_another_host() {
    let rig = Rig::new();
    let own = "https://api.polygon.io/v2/aggs/ticker/QAAA/range/1/day/2024-06-03/2024-07-05?cursor=same";
    rig.server.arm(Armed::next(going_on_at(&rig, own), "/aggs/", 99));
    let report = rig.sync(Some(POLYGON), &[A]);
    assert_eq!(report.rows[0].code, "MALFORMED", "{report:#?}");
    assert!(report.rows[0].said.contains("goes on where it is already"), "{report:#?}");
    assert!(rig.bar_requests().len() <= 5, "{:#?}", rig.bar_requests());
    assert!(rig.server.log().iter().all(|seen| seen.query.values().all(|v| v != super::rig::KEY)));

    let rig = Rig::new();
    rig.server.arm(Armed::next(going_on_at(&rig, "https://evil.example/v2/aggs?cursor=x"), "/aggs/", 99));
    let report = rig.sync(Some(POLYGON), &[A]);
    assert_eq!(report.failed(), 1, "{report:#?}");
    let address = rig.server.address.trim_start_matches("http://").to_owned();
    assert!(rig.server.log().iter().all(|seen| seen.host == address));
}

#[test]
fn s22_days_on_which_clocks_change_are_one_bar_each() {
    let rig = Rig::at("2024-12-03T01:00:00Z");
    for (from, to) in [("2024-03-04", "2024-03-15"), ("2024-10-28", "2024-11-08")] {
        for vendor in ALL {
            let report = rig.sync_between(Some(vendor), &[A], from, to);
            assert_eq!(report.failed(), 0, "{vendor}: {report:#?}");
            let stored: BTreeMap<_, _> =
                rig.closes(A, vendor).into_iter().filter(|(d, _)| *d >= day(from) && *d <= day(to)).collect();
            assert_eq!(stored, rig.expected("QAAA", true, from, to), "{vendor}");
        }
    }
    for (from, to) in [("2024-04-01", "2024-04-12"), ("2024-09-30", "2024-10-11")] {
        let report = rig.sync_between(Some(YAHOO), &["BHP.XASX"], from, to);
        assert_eq!(report.failed(), 0, "{report:#?}");
        let stored: BTreeMap<_, _> = rig
            .closes("BHP.XASX", YAHOO)
            .into_iter()
            .filter(|(d, _)| *d >= day(from) && *d <= day(to))
            .collect();
        assert_eq!(stored, rig.expected("BHP.AX", true, from, to));
    }
}

#[test]
fn s28_rows_from_the_future_are_not_stored() {
    on_each(&ALL, |vendor| {
        let rig = Rig::at("2024-07-03T01:00:00Z");
        rig.market.set_ahead(2);
        let report = rig.sync_between(Some(vendor), &[A], FROM, "2024-07-05");
        let stored = rig.closes(A, vendor);
        assert_eq!(stored, rig.expected("QAAA", is_adjusted(vendor), FROM, "2024-07-02"), "{report:#?}");
    });
}

#[test]
fn s28_a_clock_that_is_far_from_ours_is_told_and_nothing_else_changes() {
    on_each(&ALL, |vendor| {
        let rig = Rig::new();
        rig.server.set_ahead(86_400 + 60);
        let report = rig.sync(Some(vendor), &[A]);
        assert_eq!(
            (report.failed(), rig.closes(A, vendor)),
            (0, rig.expected("QAAA", is_adjusted(vendor), FROM, TO))
        );
        let told: Vec<&str> = report.vendors.iter().map(|line| line.code.as_str()).collect();
        assert_eq!(told, [CLOCK_OFF], "{report:#?}");
        assert!(report.vendors[0].said.contains("its clock is a day ahead of ours"), "{report:#?}");
        rig.server.set_ahead(-3 * 3_600);
        let report = rig.sync(Some(vendor), &[B]);
        assert!(report.vendors[0].said.contains("3 hours behind ours"), "{report:#?}");
        rig.server.set_ahead(-300);
        let report = rig.sync(Some(vendor), &["QCCC.XNYS"]);
        assert!(report.vendors.is_empty(), "{report:#?}");
    });
}

#[test]
fn s29_two_syncs_at_once_share_one_budget_and_fetch_nothing_twice() {
    on_each(&[YAHOO, POLYGON], |vendor| {
        let rig = Rig::new();
        let symbols: Vec<String> = (0..12).map(|n| format!("Q{n:02}.XNYS")).collect();
        let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let other = rig.open_house(false);
        let instruments = names.iter().map(|s| id(s)).collect();
        let wish = SyncWish {
            vendor: Some(vendor),
            instruments,
            from: Some(day(FROM)),
            to: Some(day(TO)),
            ..SyncWish::default()
        };
        let (one, two) = std::thread::scope(|scope| {
            let second = scope.spawn(|| rig.sync_as(&other.session, &wish));
            (rig.sync_as(rig.session(), &wish), second.join().unwrap())
        });
        assert_eq!((one.failed(), two.failed()), (0, 0), "{one:#?} {two:#?}");
        assert_eq!(rig.bar_requests().len(), 12, "each symbol once");
        let stored =
            |report: &qlib_pro::service::sync::SyncReport| report.rows.iter().map(|r| r.stored).sum::<u64>();
        assert_eq!(stored(&one) + stored(&two), 12 * 23);
        if vendor == POLYGON {
            let at: Vec<i64> = rig.server.log().iter().map(|seen| seen.at / 1_000_000_000).collect();
            for (i, first) in at.iter().enumerate() {
                let inside = at[i..].iter().take_while(|t| *t - first < 60).count();
                assert!(inside <= 5, "{at:?}");
            }
        }
    });
}

#[test]
fn s30_offline_from_the_start_the_store_is_used_and_nothing_breaks() {
    on_each(&ALL, |vendor| {
        let rig = Rig::new();
        assert_eq!(rig.sync_between(Some(vendor), &[A], FROM, "2024-06-28").failed(), 0);
        let before = rig.closes(A, vendor);
        let key = format!("vendors.{vendor}.url");
        rig.session().change_setting(&key, "http://127.0.0.1:1").unwrap();
        let report = rig.sync(Some(vendor), &[A, B]);
        assert_eq!((report.failed(), report.rows[0].code.as_str()), (2, "OFFLINE"), "{report:#?}");
        assert!(report.rows[0].said.contains("cannot be reached"), "{report:#?}");
        assert_eq!(rig.closes(A, vendor), before);
    });
}

#[test]
fn what_one_vendor_cannot_give_the_next_one_gives() {
    let rig = Rig::new();
    let body =
        json!({ "status": "NOT_AUTHORIZED", "message": "You are not entitled to this data." }).to_string();
    let refusal = Fault::Instead(Canned::text(403, "application/json", &body));
    rig.server.arm(Armed::next(refusal, "/aggs/", 99));
    let report = rig.sync(None, &[A, B]);
    for row in &report.rows {
        assert_eq!((row.vendor, row.outcome), (Some(YAHOO), SyncOutcome::Done), "{report:#?}");
        assert!(row.said.contains("polygon: the plan does not include daily data"), "{report:#?}");
    }
    assert_eq!(rig.server.seen("/aggs/").len(), 1, "a refused kind is not asked for again");
}

#[test]
fn a_new_day_of_many_names_is_one_request() {
    let rig = Rig::at("2024-07-05T01:00:00Z");
    let symbols: Vec<String> = (0..8).map(|n| format!("Q{n:02}.XNYS")).collect();
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let bare: Vec<&str> = names.iter().map(|n| n.trim_end_matches(".XNYS")).collect();
    rig.market.list(&bare);
    assert_eq!(rig.sync_between(Some(POLYGON), &names, FROM, "2024-07-03").failed(), 0);
    rig.server.forget();
    rig.set_now(super::rig::NOW);
    rig.market.split("Q03", "2024-07-05", 20);
    rig.market.dividend("Q05", "2024-07-05", 0.25);
    let report = rig.sync(Some(POLYGON), &names);
    assert_eq!((report.failed(), report.quarantined()), (0, 0), "{report:#?}");
    assert_eq!(rig.bar_requests().len(), 1, "{:#?}", rig.bar_requests());
    assert_eq!(rig.server.log().len(), 3, "and one each for splits and dividends");
    for (name, count) in [("Q03.XNYS", 1), ("Q05.XNYS", 1), ("Q06.XNYS", 0)] {
        assert_eq!(
            MarketReader::open(rig.home()).unwrap().actions_of(id(name)).unwrap().len(),
            count,
            "{name}"
        );
    }
    for (name, bare) in names.iter().zip(bare) {
        assert_eq!(rig.closes(name, POLYGON), rig.expected(bare, false, FROM, TO));
    }
}

#[test]
fn a_late_row_is_had_by_a_later_sync() {
    let rig = Rig::new();
    rig.market.late(&["2024-07-03"]);
    assert_eq!(rig.sync(Some(YAHOO), &[A]).failed(), 0);
    assert_eq!(rig.closes(A, YAHOO).len(), 22);
    rig.market.late(&[]);
    assert_eq!(rig.sync(Some(YAHOO), &[A]).rows[0].outcome, SyncOutcome::UpToDate, "not at once again");
    rig.clock.fetch_add(7 * 3_600 * 1_000_000_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(rig.sync(Some(YAHOO), &[A]).rows[0].stored, 1);
    assert_eq!(rig.closes(A, YAHOO), rig.expected("QAAA", true, FROM, TO));

    // The same after a close, when no days are named and the late session is the only one to ask for.
    rig.set_now("2024-07-09T01:00:00Z");
    rig.market.late(&["2024-07-08"]);
    assert_eq!(rig.sync_rest(YAHOO, &[A]).failed(), 0);
    rig.market.late(&[]);
    rig.clock.fetch_add(7 * 3_600 * 1_000_000_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(rig.sync_rest(YAHOO, &[A]).rows[0].stored, 1);
}

#[test]
fn a_canceled_sync_keeps_whole_pages_and_the_next_one_goes_on() {
    let rig = Rig::new();
    let symbols: Vec<String> = (0..6).map(|n| format!("Q{n:02}.XNYS")).collect();
    let instruments = symbols.iter().map(|s| id(s)).collect();
    let wish = SyncWish {
        vendor: Some(YAHOO),
        instruments,
        from: Some(day(FROM)),
        to: Some(day(TO)),
        ..SyncWish::default()
    };
    let (stopper, stop) = stopper();
    let progress = |seen: &qlib_pro::service::sync::Progress| {
        if seen.done >= 2 {
            stopper.set();
        }
    };
    let control = Control { stop, progress: &progress, pace: rig.pace(), limits: rig.limits };
    let permit = rig.session().permit().unwrap();
    let report = rig.house().sync(&permit, &wish, &control).unwrap();
    assert!(report.canceled, "{report:#?}");
    let canceled = report.rows.iter().filter(|r| r.outcome == SyncOutcome::Canceled).count();
    assert!((3..=5).contains(&canceled), "{report:#?}");
    let report = rig.sync_as(rig.session(), &wish);
    assert_eq!(report.failed(), 0, "{report:#?}");
    for symbol in &symbols {
        let bare = symbol.trim_end_matches(".XNYS");
        assert_eq!(rig.closes(symbol, YAHOO), rig.expected(bare, true, FROM, TO));
    }
    assert_eq!(rig.bar_requests().len(), 6, "nothing was fetched twice");
}

#[test]
fn a_source_keeps_one_basis() {
    let rig = Rig::new();
    for (vendor, basis) in [(AV, Basis::Raw), (YAHOO, Basis::Split), (POLYGON, Basis::Raw)] {
        rig.sync(Some(vendor), &[A]);
        let reader = MarketReader::open(rig.home()).unwrap();
        let series =
            reader.bars(id(A), Some(vendor.as_str()), NaiveDate::MIN, NaiveDate::MAX).unwrap().unwrap();
        assert_eq!(series.basis, basis, "{vendor}");
    }
}
