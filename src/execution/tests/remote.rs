//! Orders at a broker: what comes twice counts once, what comes late still counts, and nothing is guessed.

use super::*;
use crate::domain::broker::{BrokerReport, FillReport, OrderReport, VenueRefusal, VenueStatus};
use crate::domain::command::VenueAnswer;
use crate::domain::{CleanText, RefusalCode, VenueOrderId};

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

#[test]
fn a_broker_without_orders_that_only_reduce_is_not_asked_to_end_anything() {
    let mut desk = Desk::remote(&Calendars::bundled().unwrap());
    desk.answer(VenueAnswer::Acked(venue("v1")));
    desk.fill("t1", "v1", 40, 40);
    let before = desk.status("O1");
    let told = desk.give(Command::Flatten { scope: crate::domain::limit::Scope::Firm, reason: "".into() });
    let said = |reason: &CleanText| reason.as_str().contains("--cancel");
    assert!(matches!(&told[..], [EventBody::ControlRejected { reason, .. }] if said(reason)), "{told:?}");
    assert_eq!(desk.status("O1"), before);
}
