//! What stands around the panes: who, where, which mode and how fresh above; what happened and what can be done
//! below; banners while trading is halted or this window may only read.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::OrderStatus;
use crate::domain::event::HaltMode;
use crate::domain::limit::VersionStatus;
use crate::service::view::{DifferenceRow, Mode};
use crate::tui::actions::{ACTIONS, ActionDef, ActionId, Context};
use crate::tui::format;
use crate::tui::modal::Modal;
use crate::tui::panes::{PaneId, RowKey};
use crate::tui::state::{Target, Tone, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::text::wrap;
use crate::tui::workspace::{WORKSPACES, WorkspaceDef};

use super::Drawn;
use super::entry::masked;
use super::frame::{Edge, Frame, window};

/// What stands before the passphrase.
const PASSPHRASE: &str = "passphrase of the vault of keys (Esc: later):";

/// Most rows of a message that is longer than the status row.
const TOAST_ROWS_MAX: usize = 4;

fn cells(text: &str) -> u16 {
    u16::try_from(format::width(text)).unwrap_or(u16::MAX)
}

/// The word and look of the mode.
pub fn mode(state: &UiState) -> (&'static str, Meaning) {
    let mode = state.screen.mode;
    let meaning = match mode {
        Mode::Simulated => Meaning::ModeSim,
        Mode::Paper => Meaning::ModePaper,
    };
    (mode.as_str(), meaning)
}

/// Draws all of it; returns the body that is left.
pub fn draw(state: &UiState, buf: &mut Buffer, drawn: &mut Drawn) -> Rect {
    let area = buf.area;
    let mut top = area.y;
    draw_top(state, Rect { height: 1, ..area }, buf, drawn);
    top += 1;
    for (text, meaning) in banners(state) {
        let row = Rect { y: top, height: 1, ..area };
        buf.set_style(row, state.theme.style(meaning));
        let text = format::truncate(&text, usize::from(area.width.saturating_sub(2)), state.theme.ascii);
        Pen::new(buf, row).put(1, 0, &text, state.theme.style(meaning));
        top += 1;
    }
    let bottom = area.bottom() - 2;
    let status = Rect { y: bottom, height: 1, ..area };
    let hints = Rect { y: bottom + 1, height: 1, ..area };
    let body = Rect { y: top, height: bottom - top, ..area };
    draw_status(state, status, buf);
    draw_hints(state, hints, buf, drawn);
    body
}

fn banners(state: &UiState) -> Vec<(String, Meaning)> {
    let mut rows = Vec::new();
    if let Some((first, more)) = state.screen.halted.split_first() {
        let what = match first.mode {
            HaltMode::Halted => "no new orders",
            HaltMode::Reducing => "only orders that reduce a position",
        };
        let since = format::LocalClock::of(&state.screen.data).minute(first.since);
        let others = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
        let why = if first.reason.is_empty() { String::new() } else { format!(" {}.", first.reason) };
        let text = format!("HALTED {}: {what}. By {} since {since}{others}.{why}", first.scope, first.actor);
        rows.push((text, Meaning::Halt));
    }
    if let Some(holder) = state.read_only() {
        rows.push((format!("READ ONLY: {holder}"), Meaning::Warn));
    }
    rows
}

fn draw_top(state: &UiState, row: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let chrome = theme.style(Meaning::Chrome);
    buf.set_style(row, chrome);
    let (word, meaning) = mode(state);
    let mut pen = Pen::new(buf, row);
    let mut x = pen.put(1, 0, "QLIB PRO ", theme.style(Meaning::Title));
    x = pen.put(x, 0, &format!("[{word}]"), theme.style(meaning)) + 1;
    let total =
        |parts: &[(String, Meaning)]| parts.iter().map(|(t, _)| cells(t)).fold(0, u16::saturating_add);
    let names = |full: Names| -> u16 {
        let wide =
            |(i, w): (usize, &crate::tui::workspace::Workspace)| cells(&label(state, i, w.def, full)) + 1;
        state.workspaces.iter().enumerate().map(wide).sum()
    };
    // First the account gives way, then whether the session is open, then the names.
    let choices = [
        (Names::Full, Detail::All),
        (Names::Full, Detail::Short),
        (Names::Full, Detail::Least),
        (Names::Short, Detail::Short),
        (Names::Short, Detail::Least),
        (Names::Numbers, Detail::All),
        (Names::Numbers, Detail::Short),
        (Names::Numbers, Detail::Least),
    ];
    let fits = |(full, detail): &(Names, Detail)| {
        let right = total(&top_right(state, *detail));
        x.saturating_add(names(*full)).saturating_add(right) <= row.width
    };
    let (full, detail) = choices.into_iter().find(fits).unwrap_or((Names::Numbers, Detail::Least));
    let right = top_right(state, detail);
    let right_width = total(&right);
    for (i, workspace) in state.workspaces.iter().enumerate() {
        let text = label(state, i, workspace.def, full);
        let front = i == state.workspace;
        let style = if front { theme.style(Meaning::Active) } else { chrome };
        let end = pen.put(x, 0, &text, style);
        drawn.hits.push((Rect { x: row.x + x, width: end - x, ..row }, Target::Workspace(i)));
        x = end + 1;
    }
    let mut at = row.width.saturating_sub(right_width).max(x);
    for (text, meaning) in right {
        at = pen.put(at, 0, &text, theme.style(meaning));
    }
}

/// Number and name of a workspace; the one in front keeps its name and is marked.
fn label(state: &UiState, i: usize, def: &WorkspaceDef, names: Names) -> String {
    let key = (i + 1) % 10;
    match (i == state.workspace, names) {
        (true, _) => format!(">{key} {}<", def.title),
        (false, Names::Full) => format!("{key} {}", def.title),
        (false, Names::Short) => format!("{key} {}", def.short),
        (false, Names::Numbers) => key.to_string(),
    }
}

/// How much stands of the names of workspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// All of them.
    Full,
    /// In fewer letters.
    Short,
    /// Only numbers, but for the one in front.
    Numbers,
}

/// How much stands at the right of the top row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Person, account, role, time, session.
    All,
    /// Person, role, time, session.
    Short,
    /// Person, role, time.
    Least,
}

fn top_right(state: &UiState, detail: Detail) -> Vec<(String, Meaning)> {
    let screen = &state.screen;
    let role = screen.role.as_str();
    let who = match screen.account.filter(|_| detail == Detail::All) {
        Some(account) => format!("{}@{account}/{role} ", screen.user),
        None => format!("{}/{role} ", screen.user),
    };
    let clock = &screen.data.market_clock;
    let short = clock.split_whitespace().nth(1).unwrap_or(clock);
    let mut parts = vec![(who, Meaning::Chrome), (short.to_owned(), Meaning::Chrome)];
    if detail != Detail::Least {
        let (word, meaning) =
            if screen.data.session_open { (" open", Meaning::Good) } else { (" closed", Meaning::Muted) };
        parts.push((word.to_owned(), meaning));
    }
    let unread = if screen.unread > 0 { format!(" !{} ", screen.unread) } else { " ".to_owned() };
    parts.push((unread, Meaning::Warn));
    parts
}

/// Names of the panes of the workspace, where only one of them is shown.
pub fn draw_strip(state: &UiState, row: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let front = state.pane();
    let mut x = 1;
    for pane in state.current().map(|w| w.panes.as_slice()).unwrap_or_default() {
        let def = pane.def();
        let active = front == Some(*pane);
        let text = if active { format!("[{}]", def.title) } else { format!(" {} ", def.title) };
        let style = theme.style(if active { Meaning::Title } else { Meaning::Muted });
        let end = Pen::new(buf, row).put(x, 0, &text, style);
        drawn.hits.push((Rect { x: row.x + x, width: end.saturating_sub(x), ..row }, Target::Pane(*pane)));
        x = end + 1;
    }
}

fn draw_status(state: &UiState, row: Rect, buf: &mut Buffer) {
    let theme = &state.theme;
    let chrome = theme.style(Meaning::Chrome);
    buf.set_style(row, chrome);
    if let Some((lines, meaning)) = toast_lines(state, row) {
        // A longer one is drawn over the body, by `draw_toast`.
        if let [line] = lines.as_slice() {
            Pen::new(buf, row).put(1, 0, line, theme.style(meaning));
        }
        return;
    }
    let data = &state.screen.data;
    let working = state.working().count();
    let mut parts: Vec<(String, Meaning)> = Vec::new();
    if data.simulated {
        let clock = match data.speed {
            0 => "clock paused".to_owned(),
            speed => format!("clock {speed}x"),
        };
        parts.push((format!("SIMULATED prices, {clock}"), Meaning::Simulated));
    }
    let differs = state.screen.differences.as_ref().map(|d| d.rows.as_slice()).unwrap_or_default();
    if let Some(first) = differs.first() {
        let one = differs.iter().all(|d| d.account == first.account);
        let of = if one { first.account.to_string() } else { "brokers".to_owned() };
        let what = if differs.len() == 1 { "difference" } else { "differences" };
        parts.push((format!("X {} {what} with {of} (:RECO)", differs.len()), Meaning::Breach));
    }
    if let Some(sync) = state.screen.data_health.as_ref().map(|h| &h.sync).filter(|s| s.running) {
        parts.push((format!("sync {}/{}", sync.done, sync.total), Meaning::Own));
    }
    // What the first part has just said is not said again.
    let text = data.text.strip_prefix("SIMULATED prices, ").filter(|_| data.simulated).unwrap_or(&data.text);
    parts.push((text.to_owned(), if data.warning { Meaning::Warn } else { Meaning::Chrome }));
    parts.push((format!("{working} working"), Meaning::Chrome));
    if state.draft.is_some() {
        parts.push(("draft kept".to_owned(), Meaning::Own));
    }
    let notice = state.screen.notices.first().map(|n| format!("{}: {}", n.title, n.text));
    if let Some(text) = state.last.as_ref().map(|(text, _)| text.clone()).or(notice) {
        parts.push((format!("last: {text}"), Meaning::Muted));
    }
    let mut pen = Pen::new(buf, row);
    let mut x = 1;
    for (i, (text, meaning)) in parts.iter().enumerate() {
        if i > 0 {
            x = pen.put(x, 0, " | ", theme.style(Meaning::Muted));
        }
        let room = usize::from(row.width.saturating_sub(x + 1));
        x = pen.put(x, 0, &format::truncate(text, room, theme.ascii), theme.style(*meaning));
    }
}

/// The message of the moment, broken to the width of the status row.
fn toast_lines(state: &UiState, row: Rect) -> Option<(Vec<String>, Meaning)> {
    let toast = state.toast.as_ref()?;
    let good = toast.tone == Tone::Good;
    let meaning = if good { Meaning::Good } else { Meaning::Breach };
    let text = format!("{}{}", if good { "" } else { "X " }, toast.text);
    Some((wrap(&text, usize::from(row.width.saturating_sub(2))), meaning))
}

/// A message that one row does not hold covers the status row and the last rows of the body; drawn after both.
pub fn draw_toast(state: &UiState, body: Rect, buf: &mut Buffer) {
    let row = Rect { y: body.bottom(), height: 1, ..body };
    let Some((lines, meaning)) = toast_lines(state, row).filter(|(lines, _)| lines.len() > 1) else { return };
    let shown = lines.iter().take(TOAST_ROWS_MAX);
    let count = u16::try_from(shown.len()).unwrap_or(1);
    let top = (row.y + 1).saturating_sub(count).max(body.y);
    for (y, line) in (top..).zip(shown) {
        let place = Rect { y, height: 1, ..row };
        let padded = format::pad_right(&format!(" {line}"), usize::from(row.width), state.theme.ascii);
        Pen::new(buf, place).put(0, 0, &padded, state.theme.style(meaning));
    }
}

/// Whether an action would do something here: the right is there, and what it is about.
fn works(state: &UiState, action: &ActionDef) -> bool {
    let simulated = state.screen.data.simulated;
    let is_syncing = || state.screen.data_health.as_ref().is_some_and(|health| health.sync.running);
    let here = match action.id {
        ActionId::PlayPause => simulated,
        ActionId::Advance => !simulated,
        ActionId::SyncStop => is_syncing(),
        ActionId::Accept | ActionId::Refetch | ActionId::Ignore => state.pane() == Some(PaneId::SetAside),
        ActionId::Approve => can_approve(state),
        ActionId::Adopt => difference(state).is_some_and(|d| d.quantity.is_some()),
        ActionId::Resume => {
            !state.screen.limits.as_ref().map_or(&state.screen.halted, |l| &l.halts).is_empty()
        }
        // Tickets and watchlists begin with a name; their keys work here too and are not what one comes for.
        ActionId::Buy | ActionId::Sell | ActionId::Watch | ActionId::Explain => {
            !matches!(context(state), Context::Limits | Context::Brokers)
        }
        _ => true,
    };
    here && state.forbidden(action.right).is_none()
}

fn context(state: &UiState) -> Context {
    state.pane().map_or(Context::Global, Context::of)
}

/// The selected difference with a broker.
fn difference(state: &UiState) -> Option<&DifferenceRow> {
    let RowKey::Difference(account, text) = state.selection() else { return None };
    let rows = &state.screen.differences.as_ref()?.rows;
    rows.iter().find(|d| d.account == account && d.difference == text)
}

/// Whether the selected row waits for a second person, or a risk event for somebody to look at it.
fn can_approve(state: &UiState) -> bool {
    let limits = state.screen.limits.as_ref();
    match state.selection() {
        RowKey::Order(_, id) => {
            state.screen.orders.iter().any(|o| o.id == id && o.status == OrderStatus::PendingApproval)
        }
        RowKey::Set(_) => true,
        RowKey::Version(version) => limits.is_some_and(|l| {
            l.history.iter().any(|v| v.version == version && v.status == VersionStatus::Proposed)
        }),
        RowKey::Limit(name, scope) => limits.is_some_and(|l| {
            l.limits.iter().any(|l| (l.name, l.scope) == (name, scope) && l.proposed.is_some())
        }),
        RowKey::Difference(..) => {
            difference(state).is_some_and(|d| d.asked_by.is_some_and(|by| by != state.screen.user))
        }
        RowKey::Breach(event) => {
            let mut breaches = state.screen.breaches.iter().flatten();
            breaches.any(|b| b.event == event && b.ack_by.is_none())
        }
        _ => false,
    }
}

/// Actions worth a hint here, the most important first.
pub fn hints(state: &UiState) -> Vec<&'static ActionDef> {
    let context = context(state);
    let here = |a: &&ActionDef| a.context == context || a.context == Context::Global;
    let mut rows: Vec<&ActionDef> =
        ACTIONS.iter().filter(|a| a.hint > 0 && here(a) && works(state, a)).collect();
    rows.sort_by_key(|a| (a.context == Context::Global, a.hint));
    if context == Context::Instrument {
        rows.sort_by_key(|a| a.hint);
    }
    if state.pane() == Some(PaneId::SetAside) {
        // What is done with a row, and how others are found, before what is done in all panes of data.
        let own = |a: &ActionDef| {
            matches!(a.id, ActionId::Accept | ActionId::Refetch | ActionId::Ignore | ActionId::Filter)
        };
        rows.sort_by_key(|a| !own(a));
    }
    rows
}

fn draw_hints(state: &UiState, row: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    buf.set_style(row, theme.style(Meaning::Chrome));
    if let Some(modal) = state.modals.last() {
        return draw_modal_hints(state, modal, row, buf, drawn);
    }
    // Help and command are always there, at the right edge.
    let always = [ActionId::Command, ActionId::Help];
    let tail: Vec<&ActionDef> = always.iter().filter_map(|id| id.def()).collect();
    let tail_width: u16 = tail.iter().map(|a| cells(a.key_text()) + cells(a.label) + 3).sum();
    let mut x = 1;
    for action in hints(state).into_iter().filter(|a| !always.contains(&a.id)) {
        let need = cells(action.key_text()) + cells(hint_word(state, action)) + 3;
        if x + need + tail_width > row.width {
            break;
        }
        x = put_hint(state, action, x, row, buf, drawn);
    }
    for action in tail {
        x = put_hint(state, action, x, row, buf, drawn);
    }
}

/// Word of an action in the hint row: what its key does to the selected row.
fn hint_word(state: &UiState, action: &ActionDef) -> &'static str {
    match (action.id, state.selection()) {
        (ActionId::Approve, RowKey::Breach(_)) => "acknowledge",
        _ => action.label,
    }
}

fn put_hint(
    state: &UiState,
    action: &ActionDef,
    x: u16,
    row: Rect,
    buf: &mut Buffer,
    drawn: &mut Drawn,
) -> u16 {
    let theme = &state.theme;
    let mut pen = Pen::new(buf, row);
    let at = pen.put(x, 0, action.key_text(), theme.style(Meaning::Key));
    let end = pen.put(at + 1, 0, hint_word(state, action), theme.style(Meaning::Chrome));
    drawn.hits.push((Rect { x: row.x + x, width: end.saturating_sub(x), ..row }, Target::Action(action.id)));
    end + 2
}

fn draw_modal_hints(state: &UiState, modal: &Modal, row: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let typed = match modal {
        Modal::Line(form) => Some((form.prompt(), form.field.text().to_owned(), form.field.cursor())),
        Modal::Passphrase(field) => Some((PASSPHRASE.to_owned(), masked(field, theme), field.len())),
        _ => None,
    };
    if let Some((prompt, text, cursor)) = typed {
        let mut pen = Pen::new(buf, row);
        let at = pen.put(0, 0, &format!(" {prompt} "), theme.style(Meaning::Key));
        pen.put(at, 0, &text, theme.style(Meaning::Text));
        let cursor = at.saturating_add(u16::try_from(cursor).unwrap_or(0));
        drawn.cursor = Some(ratatui::layout::Position { x: cursor.min(row.right() - 1), y: row.y });
        return;
    }
    let mut x = 1;
    for (key, label) in super::modal::hints(modal) {
        let mut pen = Pen::new(buf, row);
        if x + cells(key) + cells(label) + 1 > row.width {
            break;
        }
        let at = pen.put(x, 0, key, theme.style(Meaning::Key));
        x = pen.put(at + 1, 0, label, theme.style(Meaning::Chrome)) + 2;
    }
}

/// The strip that says where a second key after `g` leads.
pub fn draw_where_to(state: &UiState, body: Rect, buf: &mut Buffer) {
    let theme = &state.theme;
    let mut open = Vec::new();
    let mut closed = Vec::new();
    for def in WORKSPACES {
        if state.workspaces.iter().any(|w| w.def.name == def.name) {
            open.push(format!("{} {}", def.key, def.title));
        } else if !state.screen.may(def.needs) {
            closed.push(format!("{} {} ({})", def.key, def.title, def.needs.roles()));
        }
    }
    let width = body.width.min(78);
    let inside = usize::from(width.saturating_sub(4));
    let mut lines = wrap(&open.join("   "), inside);
    if !closed.is_empty() {
        lines.extend(wrap(&format!("needs role: {}", closed.join(", ")), inside));
    }
    let height = u16::try_from(lines.len()).unwrap_or(4) + 2;
    let mut area = Rect { y: body.bottom().saturating_sub(height), ..body };
    area.height = body.bottom() - area.y;
    let area = window(area, width, height, theme, buf);
    let frame = Frame { edge: Edge::Focus, title: "g  go to ...", note: "", right: "", foot: "Esc close" };
    let inner = frame.draw(theme, area, buf);
    for (y, line) in (0..).zip(&lines) {
        Pen::new(buf, inner).put(1, y, line, theme.style(Meaning::Text));
    }
}
