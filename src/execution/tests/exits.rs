//! Exits of a bracket: nothing leaves what its entry fills without them.

use super::*;
use crate::domain::RefusalCode;
use crate::domain::event::HaltMode;
use crate::domain::limit::Scope;
use crate::domain::market::SplitRatio;
use crate::domain::{Order, OrderType, Trail};

const FLAT: [i64; 4] = [10_000; 4];

fn desk() -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk
}

fn stop(id: &str, side: Side, shares: i64, trigger: i64) -> OrderSpec {
    OrderSpec {
        order_type: OrderType::Stop,
        trigger_price: Some(cents(trigger)),
        ..Desk::order(id, "AAA", side, shares, None)
    }
}

/// An entry at 99 with a target at 103 and a stop at 97.
fn bracket(shares: i64) -> Vec<OrderSpec> {
    let exit = |order: OrderSpec| OrderSpec {
        parent: Some("e".parse().unwrap()),
        oco: Some("g".parse().unwrap()),
        ..order
    };
    let all = [
        Desk::order("e", "AAA", Side::Buy, shares, Some(9_900)),
        exit(Desk::order("tp", "AAA", Side::Sell, shares, Some(10_300))),
        exit(stop("sl", Side::Sell, shares, 9_700)),
    ];
    all.into_iter().map(|o| OrderSpec { tif: TimeInForce::Gtc, ..o }).collect()
}

impl Desk {
    fn get(&self, id: &str) -> &Order {
        self.engine.state().orders().get("A".parse().unwrap(), id.parse().unwrap()).unwrap()
    }

    fn statuses(&self) -> [OrderStatus; 3] {
        ["e", "tp", "sl"].map(|id| self.status(id))
    }

    /// Quantity, filled and what may fill now, in shares.
    fn sizes(&self, id: &str) -> [i64; 3] {
        let order = self.get(id);
        [order.spec.quantity, order.filled, order.working()].map(|q| q.raw() / Quantity::ONE_RAW)
    }

    fn shares(&self) -> i64 {
        let account = &self.engine.state().accounts()[&"A".parse().unwrap()];
        account.quantity(instrument("AAA")).raw() / Quantity::ONE_RAW
    }

    pub(super) fn split(&mut self, new: i64, old: i64) {
        let whole = |n| Quantity::from_whole(n).unwrap();
        let (instrument, ratio) = (instrument("AAA"), SplitRatio { new: whole(new), old: whole(old) });
        let (ex_date, is_late, time) = (None, false, self.now);
        self.market(&MarketEvent::Split { instrument, ratio, time, ex_date, is_late });
    }
}

#[test]
fn exits_that_a_fill_made_flat_wait_for_the_rest_of_their_entry() {
    let mut desk = desk();
    desk.submit_list(bracket(100));
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_600);
    desk.bar("AAA", 1, [10_200, 10_400, 10_100, 10_200], 1_000_000);
    assert_eq!(desk.statuses(), [OrderStatus::PartiallyFilled, OrderStatus::Held, OrderStatus::Held]);
    assert_eq!((desk.sizes("tp"), desk.sizes("sl")), ([100, 40, 0], [60, 0, 0]));
    desk.bar("AAA", 1, [10_000, 10_000, 9_850, 9_900], 1_000_000);
    let working = OrderStatus::PartiallyFilled;
    assert_eq!(desk.statuses(), [OrderStatus::Filled, working, OrderStatus::Accepted]);
    assert_eq!((desk.sizes("tp"), desk.sizes("sl")), ([100, 40, 60], [60, 0, 60]));
    desk.bar("AAA", 1, [9_800, 9_800, 9_600, 9_600], 1_000_000);
    assert_eq!(
        (desk.status("sl"), desk.status("tp"), desk.shares()),
        (OrderStatus::Filled, OrderStatus::Canceled, 0)
    );
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_exit_that_filled_and_began_anew_is_touched_once_more_and_works() {
    let mut desk = desk();
    let touched = |o: OrderSpec| match o.limit_price {
        Some(price) if o.parent.is_some() => OrderSpec {
            order_type: OrderType::MarketIfTouched,
            limit_price: None,
            trigger_price: Some(price),
            ..o
        },
        _ => o,
    };
    desk.submit_list(bracket(100).into_iter().map(touched).collect());
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_600);
    desk.bar("AAA", 1, [10_200, 10_400, 10_100, 10_200], 1_000_000);
    assert_eq!((desk.status("tp"), desk.sizes("tp")), (OrderStatus::Held, [100, 40, 0]));
    desk.bar("AAA", 1, [10_000, 10_000, 9_850, 9_900], 1_000_000);
    assert_eq!((desk.status("tp"), desk.get("tp").triggered), (OrderStatus::PartiallyFilled, false));
    // The bar touches it and has nothing left of its volume for it.
    desk.bar("AAA", 1, [10_200, 10_400, 10_100, 10_200], 20);
    assert_eq!((desk.status("tp"), desk.get("tp").triggered), (OrderStatus::PartiallyFilled, true));
    desk.bar("AAA", 1, [10_100, 10_200, 10_100, 10_200], 1_000_000);
    assert_eq!((desk.status("tp"), desk.shares()), (OrderStatus::Filled, 0));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn exits_of_what_was_sold_by_hand_wait_and_then_sell_no_more_than_what_comes() {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", true);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let only = |o: OrderSpec| OrderSpec { reduce_only: o.parent.is_some(), ..o };
    desk.submit_list(bracket(100).into_iter().map(only).collect());
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_600);
    desk.submit(Desk::order("out", "AAA", Side::Sell, 40, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    assert_eq!(desk.statuses(), [OrderStatus::PartiallyFilled, OrderStatus::Held, OrderStatus::Held]);
    desk.bar("AAA", 1, [10_000, 10_000, 9_850, 9_900], 1_000_000);
    assert_eq!(desk.statuses(), [OrderStatus::Filled, OrderStatus::Accepted, OrderStatus::Accepted]);
    assert_eq!((desk.sizes("tp"), desk.sizes("sl")), ([60, 0, 60], [60, 0, 60]));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn exits_that_wait_again_end_with_their_entry() {
    let mut desk = desk();
    desk.submit_list(bracket(100));
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_600);
    desk.bar("AAA", 1, [10_200, 10_400, 10_100, 10_200], 1_000_000);
    desk.give(Command::Cancel { account: "A".parse().unwrap(), id: "e".parse().unwrap() });
    assert_eq!(desk.statuses(), [OrderStatus::Canceled, OrderStatus::Filled, OrderStatus::Canceled]);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_exit_ends_with_the_position_once_its_entry_is_done() {
    let mut desk = desk();
    desk.submit_list(
        bracket(100)
            .into_iter()
            .filter(|o| o.id.as_str() != "tp")
            .map(|o| OrderSpec { oco: None, ..o })
            .collect(),
    );
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_000_000);
    desk.give(Command::Flatten { scope: Scope::Firm, reason: "test".into() });
    desk.bar("AAA", 1, FLAT, 1_000_000);
    assert_eq!((desk.status("sl"), desk.shares()), (OrderStatus::Canceled, 0));
}

/// What becomes of a bracket that was taken before something was done.
fn released_after(set_up: impl FnOnce(&mut Desk)) -> Desk {
    let mut desk = desk();
    desk.submit_list(bracket(100));
    set_up(&mut desk);
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_000_000);
    assert_eq!((desk.status("e"), desk.shares()), (OrderStatus::Filled, 100));
    desk
}

fn halt(desk: &mut Desk) {
    let (scope, mode, cancel) = (Scope::Firm, HaltMode::Halted, false);
    desk.give(Command::Halt { scope, mode, cancel, reason: "test".into() });
}

#[test]
fn exits_work_whatever_people_set_after_their_entry_was_taken() {
    let working = [OrderStatus::Filled, OrderStatus::Accepted, OrderStatus::Accepted];
    assert_eq!(released_after(halt).statuses(), working, "halted");
    for (name, hard, soft) in [
        ("max_order_notional", "1000", None),
        ("restricted_symbols", "AAA", None),
        ("max_adv_participation", "0.1", None),
        ("max_order_notional", "1000000", Some("10000")),
    ] {
        let desk = released_after(|desk| desk.limit(name, hard, soft));
        assert_eq!(desk.statuses(), working, "{name} {hard} {soft:?}");
    }
}

#[test]
fn a_child_that_adds_risk_is_judged_when_it_is_released() {
    let mut desk = desk();
    let more = OrderSpec {
        parent: Some("e".parse().unwrap()),
        ..Desk::order("more", "AAA", Side::Buy, 10, Some(9_000))
    };
    let mut all = bracket(100);
    all.push(more);
    desk.submit_list(all);
    halt(&mut desk);
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_000_000);
    assert_eq!(desk.get("more").code, Some(RefusalCode::TradingHalted));
    assert_eq!(desk.status("sl"), OrderStatus::Accepted);
}

#[test]
fn a_child_that_would_go_short_is_no_exit() {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", true);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit(Desk::order("old", "AAA", Side::Sell, 50, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit_list(bracket(100));
    halt(&mut desk);
    desk.bar("AAA", 1, [10_000, 10_000, 9_890, 9_950], 1_000_000);
    assert_eq!(desk.shares(), 50);
    assert_eq!(desk.get("tp").code, Some(RefusalCode::TradingHalted));
}

/// A parent of 60 with two children, filled by 5 and then all: what an account of this cash holds at most of both ways.
fn with_two_children(side: Side, limits: [i64; 2], cash: &str) -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), cash, true);
    desk.bar("AAA", 1, FLAT, 1_000_000);
    desk.submit(Desk::order("e", "AAA", Side::Buy, 60, Some(9_950)));
    for (id, limit) in ["a", "b"].into_iter().zip(limits) {
        let parent = Some("e".parse().unwrap());
        desk.submit(OrderSpec { parent, ..Desk::order(id, "AAA", side, 60, Some(limit)) });
    }
    desk.bar("AAA", 1, [9_940; 4], 200);
    assert_eq!(desk.shares(), 5);
    desk
}

#[test]
fn children_that_grow_with_their_parent_are_judged_for_all_of_it() {
    let mut desk = with_two_children(Side::Buy, [9_945, 9_945], "7000");
    assert_eq!([desk.status("a"), desk.status("b")], [OrderStatus::Accepted; 2], "5 of each are paid for");
    for _ in 0..3 {
        desk.bar("AAA", 1, [9_940; 4], 1_000_000);
    }
    assert_eq!(desk.get("b").code, Some(RefusalCode::InsufficientCash));
    assert!(!desk.engine.state().accounts()[&"A".parse().unwrap()].cash().is_negative());
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn two_exits_that_grow_beside_each_other_are_no_exits() {
    let mut desk = with_two_children(Side::Sell, [10_200, 10_300], "100000");
    halt(&mut desk);
    desk.bar("AAA", 1, [9_940; 4], 1_000_000);
    assert_eq!(desk.sizes("a"), [60, 0, 60], "one takes back what the entry made");
    assert_eq!(desk.get("b").code, Some(RefusalCode::TradingHalted), "both would go short");
}

#[test]
fn no_order_takes_the_name_of_one_that_closes_a_position() {
    let mut desk = desk();
    desk.submit(Desk::order("own", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let next = desk.engine.state().seq() + 1;
    for number in next..next + 20 {
        let id = format!("flatten-{number}");
        desk.submit(Desk::order(&id, "AAA", Side::Buy, 1, Some(9_000)));
        assert_eq!(desk.get(&id).code, Some(RefusalCode::ReservedName));
    }
    desk.submit(Desk::order("external:v-1", "AAA", Side::Buy, 1, None));
    assert_eq!(desk.get("external:v-1").code, Some(RefusalCode::ReservedName));
    desk.give(Command::Flatten { scope: Scope::Firm, reason: "test".into() });
    desk.bar("AAA", 1, FLAT, 1_000_000);
    assert_eq!(desk.shares(), 0);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_split_leaves_prices_on_the_tick_no_limit_worse_and_no_stop_later() {
    let mut desk = desk();
    desk.submit_list(bracket(100));
    let trail = OrderSpec {
        order_type: OrderType::TrailingStop,
        trail: Some(Trail::Amount(cents(100))),
        parent: Some("e".parse().unwrap()),
        ..Desk::order("trail", "AAA", Side::Sell, 10, None)
    };
    desk.submit(trail);
    desk.submit(Desk::order("low", "AAA", Side::Buy, 10, Some(1)));
    desk.submit(stop("bs", Side::Buy, 10, 10_300));
    desk.split(3, 2);
    let prices = |id| {
        let spec = &desk.get(id).spec;
        spec.limit_price.or(spec.trigger_price).unwrap()
    };
    let wanted = [("e", 6_600), ("tp", 6_867), ("sl", 6_467), ("low", 1), ("bs", 6_866)];
    for (id, price) in wanted {
        assert_eq!(prices(id), cents(price), "{id}");
    }
    assert_eq!(desk.get("trail").spec.trail, Some(Trail::Amount(cents(66))));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_split_that_an_earlier_release_wrote_down_leaves_prices_as_they_came_out() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = desk();
    desk.submit_list(bracket(100));
    desk.split(3, 2);
    let news = desk.events.iter().map(|e| encode(e).unwrap());
    let olds: Vec<String> = news.map(|text| text.replace(",\"to_tick\":true", "")).collect();
    let events: Vec<Event> = olds.iter().map(|t| decode(ENCODING_VERSION, t).unwrap()).collect();
    assert_ne!(events, desk.events, "the event says it");
    assert!(events.iter().zip(&olds).all(|(event, old)| encode(event).unwrap() == *old), "read as it was");
    desk.engine = Engine::recover(calendars, &events).unwrap();
    let (tp, sl) = (&desk.get("tp").spec, &desk.get("sl").spec);
    assert_eq!(
        (tp.limit_price, sl.trigger_price),
        ("68.666666667".parse().ok(), "64.666666667".parse().ok())
    );
}

#[test]
fn exits_are_released_after_a_split_off_the_tick_and_what_is_split_can_be_changed() {
    let mut desk = desk();
    desk.submit_list(bracket(100));
    desk.split(3, 1);
    let told = desk.give(Command::Amend {
        account: "A".parse().unwrap(),
        id: "tp".parse().unwrap(),
        quantity: Some(Quantity::from_whole(150).unwrap()),
        limit_price: None,
        trigger_price: None,
    });
    assert!(matches!(told[..], [EventBody::OrderUpdated { .. }]), "{told:?}");
    desk.bar("AAA", 1, [3_300, 3_300, 3_250, 3_290], 1_000_000);
    assert_eq!(desk.statuses(), [OrderStatus::Filled, OrderStatus::Accepted, OrderStatus::Accepted]);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn of_two_orders_that_close_one_position_within_a_bar_the_stop_is_taken() {
    let mut desk = desk();
    desk.submit(Desk::order("e", "AAA", Side::Buy, 100, None));
    desk.bar("AAA", 1, FLAT, 1_000_000);
    let closing = |order: OrderSpec| OrderSpec { reduce_only: true, tif: TimeInForce::Gtc, ..order };
    desk.submit(closing(Desk::order("tp", "AAA", Side::Sell, 100, Some(10_300))));
    desk.submit(closing(stop("sl", Side::Sell, 60, 9_700)));
    // The target's side is the nearer one.
    desk.bar("AAA", 1, [10_000, 10_400, 9_500, 10_000], 1_000_000);
    assert_eq!((desk.sizes("sl"), desk.sizes("tp")), ([60, 60, 0], [100, 40, 0]));
    assert_eq!((desk.status("tp"), desk.shares()), (OrderStatus::Canceled, 0));
}

#[test]
fn what_the_open_reaches_comes_before_a_stop_and_enough_for_both_leaves_the_path() {
    for (bar, first) in [([10_400, 10_400, 9_500, 10_000], "tp"), ([10_000, 10_400, 9_500, 10_000], "sl")] {
        let mut desk = desk();
        desk.submit(Desk::order("e", "AAA", Side::Buy, 100, None));
        desk.bar("AAA", 1, FLAT, 1_000_000);
        let closing = |order: OrderSpec| OrderSpec { reduce_only: true, ..order };
        desk.submit(closing(Desk::order("tp", "AAA", Side::Sell, 100, Some(10_300))));
        desk.submit(closing(stop("sl", Side::Sell, 100, 9_700)));
        desk.bar("AAA", 1, bar, 1_000_000);
        let filled = ["tp", "sl"].map(|id| desk.status(id) == OrderStatus::Filled);
        assert_eq!(filled, ["tp" == first, "sl" == first], "{bar:?}");
    }
}
