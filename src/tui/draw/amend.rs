//! Changing a working order: each number as it is and as it shall be.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format;
use crate::tui::modal::amend::{AmendForm, Stage};
use crate::tui::state::{Target, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;

use super::Drawn;
use super::frame::window;
use super::modal::{WINDOW_WIDTH, cursor, weighty};

/// Rows beside the numbers: frame, what the order is, gaps, the foot.
const OTHER_ROWS: u16 = 8;

/// Draws the window over the body.
pub fn draw(state: &UiState, form: &AmendForm, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let theme = &state.theme;
    let rows = u16::try_from(form.parts.len()).unwrap_or(0);
    let area = window(body, WINDOW_WIDTH, OTHER_ROWS + rows, theme, buf);
    let title = match form.stage {
        Stage::Edit => format!("Change order {}", form.id),
        Stage::Review => "Review: nothing is changed before Enter".to_owned(),
        Stage::Sending => "Sending...".to_owned(),
    };
    let foot = format!("account {}", form.account);
    let inner = weighty(state, &title, &foot).draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let mut pen = Pen::new(buf, inner);
    let muted = theme.style(Meaning::Muted);
    let width = usize::from(inner.width.saturating_sub(2));
    pen.put(1, 0, &format::truncate(&form.what, width, theme.ascii), theme.style(Meaning::Accent));
    pen.put(1, 2, &format!("{:<10}{:>14}   {:<14}", "", "NOW", "NEW"), theme.style(Meaning::Header));
    for (place, part) in form.parts.iter().enumerate() {
        let y = 3 + u16::try_from(place).unwrap_or(0);
        let front = form.stage == Stage::Edit && form.selected == place;
        let mark = if front { ">" } else { " " };
        let at = pen.put(0, y, &format!("{mark}{:<10}{:>14}   ", part.label, part.was), muted);
        let meaning = match (form.stage, part.changed()) {
            (Stage::Edit, _) => Meaning::Input,
            (_, Some(_)) => Meaning::Accent,
            (_, None) => Meaning::Muted,
        };
        let text = format::pad_right(part.field.text(), 14, theme.ascii);
        let end = pen.put(at, y, &text, theme.style(meaning));
        if part.changed().is_some() {
            pen.put(end + 1, y, "changes", theme.style(Meaning::Warn));
        }
        if front {
            cursor(inner, at, y, part.field.cursor(), drawn);
        }
    }
    let bottom = inner.height.saturating_sub(1);
    let (text, meaning) = match form.stage {
        _ if !form.problem.is_empty() => (form.problem.as_str(), Meaning::Breach),
        Stage::Edit => ("[ Review ] Enter", Meaning::Key),
        Stage::Review => ("[ Send ] Enter   [ Back ] Esc", Meaning::Key),
        Stage::Sending => ("sending...", Meaning::Muted),
    };
    pen.put(1, bottom, &format::truncate(text, width, theme.ascii), theme.style(meaning));
}
