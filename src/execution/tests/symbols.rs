//! A change of symbol: the book goes on under the new name as it was.

use super::*;
use crate::domain::event::{CashKind, HaltMode};
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, WorkingOrders};

fn draft(name: LimitName, scope: &str, hard: &str) -> LimitDraft {
    LimitDraft {
        name,
        scope: scope.parse().unwrap(),
        hard: Some(hard.to_owned()),
        soft: None,
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

impl Desk {
    pub(super) fn change(&mut self, from: &str, to: &str) -> Vec<EventBody> {
        let day = self.now.to_datetime().date_naive();
        let time = self.now.plus_nanos(1);
        self.market(&MarketEvent::SymbolChange {
            instrument: instrument(from),
            time,
            to: instrument(to),
            day,
        })
    }

    fn posted(&self, ledger: Ledger, symbol: &str) -> i128 {
        self.totals.get(&(ledger, Asset::Shares(instrument(symbol)))).copied().unwrap_or(0)
    }
}

#[test]
fn what_is_held_ordered_owed_and_limited_goes_on_under_the_new_symbol_once() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "100000", false);
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.submit(Desk::order("o1", "AAA", Side::Buy, 10, None));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.submit(Desk::order("o2", "AAA", Side::Buy, 7, None));
    desk.bar("AAA", 1, [10_100; 4], 1_000_000);
    desk.submit(Desk::order("o3", "AAA", Side::Buy, 5, Some(9_900)));
    let (ex_date, pay_date) = ("2024-03-06".parse().unwrap(), "2024-03-07".parse().unwrap());
    let (on, time) = (instrument("AAA"), desk.now);
    let amount = cents(50);
    desk.market(&MarketEvent::Dividend { instrument: on, time, amount, ex_date, pay_date, held: None });
    desk.give(Command::SetLimit(draft(LimitName::MaxOrderQuantity, "symbol:AAA", "20")));
    desk.give(Command::SetLimit(draft(LimitName::MaxOrderNotional, "symbol:AAA", "9000")));
    desk.give(Command::SetLimit(draft(LimitName::MaxOrderNotional, "symbol:ZZZ", "500")));
    desk.give(Command::SetLimit(draft(LimitName::RestrictedSymbols, "account:B", "AAA,QQQ")));
    let scope: Scope = "symbol:AAA".parse().unwrap();
    let halt = |mode| Command::Halt { scope, mode, cancel: false, reason: "odd prices".into() };
    desk.give(halt(HaltMode::Reducing));

    let account = |desk: &Desk| desk.engine.state().accounts()[&"A".parse().unwrap()].clone();
    let before = account(&desk);
    let told = desk.change("AAA", "ZZZ");
    let day = desk.now.to_datetime().date_naive();
    let to = instrument("ZZZ");
    assert_eq!(told[0], EventBody::SymbolChanged { instrument: on, to, day });

    let after = account(&desk);
    assert_eq!(after.positions().get(&to), before.positions().get(&on), "lots and costs as they were");
    assert!(!after.positions().contains_key(&on));
    assert_eq!((after.cash(), after.held()), (before.cash(), before.held()));
    let seventeen = i128::from(Quantity::from_whole(17).unwrap().raw());
    assert_eq!((desk.posted(Ledger::Position, "AAA"), desk.posted(Ledger::Position, "ZZZ")), (0, seventeen));
    assert_eq!(desk.posted(Ledger::CorporateAction, "AAA"), seventeen, "the ledger says where they went");

    let state = desk.engine.state();
    assert_eq!(state.orders().queue(on), []);
    assert_eq!(state.orders().queue(to).len(), 1);
    let lot = |of| state.instruments().get(of).unwrap().lot;
    assert_eq!(lot(&to), lot(&on));
    let hard = |name, scope: &str| {
        let found = state.limits().get(name, scope.parse().unwrap());
        found.and_then(|value| value.hard.as_ref()).map(ToString::to_string)
    };
    assert_eq!(hard(LimitName::MaxOrderQuantity, "symbol:ZZZ").as_deref(), Some("20"));
    assert_eq!(hard(LimitName::MaxOrderQuantity, "symbol:AAA").as_deref(), Some("20"), "both names are kept");
    assert_eq!(
        hard(LimitName::MaxOrderNotional, "symbol:ZZZ").as_deref(),
        Some("500.00"),
        "its own is tighter"
    );
    assert_eq!(hard(LimitName::RestrictedSymbols, "account:B").as_deref(), Some("AAA,QQQ,ZZZ"));
    assert_eq!(state.halts()[&"symbol:ZZZ".parse().unwrap()].mode, HaltMode::Reducing);

    assert_eq!(desk.change("AAA", "ZZZ"), [], "once");
    desk.bar("ZZZ", 1, [9_800; 4], 1_000_000);
    assert_eq!(desk.status("o3"), OrderStatus::Filled);
    desk.now = "2024-03-07T14:30:00Z".parse().unwrap();
    let told = desk.bar("ZZZ", 1, [9_800; 4], 1_000_000);
    let paid = told.iter().find_map(|body| match body {
        EventBody::Cash { amount, kind: CashKind::Dividend, instrument, .. } => Some((*amount, *instrument)),
        _ => None,
    });
    assert_eq!(paid, Some(("11".parse().unwrap(), Some(to))));
    desk.check(&calendars);
}

#[test]
fn shorts_that_come_together_hold_what_one_short_would() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "100000", true);
    desk.bars(&[("AAA", [10_001; 4], 1_000_000), ("BBB", [10_003; 4], 1_000_000)], 1);
    desk.submit(Desk::order("o1", "AAA", Side::Sell, 10, None));
    desk.submit(Desk::order("o2", "BBB", Side::Sell, 5, None));
    desk.bars(&[("AAA", [10_001; 4], 1_000_000), ("BBB", [10_003; 4], 1_000_000)], 1);
    let cover = Desk::order("o3", "BBB", Side::Buy, 10, Some(9_000));
    desk.submit(OrderSpec { reduce_only: true, ..cover });
    let held = |desk: &Desk| desk.engine.state().accounts()[&"A".parse().unwrap()].held().to_string();
    assert_eq!(held(&desk), "450.00", "five may be covered");
    desk.change("AAA", "BBB");
    assert_eq!(held(&desk), "900.00", "all ten may");
    let position = desk.engine.state().accounts()[&"A".parse().unwrap()]
        .positions()
        .get(&instrument("BBB"))
        .cloned()
        .unwrap();
    assert_eq!((position.quantity().to_string().as_str(), position.lots().len()), ("-15", 2));
    desk.check(&calendars);
}

#[test]
fn long_under_one_symbol_and_short_under_the_other_waits_for_a_person() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "100000", true);
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [10_000; 4], 1_000_000)], 1);
    desk.submit(Desk::order("o1", "AAA", Side::Buy, 10, None));
    desk.submit(Desk::order("o2", "BBB", Side::Sell, 5, None));
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [10_000; 4], 1_000_000)], 1);
    assert_eq!(desk.change("AAA", "BBB"), []);
    assert_eq!(desk.engine.state().accounts()[&"A".parse().unwrap()].positions().len(), 2);
    desk.submit(Desk::order("o3", "BBB", Side::Buy, 5, None));
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [10_000; 4], 1_000_000)], 1);
    assert!(!desk.change("AAA", "BBB").is_empty());
    desk.check(&calendars);
}

#[test]
fn what_was_asked_for_and_what_one_order_was_allowed_follow_the_symbol() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "100000", false);
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    let give = |desk: &mut Desk, who: &str, command| {
        let given = Given { actor: who.parse().unwrap(), independent_of: Independence::Everyone, command };
        let batch = desk.engine.command(&given, desk.now, desk.now).unwrap();
        desk.keep(batch)
    };
    let set = |desk: &mut Desk, draft| give(desk, "rita", Command::SetLimit(draft));
    set(&mut desk, draft(LimitName::MaxOrderQuantity, "symbol:AAA", "20"));
    let (account, id) = ("A".parse().unwrap(), "big".parse().unwrap());
    let one = LimitTerms { order: Some((account, id)), ..LimitTerms::default() };
    set(&mut desk, LimitDraft { terms: one, ..draft(LimitName::MaxOrderQuantity, "symbol:AAA", "50") });
    give(&mut desk, "ann", Command::ApproveLimit { version: 2 });
    let june = LimitTerms { set: Some("june".parse().unwrap()), ..LimitTerms::default() };
    let asked = LimitDraft { terms: june, ..draft(LimitName::MaxOrderNotional, "symbol:AAA", "500") };
    set(&mut desk, asked);
    let told = desk.change("AAA", "ZZZ");
    let versions = |told: &[EventBody]| -> Vec<String> {
        let one = |t: &EventBody| match t {
            EventBody::LimitApproved { draft, .. } => {
                Some(format!("{} {} in force", draft.name, draft.scope))
            }
            EventBody::LimitProposed { draft, .. } => Some(format!("{} {} asked", draft.name, draft.scope)),
            _ => None,
        };
        told.iter().filter_map(one).collect()
    };
    assert_eq!(
        versions(&told),
        [
            "max_order_quantity symbol:ZZZ in force",
            "max_order_quantity symbol:ZZZ in force",
            "max_order_notional symbol:ZZZ asked",
        ]
    );
    desk.bar("ZZZ", 1, [10_000; 4], 1_000_000);
    let refused = desk.submit(Desk::order("other", "ZZZ", Side::Buy, 50, Some(9_000)));
    assert!(refused.iter().any(|t| matches!(t, EventBody::OrderDenied { .. })), "{refused:?}");
    let taken = desk.submit(Desk::order("big", "ZZZ", Side::Buy, 50, Some(9_000)));
    assert!(taken.iter().any(|t| matches!(t, EventBody::OrderAccepted { .. })), "{taken:?}");
    let told = give(&mut desk, "ann", Command::ApproveLimits { set: "june".parse().unwrap(), seen: Some(6) });
    assert_eq!(versions(&told).len(), 2, "both symbols are decided with the set");
    desk.check(&calendars);
}
