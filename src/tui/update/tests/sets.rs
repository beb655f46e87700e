//! Change sets of limits: collected one by one, submitted together, answered as one item.

use std::sync::Arc;

use super::*;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, VersionStatus};
use crate::service::view::{LimitVersionRow, SetPreviewView};
use crate::tui::panes::RowKey;
use crate::tui::testing::text;

fn part(draft: &LimitDraft, would_refuse: u32) -> PreviewView {
    PreviewView {
        name: draft.name,
        scope: draft.scope,
        current: Some("0.15".to_owned()),
        drafted: draft.hard.clone(),
        working: draft.working,
        needs_approval: true,
        orders: Vec::new(),
        orders_soft: Vec::new(),
        over: vec![("desk NVDA".to_owned(), "0.146".to_owned())],
        over_soft: Vec::new(),
        decisions: 212,
        would_refuse,
        would_hold: 0,
        not_judged: 0,
        not_recorded: 0,
        were_refused: 3,
        days: 20,
        looked_back_to: None,
    }
}

fn whole(drafts: &[LimitDraft]) -> Reply {
    submitted(drafts, None)
}

/// The same of a set that waits, and its newest version.
fn submitted(drafts: &[LimitDraft], newest: Option<u32>) -> Reply {
    Reply::SetPreview(Box::new(SetPreviewView {
        set: None,
        newest,
        maker: None,
        reason: String::new(),
        parts: drafts.iter().map(|d| part(d, 9)).collect(),
        decisions: 212,
        would_refuse: 14,
        would_hold: 5,
        not_judged: 2,
        not_recorded: 2,
        were_refused: 3,
        days: 20,
        looked_back_to: None,
    }))
}

/// Drafts a limit and puts it into the change set.
fn collect(state: &mut UiState, name: &str, hard: &str) -> LimitDraft {
    press(state, &format!(": =limit Space ={name} Enter"));
    let in_set = matches!(state.modals.last(), Some(Modal::Limit(form)) if form.in_set);
    let choose = if in_set { "" } else { " S-Tab S-Tab S-Tab Space Tab Tab Tab" };
    let sent = requests(&press(state, &format!("Ctrl-U ={hard}{choose} Enter")));
    let [Request::PreviewLimit(draft)] = sent.as_slice() else { panic!("{sent:?}") };
    let preview = Reply::Preview(Box::new(part(draft, 9)));
    update(state, Input::Reply(Tag::Modal, preview));
    assert!(requests(&press(state, "Enter")).is_empty(), "nothing is set by itself");
    draft.as_ref().clone()
}

#[test]
fn limits_are_collected_previewed_as_a_whole_and_submitted_with_one_reason() {
    for (width, height) in [(120, 36), (80, 24)] {
        let mut state = state_of(Role::Risk);
        let first = collect(&mut state, "max_position_weight", "0.12");
        let second = collect(&mut state, "max_order_notional", "40000");
        assert_eq!(state.change_set, [first.clone(), second.clone()]);
        assert!(state.has_draft(), "leaving asks first");
        let sent = requests(&press(&mut state, "B"));
        assert_eq!(sent, [Request::PreviewLimits(vec![first.clone(), second.clone()])]);
        assert!(requests(&press(&mut state, "Enter")).is_empty(), "not before it was looked at");
        update(&mut state, Input::Reply(Tag::Modal, whole(&[first.clone(), second.clone()])));
        let shown = text(&mut state, width, height);
        assert!(shown.contains("max position weight") && shown.contains("40,000"), "{shown}");
        assert!(
            shown.contains("Of 212 decisions in the last 20 days it would have refused 14, held 5"),
            "{shown}"
        );
        assert!(shown.contains("2 accounts or positions"), "{shown}");
        assert!(requests(&press(&mut state, "Enter")).is_empty());
        assert!(text(&mut state, width, height).contains("type a reason"));
        let sent = requests(&press(&mut state, "=calm Space =season Enter"));
        assert_eq!(sent, [Request::SetLimits(vec![first, second], "calm season".into())]);
        assert!(requests(&press(&mut state, "Enter")).is_empty(), "never twice");
        update(&mut state, Input::Reply(Tag::Modal, Reply::Done("it waits".to_owned())));
        assert!(state.modals.is_empty() && state.change_set.is_empty());
    }
}

#[test]
fn a_limit_is_taken_out_and_a_refusal_keeps_the_draft() {
    let mut state = state_of(Role::Risk);
    let first = collect(&mut state, "max_position_weight", "0.12");
    let second = collect(&mut state, "max_order_notional", "40000");
    let again = collect(&mut state, "max_order_notional", "30000");
    assert_eq!(state.change_set, [first.clone(), again.clone()], "the same limit stands once");
    assert_ne!(second, again);
    press(&mut state, "B");
    update(&mut state, Input::Reply(Tag::Modal, whole(&[first.clone(), again.clone()])));
    let sent = requests(&press(&mut state, "Tab d"));
    assert_eq!(sent, [Request::PreviewLimits(vec![again.clone()])]);
    update(&mut state, Input::Reply(Tag::Modal, whole(std::slice::from_ref(&again))));
    press(&mut state, "Tab =why Enter");
    update(&mut state, Input::Reply(Tag::Modal, Reply::Failed("rita changed it".to_owned())));
    assert!(text(&mut state, 80, 24).contains("rita changed it"));
    assert_eq!(state.change_set, [again]);
    press(&mut state, "Esc");
    assert_eq!((state.modals.len(), state.change_set.len()), (0, 1));
}

/// A screen on which raj's set of two limits waits.
fn waiting(state: &mut UiState) {
    let mut screen = screen_of(Role::Risk);
    let limits = screen.limits.as_mut().unwrap();
    let mut row = limits.history[0].clone();
    row.set = Some("set-29".parse().unwrap());
    row.expires_at = None;
    limits.history.insert(0, LimitVersionRow { version: 29, ..row.clone() });
    limits.history.insert(0, LimitVersionRow { version: 30, ..row });
    update(state, Input::Screen(Arc::new(screen)));
}

#[test]
fn a_set_that_waits_is_one_row_and_is_approved_or_turned_down_as_a_whole() {
    let mut state = state_of(Role::Risk);
    waiting(&mut state);
    press(&mut state, ": =lver Enter");
    let shown = text(&mut state, 120, 36);
    assert_eq!(shown.matches("set-29").count(), 1, "{shown}");
    assert!(shown.contains("set-29: 2 limits"), "{shown}");
    let set = "set-29".parse().unwrap();
    let sent = requests(&press(&mut state, "B"));
    assert_eq!(sent, [Request::PreviewSet(set)]);
    update(&mut state, Input::Reply(Tag::Modal, submitted(&[], Some(30))));
    assert!(text(&mut state, 80, 24).contains("Asked by raj"));
    assert_eq!(requests(&press(&mut state, "Enter")), [Request::ApproveSet(set, Some(30))]);
    let again = requests(&update(&mut state, Input::Reply(Tag::Modal, Reply::Failed("not you".to_owned()))));
    assert_eq!(again, [Request::PreviewSet(set)]);
    update(&mut state, Input::Reply(Tag::Modal, submitted(&[], Some(30))));
    assert!(text(&mut state, 80, 24).contains("not you"), "the set is as it was shown");
    assert!(requests(&press(&mut state, "Down Enter")).is_empty(), "turning down needs a reason");
    let sent = requests(&press(&mut state, "=later Enter"));
    assert_eq!(sent, [Request::RejectSet(set, "later".into())]);
}

#[test]
fn a_set_in_force_is_taken_back_as_a_whole() {
    let mut state = state_of(Role::Risk);
    let mut screen = screen_of(Role::Risk);
    screen.limits.as_mut().unwrap().history[1].set = Some("set-27".parse().unwrap());
    update(&mut state, Input::Screen(Arc::new(screen)));
    press(&mut state, ": =revert Space =set-27 Enter");
    assert!(text(&mut state, 80, 24).contains("A second person must approve all of it."));
    assert_eq!(requests(&press(&mut state, "Enter")), [Request::RevertSet("set-27".parse().unwrap())]);
}

#[test]
fn a_version_that_is_not_there_is_said_and_nothing_is_asked() {
    let mut state = state_of(Role::Risk);
    press(&mut state, "4 : =revert Space =9999 Enter");
    assert!(text(&mut state, 80, 24).contains("No such version or change set"));
    assert!(requests(&press(&mut state, "Enter")).is_empty());
}

/// A limit as somebody else drafted it.
fn drafted(name: LimitName, working: WorkingOrders) -> LimitDraft {
    LimitDraft {
        name,
        scope: Scope::Firm,
        hard: Some("5".to_owned()),
        soft: None,
        reason: "test".into(),
        working,
        terms: LimitTerms::default(),
    }
}

#[test]
fn a_set_that_another_version_joined_is_shown_anew_before_it_is_approved() {
    let mut state = state_of(Role::Risk);
    waiting(&mut state);
    let set = "set-29".parse().unwrap();
    let old = drafted(LimitName::MaxOpenOrders, WorkingOrders::Keep);
    let joined = drafted(LimitName::MaxLeverage, WorkingOrders::Keep);
    press(&mut state, "B");
    update(&mut state, Input::Reply(Tag::Modal, submitted(std::slice::from_ref(&old), Some(30))));
    assert_eq!(requests(&press(&mut state, "Enter")), [Request::ApproveSet(set, Some(30))]);
    let refused = Reply::Failed("change set 'set-29' is approved as it was shown".to_owned());
    assert_eq!(requests(&update(&mut state, Input::Reply(Tag::Modal, refused))), [Request::PreviewSet(set)]);
    assert!(requests(&press(&mut state, "Enter")).is_empty(), "not before it is shown");
    update(&mut state, Input::Reply(Tag::Modal, submitted(&[old, joined], Some(31))));
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("max leverage") && shown.contains("Others joined since you looked:"), "{shown}");
    assert_eq!(requests(&press(&mut state, "Enter")), [Request::ApproveSet(set, Some(31))]);
}

#[test]
fn who_approves_sees_which_versions_cancel_working_orders() {
    let mut state = state_of(Role::Risk);
    waiting(&mut state);
    press(&mut state, "B");
    let names = [LimitName::MaxOpenOrders, LimitName::MaxLeverage, LimitName::MaxOrderQuantity];
    let working = [WorkingOrders::Keep, WorkingOrders::Cancel, WorkingOrders::Keep];
    let drafts: Vec<LimitDraft> = names.into_iter().zip(working).map(|(n, w)| drafted(n, w)).collect();
    update(&mut state, Input::Reply(Tag::Modal, submitted(&drafts, Some(30))));
    let shown = text(&mut state, 80, 24);
    let lines: Vec<&str> = shown.lines().collect();
    let row = lines.iter().position(|line| line.contains("max leverage")).unwrap();
    assert!(lines[row + 1].contains("cancels working orders over it"), "{shown}");
    assert!(lines[row + 2].contains("max order quantity"), "{shown}");
    assert_eq!(shown.matches("cancels working").count(), 1, "{shown}");
    assert!(
        shown.contains("1 of 3 cancel working orders"),
        "it is said also of what is out of sight: {shown}"
    );
    press(&mut state, "Esc");
    // A version by itself.
    let mut screen = screen_of(Role::Risk);
    let history = &mut screen.limits.as_mut().unwrap().history;
    let row = history.iter_mut().find(|v| v.status == VersionStatus::Proposed).unwrap();
    row.working = WorkingOrders::Cancel;
    let version = row.version;
    update(&mut state, Input::Screen(Arc::new(screen)));
    press(&mut state, ": =lver Enter");
    let others = |state: &UiState| state.selection() != RowKey::Version(version);
    for _ in 0..9 {
        if others(&state) {
            press(&mut state, "Down");
        }
    }
    press(&mut state, "A");
    let shown = text(&mut state, 80, 24);
    assert!(shown.contains("It cancels working orders over it."), "{shown}");
}
