//! Dividends that the exchange's own site tells beside the prices of others.

use qlib_pro::domain::market::ActionKind;
use qlib_pro::domain::vendor::VendorId;
use qlib_pro::service::sync::{SyncOutcome, SyncReport};
use qlib_pro::store::market::MarketReader;

use super::rig::{FROM, Rig, TO, id};

const ASX: VendorId = VendorId::Asx;
const YAHOO: VendorId = VendorId::Yahoo;
const BHP: &str = "BHP.XASX";

/// Ex-date, amount, day of payment and who told it.
fn dividends(rig: &Rig) -> Vec<(String, String, String, String)> {
    let told = MarketReader::open(rig.home()).unwrap().actions_of(id(BHP)).unwrap();
    let row = |(action, of): (qlib_pro::domain::market::CorporateAction, qlib_pro::domain::CleanText)| {
        let ActionKind::Dividend { amount, pay_date } = action.kind else { return None };
        Some((action.date.to_string(), amount.to_string(), pay_date.to_string(), of.to_string()))
    };
    told.into_iter().filter_map(row).collect()
}

fn strings(rows: &[(&str, &str, &str, &str)]) -> Vec<(String, String, String, String)> {
    rows.iter().map(|(a, b, c, d)| ((*a).into(), (*b).into(), (*c).into(), (*d).into())).collect()
}

fn sync(rig: &Rig) -> SyncReport {
    rig.sync_between(None, &[BHP, "QAAA.XNYS"], FROM, TO)
}

#[test]
fn a_sync_of_sydney_asks_the_site_once_a_day_for_the_dividend_and_its_day_of_payment() {
    let rig = Rig::new();
    rig.market.dividend("BHP.AX", "2024-06-12", 0.5);
    let report = sync(&rig);
    assert_eq!((report.failed(), report.quarantined()), (0, 0), "{report:#?}");
    let row = report.rows.iter().find(|row| row.instrument() == id(BHP)).unwrap();
    assert_eq!((row.vendor, row.outcome), (Some(YAHOO), SyncOutcome::Done), "{report:#?}");
    // One dividend, told by Yahoo first; the site knows when it is paid.
    assert_eq!(dividends(&rig), strings(&[("2024-06-12", "0.5", "2024-07-03", "asx")]));
    assert_eq!(rig.server.seen("/key-statistics").len(), 1, "not for the United States");
    sync(&rig);
    assert_eq!(rig.server.seen("/key-statistics").len(), 1, "not again the same day");
    let named = rig.sync_between(Some(ASX), &[BHP], FROM, TO);
    assert_eq!((named.failed(), rig.server.seen("/key-statistics").len()), (0, 2), "but when it is named");

    // The next one is announced: Yahoo does not tell it yet.
    rig.market.dividend("BHP.AX", "2024-07-15", 0.4);
    rig.set_now("2024-07-09T09:00:00Z");
    assert_eq!(sync(&rig).failed(), 0);
    let both = [("2024-06-12", "0.5", "2024-07-03", "asx"), ("2024-07-15", "0.4", "2024-08-05", "asx")];
    assert_eq!(dividends(&rig), strings(&both));
}

#[test]
fn a_name_that_the_site_does_not_know_is_asked_once_a_day_too() {
    let rig = Rig::new();
    rig.market.forget("BHP.AX");
    for day in 1..=2 {
        sync(&rig);
        sync(&rig);
        assert_eq!(rig.server.seen("/key-statistics").len(), day);
        rig.pass(86_400);
    }
}

#[test]
fn a_dividend_that_prices_refute_is_set_aside_and_a_wall_costs_no_price() {
    let rig = Rig::new();
    assert_eq!(rig.sync_between(Some(YAHOO), &[BHP], FROM, TO).failed(), 0);
    assert!(rig.server.seen("/key-statistics").is_empty(), "another vendor was named");
    rig.market.dividend("BHP.AX", "2024-06-12", 90_000.0);
    let report = rig.sync_between(Some(ASX), &[BHP], FROM, TO);
    assert_eq!((report.failed(), report.quarantined()), (0, 1), "{report:#?}");
    assert_eq!(report.quarantine[0].reason.code(), "DIVIDEND_TOO_LARGE");
    assert!(report.rows[0].said.contains("asx has no prices; its dividend was asked for"), "{report:#?}");
    assert!(dividends(&rig).is_empty());

    let rig = Rig::new();
    rig.arm("html_page", "/key-statistics", 1);
    let report = sync(&rig);
    assert_eq!(report.failed(), 0, "{report:#?}");
    assert_eq!(rig.closes(BHP, YAHOO), rig.expected("BHP.AX", true, FROM, TO));
    let line = report.vendors.iter().find(|line| line.vendor == ASX).unwrap();
    assert_eq!(line.code, "BLOCKED", "{report:#?}");
}
