//! A vendor that answers well-formed nonsense: short histories, prices in other terms, bad rows, false splits and times.
//! What is stored stays right, what is odd is set aside with its reason, and there is always a way back.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use qlib_pro::domain::vendor::VendorId;
use qlib_pro::service::permit::ManageData;
use qlib_pro::service::quality::Decision;
use qlib_pro::service::sync::{SyncOutcome, SyncReport, SyncWish};
use qlib_pro::store::market::{MarketReader, QuarantineState};
use serde_json::{Value, json};

use super::rig::{Rig, TO, day, id};
use super::server::Canned;
use super::server::faults::{Armed, Fault};

const YAHOO: VendorId = VendorId::Yahoo;
const POLYGON: VendorId = VendorId::Polygon;
const A: &str = "QAAA.XNYS";
const FIRST: &str = "2023-07-03";
/// Last day of the first of two answers.
const SO_FAR: &str = "2024-06-28";

/// A row of a made-up answer.
type Row = (NaiveDate, Option<f64>);

/// What is done to the rows of an answer.
type Change = fn(&mut [Row]);

/// A quiet year of closes.
fn year(rig: &Rig, to: &str) -> Vec<Row> {
    let sessions = rig.market.calendar("").sessions_between(day(FIRST), day(to));
    let close = |n: usize| 100.0 + (n * 7 % 13) as f64 * 0.5;
    sessions.iter().enumerate().map(|(n, session)| (session.date, Some(close(n)))).collect()
}

fn stamp(date: NaiveDate) -> i64 {
    date.and_hms_opt(14, 30, 0).unwrap().and_utc().timestamp()
}

fn times(rows: &mut [Row], factor: f64) {
    rows.iter_mut().for_each(|row| row.1 = row.1.map(|close| close * factor));
}

/// Yahoo's answer with these rows, and a split on a day.
fn chart(rows: &[Row], split: Option<(&str, u32)>) -> Value {
    let closes: Vec<_> = rows.iter().map(|(_, close)| *close).collect();
    let volumes: Vec<_> = (0..rows.len()).map(|n| 1_000 + n).collect();
    let quote = json!({ "open": closes, "high": closes, "low": closes, "close": closes, "volume": volumes });
    let splits = split.map(|(on, new)| {
        let at = stamp(day(on));
        json!({ at.to_string(): { "date": at, "numerator": new, "denominator": 1 } })
    });
    json!({ "chart": { "error": null, "result": [{
        "meta": { "currency": "USD", "symbol": "QAAA", "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d" },
        "timestamp": rows.iter().map(|(date, _)| stamp(*date)).collect::<Vec<_>>(),
        "indicators": { "quote": [quote] },
        "events": { "splits": splits.unwrap_or_else(|| json!({})) },
    }] } })
}

fn answer(rig: &Rig, body: &Value) -> SyncReport {
    rig.server.disarm();
    rig.server.arm(Armed::next(Fault::Instead(Canned::json(body)), "/chart/", 99));
    rig.sync_between(Some(YAHOO), &[A], FIRST, TO)
}

fn reasons(rig: &Rig) -> BTreeSet<String> {
    let rows = MarketReader::open(rig.home()).unwrap().quarantine(1_000).unwrap();
    rows.iter().map(|row| row.reason.to_string()).collect()
}

/// What a second answer is, and what it leaves of a year that was stored.
struct Case {
    name: &'static str,
    /// Changes the rows of the whole year, which ends five sessions behind the stored ones.
    make: fn(&mut Vec<Row>),
    split: Option<(&'static str, u32)>,
    /// Code of the report.
    code: &'static str,
    /// Reasons in quarantine.
    reasons: &'static [&'static str],
    /// Rows that are new.
    new: usize,
}

const CASES: &[Case] = &[
    Case {
        name: "twelve rows restated for a split do not take the place of a year",
        make: |rows| {
            rows.drain(..rows.len() - 12);
            times(rows, 0.25);
        },
        split: Some(("2024-07-02", 4)),
        code: "HISTORY_TOO_SHORT",
        reasons: &[],
        new: 0,
    },
    Case {
        name: "everything times seven, and no split is told",
        make: |rows| times(rows, 7.0),
        split: None,
        code: "RESTATED",
        reasons: &["RESTATED"],
        new: 0,
    },
    Case {
        name: "everything divided by seven, and another split is told",
        make: |rows| times(rows, 1.0 / 7.0),
        split: Some(("2024-07-02", 3)),
        code: "RESTATED",
        reasons: &["RESTATED"],
        new: 0,
    },
    Case {
        name: "the newest five times a hundred",
        make: |rows| {
            let good = rows.len() - 4;
            times(&mut rows[good..], 100.0);
        },
        split: None,
        code: "",
        reasons: &["UNIT_100X"],
        new: 0,
    },
    Case {
        name: "the newest without prices",
        make: |rows| {
            let good = rows.len() - 4;
            rows[good..].iter_mut().for_each(|row| row.1 = None);
        },
        split: None,
        code: "",
        reasons: &["MISSING_PRICE"],
        new: 0,
    },
    Case {
        name: "a split that is neither in the prices nor to be seen in them",
        make: |_| {},
        split: Some(("2024-07-02", 1_000)),
        code: "",
        reasons: &["SPLIT_NOT_SEEN"],
        new: 4,
    },
    Case { name: "what is good", make: |_| {}, split: None, code: "", reasons: &[], new: 4 },
];

#[test]
fn nonsense_leaves_a_stored_year_as_it_is() {
    for Case { name, make, split, code, reasons: held, new } in CASES {
        let rig = Rig::at("2024-06-30T01:00:00Z");
        assert_eq!(answer(&rig, &chart(&year(&rig, SO_FAR), None)).failed(), 0, "{name}");
        let before = rig.closes(A, YAHOO);
        rig.set_now(super::rig::NOW);
        let mut rows = year(&rig, TO);
        make(&mut rows);
        let report = answer(&rig, &chart(&rows, *split));
        assert_eq!(report.rows[0].code, *code, "{name}: {report:#?}");
        let after = rig.closes(A, YAHOO);
        assert_eq!(after.len(), before.len() + new, "{name}: {report:#?}");
        assert!(before.iter().all(|(date, close)| after.get(date) == Some(close)), "{name}");
        assert_eq!(reasons(&rig), held.iter().map(|r| (*r).to_owned()).collect(), "{name}");
        assert!(MarketReader::open(rig.home()).unwrap().actions_of(id(A)).unwrap().is_empty(), "{name}");
        assert_eq!(report.rows[0].quarantined > 0, !held.is_empty(), "{name}: {report:#?}");
        // A better answer is taken whenever it comes, and set-aside rows are listed once.
        let aside = MarketReader::open(rig.home()).unwrap().quarantine(1_000).unwrap().len();
        answer(&rig, &chart(&rows, *split));
        assert_eq!(MarketReader::open(rig.home()).unwrap().quarantine(1_000).unwrap().len(), aside, "{name}");
        rig.pass(7 * 3_600);
        let report = answer(&rig, &chart(&year(&rig, TO), None));
        assert_eq!(
            (report.failed(), rig.closes(A, YAHOO).len()),
            (0, before.len() + 4),
            "{name}: {report:#?}"
        );
    }
}

#[test]
fn a_first_answer_with_a_run_in_another_unit_keeps_its_good_rows() {
    for (from, to, repaired) in [(4, 0, 0), (20, 0, 0), (120, 0, 0), (150, 145, 5)] {
        let rig = Rig::new();
        let good = year(&rig, TO);
        let mut rows = good.clone();
        let count = rows.len();
        times(&mut rows[count - from..count - to], 100.0);
        let report = answer(&rig, &chart(&rows, None));
        let stored = if repaired > 0 { count } else { count - from };
        assert_eq!(rig.closes(A, YAHOO).len(), stored, "{from}: {report:#?}");
        for (date, close) in rig.closes(A, YAHOO) {
            let told = good.iter().find(|(on, _)| *on == date).and_then(|(_, close)| *close).unwrap();
            assert_eq!(close, format!("{told:.2}"), "{from}: {date}");
        }
        assert_eq!(report.rows[0].repaired, repaired, "{report:#?}");
    }
}

#[test]
fn an_answer_without_a_good_row_is_no_answer() {
    let year_of = |rig: &Rig, change: fn(&mut [Row])| {
        let mut rows = year(rig, TO);
        change(&mut rows);
        chart(&rows, None)
    };
    let cases: [(&str, Change, usize); 2] = [
        ("no price at all", |rows| rows.iter_mut().for_each(|row| row.1 = None), 0),
        ("one of a year", |rows| rows.iter_mut().skip(1).for_each(|row| row.1 = None), 1),
    ];
    for (name, change, good) in cases {
        let rig = Rig::new();
        let report = answer(&rig, &year_of(&rig, change));
        assert_eq!(report.rows[0].code.is_empty(), good > 0, "{name}: {report:#?}");
        assert_eq!(rig.closes(A, YAHOO).len(), good, "{name}");
        let report = answer(&rig, &year_of(&rig, |_| {}));
        assert_eq!((report.failed(), report.rows[0].outcome), (0, SyncOutcome::Done), "{name}: {report:#?}");
        assert_eq!(rig.closes(A, YAHOO).len(), year(&rig, TO).len(), "{name}");
    }
}

#[test]
fn a_set_aside_row_of_a_name_without_prices_can_be_fetched_again() {
    let rig = Rig::new();
    let mut rows = year(&rig, TO);
    rows.iter_mut().for_each(|row| row.1 = None);
    answer(&rig, &chart(&rows, None));
    let permit = rig.session().permit::<ManageData>().unwrap();
    let cases = rig.house().quarantine_cases(&permit, Some(QuarantineState::Open), 10).unwrap();
    rig.house().decide_quarantined(&permit, cases[0].id, Decision::Refetch).unwrap();
    let said =
        rig.house().decide_quarantined(&permit, cases[1].id, Decision::Accept).unwrap_err().to_string();
    assert!(said.contains("no prices that can be stored"), "{said}");
}

#[test]
fn everything_can_be_asked_for_again() {
    let rig = Rig::new();
    assert_eq!(rig.sync(Some(YAHOO), &[A]).failed(), 0);
    assert_eq!(rig.sync(Some(YAHOO), &[A]).rows[0].outcome, SyncOutcome::UpToDate);
    let (from, to) = (Some(day(super::rig::FROM)), Some(day(TO)));
    let wish = SyncWish {
        vendor: Some(YAHOO),
        instruments: vec![id(A)],
        from,
        to,
        again: true,
        ..SyncWish::default()
    };
    let report = rig.sync_as(rig.session(), &wish);
    assert_eq!((report.rows[0].outcome, report.rows[0].unchanged), (SyncOutcome::Done, 23), "{report:#?}");
}

#[test]
fn a_clock_that_was_a_year_ahead_freezes_nothing() {
    let rig = Rig::new();
    rig.set_now("2025-07-08T01:00:00Z");
    rig.arm("html_page", "/chart/", 1);
    let wish = SyncWish { vendor: Some(YAHOO), instruments: vec![id(A)], ..SyncWish::default() };
    rig.sync_as(rig.session(), &wish);
    rig.pass(3_600);
    answer_until(&rig, &wish);
    rig.set_now(super::rig::NOW);
    rig.server.disarm();
    let report = rig.sync_as(rig.session(), &wish);
    assert_eq!((report.failed(), report.rows[0].outcome), (0, SyncOutcome::Done), "{report:#?}");
    assert!(report.remarks.iter().any(|said| said.contains("clock")), "{report:#?}");
    let report = rig.sync_as(rig.session(), &wish);
    assert_eq!((report.rows[0].outcome, report.remarks.len()), (SyncOutcome::UpToDate, 0), "{report:#?}");
}

/// A vendor whose own clock is right has nothing of the year ahead.
fn answer_until(rig: &Rig, wish: &SyncWish) {
    let rows = year(rig, TO);
    rig.server.arm(Armed::next(Fault::Instead(Canned::json(&chart(&rows, None))), "/chart/", 99));
    let report = rig.sync_as(rig.session(), wish);
    assert_eq!(report.failed(), 0, "{report:#?}");
    let spans = MarketReader::open(rig.home()).unwrap();
    let spans = spans.coverage_of(id(A), YAHOO.as_str(), qlib_pro::domain::vendor::DataKind::Daily).unwrap();
    assert!(spans.iter().all(|span| span.to <= day(TO)), "nothing behind the newest row: {spans:?}");
}

#[test]
fn a_split_that_raw_prices_refute_and_a_dividend_above_the_price_are_set_aside() {
    let rig = Rig::new();
    let told = |date: &str, amount: f64| {
        json!({ "ticker": "QAAA", "ex_dividend_date": date, "cash_amount": amount, "currency": "USD",
                "pay_date": date, "dividend_type": "CD", "id": date })
    };
    let split = json!({ "ticker": "QAAA", "execution_date": "2024-06-20", "split_from": 1, "split_to": 1000, "id": "S" });
    let list = |rows: Value| {
        Fault::Instead(Canned::json(&json!({ "status": "OK", "results": rows, "request_id": "x" })))
    };
    rig.server.arm(Armed::next(list(json!([split])), "/splits", 1));
    let dividends = json!([told("2024-06-12", 0.5), told("2024-06-13", 99_999.0), told("2024-06-15", 0.5)]);
    rig.server.arm(Armed::next(list(dividends), "/dividends", 1));
    let report = rig.sync(Some(POLYGON), &[A]);
    assert_eq!((report.failed(), report.rows[0].actions), (0, 1), "{report:#?}");
    let held = ["DIVIDEND_TOO_LARGE", "NOT_A_SESSION", "SPLIT_NOT_SEEN"].map(str::to_owned);
    assert_eq!(reasons(&rig), held.into_iter().collect());
    let stored = MarketReader::open(rig.home()).unwrap().actions_of(id(A)).unwrap();
    assert_eq!(stored.iter().map(|(a, _)| a.date).collect::<Vec<_>>(), [day("2024-06-12")]);
    // A person knows better.
    let permit = rig.session().permit::<ManageData>().unwrap();
    let cases = rig.house().quarantine_cases(&permit, Some(QuarantineState::Open), 10).unwrap();
    let split = cases.iter().find(|case| case.row.reason.as_str() == "SPLIT_NOT_SEEN").unwrap();
    rig.house().decide_quarantined(&permit, split.id, Decision::Accept).unwrap();
    assert_eq!(MarketReader::open(rig.home()).unwrap().actions_of(id(A)).unwrap().len(), 2);
}

#[test]
fn a_delisted_name_is_fetched_up_to_its_last_day_and_a_coming_end_stops_nothing() {
    let rig = Rig::new();
    let delist = |name: &str, on: &str| {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), format!("date,symbol\n{on},{name}\n")).unwrap();
        let permit = rig.session().permit::<ManageData>().unwrap();
        let kind = qlib_pro::service::import::TableFileKind::Delistings;
        rig.house().import_table(&permit, kind, file.path(), qlib_pro::domain::Exchange::Xnys).unwrap();
    };
    delist("QAAA", "2024-06-14");
    delist("QBBB", "2024-12-31");
    assert_eq!(rig.sync(Some(YAHOO), &[A]).failed(), 0);
    assert_eq!(rig.closes(A, YAHOO).keys().next_back(), Some(&day("2024-06-14")));
    let wish =
        SyncWish { vendor: Some(YAHOO), instruments: vec![id(A), id("QBBB.XNYS")], ..SyncWish::default() };
    let report = rig.sync_as(rig.session(), &wish);
    assert!(report.rows[0].said.contains("no longer listed since 2024-06-14"), "{report:#?}");
    assert_eq!(report.rows[1].outcome, SyncOutcome::Done, "{report:#?}");
    assert_eq!(rig.closes("QBBB.XNYS", YAHOO).keys().next_back(), Some(&day(TO)));
}

#[test]
fn rows_from_before_a_rename_go_to_the_new_symbol_and_wrong_renames_are_set_aside() {
    let rig = Rig::new();
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    let renames = "from,old,new\n2024-06-17,QAAA,QNEW\n2024-06-17,QAAA,QOTHER\n2024-06-18,QX,QX\n\
                   2024-06-19,QY,QZ\n2024-06-19,QZ,QW\n2024-06-19,QW,QY\n";
    std::fs::write(file.path(), renames).unwrap();
    let permit = rig.session().permit::<ManageData>().unwrap();
    let kind = qlib_pro::service::import::TableFileKind::Renames;
    let report =
        rig.house().import_table(&permit, kind, file.path(), qlib_pro::domain::Exchange::Xnys).unwrap();
    let held: Vec<_> = report.quarantine.iter().map(|row| (row.line, row.reason.code())).collect();
    assert_eq!((report.read, report.stored), (6, 3), "{report:#?}");
    assert_eq!(held, [(3, "DUPLICATE_KEY"), (7, "BAD_RENAME")], "a symbol that stays is no rename");
    // A file of later is judged by what is stored.
    std::fs::write(file.path(), "from,old,new\n2024-06-17,QAAA,QOTHER\n2024-06-19,QW,QY\n").unwrap();
    let again =
        rig.house().import_table(&permit, kind, file.path(), qlib_pro::domain::Exchange::Xnys).unwrap();
    assert!(again.quarantine.iter().all(|row| row.reason.code() == "BAD_RENAME"), "{again:#?}");
    assert_eq!(again.quarantined, 2);
    assert_eq!(rig.sync(Some(YAHOO), &[A]).failed(), 0);
    assert_eq!(rig.closes("QNEW.XNYS", YAHOO).keys().next_back(), Some(&day("2024-06-14")));
    assert_eq!(rig.closes(A, YAHOO).keys().next(), Some(&day("2024-06-17")));
}

#[test]
fn what_was_stored_before_the_store_fails_is_told() {
    let rig = Rig::new();
    let db = rusqlite::Connection::open(rig.home().join("market.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON coverage WHEN (SELECT count(*) FROM coverage) >= 1 \
                BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    db.execute(full, []).unwrap();
    let report = rig.sync(Some(YAHOO), &[A, "QBBB.XNYS", "QCCC.XNYS"]);
    assert!(report.fault.contains("disk is full"), "{report:#?}");
    assert_eq!((report.rows[0].stored, report.rows.len()), (23, 3), "{report:#?}");
    assert_eq!(rig.closes("QBBB.XNYS", YAHOO).len(), 0, "one page is one transaction");
}

#[test]
fn pages_stored_before_a_fault_are_counted() {
    let rig = Rig::new();
    rig.market.page_rows(8);
    rig.server.arm(Armed::next(super::server::faults::named("500").unwrap(), "/aggs/", 99).after(2));
    let report = rig.sync(Some(POLYGON), &[A]);
    assert_eq!((report.failed(), report.rows[0].stored), (1, 16), "{report:#?}");
    assert_eq!(rig.closes(A, POLYGON).len(), 16);
}

#[test]
fn days_without_a_session_are_no_success_and_symbols_have_one_spelling() {
    let rig = Rig::new();
    let report = rig.sync_between(Some(YAHOO), &["QNEVER.XNYS"], "2024-07-06", "2024-07-07");
    assert_eq!((report.failed(), report.rows[0].code.as_str()), (1, "NO_SESSION"), "{report:#?}");
    let named = |text: &str| {
        let found = rig.house().instrument_named(text);
        found.map(|id| id.to_string()).map_err(|error| error.to_string())
    };
    for (text, id) in
        [("BRK-B", "BRK.B.XNYS"), ("brk.b", "BRK.B.XNYS"), ("BHP.AX", "BHP.XASX"), ("A.XASX", "A.XASX")]
    {
        assert_eq!(named(text).unwrap(), id);
    }
    for text in [".", "../x", "AAPL.FOO", "AAPL.XLON", ""] {
        let said = named(text).unwrap_err();
        assert!(said.len() > 20, "{text}: {said}");
    }
}
