//! Orders at a broker: what comes twice counts once, what comes late still counts, and nothing is guessed.

use std::sync::Arc;

use super::*;
use crate::domain::broker::{BrokerReport, FillReport, OrderReport, VenueRefusal, VenueStatus};
use crate::domain::command::VenueAnswer;
use crate::domain::limit::{LimitDraft, LimitTerms, Scope, WorkingOrders};
use crate::domain::{CleanText, OrderType, RefusalCode, VenueOrderId};

fn venue(name: &str) -> VenueOrderId {
    name.parse().unwrap()
}

fn shares(n: i64) -> Quantity {
    Quantity::from_whole(n).unwrap()
}

fn key() -> (crate::domain::AccountId, OrderId) {
    ("A".parse().unwrap(), "O1".parse().unwrap())
}

impl Desk {
    /// A desk whose account trades at a broker, with an order for 100 on its way there.
    fn remote(calendars: &Calendars) -> Self {
        let mut desk =
            Desk { engine: Engine::new(calendars.clone()).unwrap(), ..Desk::new(calendars, "1", false) };
        (desk.events, desk.totals) = (Vec::new(), BTreeMap::new());
        desk.give(Command::OpenAccount(AccountSpec {
            account: key().0,
            kind: AccountKind::Paper,
            owner: None,
            exchange: None,
            currency: Currency::USD,
            cash: "100000".parse().unwrap(),
            short: false,
            margin: Margin::Cash,
            broker: crate::domain::BrokerId::Alpaca,
            lots: crate::domain::LotMethod::Fifo,
            trigger: crate::domain::TriggerType::Last,
        }));
        desk.give(Command::DefineInstrument(Instrument::with_defaults(instrument("AAA"))));
        desk.bar("AAA", 1, [1000, 1000, 1000, 1000], 100_000);
        desk.submit(Desk::order("O1", "AAA", Side::Buy, 100, Some(1000)));
        assert_eq!(desk.status("O1"), OrderStatus::Submitted);
        desk
    }

    fn answer(&mut self, answer: VenueAnswer) -> Vec<EventBody> {
        let (account, id) = key();
        self.give(Command::VenueAnswer { account, id, answer })
    }

    fn told(&mut self, report: BrokerReport) -> Vec<EventBody> {
        self.give(Command::VenueReport { account: key().0, report })
    }

    fn fill(&mut self, trade: &str, under: &str, quantity: i64, cum: i64) -> Vec<EventBody> {
        self.told(BrokerReport::Fill(FillReport {
            trade: trade.parse().unwrap(),
            venue_id: venue(under),
            id: Some(key().1),
            instrument: instrument("AAA"),
            side: Side::Buy,
            quantity: shares(quantity),
            price: cents(1000),
            cum: shares(cum),
            time: start(),
        }))
    }

    fn says(&mut self, under: &str, status: VenueStatus, filled: i64) -> Vec<EventBody> {
        self.told(BrokerReport::Order(OrderReport {
            venue_id: venue(under),
            id: Some(key().1),
            amend_seq: 0,
            instrument: instrument("AAA"),
            side: Side::Buy,
            quantity: shares(100),
            filled: shares(filled),
            average: None,
            limit_price: Some(cents(1000)),
            trigger_price: None,
            status,
            replaces: None,
            replaced_by: None,
            changed_at: start(),
            terms: None,
            legs: Vec::new(),
        }))
    }

    fn held(&self) -> Quantity {
        self.engine.state().accounts()[&key().0].quantity(instrument("AAA"))
    }

    fn breaks(&self) -> usize {
        self.engine.state().breaks().get(&key().0).map_or(0, std::collections::BTreeSet::len)
    }
}

#[test]
fn an_order_at_a_broker_never_matches_here() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Acked(venue("v1")));
    assert_eq!(desk.status("O1"), OrderStatus::Accepted);
    desk.bar("AAA", 1, [900, 900, 900, 900], 100_000);
    assert_eq!((desk.held(), desk.status("O1")), (shares(0), OrderStatus::Accepted));
    desk.check(&calendars);
}

#[test]
fn the_same_fill_twice_or_by_two_ways_counts_once() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Acked(venue("v1")));
    desk.fill("t1", "v1", 40, 40);
    assert!(desk.fill("t1", "v1", 40, 40).is_empty());
    // Asked for later, the broker gives the same execution another name.
    assert!(desk.fill("activity-1", "v1", 40, 40).is_empty());
    desk.fill("t2", "v1", 60, 100);
    assert_eq!((desk.held(), desk.status("O1"), desk.breaks()), (shares(100), OrderStatus::Filled, 0));
    desk.check(&calendars);
}

#[test]
fn what_is_filled_already_is_not_amended_away_at_a_venue() {
    let mut desk = Desk::remote(&Calendars::bundled().unwrap());
    desk.answer(VenueAnswer::Acked(venue("v1")));
    desk.fill("t1", "v1", 40, 40);
    let (account, id) = key();
    let amend = |shares: i64| Command::Amend {
        account,
        id,
        quantity: Quantity::from_whole(shares),
        limit_price: None,
        trigger_price: None,
    };
    for below in [10, 40] {
        let told = desk.give(amend(below));
        let code = |t: &EventBody| match t {
            EventBody::AmendRejected { refusal, .. } => Some(refusal.code),
            _ => None,
        };
        assert_eq!(told.iter().find_map(code), Some(RefusalCode::AmendBelowCum), "{told:?}");
    }
    assert_eq!(desk.status("O1"), OrderStatus::PartiallyFilled);
}

#[test]
fn fills_out_of_order_all_count_and_one_that_overlaps_half_is_a_break() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Acked(venue("v1")));
    desk.fill("t2", "v1", 20, 60);
    desk.fill("t1", "v1", 40, 40);
    assert_eq!((desk.held(), desk.breaks()), (shares(60), 0));
    desk.fill("t3", "v1", 30, 80);
    assert_eq!((desk.held(), desk.breaks()), (shares(60), 1));
    desk.check(&calendars);
}

#[test]
fn an_end_that_comes_before_its_fills_waits_for_them() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Acked(venue("v1")));
    let (account, id) = key();
    desk.give(Command::Cancel { account, id });
    assert_eq!(desk.status("O1"), OrderStatus::PendingCancel);
    desk.says("v1", VenueStatus::Canceled, 40);
    assert_eq!(desk.status("O1"), OrderStatus::PendingCancel);
    desk.fill("t1", "v1", 40, 40);
    assert_eq!(desk.status("O1"), OrderStatus::PendingCancel);
    desk.says("v1", VenueStatus::Canceled, 40);
    assert_eq!((desk.status("O1"), desk.held()), (OrderStatus::Canceled, shares(40)));
    // A fill after the end happened all the same: it counts, and a person sees it.
    desk.fill("t2", "v1", 10, 50);
    assert_eq!((desk.status("O1"), desk.held(), desk.breaks()), (OrderStatus::Canceled, shares(50), 1));
    desk.check(&calendars);
}

#[test]
fn a_change_counts_once_it_is_confirmed_and_may_bring_a_new_name() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::remote(&calendars);
    let (account, id) = key();
    let amend = |quantity| Command::Amend {
        account,
        id,
        quantity: Some(shares(quantity)),
        limit_price: None,
        trigger_price: None,
    };
    let refused = desk.give(amend(50));
    assert!(matches!(&refused[..], [EventBody::AmendRejected { refusal, .. }]
        if refusal.code == RefusalCode::AlreadyPending));
    desk.answer(VenueAnswer::Acked(venue("v1")));
    desk.give(amend(50));
    assert_eq!(desk.status("O1"), OrderStatus::PendingUpdate);
    // What fills meanwhile is no answer.
    desk.fill("t1", "v1", 10, 10);
    let order = desk.engine.state().orders().get(account, id).unwrap();
    assert_eq!(order.spec.quantity, shares(100));
    desk.answer(VenueAnswer::Amended(venue("v2")));
    let order = desk.engine.state().orders().get(account, id).unwrap();
    assert_eq!((order.spec.quantity, order.status), (shares(50), OrderStatus::PartiallyFilled));
    // Under its new name the venue counts from nothing again.
    desk.fill("t2", "v2", 40, 40);
    assert_eq!((desk.held(), desk.status("O1")), (shares(50), OrderStatus::Filled));
    desk.check(&calendars);
}

#[test]
fn a_refused_order_is_rejected_and_a_refused_cancel_leaves_it_working() {
    let calendars = Calendars::bundled().unwrap();
    let no = || VenueRefusal { code: RefusalCode::VenueReject, text: CleanText::from("no") };
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Acked(venue("v1")));
    let (account, id) = key();
    desk.give(Command::Cancel { account, id });
    desk.answer(VenueAnswer::CancelRefused(no()));
    assert_eq!(desk.status("O1"), OrderStatus::Accepted);
    desk.check(&calendars);
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Refused(no()));
    assert_eq!(desk.status("O1"), OrderStatus::Rejected);
    desk.check(&calendars);
}

#[test]
fn while_an_account_is_compared_only_cancels_and_reductions_pass() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::remote(&calendars);
    desk.answer(VenueAnswer::Acked(venue("v1")));
    desk.fill("t1", "v1", 40, 40);
    let account = key().0;
    desk.give(Command::Reconcile { account, breaks: None });
    desk.submit(Desk::order("O2", "AAA", Side::Buy, 1, Some(1000)));
    desk.submit(Desk::order("O3", "AAA", Side::Sell, 40, Some(1000)));
    assert_eq!((desk.status("O2"), desk.status("O3")), (OrderStatus::Denied, OrderStatus::Submitted));
    desk.give(Command::Cancel { account, id: key().1 });
    assert_eq!(desk.status("O1"), OrderStatus::PendingCancel);
    desk.give(Command::Reconcile { account, breaks: Some(vec!["10 AAA more at the broker".into()]) });
    assert_eq!(desk.breaks(), 1);
    desk.submit(Desk::order("O4", "AAA", Side::Buy, 1, Some(1000)));
    assert_eq!(desk.status("O4"), OrderStatus::Submitted);
    desk.check(&calendars);
}

impl Desk {
    /// Forty of a hundred are held, the rest works at a broker that takes no order that only reduces.
    fn closing() -> Self {
        let mut desk = Desk::remote(&Calendars::bundled().unwrap());
        desk.answer(VenueAnswer::Acked(venue("v1")));
        desk.fill("t1", "v1", 40, 40);
        desk
    }

    fn flatten(&mut self) -> Vec<EventBody> {
        self.give(Command::Flatten { scope: Scope::Firm, reason: "".into() })
    }

    /// What was sent to close, and how often.
    fn closed(&self) -> Vec<Arc<OrderSpec>> {
        let sent = self.events.iter().filter_map(|event| match &event.body {
            EventBody::OrderSubmitted { order, .. } => Some(order.clone()),
            _ => None,
        });
        sent.filter(|order| order.id.as_str().starts_with("flatten-")).collect()
    }

    /// The closing order as it stands.
    fn close_of(&self) -> (OrderStatus, Option<RefusalCode>) {
        let orders = self.engine.state().orders();
        let mut all = orders.open().values().chain(orders.done());
        let close = all.find(|o| o.spec.id.as_str().starts_with("flatten-")).unwrap();
        (close.status, close.code)
    }

    fn compared(&mut self, breaks: Option<&str>) {
        let account = key().0;
        self.give(Command::Reconcile { account, breaks: None });
        let breaks = breaks.into_iter().map(CleanText::from).collect();
        self.give(Command::Reconcile { account, breaks: Some(breaks) });
    }
}

const WAITS: (OrderStatus, Option<RefusalCode>) = (OrderStatus::Held, Some(RefusalCode::WaitsForCancels));

#[test]
fn a_broker_without_orders_that_only_reduce_closes_what_is_held_once_it_has_answered_every_cancel() {
    let calendars = Calendars::bundled().unwrap();
    for restarts in [false, true] {
        let mut desk = Desk::closing();
        let told = desk.flatten();
        let asked = |t: &EventBody| matches!(t, EventBody::CancelRequested { id, .. } if *id == key().1);
        assert!(told.iter().any(asked) && desk.closed().is_empty(), "{told:?}");
        assert_eq!(desk.close_of(), WAITS);
        if restarts {
            desk.engine = Engine::recover(calendars.clone(), &desk.events).unwrap();
            desk.bar("AAA", 1, [1000, 1000, 1000, 1000], 100_000);
            desk.compared(None);
        }
        // It fills on while it is asked back; an end that is told before its fills waits for them.
        desk.says("v1", VenueStatus::Canceled, 55);
        desk.fill("t2", "v1", 15, 55);
        assert_eq!((desk.held(), desk.close_of()), (shares(55), WAITS));
        desk.says("v1", VenueStatus::Canceled, 55);
        let sent = desk.closed();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let order = &sent[0];
        assert_eq!(
            (order.side, order.quantity, order.order_type),
            (Side::Sell, shares(55), OrderType::Market)
        );
        assert!(!order.reduce_only);
        desk.says("v1", VenueStatus::Canceled, 55);
        desk.compared(None);
        desk.engine = Engine::recover(calendars.clone(), &desk.events).unwrap();
        desk.compared(None);
        assert_eq!(desk.closed().len(), 1, "it is sent once");
        desk.check(&calendars);
    }
}

#[test]
fn nothing_is_closed_at_a_broker_whose_account_is_not_known_to_be_as_here() {
    let calendars = Calendars::bundled().unwrap();
    let refusal = |told: &[EventBody]| match told {
        [.., EventBody::OrderDenied { refusal, .. }] => Some(refusal.code),
        _ => None,
    };
    let differs = "AAA.XNYS: 40 here and 50 at the broker";
    // Before anything is asked back.
    for (breaks, code) in [
        (None, RefusalCode::Reconciling),
        (Some(differs), RefusalCode::ReconciliationBreak),
        (Some("order x at the broker was not given here"), RefusalCode::ReconciliationBreak),
    ] {
        let mut desk = Desk::closing();
        match breaks {
            Some(text) => desk.compared(Some(text)),
            None => drop(desk.give(Command::Reconcile { account: key().0, breaks: None })),
        }
        let told = desk.flatten();
        assert_eq!(
            (refusal(&told), desk.status("O1")),
            (Some(code), OrderStatus::PartiallyFilled),
            "{told:?}"
        );
        desk.check(&calendars);
    }
    // Meanwhile: it waits for the end of the comparison, and what that tells.
    for (breaks, sent, expected) in [
        (Some(differs), 0, OrderStatus::Denied),
        (Some("BBB.XNYS: 0 here and 5 at the broker"), 1, OrderStatus::Submitted),
    ] {
        let mut desk = Desk::closing();
        desk.flatten();
        desk.give(Command::Reconcile { account: key().0, breaks: None });
        desk.says("v1", VenueStatus::Canceled, 40);
        assert_eq!((desk.status("O1"), desk.close_of()), (OrderStatus::Canceled, WAITS));
        let breaks = breaks.into_iter().map(CleanText::from).collect();
        desk.give(Command::Reconcile { account: key().0, breaks: Some(breaks) });
        assert_eq!((desk.closed().len(), desk.close_of().0), (sent, expected));
        desk.check(&calendars);
    }
}

#[test]
fn what_a_person_was_told_that_is_no_difference_of_shares_does_not_stop_a_close() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::closing();
    desk.says("v1", VenueStatus::Canceled, 40);
    desk.fill("t2", "v1", 10, 50);
    assert_eq!((desk.status("O1"), desk.breaks()), (OrderStatus::Canceled, 1));
    desk.flatten();
    let sent: Vec<Quantity> = desk.closed().iter().map(|order| order.quantity).collect();
    assert_eq!(sent, [shares(50)]);
    desk.check(&calendars);
}

#[test]
fn a_closing_order_goes_out_with_whatever_ends_the_last_other_order() {
    // The last other order waits for a second person: until its window is over, or a limit ends it.
    let calendars = Calendars::bundled().unwrap();
    for expires in [false, true] {
        let mut desk = Desk::closing();
        desk.limit("max_order_notional", "100000", Some("100"));
        desk.limit("approval_window", "60", None);
        desk.flatten();
        desk.submit(Desk::order("O2", "AAA", Side::Sell, 20, Some(1_000)));
        desk.says("v1", VenueStatus::Canceled, 40);
        assert_eq!((desk.status("O2"), desk.close_of()), (OrderStatus::PendingApproval, WAITS));
        if expires {
            desk.bar("AAA", 2, [1_000; 4], 100_000);
        } else {
            desk.give(Command::SetLimit(LimitDraft {
                name: "max_order_notional".parse().unwrap(),
                scope: Scope::Firm,
                hard: Some("150".into()),
                soft: Some("100".into()),
                reason: "test".into(),
                working: WorkingOrders::Cancel,
                terms: LimitTerms::default(),
            }));
        }
        let ended = if expires { OrderStatus::Expired } else { OrderStatus::Canceled };
        assert_eq!((desk.status("O2"), desk.closed().len()), (ended, 1));
        desk.check(&calendars);
    }
}

#[test]
fn a_cancel_that_is_refused_or_never_answered_leaves_the_closing_order_waiting_until_its_day_ends() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::closing();
    desk.flatten();
    let text = CleanText::from("no");
    desk.answer(VenueAnswer::CancelRefused(VenueRefusal { code: RefusalCode::VenueReject, text }));
    assert_eq!((desk.status("O1"), desk.close_of()), (OrderStatus::PartiallyFilled, WAITS));
    let mut flat = Desk::closing();
    flat.flatten();
    flat.next_day();
    flat.bar("AAA", 1, [1000, 1000, 1000, 1000], 100_000);
    assert_eq!(flat.close_of().0, OrderStatus::Expired);
    flat.says("v1", VenueStatus::Canceled, 40);
    assert!(flat.closed().is_empty());
    // What protects the position may close it meanwhile.
    let mut hit = Desk::closing();
    hit.says("v1", VenueStatus::Canceled, 40);
    let stop = OrderSpec {
        order_type: OrderType::Stop,
        trigger_price: Some(cents(900)),
        ..Desk::order("O2", "AAA", Side::Sell, 40, None)
    };
    hit.submit(stop);
    let account = key().0;
    let name = venue("v2");
    hit.give(Command::VenueAnswer { account, id: "O2".parse().unwrap(), answer: VenueAnswer::Acked(name) });
    hit.flatten();
    assert_eq!((hit.status("O2"), hit.close_of()), (OrderStatus::PendingCancel, WAITS));
    hit.told(BrokerReport::Fill(FillReport {
        trade: "t2".parse().unwrap(),
        venue_id: name,
        id: "O2".parse().ok(),
        instrument: instrument("AAA"),
        side: Side::Sell,
        quantity: shares(40),
        price: cents(899),
        cum: shares(40),
        time: start(),
    }));
    assert_eq!((hit.held(), hit.close_of().0), (shares(0), OrderStatus::Canceled));
    for desk in [desk, flat, hit] {
        assert!(desk.closed().is_empty());
        desk.check(&calendars);
    }
}

#[test]
fn a_fill_far_from_the_price_halts_unless_the_news_of_it_is_old() {
    // Two minutes lie between the fill and the price that is known when the news of it comes.
    for (stale_after_ms, halts) in [(None, true), (Some(120_000), true), (Some(119_999), false)] {
        let mut desk = Desk::remote(&Calendars::bundled().unwrap());
        desk.answer(VenueAnswer::Acked(venue("v1")));
        desk.limit("max_fill_distance", "0.05", None);
        let model = crate::domain::venue::VenueModel { stale_after_ms, ..*desk.engine.state().venue() };
        desk.give(Command::Configure(model));
        desk.bar("AAA", 1, [500, 500, 500, 500], 100_000);
        let told = desk.fill("t1", "v1", 40, 40);
        let is_fat = |t: &EventBody| matches!(t, EventBody::RiskEvent { code: RefusalCode::FatFill, .. });
        assert!(told.iter().any(is_fat), "it is told either way: {told:?}");
        let halted = told.iter().any(|t| matches!(t, EventBody::Halted { .. }));
        assert_eq!((halted, desk.held()), (halts, shares(40)), "{stale_after_ms:?}");
    }
}
