//! Change sets: asked for, approved as they were shown, turned down and taken back as a whole.

use super::*;

#[test]
fn a_change_set_is_approved_as_a_whole_by_somebody_else() {
    let mut desk = desk();
    let terms = LimitTerms { set: Some("june".parse().unwrap()), ..LimitTerms::default() };
    desk.set(draft(LimitName::MaxOrderQuantity, "40", terms.clone()));
    desk.set(draft(LimitName::MaxOpenOrders, "1", terms));
    assert_eq!(desk.refusal("a", 50), None);
    let all = || Command::ApproveLimits { set: "june".parse().unwrap(), seen: Some(2) };
    assert!(matches!(
        desk.ask("rita", Independence::Everyone, 0, all())[..],
        [EventBody::ControlRejected { .. }]
    ));
    assert_eq!(desk.ask("ann", Independence::Everyone, 0, all()).len(), 2);
    assert_eq!(desk.refusal("b", 50), Some(RefusalCode::MaxOrderQty));
    assert_eq!(desk.refusal("c", 40), Some(RefusalCode::MaxOpenOrders));
}

#[test]
fn nobody_agrees_to_a_version_of_a_change_set_that_they_were_not_shown() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default()));
    desk.set(draft(LimitName::MaxOrderQuantity, "80", june()));
    let (soft, working) = (Some("4".into()), WorkingOrders::Cancel);
    desk.set(LimitDraft { soft, working, ..draft(LimitName::MaxOpenOrders, "5", june()) });
    let all = |seen| Command::ApproveLimits { set: "june".parse().unwrap(), seen };
    let refused = |told: Vec<EventBody>| {
        let [EventBody::ControlRejected { reason, .. }] = &told[..] else { panic!("{told:?}") };
        reason.to_string()
    };
    let two = "change set 'june' is approved as a whole, as it was shown, and holds now: version 2, \
               max_order_quantity for firm 80, now 40, asked by rita: \"test\"; version 3, max_open_orders for firm 5 (soft 4), \
               now none, cancels working orders over it, asked by rita: \"test\". To approve all of it: \
               'qlib-pro limits approve june --seen 3'";
    for one in [2, 3] {
        assert_eq!(refused(desk.approve("ann", one)), two);
    }
    for seen in [None, Some(2), Some(9)] {
        assert_eq!(refused(desk.ask("ann", Independence::Everyone, 0, all(seen))), two);
    }
    // One more joins after it was shown.
    desk.set(draft(LimitName::MaxLeverage, "9", june()));
    let told = refused(desk.ask("ann", Independence::Everyone, 0, all(Some(3))));
    assert!(told.contains("version 4, max_leverage for firm 9, now none"), "{told}");
    assert_eq!(desk.refusal("a", 50), Some(RefusalCode::MaxOrderQty));
    assert_eq!(desk.ask("ann", Independence::Everyone, 0, all(Some(4))).len(), 3);
    assert_eq!(desk.refusal("b", 50), None);
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn every_version_of_a_large_change_set_is_told() {
    let mut desk = desk();
    let names = &LimitName::ALL[..30];
    for name in names {
        desk.set(LimitDraft { hard: None, ..draft(*name, "1", june()) });
    }
    let told = desk.approve("ann", 1);
    let [EventBody::ControlRejected { reason, .. }] = &told[..] else { panic!("{told:?}") };
    for (name, version) in names.iter().zip(1..) {
        assert!(reason.as_str().contains(&format!("version {version}, {name} for ")), "{version}: {reason}");
    }
    assert!(reason.as_str().ends_with("--seen 30'"), "{reason}");
}

#[test]
fn a_change_set_is_taken_as_a_whole_or_not_at_all() {
    let mut desk = desk();
    let give =
        |desk: &mut Desk, drafts| desk.ask("rita", Independence::Everyone, 0, Command::SetLimits(drafts));
    let quantity = || draft(LimitName::MaxOrderQuantity, "40", june());
    let bad = draft(LimitName::MaxOpenOrders, "-1", june());
    for refused in [vec![quantity(), bad], vec![quantity(), quantity()]] {
        let told = give(&mut desk, refused);
        assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "{told:?}");
        assert_eq!(desk.engine.state().limits().version(), 0);
    }
    let whole = vec![quantity(), draft(LimitName::MaxOpenOrders, "5", june())];
    let told = give(&mut desk, whole);
    assert!(
        matches!(told[..], [EventBody::LimitProposed { .. }, EventBody::LimitProposed { .. }]),
        "{told:?}"
    );
    let told = give(&mut desk, vec![draft(LimitName::MaxOpenOrders, "6", june())]);
    assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "the name is taken: {told:?}");
}

#[test]
fn what_is_turned_down_is_turned_down_as_a_whole_and_stays_so() {
    let mut desk = desk();
    let drafts =
        vec![draft(LimitName::MaxOrderQuantity, "40", june()), draft(LimitName::MaxOpenOrders, "5", june())];
    desk.ask("rita", Independence::Everyone, 0, Command::SetLimits(drafts));
    let reject = |version| Command::RejectLimit { version, reason: "not now".into() };
    // One version of a set stands for all of it.
    let told = desk.ask("ann", Independence::Everyone, 0, reject(2));
    assert!(matches!(
        told[..],
        [EventBody::LimitRejected { version: 1, .. }, EventBody::LimitRejected { .. }]
    ));
    for again in [Command::ApproveLimits { set: "june".parse().unwrap(), seen: Some(2) }, reject(1)] {
        let told = desk.ask("ann", Independence::Everyone, 0, again);
        assert!(matches!(told[..], [EventBody::ControlRejected { .. }]), "{told:?}");
    }
    assert!(matches!(desk.approve("ann", 1)[..], [EventBody::ControlRejected { .. }]));
    assert_eq!(desk.refusal("a", 50), None);
    // What was turned down makes nobody's draft stale.
    let terms = LimitTerms { based_on: Some(0), ..LimitTerms::default() };
    let told = desk.set(draft(LimitName::MaxOrderQuantity, "45", terms));
    assert!(matches!(told[..], [EventBody::LimitApproved { version: 3, .. }]), "{told:?}");
    desk.check(&Calendars::bundled().unwrap());
}

#[test]
fn what_stood_before_a_change_set_is_known_until_somebody_changes_it_again() {
    let mut desk = desk();
    desk.set(draft(LimitName::MaxOrderQuantity, "40", LimitTerms::default()));
    let drafts =
        vec![draft(LimitName::MaxOrderQuantity, "30", june()), draft(LimitName::MaxOpenOrders, "5", june())];
    let set = "june".parse().unwrap();
    desk.ask("rita", Independence::Everyone, 0, Command::SetLimits(drafts));
    assert!(desk.engine.state().limits().before_set(set).is_err(), "nothing of it is in force");
    desk.ask("ann", Independence::Everyone, 0, Command::ApproveLimits { set, seen: Some(3) });
    let before = desk.engine.state().limits().before_set(set).unwrap();
    let values: Vec<_> = before.iter().map(|d| (d.name, d.hard.as_deref())).collect();
    assert_eq!(values, [(LimitName::MaxOrderQuantity, Some("40")), (LimitName::MaxOpenOrders, None)]);
    desk.set(draft(LimitName::MaxOpenOrders, "4", LimitTerms::default()));
    let changed = desk.engine.state().limits().before_set(set).unwrap_err();
    assert!(matches!(changed, crate::risk::LimitError::Stale { version: 4, .. }), "{changed}");
}
