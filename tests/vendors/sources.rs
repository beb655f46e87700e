//! Which vendor a name stays with, what two vendors say of one dividend, and dividends that come on two pages.

use chrono::NaiveDate;
use qlib_pro::domain::market::ActionKind;
use qlib_pro::domain::vendor::VendorId;
use qlib_pro::service::permit::ManageData;
use qlib_pro::service::sync::SyncWish;
use qlib_pro::store::market::MarketReader;

use super::rig::{FROM, Rig, TO, id};
use super::server::Canned;
use super::server::faults::{Armed, Fault};

const YAHOO: VendorId = VendorId::Yahoo;
const POLYGON: VendorId = VendorId::Polygon;

const A: &str = "QAAA.XNYS";
const B: &str = "QBBB.XNYS";

/// Who was asked for the bars of which name, in order.
fn asked(rig: &Rig) -> Vec<(String, String)> {
    let name = |path: &str| path.split('/').find(|part| part.starts_with('Q')).unwrap_or("").to_owned();
    let mut asked: Vec<_> = rig.bar_requests().iter().map(|s| (s.vendor.clone(), name(&s.path))).collect();
    asked.dedup();
    asked
}

fn pair(vendor: VendorId, symbol: &str) -> (String, String) {
    (vendor.as_str().to_owned(), symbol.trim_end_matches(".XNYS").to_owned())
}

/// As after a close: all that was synced before, of nobody in particular.
fn after_a_close(rig: &Rig) -> usize {
    rig.server.forget();
    rig.sync_as(rig.session(), &SyncWish::default()).failed()
}

#[test]
fn a_name_stays_with_the_vendor_it_was_synced_from_until_a_person_asks_another_or_it_fails() {
    let rig = Rig::new();
    rig.market.list(&["QAAA", "QBBB"]);
    // Polygon stands before Yahoo in the order.
    rig.sync_between(Some(YAHOO), &[A], FROM, TO);
    rig.sync_between(Some(POLYGON), &[B], FROM, TO);
    rig.set_now("2024-07-09T01:00:00Z");
    assert_eq!(after_a_close(&rig), 0);
    assert_eq!(asked(&rig), [pair(POLYGON, B), pair(YAHOO, A)], "each its own, and nobody else");
    assert!(rig.closes(A, POLYGON).is_empty() && rig.closes(B, YAHOO).is_empty());

    rig.set_now("2024-07-10T01:00:00Z");
    let unknown = r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found"}}}"#;
    let unknown = Canned::text(404, "application/json", unknown);
    rig.server.arm(Armed::next(Fault::Instead(unknown), "chart/QAAA", 1));
    assert_eq!(after_a_close(&rig), 0);
    let order = [pair(POLYGON, B), pair(YAHOO, A), pair(POLYGON, A)];
    assert_eq!(asked(&rig), order, "what its vendor does not give the next one gives");
    rig.set_now("2024-07-11T01:00:00Z");
    assert_eq!(after_a_close(&rig), 0);
    assert!(asked(&rig).iter().all(|(vendor, _)| vendor == POLYGON.as_str()), "and keeps: {:?}", asked(&rig));

    rig.sync_between(Some(YAHOO), &[A], FROM, "2024-07-10");
    rig.set_now("2024-07-12T01:00:00Z");
    assert_eq!(after_a_close(&rig), 0);
    assert_eq!(asked(&rig), [pair(POLYGON, B), pair(YAHOO, A)], "a person has asked Yahoo for it");
    let newest = |vendor| rig.closes(A, vendor).into_keys().next_back();
    assert_eq!(newest(YAHOO), Some("2024-07-11".parse().unwrap()));
    assert_eq!(newest(POLYGON), Some("2024-07-10".parse().unwrap()), "and nobody else for the same rows");
}

fn dividends(rig: &Rig, symbol: &str) -> Vec<(NaiveDate, String)> {
    let reader = MarketReader::open(rig.home()).unwrap();
    let paid = |kind| match kind {
        ActionKind::Dividend { amount, .. } => Some(amount.to_string()),
        ActionKind::Split(_) => None,
    };
    let actions = reader.actions_of(id(symbol)).unwrap();
    actions.into_iter().filter_map(|(action, _)| Some((action.date, paid(action.kind)?))).collect()
}

#[test]
fn the_dividends_of_one_day_are_summed_though_they_come_on_two_pages() {
    let rig = Rig::new();
    for (date, amount) in
        [("2024-06-10", 0.25), ("2024-06-12", 1.02), ("2024-06-12", 15.0), ("2024-06-20", 0.3)]
    {
        rig.market.dividend("QAAA", date, amount);
    }
    rig.market.page_rows(2);
    let report = rig.sync(Some(POLYGON), &[A]);
    assert_eq!(report.failed(), 0, "{report:#?}");
    assert_eq!(rig.server.seen("/reference/dividends").len(), 2);
    let wanted = [("2024-06-10", "0.25"), ("2024-06-12", "16.02"), ("2024-06-20", "0.3")];
    let wanted = wanted.map(|(date, amount)| (date.parse().unwrap(), amount.to_owned()));
    assert_eq!(dividends(&rig, A), wanted);
}

#[test]
fn a_dividend_that_two_vendors_tell_differently_is_shown_until_they_agree() {
    let rig = Rig::new();
    rig.market.dividend("QAAA", "2024-06-12", 0.5);
    rig.sync(Some(YAHOO), &[A]);
    let told = || -> Vec<(String, [String; 2], [f64; 2])> {
        let permit = rig.session().permit::<ManageData>().unwrap();
        let rows = rig.house().export_disagreements(&permit).unwrap().into_iter();
        let actions = rows.filter(|row| row.field == "dividend" || row.field == "split");
        actions
            .map(|row| (row.date.to_string(), [row.source, row.other], [row.value, row.other_value]))
            .collect()
    };
    assert!(told().is_empty());
    // Polygon tells a second one of the same day.
    rig.market.dividend("QAAA", "2024-06-12", 0.1);
    rig.sync(Some(POLYGON), &[A]);
    let both = [POLYGON, YAHOO].map(|vendor| vendor.as_str().to_owned());
    assert_eq!(told(), [("2024-06-12".to_owned(), both, [0.6, 0.5])]);
    // The first one told stays, until the vendor that told it corrects itself.
    assert_eq!(dividends(&rig, A), [("2024-06-12".parse().unwrap(), "0.5".to_owned())]);
    let shown = MarketReader::open(rig.home()).unwrap().disagreement_counts().unwrap();
    assert_eq!(shown.get(&(id(A), "yahoo".into())), Some(&1));
}
