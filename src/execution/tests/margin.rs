//! Margin calls: told when equity falls below what positions require, in force until it is well above.

use super::*;
use crate::domain::RefusalCode;
use crate::domain::market::SplitRatio;

/// A margin account of 10,000 that holds 150 shares at 100.
fn desk() -> Desk {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "10000", true);
    desk.give(Command::OpenAccount(AccountSpec {
        account: "M".parse().unwrap(),
        margin: Margin::RegT,
        ..desk.engine.state().accounts()[&"A".parse().unwrap()].spec().clone()
    }));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.bar("BBB", 1, [10_000; 4], 1_000_000);
    desk.submit(of("M", Desk::order("long", "AAA", Side::Buy, 150, None)));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk
}

fn of(account: &str, order: OrderSpec) -> OrderSpec {
    OrderSpec { account: account.parse().unwrap(), ..order }
}

fn denied(told: &[EventBody]) -> Option<RefusalCode> {
    told.iter().find_map(|t| match t {
        EventBody::OrderDenied { refusal, .. } => Some(refusal.code),
        _ => None,
    })
}

/// The journal alone gives the same calls.
fn assert_recovers(desk: &Desk) {
    let recovered = Engine::recover(Calendars::bundled().unwrap(), &desk.events).unwrap();
    assert_eq!(recovered.state().latched(), desk.engine.state().latched());
}

/// Margin calls and warnings that began (true) and ended (false).
fn turns(told: &[EventBody]) -> Vec<(RefusalCode, bool)> {
    let margin = |code: &RefusalCode| matches!(code, RefusalCode::MarginCall | RefusalCode::MarginWarning);
    let turn = |t: &EventBody| match t {
        EventBody::RiskEvent { code, .. } if margin(code) => Some((*code, true)),
        EventBody::MarginEased { code, .. } => Some((*code, false)),
        _ => None,
    };
    told.iter().filter_map(turn).collect()
}

#[test]
fn a_call_is_warned_of_told_once_blocks_new_risk_and_ends_when_equity_is_back() {
    let (call, warning) = (RefusalCode::MarginCall, RefusalCode::MarginWarning);
    let mut desk = desk();
    assert_eq!(turns(&desk.bar("AAA", 1, [6_000; 4], 1_000_000)), [], "4,000 against 2,250");
    // Equity is 150 x price - 5,009 (costs included), required a quarter of 150 x price.
    assert_eq!(turns(&desk.bar("AAA", 1, [4_500; 4], 1_000_000)), [(warning, true)]);
    assert_eq!(turns(&desk.bar("AAA", 1, [4_400; 4], 1_000_000)), [(call, true)]);
    assert_eq!(turns(&desk.bar("AAA", 1, [4_390; 4], 1_000_000)), [], "told once");
    let more = desk.submit(of("M", Desk::order("more", "BBB", Side::Buy, 1, None)));
    assert_eq!(denied(&more), Some(call), "{more:?}");
    let less = desk.submit(of("M", Desk::order("less", "AAA", Side::Sell, 10, Some(20_000))));
    assert_eq!(denied(&less), None, "a reducing order passes");
    let other = desk.submit(of("A", Desk::order("other", "BBB", Side::Buy, 1, None)));
    assert_eq!(denied(&other), None, "another account is not meant");
    assert_eq!(turns(&desk.bar("AAA", 1, [4_500; 4], 1_000_000)), [], "still near");
    assert_eq!(turns(&desk.bar("AAA", 1, [4_900; 4], 1_000_000)), [(call, false), (warning, false)]);
    let again = desk.submit(of("M", Desk::order("again", "BBB", Side::Buy, 1, None)));
    assert_ne!(denied(&again), Some(call), "{again:?}");
    assert_recovers(&desk);
}

#[test]
fn selling_enough_ends_a_call_in_the_step_of_the_fill() {
    let call = RefusalCode::MarginCall;
    let mut desk = desk();
    assert!(turns(&desk.bar("AAA", 1, [4_400; 4], 1_000_000)).contains(&(call, true)));
    desk.submit(of("M", Desk::order("out", "AAA", Side::Sell, 120, None)));
    let told = desk.bar("AAA", 1, [4_400; 4], 1_000_000);
    assert!(turns(&told).contains(&(call, false)), "{told:?}");
    assert_recovers(&desk);
}

#[test]
fn a_short_position_requires_more_and_a_split_changes_nothing() {
    let call = RefusalCode::MarginCall;
    let mut desk = desk();
    desk.submit(of("M", Desk::order("flat", "AAA", Side::Sell, 150, None)));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.submit(of("M", Desk::order("short", "AAA", Side::Sell, 150, None)));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    // Equity is 25,000 - 150 x price, required three tenths of 150 x price: the edge is 128.2.
    assert!(turns(&desk.bar("AAA", 1, [12_700; 4], 1_000_000)).iter().all(|(code, _)| *code != call));
    assert!(turns(&desk.bar("AAA", 1, [12_900; 4], 1_000_000)).contains(&(call, true)));
    let ratio = SplitRatio { new: Quantity::from_whole(2).unwrap(), old: Quantity::from_whole(1).unwrap() };
    let split = MarketEvent::Split {
        time: desk.now,
        instrument: instrument("AAA"),
        ratio,
        ex_date: None,
        is_late: false,
    };
    assert_eq!(turns(&desk.market(&split)), []);
}
