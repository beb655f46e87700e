//! Clicks and the wheel: they do what keys do, on what stands at a cell.

use ratatui::layout::Position;

use crate::tui::actions::ActionId;
use crate::tui::keys::{Code, Key};
use crate::tui::lab;
use crate::tui::modal;
use crate::tui::panes::PaneId;
use crate::tui::state::{Effect, Target, UiState};

use super::{follow, go_to_pane, perform};

fn target(state: &UiState, x: u16, y: u16) -> Option<Target> {
    let at = Position { x, y };
    state.hits.iter().rev().find(|(area, _)| area.contains(at)).map(|(_, target)| *target)
}

/// Takes a click.
pub fn click(state: &mut UiState, x: u16, y: u16, out: &mut Vec<Effect>) {
    let target = target(state, x, y);
    if let Some(modal::Modal::Expression) = state.modals.last() {
        if let Some(Target::ModalRow(row)) = target {
            state.lab.popup.selected = row;
            return state.lab.complete(state.now_ms);
        }
        if target == Some(Target::Pane(PaneId::Expression)) {
            return;
        }
        // Elsewhere: typing ends, and the click does what it does.
        state.modals.pop();
        lab::ended(state);
    }
    if !state.modals.is_empty() {
        match target {
            Some(Target::ModalRow(row)) => modal_row(state, row, out),
            Some(_) => {}
            None => {}
        }
        return;
    }
    match target {
        Some(Target::Workspace(at)) => {
            state.workspace = at.min(state.workspaces.len().saturating_sub(1));
            state.settle();
        }
        Some(Target::Pane(PaneId::Expression)) if state.pane() == Some(PaneId::Expression) => {
            perform::perform(state, ActionId::Formula, "", out);
        }
        Some(Target::Pane(pane)) => go_to_pane(state, pane),
        Some(Target::Row(pane, row)) => {
            go_to_pane(state, pane);
            state.pane_state(pane).selected = row;
            follow(state, out);
        }
        Some(Target::Action(id)) => perform::perform(state, id, "", out),
        Some(Target::ModalRow(_) | Target::Modal) | None => {}
    }
}

/// A click selects a row of the top window; a click on the selected row takes it, unless it wants a word typed.
fn modal_row(state: &mut UiState, row: usize, out: &mut Vec<Effect>) {
    let again = match state.modals.last_mut() {
        Some(modal::Modal::Pick(form)) => std::mem::replace(&mut form.selected, row) == row,
        Some(modal::Modal::Ask(form)) => {
            form.selected = row;
            false
        }
        _ => false,
    };
    if again {
        modal::key(state, Key::plain(Code::Enter), out);
    }
}

/// Takes the wheel: rows down, negative is up.
pub fn wheel(state: &mut UiState, rows: i16, x: u16, y: u16, out: &mut Vec<Effect>) {
    let code = if rows < 0 { Code::Up } else { Code::Down };
    if let Some(modal::Modal::Expression) = state.modals.last() {
        state.modals.pop();
        lab::ended(state);
    }
    if !state.modals.is_empty() {
        let scrolls = matches!(state.modals.last(), Some(modal::Modal::Pick(_) | modal::Modal::Basket(_)));
        for _ in 0..rows.unsigned_abs().min(if scrolls { 10 } else { 0 }) {
            modal::key(state, Key::plain(code), out);
        }
        return;
    }
    if let Some(Target::Pane(pane) | Target::Row(pane, _)) = target(state, x, y) {
        go_to_pane(state, pane);
        perform::move_by(state, isize::from(rows), out);
    }
}
