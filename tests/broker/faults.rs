//! What a remote venue does wrong over REST, and what the adapter makes of it: certain things are said, all else is
//! unknown; nothing is sent twice; nobody sees a key.

use qlib_pro::broker::alpaca::AlpacaBroker;
use qlib_pro::broker::{
    AmendOutcome, Amendment, Broker, BrokerError, CancelOutcome, Cursor, OrderRef, SubmitOutcome,
};
use qlib_pro::domain::{Clock, RefusalCode, Side, UnixNanos};

use super::fake::{Fake, Fault, KEY, SECRET};
use super::stage::{Standing, adapter, bracket, dispatch, dispatch_group, exits, known, named, order};

const POST: &str = "POST /v2/orders";

async fn venue() -> Option<(AlpacaBroker, Fake)> {
    let shared = super::support::shared_data()?;
    let fake = Fake::start(&shared).await;
    Some((adapter(&fake, KEY, SECRET), fake))
}

#[tokio::test]
async fn no_answer_after_the_venue_accepted_is_unknown_and_resolves_to_one_order() {
    let Some((broker, fake)) = venue().await else { return };
    for (n, fault) in [Fault::SilentAfter, Fault::CutAfter, Fault::Garbage].into_iter().enumerate() {
        fake.arm(POST, fault.clone());
        let wish = order(&format!("q-{n}"), Side::Buy, "10", Some("150"));
        let outcome = broker.submit(&dispatch(&wish)).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown { .. }), "{fault:?}: {outcome:?}");
        let found = broker.order_by_client_id(wish.id, 0).await.unwrap().unwrap();
        assert_eq!(found.id, Some(wish.id));
        assert_eq!((fake.requests(POST), fake.orders()), (n + 1, n + 1));
    }
}

#[tokio::test]
async fn a_broken_gateway_is_unknown_and_never_a_refusal() {
    let Some((broker, fake)) = venue().await else { return };
    let faults =
        [Fault::Status(500), Fault::Status(502), Fault::Status(503), Fault::Status(404), Fault::NoBody];
    for fault in faults {
        fake.arm(POST, fault.clone());
        let outcome = broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown { .. }), "{fault:?}: {outcome:?}");
        assert_eq!(broker.order_by_client_id("q-1".parse().unwrap(), 0).await.unwrap(), None);
    }
    assert_eq!(fake.requests(POST), 5, "an order is never sent again by the adapter");
}

#[tokio::test]
async fn a_venue_that_is_not_there_was_sent_nothing() {
    let Some((_, mut gone)) = venue().await else { return };
    gone.address = "http://127.0.0.1:9".into();
    let broker = adapter(&gone, KEY, SECRET);
    let outcome = broker.submit(&dispatch(&order("q-1", Side::Buy, "10", None))).await;
    assert!(matches!(outcome, SubmitOutcome::NotSent { .. }), "{outcome:?}");
    assert!(matches!(broker.positions().await, Err(BrokerError::Offline { .. })));
}

#[tokio::test]
async fn a_used_client_order_id_is_looked_up_and_not_sent_again() {
    let Some((broker, fake)) = venue().await else { return };
    let wish = order("q-1", Side::Buy, "10", Some("150"));
    fake.arm(POST, Fault::SilentAfter);
    broker.submit(&dispatch(&wish)).await;
    let SubmitOutcome::Acked(found) = broker.submit(&dispatch(&wish)).await else { panic!("not adopted") };
    assert_eq!((found.id, fake.orders(), fake.requests(POST)), (Some(wish.id), 1, 2));
    assert!(fake.given().iter().all(|body| body.contains("\"client_order_id\":\"q-1\"")));
}

#[tokio::test]
async fn too_many_requests_is_not_sent_and_nothing_is_asked_before_the_date() {
    let Some((broker, fake)) = venue().await else { return };
    let reset = Standing.now().plus_millis(7_000);
    let seconds = (reset.nanos() / 1_000_000_000).to_string();
    fake.arm(
        POST,
        Fault::TooMany(vec![("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", seconds)]),
    );
    let wish = order("q-1", Side::Buy, "10", Some("150"));
    for _ in 0..3 {
        let SubmitOutcome::NotSent { until, .. } = broker.submit(&dispatch(&wish)).await else {
            panic!("not held back")
        };
        assert_eq!(until, reset);
    }
    assert_eq!((fake.requests(POST), fake.orders()), (1, 0));
    let error = broker.positions().await.unwrap_err();
    assert!(matches!(error, BrokerError::RateLimited { until, .. } if until == reset), "{error}");
}

#[tokio::test]
async fn a_bogus_reset_date_stops_trading_for_minutes_at_most() {
    let Some((broker, fake)) = venue().await else { return };
    fake.arm(POST, Fault::TooMany(vec![("retry-after", "999999999".into())]));
    let outcome = broker.submit(&dispatch(&order("q-1", Side::Buy, "10", None))).await;
    let SubmitOutcome::NotSent { until, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(until, Standing.now().plus_millis(300_000));
}

#[tokio::test]
async fn the_last_of_the_budget_is_kept_for_cancels() {
    let Some((broker, fake)) = venue().await else { return };
    let wish = order("q-1", Side::Buy, "10", Some("150"));
    let reset = (Standing.now().nanos() / 1_000_000_000 + 60).to_string();
    let low = vec![("x-ratelimit-remaining", "3".to_string()), ("x-ratelimit-reset", reset)];
    fake.arm(POST, Fault::Headers(low));
    let SubmitOutcome::Acked(report) = broker.submit(&dispatch(&wish)).await else { panic!("not taken") };
    let next = broker.submit(&dispatch(&order("q-2", Side::Buy, "10", Some("150")))).await;
    assert!(matches!(next, SubmitOutcome::NotSent { .. }), "{next:?}");
    assert_eq!(broker.cancel(&known(&report)).await, CancelOutcome::Requested);
}

#[tokio::test]
async fn refusals_carry_the_venues_words_and_a_code() {
    let Some((broker, fake)) = venue().await else { return };
    let says =
        |status: u16, message: &str| Fault::Says(status, format!(r#"{{"code":1,"message":"{message}"}}"#));
    let cases = [
        (says(403, "potential wash trade detected"), RefusalCode::VenueReject),
        (says(403, "insufficient buying power"), RefusalCode::InsufficientBuyingPower),
        (says(422, "qty must be > 0"), RefusalCode::VenueReject),
        (says(401, "unauthorized."), RefusalCode::BrokerOffline),
    ];
    for (fault, code) in cases {
        fake.arm(POST, fault.clone());
        let outcome = broker.submit(&dispatch(&order("q-1", Side::Buy, "10", None))).await;
        let SubmitOutcome::Refused(refusal) = outcome else { panic!("{fault:?}: {outcome:?}") };
        assert_eq!(refusal.code, code);
        assert!(!refusal.text.is_empty());
    }
}

#[tokio::test]
async fn questions_are_asked_again_and_wishes_are_not() {
    let Some((broker, fake)) = venue().await else { return };
    fake.arm("GET /v2/positions", Fault::Status(502));
    fake.arm("GET /v2/positions", Fault::CutAfter);
    assert_eq!(broker.positions().await.unwrap().items, []);
    assert_eq!(fake.requests("GET /v2/positions"), 3);
    for _ in 0..3 {
        fake.arm("GET /v2/positions", Fault::Status(503));
    }
    assert!(matches!(broker.positions().await, Err(BrokerError::Offline { .. })), "failure is not flat");
}

#[tokio::test]
async fn answers_that_are_too_long_not_json_or_sent_elsewhere_are_errors() {
    let Some((broker, fake)) = venue().await else { return };
    for _ in 0..3 {
        fake.arm("GET /v2/positions", Fault::Endless);
    }
    let error = broker.positions().await.unwrap_err().to_string();
    assert!(error.contains("longer than"), "{error}");
    fake.arm("GET /v2/account", Fault::Garbage);
    assert!(matches!(broker.account().await, Err(BrokerError::Malformed { .. })));
    for _ in 0..3 {
        fake.arm("GET /v2/clock", Fault::Redirect(format!("{}/v2/positions", fake.address)));
    }
    let before = fake.requests("GET /v2/positions");
    assert!(broker.clock().await.is_err());
    assert_eq!(fake.requests("GET /v2/positions"), before, "a redirect is never followed");
}

#[tokio::test]
async fn a_cancel_without_answer_is_unknown_and_one_too_late_is_said() {
    let Some((broker, fake)) = venue().await else { return };
    let wish = order("q-1", Side::Buy, "10", Some("150"));
    let SubmitOutcome::Acked(report) = broker.submit(&dispatch(&wish)).await else { panic!("not taken") };
    fake.arm("DELETE /v2/orders", Fault::SilentAfter);
    assert!(matches!(broker.cancel(&known(&report)).await, CancelOutcome::Unknown { .. }));
    assert!(matches!(broker.cancel(&known(&report)).await, CancelOutcome::TooLate(_)));
}

#[tokio::test]
async fn a_change_without_answer_is_found_under_its_amended_name() {
    let Some((broker, fake)) = venue().await else { return };
    let wish = order("q-1", Side::Buy, "10", Some("150"));
    let SubmitOutcome::Acked(report) = broker.submit(&dispatch(&wish)).await else { panic!("not taken") };
    let change = Amendment { limit_price: Some("149".parse().unwrap()), ..Amendment::default() };
    fake.arm("PATCH /v2/orders", Fault::CutAfter);
    assert!(matches!(broker.amend(&known(&report), &change).await, AmendOutcome::Unknown { .. }));
    let found = broker.order_by_client_id(wish.id, 1).await.unwrap().unwrap();
    assert_eq!((found.replaces, found.amend_seq), (Some(report.venue_id), 1));
    fake.fill("q-1", "10", "149");
    let late = broker.amend(&known(&found), &change).await;
    assert!(matches!(late, AmendOutcome::Refused(_)), "{late:?}");
}

#[tokio::test]
async fn pages_that_do_not_end_are_an_error() {
    let Some((broker, fake)) = venue().await else { return };
    broker.submit(&dispatch(&order("q-1", Side::Buy, "200", Some("150")))).await;
    for _ in 0..100 {
        fake.fill("q-1", "1", "150");
    }
    let page = broker.fills_since(&Cursor::Since(UnixNanos::ZERO)).await.unwrap();
    let next = page.next.unwrap();
    let last = broker.fills_since(&next).await.unwrap();
    assert_eq!((last.items.len(), last.next), (0, None));
}

#[tokio::test]
async fn no_key_shows_in_any_error_debug_or_refusal() {
    let Some((broker, fake)) = venue().await else { return };
    let echo = format!(r#"{{"code":1,"message":"key {KEY} with {SECRET} is wrong"}}"#);
    let mut seen = format!("{broker:?}");
    for status in [401, 403, 422] {
        fake.arm(POST, Fault::Says(status, echo.clone()));
        seen += &format!("{:?}", broker.submit(&dispatch(&order("q-1", Side::Buy, "1", None))).await);
        fake.arm("GET /v2/account", Fault::Says(status, echo.clone()));
        let error = broker.account().await.unwrap_err();
        seen += &format!("{error} {error:?}");
    }
    let wrong = adapter(&fake, "PK-WRONG-CANARY", "wrong-canary-secret");
    let error = wrong.positions().await.unwrap_err();
    assert!(matches!(error, BrokerError::BadKey { .. }), "{error}");
    seen += &format!("{error} {error:?} {wrong:?}");
    for secret in [KEY, SECRET, "PK-WRONG-CANARY", "wrong-canary-secret"] {
        assert!(!seen.contains(secret), "{secret} shows in {seen}");
    }
    assert!(seen.contains("[key]"));
}

#[tokio::test]
async fn an_order_named_by_our_id_alone_is_cancelled() {
    let Some((broker, fake)) = venue().await else { return };
    broker.submit(&dispatch(&order("q-1", Side::Buy, "10", Some("150")))).await;
    assert_eq!(broker.cancel(&named("q-1")).await, CancelOutcome::Requested);
    assert_eq!(fake.requests("GET /v2/orders:by_client_order_id"), 1);
}

#[tokio::test]
async fn a_bracket_without_answer_is_unknown_and_is_found_with_its_exits_and_not_sent_again() {
    let Some((broker, fake)) = venue().await else { return };
    for (n, fault) in [Fault::SilentAfter, Fault::CutAfter, Fault::Garbage].into_iter().enumerate() {
        fake.arm(POST, fault.clone());
        let id = format!("q-{n}");
        let group = dispatch_group(&bracket(&id));
        let outcome = broker.submit(&group).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown { .. }), "{fault:?}: {outcome:?}");
        let found = broker.order_by_client_id(id.parse().unwrap(), 0).await.unwrap().unwrap();
        assert_eq!(found.legs.len(), 2, "{found:?}");
        assert_eq!((fake.requests(POST), fake.orders()), (n + 1, 3 * (n + 1)));
    }
}

#[tokio::test]
async fn groups_travel_in_the_venues_words() {
    let Some((broker, fake)) = venue().await else { return };
    let mut oto = bracket("q-2");
    oto.remove(1);
    for group in [bracket("q-1"), oto, exits("q-3").to_vec()] {
        assert!(matches!(broker.submit(&dispatch_group(&group)).await, SubmitOutcome::Acked(_)));
    }
    let bodies: Vec<serde_json::Value> =
        fake.given().iter().map(|b| serde_json::from_str(b).unwrap()).collect();
    let words: Vec<_> =
        bodies.iter().map(|b| (&b["order_class"], &b["take_profit"], &b["stop_loss"])).collect();
    let (profit, loss) =
        (serde_json::json!({ "limit_price": "160" }), serde_json::json!({ "stop_price": "90" }));
    let none = serde_json::Value::Null;
    let classes = ["bracket", "oto", "oco"].map(serde_json::Value::from);
    assert_eq!(
        words,
        [(&classes[0], &profit, &loss), (&classes[1], &none, &loss), (&classes[2], &profit, &loss)]
    );
    assert_eq!(
        (&bodies[2]["type"], &bodies[2]["side"], bodies[2].get("limit_price")),
        (&"limit".into(), &"sell".into(), None)
    );
    assert!(bodies.iter().all(|b| b["time_in_force"] == "gtc" && b["qty"] == "10"));
}

#[tokio::test]
async fn an_exit_is_changed_by_the_venues_name_in_its_price_alone() {
    let Some((broker, fake)) = venue().await else { return };
    let SubmitOutcome::Acked(report) = broker.submit(&dispatch_group(&bracket("q-1"))).await else {
        panic!("not taken")
    };
    fake.fill("q-1", "10", "150");
    let leg = report.legs.iter().find(|l| l.limit_price.is_some()).unwrap();
    let about = OrderRef { id: "q-1-tp".parse().unwrap(), amend_seq: 0, venue_id: Some(leg.venue_id) };
    let change = Amendment { limit_price: "155".parse().ok(), ..Amendment::default() };
    let AmendOutcome::Replaced(new) = broker.amend(&about, &change).await else { panic!("not replaced") };
    assert_eq!((new.id, new.amend_seq, new.limit_price), (Some(about.id), 1, change.limit_price));
    fake.fill("q-1-tp", "10", "155");
    assert_eq!(broker.open_orders().await.unwrap().items, [], "the changed exit still ends the other");
}
