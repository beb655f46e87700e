//! Groups that a broker keeps: sent as a whole, known by the venue's names, cut and ended by the venue alone.

use super::external::assert_recovers;
use super::*;
use crate::domain::event::EndReason;
use crate::domain::limit::{LimitDraft, LimitTerms, Scope, WorkingOrders};

fn entry(desk: &Desk) -> OrderSpec {
    OrderSpec { tif: TimeInForce::Gtc, ..desk.order("e", Side::Buy, 10) }
}

/// An exit with a profit (a limit) or a loss (a stop).
fn exit(desk: &Desk, id: &str, order_type: OrderType) -> OrderSpec {
    let price = |text: &str| text.parse().ok();
    let is_stop = order_type != OrderType::Limit;
    OrderSpec {
        order_type,
        limit_price: if is_stop { None } else { price("110") },
        trigger_price: if is_stop { price("90") } else { None },
        tif: TimeInForce::Gtc,
        oco: Some("g".parse().unwrap()),
        ..desk.order(id, Side::Sell, 10)
    }
}

fn bracket(desk: &Desk) -> Vec<OrderSpec> {
    let under = |leg: OrderSpec| OrderSpec { parent: Some("e".parse().unwrap()), ..leg };
    let legs = [exit(desk, "tp", OrderType::Limit), exit(desk, "sl", OrderType::Stop)];
    std::iter::once(entry(desk)).chain(legs.map(under)).collect()
}

/// An exit as the venue tells it: under names of its own.
fn leg(name: &str, quantity: i64, filled: i64, status: VenueStatus) -> OrderReport {
    let order_type = if name.starts_with("sl") { OrderType::Stop } else { OrderType::Limit };
    OrderReport {
        id: format!("uuid-{name}").parse().ok(),
        side: Side::Sell,
        limit_price: (order_type == OrderType::Limit).then(|| "110".parse().unwrap()),
        trigger_price: (order_type == OrderType::Stop).then(|| "90".parse().unwrap()),
        terms: Some(VenueTerms { order_type, tif: TimeInForce::Gtc, trail: None }),
        ..report(name, quantity, filled, status)
    }
}

fn with_legs(status: VenueStatus, filled: i64) -> OrderReport {
    let legs = vec![leg("tp", 10, 0, VenueStatus::Held), leg("sl", 10, 0, VenueStatus::Held)];
    OrderReport { legs, ..report("e", 10, filled, status) }
}

fn leg_fill(name: &str, quantity: i64, cum: i64) -> FillReport {
    FillReport { id: None, side: Side::Sell, ..fill(name, quantity, cum) }
}

impl Desk {
    fn list(&mut self, orders: Vec<OrderSpec>) -> Vec<EventBody> {
        self.give(Command::SubmitList(orders))
    }

    /// A bracket that the venue has, its entry filled with this much.
    fn bracketed(filled: i64) -> Self {
        let mut desk = Desk::open();
        desk.list(bracket(&desk));
        desk.order_told(with_legs(VenueStatus::Working, 0));
        if filled > 0 {
            desk.fill_told(fill("e", filled, filled));
        }
        desk
    }

    fn limit(&mut self, name: &str, hard: &str, soft: &str) {
        self.give(Command::SetLimit(LimitDraft {
            name: name.parse().unwrap(),
            scope: Scope::Firm,
            hard: Some(hard.into()),
            soft: Some(soft.into()),
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        }));
    }

    fn approve(&mut self, id: &str) -> Vec<EventBody> {
        let given = Given {
            actor: "ann".parse().unwrap(),
            independent_of: Independence::Everyone,
            command: Command::ApproveOrder { account: self.account, id: id.parse().unwrap(), seen: None },
        };
        let batch = self.engine.command(&given, now(), now()).unwrap();
        self.journal.extend(batch.events.iter().cloned());
        batch.events.into_iter().map(|e| e.body).collect()
    }

    /// Ten shares held, and no order open.
    fn holding() -> Self {
        let mut desk = Desk::open();
        desk.working("b", 10);
        desk.fill_told(fill("b", 10, 10));
        desk
    }

    /// Gives a limit order at 110 and a stop at 90 as a pair.
    fn pair(&mut self) -> Vec<EventBody> {
        let (profit, loss) = (exit(self, "tp", OrderType::Limit), exit(self, "sl", OrderType::Stop));
        self.list(vec![loss, profit])
    }

    fn pair_statuses(&self) -> [OrderStatus; 2] {
        ["tp", "sl"].map(|id| self.status(id))
    }

    fn statuses(&self) -> [OrderStatus; 3] {
        ["e", "tp", "sl"].map(|id| self.status(id))
    }

    fn reason(&self, id: &str) -> String {
        let id = id.parse().unwrap();
        self.engine.state().orders().get(self.account, id).unwrap().reason.clone()
    }
}

fn denial(events: &[EventBody], of: &str) -> Option<RefusalCode> {
    events.iter().find_map(|e| match e {
        EventBody::OrderDenied { order, refusal, .. } if order.id.as_str() == of => Some(refusal.code),
        _ => None,
    })
}

#[test]
fn a_bracket_is_written_down_as_one_group_and_takes_the_names_the_venue_tells() {
    let mut desk = Desk::open();
    let events = desk.list(bracket(&desk));
    let expected = ["order_submitted", "order_held", "order_submitted", "order_held", "order_submitted"];
    assert_eq!(names(&events), expected);
    let EventBody::OrderSubmitted { route, with: None, .. } = &events[0] else { panic!("{events:?}") };
    assert!(route.as_str().contains("bracket"), "{route}");
    let led = events.iter().filter(|e| matches!(e, EventBody::OrderSubmitted { with: Some(_), .. })).count();
    assert_eq!((led, desk.statuses()), (2, [OrderStatus::Submitted; 3]));
    desk.order_told(with_legs(VenueStatus::Working, 0));
    assert_eq!(desk.statuses(), [OrderStatus::Accepted; 3]);
    assert!(desk.reason("tp").contains("parent"), "{}", desk.reason("tp"));
    let named = |name: &str| {
        let order = desk.engine.state().orders().at_venue(desk.account, name.parse().unwrap());
        order.map(|o| o.spec.id.to_string())
    };
    assert_eq!((named("v-tp"), named("v-sl")), (Some("tp".into()), Some("sl".into())));
    assert_eq!(desk.order_told(with_legs(VenueStatus::Working, 0)), [], "told again it is no news");
    assert_eq!(desk.breaks(), 0);
    assert_recovers(&desk);
}

#[test]
fn the_venue_ends_the_other_exit_and_nothing_is_asked_of_it() {
    let mut desk = Desk::bracketed(4);
    assert_eq!(names(&desk.fill_told(fill("e", 6, 10))), ["fill"], "exits are not cut or sent from here");
    assert_eq!(desk.reason("tp"), "");
    assert_eq!(names(&desk.fill_told(leg_fill("tp", 10, 10))), ["fill"]);
    assert_eq!(desk.statuses(), [OrderStatus::Filled, OrderStatus::Filled, OrderStatus::Accepted]);
    desk.order_told(leg("sl", 10, 0, VenueStatus::Canceled));
    assert_eq!(desk.status("sl"), OrderStatus::Canceled);
    assert_eq!(desk.reason("sl"), EndReason::GroupFilled.text());
    assert_eq!((desk.held(), desk.breaks()), (q(0), 0));
    assert_recovers(&desk);
}

#[test]
fn what_one_exit_fills_in_part_the_venue_takes_off_the_other_in_place_or_by_a_new_order() {
    for new_name in [false, true] {
        let mut desk = Desk::bracketed(10);
        desk.fill_told(leg_fill("tp", 4, 4));
        if new_name {
            let replaces = Some("v-sl".parse().unwrap());
            desk.order_told(OrderReport { replaces, ..leg("sl-2", 6, 0, VenueStatus::Working) });
        } else {
            desk.order_told(leg("sl", 6, 0, VenueStatus::Working));
        }
        let id = "sl".parse().unwrap();
        let order = desk.engine.state().orders().get(desk.account, id).unwrap();
        assert_eq!((order.leaves(), order.status), (q(6), OrderStatus::Accepted), "new name: {new_name}");
        assert_eq!(desk.breaks(), 0, "{:?}", desk.engine.state().breaks());
        let under = if new_name { "sl-2" } else { "sl" };
        desk.fill_told(leg_fill(under, 6, 6));
        desk.order_told(leg("tp", 10, 4, VenueStatus::Canceled));
        assert_eq!(desk.statuses(), [OrderStatus::Filled, OrderStatus::Canceled, OrderStatus::Filled]);
        assert_eq!((desk.held(), desk.breaks()), (q(0), 0));
        assert_recovers(&desk);
    }
}

#[test]
fn an_entry_that_ends_filled_in_part_takes_its_exits_along_and_a_person_is_told() {
    let mut desk = Desk::bracketed(4);
    let (account, id) = (desk.account, "e".parse().unwrap());
    assert_eq!(names(&desk.give(Command::Cancel { account, id })), ["cancel_requested"]);
    desk.order_told(report("e", 10, 4, VenueStatus::Canceled));
    assert_eq!(desk.statuses(), [OrderStatus::Canceled, OrderStatus::Accepted, OrderStatus::Accepted]);
    desk.order_told(leg("tp", 10, 0, VenueStatus::Canceled));
    desk.order_told(leg("sl", 10, 0, VenueStatus::Canceled));
    assert_eq!((desk.reason("tp"), desk.breaks()), (EndReason::ParentEnded.text().to_owned(), 1));
    let told = desk.engine.state().breaks()[&account].first().unwrap().clone();
    assert!(told.contains("4 filled") && told.contains("without"), "{told}");
    assert_eq!(desk.held(), q(4));
    // What is held without exits is what a person wants to close.
    let events = desk.give(Command::Flatten { scope: Scope::Firm, reason: "".into() });
    let [.., EventBody::OrderSubmitted { order, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((order.side, order.quantity), (Side::Sell, q(4)));
    assert_recovers(&desk);
}

#[test]
fn a_refused_group_is_refused_as_a_whole() {
    let mut desk = Desk::open();
    desk.list(bracket(&desk));
    desk.answer("e", VenueAnswer::Refused(refusal(RefusalCode::VenueReject)));
    assert_eq!(desk.statuses(), [OrderStatus::Rejected; 3]);
    assert_recovers(&desk);
}

#[test]
fn an_exit_told_before_its_name_is_known_is_not_taken_for_somebody_elses() {
    let mut desk = Desk::open();
    desk.list(bracket(&desk));
    assert_eq!(desk.order_told(leg("tp", 10, 0, VenueStatus::Held)), []);
    assert_eq!(desk.fill_told(leg_fill("tp", 10, 10)), []);
    // At the next start the venue is asked for the entry, which tells them.
    let asked = super::super::questions(desk.engine.state(), desk.account, now()).orders;
    let lead = |id: &str| asked.iter().find(|o| o.id.as_str() == id).unwrap().lead;
    assert_eq!((lead("e"), lead("tp")), (None, Some(("e".parse().unwrap(), 0))));
    let filled = OrderReport {
        legs: vec![leg("tp", 10, 10, VenueStatus::Filled), leg("sl", 10, 0, VenueStatus::Canceled)],
        ..report("e", 10, 10, VenueStatus::Filled)
    };
    let view = VenueView {
        asked: vec![("e".parse().unwrap(), Some(filled))],
        fills: vec![fill("e", 10, 10), leg_fill("tp", 10, 10)],
        ..VenueView::default()
    };
    desk.reconcile(&view);
    assert_eq!(desk.statuses(), [OrderStatus::Filled, OrderStatus::Filled, OrderStatus::Canceled]);
    assert_eq!((desk.held(), desk.breaks()), (q(0), 0), "{:?}", desk.engine.state().breaks());
    assert_eq!(names(&desk.reconcile(&view)), ["reconciliation_ended"]);
    assert_recovers(&desk);
}

#[test]
fn shapes_that_the_venue_does_not_take_are_refused_before_anything_is_sent() {
    type Change = fn(&mut Vec<OrderSpec>);
    let shapes: [(&str, Change, RefusalCode); 4] = [
        ("day entry", |l| l[0].tif = TimeInForce::Day, RefusalCode::UnsupportedTimeInForce),
        ("smaller exit", |l| l[1].quantity = q(9), RefusalCode::UnsupportedOrderClass),
        (
            "trailing exit",
            |l| {
                (l[2].order_type, l[2].trigger_price) = (OrderType::TrailingStop, None);
                l[2].trail = "2%".parse().ok();
            },
            RefusalCode::UnsupportedOrderClass,
        ),
        (
            "stop entry",
            |l| {
                (l[0].order_type, l[0].limit_price) = (OrderType::Stop, None);
                l[0].trigger_price = "101".parse().ok();
            },
            RefusalCode::UnsupportedOrderClass,
        ),
    ];
    for (what, change, code) in shapes {
        let mut desk = Desk::open();
        let mut orders = bracket(&desk);
        change(&mut orders);
        let events = desk.list(orders);
        assert_eq!(denial(&events, "e"), Some(code), "{what}: {events:?}");
        let sent = events.iter().filter(|e| matches!(e, EventBody::OrderSubmitted { .. })).count();
        assert_eq!(sent, 0, "{what}");
    }
}

#[test]
fn an_entry_with_one_exit_goes_as_a_group_or_has_its_exit_wait_here() {
    for (tif, with) in [(TimeInForce::Gtc, true), (TimeInForce::Day, false)] {
        let mut desk = Desk::open();
        let mut orders = bracket(&desk);
        orders.remove(1);
        (orders[0].tif, orders[1].oco) = (tif, None);
        desk.list(orders);
        let expected = if with { OrderStatus::Submitted } else { OrderStatus::Held };
        assert_eq!(desk.status("sl"), expected, "{tif}");
    }
}

#[test]
fn two_exits_of_a_position_are_given_in_one_go_led_by_the_limit_order_and_never_one_by_one() {
    let mut desk = Desk::holding();
    let (profit, loss) = (exit(&desk, "tp", OrderType::Limit), exit(&desk, "sl", OrderType::Stop));
    let alone = desk.submit(&OrderSpec { id: "x".parse().unwrap(), ..profit.clone() });
    assert_eq!(denial(&alone, "x"), Some(RefusalCode::UnsupportedOrderClass));
    let events = desk.list(vec![loss.clone(), profit]);
    assert_eq!(names(&events), ["order_submitted", "order_submitted"]);
    let EventBody::OrderSubmitted { order, with, .. } = &events[1] else { panic!("{events:?}") };
    assert_eq!((order.id, *with), (loss.id, Some("tp".parse().unwrap())));
    let legs = vec![leg("sl", 10, 0, VenueStatus::Held)];
    let lead = OrderReport { id: "tp".parse().ok(), legs, ..leg("tp", 10, 0, VenueStatus::Working) };
    desk.order_told(lead);
    desk.fill_told(leg_fill("sl", 10, 10));
    assert_eq!(desk.status("tp"), OrderStatus::Accepted, "the venue ends it");
    desk.order_told(leg("tp", 10, 0, VenueStatus::Canceled));
    assert_eq!((desk.status("tp"), desk.status("sl")), (OrderStatus::Canceled, OrderStatus::Filled));
    assert_eq!((desk.held(), desk.breaks()), (q(0), 0));
    assert_recovers(&desk);
}

#[test]
fn prices_of_a_group_change_and_its_quantities_do_not() {
    let mut desk = Desk::bracketed(10);
    let (account, id) = (desk.account, "tp".parse().unwrap());
    let amend = |quantity: Option<Quantity>, limit: Option<&str>| Command::Amend {
        account,
        id,
        quantity,
        limit_price: limit.map(|l| l.parse().unwrap()),
        trigger_price: None,
    };
    let events = desk.give(amend(Some(q(5)), None));
    let [EventBody::AmendRejected { refusal, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::AmendFieldImmutable);
    assert_eq!(names(&desk.give(amend(None, Some("112")))), ["update_requested"]);
    // The changed order has our name.
    let changed = OrderReport {
        id: Some(id),
        amend_seq: 1,
        replaces: Some("v-tp".parse().unwrap()),
        limit_price: Some("112".parse().unwrap()),
        ..leg("tp-2", 10, 0, VenueStatus::Working)
    };
    desk.order_told(changed);
    let order = desk.engine.state().orders().get(account, id).unwrap();
    assert_eq!((order.spec.limit_price, order.status), ("112".parse().ok(), OrderStatus::Accepted));
    assert_eq!(desk.breaks(), 0);
    assert_recovers(&desk);
}

#[test]
fn a_group_whose_entry_waits_for_a_second_person_goes_out_with_it() {
    let mut desk = Desk::open();
    desk.limit("max_order_notional", "100000", "500");
    desk.list(bracket(&desk));
    assert_eq!(desk.status("e"), OrderStatus::PendingApproval);
    assert!(desk.statuses()[1..].iter().all(|s| *s != OrderStatus::Submitted), "{:?}", desk.statuses());
    desk.approve("e");
    assert_eq!(desk.statuses(), [OrderStatus::Submitted; 3]);
    assert_recovers(&desk);
}

#[test]
fn an_exit_for_which_a_soft_limit_asks_a_second_person_makes_its_entry_wait() {
    // The exit would sell for 1,100, the entry buys for 1,000; a position is never that large without orders.
    for (name, soft, waits) in [("max_order_notional", "1050", true), ("max_position_notional", "1", false)] {
        let mut desk = Desk::open();
        desk.limit(name, "100000", soft);
        let given = desk.list(bracket(&desk));
        assert_eq!(desk.status("e"), OrderStatus::PendingApproval, "{name}: {given:?}");
        let EventBody::OrderHeld { order, code, decision: Some(record), .. } = &given[0] else {
            panic!("{given:?}")
        };
        assert_eq!((order.id.as_str(), *code), ("e", RefusalCode::ApprovalRequired));
        assert_eq!(record.inputs.beside.exits_ask.is_some(), waits, "{name}");
        assert_eq!(crate::risk::replay(desk.account, record), crate::risk::Verdict::Hold(*code));
        desk.approve("e");
        assert_eq!(
            desk.statuses(),
            [OrderStatus::Submitted; 3],
            "who agrees to the entry agrees to its exits"
        );
        assert_recovers(&desk);
    }
}

#[test]
fn two_exits_of_which_a_soft_limit_asks_for_one_wait_together_and_go_out_together() {
    // The limit order would sell for 1,100, the stop for 900; or the other way round.
    for (profit, loss, approved) in [("110", "90", "tp"), ("110", "90", "sl"), ("95", "107", "sl")] {
        let mut desk = Desk::holding();
        desk.quote("100.99", "101.01");
        let (mut tp, mut sl) = (exit(&desk, "tp", OrderType::Limit), exit(&desk, "sl", OrderType::Stop));
        (tp.limit_price, sl.trigger_price) = (profit.parse().ok(), loss.parse().ok());
        if loss == "107" {
            (sl.order_type, sl.limit_price) = (OrderType::StopLimit, loss.parse().ok());
            sl.trigger_price = "90".parse().ok();
        }
        desk.limit("max_order_notional", "100000", "1050");
        let told = desk.list(vec![sl, tp]);
        assert_eq!(desk.pair_statuses(), [OrderStatus::PendingApproval; 2], "{told:?}");
        let bodies = desk.approve(approved);
        assert_eq!(names(&bodies), ["order_submitted", "order_submitted"], "{approved}: {bodies:?}");
        let EventBody::OrderSubmitted { order, with, .. } = &bodies[1] else { panic!("{bodies:?}") };
        assert_eq!((order.id.as_str(), *with), ("sl", "tp".parse().ok()));
        assert_eq!((desk.pair_statuses(), desk.reason("sl")), ([OrderStatus::Submitted; 2], String::new()));
        assert_recovers(&desk);
    }
}

#[test]
fn two_exits_wait_together_where_a_soft_limit_counts_only_one_more_order() {
    // The limit order is within it, the stop beside it is not.
    for (name, soft) in [("max_open_orders", "1"), ("max_orders_per_minute", "2")] {
        for approved in ["tp", "sl"] {
            let mut desk = Desk::holding();
            desk.limit(name, "100", soft);
            let told = desk.pair();
            assert_eq!(desk.pair_statuses(), [OrderStatus::PendingApproval; 2], "{name}: {told:?}");
            for event in &told {
                let EventBody::OrderHeld { order, code, decision: Some(record), .. } = event else {
                    panic!("{name}: {told:?}")
                };
                assert_eq!(crate::risk::replay(order.account, record), crate::risk::Verdict::Hold(*code));
            }
            let told = desk.approve(approved);
            assert_eq!(names(&told), ["order_submitted", "order_submitted"], "{name}: {told:?}");
            assert_eq!(desk.pair_statuses(), [OrderStatus::Submitted; 2], "{name}");
            assert_recovers(&desk);
        }
    }
}

#[test]
fn counts_see_all_orders_of_a_bracket() {
    for name in ["max_open_orders", "max_orders_per_minute", "max_messages_per_minute"] {
        // Hard and soft limit, and whether the three are sent, wait or are refused.
        for (hard, soft, expected) in [
            ("3", "3", OrderStatus::Submitted),
            ("3", "2", OrderStatus::PendingApproval),
            ("3", "1", OrderStatus::PendingApproval),
            ("2", "2", OrderStatus::Denied),
        ] {
            let mut desk = Desk::open();
            desk.limit(name, hard, soft);
            let told = desk.list(bracket(&desk));
            assert_eq!(desk.status("e"), expected, "{name} {hard} {soft}: {told:?}");
            let sent = told.iter().filter(|e| matches!(e, EventBody::OrderSubmitted { .. })).count();
            assert_eq!(sent, if expected == OrderStatus::Submitted { 3 } else { 0 }, "{name} {hard} {soft}");
            if expected == OrderStatus::Denied {
                let listed = Some(RefusalCode::OrderListDenied);
                assert_eq!(["e", "tp"].map(|id| denial(&told, id)), [listed; 2], "{name}");
                let counted = told.iter().any(|e| match e {
                    EventBody::OrderDenied { refusal, .. } => {
                        refusal.breaches.iter().any(|b| b.limit == name)
                    }
                    _ => false,
                });
                assert!(counted, "{name}: {told:?}");
            }
            if expected == OrderStatus::PendingApproval {
                desk.approve("e");
                assert_eq!(desk.statuses(), [OrderStatus::Submitted; 3], "{name} {hard} {soft}");
            }
            assert_recovers(&desk);
        }
    }
}

#[test]
fn who_agrees_to_one_of_a_pair_has_both_judged_and_the_other_waits_on() {
    // Meanwhile 1,070 of the stop is too much, and 950 of the limit order is not.
    for approved in ["tp", "sl"] {
        let mut desk = Desk::holding();
        desk.quote("100.99", "101.01");
        let (mut tp, mut sl) = (exit(&desk, "tp", OrderType::Limit), exit(&desk, "sl", OrderType::StopLimit));
        (tp.limit_price, sl.limit_price) = ("95".parse().ok(), "107".parse().ok());
        desk.limit("max_order_notional", "100000", "500");
        desk.list(vec![sl, tp]);
        assert_eq!(desk.pair_statuses(), [OrderStatus::PendingApproval; 2]);
        desk.limit("max_order_notional", "1000", "500");
        let told = desk.approve(approved);
        assert_eq!(
            (names(&told), denial(&told, "sl")),
            (vec!["order_denied".into()], Some(RefusalCode::MaxOrderNotional))
        );
        assert_eq!(desk.pair_statuses(), [OrderStatus::PendingApproval, OrderStatus::Denied], "{approved}");
        assert_eq!(names(&desk.approve("tp")), ["order_submitted"]);
        assert_recovers(&desk);
    }
}

#[test]
fn who_agrees_to_an_entry_has_its_exits_judged_and_nothing_stands_without_them() {
    let mut desk = Desk::open();
    desk.limit("max_order_notional", "100000", "500");
    desk.list(bracket(&desk));
    // The entry buys for 1,000, an exit would sell for 1,100.
    desk.limit("max_order_notional", "1050", "500");
    let told = desk.approve("e");
    let listed = Some(RefusalCode::OrderListDenied);
    let denials = ["e", "tp", "sl"].map(|id| denial(&told, id));
    assert_eq!(denials, [listed, Some(RefusalCode::MaxOrderNotional), listed], "{told:?}");
    assert_eq!(desk.statuses(), [OrderStatus::Denied; 3]);
    assert_recovers(&desk);
}

#[test]
fn what_is_left_of_two_exits_that_waited_goes_out_alone() {
    // One is cancelled, or refused when somebody agrees: 1,100 passes the limit, 900 does not.
    for (gone, left) in [("tp", "sl"), ("sl", "tp"), ("", "sl")] {
        let mut desk = Desk::holding();
        desk.limit("max_order_notional", "100000", "500");
        desk.pair();
        assert_eq!(desk.pair_statuses(), [OrderStatus::PendingApproval; 2]);
        if gone.is_empty() {
            desk.limit("max_order_notional", "1000", "500");
            assert_eq!(names(&desk.approve(left)), ["order_denied"]);
        } else {
            desk.give(Command::Cancel { account: desk.account, id: gone.parse().unwrap() });
        }
        assert_eq!(desk.status(left), OrderStatus::PendingApproval, "{gone}");
        let told = desk.approve(left);
        let [EventBody::OrderSubmitted { order, route, with: None, .. }] = &told[..] else {
            panic!("{gone}: {told:?}")
        };
        assert_eq!(order.id.as_str(), left);
        assert!(route.as_str().contains("the other one of its pair ended"), "{route}");
        let sent = desk.engine.state().orders().get(desk.account, order.id).unwrap();
        assert_eq!(sent.sent_with(), None);
        let id = Some(order.id);
        desk.order_told(OrderReport { id, ..leg(left, 10, 0, VenueStatus::Working) });
        desk.fill_told(leg_fill(left, 10, 10));
        assert_eq!((desk.status(left), desk.held(), desk.breaks()), (OrderStatus::Filled, q(0), 0));
        assert_recovers(&desk);
    }
}

#[test]
fn exits_that_wait_for_their_entry_are_not_ended_while_nothing_is_held() {
    let mut desk = Desk::bracketed(0);
    desk.working("b", 5);
    desk.fill_told(fill("b", 5, 5));
    let sell = desk.order("s", Side::Sell, 5);
    let events = desk.submit(&sell);
    assert_eq!(names(&events), ["order_submitted"], "{events:?}");
    let sold = OrderReport { side: Side::Sell, ..report("s", 5, 0, VenueStatus::Working) };
    desk.order_told(sold);
    desk.fill_told(FillReport { side: Side::Sell, ..fill("s", 5, 5) });
    assert_eq!(
        (desk.held(), desk.status("tp"), desk.status("sl")),
        (q(0), OrderStatus::Accepted, OrderStatus::Accepted)
    );
}
