//! The line at the bottom: a command, a filter, or the value of a setting.
//!
//! `line := [symbol] verb argument*`. A line never sends an order: `AAPL buy 50` fills a ticket and stops there. A
//! word that is neither action nor workspace nor pane is looked for among the names.

use crate::service::desk::Request;
use crate::service::language::TEXT_MAX;
use crate::tui::actions::{ActionId, action_named};
use crate::tui::field::Field;
use crate::tui::keys::{Code, Key};
use crate::tui::panes::{PaneDef, PaneId};
use crate::tui::state::{Effect, Tag, UiState};
use crate::tui::update::perform::perform;

use super::pick::{PickForm, PickKind};
use super::{Modal, changed};

/// Longest line, in characters.
const LINE_MAX: usize = 120;

/// What the line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    /// A command.
    Command,
    /// Rows of this pane that contain the text.
    Filter(PaneId),
    /// Value of this setting.
    Setting(String),
    /// Name under which this expression is kept.
    SaveFactor(String),
    /// The expression that screens names.
    Screen,
}

/// A line being typed.
#[derive(Debug, Clone)]
pub struct LineForm {
    /// What it is for.
    pub kind: LineKind,
    /// What is typed.
    pub field: Field,
}

impl LineForm {
    /// A line that starts with `text`.
    pub fn new(kind: LineKind, text: &str) -> Self {
        let max = match kind {
            LineKind::Command | LineKind::Screen => TEXT_MAX,
            LineKind::Filter(_) | LineKind::Setting(_) | LineKind::SaveFactor(_) => LINE_MAX,
        };
        Self { kind, field: Field::with(max, text) }
    }

    /// What stands before the text.
    pub fn prompt(&self) -> String {
        match &self.kind {
            LineKind::Command => ":".to_owned(),
            LineKind::Filter(pane) => format!("filter {} /", pane.def().title),
            LineKind::Setting(key) => format!("{key} ="),
            LineKind::SaveFactor(_) => "save as factor, name:".to_owned(),
            LineKind::Screen => "screen:".to_owned(),
        }
    }
}

/// Takes a key; `None` closes the line.
pub fn key(mut form: LineForm, state: &mut UiState, key: Key, out: &mut Vec<Effect>) -> Option<LineForm> {
    match key.code {
        Code::Esc => {
            if let LineKind::Filter(pane) = form.kind {
                state.pane_state(pane).filter.clear();
                state.settle();
            }
            return None;
        }
        Code::Enter => {
            match form.kind {
                LineKind::Command => run(state, form.field.text(), out),
                LineKind::Setting(key) => {
                    let value = form.field.text().trim().to_owned();
                    out.push(Effect::Send(Tag::Said, Request::Setting { key, value }));
                }
                LineKind::SaveFactor(text) => {
                    let name = form.field.text().trim();
                    if !name.is_empty() {
                        crate::tui::update::perform::name_factor(state, name, text, out);
                    }
                }
                LineKind::Screen => perform(state, ActionId::Screen, form.field.text(), out),
                LineKind::Filter(_) => {}
            }
            return None;
        }
        Code::Tab if form.kind == LineKind::Command => complete(&mut form),
        Code::Backspace if form.field.text().is_empty() => return None,
        _ => {
            form.field.key(key);
        }
    }
    if let LineKind::Filter(pane) = form.kind {
        let text = form.field.text().to_owned();
        let place = state.pane_state(pane);
        place.filter = text;
        place.scroll = 0;
        state.settle();
    }
    Some(form)
}

fn complete(form: &mut LineForm) {
    let text = form.field.text().to_owned();
    let (before, word) = text.rsplit_once(' ').map_or(("", text.as_str()), |(b, w)| (b, w));
    let starts = |a: &&crate::tui::actions::ActionDef| !word.is_empty() && a.name.starts_with(word);
    if let Some(action) = crate::tui::actions::ACTIONS.iter().find(starts) {
        let space = if before.is_empty() { "" } else { " " };
        form.field.set(&format!("{before}{space}{} ", action.name));
    }
}

/// Runs a command line.
pub fn run(state: &mut UiState, line: &str, out: &mut Vec<Effect>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((first, rest)) = words.split_first() else { return };
    if let Some(action) = action_named(first) {
        return perform(state, action.id, &rest.join(" "), out);
    }
    if state.workspaces.iter().any(|w| w.def.name.eq_ignore_ascii_case(first)) {
        return perform(state, ActionId::Workspace, first, out);
    }
    if let Some((verb, arguments)) = rest.split_first() {
        if let Some(action) = action_named(verb) {
            let args = [&[*first], arguments].concat().join(" ");
            return perform(state, action.id, &args, out);
        }
    } else if let Some(pane) = PaneDef::by_code(first) {
        return crate::tui::update::go_to_pane(state, pane.id);
    }
    let mut form = PickForm::new(PickKind::Find(false));
    form.field.set(line.trim());
    state.modals.push(Modal::Pick(Box::new(form)));
    changed(state, out);
}
