//! Minutes by command: what is missing of finished sessions, page by page, as they were traded, within what each vendor
//! keeps; stopped and gone on with; and through the real binary, killed and run again.

use chrono::NaiveDate;
use qlib_pro::domain::market::MinuteBar;
use qlib_pro::domain::vendor::{DataKind, VendorId};
use qlib_pro::domain::{InstrumentId, UnixNanos};
use qlib_pro::service::permit::ManageData;
use qlib_pro::service::quality::Decision;
use qlib_pro::service::sync::{Bars, Control, SyncOutcome, SyncReport, SyncWish, stopper};
use qlib_pro::store::market::{MarketReader, MinuteSide};
use serde_json::json;

use super::market::minutes::OneMinute;
use super::rig::{Rig, day, id};
use super::server::Canned;
use super::server::faults::{Armed, Fault};

const AV: VendorId = VendorId::AlphaVantage;
const YAHOO: VendorId = VendorId::Yahoo;
const POLYGON: VendorId = VendorId::Polygon;

const A: &str = "QAAA.XNYS";
const B: &str = "QBBB.XNYS";
/// The five newest sessions.
const FIRST: &str = "2024-06-28";
const LAST: &str = "2024-07-05";

fn wish(vendor: Option<VendorId>, symbols: &[&str], span: (Option<&str>, Option<&str>)) -> SyncWish {
    SyncWish {
        bars: Bars::Minutes,
        vendor,
        instruments: symbols.iter().map(|symbol| id(symbol)).collect(),
        from: span.0.map(day),
        to: span.1.map(day),
        ..SyncWish::default()
    }
}

fn sync(rig: &Rig, vendor: Option<VendorId>, symbols: &[&str]) -> SyncReport {
    rig.sync_as(rig.session(), &wish(vendor, symbols, (None, None)))
}

fn stored(rig: &Rig, symbol: &str, source: VendorId) -> Vec<MinuteBar> {
    let span = (UnixNanos::ZERO, UnixNanos::from_nanos(i64::MAX));
    let reader = MarketReader::open(rig.home()).unwrap();
    reader.minutes(id(symbol), source.as_str(), MinuteSide::Trade, span).unwrap()
}

type Row = (UnixNanos, [String; 4], i64);

fn text(price: f64) -> String {
    format!("{price:.4}")
}

fn rows(bars: &[MinuteBar]) -> Vec<Row> {
    let row = |bar: &MinuteBar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| text(price.to_f64()));
        (bar.from, prices, (bar.volume.to_f64()).round() as i64)
    };
    bars.iter().map(row).collect()
}

/// What was traded, in the terms of its day.
fn traded(rig: &Rig, name: &str, from: &str, to: &str) -> Vec<Row> {
    let all = rig.market.minutes_between(name, day(from), day(to), false);
    let row = |m: &OneMinute| {
        (m.from, [m.open, m.high, m.low, m.close].map(text), i64::try_from(m.volume).unwrap())
    };
    all.iter().map(row).collect()
}

/// That the stored minutes are those that were traded on some days; tells the first that differs.
#[track_caller]
fn assert_traded(rig: &Rig, symbol: &str, source: VendorId, name: &str, (from, to): (&str, &str)) {
    let (stored, traded) = (rows(&stored(rig, symbol, source)), traded(rig, name, from, to));
    let differs = stored.iter().zip(&traded).find(|(stored, traded)| stored != traded);
    let (first, last) = (stored.first().map(|row| row.0), stored.last().map(|row| row.0));
    let lengths = (stored.len(), traded.len());
    assert!(
        differs.is_none() && lengths.0 == lengths.1,
        "{source}: {differs:?} {lengths:?} {first:?} {last:?}"
    );
}

fn covered(rig: &Rig, instrument: InstrumentId, source: VendorId) -> Vec<(NaiveDate, NaiveDate)> {
    let reader = MarketReader::open(rig.home()).unwrap();
    let spans = reader.coverage_of(instrument, source.as_str(), DataKind::Minutes).unwrap();
    spans.iter().map(|span| (span.from, span.to)).collect()
}

#[test]
fn the_newest_sessions_come_from_every_vendor_that_has_minutes_and_are_asked_for_once() {
    for vendor in [AV, YAHOO, POLYGON] {
        let rig = Rig::new();
        let report = sync(&rig, Some(vendor), &[A]);
        let row = &report.rows[0];
        assert_eq!((row.outcome, report.quarantined()), (SyncOutcome::Done, 0), "{vendor}: {report:#?}");
        assert_eq!((row.from, row.to), (Some(day(FIRST)), Some(day(LAST))), "{vendor}");
        assert_traded(&rig, A, vendor, "QAAA", (FIRST, LAST));
        assert_eq!(row.stored, traded(&rig, "QAAA", FIRST, LAST).len() as u64, "{vendor}");
        assert_eq!(covered(&rig, id(A), vendor), [(day(FIRST), day(LAST))], "{vendor}");

        rig.server.forget();
        assert_eq!(sync(&rig, Some(vendor), &[A]).rows[0].outcome, SyncOutcome::UpToDate, "{vendor}");
        assert!(rig.server.log().is_empty(), "{vendor}: {:?}", rig.server.log());
        // Without a name: what was synced before, one session on.
        rig.set_now("2024-07-09T01:00:00Z");
        let report = sync(&rig, Some(vendor), &[]);
        assert_eq!((report.rows.len(), report.rows[0].from), (1, Some(day("2024-07-08"))), "{vendor}");
        assert_traded(&rig, A, vendor, "QAAA", (FIRST, "2024-07-08"));
    }
}

#[test]
fn minutes_of_sydney_come_from_yahoo() {
    let rig = Rig::at("2024-07-08T09:00:00Z");
    let report = sync(&rig, None, &["BHP.XASX"]);
    assert_eq!(report.rows[0].vendor, Some(YAHOO), "{report:#?}");
    assert_traded(&rig, "BHP.XASX", YAHOO, "BHP.AX", ("2024-07-02", "2024-07-08"));
}

#[test]
fn a_vendor_is_asked_for_no_days_it_no_longer_keeps_and_one_that_has_them_goes_first() {
    let rig = Rig::new();
    let report = rig.sync_as(rig.session(), &wish(Some(YAHOO), &[A], (Some("2024-05-01"), None)));
    let row = &report.rows[0];
    assert_eq!((row.outcome, row.from), (SyncOutcome::Done, Some(day("2024-06-10"))), "{report:#?}");
    assert_eq!(row.said, "yahoo keeps minutes from 2024-06-08 on only");
    assert_traded(&rig, A, YAHOO, "QAAA", ("2024-06-10", LAST));
    let log = rig.server.seen("/chart/");
    let widest = log.iter().filter_map(|seen| {
        let second = |name: &str| seen.query.get(name)?.parse::<i64>().ok();
        (seen.query.get("interval")? == "1m").then_some(second("period2")? - second("period1")?)
    });
    assert!(widest.max().unwrap() <= 8 * 86_400);

    let old = (Some("2024-05-01"), Some("2024-05-03"));
    let report = rig.sync_as(rig.session(), &wish(Some(YAHOO), &[A], old));
    assert_eq!((report.failed(), report.rows[0].code.as_str()), (1, "TOO_OLD"), "{report:#?}");
    assert!(report.rows[0].said.contains("keeps minutes for 29 days only"), "{report:#?}");
    // Without a vendor: Yahoo has given it before, but Polygon still has those days.
    let report = rig.sync_as(rig.session(), &wish(None, &[A], old));
    assert_eq!(report.rows[0].vendor, Some(POLYGON), "{report:#?}");
    assert_traded(&rig, A, POLYGON, "QAAA", ("2024-05-01", "2024-05-03"));
}

#[test]
fn minutes_before_a_split_are_stored_as_they_were_traded_whenever_they_are_fetched() {
    for vendor in [AV, YAHOO, POLYGON] {
        let rig = Rig::at("2024-07-03T01:00:00Z");
        assert_eq!(sync(&rig, Some(vendor), &[A]).failed(), 0);
        rig.market.split("QAAA", "2024-07-05", 4);
        rig.set_now(super::rig::NOW);
        let report = rig.sync_as(rig.session(), &wish(Some(vendor), &[A, B], (Some("2024-06-20"), None)));
        assert_eq!((report.failed(), report.quarantined()), (0, 0), "{vendor}: {report:#?}");
        let bars = stored(&rig, A, vendor);
        assert_traded(&rig, A, vendor, "QAAA", ("2024-06-20", LAST));
        let on = |date: &str| bars.iter().find(|bar| bar.from.to_string().starts_with(date)).unwrap().close;
        let ratio = on("2024-07-03").to_f64() / on("2024-07-05").to_f64();
        assert!((3.0..5.0).contains(&ratio), "{vendor}: {ratio}");
    }
}

#[test]
fn a_late_session_is_asked_for_again_and_a_plan_without_minutes_gives_way() {
    let rig = Rig::new();
    rig.market.late(&[LAST]);
    assert_eq!(sync(&rig, Some(YAHOO), &[A]).failed(), 0);
    rig.market.late(&[]);
    assert_eq!(sync(&rig, Some(YAHOO), &[A]).rows[0].outcome, SyncOutcome::UpToDate, "not at once again");
    rig.pass(7 * 3_600);
    let report = sync(&rig, Some(YAHOO), &[A]);
    assert_eq!(
        (report.rows[0].outcome, report.rows[0].from),
        (SyncOutcome::Done, Some(day(LAST))),
        "{report:#?}"
    );
    assert_traded(&rig, A, YAHOO, "QAAA", (FIRST, LAST));

    let refusal = json!({ "status": "NOT_AUTHORIZED", "message": "You are not entitled to this data." });
    let refusal = Fault::Instead(Canned::text(403, "application/json", &refusal.to_string()));
    rig.server.arm(Armed::next(refusal, "/range/1/minute/", 9));
    let report = sync(&rig, None, &[B]);
    assert_eq!(report.rows[0].vendor, Some(YAHOO), "{report:#?}");
    assert!(report.rows[0].said.contains("polygon: the plan does not include minutes data"), "{report:#?}");
    rig.market.forget("QCCC");
    let report = sync(&rig, Some(YAHOO), &["QCCC.XNYS"]);
    assert_eq!((report.failed(), report.rows[0].code.as_str()), (1, "NOT_FOUND"), "{report:#?}");
}

#[test]
fn bad_minutes_are_kept_with_their_reason_and_may_be_fetched_again() {
    let rig = Rig::new();
    let good = rig.market.minutes_between("QAAA", day(LAST), day(LAST), false);
    let row = |m: &OneMinute, low: f64| {
        json!({ "v": m.volume, "o": m.open, "c": m.close, "h": m.high, "l": low,
            "t": m.from.nanos() / 1_000_000, "n": 1 })
    };
    let bad = good[7].from;
    let told: Vec<_> =
        good.iter().map(|m| row(m, if m.from == bad { m.high + 1.0 } else { m.low })).collect();
    let body = json!({ "ticker": "QAAA", "adjusted": false, "status": "OK", "results": told });
    rig.server.arm(Armed::next(Fault::Instead(Canned::json(&body)), "/range/1/minute/", 1));
    let only = wish(Some(POLYGON), &[A], (Some(LAST), Some(LAST)));
    let report = rig.sync_as(rig.session(), &only);
    assert_eq!((report.failed(), report.quarantined()), (0, 1), "{report:#?}");
    assert_eq!(report.quarantine[0].reason.code(), "BROKEN_HIGH_LOW");
    assert_eq!(stored(&rig, A, POLYGON).len(), good.len() - 1);
    assert_eq!(rig.sync_as(rig.session(), &only).rows[0].outcome, SyncOutcome::UpToDate);

    let open = || MarketReader::open(rig.home()).unwrap().quarantine_cases(None, 9).unwrap();
    let case = &open()[0];
    assert_eq!((case.row.job.as_str(), case.row.date.as_str()), ("sync minutes", bad.to_string().as_str()));
    let permit = rig.session().permit::<ManageData>().unwrap();
    rig.house().decide_quarantined(&permit, case.id, Decision::Refetch).unwrap();
    let report = rig.sync_as(rig.session(), &only);
    assert_eq!((report.rows[0].stored, report.rows[0].unchanged), (1, good.len() as u64 - 1), "{report:#?}");
    assert_eq!(open()[0].state.as_str(), "accepted");
    assert_traded(&rig, A, POLYGON, "QAAA", (LAST, LAST));
}

#[test]
fn a_session_of_refused_minutes_is_asked_for_again_by_the_runs_of_three_sessions_and_then_no_more() {
    let rig = Rig::at("2024-07-02T01:00:00Z");
    let bad_day = "2024-07-01";
    // Whatever is asked for, the minutes of one day are broken.
    let answer = |rig: &Rig, to: &str| {
        let all = rig.market.minutes_between("QAAA", day("2024-06-25"), day(to), false);
        let told: Vec<_> = all
            .iter()
            .map(|m| {
                let is_bad = m.from.to_string().starts_with(bad_day) && m.volume % 10 > 0;
                let low = if is_bad { m.high + 1.0 } else { m.low };
                json!({ "v": m.volume, "o": m.open, "c": m.close, "h": m.high, "l": low,
                    "t": m.from.nanos() / 1_000_000, "n": 1 })
            })
            .collect();
        let body = json!({ "ticker": "QAAA", "adjusted": false, "status": "OK", "results": told });
        rig.server.disarm();
        rig.server.arm(Armed::next(Fault::Instead(Canned::json(&body)), "/range/1/minute/", 9));
    };
    // The run of each evening, and how far back it asked.
    let mut asked = Vec::new();
    for (now, to) in [
        ("2024-07-02T01:00:00Z", "2024-07-01"),
        ("2024-07-03T01:00:00Z", "2024-07-02"),
        ("2024-07-04T01:00:00Z", "2024-07-03"),
        ("2024-07-06T01:00:00Z", "2024-07-05"),
        ("2024-07-09T01:00:00Z", "2024-07-08"),
        ("2024-07-10T01:00:00Z", "2024-07-09"),
    ] {
        rig.set_now(now);
        answer(&rig, to);
        rig.server.forget();
        let report = sync(&rig, Some(POLYGON), &[A]);
        assert_eq!(report.failed(), 0, "{report:#?}");
        let first = &rig.server.seen("/range/1/minute/")[0].path;
        asked.push(first.split('/').rev().nth(1).unwrap_or_default().to_owned());
    }
    let again = asked.iter().skip(1).filter(|from| from.as_str() == bad_day).count();
    assert_eq!(again, 3, "{asked:?}");
    assert_eq!(asked[4..], ["2024-07-08", "2024-07-09"], "only what is new");
    assert_eq!(covered(&rig, id(A), POLYGON)[0], (day("2024-06-25"), day("2024-07-05")), "no hole is left");
    // A person can have it all again.
    rig.server.disarm();
    let all = wish(Some(POLYGON), &[A], (Some(bad_day), Some(bad_day)));
    rig.sync_as(rig.session(), &SyncWish { again: true, ..all });
    let on_day = |m: &&MinuteBar| m.from.to_string().starts_with(bad_day);
    let whole = rig.market.minutes_between("QAAA", day(bad_day), day(bad_day), false).len();
    assert_eq!(stored(&rig, A, POLYGON).iter().filter(on_day).count(), whole);
}

#[test]
fn a_run_that_is_stopped_between_pages_goes_on_without_a_gap_or_a_double_row() {
    for vendor in [AV, YAHOO, POLYGON] {
        let rig = Rig::new();
        rig.market.page_rows(500);
        let wish = wish(Some(vendor), &[A, B], (Some("2024-06-10"), None));
        let mut requests = 0;
        for pages in 1.. {
            let (stopper, stop) = stopper();
            let progress = |seen: &qlib_pro::service::sync::Progress| {
                if seen.requests > pages && seen.rows > 0 {
                    stopper.set();
                }
            };
            let control = Control { stop, progress: &progress, pace: rig.pace(), limits: rig.limits };
            let permit = rig.session().permit().unwrap();
            let report = rig.house().sync(&permit, &wish, &control).unwrap();
            requests += report.requests;
            if !report.canceled {
                assert_eq!(report.failed(), 0, "{vendor}: {report:#?}");
                break;
            }
            assert!(pages < 20, "{vendor}: it comes to no end");
        }
        for (symbol, name) in [(A, "QAAA"), (B, "QBBB")] {
            assert_traded(&rig, symbol, vendor, name, ("2024-06-10", LAST));
            assert_eq!(covered(&rig, id(symbol), vendor), [(day("2024-06-10"), day(LAST))], "{vendor}");
        }
        assert!(requests < 60, "{vendor}: {requests} requests");
    }
}
