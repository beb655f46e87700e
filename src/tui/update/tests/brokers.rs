//! What differs from a broker: seen, asked for and agreed to with a typed word. And where an order went.

use super::*;
use crate::service::view::AskedFor;
use crate::tui::modal::{Detail, Modal};
use crate::tui::testing::text;

/// Somebody in front of the differences, the row `down` below the first selected.
fn at_differences(role: Role, down: usize) -> UiState {
    let mut state = state_of(role);
    press(&mut state, ": =RECO Enter");
    (0..down).for_each(|_| drop(press(&mut state, "Down")));
    assert_eq!(state.pane(), Some(PaneId::Differences));
    state
}

#[test]
fn what_a_broker_holds_more_is_asked_for_and_agreed_to_with_a_typed_word() {
    let wish = |symbol: &str, shown| Request::TakeOver {
        account: "alp".parse().unwrap(),
        symbol: symbol.parse().unwrap(),
        shown,
    };
    let asked = AskedFor {
        by: "root".parse().unwrap(),
        quantity: "5".parse().unwrap(),
        cost: "500".parse().unwrap(),
    };
    let mut state = at_differences(Role::Risk, 0);
    assert!(requests(&press(&mut state, "T Enter")).is_empty(), "the word is missing");
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("alp: AAPL.XNYS: 10 here and 15 at the broker"), "{shown}");
    assert!(shown.contains("Nothing is booked before a second person agrees"), "{shown}");
    assert_eq!(requests(&press(&mut state, "=adopt Enter")), [wish("AAPL", None)]);
    let mut state = at_differences(Role::Risk, 1);
    press(&mut state, "A");
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("root asked to take over 5 JPM for 500.00 USD"), "{shown}");
    assert!(shown.contains("Agree: book 5 JPM into alp"), "{shown}");
    assert_eq!(requests(&press(&mut state, "=adopt Enter")), [wish("JPM", Some(asked))]);
    let mut state = at_differences(Role::Risk, 2);
    press(&mut state, "T");
    assert!(
        state.modals.is_empty() && toast(&state).contains("look for it at the broker"),
        "{}",
        toast(&state)
    );
    let mut state = state_of(Role::Risk);
    press(&mut state, ": =adopt Space =alp Space =jpm Enter");
    assert_eq!(requests(&press(&mut state, "=adopt Enter")), [wish("JPM", Some(asked))]);
}

#[test]
fn a_trader_sees_what_differs_and_may_not_take_it_over() {
    let mut state = state_of(Role::Trader);
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("X 3 differences with alp (:RECO)"), "{shown}");
    let mut state = at_differences(Role::Trader, 0);
    assert!(requests(&press(&mut state, "T")).is_empty());
    assert_eq!(toast(&state), "take over: needs role risk or admin");
}

#[test]
fn a_risk_event_is_acknowledged_with_what_came_of_it() {
    let mut state = state_of(Role::Risk);
    press(&mut state, ": =BRCH Enter");
    let shown = text(&mut state, 160, 40);
    assert!(shown.contains("raj: split into two orders"), "{shown}");
    press(&mut state, "A");
    assert!(text(&mut state, 80, 24).contains("What was found and done:"));
    assert!(requests(&press(&mut state, "Enter")).is_empty(), "words are missing");
    let reason = "told the trader".into();
    let sent = requests(&press(&mut state, "=told Space =the Space =trader Enter"));
    assert_eq!(sent, [Request::Acknowledge { event: 912, reason }]);
    press(&mut state, "Down Down A");
    assert!(
        state.modals.is_empty() && toast(&state).contains("raj looked at it already"),
        "{}",
        toast(&state)
    );
    let mut trader = state_of(Role::Trader);
    press(&mut trader, ": =BRCH Enter");
    assert!(requests(&press(&mut trader, "A")).is_empty() && trader.modals.is_empty());
}

#[test]
fn the_key_that_acknowledges_a_risk_event_is_hinted_to_those_who_may_while_nobody_has() {
    for (role, hinted) in [(Role::Risk, true), (Role::Admin, true), (Role::Trader, false)] {
        let mut state = state_of(role);
        press(&mut state, ": =BRCH Enter");
        for (width, height) in [(80, 24), (160, 40)] {
            let shown = text(&mut state, width, height);
            let row = shown.lines().last().unwrap();
            assert_eq!(row.contains("A acknowledge"), hinted, "{role} {width}: {shown}");
        }
        press(&mut state, "Down Down");
        let shown = text(&mut state, 80, 24);
        assert!(!shown.contains("A acknowledge"), "raj looked at it already: {shown}");
    }
    let mut state = state_of(Role::Risk);
    press(&mut state, ": =BRCH Enter ?");
    press(&mut state, "=ack =now");
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("Approve or acknowledge"), "{shown}");
}

#[test]
fn the_detail_of_an_order_says_where_it_went_and_why() {
    let mut state = state_of(Role::Trader);
    let sent = requests(&press(&mut state, "g o Enter"));
    let [Request::Route(account, id)] = *sent.as_slice() else { panic!("{sent:?}") };
    let why = "paper takes limit day; session open; cost 0.0001 of value; not alpaca: what the account holds is not there";
    let other = Reply::Route(account, "another".parse().unwrap(), "elsewhere".into());
    update(&mut state, Input::Reply(Tag::Quiet, other));
    update(&mut state, Input::Reply(Tag::Quiet, Reply::Route(account, id, why.into())));
    for (width, height) in [(80, 24), (120, 36)] {
        let shown = text(&mut state, width, height);
        assert!(shown.contains("route") && shown.contains("paper takes limit day; session open"), "{shown}");
        assert!(shown.contains("is not there") && !shown.contains("elsewhere"), "{shown}");
    }
    let shown = text(&mut state, 60, 16);
    assert!(shown.contains("lines more below"), "{shown}");
    press(&mut state, "PgDn");
    let shown = text(&mut state, 60, 16);
    assert!(shown.contains("is not there") && !shown.contains("more below"), "{shown}");
}

#[test]
fn a_long_text_is_read_to_its_last_line_and_no_further() {
    let mut state = state_of(Role::Trader);
    let words: String = (0..400).map(|n| format!("word{n} ")).collect();
    state.modals.push(Modal::Detail(Detail::new("Notice", vec![("info".into(), words)])));
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("word0 ") && shown.contains("lines more below"), "{shown}");
    for _ in 0..20 {
        press(&mut state, "PgDn");
        text(&mut state, 80, 24);
    }
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("word399") && !shown.contains("more below"), "{shown}");
    press(&mut state, "Up");
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("1 lines more below"), "{shown}");
}
