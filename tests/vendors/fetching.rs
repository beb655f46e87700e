//! Scenarios below a home: vendors without price history, and sessions of vendors that have them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::vendor::{BudgetState, VendorId};
use qlib_pro::domain::{Address, CleanText};
use qlib_pro::market::fetch::{BudgetBook, FetchError, Fetcher, Parts, Waiting, Watch, stopper};
use qlib_pro::market::http::{Http, Limits};
use qlib_pro::market::vendors::{Ask, Page, registry};

use super::faults::{CASES, Case};
use super::rig::{Rig, id};
use super::server::faults::{Armed, named};

/// Budgets in memory.
#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<String, BudgetState>>);

impl BudgetBook for Book {
    fn with(
        &self,
        vendor: VendorId,
        key_id: &str,
        change: &mut dyn FnMut(&mut BudgetState),
    ) -> Result<(), CleanText> {
        change(self.0.lock().unwrap().entry(format!("{vendor} {key_id}")).or_default());
        Ok(())
    }
}

fn fetcher(rig: &Rig, vendor: VendorId, limits: Limits) -> Fetcher {
    let vendor = registry::vendor(vendor, &Calendars::bundled().unwrap());
    let address = format!("{}/{}", rig.server.address, vendor.id());
    let address = Address::parse(&address, vendor.hosts()).unwrap();
    let http = Http::new(address, vendor.key_place(), None, limits).unwrap();
    let allowances = vendor.allowances().to_vec();
    let (book, pace) = (Arc::new(Book::default()), rig.pace());
    Fetcher::new(Parts { vendor, http, key_id: "none".into(), allowances, book, pace })
}

fn page(rig: &Rig, fetcher: &Fetcher, ask: Ask) -> Result<Option<Page>, FetchError> {
    let (_stopper, stop) = stopper();
    let waits = Arc::clone(&rig.waits);
    let waiting = move |seen: &Waiting| waits.lock().unwrap().push(seen.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fetcher.page(ask, Watch { stop: &stop, waiting: &waiting }))
}

fn quotes(rig: &Rig, fetcher: &Fetcher, of: &str) -> Result<Option<Page>, FetchError> {
    page(rig, fetcher, Ask::Quotes(vec![id(of)]))
}

fn on_asx(case: &Case) {
    let rig = Rig::new();
    let mut limits = rig.limits;
    if matches!(case.fault, "silent" | "slow" | "endless" | "gzip_bomb" | "huge") {
        let total_ms = if matches!(case.fault, "silent" | "slow") { 300 } else { 20_000 };
        (limits.total_ms, limits.body_bytes_max) = (total_ms, 1 << 20);
    }
    let fetcher = fetcher(&rig, VendorId::Asx, limits);
    rig.arm(case.fault, "/companies/", case.times);
    let got = quotes(&rig, &fetcher, "BHP.XASX");
    let name = format!("scenario {} ({}) x asx", case.number, case.fault);
    let code = got.as_ref().err().map_or("", |error| error.why.code());
    assert_eq!(code, case.code, "{name}: {got:?}");
    assert_eq!(rig.server.seen("/companies/").len(), case.requests, "{name}");
    let at: Vec<i64> = rig.server.log().iter().map(|seen| seen.at / 1_000_000).collect();
    for (pair, least) in at.windows(2).zip(case.gaps_ms) {
        assert!(pair[1] - pair[0] >= *least, "{name}: {at:?}");
    }
    let read = format!("{:?} {}", rig.waited(), got.err().map(|e| e.to_string()).unwrap_or_default());
    assert!(read.contains(case.said), "{name}: {read}");
}

#[test]
fn every_fault_is_told_and_survived_at_the_exchanges_site_too() {
    // What only one vendor does is not for this one.
    let cases = CASES.iter().filter(|case| case.vendors.len() > 1);
    let failed: Vec<String> = cases
        .filter(|case| std::panic::catch_unwind(|| on_asx(case)).is_err())
        .map(|case| format!("{} ({})", case.number, case.fault))
        .collect();
    assert!(failed.is_empty(), "failed: {failed:#?}");
}

#[test]
fn s12_a_session_is_made_once_and_goes_with_later_calls() {
    let rig = Rig::new();
    let fetcher = fetcher(&rig, VendorId::Yahoo, rig.limits);
    for _ in 0..2 {
        assert!(quotes(&rig, &fetcher, "QAAA.XNYS").unwrap().is_some());
    }
    let paths: Vec<String> = rig.server.log().iter().map(|seen| seen.path.clone()).collect();
    assert_eq!(paths, ["/", "/v1/test/getcrumb", "/v7/finance/quote", "/v7/finance/quote"]);
}

#[test]
fn s12_what_is_no_crumb_is_never_taken_for_one() {
    for (fault, codes) in [("crumb_429", ["RATE_LIMITED"]), ("crumb_html", ["BLOCKED"])] {
        let rig = Rig::new();
        let fetcher = fetcher(&rig, VendorId::Yahoo, rig.limits);
        rig.arm(fault, "getcrumb", 1);
        let error = quotes(&rig, &fetcher, "QAAA.XNYS").unwrap_err();
        assert!(codes.contains(&error.why.code()), "{fault}: {error}");
        assert!(rig.server.seen("/v7/").is_empty(), "{fault}: no call goes with a false crumb");
    }
}

#[test]
fn s12_a_stale_crumb_is_renewed_once_and_then_it_ends() {
    let rig = Rig::new();
    let yahoo = fetcher(&rig, VendorId::Yahoo, rig.limits);
    rig.arm("401_crumb", "/v7/", 1);
    assert!(quotes(&rig, &yahoo, "QAAA.XNYS").unwrap().is_some());
    assert_eq!((rig.server.seen("getcrumb").len(), rig.server.seen("/v7/").len()), (2, 2));

    let rig = Rig::new();
    let yahoo = fetcher(&rig, VendorId::Yahoo, rig.limits);
    rig.server.arm(Armed::next(named("401_crumb").unwrap(), "/v7/", 99));
    let error = quotes(&rig, &yahoo, "QAAA.XNYS").unwrap_err();
    assert_eq!(error.why.code(), "AUTH_FAILED", "{error}");
    assert_eq!((rig.server.seen("getcrumb").len(), rig.server.seen("/v7/").len()), (2, 2));
    assert!(!format!("{error}").contains("CANARY"), "{error}");
}

#[test]
fn s18_an_unknown_code_of_the_exchange_is_not_found() {
    let rig = Rig::new();
    rig.market.forget("ZZZ.AX");
    let asx = fetcher(&rig, VendorId::Asx, rig.limits);
    let error = quotes(&rig, &asx, "ZZZ.XASX").unwrap_err();
    assert_eq!(error.why.code(), "NOT_FOUND", "{error}");
}

#[test]
fn s30_nobody_at_the_address_is_told_as_that() {
    let rig = Rig::new();
    let vendor = registry::vendor(VendorId::Asx, &Calendars::bundled().unwrap());
    let address = Address::parse("http://127.0.0.1:1", &[]).unwrap();
    let http = Http::new(address, vendor.key_place(), None, rig.limits).unwrap();
    let (book, pace) = (Arc::new(Book::default()), rig.pace());
    let parts = Parts { vendor, http, key_id: "none".into(), allowances: Vec::new(), book, pace };
    let error = quotes(&rig, &Fetcher::new(parts), "BHP.XASX").unwrap_err();
    assert_eq!(error.why.code(), "OFFLINE", "{error}");
    assert!(error.to_string().starts_with("asx: it cannot be reached"), "{error}");
}
