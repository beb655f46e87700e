//! The scenarios in which the vendor or the line fails, as one table over vendors: what is stored, which requests were
//! made and when, what the reply was taken for, and what a person reads.

use qlib_pro::domain::vendor::VendorId;

use super::rig::{FROM, Rig, TO};

const AV: VendorId = VendorId::AlphaVantage;
const YAHOO: VendorId = VendorId::Yahoo;
const POLYGON: VendorId = VendorId::Polygon;
const ALL: &[VendorId] = &[AV, YAHOO, POLYGON];

/// One scenario.
pub struct Case {
    pub number: u32,
    pub fault: &'static str,
    pub vendors: &'static [VendorId],
    pub times: u32,
    /// Reply class at the end; empty when the rows are had.
    pub code: &'static str,
    /// Requests for bars.
    pub requests: usize,
    /// Least time between two of them, in milliseconds, one by one.
    pub gaps_ms: &'static [i64],
    /// What a person reads, while waiting or in the report.
    pub said: &'static str,
}

const fn case(number: u32, fault: &'static str, vendors: &'static [VendorId], times: u32) -> Case {
    Case { number, fault, vendors, times, code: "", requests: 1, gaps_ms: &[], said: "" }
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    Case { requests: 3, gaps_ms: &[7_000, 7_000], said: "too many requests; waiting 7 s", ..case(1, "429_seconds", ALL, 2) },
    Case { requests: 2, gaps_ms: &[6_000], said: "too many requests; waiting", ..case(1, "429_date", ALL, 1) },
    Case { requests: 2, gaps_ms: &[1_000], said: "too many requests", ..case(2, "429_empty", ALL, 1) },
    Case { requests: 2, gaps_ms: &[1_000], said: "too many requests", ..case(4, "av_burst", &[AV], 1) },
    Case { code: "QUOTA_SPENT", requests: 1, said: "the day's requests are used up", ..case(5, "av_quota", &[AV], 99) },
    Case { requests: 3, gaps_ms: &[500, 1_000], said: "it failed", ..case(7, "500", ALL, 2) },
    Case { requests: 2, gaps_ms: &[500], said: "it failed", ..case(7, "502_html", ALL, 1) },
    Case { requests: 2, gaps_ms: &[500], said: "it failed", ..case(7, "503", ALL, 1) },
    Case { code: "TRANSIENT", requests: 4, gaps_ms: &[500, 1_000, 2_000], said: "it failed", ..case(7, "500", ALL, 99) },
    Case { code: "TOO_SLOW", requests: 2, said: "its answer took longer than 300 ms", ..case(8, "silent", ALL, 99) },
    Case { code: "TOO_SLOW", requests: 2, said: "its answer took longer than 300 ms", ..case(8, "slow", ALL, 99) },
    Case { code: "TOO_LARGE", requests: 1, said: "its answer is larger than 1 MB", ..case(8, "endless", ALL, 99) },
    Case { requests: 2, gaps_ms: &[500], said: "", ..case(9, "cut", ALL, 1) },
    Case { code: "BLOCKED", requests: 1, said: "it is blocked", ..case(10, "html_page", ALL, 99) },
    Case { ..case(11, "json_as_html", ALL, 1) },
    Case { code: "BLOCKED", requests: 1, said: "it sends to elsewhere.example, which is not followed", ..case(23, "302", ALL, 99) },
    Case { code: "TOO_LARGE", requests: 1, said: "its answer is larger than 1 MB", ..case(23, "gzip_bomb", ALL, 99) },
    Case { code: "TOO_LARGE", requests: 1, said: "its answer is larger than 1 MB", ..case(23, "huge", ALL, 99) },
];

/// What a request for bars has in its path or parameters.
const fn bars_of(vendor: VendorId) -> &'static str {
    match vendor {
        VendorId::AlphaVantage => "TIME_SERIES_DAILY",
        VendorId::Yahoo => "/chart/",
        VendorId::Polygon => "/aggs/",
        VendorId::Asx => "/companies/",
    }
}

fn run(case: &Case, vendor: VendorId) {
    let name = format!("scenario {} ({}) x {vendor}", case.number, case.fault);
    let mut rig = Rig::new();
    let bounded = matches!(case.fault, "silent" | "slow" | "endless" | "gzip_bomb" | "huge");
    if bounded {
        let total_ms = if matches!(case.fault, "silent" | "slow") { 300 } else { 20_000 };
        (rig.limits.total_ms, rig.limits.body_bytes_max) = (total_ms, 1 << 20);
    }
    // Alpha Vantage's splits come first and are not what is tried here.
    if vendor == AV {
        rig.arm("av_premium", "TIME_SERIES_DAILY_ADJUSTED", 99);
    }
    rig.arm(case.fault, bars_of(vendor), case.times);
    let report = rig.sync(Some(vendor), &["QAAA.XNYS"]);
    let (row, stored) = (&report.rows[0], rig.closes("QAAA.XNYS", vendor));
    if case.code.is_empty() {
        assert_eq!(row.code, "", "{name}: {report:#?}");
        assert_eq!(stored, rig.expected("QAAA", vendor == YAHOO, FROM, TO), "{name}");
    } else {
        assert_eq!(row.code, case.code, "{name}: {report:#?}");
        assert!(stored.is_empty(), "{name}: {stored:?}");
    }
    assert_eq!(rig.bar_requests().len(), case.requests, "{name}: {:#?}", rig.bar_requests());
    let gaps = rig.gaps_ms();
    for (gap, least) in gaps.iter().zip(case.gaps_ms) {
        assert!(gap >= least, "{name}: {gaps:?}");
    }
    let read = format!("{:?} {} {:?}", rig.waited(), row.said, report.vendors);
    assert!(read.contains(case.said), "{name}: {read}");
    assert!(!read.contains(super::rig::KEY), "{name}: {read}");
}

#[test]
fn every_fault_of_a_vendor_or_the_line_is_told_and_survived() {
    let cells = CASES.iter().flat_map(|case| case.vendors.iter().map(move |vendor| (case, *vendor)));
    let (mut failed, mut passed) = (Vec::new(), 0);
    for (case, vendor) in cells {
        match std::panic::catch_unwind(|| run(case, vendor)) {
            Ok(()) => passed += 1,
            Err(_) => failed.push(format!("{} ({}) x {vendor}", case.number, case.fault)),
        }
    }
    assert!(failed.is_empty(), "{passed} passed; failed: {failed:#?}");
}
