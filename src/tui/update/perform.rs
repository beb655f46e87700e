//! What each action does. Rights are asked first, then whether this process may trade, then it is done.
//!
//! An action that touches money or limits opens its window here; sending is the window's business.

use crate::domain::{Exchange, InstrumentId};
use crate::service::desk::{Request, Table};
use crate::tui::actions::{ActionDef, ActionId, Confirm};
use crate::tui::format;
use crate::tui::modal::ask::{AskForm, Choice, Deed};
use crate::tui::modal::line::{LineForm, LineKind};
use crate::tui::modal::pick::{PickForm, PickKind};
use crate::tui::modal::{Detail, Modal, changed};
use crate::tui::names;
use crate::tui::panes::{PaneId, RowKey};
use crate::tui::state::{Effect, Tag, Tone, UiState};

use super::{follow, go_to_pane};

mod data;
mod research;
mod risk;
mod trade;

pub use data::{passphrase_due, set_aside_due};
pub use research::{keep as keep_factor, name as name_factor};

/// Highest speed of the simulated clock.
const SPEED_MAX: u32 = 3_600;
/// Most sessions that one command plays.
const ADVANCE_MAX: u32 = 250;
/// Bars that the chart moves at once.
const CHART_STEP: usize = 5;

/// Does an action with what followed its name.
pub fn perform(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    let Some(def) = id.def() else { return };
    if let Some(why) = refusal(state, def) {
        return state.say(Tone::Bad, format!("{}: {why}", def.label));
    }
    match id {
        ActionId::Buy | ActionId::Sell => trade::ticket(state, id, args, out),
        ActionId::Discard => discard(state),
        ActionId::Amend => trade::amend(state),
        ActionId::Cancel => trade::cancel(state),
        ActionId::CancelAll => trade::cancel_all(state, args),
        ActionId::Rebalance => trade::rebalance(state, out),
        ActionId::Approve | ActionId::ChangeSet => risk::decide(state, id, args, out),
        ActionId::EditLimit => risk::edit_limit(state, args),
        ActionId::RevertLimit => risk::revert(state, args),
        ActionId::Halt => risk::halt(state, args),
        ActionId::Flatten => risk::flatten(state, args),
        ActionId::Drill => risk::drill(state, args, out),
        ActionId::Resume => risk::resume(state, args),
        ActionId::Adopt => risk::adopt(state, args),
        ActionId::RunSignals => begin(state, "Running the model...", Request::RunSignals, out),
        ActionId::Explain => explain(state, args, out),
        ActionId::Formula
        | ActionId::SaveFactor
        | ActionId::Column
        | ActionId::Screen
        | ActionId::Overlay => research::perform(state, id, args, out),
        ActionId::Open => open(state, out),
        ActionId::Watch | ActionId::Unwatch | ActionId::Find => names(state, id, args, out),
        ActionId::Account => account(state, args, out),
        ActionId::PlayPause | ActionId::Faster | ActionId::Slower => clock(state, id, out),
        ActionId::Advance => advance(state, args),
        ActionId::Older | ActionId::Newer => chart_by(state, id == ActionId::Older),
        ActionId::Sync
        | ActionId::SyncAll
        | ActionId::SyncStop
        | ActionId::SyncOther
        | ActionId::Accept
        | ActionId::Refetch
        | ActionId::Ignore
        | ActionId::OpenKeys => data::perform(state, id, args, out),
        ActionId::DisableUser => disable_user(state, args),
        ActionId::Set => set(state, args, out),
        ActionId::Verify => begin(state, "Proving the journal...", Request::VerifyAudit, out),
        ActionId::Export => export(state, args, out),
        ActionId::Copy => copy(state, out),
        ActionId::Notices => notices(state, out),
        ActionId::Workspace => workspace(state, args),
        ActionId::GoTo => state.prefix = true,
        ActionId::NextPane | ActionId::PreviousPane => next_pane(state, id == ActionId::PreviousPane),
        ActionId::Zoom => state.zoom = !state.zoom,
        ActionId::Filter => filter(state, args),
        ActionId::Up | ActionId::Down => move_by(state, if id == ActionId::Up { -1 } else { 1 }, out),
        ActionId::PageUp => move_by(state, -page(state), out),
        ActionId::PageDown => move_by(state, page(state), out),
        ActionId::First | ActionId::Last => {
            move_by(state, if id == ActionId::First { isize::MIN / 2 } else { isize::MAX / 2 }, out);
        }
        ActionId::Command => state.modals.push(line(LineKind::Command, "")),
        ActionId::Palette => state.modals.push(pick(PickKind::Palette, "")),
        ActionId::Help => state.modals.push(pick(PickKind::Help, args)),
        ActionId::Repaint => out.push(Effect::Repaint),
        ActionId::Lock => super::lock(state, out),
        ActionId::SignOut => leave(state, Deed::SignOut, out),
        ActionId::Back => back(state),
        ActionId::Quit => leave(state, Deed::Quit, out),
    }
}

/// Asks for something that takes a while, and says so.
fn begin(state: &mut UiState, text: &str, request: Request, out: &mut Vec<Effect>) {
    state.say(Tone::Good, text);
    send(out, request);
}

/// Why an action may not be done here and now.
fn refusal(state: &UiState, def: &ActionDef) -> Option<String> {
    if let Some(why) = state.forbidden(def.right) {
        return Some(why);
    }
    // People and prices are not the trades': a window that may only read those may change them.
    let others = matches!(def.id, ActionId::DisableUser | ActionId::Accept);
    let changes = (def.confirm != Confirm::None && !others) || def.id == ActionId::RunSignals;
    let holder = state.read_only().filter(|_| changes)?;
    Some(format!("this window may only read; {holder}"))
}

fn notices(state: &mut UiState, out: &mut Vec<Effect>) {
    state.modals.push(pick(PickKind::Notices, ""));
    if state.screen.unread > 0 {
        out.push(Effect::Send(Tag::Quiet, Request::ReadNotices));
    }
}

fn send(out: &mut Vec<Effect>, request: Request) {
    out.push(Effect::Send(Tag::Said, request));
}

fn ask(state: &mut UiState, form: AskForm) {
    state.modals.push(Modal::Ask(Box::new(form)));
}

fn line(kind: LineKind, text: &str) -> Modal {
    Modal::Line(Box::new(LineForm::new(kind, text)))
}

fn pick(kind: PickKind, text: &str) -> Modal {
    let mut form = PickForm::new(kind);
    form.field.set(text);
    Modal::Pick(Box::new(form))
}

fn page(state: &UiState) -> isize {
    isize::try_from(state.page.saturating_sub(1).max(1)).unwrap_or(1)
}

/// The first word as an instrument on the exchange of the current account, and the rest.
fn named(state: &UiState, args: &str) -> (Option<InstrumentId>, Vec<String>) {
    let mut words: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
    let Some(first) = words.first().filter(|w| w.starts_with(|c: char| c.is_ascii_alphabetic())) else {
        return (None, words);
    };
    let exchange = state.account().and_then(|a| a.exchange).or(state.focused.map(|f| f.exchange));
    let known = names::on_screen(state);
    let read = |text: &str, exchange| names::read(text, exchange, &known).ok();
    let parsed = match names::suffixed(first) {
        Some((code, exchange)) => read(code, exchange).map(|symbol| InstrumentId::new(symbol, exchange)),
        None => read(first, exchange.unwrap_or(Exchange::Xnys)).and_then(|symbol| {
            let known = state.screen.watchlist.iter().find(|w| w.symbol == symbol).map(|w| w.instrument);
            known.or_else(|| exchange.map(|exchange| InstrumentId::new(symbol, exchange)))
        }),
    };
    if parsed.is_some() {
        words.remove(0);
    }
    (parsed, words)
}

fn discard(state: &mut UiState) {
    let text = if state.draft.take().is_some() { "Draft thrown away." } else { "There is no draft." };
    state.say(Tone::Good, text);
}

fn explain(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    if let Some(instrument) = named(state, args).0.or_else(|| state.instrument()) {
        super::focus_on(state, instrument, out);
    }
    go_to_pane(state, PaneId::Explain);
}

fn open(state: &mut UiState, out: &mut Vec<Effect>) {
    if state.pane() == Some(PaneId::Expression) {
        return research::formula(state, "", out);
    }
    match state.selection() {
        RowKey::Instrument(instrument) => {
            super::focus_on(state, instrument, out);
            if state.current().is_some_and(|w| w.panes.contains(&PaneId::Chart)) {
                go_to_pane(state, PaneId::Chart);
            }
        }
        RowKey::Order(account, id) => {
            let found = state.screen.orders.iter().find(|o| o.id == id && o.account == account);
            if let Some(order) = found {
                let detail = trade::detail(state, order);
                state.modals.push(Modal::Detail(detail));
                out.push(Effect::Send(Tag::Quiet, Request::Route(account, id)));
            }
        }
        RowKey::Account(account) => send(out, Request::SelectAccount(account)),
        RowKey::Limit(..) => perform(state, ActionId::EditLimit, "", out),
        RowKey::Setting(key) => choose_setting(state, &key),
        RowKey::Factor(family, name) => research::load(state, &family, &name, out),
        RowKey::Notice(id) => {
            let found = state.screen.notices.iter().find(|n| n.id == id);
            let detail = found
                .map(|n| Detail::new(n.title.as_str(), vec![(n.level.as_str().to_owned(), n.text.clone())]));
            state.modals.extend(detail.map(Modal::Detail));
        }
        RowKey::Set(set) => perform(state, ActionId::ChangeSet, set.as_str(), out),
        RowKey::Breach(_)
        | RowKey::Version(_)
        | RowKey::Halt(_)
        | RowKey::Difference(..)
        | RowKey::User(_)
        | RowKey::Source(..)
        | RowKey::SetAside(_)
        | RowKey::None => {
            row_detail(state);
        }
    }
}

/// Shows every column of the selected row, those that do not fit included.
fn row_detail(state: &mut UiState) {
    let Some(id) = state.pane() else { return };
    let view = state.view(id);
    let detail = id.def().rows(&view).and_then(|table| {
        let row = table.rows.get(view.selected)?;
        let cells =
            table.columns.iter().zip(&row.cells).map(|(c, cell)| (c.title.clone(), cell.text.clone()));
        let note = row.detail.iter().map(|d| (String::new(), d.text.clone()));
        Some(Detail::new(id.def().title, cells.chain(note).collect()))
    });
    state.modals.extend(detail.map(Modal::Detail));
}

fn names(state: &mut UiState, id: ActionId, args: &str, out: &mut Vec<Effect>) {
    let typed = named(state, args).0;
    let watched = |state: &UiState, i| state.screen.watchlist.iter().any(|w| w.instrument == i);
    match id {
        ActionId::Watch => {
            let selected = match state.selection() {
                RowKey::Instrument(i) if !watched(state, i) => Some(i),
                _ => None,
            };
            match typed.or(selected) {
                Some(instrument) => send(out, Request::Watch(instrument)),
                None => state.modals.push(pick(PickKind::Find(true), "")),
            }
        }
        ActionId::Unwatch => match typed.or_else(|| state.instrument()).filter(|i| watched(state, *i)) {
            Some(instrument) => send(out, Request::Unwatch(instrument)),
            None => state.say(Tone::Bad, "Select a watched name first."),
        },
        _ => {
            state.modals.push(pick(PickKind::Find(false), args));
            changed(state, out);
        }
    }
}

fn account(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let name = args.trim();
    if !name.is_empty() {
        let found = state.screen.accounts.iter().find(|a| a.account.as_str() == name).map(|a| a.account);
        return match found {
            Some(id) => send(out, Request::SelectAccount(id)),
            None => state.say(Tone::Bad, format!("You have no account '{name}'; a shows those you have.")),
        };
    }
    let row = |a: &crate::service::view::Account| {
        let equity = a.equity.map_or_else(|| format::MISSING.to_owned(), format::money);
        let text = format!("{:<16} {:<10} {equity:>16} {}", a.account, a.kind.as_str(), a.currency);
        Choice::new(text, Deed::Send(Request::SelectAccount(a.account)))
    };
    let choices: Vec<Choice> = state.screen.accounts.iter().map(row).collect();
    if choices.is_empty() {
        return state.say(Tone::Bad, "You have no account; ask the admin to open one.");
    }
    let mut form = AskForm::new("Account", vec!["Panes and tickets speak of:".to_owned()], choices);
    let current = state.screen.account;
    form.selected = state.screen.accounts.iter().position(|a| Some(a.account) == current).unwrap_or(0);
    ask(state, form);
}

/// Starts, pauses or changes the simulated clock.
fn clock(state: &mut UiState, id: ActionId, out: &mut Vec<Effect>) {
    let now = state.screen.data.speed;
    let speed = match id {
        ActionId::Faster => now.max(1).saturating_mul(2),
        ActionId::Slower => (now / 2).max(1),
        _ if now == 0 => state.speed,
        _ => 0,
    };
    set_speed(state, speed, out);
}

fn set_speed(state: &mut UiState, speed: u32, out: &mut Vec<Effect>) {
    if !state.screen.data.simulated {
        return state.say(Tone::Bad, "Only the simulated market has a clock that can be set.");
    }
    send(out, Request::Speed(speed.min(SPEED_MAX)));
}

fn advance(state: &mut UiState, args: &str) {
    let sessions = args.trim().parse().unwrap_or(1_u32).clamp(1, ADVANCE_MAX);
    let what = if sessions == 1 { "the next session".to_owned() } else { format!("{sessions} sessions") };
    let lines = vec![
        format!("Market time moves through {what}; it cannot be moved back."),
        format!("{} working orders may fill.", state.working().count()),
    ];
    let choice = Choice::new(format!("Play {what}"), Deed::Send(Request::Advance(sessions)));
    ask(state, AskForm::new("Play market time", lines, vec![choice]).weighty());
}

fn chart_by(state: &mut UiState, older: bool) {
    let bars = state.screen.chart.as_ref().map_or(0, |c| c.bars.len());
    let place = state.pane_state(PaneId::Chart);
    place.scroll = if older {
        (place.scroll + CHART_STEP).min(bars.saturating_sub(1))
    } else {
        place.scroll.saturating_sub(CHART_STEP)
    };
}

fn disable_user(state: &mut UiState, args: &str) {
    let typed = args.trim().parse().ok();
    let selected = match state.selection() {
        RowKey::User(name) => Some(name),
        _ => None,
    };
    let Some(name) = typed.or(selected) else { return state.say(Tone::Bad, "Select a person first.") };
    if name == state.screen.user {
        return state.say(Tone::Bad, "You cannot disable yourself.");
    }
    let lines = vec![format!("{name} is logged out at once and cannot log in any more.")];
    let choice = Choice::new(format!("Disable {name}"), Deed::Send(Request::DisableUser(name)));
    ask(state, AskForm::new("Disable a login", lines, vec![choice.typed(name.as_str())]).weighty());
}

fn set(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    match args.trim().split_once(char::is_whitespace) {
        Some((key, value)) => {
            let (key, value) = (key.to_owned(), value.trim().to_owned());
            send(out, Request::Setting { key, value });
        }
        None if args.trim().is_empty() => go_to_pane(state, PaneId::Settings),
        None => choose_setting(state, args.trim()),
    }
}

fn choose_setting(state: &mut UiState, key: &str) {
    let Some(row) = state.screen.settings.iter().find(|s| s.key == key).cloned() else {
        return state.say(Tone::Bad, format!("There is no setting '{key}' that you may change."));
    };
    if row.choices.is_empty() {
        return state.modals.push(line(LineKind::Setting(row.key), &row.value));
    }
    let choice = |value: &String| {
        let mark = if *value == row.default { " (default)" } else { "" };
        let request = Request::Setting { key: row.key.clone(), value: value.clone() };
        Choice::new(format!("{value}{mark}"), Deed::Send(request))
    };
    let mut form = AskForm::new(&row.key, vec![row.doc.clone()], row.choices.iter().map(choice).collect());
    form.selected = row.choices.iter().position(|c| *c == row.value).unwrap_or(0);
    ask(state, form);
}

fn export(state: &mut UiState, args: &str, out: &mut Vec<Effect>) {
    let table = match state.pane() {
        Some(PaneId::Orders) => Table::Orders,
        Some(PaneId::History) => Table::Fills,
        Some(PaneId::Positions | PaneId::Allocation | PaneId::Summary) => Table::Positions,
        Some(PaneId::Signals | PaneId::Explain) => Table::Signals,
        Some(PaneId::Limits | PaneId::Versions) => Table::Limits,
        Some(PaneId::News) => Table::News,
        Some(PaneId::Breaches | PaneId::Log | PaneId::Halts) => Table::Audit,
        _ => {
            let text = "Export works on orders, history, positions, signals, limits, breaches and news.";
            return state.say(Tone::Bad, text);
        }
    };
    send(out, Request::Export { table, json: args.trim().eq_ignore_ascii_case("json") });
}

fn copy(state: &mut UiState, out: &mut Vec<Effect>) {
    let Some(id) = state.pane() else { return };
    let view = state.view(id);
    let text = id.def().rows(&view).and_then(|mut table| {
        let row = table.rows.get(view.selected).cloned()?;
        table.rows = vec![row];
        Some(table.to_tsv())
    });
    match text {
        Some(text) => {
            out.push(Effect::Copy(text));
            state.say(Tone::Good, "Row copied, with its column titles.");
        }
        None => state.say(Tone::Bad, "There is no row to copy here."),
    }
}

fn workspace(state: &mut UiState, args: &str) {
    let wanted = args.trim();
    let number = wanted.parse::<usize>().ok().map(|n| n.checked_sub(1).unwrap_or(9));
    let named = |w: &super::super::workspace::Workspace| w.def.name.eq_ignore_ascii_case(wanted);
    let found =
        number.filter(|n| *n < state.workspaces.len()).or_else(|| state.workspaces.iter().position(named));
    match found {
        Some(at) => {
            state.workspace = at;
            state.settle();
        }
        None => {
            let def =
                super::super::workspace::WORKSPACES.iter().find(|d| d.name.eq_ignore_ascii_case(wanted));
            let text = match def.filter(|d| !state.screen.may(d.needs)) {
                Some(d) => format!("{}: needs role {}", d.title, d.needs.roles()),
                None => format!("There is no workspace '{wanted}'."),
            };
            state.say(Tone::Bad, text);
        }
    }
}

fn next_pane(state: &mut UiState, back: bool) {
    let Some((name, count)) = state.current().map(|w| (w.def.name, w.panes.len().max(1))) else { return };
    let at = state.focus.get(name).copied().unwrap_or(0);
    let next = if back { at + count - 1 } else { at + 1 };
    state.focus.insert(name, next % count);
}

fn filter(state: &mut UiState, args: &str) {
    let Some(pane) = state.pane() else { return };
    if pane.def().table.is_none() {
        return state.say(Tone::Bad, format!("{} has no rows to filter.", pane.def().title));
    }
    if !args.is_empty() {
        state.pane_state(pane).filter = args.to_owned();
        return state.settle();
    }
    let text = state.pane_state(pane).filter.clone();
    state.modals.push(line(LineKind::Filter(pane), &text));
}

/// Moves the selection of the pane in front, or its window where it has no rows.
pub fn move_by(state: &mut UiState, rows: isize, out: &mut Vec<Effect>) {
    let Some(id) = state.pane() else { return };
    let count = id.def().rows(&state.view(id)).map(|t| t.rows.len());
    let place = state.pane_state(id);
    match count {
        Some(count) => {
            place.selected = place.selected.saturating_add_signed(rows).min(count.saturating_sub(1));
            follow(state, out);
        }
        None if id == PaneId::Chart => chart_by(state, rows < 0),
        None => place.scroll = place.scroll.saturating_add_signed(rows).min(usize::from(u16::MAX)),
    }
}

fn back(state: &mut UiState) {
    let Some(pane) = state.pane() else { return };
    if !state.pane_state(pane).filter.is_empty() {
        state.pane_state(pane).filter.clear();
        return state.settle();
    }
    if state.toast.take().is_none() {
        state.zoom = false;
    }
}

fn leave(state: &mut UiState, deed: Deed, out: &mut Vec<Effect>) {
    if !state.has_draft() {
        out.push(if matches!(deed, Deed::Quit) { Effect::Quit } else { Effect::SignOut });
        return;
    }
    let (title, verb) =
        if matches!(deed, Deed::Quit) { ("Leave?", "Leave") } else { ("Sign out?", "Sign out") };
    let lines = vec!["An order draft is still open; it is not sent and would be lost.".to_owned()];
    let choices =
        vec![Choice::new("Stay", Deed::Nothing), Choice::new(format!("{verb} and lose the draft"), deed)];
    ask(state, AskForm::new(title, lines, choices));
}
