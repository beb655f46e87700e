//! What stood at a broker before: told as a difference, taken over by two people with the broker's cost, never else.

use super::external::assert_recovers;
use super::*;
use crate::domain::command::{AskedFor, Seen};
use crate::domain::market::Trade;

fn at_broker(quantity: i64, average: &str) -> PositionReport {
    PositionReport { instrument: apple(), quantity: q(quantity), average: average.parse().ok() }
}

fn view(position: PositionReport) -> VenueView {
    VenueView { positions: vec![position], ..VenueView::default() }
}

impl Desk {
    fn take_over(&mut self, by: &str, report: PositionReport) -> Vec<EventBody> {
        self.take_over_seen(by, report, Seen::Unseen)
    }

    fn take_over_seen(&mut self, by: &str, report: PositionReport, seen: Seen) -> Vec<EventBody> {
        let command = Command::TakeOver { account: self.account, report, seen };
        let given = Given { actor: by.parse().unwrap(), independent_of: Independence::Everyone, command };
        let batch = self.engine.command(&given, now(), now()).unwrap();
        let sums = batch.postings.iter().map(|p| ((p.seq, p.asset), i128::from(p.amount)));
        let mut by_asset = std::collections::BTreeMap::new();
        sums.for_each(|(key, amount)| *by_asset.entry(key).or_insert(0) += amount);
        assert!(by_asset.values().all(|sum| *sum == 0), "{by_asset:?}");
        self.journal.extend(batch.events.iter().cloned());
        batch.events.into_iter().map(|e| e.body).collect()
    }

    /// A trade of somebody else, so that a price is known.
    fn print(&mut self, price: &str) {
        let (instrument, time, price) = (apple(), now(), price.parse().unwrap());
        let trade = Trade { instrument, time, price, size: q(1) };
        let batch = self.engine.market(&MarketEvent::Trade(trade), now()).unwrap();
        self.journal.extend(batch.events);
    }

    fn rejected(&mut self, by: &str, report: PositionReport) -> String {
        let events = self.take_over(by, report);
        let [EventBody::ControlRejected { reason, .. }] = &events[..] else { panic!("{events:?}") };
        reason.to_string()
    }
}

#[test]
fn two_people_take_over_what_stood_there_before_and_the_books_agree_from_then_on() {
    let mut desk = Desk::open();
    desk.print("100");
    let stands = at_broker(5, "90");
    assert!(desk.rejected("kim", stands).contains("no comparison"), "nothing was told yet");
    desk.reconcile(&view(stands));
    assert_eq!(desk.breaks(), 1);
    assert_eq!(names(&desk.take_over("kim", stands)), ["position_claimed"]);
    assert!(desk.rejected("kim", stands).contains("somebody else"));
    assert_eq!(desk.held(), q(0), "asking books nothing");
    // Other figures than those that were asked for are asked for anew.
    assert!(
        desk.rejected("ann", at_broker(6, "90")).contains("no comparison"),
        "another difference was told"
    );
    desk.reconcile(&view(at_broker(6, "90")));
    assert_eq!(names(&desk.take_over("ann", at_broker(6, "90"))), ["position_claimed"]);
    desk.reconcile(&view(stands));
    assert_eq!(names(&desk.take_over("ann", stands)), ["position_claimed"]);
    let profit = |desk: &Desk| {
        let (state, account) = (desk.engine.state(), desk.engine.state().accounts()[&desk.account].clone());
        state.equity(&account).unwrap().checked_sub(account.day_open()).unwrap()
    };
    let before = profit(&desk);
    assert_eq!(names(&desk.take_over("kim", stands)), ["position_taken_over"]);
    let account = &desk.engine.state().accounts()[&desk.account];
    let held = account.positions().get(&apple()).unwrap();
    let lot = held.lots().next().unwrap();
    assert_eq!((held.quantity(), held.cost().to_string()), (q(5), "450.00".to_owned()));
    assert_eq!(
        lot.id,
        desk.journal.last().unwrap().seq,
        "the lot's number is the event that tells its source"
    );
    assert_eq!(profit(&desk), before, "no profit of today");
    assert_eq!((desk.breaks(), desk.engine.state().claims().count()), (0, 0));
    desk.reconcile(&view(stands));
    assert_eq!(desk.breaks(), 0);
    assert!(desk.rejected("kim", stands).contains("holds what is held here"));
    // A print is no event: the price is asked for anew, the books are the same.
    let recovered = Engine::recover(Calendars::bundled().unwrap(), &desk.journal).unwrap();
    assert_eq!(recovered.state().accounts(), desk.engine.state().accounts());
}

#[test]
fn of_two_who_both_ask_first_at_once_neither_agrees_unseen() {
    let mut desk = Desk::open();
    let stands = at_broker(5, "90");
    desk.reconcile(&view(stands));
    let nobody = Seen::Shown(None);
    assert_eq!(names(&desk.take_over_seen("kim", stands, nobody)), ["position_claimed"]);
    let events = desk.take_over_seen("ann", stands, nobody);
    let [EventBody::ControlRejected { reason, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(reason.as_str().contains("changed meanwhile"), "{reason}");
    assert_eq!(desk.held(), q(0));
    let asked = AskedFor { by: "kim".parse().unwrap(), quantity: q(5), cost: "450".parse().unwrap() };
    for other in [
        AskedFor { by: "root".parse().unwrap(), ..asked },
        AskedFor { cost: "451".parse().unwrap(), ..asked },
    ] {
        let events = desk.take_over_seen("ann", stands, Seen::Shown(Some(other)));
        assert_eq!(names(&events), ["control_rejected"]);
    }
    assert_eq!(names(&desk.take_over_seen("ann", stands, Seen::Shown(Some(asked)))), ["position_taken_over"]);
    assert_eq!(desk.held(), q(5));
    assert_recovers(&desk);
}

#[test]
fn a_difference_is_as_old_as_its_first_telling_and_is_forgotten_when_it_is_gone() {
    let mut desk = Desk::open();
    let text = "AAPL.XNYS: 0 here and 5 at the broker";
    let since = |desk: &Desk| desk.engine.state().broken_since(desk.account, text);
    let compare = |desk: &mut Desk, held: &VenueView, hour: i64| {
        let wall = now().plus_millis(hour * 3_600_000);
        let found = breaks(desk.engine.state(), desk.account, held);
        for breaks in [None, Some(found)] {
            let command = Command::Reconcile { account: desk.account, breaks };
            let given =
                Given { actor: "ann".parse().unwrap(), independent_of: Independence::Everyone, command };
            desk.engine.command(&given, wall, wall).unwrap();
        }
        wall
    };
    let stands = view(at_broker(5, "90"));
    let first = compare(&mut desk, &stands, 1);
    compare(&mut desk, &stands, 2);
    assert_eq!(since(&desk), Some(first), "told again, it is as old as it was");
    compare(&mut desk, &VenueView::default(), 3);
    assert_eq!(since(&desk), None);
    let again = compare(&mut desk, &stands, 4);
    assert_eq!(since(&desk), Some(again));
}

#[test]
fn what_was_told_of_shares_is_read_back_with_what_can_be_taken_over() {
    let more = |here: i64, there: i64| {
        let text = difference(apple(), q(here), q(there)).to_string();
        let (instrument, more) = shares_told(&text).unwrap();
        assert_eq!(instrument, apple());
        more
    };
    assert_eq!([more(0, 5), more(10, 15), more(0, -5), more(-2, -5)], [5, 5, -5, -3].map(|n| Some(q(n))));
    assert_eq!([more(10, 4), more(-3, 2), more(3, -2), more(5, 0)], [None; 4]);
    assert_eq!(shares_told("order AAPL.XNYS: works"), None);
    assert!(remedy("order o-1 works here and is not known at the broker").contains("cancel it here"));
    assert!(remedy("order o-1 ended here and works at the broker").contains("cancel it at the broker"));
    assert!(remedy("AAPL.XNYS: 0 here and 5 at the broker").contains("two people"));
}

#[test]
fn less_than_the_book_is_never_taken_off_it() {
    let mut desk = Desk::open();
    desk.working("a", 10);
    desk.fill_told(fill("a", 10, 10));
    let less = at_broker(4, "100");
    desk.reconcile(&view(less));
    assert_eq!(desk.breaks(), 1);
    assert!(desk.rejected("kim", less).contains("nothing is taken off"));
    assert_eq!(desk.held(), q(10));
    // More of it is taken over at what it cost beyond the book's own cost.
    let more = at_broker(12, "101");
    desk.reconcile(&view(more));
    desk.take_over("kim", more);
    desk.take_over("ann", more);
    let held = desk.engine.state().accounts()[&desk.account].positions().get(&apple()).unwrap();
    assert_eq!((held.quantity(), held.cost().to_string()), (q(12), "1212.00".to_owned()));
    assert_recovers(&desk);
}

#[test]
fn nothing_is_taken_over_while_an_order_in_it_may_fill_and_its_cost_is_never_a_market_price() {
    let mut desk = Desk::open();
    desk.working("a", 5);
    let stands = at_broker(5, "90");
    desk.reconcile(&VenueView { open: vec![report("a", 5, 0, VenueStatus::Working)], ..view(stands) });
    assert_eq!(desk.breaks(), 1);
    assert!(desk.rejected("kim", stands).contains("may fill"));
    let other = PositionReport { instrument: "MSFT.XNYS".parse().unwrap(), ..stands };
    desk.reconcile(&VenueView { open: vec![report("a", 5, 0, VenueStatus::Working)], ..view(other) });
    desk.take_over("kim", other);
    assert_eq!(names(&desk.take_over("ann", other)).last().unwrap(), "position_taken_over");
    let (state, account) = (desk.engine.state(), &desk.engine.state().accounts()[&desk.account]);
    assert_eq!((account.quantity(other.instrument), state.view().last(other.instrument)), (q(5), None));
    assert_eq!(state.equity(account), None, "unknown until a price comes");
    assert_recovers(&desk);
}

#[test]
fn what_has_no_name_here_is_a_difference_and_its_own_name_is_nobodys_to_take() {
    let mut desk = Desk::open();
    desk.reconcile(&VenueView {
        unread: vec!["order x of 'A`' at the broker".into()],
        ..VenueView::default()
    });
    assert_eq!(desk.breaks(), 1);
    let order = OrderSpec { strategy: "external".parse().ok(), ..desk.order("e", Side::Buy, 1) };
    let events = desk.submit(&order);
    let [EventBody::OrderDenied { refusal, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refusal.code, RefusalCode::ReservedName);
}
