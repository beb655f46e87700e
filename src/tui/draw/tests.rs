//! Frames at every size: nothing panics, nothing weighty is left out.

use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::event::HaltMode;
use crate::domain::limit::Scope;
use crate::domain::{Role, UnixNanos};
use crate::service::view::{HaltRow, Mode, Ownership};
use crate::tui::entry::{Entry, EntryForm};
use crate::tui::state::{Input, Tone, UiState};
use crate::tui::testing::{press, screen_of, state_of, text, text_of};
use crate::tui::theme::Theme;
use crate::tui::update::update;

/// Keys that open every kind of window.
const WINDOWS: [&str; 14] = [
    "Tab",
    "b =12",
    "H",
    "C",
    "e",
    "Ctrl-P",
    "?",
    "n",
    "G",
    "Enter",
    "g",
    ": =buy",
    "= =$close/Me",
    "= Tab Down",
];

fn state_with(role: Role, workspace: usize, window: usize, ascii: bool) -> UiState {
    let mut state = state_of(role);
    state.theme = Theme::load(Theme::DEFAULT, ascii, ascii).unwrap();
    state.workspace = workspace % state.workspaces.len();
    press(&mut state, WINDOWS[window % WINDOWS.len()]);
    state
}

proptest! {
    #[test]
    fn no_size_panics(width in 1_u16..200, height in 1_u16..60, role in 0..4_usize, workspace in 0..10_usize, window in 0..WINDOWS.len(), ascii: bool) {
        let mut state = state_with(Role::ALL[role], workspace, window, ascii);
        let frame = text(&mut state, width, height);
        prop_assert_eq!(frame.lines().count(), usize::from(height));
        if ascii {
            // Names from data keep their letters; everything of ours is ASCII.
            prop_assert!(frame.chars().all(|c| c.is_ascii() || c.is_alphabetic() || c >= '\u{3000}'), "{}", frame);
        }
    }

    #[test]
    fn no_size_panics_before_the_login(width in 1_u16..200, height in 1_u16..60, kind in 0..3_usize) {
        let people = Role::ALL.map(|r| (r.demo_name().parse().unwrap(), r)).to_vec();
        let entry = [Entry::FirstRun, Entry::SignIn, Entry::Picker(people)][kind].clone();
        let form = EntryForm::new(entry, "the name or the password is wrong");
        let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, width, height));
        super::entry::draw_entry(&form, &Theme::load(Theme::DEFAULT, false, false).unwrap(), &mut buffer);
        prop_assert_eq!(text_of(&buffer).lines().count(), usize::from(height));
    }
}

/// Every workspace of every role at the sizes that matter.
fn each_frame(mut check: impl FnMut(Role, &'static str, (u16, u16), &str)) {
    for role in Role::ALL {
        for size in [(120, 36), (80, 24), (60, 16)] {
            let mut state = state_of(role);
            for workspace in 0..state.workspaces.len() {
                state.workspace = workspace;
                let frame = text(&mut state, size.0, size.1);
                check(role, state.workspaces[workspace].def.name, size, &frame);
            }
        }
    }
}

#[test]
fn every_frame_says_product_mode_place_and_where_help_is() {
    each_frame(|role, name, size, frame| {
        let place = format!("{role} {name} {size:?}\n{frame}");
        let top = frame.lines().next().unwrap();
        assert!(top.contains("QLIB PRO [PAPER]"), "{place}");
        assert!(top.contains('>') && top.contains('<'), "{place}");
        assert!(top.contains(role.as_str()), "{place}");
        let last = frame.lines().last().unwrap();
        assert!(last.contains(": command") && last.contains("? keys"), "{place}");
    });
}

#[test]
fn a_small_screen_says_what_it_needs() {
    let mut state = state_of(Role::Trader);
    let frame = text(&mut state, 59, 20);
    assert_eq!(frame.trim(), "needs 60x16, this is 59x20");
}

#[test]
fn simulated_prices_are_said_on_every_frame() {
    let mut screen = screen_of(Role::Customer);
    screen.mode = Mode::Simulated;
    screen.data.simulated = true;
    let mut state = state_of(Role::Customer);
    update(&mut state, Input::Screen(Arc::new(screen)));
    for size in [(120, 36), (80, 24), (60, 16)] {
        let frame = text(&mut state, size.0, size.1);
        assert!(frame.contains("[SIM]") && frame.contains("SIMULATED prices"), "{frame}");
    }
}

#[test]
fn a_halt_and_a_foreign_owner_are_banners_everywhere() {
    for role in Role::ALL {
        let mut screen = screen_of(role);
        screen.halted = vec![HaltRow {
            scope: Scope::Firm,
            mode: HaltMode::Halted,
            actor: "raj".to_owned(),
            since: UnixNanos::from_seconds(1_732_113_000),
            reason: "bad news".to_owned(),
        }];
        screen.ownership = Ownership::ReadOnly("bob trades here since 09:00".to_owned());
        let mut state = state_of(role);
        update(&mut state, Input::Screen(Arc::new(screen)));
        for workspace in 0..state.workspaces.len() {
            state.workspace = workspace;
            let frame = text(&mut state, 80, 24);
            assert!(frame.contains("HALTED firm: no new orders. By raj since"), "{frame}");
            assert!(frame.contains(". bad news."), "{frame}");
            assert!(frame.contains("READ ONLY: bob trades here since 09:00"), "{frame}");
        }
    }
}

#[test]
fn a_ticket_repeats_the_mode_on_its_double_edge() {
    let mut state = state_of(Role::Trader);
    press(&mut state, "b");
    let frame = text(&mut state, 80, 24);
    let edge = frame.lines().find(|l| l.contains('╔')).expect("a double edge");
    assert!(edge.contains("New order") && edge.contains("PAPER"), "{edge}");
    assert!(frame.contains("[BUY]") && frame.contains("type a quantity"), "{frame}");
}

#[test]
fn a_customer_sees_no_word_of_limits_or_ranks() {
    let mut state = state_of(Role::Customer);
    for workspace in 0..state.workspaces.len() {
        state.workspace = workspace;
        for pane in state.workspaces[workspace].panes.clone() {
            let right = pane.def().capability;
            assert!(state.screen.may(right), "{pane:?}");
        }
        let last = text(&mut state, 120, 36).lines().last().unwrap().to_owned();
        for word in ["limit", "explain", "halt", "run model"] {
            assert!(!last.contains(word), "{last}");
        }
    }
}

#[test]
fn a_locked_screen_shows_nothing_of_the_panes() {
    let mut state = state_of(Role::Trader);
    press(&mut state, "Ctrl-K =secret");
    let frame = text(&mut state, 120, 36);
    assert!(frame.contains("Locked") && frame.contains("••••••") && !frame.contains("secret"), "{frame}");
    assert!(!frame.contains("AAPL") && !frame.contains("desk"), "{frame}");
}

#[test]
fn a_long_message_is_whole_in_front_of_the_panes() {
    let mut state = state_of(Role::Trader);
    state.say(Tone::Bad, format!("starts here {} ends here", "and goes on ".repeat(12)));
    for size in [(120, 36), (80, 24)] {
        let frame = text(&mut state, size.0, size.1);
        assert!(frame.contains(" X starts here") && frame.contains("ends here"), "{frame}");
    }
}
