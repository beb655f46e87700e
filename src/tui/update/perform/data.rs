//! Actions on data: starting and stopping a sync.

use crate::service::desk::Request;
use crate::tui::actions::ActionId;
use crate::tui::panes::PaneId;
use crate::tui::state::{Effect, Tone, UiState};
use crate::tui::update::go_to_pane;

use super::send;

/// Does one of them.
pub fn perform(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    match id {
        ActionId::SyncAll => begin(state, Vec::new(), out),
        ActionId::SyncStop if is_running(state) => send(out, Request::StopSync),
        ActionId::SyncStop => state.say(Tone::Bad, "No sync is running here."),
        _ => sync(state, args, out),
    }
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
