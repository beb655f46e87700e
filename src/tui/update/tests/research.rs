//! The expression under the pen: typed, asked for after a pause, dropped when stale, used as column and screen.

use std::sync::Arc;

use super::*;
use crate::service::desk::ResearchWish;
use crate::service::view::{FormulaScreen, Research};
use crate::tui::lab::PAUSE_MS;
use crate::tui::panes::{RowKey, fixture};
use crate::tui::testing::text;

const TREND: &str = "$close/Mean($close,20)-1";

fn wishes(effects: &[Effect]) -> Vec<ResearchWish> {
    let wish = |r| match r {
        Request::Research(wish) => Some(wish),
        _ => None,
    };
    requests(effects).into_iter().filter_map(wish).collect()
}

/// Lets the pause pass.
fn wait(state: &mut UiState) -> Vec<Effect> {
    state.now_ms += PAUSE_MS;
    update(state, Input::Tick)
}

/// A trader who has typed this.
fn typing(text: &str) -> UiState {
    let mut state = state_of(Role::Trader);
    press(&mut state, "=");
    assert_eq!(state.pane(), Some(PaneId::Expression));
    for c in text.chars() {
        update(&mut state, Input::Key(crate::tui::keys::Key::char(c)));
    }
    state
}

/// The same, with its values.
fn valued(text: &str) -> UiState {
    let mut state = typing(text);
    let generation = wishes(&wait(&mut state))[0].generation;
    update(&mut state, Input::Research(Arc::new(fixture::research(text, generation))));
    state
}

#[test]
fn values_are_asked_for_once_after_the_last_key() {
    let mut state = typing(TREND);
    assert!(wishes(&update(&mut state, Input::Tick)).is_empty(), "not while keys come");
    let due = state.due_ms().expect("something waits");
    assert_eq!(due, state.now_ms + PAUSE_MS);
    let asked = wishes(&wait(&mut state));
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].formula.as_str(), asked[0].instrument), (TREND, state.focused));
    assert!(wishes(&wait(&mut state)).is_empty() && state.due_ms().is_none(), "nothing new, nothing asked");
}

#[test]
fn a_wrong_text_is_never_sent_and_its_values_are_marked_as_older() {
    let mut state = valued("$close");
    press(&mut state, "=/Maen(");
    assert!(wishes(&wait(&mut state)).is_empty());
    let frame = text(&mut state, 120, 36);
    assert!(frame.contains("^^^^") && frame.contains("did you mean Mean"), "{frame}");
    assert!(frame.contains("of the text before"), "{frame}");
}

#[test]
fn the_answer_to_an_older_text_is_dropped() {
    let mut state = valued("$close");
    press(&mut state, "=-1");
    let asked = wishes(&wait(&mut state)).remove(0);
    let older = fixture::research("$close", asked.generation - 1);
    update(&mut state, Input::Research(Arc::new(Research { names: 999, ..older })));
    assert_eq!(state.lab.research.as_ref().map(|r| r.names), Some(12), "the older answer changed nothing");
    update(&mut state, Input::Research(Arc::new(fixture::research("$close-1", asked.generation))));
    assert!(state.lab.is_fresh());
}

#[test]
fn tab_completes_a_word_and_shows_all_words_where_there_is_none() {
    let mut state = typing("$cl");
    press(&mut state, "Tab");
    assert_eq!(state.lab.text(), "$close");
    press(&mut state, "=/Mea Tab =$close,5)");
    assert_eq!(state.lab.text(), "$close/Mean($close,5)");
    press(&mut state, "=+ Tab");
    let offered = state.lab.popup.items.len();
    assert!(offered > 40, "only {offered}");
    press(&mut state, "Down Enter Esc Esc");
    assert_eq!(state.lab.text(), "$close/Mean($close,5)+$high");
    assert!(!state.is_typing());
}

#[test]
fn keys_are_letters_while_typing_and_actions_after_it() {
    let mut state = typing("q");
    assert_eq!(state.lab.text(), "q");
    press(&mut state, "Esc Esc");
    assert!(matches!(press(&mut state, "q").as_slice(), [.., Effect::Quit]));
}

#[test]
fn an_earlier_expression_comes_back() {
    let mut state = typing("$open");
    press(&mut state, "Enter = Ctrl-U =$high Enter = Up Up");
    assert_eq!(state.lab.text(), "$open");
    press(&mut state, "Down");
    assert_eq!(state.lab.text(), "$high");
}

#[test]
fn a_full_queue_is_asked_again() {
    let mut state = typing(TREND);
    let asked = wishes(&wait(&mut state)).remove(0);
    update(&mut state, Input::Busy(Tag::Research, Request::Research(asked.clone())));
    let again = wishes(&wait(&mut state)).remove(0);
    assert_eq!(again.formula, asked.formula);
    assert!(again.generation > asked.generation);
}

#[test]
fn best_names_come_into_view_and_the_focused_one_stands_in_the_footer() {
    let mut state = valued(TREND);
    press(&mut state, "Esc");
    let frame = text(&mut state, 120, 36);
    let row = frame.lines().find(|l| l.contains("1 NVDA") || l.contains("1  NVDA")).expect("the best name");
    assert!(row.contains("0.1180"), "{row}");
    assert!(frame.contains("AAPL 0.0410 #2"), "{frame}");
    super::super::go_to_pane(&mut state, PaneId::Values);
    assert_eq!(state.selection(), RowKey::Instrument("NVDA.XNYS".parse().unwrap()));
}

#[test]
fn a_factor_is_searched_and_put_under_the_pen() {
    let mut state = state_of(Role::Trader);
    let shown = press(&mut state, "g f");
    assert!(requests(&shown).contains(&Request::Factors), "{shown:?}");
    update(&mut state, Input::Reply(Tag::Research, Reply::Factors(fixture::lab().factors.clone(), None)));
    super::super::go_to_pane(&mut state, PaneId::Factors);
    press(&mut state, "/ =earnings Enter Enter");
    assert_eq!(state.lab.text(), "$eps/$close");
    assert_eq!(wishes(&wait(&mut state))[0].formula, "$eps/$close");
}

#[test]
fn an_expression_is_kept_under_a_name_that_is_asked_for() {
    let mut state = valued(TREND);
    press(&mut state, "Esc S =trend20");
    let sent = requests(&press(&mut state, "Enter"));
    assert_eq!(sent[0], Request::SaveFactor { name: "trend20".to_owned(), text: TREND.to_owned() });
    assert_eq!(sent[1], Request::Factors);
    let mut ahead = typing("Ref($close,-1)");
    let sent = press(&mut ahead, "Esc S");
    assert!(requests(&sent).is_empty() && toast(&ahead).contains("looks ahead"), "{}", toast(&ahead));
}

#[test]
fn an_own_factor_is_replaced_only_after_a_question() {
    let mut state = valued("$close");
    state.lab.factors.clone_from(&fixture::lab().factors);
    assert!(
        requests(&press(&mut state, "Esc S =trend20 Enter Enter")).is_empty(),
        "the safe answer stands first"
    );
    let sent = requests(&press(&mut state, "S =trend20 Enter Down Enter"));
    assert_eq!(sent[0], Request::SaveFactor { name: "trend20".to_owned(), text: "$close".to_owned() });
}

#[test]
fn a_column_that_cannot_be_answered_is_taken_away_and_says_why() {
    let mut state = valued(TREND);
    press(&mut state, "Esc v");
    let asked = wishes(&wait(&mut state)).remove(0);
    let mut research = fixture::research(TREND, asked.generation);
    research.column.as_mut().unwrap().problem = "needs $vwap".to_owned();
    update(&mut state, Input::Research(Arc::new(research)));
    assert_eq!((state.lab.column.as_deref(), toast(&state)), (None, "No column: needs $vwap"));
}

#[test]
fn v_makes_the_expression_a_column_and_takes_it_away() {
    let mut state = valued(TREND);
    press(&mut state, "Esc v");
    assert_eq!(wishes(&wait(&mut state))[0].column.as_deref(), Some(TREND));
    press(&mut state, "g d");
    let frame = text(&mut state, 120, 36);
    assert!(frame.contains("  FX"), "{frame}");
    press(&mut state, "g f v");
    assert_eq!(state.lab.column, None);
    assert_eq!(wishes(&wait(&mut state))[0].column, None);
}

#[test]
fn a_screen_hides_names_everywhere_until_it_is_lifted() {
    let text_of_screen = "$close > Mean($close,200)";
    let mut state = state_of(Role::Trader);
    press(&mut state, ": =screen");
    press(&mut state, &format!("Esc : ={}", "screen"));
    press(&mut state, "Esc");
    state.lab.load(text_of_screen, 0);
    press(&mut state, "F");
    let asked = wishes(&wait(&mut state)).remove(0);
    assert_eq!(asked.screen.as_deref(), Some(text_of_screen));
    let passing = ["AAPL.XNYS", "JPM.XNYS"].map(|i| i.parse().unwrap()).into();
    let screen =
        FormulaScreen { text: text_of_screen.to_owned(), passing, names: 12, problem: String::new() };
    let research = Research { screen: Some(screen), ..fixture::research(text_of_screen, asked.generation) };
    update(&mut state, Input::Research(Arc::new(research)));
    let shown = |state: &UiState, pane: PaneId| pane.def().rows(&state.view(pane)).unwrap().rows.len();
    assert_eq!((shown(&state, PaneId::Watchlist), shown(&state, PaneId::Values)), (2, 2));
    let frame = text(&mut state, 120, 36);
    assert!(frame.contains("screen 2 of 12"), "{frame}");
    press(&mut state, "F");
    assert_eq!(shown(&state, PaneId::Watchlist), 12);
}

#[test]
fn a_number_is_compared_before_it_screens() {
    let mut state = valued(TREND);
    press(&mut state, "Esc F");
    press(&mut state, "=0.02 Enter");
    assert_eq!(state.lab.screen.as_deref(), Some("$close/Mean($close,20)-1 > 0.02"));
}

#[test]
fn a_customer_has_no_way_to_an_expression() {
    let mut state = state_of(Role::Customer);
    assert!(state.workspaces.iter().all(|w| w.def.name != "research"));
    for keys in ["=", "v", "F", "O", "S", "g f", ": =formula Space =$close Enter", ": =fx Enter"] {
        let effects = press(&mut state, keys);
        assert!(requests(&effects).is_empty(), "{keys}: {effects:?}");
        assert!(!state.is_typing() && state.lab.text().is_empty(), "{keys}");
    }
    assert!(toast(&state).contains("needs role"), "{}", toast(&state));
}

#[test]
fn who_sees_signals_but_does_not_trade_types_but_saves_nothing() {
    let mut state = state_of(Role::Risk);
    press(&mut state, "= =$close");
    assert!(state.is_typing() && wishes(&wait(&mut state)).len() == 1);
    assert!(requests(&press(&mut state, "Esc Esc S")).is_empty());
    assert!(toast(&state).contains("needs role trader or admin"), "{}", toast(&state));
}

#[test]
fn a_click_elsewhere_ends_typing() {
    let mut state = typing("$close");
    text(&mut state, 120, 36);
    let (area, _) = *state
        .hits
        .iter()
        .find(|(_, t)| *t == crate::tui::state::Target::Pane(PaneId::Evidence))
        .expect("the pane is drawn");
    update(&mut state, Input::Click(area.x + 1, area.y + 1));
    assert_eq!((state.is_typing(), state.pane()), (false, Some(PaneId::Evidence)));
}
