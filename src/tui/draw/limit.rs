//! The limit editor: the draft on top, what it would break below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::limit::WorkingOrders;
use crate::service::view::PreviewView;
use crate::tui::format;
use crate::tui::modal::limit::{LimitField, LimitForm, Stage};
use crate::tui::state::{Target, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;

use super::Drawn;
use super::frame::window;
use super::modal::{WINDOW_WIDTH, cursor, weighty};
use super::ticket::human;

/// Rows of the window when there is room.
const HEIGHT: u16 = 22;
/// Orders and accounts listed in a preview before the rest is counted.
const LISTED: usize = 4;

/// Draws the editor over the body.
pub fn draw(state: &UiState, form: &LimitForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let area = window(body, WINDOW_WIDTH, HEIGHT, theme, buf);
    let title = match form.stage {
        Stage::Edit | Stage::Asking => "Limit draft",
        Stage::Review => "Limit draft: nothing is set before Enter",
        Stage::Sending => "Setting the limit...",
    };
    let inner = weighty(state, title, "kept with who, when and why").draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    draw_draft(state, form, inner, &mut pen, drawn);
    let mut y = 7;
    match (&form.preview, form.stage) {
        (Some(preview), _) => draw_preview(state, form, preview, y, &mut pen),
        (None, Stage::Asking) => {
            pen.put(
                1,
                y,
                "Looking at today's book and the decisions of the last 20 days...",
                theme.style(Meaning::Muted),
            );
        }
        (None, _) => {
            pen.put(
                1,
                y,
                "Enter shows what it would break; nothing is set yet.",
                theme.style(Meaning::Muted),
            );
        }
    }
    y = inner.height.saturating_sub(1);
    let text = format::truncate(&form.problem, usize::from(inner.width.saturating_sub(2)), theme.ascii);
    pen.put(1, y, &text, theme.style(Meaning::Breach));
}

fn draw_draft(state: &UiState, form: &LimitForm, inner: Rect, pen: &mut Pen<'_>, drawn: &mut Drawn) {
    let theme = &state.theme;
    let working = match form.working {
        WorkingOrders::Keep => "[KEEP] cancel",
        WorkingOrders::Cancel => " keep [CANCEL]",
    };
    let rows: [(LimitField, &str, String, Option<usize>); 6] = [
        (LimitField::Name, "Limit", form.name.as_str().replace('_', " "), None),
        (LimitField::Scope, "Scope", form.scope.text().to_owned(), Some(form.scope.cursor())),
        (LimitField::Hard, "Hard", form.hard.text().to_owned(), Some(form.hard.cursor())),
        (LimitField::Soft, "Soft", form.soft.text().to_owned(), Some(form.soft.cursor())),
        (LimitField::Working, "Working", working.to_owned(), None),
        (LimitField::Reason, "Reason", form.reason.text().to_owned(), Some(form.reason.cursor())),
    ];
    for (y, (field, label, text, at_cursor)) in (0..).zip(rows) {
        let front = form.field == field && form.stage == Stage::Edit;
        let mark = if form.field == field { ">" } else { " " };
        let at = pen.put(0, y, &format!("{mark}{label:<9}"), theme.style(Meaning::Muted));
        let meaning = if at_cursor.is_some() { Meaning::Input } else { Meaning::Accent };
        let end = pen.put(at, y, &format::pad_right(&text, 26, theme.ascii), theme.style(meaning));
        if let Some(cells) = at_cursor.filter(|_| front) {
            cursor(inner, at, y, cells, drawn);
        }
        let hint = match field {
            LimitField::Hard => format!("{}; empty removes it", form.unit()),
            LimitField::Soft => "above it a second person approves".to_owned(),
            LimitField::Scope => "firm, account:N, symbol:S".to_owned(),
            LimitField::Working => "orders that are over it".to_owned(),
            LimitField::Name | LimitField::Reason => String::new(),
        };
        pen.put(end + 1, y, &hint, theme.style(Meaning::Muted));
    }
}

fn draw_preview(state: &UiState, form: &LimitForm, preview: &PreviewView, top: u16, pen: &mut Pen<'_>) {
    let theme = &state.theme;
    let name = preview.name.as_str();
    let value = |text: &Option<String>| text.as_deref().map_or_else(|| "none".to_owned(), |t| human(name, t));
    let mut lines: Vec<(String, Meaning)> = Vec::new();
    lines.push((
        format!("If it were set now: {} -> {}", value(&preview.current), value(&preview.drafted)),
        Meaning::Accent,
    ));
    let mark = |n: usize| if n > 0 { Meaning::Breach } else { Meaning::Good };
    let cross = |n: usize| if n > 0 { "X " } else { "" };
    let over = preview.over.len();
    lines.push((format!("{}{over} accounts or positions already over it", cross(over)), mark(over)));
    lines.extend(
        preview
            .over
            .iter()
            .take(LISTED)
            .map(|(who, seen)| (format!("   {who}: {}", human(name, seen)), Meaning::Text)),
    );
    let orders = preview.orders.len();
    let then = if form.working == WorkingOrders::Cancel {
        "would be cancelled"
    } else {
        "would stay, though over it"
    };
    lines.push((format!("{}{orders} working orders {then}", cross(orders)), mark(orders)));
    let order = |(account, id, seen): &(crate::domain::AccountId, crate::domain::OrderId, String)| {
        (format!("   {account} {id}: {}", human(name, seen)), Meaning::Text)
    };
    lines.extend(preview.orders.iter().take(LISTED).map(order));
    lines.push((
        format!(
            "Of {} decisions in the last 20 days it would have refused {} (refused then: {}).",
            preview.decisions, preview.would_refuse, preview.were_refused
        ),
        Meaning::Text,
    ));
    lines.push(match preview.needs_approval {
        true => ("! This loosens: it waits until a second person approves.".to_owned(), Meaning::Warn),
        false => ("This tightens: it is in force for the next order.".to_owned(), Meaning::Good),
    });
    for (y, (text, meaning)) in (top..pen.height().saturating_sub(1)).zip(&lines) {
        pen.put(1, y, text, theme.style(*meaning));
    }
}
