//! Limits and halts in the engine: who may do what when, what ends by itself, and what a decision can be made of again.

mod repeated;
mod sets;

use super::*;
use crate::domain::event::{EndReason, HaltMode};
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, Turn, WorkingOrders};
use crate::domain::{CleanText, RefusalCode, UserName};
use crate::risk::{Verdict, replay};

const AAA: [i64; 4] = [10_000; 4];

fn desk() -> Desk {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "100000", false);
    desk.bar("AAA", 1, AAA, 1_000_000);
    desk
}

fn draft(name: LimitName, hard: &str, terms: LimitTerms) -> LimitDraft {
    LimitDraft {
        name,
        scope: Scope::Firm,
        hard: Some(hard.to_owned()),
        soft: None,
        reason: "test".into(),
        working: WorkingOrders::Keep,
        terms,
    }
}

impl Desk {
    /// A command of somebody, so many hours later on the wall.
    fn ask(
        &mut self,
        who: &str,
        independent_of: Independence,
        hours: i64,
        command: Command,
    ) -> Vec<EventBody> {
        let actor: UserName = who.parse().unwrap();
        let wall = self.now.plus_nanos(hours * 3_600_000_000_000);
        let batch = self.engine.command(&Given { actor, independent_of, command }, self.now, wall).unwrap();
        self.keep(batch)
    }

    fn set(&mut self, draft: LimitDraft) -> Vec<EventBody> {
        self.ask("rita", Independence::Everyone, 0, Command::SetLimit(draft))
    }

    fn approve(&mut self, who: &str, version: u32) -> Vec<EventBody> {
        self.ask(who, Independence::Everyone, 0, Command::ApproveLimit { version })
    }

    fn refusal(&mut self, id: &str, shares: i64) -> Option<RefusalCode> {
        let told = self.submit(Desk::order(id, "AAA", Side::Buy, shares, Some(9_000)));
        told.iter().find_map(|t| match t {
            EventBody::OrderDenied { refusal, .. } => Some(refusal.code),
            _ => None,
        })
    }
}

#[test]
fn a_window_opens_and_closes_with_market_time_and_is_journaled() {
    let mut desk = desk();
    let at = |minutes: i64| start().plus_nanos(minutes * 60_000_000_000);
    desk.set(draft(LimitName::MaxOrderQuantity, "100", LimitTerms::default()));
    let window =
        LimitTerms { effective_from: Some(at(5)), expires_at: Some(at(10)), ..LimitTerms::default() };
    desk.set(draft(LimitName::MaxOrderQuantity, "10", window));
    assert_eq!(desk.refusal("a", 50), None);
    desk.bar("AAA", 4, AAA, 1_000_000);
    assert!(
        desk.events
            .iter()
            .any(|e| matches!(e.body, EventBody::LimitTurned { version: 2, turn: Turn::Begins }))
    );
    assert_eq!(desk.refusal("b", 50), Some(RefusalCode::MaxOrderQty));
    desk.bar("AAA", 5, AAA, 1_000_000);
    assert_eq!(desk.refusal("c", 50), None);
    assert_eq!(desk.refusal("d", 101), Some(RefusalCode::MaxOrderQty));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_window_that_is_over_is_not_approved() {
    let mut desk = desk();
    let until = |minutes: i64| LimitTerms {
        expires_at: Some(start().plus_nanos(minutes * 60_000_000_000)),
        ..LimitTerms::default()
    };
    desk.set(draft(LimitName::MaxOrderQuantity, "100", LimitTerms::default()));
    let of_set = LimitTerms { set: june().set, ..until(5) };
    for (name, terms) in [
        (LimitName::MaxOrderQuantity, until(5)),
        (LimitName::MaxOpenOrders, of_set),
        (LimitName::MaxLeverage, june()),
    ] {
        desk.set(draft(name, "400", terms));
    }
    desk.bar("AAA", 4, AAA, 1_000_000);
    let all = || Command::ApproveLimits { set: "june".parse().unwrap(), seen: Some(4) };
    for (told, version) in
        [(desk.approve("ann", 2), 2), (desk.ask("ann", Independence::Everyone, 0, all()), 3)]
    {
        let [EventBody::ControlRejected { reason, .. }] = &told[..] else { panic!("{told:?}") };
        assert!(
            reason
                .as_str()
                .starts_with(&format!("limit version {version} was to end at 2024-03-05T14:35:00Z")),
            "{reason}"
        );
    }
    assert_eq!(desk.refusal("a", 101), Some(RefusalCode::MaxOrderQty));
    // A minute is left of this one.
    desk.set(draft(LimitName::MaxOrderQuantity, "400", until(6)));
    assert!(matches!(desk.approve("ann", 5)[..], [EventBody::LimitApproved { .. }]));
    assert_eq!(desk.refusal("b", 101), None);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn the_time_of_another_exchange_ends_no_tightening_and_begins_no_loosening() {
    let at = |minutes: i64| start().plus_nanos(minutes * 60_000_000_000);
    let window =
        LimitTerms { effective_from: Some(at(5)), expires_at: Some(at(10)), ..LimitTerms::default() };
    // Fifty shares are within 100 and 400, beyond 10; two hundred within 400 alone.
    for (value, shares, within, after) in [("10", 50, false, true), ("400", 200, true, false)] {
        let mut desk = desk();
        desk.set(draft(LimitName::MaxOrderQuantity, "100", LimitTerms::default()));
        let told = desk.set(draft(LimitName::MaxOrderQuantity, value, window.clone()));
        if matches!(told[..], [EventBody::LimitProposed { .. }]) {
            desk.approve("bob", 2);
        }
        let simulated = "AAA.SIM".parse::<InstrumentId>().unwrap().exchange;
        let pass = |desk: &mut Desk, minutes| {
            let batch = desk.engine.pass(simulated, at(minutes), desk.now).unwrap();
            desk.keep(batch);
        };
        pass(&mut desk, 5);
        assert_eq!(desk.refusal("early", shares), Some(RefusalCode::MaxOrderQty), "{value}");
        desk.bar("AAA", 4, AAA, 1_000_000);
        assert_eq!(desk.refusal("within", shares).is_none(), within, "{value}");
        pass(&mut desk, 60);
        assert_eq!(desk.refusal("ahead", shares), Some(RefusalCode::MaxOrderQty), "{value}");
        desk.bar("AAA", 5, AAA, 1_000_000);
        assert_eq!(desk.refusal("after", shares).is_none(), after, "{value}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn a_tightening_where_the_market_has_not_begun_is_not_ended_by_the_time_of_another() {
    let mut desk = desk();
    let ends = LimitTerms { expires_at: Some(start().plus_nanos(600_000_000_000)), ..LimitTerms::default() };
    let scope = Scope::Symbol("ZZZ".parse().unwrap());
    desk.set(LimitDraft { scope, ..draft(LimitName::MaxOrderQuantity, "10", ends) });
    desk.bar("AAA", 11, AAA, 1_000_000);
    assert!(!desk.events.iter().any(|e| matches!(e.body, EventBody::LimitTurned { turn: Turn::Ends, .. })));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn an_override_of_one_order_is_used_up_by_it() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxOrderQuantity, "100", LimitTerms::default()));
    let one =
        LimitTerms { order: Some(("A".parse().unwrap(), "big".parse().unwrap())), ..LimitTerms::default() };
    let told = desk.set(draft(LimitName::MaxOrderQuantity, "400", one));
    assert!(matches!(told[..], [EventBody::LimitProposed { version: 2, .. }]), "{told:?}");
    assert!(matches!(desk.approve("rita", 2)[..], [EventBody::ControlRejected { .. }]));
    assert!(matches!(desk.approve("ann", 2)[..], [EventBody::LimitApproved { .. }]));
    assert_eq!(desk.refusal("other", 300), Some(RefusalCode::MaxOrderQty));
    assert_eq!(desk.refusal("big", 300), None);
    assert!(matches!(
        desk.events.last().unwrap().body,
        EventBody::LimitTurned { version: 2, turn: Turn::Ends }
    ));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn nobody_plants_an_override_of_one_order_ahead_of_a_limit() {
    let mut desk = desk();
    let (account, id) = ("A".parse().unwrap(), "x1".parse().unwrap());
    let one = LimitTerms { order: Some((account, id)), ..LimitTerms::default() };
    let told = desk.set(draft(LimitName::RestrictedSymbols, "", one.clone()));
    assert!(matches!(told[..], [EventBody::LimitProposed { version: 1, .. }]), "{told:?}");
    // Two people agreed, but to no exception from what one of them forbids afterwards.
    desk.approve("ann", 1);
    desk.set(draft(LimitName::RestrictedSymbols, "AAA", LimitTerms::default()));
    assert_eq!(desk.refusal("x1", 10), Some(RefusalCode::RestrictedList));
    let two = LimitTerms { order: Some((account, "x2".parse().unwrap())), ..LimitTerms::default() };
    desk.set(draft(LimitName::RestrictedSymbols, "", two));
    assert_eq!(desk.refusal("x3", 10), Some(RefusalCode::RestrictedList));
    desk.approve("ann", 3);
    assert_eq!(desk.refusal("x2", 10), None);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn what_comes_into_force_for_one_order_cancels_no_other() {
    let at = |minutes: i64| start().plus_nanos(minutes * 60_000_000_000);
    for from in [None, Some(at(5))] {
        let mut desk = desk();
        for id in ["one", "other"] {
            assert_eq!(desk.refusal(id, 50), None);
        }
        // Both are over it and stay.
        desk.set(draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default()));
        let order = Some(("A".parse().unwrap(), "one".parse().unwrap()));
        let terms = LimitTerms { order, effective_from: from, ..LimitTerms::default() };
        let working = WorkingOrders::Cancel;
        desk.set(LimitDraft { working, ..draft(LimitName::MaxOrderQuantity, "45", terms) });
        desk.approve("ann", 2);
        desk.bar("AAA", 4, AAA, 1_000_000);
        let ended = desk.events.iter().filter_map(|e| match &e.body {
            EventBody::OrderCanceled { id, reason: EndReason::LimitTightened, .. } => Some(id.as_str()),
            _ => None,
        });
        assert_eq!(ended.collect::<Vec<_>>(), ["one"], "{from:?}");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn a_limit_for_one_order_binds_it_where_no_other_stands() {
    let mut desk = desk();
    let of = |id: &str| LimitTerms {
        order: Some(("A".parse().unwrap(), id.parse().unwrap())),
        ..LimitTerms::default()
    };
    desk.set(draft(LimitName::MaxOrderQuantity, "40", of("one")));
    assert_eq!(desk.refusal("early", 50), None, "it waits, and is meant for another order");
    desk.approve("ann", 1);
    assert_eq!(desk.refusal("other", 50), None);
    assert_eq!(desk.refusal("one", 50), Some(RefusalCode::MaxOrderQty));
    // Beside a limit of another name, and none of its own was taken away after it.
    desk.set(draft(LimitName::MaxOpenOrders, "9", LimitTerms::default()));
    desk.set(draft(LimitName::MaxOrderQuantity, "40", of("two")));
    desk.approve("ann", 3);
    assert_eq!(desk.refusal("two", 50), Some(RefusalCode::MaxOrderQty));
    desk.check(&Calendars::bundled().unwrap());
}

fn june() -> LimitTerms {
    LimitTerms { set: Some("june".parse().unwrap()), ..LimitTerms::default() }
}

#[test]
fn the_only_person_of_a_home_waits_a_day_and_is_flagged() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default()));
    desk.set(draft(LimitName::MaxOrderQuantity, "50", LimitTerms::default()));
    let approve = || Command::ApproveLimit { version: 2 };
    let at_once = format!("{:?}", desk.ask("rita", Independence::Alone, 0, approve()));
    assert!(at_once.contains("come back in 24 h 00 min;"), "{at_once}");
    let early = desk.ask("rita", Independence::Alone, 23, approve());
    assert!(matches!(early[..], [EventBody::ControlRejected { .. }]), "{early:?}");
    let late = desk.ask("rita", Independence::Alone, 24, approve());
    assert!(matches!(late[..], [EventBody::LimitApproved { alone: true, .. }]), "{late:?}");
    let scope = Scope::Account("A".parse().unwrap());
    desk.ask(
        "rita",
        Independence::Alone,
        24,
        Command::Halt { scope, mode: HaltMode::Halted, cancel: false, reason: "".into() },
    );
    let early = desk.ask("rita", Independence::Alone, 47, Command::Resume { scope });
    assert!(matches!(early[..], [EventBody::ControlRejected { .. }]));
    let late = desk.ask("rita", Independence::Alone, 48, Command::Resume { scope });
    assert!(matches!(late[..], [EventBody::Resumed { alone: true, .. }]));
}

#[test]
fn a_halt_ends_the_open_orders_of_its_scope_in_one_step_and_outlives_a_restart() {
    let mut desk = desk();
    desk.bar("BBB", 1, AAA, 1_000_000);
    for at in 0..50 {
        assert_eq!(desk.refusal(&format!("o{at}"), 1), None);
    }
    desk.submit(Desk::order("other", "BBB", Side::Buy, 1, Some(9_000)));
    let scope = Scope::Symbol("AAA".parse().unwrap());
    let told = desk.give(Command::Halt { scope, mode: HaltMode::Halted, cancel: true, reason: "".into() });
    let ended =
        told.iter().filter(|t| matches!(t, EventBody::OrderCanceled { reason: EndReason::Halted, .. }));
    assert_eq!(ended.count(), 50);
    assert_eq!(desk.engine.state().orders().open().len(), 1);
    let rebuilt = Engine::recover(Calendars::bundled().unwrap(), &desk.events).unwrap();
    assert!(rebuilt.state().halts().contains_key(&scope));
    assert_eq!(desk.refusal("late", 1), Some(RefusalCode::TradingHalted));
}

#[test]
fn use_of_a_limit_is_told_once_a_level_and_a_price_alone_may_pass_it() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxPositionNotional, "20000", LimitTerms::default()));
    desk.submit(Desk::order("a", "AAA", Side::Buy, 110, None));
    let levels = |told: Vec<EventBody>| -> Vec<u8> {
        let level = |t: EventBody| match t {
            EventBody::LimitUsed { level, .. } => Some(level),
            _ => None,
        };
        told.into_iter().filter_map(level).collect()
    };
    assert_eq!(levels(desk.bar("AAA", 1, AAA, 1_000_000)), [50]);
    assert_eq!(levels(desk.bar("AAA", 1, AAA, 1_000_000)), [] as [u8; 0]);
    assert_eq!(levels(desk.bar("AAA", 1, [19_000; 4], 1_000_000)), [100]);
    assert_eq!(levels(desk.bar("AAA", 1, [5_000; 4], 1_000_000)), [0]);
}

#[test]
fn every_decision_is_made_again_from_the_journal_alone() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxOrderNotional, "5000", LimitTerms::default()));
    desk.set(LimitDraft {
        soft: Some("20".into()),
        ..draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default())
    });
    desk.set(draft(LimitName::MaxGrossExposure, "0.05", LimitTerms::default()));
    for (at, shares) in [1, 10, 21, 30, 41, 60, 5_000].into_iter().enumerate() {
        desk.submit(Desk::order(&format!("o{at}"), "AAA", Side::Buy, shares, Some(9_000)));
    }
    desk.submit(Desk::order("s", "AAA", Side::Sell, 1, Some(9_000)));
    let (mut passed, mut waited, mut refused) = (0, 0, 0);
    for event in &desk.events {
        // Nothing but the text of the journal is looked at.
        match decode(ENCODING_VERSION, &encode(event).unwrap()).unwrap().body {
            EventBody::OrderAccepted { order, decision: Some(record), .. } => {
                assert_eq!(replay(order.account, &record), Verdict::Accept);
                passed += 1;
            }
            EventBody::OrderHeld { order, code, decision: Some(record), .. } => {
                assert_eq!(replay(order.account, &record), Verdict::Hold(code));
                waited += 1;
            }
            EventBody::OrderDenied { order, refusal, decision: Some(record), .. } => {
                assert_eq!(replay(order.account, &record), Verdict::Refuse(refusal));
                refused += 1;
            }
            _ => {}
        }
    }
    assert_eq!((passed, waited, refused), (2, 1, 5));
}

#[test]
fn an_approved_loosening_does_not_undo_a_tightening_made_since() {
    let mut desk = desk();
    let at = |minutes: i64| start().plus_nanos(minutes * 60_000_000_000);
    desk.set(draft(LimitName::MaxOrderQuantity, "100", LimitTerms::default()));
    let later = LimitTerms { effective_from: Some(at(5)), ..LimitTerms::default() };
    desk.set(draft(LimitName::MaxOrderQuantity, "400", later));
    desk.approve("ann", 2);
    desk.set(draft(LimitName::MaxOrderQuantity, "10", LimitTerms::default()));
    desk.bar("AAA", 6, AAA, 1_000_000);
    assert_eq!(desk.refusal("a", 50), Some(RefusalCode::MaxOrderQty));
    let told = |e: &crate::domain::Event| {
        matches!(e.body, EventBody::LimitTurned { version: 2, turn: Turn::Overtaken })
    };
    assert!(desk.events.iter().any(told), "the history says so");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn a_waiting_change_set_is_turned_down_as_a_whole() {
    let mut desk = desk();
    let terms = LimitTerms { set: Some("june".parse().unwrap()), ..LimitTerms::default() };
    desk.set(draft(LimitName::MaxOrderQuantity, "40", terms.clone()));
    desk.set(draft(LimitName::MaxOpenOrders, "1", terms));
    let reject = || Command::RejectLimit { version: 1, reason: "not now".into() };
    let told = desk.ask("ann", Independence::Everyone, 0, reject());
    assert!(matches!(
        told[..],
        [EventBody::LimitRejected { version: 1, .. }, EventBody::LimitRejected { version: 2, .. }]
    ));
    let again = desk.ask("ann", Independence::Everyone, 0, reject());
    assert!(matches!(again[..], [EventBody::ControlRejected { .. }]), "{again:?}");
    assert_eq!(desk.refusal("a", 50), None);
    desk.check(&Calendars::bundled().unwrap());
}

/// From the highest equity, and from the capital.
const DRAWDOWNS: [LimitName; 2] = [LimitName::MaxDrawdown, LimitName::MaxStaticDrawdown];

/// A desk whose drawdown control spoke: it fell below nine tenths of its equity and came back.
fn drawn_down(name: LimitName) -> Desk {
    let mut desk = desk();
    desk.set(draft(name, "0.1", LimitTerms::default()));
    desk.submit(Desk::order("all", "AAA", Side::Buy, 900, Some(11_000)));
    desk.bar("AAA", 2, AAA, 1_000_000);
    desk.bar("AAA", 3, [8_000; 4], 1_000_000);
    desk.bar("AAA", 4, AAA, 1_000_000);
    assert_eq!(desk.refusal("a", 1), Some(name.code()), "it stays after the recovery");
    // What was judged is the fall of now, and why it refuses all the same is said beside it.
    let denied = desk.engine.state().orders().get("A".parse().unwrap(), "a".parse().unwrap()).unwrap();
    assert_eq!(denied.reason, name.code().text());
    assert!(denied.reason.ends_with("stands until a person lifts it, also after a recovery"));
    let seen = |e: &Event| match &e.body {
        EventBody::OrderDenied { refusal, .. } => refusal.observed.clone().zip(refusal.threshold.clone()),
        _ => None,
    };
    assert_eq!(desk.events.iter().rev().find_map(seen), Some(("0".into(), "0.1".into())));
    desk
}

#[test]
fn a_drawdown_that_spoke_is_not_lifted_by_one_person() {
    let at = |minutes: i64| start().plus_nanos(minutes * 60_000_000_000);
    for name in DRAWDOWNS {
        let mut desk = drawn_down(name);
        desk.set(draft(name, "0.1", LimitTerms::default()));
        assert_eq!(desk.refusal("b", 1), Some(name.code()), "an equal value");
        desk.set(draft(name, "0.09", LimitTerms::default()));
        assert_eq!(desk.refusal("c", 1), Some(name.code()), "a tighter value");
        let one = LimitTerms {
            order: Some(("A".parse().unwrap(), "zz".parse().unwrap())),
            ..LimitTerms::default()
        };
        desk.set(draft(name, "0.5", one));
        desk.approve("ann", 4);
        assert_eq!(desk.refusal("d", 1), Some(name.code()), "what is meant for another order");
        let later = LimitTerms { effective_from: Some(at(12)), ..LimitTerms::default() };
        desk.set(draft(name, "0.5", later));
        desk.approve("ann", 5);
        assert_eq!(desk.refusal("e", 1), Some(name.code()), "what begins later");
        desk.bar("AAA", 9, AAA, 1_000_000);
        assert_eq!(desk.refusal("f", 1), None, "two people agreed, and it has begun");
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn nobody_who_set_a_halt_or_made_it_harder_lifts_it() {
    let mut desk = desk();
    let scope = Scope::Symbol("AAA".parse().unwrap());
    let halt = |desk: &mut Desk, who: &str, mode| {
        let reason = CleanText::default();
        desk.ask(who, Independence::Everyone, 0, Command::Halt { scope, mode, cancel: false, reason })
    };
    let resume = |desk: &mut Desk, who: &str, scope| {
        desk.ask(who, Independence::Everyone, 0, Command::Resume { scope })
    };
    halt(&mut desk, "rita", HaltMode::Reducing);
    halt(&mut desk, "rob", HaltMode::Halted);
    for who in ["rita", "rob"] {
        let told = resume(&mut desk, who, scope);
        assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "{who}: {told:?}");
    }
    // Both are who halted under the new symbol too.
    desk.change("AAA", "ZZZ");
    let new = Scope::Symbol("ZZZ".parse().unwrap());
    assert_eq!(desk.engine.state().halts()[&new].by, desk.engine.state().halts()[&scope].by);
    assert!(matches!(resume(&mut desk, "ann", scope)[..], [EventBody::Resumed { .. }]));
    // Lifted is lifted: who halted before may lift what somebody else sets later.
    halt(&mut desk, "rob", HaltMode::Halted);
    halt(&mut desk, "rob", HaltMode::Halted);
    assert!(matches!(resume(&mut desk, "rita", scope)[..], [EventBody::Resumed { .. }]));
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn resuming_a_scope_lifts_a_drawdown_that_spoke_in_it() {
    for name in DRAWDOWNS {
        let mut desk = drawn_down(name);
        let scope = Scope::Account("A".parse().unwrap());
        desk.ask(
            "rita",
            Independence::Everyone,
            0,
            Command::Halt { scope, mode: HaltMode::Halted, cancel: false, reason: "drawdown".into() },
        );
        let own = desk.ask("rita", Independence::Everyone, 0, Command::Resume { scope });
        assert!(matches!(own[..], [EventBody::ControlRejected { .. }]));
        assert_eq!(desk.engine.state().halt_reason(scope), "drawdown");
        desk.ask("ann", Independence::Everyone, 0, Command::Resume { scope });
        assert_eq!(desk.engine.state().halt_reason(scope), "");
        assert_eq!(desk.refusal("b", 1), None);
        desk.check(&Calendars::bundled().unwrap());
    }
}

#[test]
fn amendments_and_releases_keep_what_was_looked_at_and_give_the_same_verdict_again() {
    let mut desk = desk();
    desk.set(LimitDraft {
        soft: Some("20".into()),
        ..draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default())
    });
    desk.submit(Desk::order("a", "AAA", Side::Buy, 10, Some(9_000)));
    let (account, id) = ("A".parse().unwrap(), "a".parse().unwrap());
    for shares in [15, 50] {
        let quantity = Quantity::from_whole(shares);
        desk.give(Command::Amend { account, id, quantity, limit_price: None, trigger_price: None });
    }
    desk.submit(Desk::order("b", "AAA", Side::Buy, 30, Some(9_000)));
    let id = "b".parse().unwrap();
    desk.ask("rita", Independence::Everyone, 0, Command::ApproveOrder { account, id, seen: None });
    let mut again = Vec::new();
    for event in &desk.events {
        match decode(ENCODING_VERSION, &encode(event).unwrap()).unwrap().body {
            EventBody::OrderUpdated { account, decision: Some(record), .. } => {
                assert_eq!(replay(account, &record), Verdict::Accept);
                again.push("updated");
            }
            EventBody::AmendRejected { account, refusal, decision: Some(record), .. } => {
                assert_eq!(replay(account, &record), Verdict::Refuse(refusal));
                again.push("refused");
            }
            EventBody::OrderReleased { account, decision: Some(record), alone: false, .. } => {
                assert_eq!(replay(account, &record), Verdict::Accept);
                again.push("released");
            }
            _ => {}
        }
    }
    assert_eq!(again, ["updated", "refused", "released"]);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn who_changed_an_order_that_waits_releases_it_no_more_than_who_gave_it() {
    let mut desk = desk();
    desk.set(LimitDraft {
        soft: Some("20".into()),
        ..draft(LimitName::MaxOrderQuantity, "400", LimitTerms::default())
    });
    let (account, id) = ("A".parse().unwrap(), "a".parse().unwrap());
    let everyone = || Independence::Everyone;
    let amend = |desk: &mut Desk, who: &str, shares, hours| {
        let quantity = Quantity::from_whole(shares);
        let change = Command::Amend { account, id, quantity, limit_price: None, trigger_price: None };
        desk.ask(who, everyone(), hours, change)
    };
    let approve = |desk: &mut Desk, who: &str, independent_of, hours, seen| {
        desk.ask(who, independent_of, hours, Command::ApproveOrder { account, id, seen })
    };
    desk.submit(Desk::order("a", "AAA", Side::Buy, 60, Some(9_000)));
    let order = |desk: &Desk| desk.engine.state().orders().get(account, id).unwrap().clone();
    let (giver, shown) = (order(&desk).actor, order(&desk).shown());
    amend(&mut desk, "root", 400, 10);
    amend(&mut desk, giver.as_str(), 300, 12);
    assert_eq!(order(&desk).makers().map(|m| m.to_string()).collect::<Vec<_>>(), [giver.as_str(), "root"]);
    for who in ["root", giver.as_str()] {
        let told = approve(&mut desk, who, everyone(), 13, None);
        assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "{who}: {told:?}");
    }
    // Who is alone waits a day from the change on.
    let told = approve(&mut desk, giver.as_str(), Independence::Alone, 35, None);
    assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "{told:?}");
    // The second person agrees to what was shown, or looks again.
    let told = approve(&mut desk, "rita", everyone(), 13, Some(shown));
    let [EventBody::ControlRejected { reason, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(reason.as_str(), "the order was changed since it was shown: look at it again");
    let shown = Some(order(&desk).shown());
    let told = approve(&mut desk, "rita", everyone(), 13, shown);
    assert!(matches!(told[..], [EventBody::OrderReleased { .. }]), "{told:?}");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn the_only_person_of_a_home_releases_an_own_order_after_a_day_and_is_flagged() {
    let mut desk = desk();
    desk.set(LimitDraft {
        soft: Some("20".into()),
        ..draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default())
    });
    desk.submit(Desk::order("a", "AAA", Side::Buy, 30, Some(9_000)));
    let (account, id) = ("A".parse().unwrap(), "a".parse().unwrap());
    let giver = desk.engine.state().orders().get(account, id).unwrap().actor;
    let mut approve = |independent_of, hours| {
        desk.ask(giver.as_str(), independent_of, hours, Command::ApproveOrder { account, id, seen: None })
    };
    for (independent_of, hours) in [(Independence::Everyone, 30), (Independence::Alone, 23)] {
        let told = approve(independent_of, hours);
        assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "{told:?}");
    }
    let told = approve(Independence::Alone, 24);
    assert!(matches!(told[..], [EventBody::OrderReleased { alone: true, .. }]), "{told:?}");
    desk.check(&Calendars::bundled().unwrap());
}
