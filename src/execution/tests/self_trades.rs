//! What ends where an order would trade with open ones of the same owner: it, the oldest of them, or nothing.

use super::*;
use crate::domain::event::EndReason;

/// Two resting sells at 101 and 102, the dearer one older.
fn desk(limit: &str) -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.submit(Desk::order("all", "AAA", Side::Buy, 100, None));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.limit("max_self_trades", limit, None);
    desk.submit(Desk::order("s1", "AAA", Side::Sell, 10, Some(10_200)));
    desk.submit(Desk::order("s2", "AAA", Side::Sell, 10, Some(10_100)));
    desk
}

fn ended(told: &[EventBody]) -> Vec<String> {
    let ends = told.iter().filter_map(|t| match t {
        EventBody::OrderCanceled { id, reason: EndReason::SelfTrade, .. } => Some(id.to_string()),
        EventBody::OrderDenied { refusal, .. } => Some(refusal.code.as_str().to_owned()),
        EventBody::AmendRejected { refusal, .. } => Some(refusal.code.as_str().to_owned()),
        _ => None,
    });
    ends.collect()
}

fn buy(cents: i64) -> OrderSpec {
    Desk::order("b", "AAA", Side::Buy, 5, Some(cents))
}

#[test]
fn the_open_orders_end_the_oldest_first_or_the_new_one_or_it_is_refused() {
    for (limit, at, gone, status) in [
        ("0", 10_200, vec!["SELF_TRADE"], OrderStatus::Denied),
        ("0 cancel_newest", 10_200, vec!["b"], OrderStatus::Canceled),
        ("0 cancel_oldest", 10_200, vec!["s1", "s2"], OrderStatus::Accepted),
        ("1 cancel_oldest", 10_200, vec!["s1"], OrderStatus::Accepted),
        ("0 cancel_oldest", 10_100, vec!["s2"], OrderStatus::Accepted),
        ("0 cancel_newest", 10_000, vec![], OrderStatus::Accepted),
    ] {
        let mut desk = desk(limit);
        assert_eq!(ended(&desk.submit(buy(at))), gone, "{limit} {at}");
        assert_eq!(desk.status("b"), status, "{limit} {at}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn a_change_that_would_trade_ends_what_is_older_and_is_refused_where_the_newest_would_end() {
    for (limit, gone, left) in [
        ("0 cancel_newest", "SELF_TRADE", OrderStatus::Accepted),
        ("0 cancel_oldest", "s2", OrderStatus::Canceled),
    ] {
        let mut desk = desk(limit);
        desk.submit(buy(9_000));
        let told = desk.give(Command::Amend {
            account: "A".parse().unwrap(),
            id: "b".parse().unwrap(),
            quantity: None,
            limit_price: Some(cents(10_100)),
            trigger_price: None,
        });
        assert_eq!(ended(&told), [gone], "{limit}");
        assert_eq!((desk.status("b"), desk.status("s2")), (OrderStatus::Accepted, left), "{limit}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn the_mode_is_written_after_the_number_and_refusing_is_the_tightest() {
    use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, LimitValue, Scope, WorkingOrders};
    let read = |text| LimitValue::parse(LimitName::MaxSelfTrades, text).map(|v| v.to_string());
    assert_eq!(read("0 deny").as_deref(), Ok("0"));
    assert_eq!(read("2  cancel_oldest").as_deref(), Ok("2 cancel_oldest"));
    assert!(read("0 cancel").is_err() && read("x cancel_oldest").is_err());
    assert!(LimitValue::parse(LimitName::MaxOpenOrders, "0 cancel_oldest").is_err());
    let mut desk = desk("0 cancel_oldest");
    let mut set = |hard: &str, soft: Option<&str>| {
        let told = desk.give(Command::SetLimit(LimitDraft {
            name: LimitName::MaxSelfTrades,
            scope: Scope::Firm,
            hard: Some(hard.to_owned()),
            soft: soft.map(str::to_owned),
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        }));
        match told.first() {
            Some(EventBody::LimitApproved { .. }) => "at once",
            Some(EventBody::LimitProposed { .. }) => "waits",
            _ => "rejected",
        }
    };
    assert_eq!(set("0 cancel_oldest", None), "at once");
    assert_eq!(set("0 cancel_newest", None), "waits");
    assert_eq!(set("0 cancel_oldest", Some("0")), "rejected");
    assert_eq!(set("0", None), "at once");
    assert_eq!(set("0 cancel_oldest", None), "waits");
}
