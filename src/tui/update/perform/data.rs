//! Actions on data: starting and stopping a sync, rows set aside, and opening the place of keys.

use crate::domain::vendor::{DataKind, SYNC_KINDS};
use crate::service::desk::Request;
use crate::service::keys::Sealed;
use crate::service::quality::Decision;
use crate::service::view::SetAside;
use crate::tui::actions::ActionId;
use crate::tui::field::SecretField;
use crate::tui::modal::Modal;
use crate::tui::modal::ask::{AskForm, Choice, Deed};
use crate::tui::panes::{PaneId, RowKey};
use crate::tui::state::{Effect, Tag, Tone, UiState};
use crate::tui::update::go_to_pane;

use super::{ask, send};

/// Why no other run begins.
const RUNNING: &str = "A sync is running already; I stops it.";

/// Does one of them.
pub fn perform(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    match id {
        ActionId::SyncAll => begin(state, DataKind::Daily, Vec::new(), out),
        ActionId::SyncOther => other(state),
        ActionId::SyncStop if is_running(state) => send(out, Request::StopSync),
        ActionId::SyncStop => state.say(Tone::Bad, "No sync is running here."),
        ActionId::Accept => accept(state),
        ActionId::Refetch => refetch(state, out),
        ActionId::Ignore => ignore(state),
        ActionId::OpenKeys => open_keys(state, out),
        _ => sync(state, args, out),
    }
}

fn open_keys(state: &mut UiState, out: &mut Vec<Effect>) {
    match state.screen.data_health.as_ref().and_then(|h| h.sealed) {
        Some(Sealed::Vault) => state.modals.push(Modal::Passphrase(SecretField::default())),
        Some(Sealed::Keyring) => send(out, Request::OpenKeyring),
        None => state.say(Tone::Good, "No place of keys waits to be opened."),
    }
}

/// The first look at the workspace with the vendors asks for the passphrase, when one is needed.
pub fn passphrase_due(state: &mut UiState) {
    let is_sealed = state.screen.data_health.as_ref().is_some_and(|h| h.sealed == Some(Sealed::Vault));
    let is_free = state.lock.is_none() && state.modals.is_empty() && !state.prefix;
    let is_here = || state.current().is_some_and(|w| w.panes.contains(&PaneId::Vendors));
    if is_sealed && is_free && !state.passphrase_asked && is_here() {
        state.passphrase_asked = true;
        state.modals.push(Modal::Passphrase(SecretField::default()));
    }
}

/// There are more rows set aside than are shown: what the pane is filtered by is looked for in all of them.
pub fn set_aside_due(state: &mut UiState, out: &mut Vec<Effect>) {
    let text = state.panes.get(&PaneId::SetAside).map_or("", |pane| pane.filter.as_str());
    if state.aside_told.as_deref() != Some(text) {
        let text = text.to_owned();
        state.aside_told = Some(text.clone());
        out.push(Effect::Send(Tag::Quiet, Request::FindSetAside(text)));
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

fn refetch(state: &mut UiState, out: &mut Vec<Effect>) {
    if let Some(id) = selected(state)
        && !is_no_session(state, id)
    {
        send(out, Request::Decide(id, Decision::Refetch));
    }
}

/// Says so where a row is of a day on which nothing is traded: it can be neither stored nor asked for.
fn is_no_session(state: &mut UiState, id: i64) -> bool {
    let Some(row) = set_aside(state, id).filter(|row| row.no_session) else { return false };
    let said = format!(
        "{} is no trading day of {}: there is nothing to store or to ask for. Press i to ignore the row, or correct the \
         date where it comes from.",
        row.date, row.symbol
    );
    state.say(Tone::Bad, said);
    true
}

fn set_aside(state: &UiState, id: i64) -> Option<SetAside> {
    let health = state.screen.data_health.as_ref()?;
    health.set_aside.iter().find(|row| row.id == id).cloned()
}

fn accept(state: &mut UiState) {
    if let RowKey::SetAside(id) = state.selection()
        && is_no_session(state, id)
    {
        return;
    }
    let effect = "It is stored as it is; what is there for that day is revised and kept as a revision.";
    decide(state, "Accept a row", effect, ("Store it", Decision::Accept));
}

fn ignore(state: &mut UiState) {
    let effect =
        "It is left out for good and shown no more; syncs do not ask for its day again because of it.";
    decide(state, "Ignore a row", effect, ("Leave it out", Decision::Ignore));
}

/// Asks before something is decided for good about the selected row.
fn decide(state: &mut UiState, title: &str, effect: &str, (label, decision): (&str, Decision)) {
    let Some(id) = selected(state) else { return };
    let Some(row) = set_aside(state, id) else { return };
    let lines = vec![
        format!("{} of {} from {} was set aside: {}.", row.symbol, row.date, row.from, row.reason),
        format!("As read: {}", row.raw),
        effect.to_owned(),
    ];
    let choice = Choice::new(label, Deed::Send(Request::Decide(id, decision)));
    ask(state, AskForm::new(title, lines, vec![Choice::new("Leave it aside", Deed::Nothing), choice]));
}

fn is_running(state: &UiState) -> bool {
    state.screen.data_health.as_ref().is_some_and(|h| h.sync.running)
}

/// `[KIND] [SYMBOL ...|UNIVERSE|all]` (`ALL` is a symbol): without names the selected one, of listings all exchanges.
fn sync(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let mut words = args.split_whitespace().peekable();
    let named = words.peek().and_then(|word| SYNC_KINDS.iter().find(|(kind, _)| kind == word));
    let kind = named.map_or(DataKind::Daily, |(_, kind)| *kind);
    let mut names: Vec<String> = words.skip(usize::from(named.is_some())).map(str::to_owned).collect();
    if names == ["all"] {
        return begin(state, kind, Vec::new(), out);
    }
    if names.is_empty() && kind != DataKind::Directory {
        names.extend(state.instrument().map(|i| i.to_string()));
        if names.is_empty() {
            return state.say(
                Tone::Bad,
                "Select a name first, or name some: 'sync AAPL BHP.AX', 'sync news watchlist'.",
            );
        }
    }
    begin(state, kind, names, out);
}

/// A kind by its word on the command line, and what it is where the word does not say it.
fn in_words(kind: DataKind) -> String {
    let word = kind.word();
    match kind {
        DataKind::Fundamentals => format!("{word}: figures of the company"),
        DataKind::Directory => format!("{word}: what its exchange lists"),
        _ => word.to_owned(),
    }
}

/// Asks what to fetch beside prices.
fn other(state: &mut UiState) {
    if is_running(state) {
        return state.say(Tone::Bad, RUNNING);
    }
    let name = state.instrument().map(|id| id.to_string());
    let of = name.clone().unwrap_or_else(|| "all that was synced before".to_owned());
    let lines = vec![
        format!("Of {of}; what a vendor has answered for lately is not asked again."),
        "Other names: ':sync news AAPL BHP.AX', ':sync fundamentals watchlist', ':sync news all'.".to_owned(),
    ];
    let names: Vec<String> = name.into_iter().collect();
    let others = SYNC_KINDS.iter().map(|(_, kind)| *kind).filter(|kind| *kind != DataKind::Daily);
    let send = |kind: DataKind| Deed::Send(Request::Sync(kind, names.clone()));
    let mut choices: Vec<Choice> = others.map(|kind| Choice::new(in_words(kind), send(kind))).collect();
    choices.push(Choice::new("nothing", Deed::Nothing));
    show_sync(state);
    ask(state, AskForm::new("Fetch what else?", lines, choices));
}

fn begin(state: &mut UiState, kind: DataKind, names: Vec<String>, out: &mut Vec<Effect>) {
    if is_running(state) {
        return state.say(Tone::Bad, RUNNING);
    }
    show_sync(state);
    send(out, Request::Sync(kind, names));
}

/// Goes to where it is seen how far a sync is.
fn show_sync(state: &mut UiState) {
    if state.single || !state.current().is_some_and(|w| w.panes.contains(&PaneId::Sync)) {
        go_to_pane(state, PaneId::Sync);
    }
}
