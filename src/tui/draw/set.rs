//! The window of a change set: why and who on top, its limits with what each would do, and the whole below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::limit::{LimitName, Scope, WorkingOrders};
use crate::service::view::{PreviewView, SetPreviewView};
use crate::tui::format;
use crate::tui::modal::set::{SetField, SetForm, Shown, Stage};
use crate::tui::state::{Target, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::text::wrap;

use super::Drawn;
use super::frame::window;
use super::modal::{WINDOW_WIDTH, cursor, weighty};
use super::ticket::human;

/// Rows of the window when there is room.
const HEIGHT: u16 = 20;
/// Rows below the list: the whole set in two lines, what becomes of it, what stands in the way.
const FOOT_ROWS: u16 = 5;
/// Widths of the columns of text.
const NAME_CELLS: usize = 22;
const SCOPE_CELLS: usize = 12;
const VALUE_CELLS: usize = 10;
const REASON_CELLS: usize = 62;

/// Draws the window over the body.
pub fn draw(state: &UiState, form: &SetForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let area = window(body, WINDOW_WIDTH, HEIGHT, theme, buf);
    let title = match (form.shown, form.stage) {
        (_, Stage::Sending) => "Change set: one moment...".to_owned(),
        (Shown::Draft, _) => "Change set draft: nothing is set before Enter".to_owned(),
        (Shown::Waiting(set, _), _) => format!("Change set {set}: all of it or none"),
    };
    let inner = weighty(state, &title, "kept with who, when and why").draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    let top = draw_head(state, form, inner, &mut pen, drawn);
    draw_list(state, form, top, &mut pen);
    draw_foot(state, form, &mut pen);
}

/// The reason, and for a set that waits who asked and the answer. Returns the row behind.
fn draw_head(state: &UiState, form: &SetForm, inner: Rect, pen: &mut Pen<'_>, drawn: &mut Drawn) -> u16 {
    let theme = &state.theme;
    let mut y = 0;
    let mark = |field: SetField| if form.field == field { ">" } else { " " };
    if let Shown::Waiting(_, maker) = form.shown {
        let why = form.preview.as_ref().map_or("", |p| p.reason.as_str());
        let asked = format!("Asked by {maker}: {why}");
        let room = usize::from(inner.width.saturating_sub(2));
        pen.put(1, y, &format::truncate(&asked, room, theme.ascii), theme.style(Meaning::Text));
        y += 1;
        let label = format!("{}{:<9}", mark(SetField::Answer), "Answer");
        let at = pen.put(0, y, &label, theme.style(Meaning::Muted));
        let answer = if form.rejects { " approve [TURN DOWN]" } else { "[APPROVE] turn down" };
        pen.put(at, y, answer, theme.style(Meaning::Accent));
        y += 1;
    }
    let label = format!("{}{:<9}", mark(SetField::Reason), "Reason");
    let at = pen.put(0, y, &label, theme.style(Meaning::Muted));
    let text = format::pad_right(form.reason.text(), REASON_CELLS, theme.ascii);
    pen.put(at, y, &text, theme.style(Meaning::Input));
    if form.field == SetField::Reason && form.stage != Stage::Sending {
        cursor(inner, at, y, form.reason.cursor(), drawn);
    }
    y + 2
}

fn draw_list(state: &UiState, form: &SetForm, top: u16, pen: &mut Pen<'_>) {
    let theme = &state.theme;
    let head = columns(["LIMIT", "SCOPE", "NOW", "BECOMES", "OVER", "ORDERS", "REFUSES"], theme.ascii);
    pen.put(1, top, &head, theme.style(Meaning::Header));
    let lines: Vec<(usize, String, Meaning)> = match &form.preview {
        Some(preview) => {
            let parts = preview.parts.iter().enumerate();
            let of = |(at, part)| lines_of(part, theme.ascii).map(move |(text, meaning)| (at, text, meaning));
            parts.flat_map(of).collect()
        }
        None => {
            let drafts = state.change_set.iter().filter(|_| form.shown == Shown::Draft);
            let bare = |name: LimitName, scope: Scope, hard: Option<&String>| {
                let becomes = hard.map_or_else(|| "none".to_owned(), |v| human(name.as_str(), v));
                let cells = [&words(name), &scope.to_string(), "", &becomes, "", "", ""];
                (columns(cells, theme.ascii), Meaning::Muted)
            };
            let lines = drafts.map(|d| bare(d.name, d.scope, d.hard.as_ref())).enumerate();
            lines.map(|(at, (text, meaning))| (at, text, meaning)).collect()
        }
    };
    let room = usize::from(pen.height().saturating_sub(top + 1 + FOOT_ROWS)).max(1);
    let last = lines.iter().rposition(|(at, _, _)| *at == form.selected).unwrap_or(0);
    let first = last.saturating_sub(room - 1);
    let width = pen.width();
    for (y, (at, text, meaning)) in (top + 1..).zip(lines.iter().skip(first).take(room)) {
        pen.put(1, y, text, theme.style(*meaning));
        if *at == form.selected && form.field == SetField::List {
            pen.paint(0, y, width, theme.style(Meaning::Selection));
        }
    }
}

fn draw_foot(state: &UiState, form: &SetForm, pen: &mut Pen<'_>) {
    let theme = &state.theme;
    let width = usize::from(pen.width().saturating_sub(2));
    let lines: Vec<(String, Meaning)> = match &form.preview {
        None if form.stage == Stage::Asking => {
            let text = "Looking at today's book and the decisions of the last 20 days...";
            vec![(text.to_owned(), Meaning::Muted)]
        }
        None => vec![("Enter looks again at what the set would do.".to_owned(), Meaning::Muted)],
        Some(preview) => whole(form, preview),
    };
    let mut lines: Vec<(String, Meaning)> = lines
        .into_iter()
        .flat_map(|(text, meaning)| wrap(&text, width).into_iter().map(move |line| (line, meaning)))
        .collect();
    let problem = wrap(&form.problem, width).into_iter().next();
    // What stands in the way always has its row.
    lines.truncate(usize::from(FOOT_ROWS) - usize::from(problem.is_some()));
    lines.extend(problem.map(|text| (text, Meaning::Breach)));
    let y = pen.height().saturating_sub(FOOT_ROWS);
    for (y, (text, meaning)) in (y..pen.height()).zip(lines) {
        pen.put(1, y, &format::truncate(&text, width, theme.ascii), theme.style(meaning));
    }
}

/// The set as a whole.
fn whole(form: &SetForm, preview: &SetPreviewView) -> Vec<(String, Meaning)> {
    let over: usize = preview.parts.iter().map(|p| p.over.len()).sum();
    let orders: usize = preview.parts.iter().map(|p| p.orders.len()).sum();
    let (cross, mark) = if over + orders > 0 { ("X ", Meaning::Breach) } else { ("", Meaning::Good) };
    let cancel = preview.parts.iter().filter(|p| p.working == WorkingOrders::Cancel).count();
    let next = match (form.shown, cancel) {
        (Shown::Draft, _) => "! Submitted, all of it waits until a second person approves it.".to_owned(),
        (Shown::Waiting(..), 0) => "Approved, all of it is in force for the next order.".to_owned(),
        (Shown::Waiting(..), _) => {
            let all = preview.parts.len();
            format!("! Approved, all of it is in force; {cancel} of {all} cancel working orders over them.")
        }
    };
    vec![
        (format!("{cross}{over} accounts or positions and {orders} working orders are over the set."), mark),
        (preview.told(), Meaning::Text),
        (next, Meaning::Warn),
    ]
}

fn words(name: LimitName) -> String {
    name.as_str().replace('_', " ")
}

/// The row of a limit; below it, where it is so, that orders end.
fn lines_of(part: &PreviewView, ascii: bool) -> impl Iterator<Item = (String, Meaning)> + use<> {
    let cancels = part.working == WorkingOrders::Cancel;
    let told = cancels.then(|| ("  ! cancels working orders over it".to_owned(), Meaning::Warn));
    std::iter::once(line(part, ascii)).chain(told)
}

fn line(part: &PreviewView, ascii: bool) -> (String, Meaning) {
    let name = part.name.as_str();
    let value = |text: &Option<String>| text.as_deref().map_or_else(|| "none".to_owned(), |t| human(name, t));
    let counts =
        [part.over.len(), part.orders.len(), usize::try_from(part.would_refuse).unwrap_or(usize::MAX)];
    let [over, orders, refuses] = counts.map(|n| n.to_string());
    let cells = [
        &words(part.name),
        &part.scope.to_string(),
        &value(&part.current),
        &value(&part.drafted),
        &over,
        &orders,
        &refuses,
    ];
    let breaks = !part.over.is_empty() || !part.orders.is_empty();
    (columns(cells.map(String::as_str), ascii), if breaks { Meaning::Breach } else { Meaning::Text })
}

fn columns(cells: [&str; 7], ascii: bool) -> String {
    let [name, scope, now, becomes, over, orders, refuses] = cells;
    let text = |text: &str, cells| format::pad_right(&format::truncate(text, cells, ascii), cells, ascii);
    let value = |text: &str| format::truncate(text, VALUE_CELLS, ascii);
    format!(
        "{} {} {:>VALUE_CELLS$} {:>VALUE_CELLS$}{over:>5}{orders:>7}{refuses:>8}",
        text(name, NAME_CELLS),
        text(scope, SCOPE_CELLS),
        value(now),
        value(becomes),
    )
}
