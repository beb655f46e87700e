//! What `doctor` finds out about a key: a few questions a run, remembered with the budget.

use qlib_pro::config::LiveVendor;
use qlib_pro::domain::vendor::VendorId;
use qlib_pro::service::permit::ManageData;

use super::rig::Rig;
use super::server::Canned;
use super::server::faults::{Armed, Fault};

fn said(rig: &Rig, vendor: VendorId) -> String {
    let permit = rig.session().permit::<ManageData>().unwrap();
    let mut waited = Vec::new();
    let rows = rig.house().test_vendors(&permit, &mut |open| waited.push(open.len()));
    assert!(waited.first() > waited.last() && waited.last() == Some(&0), "{waited:?}");
    let row = rows.into_iter().find(|row| row.name == format!("vendor {vendor}")).unwrap();
    assert!(row.ok, "{}", row.value);
    row.value
}

#[test]
fn half_of_a_small_minute_is_asked_and_each_run_adds_to_the_picture() {
    let mut rig = Rig::new();
    rig.only(VendorId::Polygon, 5, 0);
    let first = said(&rig, VendorId::Polygon);
    assert!(first.contains("it answers; allows daily, quotes; not tried: grouped_daily, "), "{first}");
    assert!(first.contains("used 2 of 5 requests in 60 s"), "{first}");
    rig.restart();
    rig.pass(61);
    let refusal = r#"{"status":"NOT_AUTHORIZED","request_id":"r","message":"You are not entitled to this data. Please upgrade your plan at https://polygon.io/pricing"}"#;
    let refused = || Fault::Instead(Canned::text(403, "application/json", refusal));
    rig.server.arm(Armed::next(refused(), "/range/1/minute/", 1));
    let second = said(&rig, VendorId::Polygon);
    assert!(second.contains("refuses minutes (You are not entitled to this data."), "{second}");
    assert!(second.contains("allows daily, grouped_daily, quotes; "), "{second}");
    assert_eq!(rig.server.log().len(), 4, "what is allowed is not asked again");
    // What a plan refused is asked again once all else is known: the plan may have grown.
    rig.live(1);
    for _ in 0..4 {
        rig.pass(61);
        said(&rig, VendorId::Polygon);
    }
    rig.pass(61);
    let last = said(&rig, VendorId::Polygon);
    assert!(!last.contains("not tried"), "{last}");
    assert!(last.contains("allows daily, grouped_daily, minutes, "), "{last}");
    assert!(last.contains(", stream; used "), "{last}");
    // A day later what was found is still told, with its day.
    rig.pass(86_500);
    assert!(said(&rig, VendorId::Polygon).contains("(2024-07-08)"));
}

#[test]
fn an_eighth_of_a_day_is_asked() {
    let mut rig = Rig::new();
    rig.only(VendorId::AlphaVantage, 0, 25);
    let first = said(&rig, VendorId::AlphaVantage);
    assert!(first.contains("used 4 of 25 requests in 86400 s") && first.contains("not tried:"), "{first}");
    assert_eq!(rig.server.log().len(), 4);
}

#[test]
fn what_is_used_up_is_not_waited_for() {
    let mut rig = Rig::new();
    rig.only(VendorId::Polygon, 1, 0);
    said(&rig, VendorId::Polygon);
    rig.pass(1);
    let second = said(&rig, VendorId::Polygon);
    assert!(second.contains("not asked: ") && second.contains("allows quotes; "), "{second}");
    assert_eq!(rig.server.log().len(), 1);
}

/// Polygon as `doctor` finds it when all else has been found out.
fn of_stream(prepare: impl Fn(&Rig)) -> (Rig, String) {
    let mut rig = Rig::new();
    rig.settings.live.vendor = LiveVendor::Polygon;
    rig.only(VendorId::Polygon, 1_000, 0);
    prepare(&rig);
    let said = said(&rig, VendorId::Polygon);
    (rig, said)
}

#[test]
fn the_stream_is_opened_with_the_key_and_one_subscription_and_closed_again() {
    let (rig, said) = of_stream(|_| {});
    assert!(said.contains(", stream; "), "{said}");
    let heard = rig.server.stream().heard();
    assert_eq!(heard.len(), 2, "a login and a subscription: {heard:?}");
    assert!(heard[1].contains("T.AAPL,Q.AAPL,AM.AAPL"), "{heard:?}");
    let began = std::time::Instant::now();
    while rig.server.stream().clients() > 0 && began.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
    assert_eq!(rig.server.stream().clients(), 0, "the connection is given back");
    // What is known is not asked again, and the connection is left to whoever needs it.
    let again = self::said(&rig, VendorId::Polygon);
    assert!(again.contains(", stream; "), "{again}");
    assert_eq!(rig.server.stream().heard().len(), 2);
}

#[test]
fn the_connection_of_an_open_workstation_is_left_to_it() {
    let mut rig = Rig::new();
    rig.settings.live.vendor = LiveVendor::Polygon;
    rig.only(VendorId::Polygon, 1_000, 0);
    let workstation = rig.open_house(true);
    let told = said(&rig, VendorId::Polygon);
    assert!(told.contains("not found out: stream (not opened, as the open workstation has it"), "{told}");
    assert!(rig.server.stream().heard().is_empty());
    drop(workstation);
}

#[test]
fn what_a_stream_refuses_is_told_as_what_it_is() {
    let deny = |words: &'static str, status: &'static str| {
        move |rig: &Rig| rig.server.stream().deny(Some((status.to_owned(), words.to_owned())))
    };
    let plan = "Your plan doesn't include websocket access. Visit https://polygon.io/pricing to upgrade.";
    let (_rig, said) = of_stream(deny(plan, "auth_failed"));
    assert!(said.contains("refuses stream (the plan has no stream (Your plan doesn't include"), "{said}");

    let (_rig, said) = of_stream(deny("not authorized", "error"));
    assert!(said.contains("refuses stream (only AM: not authorized"), "{said}");

    let (rig, said) = of_stream(|rig| rig.server.stream().refuse_keys(true));
    assert!(
        said.contains("not found out: stream (the stream refuses the key (key (hidden) is not known)"),
        "{said}"
    );
    assert!(!said.contains(super::rig::KEY), "{said}");
    drop(rig);

    let (_rig, said) = of_stream(|rig| rig.server.stream().set_connections_max(0));
    assert!(
        said.contains("not found out: stream (the plan allows one connection and another has it"),
        "{said}"
    );

    let (_rig, said) = of_stream(|rig| rig.server.stream().cut(3_600, false));
    assert!(said.contains("not found out: stream (the stream cannot be opened: "), "{said}");
}

#[test]
fn requests_that_are_paused_after_failures_are_tried_again_by_a_request_and_not_by_the_stream() {
    let (mut rig, untold) = of_stream(|rig| rig.server.stream().set_connections_max(0));
    assert!(untold.contains("not found out: stream (the plan allows one connection"), "{untold}");
    rig.server.stream().set_connections_max(1);
    rig.arm("500", "", 99);
    rig.sync(Some(VendorId::Polygon), &["QAAA.XNYS", "QBBB.XNYS"]);
    rig.server.disarm();
    // The pause is over, and whoever asks first tries.
    rig.pass(1_000);
    rig.restart();
    let (asked, heard) = (rig.server.log().len(), rig.server.stream().heard().len());
    let said = said(&rig, VendorId::Polygon);
    assert!(said.contains("it answers; ") && said.contains("not found out: stream"), "{said}");
    assert_eq!((rig.server.log().len(), rig.server.stream().heard().len()), (asked + 1, heard));
    // All is well, so the stream is next.
    let said = self::said(&rig, VendorId::Polygon);
    assert!(said.contains(", stream; "), "{said}");
}
