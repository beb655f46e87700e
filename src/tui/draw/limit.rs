//! The limit editor: the draft on top, what it would break below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::limit::WorkingOrders;
use crate::service::view::PreviewView;
use crate::tui::field::Field;
use crate::tui::format;
use crate::tui::modal::limit::{LimitField, LimitForm, Stage};
use crate::tui::state::{Target, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::text::wrap;

use super::Drawn;
use super::frame::window;
use super::modal::{WINDOW_WIDTH, cursor, weighty};
use super::ticket::human;

/// Rows of the window when there is room.
const HEIGHT: u16 = 22;
/// Where the right column of fields begins.
const RIGHT_COLUMN: u16 = 40;
/// Most rows of what stands in the way.
const PROBLEM_ROWS: usize = 2;
/// Orders and accounts listed in a preview before the rest is counted.
const LISTED: usize = 2;

/// A field with its label, its place, its text and where the cursor stands in it.
type Placed = (LimitField, &'static str, (u16, u16), (String, Option<usize>));

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
    let mut y = 8;
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
    let lines = wrap(&form.problem, usize::from(inner.width.saturating_sub(2)));
    for line in lines.iter().take(PROBLEM_ROWS).rev() {
        pen.put(1, y, line, theme.style(Meaning::Breach));
        y = y.saturating_sub(1);
    }
}

fn draw_draft(state: &UiState, form: &LimitForm, inner: Rect, pen: &mut Pen<'_>, drawn: &mut Drawn) {
    let theme = &state.theme;
    let working = match form.working {
        WorkingOrders::Keep => "[KEEP] cancel",
        WorkingOrders::Cancel => " keep [CANCEL]",
    };
    let text = |field: &Field| (field.text().to_owned(), Some(field.cursor()));
    let alone = if form.in_set { " alone [IN THE CHANGE SET]" } else { "[ALONE] in the change set" };
    let rows: [Placed; 9] = [
        (LimitField::Name, "Limit", (0, 0), (form.name.as_str().replace('_', " "), None)),
        (LimitField::Scope, "Scope", (0, 1), text(&form.scope)),
        (LimitField::Hard, "Hard", (0, 2), text(&form.hard)),
        (LimitField::Soft, "Soft", (0, 3), text(&form.soft)),
        (LimitField::Working, "Working", (0, 4), (working.to_owned(), None)),
        (LimitField::From, "From", (0, 5), text(&form.from)),
        (LimitField::Until, "Until", (RIGHT_COLUMN, 5), text(&form.until)),
        (LimitField::Reason, "Reason", (0, 6), text(&form.reason)),
        (LimitField::Set, "Set it", (0, 7), (alone.to_owned(), None)),
    ];
    for (field, label, (x, y), (text, at_cursor)) in rows {
        let front = form.field == field && form.stage == Stage::Edit;
        let mark = if form.field == field { ">" } else { " " };
        let at = pen.put(x, y, &format!("{mark}{label:<9}"), theme.style(Meaning::Muted));
        let meaning = if at_cursor.is_some() { Meaning::Input } else { Meaning::Accent };
        let wide = match field {
            LimitField::Reason => 62,
            LimitField::From | LimitField::Until => 17,
            _ => 26,
        };
        let end = pen.put(at, y, &format::pad_right(&text, wide, theme.ascii), theme.style(meaning));
        if let Some(cells) = at_cursor.filter(|_| front) {
            cursor(inner, at, y, cells, drawn);
        }
        let hint = match field {
            LimitField::Hard => format!("{}; empty removes it", form.unit()),
            LimitField::Soft => "above it a second person approves".to_owned(),
            LimitField::Scope => "firm, account:N, symbol:S".to_owned(),
            LimitField::Working => "orders that are over it".to_owned(),
            LimitField::From => "at once".to_owned(),
            LimitField::Until => "for good".to_owned(),
            LimitField::Set => "a set is approved as a whole".to_owned(),
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
    let over = preview.over.len();
    let held = match over {
        0 => "no account or position is over it".to_owned(),
        n => format!("X {n} accounts or positions already over it"),
    };
    lines.push((held, mark(over)));
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
    let working = match orders {
        0 => "no working order is over it".to_owned(),
        n => format!("X {n} working orders {then}"),
    };
    lines.push((working, mark(orders)));
    let order = |(account, id, seen): &(crate::domain::AccountId, crate::domain::OrderId, String)| {
        (format!("   {account} {id}: {}", human(name, seen)), Meaning::Text)
    };
    lines.extend(preview.orders.iter().take(LISTED).map(order));
    let waiting = preview.orders_soft.len() + preview.over_soft.len();
    if waiting > 0 {
        let text = format!("{waiting} working orders, accounts or positions lie above the soft value only");
        lines.push((text, Meaning::Warn));
    }
    lines.push((preview.told(), Meaning::Text));
    lines.push(match preview.needs_approval {
        _ if form.in_set => {
            ("Enter puts it into the change set; nothing is set yet.".to_owned(), Meaning::Accent)
        }
        true => ("! This loosens: it waits until a second person approves.".to_owned(), Meaning::Warn),
        false => ("This tightens: it is in force for the next order.".to_owned(), Meaning::Good),
    });
    if let Ok(draft) = form.draft()
        && let Some(end) = draft.terms.expires_at
    {
        let end = end.to_datetime().format("%Y-%m-%d %H:%M UTC");
        lines.push((
            format!("A temporary override: until {end}; then what stood before is back."),
            Meaning::Accent,
        ));
    }
    let width = usize::from(pen.width().saturating_sub(2));
    let wrapped = lines.iter().flat_map(|(text, meaning)| {
        let rows = wrap(text, width);
        rows.into_iter().map(|row| (row, *meaning))
    });
    for (y, (text, meaning)) in (top..pen.height().saturating_sub(1)).zip(wrapped) {
        pen.put(1, y, &text, theme.style(meaning));
    }
}
