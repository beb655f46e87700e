//! Orders at a broker: ranges of executions, the way of an order out and back, and reconciliation.

use proptest::prelude::*;

use crate::domain::broker::{
    BrokerReport, FillReport, OrderReport, PositionReport, VenueRefusal, VenueStatus, VenueTerms, VenueView,
};
use crate::domain::calendar::Calendars;
use crate::domain::command::{Given, Independence, VenueAnswer};
use crate::domain::event::{Event, EventBody};
use crate::domain::{
    AccountId, AccountKind, AccountSpec, BrokerId, Command, Exchange, Instrument, InstrumentId, Margin,
    MarketEvent, OrderId, OrderSpec, OrderStatus, OrderType, Quantity, Quote, RefusalCode, Side, TimeInForce,
    UnixNanos,
};
use crate::execution::Engine;

use super::{breaks, difference, news, remedy, shares_told, strangers};

mod external;
mod groups;
mod takeover;

fn q(n: i64) -> Quantity {
    Quantity::from_whole(n).unwrap()
}

fn apple() -> InstrumentId {
    "AAPL.XNYS".parse().unwrap()
}

fn now() -> UnixNanos {
    "2024-05-06T14:00:00Z".parse().unwrap()
}

/// An engine with one account at a broker, and all events so far.
struct Desk {
    engine: Engine,
    account: AccountId,
    journal: Vec<Event>,
}

impl Desk {
    fn open() -> Self {
        let mut desk = Self {
            engine: Engine::new(Calendars::bundled().unwrap()).unwrap(),
            account: "alp".parse().unwrap(),
            journal: Vec::new(),
        };
        desk.give(Command::OpenAccount(AccountSpec {
            account: desk.account,
            kind: AccountKind::Paper,
            owner: None,
            exchange: Some(Exchange::Xnys),
            currency: Exchange::Xnys.currency(),
            cash: "1000000".parse().unwrap(),
            short: false,
            margin: Margin::Cash,
            lots: crate::domain::account::LotMethod::default(),
            trigger: crate::domain::TriggerType::Last,
            broker: BrokerId::Alpaca,
        }));
        desk.give(Command::DefineInstrument(Instrument::with_defaults(apple())));
        desk.quote("99.99", "100.01");
        desk
    }

    fn give(&mut self, command: Command) -> Vec<EventBody> {
        let actor = "kim".parse().unwrap();
        let given = Given { actor, independent_of: Independence::Everyone, command };
        let batch = self.engine.command(&given, now(), now()).unwrap();
        self.journal.extend(batch.events.iter().cloned());
        batch.events.into_iter().map(|e| e.body).collect()
    }

    fn quote(&mut self, bid: &str, ask: &str) -> Vec<EventBody> {
        let event = MarketEvent::Quote(Quote {
            instrument: apple(),
            time: now(),
            bid: bid.parse().unwrap(),
            ask: ask.parse().unwrap(),
            bid_size: q(1_000_000),
            ask_size: q(1_000_000),
        });
        let batch = self.engine.market(&event, now()).unwrap();
        self.journal.extend(batch.events.iter().cloned());
        batch.events.into_iter().map(|e| e.body).collect()
    }

    fn order_told(&mut self, report: OrderReport) -> Vec<EventBody> {
        let account = self.account;
        self.give(Command::VenueReport { account, report: BrokerReport::Order(report) })
    }

    fn fill_told(&mut self, fill: FillReport) -> Vec<EventBody> {
        let account = self.account;
        self.give(Command::VenueReport { account, report: BrokerReport::Fill(fill) })
    }

    fn settled(&mut self, report: OrderReport) -> Vec<EventBody> {
        let account = self.account;
        self.give(Command::VenueSettled { account, report })
    }

    fn answer(&mut self, id: &str, answer: VenueAnswer) -> Vec<EventBody> {
        let account = self.account;
        self.give(Command::VenueAnswer { account, id: id.parse().unwrap(), answer })
    }

    fn begin(&mut self) {
        let account = self.account;
        self.give(Command::Reconcile { account, breaks: None });
    }

    /// A whole comparison with what a venue answered.
    fn reconcile(&mut self, view: &VenueView) -> Vec<EventBody> {
        self.begin();
        let account = self.account;
        let mut events = Vec::new();
        for command in news(self.engine.state(), account, view, true) {
            events.extend(self.give(command));
        }
        let found = breaks(self.engine.state(), account, view);
        events.extend(self.give(Command::Reconcile { account, breaks: Some(found) }));
        events
    }

    fn order(&self, id: &str, side: Side, quantity: i64) -> OrderSpec {
        let limit = Some("100".parse().unwrap());
        OrderSpec::plain(self.account, id.parse().unwrap(), apple(), (side, q(quantity)), limit)
    }

    fn submit(&mut self, order: &OrderSpec) -> Vec<EventBody> {
        self.give(Command::Submit(order.clone()))
    }

    fn working(&mut self, id: &str, quantity: i64) {
        let order = self.order(id, Side::Buy, quantity);
        self.submit(&order);
        self.order_told(report(id, quantity, 0, VenueStatus::Working));
    }

    fn status(&self, id: &str) -> OrderStatus {
        self.engine.state().orders().get(self.account, id.parse().unwrap()).unwrap().status
    }

    fn filled(&self, id: &str) -> Quantity {
        self.engine.state().orders().get(self.account, id.parse().unwrap()).unwrap().filled
    }

    fn held(&self) -> Quantity {
        self.engine.state().accounts()[&self.account].quantity(apple())
    }

    fn breaks(&self) -> usize {
        self.engine.state().breaks().get(&self.account).map_or(0, std::collections::BTreeSet::len)
    }
}

fn report(id: &str, quantity: i64, filled: i64, status: VenueStatus) -> OrderReport {
    OrderReport {
        venue_id: format!("v-{id}").parse().unwrap(),
        id: id.parse().ok(),
        amend_seq: 0,
        instrument: apple(),
        side: Side::Buy,
        quantity: q(quantity),
        filled: q(filled),
        average: (filled > 0).then(|| "100".parse().unwrap()),
        limit_price: Some("100".parse().unwrap()),
        trigger_price: None,
        status,
        replaces: None,
        replaced_by: None,
        changed_at: now(),
        terms: Some(VenueTerms { order_type: OrderType::Limit, tif: TimeInForce::Day, trail: None }),
        legs: Vec::new(),
    }
}

fn fill(id: &str, quantity: i64, cum: i64) -> FillReport {
    FillReport {
        trade: format!("t-{id}-{cum}").parse().unwrap(),
        venue_id: format!("v-{id}").parse().unwrap(),
        id: id.parse().ok(),
        instrument: apple(),
        side: Side::Buy,
        quantity: q(quantity),
        price: "100".parse().unwrap(),
        cum: q(cum),
        time: now(),
    }
}

fn refusal(code: RefusalCode) -> VenueRefusal {
    VenueRefusal { code, text: "said so".into() }
}

fn names(events: &[EventBody]) -> Vec<String> {
    events.iter().map(|e| serde_json::to_value(e).unwrap()["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_order_is_written_down_before_it_is_sent_and_never_matches_here() {
    let mut desk = Desk::open();
    let order = desk.order("a", Side::Buy, 10);
    let events = desk.submit(&order);
    assert_eq!(names(&events), ["order_submitted"]);
    let EventBody::OrderSubmitted { order: sent, broker, route, decision, .. } = &events[0] else { panic!() };
    assert_eq!((sent.as_ref(), *broker), (&order, BrokerId::Alpaca));
    assert!(route.as_str().contains("alpaca takes limit day") && decision.is_some(), "{route}");
    assert_eq!(desk.status("a"), OrderStatus::Submitted);
    assert_eq!(desk.submit(&order), [], "the same order is the same order");
    desk.order_told(report("a", 10, 0, VenueStatus::Working));
    assert_eq!(desk.status("a"), OrderStatus::Accepted);
    assert_eq!(names(&desk.quote("90", "91")), Vec::<String>::new(), "the quote would have filled it here");
}

#[test]
fn fills_count_once_whatever_their_order_and_come_before_the_end() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    assert_eq!(names(&desk.fill_told(fill("a", 6, 10))), ["fill"]);
    assert_eq!(desk.fill_told(fill("a", 6, 10)), []);
    assert_eq!(desk.order_told(report("a", 10, 10, VenueStatus::Filled)), []);
    assert_eq!(desk.status("a"), OrderStatus::PartiallyFilled);
    assert_eq!(names(&desk.fill_told(fill("a", 4, 4))), ["fill"]);
    assert_eq!((desk.status("a"), desk.held()), (OrderStatus::Filled, q(10)));
    assert_eq!(desk.fill_told(fill("a", 4, 4)), []);
}

#[test]
fn a_fill_that_comes_before_the_acknowledgement_names_the_venue_order() {
    let mut desk = Desk::open();
    let order = desk.order("a", Side::Buy, 10);
    desk.submit(&order);
    assert_eq!(names(&desk.fill_told(fill("a", 4, 4))), ["order_acknowledged", "fill"]);
    assert_eq!(desk.order_told(report("a", 10, 4, VenueStatus::PartiallyFilled)), []);
}

#[test]
fn a_cancel_ends_the_order_only_when_the_venue_says_so() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let (account, id) = (desk.account, "a".parse().unwrap());
    assert_eq!(names(&desk.give(Command::Cancel { account, id })), ["cancel_requested"]);
    let again = desk.give(Command::Cancel { account, id });
    assert_eq!(
        (names(&again), desk.status("a")),
        (vec!["cancel_rejected".into()], OrderStatus::PendingCancel)
    );
    desk.fill_told(fill("a", 3, 3));
    assert_eq!(desk.status("a"), OrderStatus::PendingCancel);
    desk.order_told(report("a", 10, 3, VenueStatus::Canceled));
    assert_eq!((desk.status("a"), desk.filled("a")), (OrderStatus::Canceled, q(3)));
    let late = desk.fill_told(fill("a", 2, 5));
    assert_eq!(names(&late), ["fill", "risk_event"]);
    assert_eq!((desk.status("a"), desk.held()), (OrderStatus::Canceled, q(5)));
}

#[test]
fn an_end_is_believed_only_with_all_its_fills() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    assert_eq!(desk.order_told(report("a", 10, 3, VenueStatus::Canceled)), []);
    let events = desk.settled(report("a", 10, 3, VenueStatus::Canceled));
    assert_eq!(names(&events), ["fill", "order_canceled"]);
    let EventBody::Fill(inferred) = &events[0] else { panic!() };
    assert!(inferred.venue.as_ref().unwrap().trade.as_str().starts_with("inferred-"));
    assert_eq!((inferred.quantity, inferred.price), (q(3), "100".parse().unwrap()));
    assert_eq!(desk.fill_told(fill("a", 3, 3)), [], "the real one comes too late to count");
}

#[test]
fn a_refused_cancel_and_a_refused_change_leave_the_order_as_it_was() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let (account, id): (AccountId, OrderId) = (desk.account, "a".parse().unwrap());
    desk.give(Command::Cancel { account, id });
    desk.answer("a", VenueAnswer::CancelRefused(refusal(RefusalCode::TooLateToCancel)));
    assert_eq!(desk.status("a"), OrderStatus::Accepted);
    let amend = Command::Amend { account, id, quantity: Some(q(20)), limit_price: None, trigger_price: None };
    assert_eq!(names(&desk.give(amend.clone())), ["update_requested"]);
    assert_eq!(names(&desk.give(amend)), ["amend_rejected"]);
    assert_eq!(desk.status("a"), OrderStatus::PendingUpdate);
    desk.answer("a", VenueAnswer::AmendRefused(refusal(RefusalCode::VenueReject)));
    assert_eq!(desk.status("a"), OrderStatus::Accepted);
    assert_eq!(desk.engine.state().orders().get(account, id).unwrap().spec.quantity, q(10));
}

#[test]
fn a_replacement_holds_once_the_new_order_works_and_only_that_one_can_end_it() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let (account, id): (AccountId, OrderId) = (desk.account, "a".parse().unwrap());
    let limit_price = Some("99".parse().unwrap());
    desk.give(Command::Amend { account, id, quantity: Some(q(12)), limit_price, trigger_price: None });
    let old = OrderReport {
        replaced_by: Some("v-a1".parse().unwrap()),
        ..report("a", 10, 0, VenueStatus::Replaced)
    };
    let new = OrderReport {
        venue_id: "v-a1".parse().unwrap(),
        amend_seq: 1,
        limit_price,
        replaces: Some("v-a".parse().unwrap()),
        ..report("a", 12, 0, VenueStatus::Working)
    };
    assert_eq!(desk.order_told(old.clone()), []);
    assert_eq!(names(&desk.order_told(new.clone())), ["order_updated", "order_acknowledged"]);
    assert_eq!(desk.status("a"), OrderStatus::Accepted);
    assert_eq!(desk.order_told(OrderReport { status: VenueStatus::Canceled, ..old }), []);
    desk.order_told(OrderReport { status: VenueStatus::Canceled, ..new });
    assert_eq!(desk.status("a"), OrderStatus::Canceled);
}

#[test]
fn a_change_is_answered_though_a_cancel_followed_it() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let (account, id): (AccountId, OrderId) = (desk.account, "a".parse().unwrap());
    let limit_price = Some("99".parse().unwrap());
    desk.give(Command::Amend { account, id, quantity: Some(q(12)), limit_price, trigger_price: None });
    desk.give(Command::Cancel { account, id });
    let new = OrderReport {
        venue_id: "v-a1".parse().unwrap(),
        amend_seq: 1,
        replaces: Some("v-a".parse().unwrap()),
        ..report("a", 12, 0, VenueStatus::Working)
    };
    desk.order_told(new.clone());
    let order = desk.engine.state().orders().get(account, id).unwrap();
    let remote = order.remote.as_ref().unwrap();
    assert_eq!((order.status, remote.venue_id()), (OrderStatus::PendingCancel, Some(new.venue_id)));
    assert_eq!((order.spec.quantity, remote.asked), (q(12), None));
    desk.order_told(OrderReport { status: VenueStatus::Canceled, ..new });
    assert_eq!(desk.status("a"), OrderStatus::Canceled);
}

#[test]
fn a_replacement_that_lost_the_race_leaves_the_fill_and_refuses_the_change() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    let (account, id): (AccountId, OrderId) = (desk.account, "a".parse().unwrap());
    desk.give(Command::Amend { account, id, quantity: Some(q(12)), limit_price: None, trigger_price: None });
    let refused = OrderReport {
        venue_id: "v-a1".parse().unwrap(),
        amend_seq: 1,
        ..report("a", 12, 0, VenueStatus::Rejected)
    };
    assert_eq!(names(&desk.order_told(refused)), ["amend_rejected"]);
    desk.fill_told(fill("a", 10, 10));
    assert_eq!((desk.status("a"), desk.held()), (OrderStatus::Filled, q(10)));
}

#[test]
fn an_order_that_is_never_found_is_rejected_and_a_fill_of_it_still_counts_and_is_told() {
    let mut desk = Desk::open();
    let order = desk.order("a", Side::Buy, 10);
    desk.submit(&order);
    let id = order.id;
    let lost = VenueView { asked: vec![(id, None)], ..VenueView::default() };
    let patient = news(desk.engine.state(), desk.account, &lost, false);
    assert_eq!(patient, [], "not found once is not lost");
    let events = desk.reconcile(&lost);
    let refused = events.iter().find_map(|e| match e {
        EventBody::OrderRejected { refusal, .. } => Some(refusal.code),
        _ => None,
    });
    assert_eq!(refused, Some(RefusalCode::SubmitTimeoutUnknown));
    let events = desk.fill_told(fill("a", 4, 4));
    assert_eq!(names(&events), ["order_acknowledged", "fill", "risk_event"].split_at(1).1);
    assert_eq!((desk.held(), desk.breaks()), (q(4), 1), "it happened, so it counts, and a person is told");
}

#[test]
fn while_an_account_is_compared_it_takes_no_risk_but_cancels_and_reductions() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    desk.fill_told(fill("a", 10, 10));
    desk.working("b", 5);
    desk.begin();
    let more = desk.order("c", Side::Buy, 1);
    let events = desk.submit(&more);
    let EventBody::OrderDenied { refusal, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::Reconciling);
    let less = desk.order("d", Side::Sell, 10);
    assert_eq!(names(&desk.submit(&less)), ["order_submitted"]);
    let account = desk.account;
    assert_eq!(
        names(&desk.give(Command::Cancel { account, id: "b".parse().unwrap() })),
        ["cancel_requested"]
    );
    desk.give(Command::Reconcile { account, breaks: Some(Vec::new()) });
    let again = desk.order("e", Side::Buy, 1);
    assert_eq!(names(&desk.submit(&again)), ["order_submitted"]);
}

#[test]
fn a_touched_order_is_watched_here_and_sent_as_a_plain_order() {
    let mut desk = Desk::open();
    let touch = OrderSpec {
        order_type: OrderType::LimitIfTouched,
        trigger_price: Some("98".parse().unwrap()),
        limit_price: Some("98.5".parse().unwrap()),
        ..desk.order("a", Side::Buy, 10)
    };
    assert_eq!(names(&desk.submit(&touch)), ["order_held"]);
    assert_eq!(desk.quote("98.4", "98.5"), []);
    let events = desk.quote("97.9", "98");
    let EventBody::OrderSubmitted { order, broker, .. } = &events[0] else { panic!("{events:?}") };
    let sent = crate::execution::routing::as_sent(order, *broker);
    assert_eq!((sent.order_type, order.order_type), (OrderType::Limit, OrderType::LimitIfTouched));
    assert_eq!(desk.status("a"), OrderStatus::Submitted);
}

#[test]
fn what_the_venue_cannot_do_is_denied_with_a_reason() {
    let mut desk = Desk::open();
    let order = OrderSpec { post_only: true, ..desk.order("a", Side::Buy, 10) };
    let order = OrderSpec { limit_price: Some("95".parse().unwrap()), ..order };
    let events = desk.submit(&order);
    let EventBody::OrderDenied { refusal, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::UnsupportedOrderType);
    assert!(refusal.observed.as_ref().unwrap().contains("alpaca does not take"), "{refusal:?}");
}

/// What really happened at the venue to one order, and how much of it was told.
#[derive(Debug, Clone)]
struct History {
    quantity: i64,
    sizes: Vec<i64>,
    end: VenueStatus,
    told: Vec<prop::sample::Index>,
    is_acked: bool,
}

fn history() -> impl Strategy<Value = History> {
    let ends = prop::sample::select(vec![VenueStatus::Working, VenueStatus::Canceled, VenueStatus::Expired]);
    (prop::collection::vec(1_i64..30, 0..6), 0_i64..20, ends, any::<bool>())
        .prop_flat_map(|(sizes, rest, end, is_acked)| {
            let told = prop::collection::vec(any::<prop::sample::Index>(), 0..8);
            (Just(sizes), Just(rest), Just(end), told, Just(is_acked))
        })
        .prop_map(|(sizes, rest, end, told, is_acked)| {
            let filled: i64 = sizes.iter().sum();
            let is_full = rest == 0 && filled > 0;
            let end = if is_full { VenueStatus::Filled } else { end };
            History { quantity: filled + rest.max(i64::from(filled == 0)), sizes, end, told, is_acked }
        })
}

proptest! {
    /// Whatever part of the venue's history was told, in whatever order and how often: after a reconciliation every
    /// order and the position equal the venue's, and a second one finds nothing.
    #[test]
    fn a_reconciliation_makes_the_book_equal_the_venues_once(
        histories in prop::collection::vec(history(), 1..5),
        has_records in any::<bool>(),
    ) {
        let mut desk = Desk::open();
        let mut view = VenueView::default();
        let mut position = 0;
        for (n, h) in histories.iter().enumerate() {
            let id = format!("o{n}");
            let order = desk.order(&id, Side::Buy, h.quantity);
            desk.submit(&order);
            if h.is_acked {
                desk.order_told(report(&id, h.quantity, 0, VenueStatus::Working));
            }
            let mut cum = 0;
            let fills: Vec<FillReport> = h.sizes.iter().map(|size| {
                cum += size;
                fill(&id, *size, cum)
            }).collect();
            for pick in &h.told {
                if !fills.is_empty() {
                    desk.fill_told(pick.get(&fills).clone());
                }
            }
            position += cum;
            let last = report(&id, h.quantity, cum, h.end);
            if h.end.is_done() {
                view.asked.push((order.id, Some(last)));
            } else {
                view.open.push(last);
            }
            if has_records {
                view.fills.extend(fills);
            }
        }
        view.positions.push(PositionReport { instrument: apple(), quantity: q(position), average: None });
        desk.reconcile(&view);
        let again = desk.reconcile(&view);
        prop_assert_eq!(names(&again), vec!["reconciliation_ended"]);
        prop_assert_eq!((desk.held(), desk.breaks()), (q(position), 0_usize));
        for (n, h) in histories.iter().enumerate() {
            let id = format!("o{n}");
            let filled: i64 = h.sizes.iter().sum();
            prop_assert_eq!(desk.filled(&id), q(filled));
            let expected = match h.end {
                VenueStatus::Filled => OrderStatus::Filled,
                VenueStatus::Canceled => OrderStatus::Canceled,
                VenueStatus::Expired => OrderStatus::Expired,
                _ if filled > 0 => OrderStatus::PartiallyFilled,
                _ => OrderStatus::Accepted,
            };
            prop_assert_eq!(desk.status(&id), expected);
        }
    }
}
