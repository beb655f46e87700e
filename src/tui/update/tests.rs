//! What keys lead to, without a terminal: (before, keys, after).

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::domain::event::HaltMode;
use crate::domain::limit::{CheckOutcome, CheckRecord, Scope, WorkingOrders};
use crate::domain::{Money, OrderType, Quantity, RefusalCode, Role, Side};
use crate::service::desk::{Reply, Request, Ticket};
use crate::service::keys::Sealed;
use crate::service::trading::Size;
use crate::service::view::{Ownership, PreviewView, WhatIf};
use crate::tui::actions::{ACTIONS, ActionId};
use crate::tui::modal::pick::{PickForm, PickKind, Take};
use crate::tui::modal::{Modal, ticket};
use crate::tui::panes::PaneId;
use crate::tui::state::{Effect, Input, Tag, UiState};
use crate::tui::testing::{frame, press, screen_of, state_of};

use super::update;

mod brokers;
mod data;
mod exits;
mod names;
mod research;
mod sets;

fn requests(effects: &[Effect]) -> Vec<Request> {
    let sent = |e: &Effect| match e {
        Effect::Send(_, request) => Some(request.clone()),
        _ => None,
    };
    effects.iter().filter_map(sent).collect()
}

fn ticket_of(effects: &[Effect]) -> Ticket {
    let whatif = |r: Request| match r {
        Request::WhatIf(ticket) => Some(ticket),
        _ => None,
    };
    requests(effects).into_iter().rev().find_map(whatif).expect("no what-if was asked")
}

fn answer(code: Option<RefusalCode>, basis: (u32, u64)) -> Box<WhatIf> {
    Box::new(WhatIf {
        checks: vec![CheckRecord {
            code: RefusalCode::Concentration,
            limit: "max_position_weight".to_owned(),
            scope: Scope::Firm,
            now: "0.138".to_owned(),
            observed: "0.25".to_owned(),
            threshold: "0.15".to_owned(),
            outcome: if code.is_some() { CheckOutcome::Breach } else { CheckOutcome::Passed },
        }],
        code,
        reason: String::new(),
        needs_approval: false,
        largest: Some(Quantity::from_whole(12).unwrap()),
        reference: None,
        notional: Money::from_whole(27_999),
        fee: Money::from_whole(1),
        cash_before: Money::from_whole(158_626).unwrap(),
        cash_after: Money::from_whole(130_626),
        quantity: Quantity::from_whole(121).unwrap(),
        position_before: Quantity::from_whole(150).unwrap(),
        position_after: Quantity::from_whole(271).unwrap(),
        currency: crate::domain::Currency::USD,
        basis,
    })
}

fn shares(n: i64) -> Size {
    Size::Shares(Quantity::from_whole(n).unwrap())
}

fn whatif(state: &mut UiState, ticket: Ticket, code: Option<RefusalCode>) -> Vec<Effect> {
    update(state, Input::Reply(Tag::WhatIf, Reply::WhatIf(ticket, answer(code, (27, 900)))))
}

fn toast(state: &UiState) -> &str {
    state.toast.as_ref().map_or("", |t| t.text.as_str())
}

fn has_modal(state: &UiState, wanted: fn(&Modal) -> bool) -> bool {
    state.modals.last().is_some_and(wanted)
}

/// A trader's ticket for 121 shares whose what-if has been asked for.
fn trader_with_ticket() -> (UiState, Ticket) {
    let mut state = state_of(Role::Trader);
    let effects = press(&mut state, "b =121");
    let sent = ticket_of(&effects);
    // Only one question is under way; its answer releases the newest.
    let more = whatif(&mut state, sent, None);
    let ticket = ticket_of(&more);
    (state, ticket)
}

#[test]
fn a_ticket_asks_what_the_newest_draft_would_do_one_question_at_a_time() {
    let mut state = state_of(Role::Trader);
    let effects = press(&mut state, "b =121");
    let asked = requests(&effects).iter().filter(|r| matches!(r, Request::WhatIf(_))).count();
    assert_eq!(asked, 1, "one question at a time");
    let more = whatif(&mut state, ticket_of(&effects), None);
    let ticket = ticket_of(&more);
    assert_eq!((ticket.order.size, ticket.order.side), (shares(121), Side::Buy));
    assert_eq!(ticket.order.order_type, OrderType::Limit);
    assert!(ticket.order.limit_price.is_some(), "the limit starts at the touch");
}

#[test]
fn an_order_is_sent_only_after_its_review_and_with_its_basis() {
    let (mut state, ticket) = trader_with_ticket();
    let early = press(&mut state, "Enter");
    assert!(requests(&early).iter().all(|r| !matches!(r, Request::Submit { .. })), "not yet checked");
    whatif(&mut state, ticket.clone(), None);
    let review = press(&mut state, "Enter");
    assert!(requests(&review).is_empty(), "Enter only reviews");
    let sent = requests(&press(&mut state, "Enter"));
    assert_eq!(sent, [Request::Submit { ticket, basis: (27, 900) }]);
    assert!(requests(&press(&mut state, "Enter")).is_empty(), "never twice");
    update(&mut state, Input::Reply(Tag::Modal, Reply::Done("order 1043 works".to_owned())));
    assert!(state.modals.is_empty() && state.draft.is_none());
    assert_eq!(toast(&state), "order 1043 works");
}

#[test]
fn a_breach_blocks_the_review_and_u_uses_the_largest() {
    let (mut state, ticket) = trader_with_ticket();
    whatif(&mut state, ticket, Some(RefusalCode::Concentration));
    press(&mut state, "Enter");
    let Some(Modal::Ticket(form)) = state.modals.last() else { panic!("closed") };
    assert_eq!(form.stage, ticket::Stage::Edit);
    let smaller = ticket_of(&press(&mut state, "u"));
    assert_eq!(smaller.order.size, shares(12));
}

#[test]
fn a_change_since_the_review_is_shown_and_asked_about_again() {
    let (mut state, ticket) = trader_with_ticket();
    whatif(&mut state, ticket.clone(), None);
    press(&mut state, "Enter Enter");
    update(&mut state, Input::Reply(Tag::Modal, Reply::Changed(ticket.clone(), answer(None, (28, 901)))));
    let Some(Modal::Ticket(form)) = state.modals.last() else { panic!("closed") };
    assert_eq!(form.stage, ticket::Stage::Review);
    assert!(crate::tui::testing::text(&mut state, 120, 36).contains("limits version was 27, is 28"));
    let sent = requests(&press(&mut state, "Enter"));
    assert_eq!(sent, [Request::Submit { ticket, basis: (28, 901) }]);
}

#[test]
fn a_draft_survives_esc_and_is_asked_about_before_leaving() {
    let (mut state, _) = trader_with_ticket();
    press(&mut state, "Esc");
    assert!(state.modals.is_empty() && state.draft.is_some());
    let effects = press(&mut state, "q");
    assert!(!effects.iter().any(|e| matches!(e, Effect::Quit)));
    press(&mut state, "Esc b");
    let Some(Modal::Ticket(form)) = state.modals.last() else { panic!("no ticket") };
    assert_eq!(form.entry.quantity.text(), "121");
    let effects = press(&mut state, "Esc q Down Enter");
    assert!(effects.iter().any(|e| matches!(e, Effect::Quit)));
}

#[test]
fn q_leaves_at_once_without_a_draft_and_ctrl_c_needs_two() {
    let mut state = state_of(Role::Trader);
    assert!(matches!(press(&mut state, "q").as_slice(), [Effect::Quit]));
    assert!(press(&mut state, "Ctrl-C").is_empty());
    state.now_ms += 5_000;
    assert!(press(&mut state, "Ctrl-C").is_empty(), "too late for the second");
    assert!(matches!(press(&mut state, "Ctrl-C").as_slice(), [Effect::Quit]));
}

#[test]
fn one_key_and_enter_halt_and_resuming_wants_its_word() {
    let mut state = state_of(Role::Risk);
    let sent = requests(&press(&mut state, "H Enter"));
    assert_eq!(
        sent,
        [Request::Halt { scope: Scope::Firm, mode: HaltMode::Halted, cancel: false, reason: "".into() }]
    );
    let sent = requests(&press(&mut state, "H Down Enter"));
    assert_eq!(
        sent,
        [Request::Halt { scope: Scope::Firm, mode: HaltMode::Halted, cancel: true, reason: "".into() }]
    );
    let sent = requests(&press(&mut state, "H =quick,Space,=jk Enter".replace(',', " ").as_str()));
    let reason = "quick jk".into();
    assert_eq!(sent, [Request::Halt { scope: Scope::Firm, mode: HaltMode::Halted, cancel: false, reason }]);
    let halted = state.screen.limits.as_ref().unwrap().halts.first().expect("the fixture has a halt").scope;
    assert!(requests(&press(&mut state, "R Enter")).is_empty());
    assert!(requests(&press(&mut state, "=resum Enter")).is_empty());
    assert_eq!(requests(&press(&mut state, "=e Enter")), [Request::Resume(halted)]);
    press(&mut state, ": =flatten Enter");
    assert_eq!(requests(&press(&mut state, "Enter")), [], "the word is missing");
    let closed = Request::Flatten { scope: Scope::Firm, reason: "".into() };
    assert_eq!(requests(&press(&mut state, "=flatten Enter")), [closed]);
    assert_eq!(requests(&press(&mut state, ": =drill Enter")), [Request::Drill(Scope::Firm)]);
}

#[test]
fn an_amendment_is_shown_before_it_is_sent_and_sends_only_what_changed() {
    let mut state = state_of(Role::Trader);
    super::go_to_pane(&mut state, PaneId::Orders);
    let id = state.screen.orders.iter().find(|o| o.id.as_str() == "1042").unwrap().id;
    while !matches!(state.selection(), crate::tui::panes::RowKey::Order(_, found) if found == id) {
        let before = state.selection();
        press(&mut state, "Down");
        assert_ne!(before, state.selection(), "the order is in the table");
    }
    assert!(requests(&press(&mut state, "m Enter")).is_empty(), "nothing is changed yet");
    assert!(requests(&press(&mut state, "Tab Ctrl-U =199.5 Enter")).is_empty(), "Enter only reviews");
    let sent = requests(&press(&mut state, "Enter"));
    let limit_price = Some("199.5".parse().unwrap());
    let account = "desk".parse().unwrap();
    assert_eq!(sent, [Request::Amend { account, id, quantity: None, limit_price, trigger_price: None }]);
    update(&mut state, Input::Reply(Tag::Modal, Reply::Done("buy 50 GOOGL is accepted".to_owned())));
    assert!(state.modals.is_empty());
}

#[test]
fn cancelling_all_wants_the_count() {
    let mut state = state_of(Role::Trader);
    let count = state.working().count();
    assert!(count > 0, "the fixture has working orders");
    assert!(requests(&press(&mut state, "C =999 Enter")).is_empty());
    let keys = format!("Ctrl-U ={count} Enter");
    let sent = requests(&press(&mut state, &keys));
    assert!(matches!(sent.as_slice(), [Request::CancelAll { symbol: None, .. }]), "{sent:?}");
}

#[test]
fn a_cancel_asks_first() {
    let mut state = state_of(Role::Trader);
    super::go_to_pane(&mut state, PaneId::Orders);
    let working = state.screen.orders.iter().position(|o| !o.status.is_done()).unwrap();
    let id = state.screen.orders[working].id;
    while state.selection() != crate::tui::panes::RowKey::Order(state.screen.orders[working].account, id) {
        let before = state.selection();
        press(&mut state, "Down");
        assert_ne!(before, state.selection(), "the order is in the table");
    }
    assert!(requests(&press(&mut state, "c")).is_empty());
    let sent = requests(&press(&mut state, "Enter"));
    assert!(matches!(sent.as_slice(), [Request::Cancel { id: sent, .. }] if *sent == id));
}

#[test]
fn a_role_without_the_right_is_told_which_it_needs() {
    let mut state = state_of(Role::Trader);
    assert!(press(&mut state, "H").is_empty());
    assert_eq!(toast(&state), "halt: needs role risk or admin");
    assert!(state.modals.is_empty());
    let mut state = state_of(Role::Customer);
    press(&mut state, "x");
    assert_eq!(toast(&state), "explain: needs role trader or risk or admin");
}

#[test]
fn a_read_only_window_offers_no_trade() {
    let mut screen = screen_of(Role::Trader);
    screen.ownership = Ownership::ReadOnly("held by bob since 09:00".to_owned());
    let mut state = state_of(Role::Trader);
    update(&mut state, Input::Screen(Arc::new(screen)));
    for keys in ["b", "G", "C", "r", "."] {
        assert!(requests(&press(&mut state, keys)).is_empty(), "{keys}");
        assert!(state.modals.is_empty(), "{keys}");
        assert!(toast(&state).contains("held by bob"), "{keys}");
    }
}

#[test]
fn a_rebalance_is_a_dry_run_before_it_is_an_order() {
    let mut state = state_of(Role::Trader);
    assert_eq!(requests(&press(&mut state, "G")), [Request::Rebalance { dry_run: true }]);
    assert!(requests(&press(&mut state, "Enter")).is_empty(), "nothing to confirm yet");
    let row = crate::service::view::BasketRow {
        account: "desk".parse().unwrap(),
        id: "r-1".parse().unwrap(),
        symbol: "AAPL".parse().unwrap(),
        instrument: "AAPL.XNYS".parse().unwrap(),
        side: Side::Buy,
        quantity: Quantity::from_whole(10).unwrap(),
        price: None,
        notional: None,
        target_weight: crate::domain::Ratio::ZERO,
        decision: "would be accepted".to_owned(),
        code: None,
        limit: None,
        observed: None,
        threshold: None,
    };
    update(&mut state, Input::Reply(Tag::Modal, Reply::Basket(vec![row], true)));
    assert_eq!(requests(&press(&mut state, "Enter")), [Request::Rebalance { dry_run: false }]);
}

#[test]
fn a_limit_is_set_only_after_its_preview() {
    let mut state = state_of(Role::Risk);
    let text = ":,=limit,Space,=max_position_weight,Enter".replace(',', " ");
    press(&mut state, &text);
    let sent = requests(&press(&mut state, "=0.12 Tab Tab Tab Tab Tab =concentration Enter"));
    let [Request::PreviewLimit(draft)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((draft.hard.as_deref(), draft.working), (Some("0.12"), WorkingOrders::Keep));
    assert!(requests(&press(&mut state, "Enter")).is_empty(), "the preview is not there yet");
    let preview = PreviewView {
        name: draft.name,
        scope: draft.scope,
        current: Some("0.15".to_owned()),
        drafted: Some("0.12".to_owned()),
        working: draft.working,
        needs_approval: false,
        orders: Vec::new(),
        over: vec![("NVDA".to_owned(), "0.146".to_owned())],
        decisions: 212,
        would_refuse: 14,
        would_hold: 0,
        not_judged: 0,
        not_recorded: 0,
        orders_soft: Vec::new(),
        over_soft: Vec::new(),
        days: 20,
        looked_back_to: None,
        were_refused: 3,
    };
    update(&mut state, Input::Reply(Tag::Modal, Reply::Preview(Box::new(preview))));
    let text = crate::tui::testing::text(&mut state, 120, 36);
    assert!(text.contains("would have refused 14") && text.contains("NVDA: 14.6%"), "{text}");
    assert_eq!(requests(&press(&mut state, "Enter")), [Request::SetLimit(draft.clone())]);
}

#[test]
fn a_change_after_the_preview_asks_for_another() {
    let mut state = state_of(Role::Risk);
    press(&mut state, "e");
    let sent = requests(&press(&mut state, "Ctrl-U =1 Tab Tab Tab Tab Tab =why Enter"));
    let [Request::PreviewLimit(draft)] = sent.as_slice() else { panic!("{sent:?}") };
    let preview = PreviewView {
        name: draft.name,
        scope: draft.scope,
        current: None,
        drafted: None,
        working: draft.working,
        needs_approval: true,
        orders: Vec::new(),
        over: Vec::new(),
        decisions: 0,
        would_refuse: 0,
        would_hold: 0,
        not_judged: 0,
        not_recorded: 0,
        orders_soft: Vec::new(),
        over_soft: Vec::new(),
        days: 20,
        looked_back_to: None,
        were_refused: 0,
    };
    update(&mut state, Input::Reply(Tag::Modal, Reply::Preview(Box::new(preview))));
    let sent = requests(&press(&mut state, "=s Enter"));
    assert!(matches!(sent.as_slice(), [Request::PreviewLimit(_)]), "{sent:?}");
}

#[test]
fn a_command_line_fills_a_ticket_and_sends_nothing() {
    let mut state = state_of(Role::Trader);
    let symbol = state.screen.watchlist[1].symbol;
    let effects = press(&mut state, &format!(": ={symbol} Space =buy Space =50 Enter"));
    let ticket = ticket_of(&effects);
    assert_eq!((ticket.instrument.symbol, ticket.order.size), (symbol, shares(50)));
    assert!(requests(&effects).iter().all(|r| !matches!(r, Request::Submit { .. })));
}

#[test]
fn an_unknown_word_is_looked_for_among_the_names() {
    let mut state = state_of(Role::Trader);
    let effects = press(&mut state, ": =apple Enter");
    assert_eq!(requests(&effects), [Request::Find("apple".to_owned())]);
    assert!(has_modal(&state, |m| matches!(m, Modal::Pick(f) if f.kind == PickKind::Find(false))));
}

#[test]
fn a_name_with_its_exchange_is_of_that_one_in_every_way_people_write_it() {
    for (typed, meant) in [("bhp.ax", "BHP.XASX"), ("BHP.XASX", "BHP.XASX"), ("brk.b", "BRK.B.XNYS")] {
        let mut state = state_of(Role::Trader);
        let effects = press(&mut state, &format!(": =watch Space ={typed} Enter"));
        assert_eq!(requests(&effects), [Request::Watch(meant.parse().unwrap())], "{typed}");
    }
}

#[test]
fn a_mistyped_command_offers_what_it_was_probably_meant_to_be() {
    for (typed, meant) in [("filtre", "filter"), ("advnce", "advance"), ("acount 1", "account")] {
        let mut state = state_of(Role::Trader);
        press(&mut state, &format!(": ={} Enter", typed.replace(' ', " Space =")));
        let Some(Modal::Pick(form)) = state.modals.last() else { panic!("nothing is offered for {typed}") };
        let items = form.items(&state);
        assert_eq!(items.first().map(|item| item.name.as_str()), Some(meant), "{typed}");
    }
    let mut state = state_of(Role::Trader);
    press(&mut state, "Ctrl-P =fitler");
    let Some(Modal::Pick(form)) = state.modals.last() else { panic!("the palette is open") };
    assert_eq!(form.items(&state).first().map(|item| item.name.as_str()), Some("filter"));
}

#[test]
fn every_action_is_in_the_palette_and_runs_without_a_panic() {
    for role in Role::ALL {
        let mut state = state_of(role);
        let items = PickForm::new(PickKind::Palette).items(&state);
        for action in ACTIONS {
            let runs = |t: &Take| matches!(t, Take::Run(id, _) if *id == action.id);
            assert!(items.iter().any(|i| runs(&i.take)), "{}", action.name);
            super::perform::perform(&mut state, action.id, "", &mut Vec::new());
            state.modals.clear();
            state.prefix = false;
        }
    }
}

#[test]
fn typing_in_the_palette_finds_and_runs() {
    let mut state = state_of(Role::Trader);
    press(&mut state, "Ctrl-P =zoom Enter");
    assert!(state.zoom);
}

#[test]
fn g_and_a_letter_go_to_a_workspace() {
    let mut state = state_of(Role::Trader);
    press(&mut state, "g o");
    assert_eq!(state.current().unwrap().def.name, "orders");
    press(&mut state, "1");
    assert_eq!(state.workspace, 0);
    press(&mut state, "g y");
    assert!(toast(&state).contains("needs role admin"), "{}", toast(&state));
}

#[test]
fn a_filter_narrows_rows_and_esc_clears_it() {
    let mut state = state_of(Role::Trader);
    super::go_to_pane(&mut state, PaneId::Watchlist);
    let all = PaneId::Watchlist.def().rows(&state.view(PaneId::Watchlist)).unwrap().rows.len();
    let symbol = state.screen.watchlist[0].symbol;
    press(&mut state, &format!("/ ={symbol} Enter"));
    let some = PaneId::Watchlist.def().rows(&state.view(PaneId::Watchlist)).unwrap().rows.len();
    assert!(some < all && some > 0);
    press(&mut state, "Esc");
    assert_eq!(state.panes[&PaneId::Watchlist].filter, "");
}

#[test]
fn selecting_a_name_moves_the_chart_and_asks_one_at_a_time() {
    let mut state = state_of(Role::Trader);
    super::go_to_pane(&mut state, PaneId::Watchlist);
    let sent = requests(&press(&mut state, "Down Down Down"));
    assert_eq!(sent.len(), 1, "{sent:?}");
    let after = update(&mut state, Input::Reply(Tag::Quiet, Reply::Done(String::new())));
    let wanted = state.instrument().unwrap();
    assert_eq!(requests(&after), [Request::Focus(wanted)]);
}

#[test]
fn the_selection_stays_on_its_row_when_rows_move() {
    let mut state = state_of(Role::Trader);
    super::go_to_pane(&mut state, PaneId::Watchlist);
    press(&mut state, "Down Down");
    let before = state.selection();
    let mut screen = (*state.screen).clone();
    screen.watchlist.reverse();
    update(&mut state, Input::Screen(Arc::new(screen)));
    assert_eq!(state.selection(), before);
}

#[test]
fn a_locked_screen_takes_nothing_but_the_password() {
    let mut state = state_of(Role::Trader);
    press(&mut state, "Ctrl-K");
    assert!(press(&mut state, "=qbH").is_empty() && state.modals.is_empty(), "typed into the lock");
    let effects = press(&mut state, "Enter");
    let [Effect::Unlock(Some(password))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(password.expose_secret(), "qbH");
    update(&mut state, Input::Unlocked(Err("the password is wrong".to_owned())));
    assert!(state.lock.is_some());
    update(&mut state, Input::Unlocked(Ok(())));
    assert!(state.lock.is_none());
}

#[test]
fn a_full_queue_is_said_and_a_what_if_is_tried_again() {
    let mut state = state_of(Role::Trader);
    let effects = press(&mut state, "b =5");
    let ticket = ticket_of(&effects);
    update(&mut state, Input::Busy(Tag::WhatIf, Request::WhatIf(ticket)));
    state.now_ms += 1_000;
    let again = update(&mut state, Input::Tick);
    assert!(matches!(requests(&again).as_slice(), [Request::WhatIf(_)]));
    update(&mut state, Input::Busy(Tag::Said, Request::RunSignals));
    assert!(toast(&state).contains("try again"));
}

#[test]
fn a_click_focuses_selects_and_presses() {
    let mut state = state_of(Role::Trader);
    frame(&mut state, 120, 36);
    let hit = |state: &UiState, target| {
        let found = state.hits.iter().find(|(_, t)| *t == target).map(|(area, _)| (area.x, area.y));
        found.expect("it is on screen")
    };
    let (x, y) = hit(&state, crate::tui::state::Target::Row(PaneId::Watchlist, 2));
    update(&mut state, Input::Click(x, y));
    assert_eq!((state.pane(), state.panes[&PaneId::Watchlist].selected), (Some(PaneId::Watchlist), 2));
    let (x, y) = hit(&state, crate::tui::state::Target::Action(ActionId::Help));
    update(&mut state, Input::Click(x, y));
    assert!(has_modal(&state, |m| matches!(m, Modal::Pick(f) if f.kind == PickKind::Help)));
}

#[test]
fn a_toast_ends() {
    let mut state = state_of(Role::Trader);
    press(&mut state, "H");
    assert!(state.toast.is_some());
    state.now_ms += crate::tui::state::TOAST_MS;
    update(&mut state, Input::Tick);
    assert!(state.toast.is_none() && state.last.is_some());
}

#[test]
fn copying_takes_the_row_with_its_titles() {
    let mut state = state_of(Role::Trader);
    super::go_to_pane(&mut state, PaneId::Watchlist);
    let effects = press(&mut state, "y");
    let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains(state.screen.watchlist[0].symbol.as_str()));
}

#[test]
fn actions_and_panes_reach_a_role_exactly_as_the_matrix_says() {
    use crate::domain::role::Reach;
    use crate::tui::actions::{ACTIONS, Right};
    use crate::tui::workspace::workspaces_of;
    for role in Role::ALL {
        let state = state_of(role);
        for action in ACTIONS {
            if let Right::Needs(capability) = action.right {
                let may = role.reach(capability) != Reach::None;
                assert_eq!(state.forbidden(action.right).is_none(), may, "{role} {}", action.name);
            }
        }
        for workspace in workspaces_of(&state.screen) {
            for pane in &workspace.panes {
                let def = pane.def();
                assert_ne!(role.reach(def.capability), Reach::None, "{role} is shown {}", def.title);
            }
        }
    }
}

#[test]
fn a_sealed_vault_is_asked_about_once_in_data_and_its_passphrase_goes_only_to_the_service() {
    let mut screen = screen_of(Role::Trader);
    let mut health = screen.data_health.as_deref().cloned().unwrap();
    health.sealed = Some(Sealed::Vault);
    screen.data_health = Some(Arc::new(health));
    let mut state = state_of(Role::Trader);
    update(&mut state, Input::Screen(Arc::new(screen)));
    assert!(state.modals.is_empty(), "nothing is asked elsewhere");
    press(&mut state, "g a");
    assert!(has_modal(&state, |m| matches!(m, Modal::Passphrase(_))));
    press(&mut state, "Esc j");
    assert!(state.modals.is_empty(), "it is asked once");
    press(&mut state, "K =sesame");
    assert!(crate::tui::testing::text(&mut state, 120, 36).contains("passphrase of the vault"));
    assert!(!crate::tui::testing::text(&mut state, 120, 36).contains("sesame"));
    let sent = requests(&press(&mut state, "Enter"));
    let password = secrecy::SecretString::from("sesame".to_owned()).into();
    assert_eq!(sent, vec![Request::OpenVault(password)]);
    assert!(!format!("{sent:?}").contains("sesame") && state.modals.is_empty());
}
