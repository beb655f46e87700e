//! The one place where what the terminal keeps changes: an [`Input`] comes in, [`Effect`]s go out.
//!
//! Pure: no terminal, clock or channel is named here, so that sequences of keys are tested without any. A key goes
//! to the lock screen, then to the top window, then to the registry of actions.

mod mouse;
pub mod perform;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::domain::InstrumentId;
use crate::service::desk::{Reply, Request};
use crate::service::view::Screen;

use super::actions::{ActionId, action_of};
use super::entry::LockForm;
use super::keys::{Code, Key};
use super::lab;
use super::modal;
use super::panes::{PaneId, RowKey};
use super::state::{Effect, Input, Tag, Tone, UiState};

/// Takes one input.
pub fn update(state: &mut UiState, input: Input) -> Vec<Effect> {
    let mut out = Vec::new();
    match input {
        Input::Key(key) => take_key(state, key, &mut out),
        Input::Paste(text) => paste(state, &text, &mut out),
        Input::Click(x, y) if state.lock.is_none() => mouse::click(state, x, y, &mut out),
        Input::Wheel(rows, x, y) if state.lock.is_none() => mouse::wheel(state, rows, x, y, &mut out),
        Input::Click(..) | Input::Wheel(..) | Input::Resized => {}
        Input::Screen(screen) => take_screen(state, screen),
        Input::Research(research) => lab::take(state, research),
        Input::Reply(tag, reply) => take_reply(state, tag, reply, &mut out),
        Input::Busy(tag, request) => busy(state, tag, request),
        Input::Unlocked(answer) => unlocked(state, answer),
        Input::Lock => lock(state, &mut out),
        Input::Tick => tick(state, &mut out),
    }
    focus_due(state, &mut out);
    lab::due(state, &mut out);
    perform::passphrase_due(state);
    perform::set_aside_due(state, &mut out);
    out
}

fn take_key(state: &mut UiState, key: Key, out: &mut Vec<Effect>) {
    if key == Key::ctrl('c') {
        return interrupt(state, out);
    }
    state.quit_armed_ms = None;
    if key == Key::ctrl('l') {
        return out.push(Effect::Repaint);
    }
    if state.lock.is_some() {
        return lock_key(state, key, out);
    }
    if !state.modals.is_empty() {
        return modal::key(state, key, out);
    }
    if std::mem::take(&mut state.prefix) {
        return after_prefix(state, key, out);
    }
    let Some(action) = action_of(key) else { return };
    let digit = key.typed().filter(char::is_ascii_digit).map(String::from);
    perform::perform(state, action.id, &digit.unwrap_or_default(), out);
}

/// Ctrl-C: the second one within a moment leaves.
fn interrupt(state: &mut UiState, out: &mut Vec<Effect>) {
    let armed = state.quit_armed_ms.take();
    if armed.is_some_and(|at| state.now_ms.saturating_sub(at) <= super::state::QUIT_WINDOW_MS) {
        return out.push(Effect::Quit);
    }
    state.quit_armed_ms = Some(state.now_ms);
    state.say(Tone::Good, "Press Ctrl-C again to leave.");
}

fn after_prefix(state: &mut UiState, key: Key, out: &mut Vec<Effect>) {
    let Some(c) = key.typed() else { return };
    match super::workspace::WORKSPACES.iter().find(|w| w.key == c) {
        Some(def) => perform::perform(state, ActionId::Workspace, def.name, out),
        None => state.say(Tone::Bad, format!("g {c} leads nowhere; press g to see where it can lead")),
    }
}

fn lock_key(state: &mut UiState, key: Key, out: &mut Vec<Effect>) {
    let has_password = state.has_password;
    let Some(form) = state.lock.as_mut().filter(|f| !f.checking) else { return };
    match key.code {
        Code::Enter => {
            form.checking = true;
            form.message = "Checking...".to_owned();
            out.push(Effect::Unlock(has_password.then(|| form.password.take())));
        }
        Code::Esc => form.password.clear(),
        _ => {
            form.password.key(key);
        }
    }
}

fn lock(state: &mut UiState, out: &mut Vec<Effect>) {
    if state.lock.is_none() {
        state.lock = Some(LockForm::default());
        out.push(Effect::Lock);
    }
}

fn unlocked(state: &mut UiState, answer: Result<(), String>) {
    let Some(form) = state.lock.as_mut() else { return };
    match answer {
        Ok(()) => state.lock = None,
        Err(why) => {
            form.checking = false;
            form.message = why;
            form.password.clear();
        }
    }
}

fn paste(state: &mut UiState, text: &str, out: &mut Vec<Effect>) {
    match state.lock.as_mut() {
        Some(form) => form.password.paste(text),
        None => modal::paste(state, text, out),
    }
}

fn take_screen(state: &mut UiState, screen: Arc<Screen>) {
    let rights = state.screen.capabilities != screen.capabilities;
    let account = state.screen.account != screen.account;
    if screen.data.speed > 0 {
        state.speed = screen.data.speed;
    }
    state.screen = screen;
    if rights {
        state.workspaces = super::workspace::workspaces_of(&state.screen);
        state.workspace = state.workspace.min(state.workspaces.len().saturating_sub(1));
    }
    if account {
        state.panes.values_mut().for_each(|p| p.key = RowKey::None);
    }
    state.settle();
}

fn take_reply(state: &mut UiState, tag: Tag, reply: Reply, out: &mut Vec<Effect>) {
    if tag == Tag::Quiet {
        state.focusing.sent_ms = None;
    }
    if tag == Tag::Research {
        return lab::reply(state, reply);
    }
    let Some(reply) = modal::reply(state, tag, reply, out) else { return };
    match reply {
        Reply::Failed(text) => state.say(Tone::Bad, text),
        Reply::Done(text) if tag != Tag::Quiet && !text.is_empty() => state.say(Tone::Good, text),
        Reply::Changed(..) => {
            state.say(Tone::Bad, "The order was not sent: things changed since the review.");
        }
        Reply::Basket(rows, false) => state.say(Tone::Good, format!("{} orders in the basket.", rows.len())),
        _ => {}
    }
}

fn busy(state: &mut UiState, tag: Tag, request: Request) {
    modal::busy(state, tag);
    match (tag, request) {
        (Tag::Quiet, Request::Focus(instrument)) => {
            state.focusing = super::state::Latest { sent_ms: None, wanted: Some(instrument) };
        }
        (Tag::Quiet, Request::FindSetAside(_)) => state.aside_told = None,
        (Tag::Research, request) => lab::busy(state, &request),
        (Tag::Quiet | Tag::WhatIf, _) => {}
        (Tag::Said | Tag::Modal, _) => state.say(Tone::Bad, crate::service::desk::Busy.to_string()),
    }
}

fn tick(state: &mut UiState, out: &mut Vec<Effect>) {
    let now_ms = state.now_ms;
    if state.toast.as_ref().is_some_and(|t| now_ms >= t.until_ms) {
        state.toast = None;
    }
    modal::tick(state, out);
}

/// Shows an instrument in chart and quote.
pub fn focus_on(state: &mut UiState, instrument: InstrumentId, out: &mut Vec<Effect>) {
    if state.focused != Some(instrument) {
        state.focused = Some(instrument);
        state.focusing.wanted = Some(instrument);
        state.pane_state(PaneId::Chart).scroll = 0;
        lab::changed(state);
    }
    focus_due(state, out);
}

fn focus_due(state: &mut UiState, out: &mut Vec<Effect>) {
    if let Some(instrument) = state.focusing.due(state.now_ms) {
        out.push(Effect::Send(Tag::Quiet, Request::Focus(instrument)));
    }
}

/// Lets chart and quote follow the selected name.
pub fn follow(state: &mut UiState, out: &mut Vec<Effect>) {
    let Some(pane) = state.pane() else { return };
    let key = state.selection();
    state.pane_state(pane).key = key.clone();
    let follows = matches!(key, RowKey::Instrument(_));
    if let Some(instrument) = state.instrument().filter(|_| follows) {
        focus_on(state, instrument, out);
    }
}

/// Gives the keyboard to a pane, in this workspace or the first that has it.
pub fn go_to_pane(state: &mut UiState, pane: PaneId) {
    let here = state.workspace;
    let has = |i: &usize| state.workspaces.get(*i).is_some_and(|w| w.panes.contains(&pane));
    let order = std::iter::once(here).chain(0..state.workspaces.len());
    let Some(found) = order.into_iter().find(has) else {
        return state
            .say(Tone::Bad, format!("{} needs role {}", pane.def().title, pane.def().capability.roles()));
    };
    state.workspace = found;
    let place = state.workspaces.get(found).map(|w| (w.def.name, w.panes.iter().position(|p| *p == pane)));
    if let Some((name, Some(at))) = place {
        state.focus.insert(name, at);
    }
    state.settle();
}
