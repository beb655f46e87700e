//! Last prices by command: in the order of the vendors, each asked for what nobody before it gave; kept nowhere.

use qlib_pro::domain::vendor::VendorId;
use qlib_pro::service::permit::ManageData;
use qlib_pro::service::sync::{Control, QuoteRow, SyncWish, stopper};
use serde_json::json;

use super::rig::{Rig, id};
use super::server::Canned;
use super::server::faults::{Armed, Fault};

const AV: VendorId = VendorId::AlphaVantage;
const YAHOO: VendorId = VendorId::Yahoo;
const POLYGON: VendorId = VendorId::Polygon;
const ASX: VendorId = VendorId::Asx;

fn quotes(rig: &Rig, vendor: Option<VendorId>, symbols: &[&str]) -> Vec<QuoteRow> {
    let instruments = symbols.iter().map(|symbol| id(symbol)).collect();
    let wish = SyncWish { vendor, instruments, ..SyncWish::default() };
    let (_stopper, stop) = stopper();
    let control = Control { stop, progress: &|_| {}, pace: rig.pace(), limits: rig.limits };
    let permit = rig.session().permit::<ManageData>().unwrap();
    rig.house().vendor_quotes(&permit, &wish, &control).unwrap()
}

fn price(value: Option<qlib_pro::domain::Price>) -> Option<String> {
    value.map(|price| format!("{:.2}", price.to_f64()))
}

fn last(rig: &Rig, name: &str) -> Option<String> {
    rig.market.newest(name).map(|(day, _)| format!("{:.2}", day.close))
}

fn refuse(rig: &Rig, path: &str) {
    let refusal = json!({ "status": "NOT_AUTHORIZED", "message": "You are not entitled to this data." });
    let refusal = Fault::Instead(Canned::text(403, "application/json", &refusal.to_string()));
    rig.server.arm(Armed::next(refusal, path, 99));
}

#[test]
fn every_vendor_tells_last_prices_and_each_says_how_late_they_are() {
    for (vendor, symbol, name, delay) in [
        (AV, "QAAA.XNYS", "QAAA", "not told"),
        (YAHOO, "QAAA.XNYS", "QAAA", "real time"),
        (POLYGON, "QAAA.XNYS", "QAAA", "not told"),
        (ASX, "BHP.XASX", "BHP.AX", "not told"),
    ] {
        let rig = Rig::new();
        let rows = quotes(&rig, Some(vendor), &[symbol]);
        let row = &rows[0];
        assert_eq!((row.vendor, row.code.as_str()), (Some(vendor), ""), "{row:#?}");
        assert_eq!(price(row.last), last(&rig, name), "{row:#?}");
        assert_eq!(row.delay, delay, "{row:#?}");
        assert!(row.told_at.is_some());
        assert!(row.time.is_none_or(|time| time <= row.told_at.unwrap()));
    }
}

#[test]
fn a_snapshot_has_bid_ask_volume_and_the_change_since_the_close_before() {
    let rig = Rig::new();
    let rows = quotes(&rig, Some(POLYGON), &["QBBB.XNYS", "QAAA.XNYS"]);
    assert_eq!(rig.server.log().len(), 1, "one request for both: {:?}", rig.server.log());
    assert_eq!(rows.iter().map(|row| row.symbol.as_str()).collect::<Vec<_>>(), ["QBBB", "QAAA"], "as asked");
    let (row, (day, before)) = (&rows[1], rig.market.newest("QAAA").unwrap());
    let cents = |value: f64| Some(format!("{value:.2}"));
    assert_eq!((price(row.bid), price(row.ask)), (cents(day.close - 0.01), cents(day.close + 0.01)));
    assert_eq!((row.bid_size.unwrap().to_f64(), row.ask_size.unwrap().to_f64()), (300.0, 500.0));
    assert_eq!(price(row.change), cents(day.close - before));
    let percent = (day.close / before - 1.0) * 100.0;
    assert!((row.change_percent.unwrap() - percent).abs() < 0.006, "{row:#?}");
    assert_eq!(row.volume.unwrap().to_f64() as u64, day.volume);
    assert_eq!(row.time, Some(day.session.close));
}

#[test]
fn what_one_vendor_does_not_tell_the_next_one_is_asked_for_alone() {
    let rig = Rig::new();
    rig.market.forget("QZZZ");
    let rows = quotes(&rig, None, &["QAAA.XNYS", "BHP.XASX", "QZZZ.XNYS"]);
    assert_eq!(rows[0].vendor, Some(POLYGON), "{rows:#?}");
    assert_eq!(price(rows[1].last), last(&rig, "BHP.AX"), "{rows:#?}");
    assert_eq!((rows[2].vendor, rows[2].code.as_str()), (None, "NOT_FOUND"), "{rows:#?}");
    assert!(rows[2].said.contains("polygon: it does not know this symbol"), "{rows:#?}");
    assert!(rows[2].said.contains("yahoo: it does not know this symbol"), "{rows:#?}");
    let again: Vec<String> =
        rig.server.seen("/v7/finance/quote").iter().filter_map(|s| s.query.get("symbols").cloned()).collect();
    assert!(again.iter().all(|symbols| !symbols.contains("QAAA")), "{again:?}");

    refuse(&rig, "/snapshot/");
    let rows = quotes(&rig, None, &["QAAA.XNYS", "QBBB.XNYS"]);
    assert!(rows.iter().all(|row| row.vendor == Some(YAHOO) && row.code.is_empty()), "{rows:#?}");
    assert_eq!(rows[0].said, "polygon: the plan does not include quotes data");
}

#[test]
fn a_small_plan_tells_the_parts_of_a_quote_one_by_one_and_its_delay() {
    let rig = Rig::new();
    refuse(&rig, "/snapshot/");
    let rows = quotes(&rig, Some(POLYGON), &["QAAA.XNYS"]);
    let row = &rows[0];
    assert_eq!(price(row.last), last(&rig, "QAAA"), "{row:#?}");
    assert!(row.bid.is_some() && row.ask.is_some(), "{row:#?}");
    assert_eq!(row.delay, "15 min late", "{row:#?}");
}

#[test]
fn nobody_to_ask_and_nobody_at_home_are_told() {
    let rig = Rig::new();
    let rows = quotes(&rig, Some(ASX), &["QAAA.XNYS"]);
    assert_eq!(rows[0].code, "NO_SUCH_DATA", "{rows:#?}");
    assert!(
        rows[0].said.contains("no vendor that is switched on and has a key has quotes of XNYS"),
        "{rows:#?}"
    );
    for vendor in ["polygon", "yahoo", "alpha_vantage", "asx"] {
        rig.session().change_setting(&format!("vendors.{vendor}.url"), "http://127.0.0.1:1").unwrap();
    }
    let rows = quotes(&rig, None, &["QAAA.XNYS"]);
    assert_eq!(rows[0].code, "OFFLINE", "{rows:#?}");
    assert!(rows[0].said.contains("yahoo: it cannot be reached"), "{rows:#?}");
}
