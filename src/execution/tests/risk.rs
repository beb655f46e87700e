//! Risk between orders: what is told without one, what ends by itself, and lists of which nothing stands.

use std::sync::Arc;

use super::*;
use crate::domain::Exchange;
use crate::domain::event::{EndReason, HaltMode};
use crate::domain::facts::{ExchangeFacts, InstrumentFacts};
use crate::domain::limit::{LimitDraft, LimitTerms, Scope, WorkingOrders};
use crate::domain::{OrderType, RefusalCode};

const FLAT: [i64; 4] = [10_000; 4];

fn desk() -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk
}

impl Desk {
    pub(super) fn limit(&mut self, name: &str, hard: &str, soft: Option<&str>) {
        let told = self.give(Command::SetLimit(LimitDraft {
            name: name.parse().unwrap(),
            scope: Scope::Firm,
            hard: Some(hard.to_owned()),
            soft: soft.map(str::to_owned),
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        }));
        assert!(matches!(told[..], [EventBody::LimitApproved { .. }]), "{told:?}");
    }
}

/// Codes of risk events, with `-` before those that no longer hold.
fn codes(told: &[EventBody]) -> Vec<String> {
    let code = |t: &EventBody| match t {
        EventBody::RiskEvent { code, .. } => Some(code.to_string()),
        EventBody::RiskEased { code, .. } => Some(format!("-{code}")),
        _ => None,
    };
    told.iter().filter_map(code).collect()
}

fn refused(told: &[EventBody]) -> Vec<(String, RefusalCode)> {
    let one = |t: &EventBody| match t {
        EventBody::OrderDenied { order, refusal, .. } => Some((order.id.to_string(), refusal.code)),
        _ => None,
    };
    told.iter().filter_map(one).collect()
}

#[test]
fn a_position_that_lost_too_much_is_told_once_and_again_when_it_recovered() {
    let mut desk = desk();
    desk.limit("max_position_loss", "500", None);
    desk.submit(Desk::order("a", "AAA", Side::Buy, 100, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    assert_eq!(codes(&desk.bar("AAA", 1, [9_400; 4], 1_000_000)), ["POSITION_LOSS"]);
    assert_eq!(codes(&desk.bar("AAA", 1, [9_300; 4], 1_000_000)), [] as [&str; 0]);
    assert_eq!(codes(&desk.bar("AAA", 1, [9_510; 4], 1_000_000)), [] as [&str; 0], "on the edge");
    assert_eq!(codes(&desk.bar("AAA", 1, [9_900; 4], 1_000_000)), ["-POSITION_LOSS"]);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_cooldown_ends_by_itself_and_is_told() {
    let mut desk = desk();
    desk.limit("loss_cooldown", "90", None);
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit(Desk::order("b", "AAA", Side::Sell, 10, None));
    assert_eq!(codes(&desk.bar("AAA", 1, [9_900; 4], 1_000_000)), ["LOSS_COOLDOWN"]);
    assert_eq!(codes(&desk.bar("AAA", 1, FLAT, 1_000_000)), [] as [&str; 0]);
    assert_eq!(codes(&desk.bar("AAA", 1, FLAT, 1_000_000)), ["-LOSS_COOLDOWN"]);
}

#[test]
fn stops_that_close_are_counted_over_sessions_and_stop_new_risk() {
    let mut desk = desk();
    desk.limit("max_stop_outs", "0", None);
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit(OrderSpec {
        order_type: OrderType::Stop,
        trigger_price: Some(cents(9_800)),
        ..Desk::order("s", "AAA", Side::Sell, 10, None)
    });
    assert_eq!(codes(&desk.bar("AAA", 1, [9_700; 4], 1_000_000)), ["STOP_COUNT"]);
    let told = desk.submit(Desk::order("b", "AAA", Side::Buy, 1, None));
    assert_eq!(refused(&told), [("b".to_owned(), RefusalCode::StopCount)]);
}

#[test]
fn many_refusals_are_told_and_orders_then_stop() {
    let mut desk = desk();
    desk.limit("max_reject_rate", "0.5", None);
    let mut alarms = Vec::new();
    for at in 0..12 {
        alarms.extend(codes(&desk.submit(Desk::order(&format!("o{at}"), "AAA", Side::Sell, 1, None))));
    }
    assert_eq!(alarms, ["REJECT_RATE"]);
    let told = desk.submit(Desk::order("good", "AAA", Side::Buy, 1, None));
    assert_eq!(refused(&told), [("good".to_owned(), RefusalCode::RejectRate)]);
    desk.bar("AAA", 2, FLAT, 1_000_000);
    assert_eq!(refused(&desk.submit(Desk::order("later", "AAA", Side::Buy, 1, None))), []);
}

#[test]
fn a_fat_fill_is_told_and_halts_above_its_hard_value() {
    let mut desk = desk();
    desk.limit("max_fill_distance", "0.05", Some("0.02"));
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, None));
    assert_eq!(codes(&desk.bar("AAA", 1, [10_300; 4], 1_000_000)), ["FAT_FILL"]);
    assert!(desk.engine.state().halts().is_empty());
    desk.submit(Desk::order("b", "AAA", Side::Buy, 10, None));
    let told = desk.bar("AAA", 1, [12_000; 4], 1_000_000);
    assert_eq!(codes(&told), ["FAT_FILL"]);
    assert!(
        told.iter()
            .any(|t| matches!(t, EventBody::Halted { scope: Scope::Firm, mode: HaltMode::Halted, .. }))
    );
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_order_that_nobody_approved_in_time_ends_with_that_reason() {
    let mut desk = desk();
    desk.limit("max_order_quantity", "100", Some("10"));
    desk.limit("approval_window", "150", None);
    desk.submit(OrderSpec { tif: TimeInForce::Gtc, ..Desk::order("a", "AAA", Side::Buy, 50, Some(9_000)) });
    assert_eq!(desk.status("a"), OrderStatus::PendingApproval);
    desk.bar("AAA", 2, FLAT, 1_000_000);
    assert_eq!(desk.status("a"), OrderStatus::PendingApproval);
    let told = desk.bar("AAA", 1, FLAT, 1_000_000);
    let ended =
        |t: &EventBody| matches!(t, EventBody::OrderExpired { reason: EndReason::ApprovalExpired, .. });
    assert!(told.iter().any(ended), "{told:?}");
    let (account, id) = ("A".parse().unwrap(), "a".parse().unwrap());
    let order = desk.engine.state().orders().get(account, id).unwrap().clone();
    assert_eq!((order.status, order.code), (OrderStatus::Expired, Some(RefusalCode::ApprovalExpired)));
    let late = desk.give(Command::ApproveOrder { account, id, seen: None });
    assert!(
        matches!(&late[..], [EventBody::ControlRejected { reason, .. }] if reason.as_str().contains("in time"))
    );
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_silent_feed_is_told_to_those_who_hold_something_until_it_is_back() {
    let mut desk = desk();
    let exchange = instrument("AAA").exchange;
    let silent = |silent| Command::FeedSilent { exchange, silent };
    assert_eq!(codes(&desk.give(silent(true))), [] as [&str; 0], "nothing is held or wanted");
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, Some(9_000)));
    assert_eq!(codes(&desk.give(silent(true))), ["STALE_MARKET_DATA"]);
    assert_eq!(codes(&desk.give(silent(true))), [] as [&str; 0]);
    assert_eq!(codes(&desk.give(silent(false))), ["-STALE_MARKET_DATA"]);
    assert_eq!(codes(&desk.give(silent(false))), [] as [&str; 0]);
}

#[test]
fn nothing_of_a_bracket_stands_when_one_of_its_exits_is_refused() {
    let mut desk = desk();
    let entry = Desk::order("e", "AAA", Side::Buy, 10, None);
    let exit = |id: &str, limit: Option<i64>, trigger: Option<Price>| OrderSpec {
        order_type: if trigger.is_some() { OrderType::Stop } else { OrderType::Limit },
        trigger_price: trigger,
        parent: Some(entry.id),
        oco: Some("g".parse().unwrap()),
        tif: TimeInForce::Gtc,
        ..Desk::order(id, "AAA", Side::Sell, 10, limit)
    };
    let give = |desk: &mut Desk, orders: Vec<OrderSpec>| desk.give(Command::SubmitList(orders));
    let off_tick = Some(Price::from_raw(Price::ONE_RAW * 95 + 1));
    let told =
        give(&mut desk, vec![entry.clone(), exit("tp", Some(11_000), None), exit("sl", None, off_tick)]);
    let all = [
        ("e".to_owned(), RefusalCode::OrderListDenied),
        ("tp".to_owned(), RefusalCode::OrderListDenied),
        ("sl".to_owned(), RefusalCode::InvalidPriceIncrement),
    ];
    assert_eq!(refused(&told), all);
    assert!(desk.engine.state().orders().open().is_empty());
    let again = |spec: &OrderSpec| OrderSpec { id: format!("{}2", spec.id).parse().unwrap(), ..spec.clone() };
    let second = OrderSpec { parent: Some("e2".parse().unwrap()), ..again(&exit("tp", Some(11_000), None)) };
    let told = give(&mut desk, vec![again(&entry), second.clone()]);
    assert_eq!(refused(&told), [("tp2".to_owned(), RefusalCode::OrderListIncomplete)], "one leg is no group");
    let lost = OrderSpec { parent: Some("nobody".parse().unwrap()), oco: None, ..again(&second) };
    assert_eq!(
        refused(&give(&mut desk, vec![lost])),
        [("tp22".to_owned(), RefusalCode::OrderListIncomplete)]
    );
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn positions_of_a_scope_are_closed_whatever_is_halted_and_limited_and_a_drill_does_nothing() {
    let mut desk = desk();
    desk.bar("BBB", 1, FLAT, 1_000_000);
    desk.submit(Desk::order("a", "AAA", Side::Buy, 100, None));
    desk.submit(Desk::order("b", "BBB", Side::Buy, 50, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.bar("BBB", 1, FLAT, 1_000_000);
    desk.submit(Desk::order("rest", "AAA", Side::Buy, 1, Some(9_000)));
    desk.limit("max_order_quantity", "5", None);
    let scope = Scope::Symbol("AAA".parse().unwrap());
    desk.give(Command::Halt { scope: Scope::Firm, mode: HaltMode::Halted, cancel: false, reason: "".into() });
    let before = desk.engine.state().clone();
    let drilled = desk.give(Command::NoteDrill { scope: Scope::Firm, orders: 1, micros: 7 });
    assert!(matches!(drilled[..], [EventBody::HaltDrilled { orders: 1, micros: 7, .. }]), "{drilled:?}");
    assert_eq!(desk.engine.state().orders().open(), before.orders().open());
    let told = desk.give(Command::Flatten { scope, reason: "leaving".into() });
    assert!(
        matches!(
            &told[..],
            [
                EventBody::Flattened { positions: 1, .. },
                EventBody::OrderCanceled { reason: EndReason::Flattened, .. },
                EventBody::OrderAccepted { order, .. },
            ] if order.reduce_only && order.side == Side::Sell
        ),
        "{told:?}"
    );
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let held = |desk: &Desk, symbol| {
        let account = desk.engine.state().accounts().values().next().unwrap().clone();
        account.quantity(instrument(symbol))
    };
    assert_eq!((held(&desk, "AAA"), held(&desk, "BBB")), (Quantity::ZERO, Quantity::from_whole(50).unwrap()));
    let strategy = Scope::Strategy("alpha".parse().unwrap());
    let told = desk.give(Command::Flatten { scope: strategy, reason: "".into() });
    assert!(matches!(told[..], [EventBody::ControlRejected { .. }]));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn what_cannot_be_closed_keeps_the_orders_that_protect_it() {
    let mut desk = desk();
    desk.submit(Desk::order("a", "AAA", Side::Buy, 100, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit(OrderSpec {
        order_type: OrderType::Stop,
        trigger_price: Some(Price::from_raw(Price::ONE_RAW * 90)),
        tif: TimeInForce::Gtc,
        ..Desk::order("stop", "AAA", Side::Sell, 100, None)
    });
    let (instrument, time) = (instrument("AAA"), desk.now);
    desk.market(&MarketEvent::Status { instrument, halted: true, time });
    let told = desk.give(Command::Flatten { scope: Scope::Firm, reason: "leaving".into() });
    assert!(matches!(told[..], [EventBody::Flattened { .. }, EventBody::OrderDenied { .. }]), "{told:?}");
    assert_eq!(
        refused(&told).into_iter().map(|(_, code)| code).collect::<Vec<_>>(),
        [RefusalCode::MarketHalted]
    );
    assert_eq!(desk.status("stop"), OrderStatus::Accepted);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_exit_of_a_partly_filled_entry_works_below_its_trigger_and_is_no_new_message() {
    let mut desk = desk();
    desk.limit("max_messages_per_minute", "2", None);
    let entry = Desk::order("e", "AAA", Side::Buy, 100, Some(10_000));
    let exit = OrderSpec {
        order_type: OrderType::Stop,
        trigger_price: Some(Price::from_raw(Price::ONE_RAW * 99)),
        parent: Some(entry.id),
        tif: TimeInForce::Gtc,
        ..Desk::order("sl", "AAA", Side::Sell, 100, None)
    };
    desk.submit_list(vec![entry, exit]);
    let (price, size, time) = (cents(9_800), Quantity::from_whole(40).unwrap(), desk.now);
    let told = desk.market(&MarketEvent::Trade(Trade { instrument: instrument("AAA"), time, price, size }));
    assert_eq!((refused(&told), desk.status("e")), (vec![], OrderStatus::PartiallyFilled));
    let released =
        |t: &EventBody| matches!(t, EventBody::OrderReleased { id, .. } if *id == "sl".parse().unwrap());
    assert!(told.iter().any(released), "{told:?}");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn two_exits_stand_or_fall_together_and_a_group_of_entries_is_begun_one_by_one() {
    let mut desk = desk();
    let of = |id: &str, side: Side, limit: Option<i64>, trigger: Option<i64>| OrderSpec {
        order_type: if trigger.is_some() { OrderType::Stop } else { OrderType::Limit },
        trigger_price: trigger.map(cents),
        oco: Some("g".parse().unwrap()),
        tif: TimeInForce::Gtc,
        ..Desk::order(id, "AAA", side, 10, limit)
    };
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let passed = vec![of("tp", Side::Sell, Some(11_000), None), of("sl", Side::Sell, None, Some(10_500))];
    let all = [("tp".to_owned(), RefusalCode::OrderListDenied), ("sl".to_owned(), RefusalCode::StopInMarket)];
    let told = desk.submit_list(passed);
    assert_eq!(refused(&told), all);
    let entry = OrderSpec { oco: Some("h".parse().unwrap()), ..of("e", Side::Buy, Some(9_000), None) };
    let exit = OrderSpec { oco: None, parent: Some(entry.id), ..of("x", Side::Sell, Some(11_000), None) };
    assert_eq!(refused(&desk.submit_list(vec![entry, exit])), []);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn the_firm_counts_messages_on_the_wall_clock_and_lets_closing_orders_pass() {
    let mut desk = desk();
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.limit("max_firm_messages_per_minute", "1", None);
    let at = |desk: &mut Desk, id: &str, side, seconds: i64| {
        let command = Command::Submit(Desk::order(id, "AAA", side, 1, Some(10_000)));
        let given = Given { actor: "ann".parse().unwrap(), independent_of: Independence::Everyone, command };
        let wall = desk.now.plus_millis(seconds * 1000);
        let batch = desk.engine.command(&given, desk.now, wall).unwrap();
        refused(&desk.keep(batch))
    };
    assert_eq!(at(&mut desk, "b", Side::Buy, 100), []);
    assert_eq!(at(&mut desk, "c", Side::Buy, 159), [("c".to_owned(), RefusalCode::RateLimit)]);
    assert_eq!(at(&mut desk, "d", Side::Sell, 159), [], "it closes");
    assert_eq!(at(&mut desk, "e", Side::Buy, 220), [], "market time stood still");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_flatten_gives_each_order_at_the_time_of_its_own_exchange() {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    let (sydney, account): (InstrumentId, crate::domain::AccountId) =
        ("BHP.XASX".parse().unwrap(), "B".parse().unwrap());
    let spec = desk.engine.state().accounts()[&"A".parse().unwrap()].spec().clone();
    desk.give(Command::OpenAccount(AccountSpec { account, currency: sydney.exchange.currency(), ..spec }));
    desk.give(Command::DefineInstrument(Instrument::with_defaults(sydney)));
    let in_sydney = |desk: &mut Desk, time: &str| {
        let (instrument, time) = (sydney, time.parse().unwrap());
        let (price, size) = (cents(4_000), Quantity::from_whole(1000).unwrap());
        desk.market(&MarketEvent::Trade(Trade { instrument, time, price, size }))
    };
    in_sydney(&mut desk, "2024-03-05T03:00:00Z");
    desk.submit(OrderSpec {
        account,
        instrument: sydney,
        ..Desk::order("b", "BHP", Side::Buy, 10, Some(4_100))
    });
    in_sydney(&mut desk, "2024-03-05T03:01:00Z");
    desk.now = start();
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let held = |name: crate::domain::AccountId| desk.engine.state().accounts()[&name].positions().len();
    assert_eq!((held("A".parse().unwrap()), held(account)), (1, 1), "{:?}", desk.engine.state().orders());
    let before = desk.events.len();
    desk.give(Command::Flatten { scope: Scope::Firm, reason: "test".into() });
    let mut at: Vec<(String, UnixNanos, Option<u32>)> = Vec::new();
    for event in &desk.events[before..] {
        if let EventBody::OrderAccepted { order, decision, .. } = &event.body {
            let age = decision.as_ref().unwrap().inputs.reference_age;
            at.push((order.instrument.to_string(), event.t, age));
        }
    }
    let shut: UnixNanos = "2024-03-05T03:01:00Z".parse().unwrap();
    assert_eq!(at, [("AAA.XNYS".to_owned(), desk.now, Some(0)), ("BHP.XASX".to_owned(), shut, Some(0))]);
}

/// A history in which every session but the worst gives a little.
fn past() -> Arc<ExchangeFacts> {
    let days: Vec<f64> = (0..252).map(|day| if day % 20 == 0 { -0.05 } else { 0.001 }).collect();
    let own = InstrumentFacts { beta: Some(1.0), returns: Some(days.into()), ..InstrumentFacts::default() };
    Arc::new([(instrument("AAA"), own)].into())
}

#[test]
fn what_the_past_bounds_is_not_passed_in_steps() {
    // 200 shares of 100 against 100,000 at a beta of 1; one that loses 5 % on its worst days.
    for (name, hard, code) in [
        ("max_beta", "0.2", RefusalCode::BetaLimit),
        ("max_expected_shortfall_95", "0.01", RefusalCode::VarLimit),
    ] {
        let mut desk = desk();
        desk.limit(name, hard, None);
        desk.engine.know(Exchange::Xnys, &past());
        let order = |id: &str, shares| Desk::order(id, "AAA", Side::Buy, shares, Some(10_000));
        desk.give(Command::Submit(order("a", 50)));
        let amend = |desk: &mut Desk, shares| {
            let (account, quantity) = ("A".parse().unwrap(), Quantity::from_whole(shares));
            let (id, limit_price, trigger_price) = ("a".parse().unwrap(), None, None);
            let told = desk.give(Command::Amend { account, id, quantity, limit_price, trigger_price });
            match &told[..] {
                [EventBody::AmendRejected { refusal, .. }] => Some(refusal.code),
                _ => None,
            }
        };
        assert_eq!([100, 150, 200].map(|shares| amend(&mut desk, shares)), [None; 3], "{name}");
        assert_eq!(amend(&mut desk, 210), Some(code), "{name}");
        assert_eq!(refused(&desk.submit(order("b", 10))), [("b".to_owned(), code)], "{name}");
        // A process that knows nothing of the past passes nothing, until it is told.
        desk.engine.know(Exchange::Xnys, &Arc::default());
        assert_eq!(amend(&mut desk, 120), Some(RefusalCode::FactMissing), "{name}");
        desk.engine.know(Exchange::Xnys, &past());
        assert_eq!((amend(&mut desk, 120), amend(&mut desk, 210)), (None, Some(code)), "{name}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn an_order_that_waits_far_away_hides_nothing_of_what_the_past_bounds() {
    for (name, hard, code) in [
        ("max_beta", "0.2", RefusalCode::BetaLimit),
        ("max_expected_shortfall_95", "0.01", RefusalCode::VarLimit),
    ] {
        let mut desk = desk();
        desk.engine.know(Exchange::Xnys, &past());
        desk.submit(Desk::order("a", "AAA", Side::Buy, 150, None));
        desk.bar("AAA", 1, FLAT, 1_000_000);
        desk.limit(name, hard, None);
        // Twice the market's price: it sells nothing.
        desk.submit(Desk::order("far", "AAA", Side::Sell, 150, Some(20_000)));
        assert_eq!(desk.status("far"), OrderStatus::Accepted);
        let more = |desk: &mut Desk, id: &str, shares| {
            refused(&desk.submit(Desk::order(id, "AAA", Side::Buy, shares, Some(10_000))))
        };
        assert_eq!(more(&mut desk, "b", 60), [("b".to_owned(), code)], "{name}");
        assert_eq!(more(&mut desk, "c", 40), [], "{name}");
        assert_eq!(more(&mut desk, "d", 20), [("d".to_owned(), code)], "{name}");
        // A list's buys wait for the sells that make room for them.
        let sell = Desk::order("s", "AAA", Side::Sell, 100, Some(10_000));
        let buy = Desk::order("t", "AAA", Side::Buy, 60, Some(10_000));
        desk.give(Command::Cancel { account: "A".parse().unwrap(), id: "far".parse().unwrap() });
        desk.submit_list(vec![sell, buy]);
        assert_eq!(desk.status("t"), OrderStatus::Held, "{name}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn what_makes_the_loss_of_a_day_no_larger_is_let_through_over_the_limit() {
    for (name, hard, code) in [
        ("max_beta", "0.1", RefusalCode::BetaLimit),
        ("max_expected_shortfall_95", "0.005", RefusalCode::VarLimit),
    ] {
        let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", true);
        desk.bar("AAA", 1, FLAT, 1_000_000);
        desk.engine.know(Exchange::Xnys, &past());
        desk.submit(Desk::order("a", "AAA", Side::Buy, 150, None));
        desk.bar("AAA", 1, FLAT, 1_000_000);
        desk.limit(name, hard, None);
        let give = |desk: &mut Desk, id: &str, side, shares, price| {
            refused(&desk.submit(Desk::order(id, "AAA", side, shares, Some(price))))
        };
        assert_eq!(give(&mut desk, "far", Side::Sell, 150, 10_500), [], "{name}");
        assert_eq!(give(&mut desk, "more", Side::Buy, 10, 10_000), [("more".to_owned(), code)], "{name}");
        // Beside the one that waits it sells more than is held.
        assert_eq!(give(&mut desk, "less", Side::Sell, 50, 10_000), [], "{name}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn children_count_in_what_the_past_bounds_when_they_begin_to_work() {
    let mut desk = desk();
    desk.limit("max_beta", "0.2", None);
    desk.engine.know(Exchange::Xnys, &past());
    for at in 1..=3 {
        let parent: OrderId = format!("p{at}").parse().unwrap();
        desk.submit(Desk::order(parent.as_str(), "AAA", Side::Buy, 40, None));
        let child = Desk::order(&format!("k{at}"), "AAA", Side::Buy, 40, Some(9_000));
        desk.submit(OrderSpec { parent: Some(parent), ..child });
    }
    let told = desk.bar("AAA", 1, FLAT, 1_000_000);
    // 120 are held, and 36 each of the children's value: two are let in.
    assert_eq!(refused(&told), [("k3".to_owned(), RefusalCode::BetaLimit)]);
    assert_eq!((desk.status("k1"), desk.status("k2")), (OrderStatus::Accepted, OrderStatus::Accepted));
    desk.check(&Calendars::bundled().unwrap());
}
