//! Actions on data: starting and stopping a sync.

use crate::service::desk::Request;
use crate::service::quality::Decision;
use crate::tui::actions::ActionId;
use crate::tui::modal::ask::{AskForm, Choice, Deed};
use crate::tui::panes::{PaneId, RowKey};
use crate::tui::state::{Effect, Tone, UiState};
use crate::tui::update::go_to_pane;

use super::{ask, send};

/// Does one of them.
pub fn perform(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    match id {
        ActionId::SyncAll => begin(state, Vec::new(), out),
        ActionId::SyncStop if is_running(state) => send(out, Request::StopSync),
        ActionId::SyncStop => state.say(Tone::Bad, "No sync is running here."),
        ActionId::Accept => accept(state),
        ActionId::Refetch => decide(state, Decision::Refetch, out),
        ActionId::Ignore => decide(state, Decision::Ignore, out),
        _ => sync(state, args, out),
    }
}

/// The selected row that was set aside.
fn selected(state: &mut UiState) -> Option<i64> {
    let id = match state.selection() {
        RowKey::SetAside(id) => Some(id),
        _ => None,
    };
    if id.is_none() {
        go_to_pane(state, PaneId::SetAside);
        state.say(Tone::Bad, "Select a row that was set aside first.");
    }
    id
}

fn decide(state: &mut UiState, decision: Decision, out: &mut Vec<Effect>) {
    if let Some(id) = selected(state) {
        send(out, Request::Decide(id, decision));
    }
}

fn accept(state: &mut UiState) {
    let Some(id) = selected(state) else { return };
    let health = state.screen.data_health.as_ref();
    let Some(row) = health.and_then(|h| h.set_aside.iter().find(|r| r.id == id)).cloned() else { return };
    let lines = vec![
        format!("{} of {} from {} was set aside: {}.", row.symbol, row.date, row.from, row.reason),
        format!("As read: {}", row.raw),
        "It is stored as it is; what is there for that day is revised and kept as a revision.".to_owned(),
    ];
    let choice = Choice::new("Store it", Deed::Send(Request::Decide(id, Decision::Accept)));
    let choices = vec![Choice::new("Leave it aside", Deed::Nothing), choice];
    ask(state, AskForm::new("Accept a row", lines, choices));
}

fn is_running(state: &UiState) -> bool {
    state.screen.data_health.as_ref().is_some_and(|h| h.sync.running)
}

fn sync(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let mut names: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
    if names.iter().any(|n| n.eq_ignore_ascii_case("all")) {
        return begin(state, Vec::new(), out);
    }
    if names.is_empty() {
        names.extend(state.instrument().map(|i| i.to_string()));
    }
    if names.is_empty() {
        return state.say(Tone::Bad, "Select a name first, or name some: 'sync AAPL BHP.AX'.");
    }
    begin(state, names, out);
}

fn begin(state: &mut UiState, names: Vec<String>, out: &mut Vec<Effect>) {
    if is_running(state) {
        return state.say(Tone::Bad, "A sync is running already; I stops it.");
    }
    if !state.current().is_some_and(|w| w.panes.contains(&PaneId::Sync)) {
        go_to_pane(state, PaneId::Sync);
    }
    send(out, Request::Sync(names));
}
