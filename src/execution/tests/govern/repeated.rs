//! Repeated executions: a strategy is halted until a person looks, and practice counts for itself.

use super::*;

#[test]
fn a_strategy_is_halted_by_the_engine_until_a_person_looks() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxRepeatedExecutions, "2", LimitTerms::default()));
    let alpha: crate::domain::StrategyId = "alpha".parse().unwrap();
    for at in 0..3 {
        let order = Desk::order(&format!("o{at}"), "AAA", Side::Buy, 1, None);
        desk.submit(OrderSpec { strategy: Some(alpha), ..order });
        desk.bar("AAA", 1, AAA, 1_000_000);
    }
    let scope = Scope::Strategy(alpha);
    assert!(desk.engine.state().halts().contains_key(&scope));
    assert_eq!(desk.refusal("by-hand", 1), None);
    desk.ask("ann", Independence::Everyone, 0, Command::Resume { scope });
    let told =
        desk.submit(OrderSpec { strategy: Some(alpha), ..Desk::order("o9", "AAA", Side::Buy, 1, None) });
    assert!(told.iter().any(|t| matches!(t, EventBody::OrderAccepted { .. })), "{told:?}");
}

#[test]
fn what_a_strategy_does_on_a_simulation_is_counted_there_and_never_toward_the_firm() {
    let mut desk = desk();
    let spec = desk.engine.state().accounts().values().next().unwrap().spec().clone();
    let account = "sim-c1".parse().unwrap();
    desk.give(Command::OpenAccount(AccountSpec { account, kind: AccountKind::Simulation, ..spec }));
    desk.set(draft(LimitName::MaxRepeatedExecutions, "2", LimitTerms::default()));
    let alpha = Some("alpha".parse().unwrap());
    let practise = |desk: &mut Desk, id: &str| {
        let order = Desk::order(id, "AAA", Side::Buy, 1, None);
        let told = desk.submit(OrderSpec { account, strategy: alpha, ..order });
        desk.bar("AAA", 1, AAA, 1_000_000);
        told.iter().any(|t| matches!(t, EventBody::OrderAccepted { .. }))
    };
    assert!(["s1", "s2", "s3"].iter().all(|id| practise(&mut desk, id)));
    assert!(desk.engine.state().halts().is_empty(), "the firm's limit does not bind it");
    let order = OrderSpec { strategy: alpha, ..Desk::order("o1", "AAA", Side::Buy, 1, None) };
    let told = desk.submit(order);
    assert!(told.iter().any(|t| matches!(t, EventBody::OrderAccepted { .. })), "{told:?}");
    // A limit of its own halts it and nobody else.
    let scope = Scope::Account(account);
    desk.set(LimitDraft { scope, ..draft(LimitName::MaxRepeatedExecutions, "3", LimitTerms::default()) });
    assert!(practise(&mut desk, "s4"));
    assert_eq!(desk.engine.state().halts().keys().copied().collect::<Vec<_>>(), [scope]);
    assert!(!practise(&mut desk, "s5"));
    desk.ask("ann", Independence::Everyone, 0, Command::Resume { scope });
    assert!(practise(&mut desk, "s6"), "somebody looked: it counts anew");
    let rebuilt = Engine::recover(Calendars::bundled().unwrap(), &desk.events).unwrap();
    assert_eq!(rebuilt.state().halts(), desk.engine.state().halts());
}
