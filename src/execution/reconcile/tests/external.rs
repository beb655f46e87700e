//! Orders and executions at a broker that were not given here.

use super::*;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, WorkingOrders};

fn foreign(name: &str, quantity: i64, filled: i64, status: VenueStatus) -> OrderReport {
    OrderReport { id: None, ..report(name, quantity, filled, status) }
}

fn foreign_fill(name: &str, quantity: i64, cum: i64) -> FillReport {
    FillReport { id: None, ..fill(name, quantity, cum) }
}

fn position(quantity: i64) -> Vec<PositionReport> {
    vec![PositionReport { instrument: apple(), quantity: q(quantity), average: None }]
}

fn told(events: &[EventBody]) -> Vec<&str> {
    let breaks = events.iter().filter_map(|e| match e {
        EventBody::RiskEvent { code: RefusalCode::ReconciliationBreak, observed, .. } => {
            Some(observed.as_str())
        }
        _ => None,
    });
    breaks.collect()
}

impl Desk {
    /// What strategies hold.
    fn attributed(&self) -> Vec<(String, Quantity)> {
        let held = self.engine.state().strategies().held();
        held.map(|(strategy, .., quantity)| (strategy.to_string(), quantity)).collect()
    }

    /// Limits the fills of a strategy.
    fn limit_executions(&mut self, hard: &str) {
        let told = self.give(Command::SetLimit(LimitDraft {
            name: LimitName::MaxRepeatedExecutions,
            scope: "firm".parse().unwrap(),
            hard: Some(hard.to_owned()),
            soft: None,
            reason: "test".into(),
            working: WorkingOrders::Keep,
            terms: LimitTerms::default(),
        }));
        assert_eq!(names(&told), ["limit_approved"]);
    }
}

/// The state that the journal alone gives.
pub(super) fn assert_recovers(desk: &Desk) {
    let recovered = Engine::recover(Calendars::bundled().unwrap(), &desk.journal).unwrap();
    let (a, b) = (recovered.state(), desk.engine.state());
    assert_eq!((a.orders(), a.accounts(), a.seq()), (b.orders(), b.accounts(), b.seq()));
    assert_eq!(a.compared(desk.account), b.compared(desk.account));
}

#[test]
fn what_was_given_elsewhere_is_told_kept_and_counted_once_and_nothing_is_sent() {
    let mut desk = Desk::open();
    let view = VenueView {
        open: vec![foreign("zz", 7, 2, VenueStatus::PartiallyFilled)],
        fills: vec![foreign_fill("zz", 2, 2)],
        positions: position(2),
        ..VenueView::default()
    };
    let events = desk.reconcile(&view);
    assert_eq!(told(&events), ["order v-zz at the broker was not given here"]);
    let sent = ["order_submitted", "cancel_requested", "update_requested"];
    assert!(!names(&events).iter().any(|name| sent.contains(&name.as_str())), "{events:?}");
    let kept = desk.engine.state().orders().open().values().next().unwrap();
    assert!(kept.spec.is_external() && kept.is_at_broker() && !kept.matches_here());
    assert_eq!((kept.spec.id.as_str(), kept.spec.quantity, kept.filled), ("external:v-zz", q(7), q(2)));
    assert_eq!((desk.status("external:v-zz"), desk.held()), (OrderStatus::PartiallyFilled, q(2)));
    assert_eq!(names(&desk.reconcile(&view)), ["reconciliation_ended"]);
    assert_recovers(&desk);
}

#[test]
fn an_order_given_elsewhere_counts_in_checks_and_can_be_cancelled_by_a_person() {
    let mut desk = Desk::open();
    let large = foreign("zz", 9_950, 0, VenueStatus::Working);
    desk.order_told(large.clone());
    let more = desk.order("a", Side::Buy, 100);
    let events = desk.submit(&more);
    let EventBody::OrderDenied { refusal, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::InsufficientCash, "995,000 of 1,000,000 are held");
    let (account, id) = (desk.account, "external:v-zz".parse().unwrap());
    assert_eq!(names(&desk.give(Command::Cancel { account, id })), ["cancel_requested"]);
    desk.order_told(OrderReport { status: VenueStatus::Canceled, ..large });
    assert_eq!(desk.status("external:v-zz"), OrderStatus::Canceled);
    let again = desk.order("b", Side::Buy, 100);
    assert_eq!(names(&desk.submit(&again)), ["order_submitted"]);
    assert_recovers(&desk);
}

#[test]
fn executions_of_orders_that_came_and_went_elsewhere_are_asked_for_and_booked_once() {
    let mut desk = Desk::open();
    let before = FillReport { time: now().plus_millis(-1), ..foreign_fill("old", 5, 5) };
    let mut view = VenueView {
        fills: vec![foreign_fill("zz", 4, 4), foreign_fill("zz", 3, 7), before],
        positions: position(7),
        ..VenueView::default()
    };
    let asked = strangers(desk.engine.state(), desk.account, &view);
    assert_eq!(asked.iter().map(ToString::to_string).collect::<Vec<_>>(), ["v-zz"], "the other was before");
    view.elsewhere = vec![foreign("zz", 7, 7, VenueStatus::Filled)];
    let events = desk.reconcile(&view);
    assert_eq!(told(&events), ["order v-zz at the broker was not given here"]);
    assert_eq!((desk.status("external:v-zz"), desk.held()), (OrderStatus::Filled, q(7)));
    assert!(strangers(desk.engine.state(), desk.account, &view).is_empty());
    view.elsewhere.clear();
    assert_eq!(names(&desk.reconcile(&view)), ["reconciliation_ended"]);
    assert_recovers(&desk);
}

#[test]
fn an_order_that_did_nothing_or_is_of_no_kind_of_ours_is_told_and_not_kept() {
    let mut desk = Desk::open();
    let unknown = OrderReport { terms: None, ..foreign("a", 7, 0, VenueStatus::Working) };
    assert_eq!(told(&desk.order_told(unknown)).len(), 1);
    assert_eq!(told(&desk.order_told(foreign("b", 7, 0, VenueStatus::Canceled))).len(), 1);
    assert_eq!((desk.engine.state().orders().open().len(), desk.breaks()), (0, 2));
}

#[test]
fn an_order_that_somebody_changes_at_the_venue_keeps_its_name_and_has_the_new_terms() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let old = OrderReport {
        replaced_by: Some("v-new".parse().unwrap()),
        ..report("a", 10, 0, VenueStatus::Replaced)
    };
    let limit_price = Some("98".parse().unwrap());
    let replaces = Some("v-a".parse().unwrap());
    let new = OrderReport { limit_price, replaces, ..foreign("new", 12, 0, VenueStatus::Working) };
    let view =
        VenueView { open: vec![new], asked: vec![("a".parse().unwrap(), Some(old))], ..VenueView::default() };
    let events = desk.reconcile(&view);
    assert_eq!(told(&events), ["order a was changed at the broker and not here"]);
    let order = desk.engine.state().orders().get(desk.account, "a".parse().unwrap()).unwrap();
    assert_eq!((order.spec.quantity, order.spec.limit_price), (q(12), limit_price));
    assert_eq!(order.remote.as_ref().unwrap().venue_id(), Some("v-new".parse().unwrap()));
    assert_eq!(desk.engine.state().orders().open().len(), 1);
    assert_eq!(names(&desk.reconcile(&view)), ["reconciliation_ended"]);
    desk.fill_told(foreign_fill("new", 12, 12));
    assert_eq!((desk.status("a"), desk.held()), (OrderStatus::Filled, q(12)));
    assert_recovers(&desk);
}

#[test]
fn the_order_that_took_the_place_of_ours_is_asked_for_though_it_is_done() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let old = OrderReport {
        replaced_by: Some("v-new".parse().unwrap()),
        ..report("a", 10, 0, VenueStatus::Replaced)
    };
    let mut view = VenueView {
        asked: vec![("a".parse().unwrap(), Some(old))],
        fills: vec![foreign_fill("new", 4, 4)],
        positions: position(4),
        ..VenueView::default()
    };
    assert_eq!(strangers(desk.engine.state(), desk.account, &view).len(), 1);
    let replaces = Some("v-a".parse().unwrap());
    view.elsewhere = vec![OrderReport { replaces, ..foreign("new", 12, 4, VenueStatus::Canceled) }];
    desk.reconcile(&view);
    assert_eq!((desk.status("a"), desk.filled("a"), desk.held()), (OrderStatus::Canceled, q(4), q(4)));
    assert_eq!(names(&desk.reconcile(&view)), ["reconciliation_ended"]);
    assert_recovers(&desk);
}

#[test]
fn an_order_that_was_given_up_and_works_there_after_all_is_kept_as_an_external_one() {
    let mut desk = Desk::open();
    let order = desk.order("a", Side::Buy, 10);
    desk.submit(&order);
    desk.reconcile(&VenueView { asked: vec![(order.id, None)], ..VenueView::default() });
    assert_eq!(desk.status("a"), OrderStatus::Rejected);
    let view = VenueView { open: vec![report("a", 10, 0, VenueStatus::Working)], ..VenueView::default() };
    let events = desk.reconcile(&view);
    assert_eq!(told(&events).len(), 1, "{events:?}");
    assert_eq!(
        (desk.status("external:v-a"), desk.status("a")),
        (OrderStatus::Accepted, OrderStatus::Rejected)
    );
    desk.fill_told(fill("a", 10, 10));
    assert_eq!((desk.status("external:v-a"), desk.held()), (OrderStatus::Filled, q(10)));
    assert_recovers(&desk);
}

#[test]
fn an_order_that_ended_here_and_works_there_is_a_difference() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    desk.order_told(report("a", 10, 0, VenueStatus::Canceled));
    assert_eq!(desk.status("a"), OrderStatus::Canceled);
    let view = VenueView { open: vec![report("a", 10, 0, VenueStatus::Working)], ..VenueView::default() };
    let events = desk.reconcile(&view);
    assert_eq!(told(&events), ["order a ended here and works at the broker"]);
}

#[test]
fn a_chain_of_orders_changed_elsewhere_ends_and_begins_anew() {
    let mut desk = Desk::open();
    desk.order_told(foreign("one", 10, 0, VenueStatus::Working));
    desk.order_told(foreign("one", 10, 0, VenueStatus::Replaced));
    let replaces = Some("v-one".parse().unwrap());
    desk.order_told(OrderReport { replaces, ..foreign("two", 6, 0, VenueStatus::Working) });
    assert_eq!(desk.status("external:v-one"), OrderStatus::Canceled);
    assert_eq!(desk.status("external:v-two"), OrderStatus::Accepted);
    assert_eq!(desk.engine.state().orders().open().len(), 1);
    assert_recovers(&desk);
}

#[test]
fn a_group_is_refused_before_anything_is_sent_and_a_single_exit_follows_its_entry() {
    let mut desk = Desk::open();
    let entry = desk.order("a", Side::Buy, 10);
    let exit = |id: &str, oco: Option<&str>| OrderSpec {
        parent: Some(entry.id),
        oco: oco.map(|group| group.parse().unwrap()),
        order_type: OrderType::Stop,
        limit_price: None,
        trigger_price: Some("90".parse().unwrap()),
        tif: TimeInForce::Gtc,
        ..desk.order(id, Side::Sell, 10)
    };
    let (grouped, single) = (exit("tp", Some("g")), exit("sl", None));
    desk.submit(&entry);
    let events = desk.submit(&grouped);
    let EventBody::OrderDenied { refusal, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::UnsupportedOrderClass, "not at its release, when the entry stands");
    assert_eq!(names(&desk.submit(&single)), ["order_held"]);
    desk.order_told(report("a", 10, 0, VenueStatus::Working));
    assert_eq!(
        names(&desk.fill_told(fill("a", 4, 4))),
        ["fill"],
        "sent once, when it is known how much of it"
    );
    let events = desk.fill_told(fill("a", 6, 10));
    assert_eq!(names(&events), ["fill", "order_submitted"]);
    assert_eq!((desk.status("sl"), desk.held()), (OrderStatus::Submitted, q(10)));
}

#[test]
fn what_is_closed_at_the_broker_is_closed_for_the_strategy_that_bought_it_here() {
    let mut desk = Desk::open();
    desk.limit_executions("2");
    let order = OrderSpec { strategy: "s1".parse().ok(), ..desk.order("a", Side::Buy, 10) };
    desk.submit(&order);
    desk.order_told(report("a", 10, 0, VenueStatus::Working));
    desk.fill_told(fill("a", 10, 10));
    // A person buys 5 there: they are nobody's, and go first when 12 are sold there.
    desk.order_told(foreign("in", 5, 5, VenueStatus::Filled));
    desk.fill_told(foreign_fill("in", 5, 5));
    assert_eq!((desk.held(), desk.attributed()), (q(15), vec![("s1".to_owned(), q(10))]));
    desk.order_told(OrderReport { side: Side::Sell, ..foreign("out", 12, 0, VenueStatus::Working) });
    for cum in [4, 8, 12] {
        desk.fill_told(FillReport { side: Side::Sell, ..foreign_fill("out", 4, cum) });
    }
    assert_eq!((desk.held(), desk.attributed()), (q(3), vec![("s1".to_owned(), q(3))]));
    assert!(desk.engine.state().halts().is_empty(), "what is done there is no strategy that runs away");
    desk.order_told(OrderReport { side: Side::Sell, ..foreign("rest", 3, 0, VenueStatus::Working) });
    desk.fill_told(FillReport { side: Side::Sell, ..foreign_fill("rest", 3, 3) });
    assert_eq!((desk.held(), desk.attributed()), (Quantity::ZERO, Vec::new()));
    assert_recovers(&desk);
    let recovered = Engine::recover(Calendars::bundled().unwrap(), &desk.journal).unwrap();
    assert_eq!(recovered.state().strategies(), desk.engine.state().strategies());
}
