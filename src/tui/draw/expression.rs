//! The words that may stand at the cursor of the expression, in a small window below it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format;
use crate::tui::state::{Target, UiState};
use crate::tui::theme::Meaning;
use crate::tui::widgets::pen::Pen;

use super::Drawn;
use super::frame::{Edge, Frame};

/// Widest window.
const WIDTH_MAX: u16 = 90;
/// Most words shown at once.
const ROWS_MAX: u16 = 8;
/// Rows from the cursor to the window.
const BELOW_CURSOR: u16 = 3;
/// Least and most cells for how a word is written.
const USAGE_CELLS: (usize, usize) = (12, 34);

/// Draws the words, below the cursor where there is room, else above it.
pub fn draw_popup(state: &UiState, buf: &mut Buffer, drawn: &mut Drawn) {
    let (popup, theme) = (&state.lab.popup, &state.theme);
    let Some(cursor) = drawn.cursor.filter(|_| !popup.items.is_empty()) else { return };
    let screen = buf.area;
    let count = u16::try_from(popup.items.len()).unwrap_or(u16::MAX).min(ROWS_MAX);
    // Carets and what is wrong stay in sight.
    let top = cursor.y + BELOW_CURSOR;
    let below = screen.bottom().saturating_sub(top + 2);
    let rows = count.min(below.max(1)) + 2;
    let width = WIDTH_MAX.min(screen.width);
    let x = cursor.x.min(screen.right().saturating_sub(width));
    let y = if below >= 3 { top } else { cursor.y.saturating_sub(rows) };
    let area = Rect { x, y, width, height: rows }.intersection(screen);
    for position in area.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
        }
    }
    buf.set_style(area, theme.style(Meaning::Text));
    let foot = format!("{} of {}  Tab takes", popup.selected + 1, popup.items.len());
    let inner =
        Frame { edge: Edge::Focus, title: "", note: "", right: "", foot: &foot }.draw(theme, area, buf);
    drawn.hits.push((area, Target::Modal));
    let room = usize::from(inner.height);
    let first = (popup.selected + 1).saturating_sub(room);
    let shown = popup.items.iter().skip(first).take(room);
    let widest = shown.map(|item| format::width(&item.usage)).max().unwrap_or(0);
    let usage_cells = widest.clamp(USAGE_CELLS.0, USAGE_CELLS.1);
    for (y, (i, item)) in (0..).zip(popup.items.iter().enumerate().skip(first).take(room)) {
        let mut pen = Pen::new(buf, inner);
        let usage = format::pad_right(&item.usage, usage_cells, theme.ascii);
        let at = pen.put(1, y, &usage, theme.style(Meaning::Key)) + 1;
        let doc = format::truncate(item.doc, usize::from(inner.width.saturating_sub(at)), theme.ascii);
        pen.put(at, y, &doc, theme.style(Meaning::Muted));
        if i == popup.selected {
            pen.paint(0, y, inner.width, theme.style(Meaning::Selection));
        }
        drawn.hits.push((Rect { y: inner.y + y, height: 1, ..inner }, Target::ModalRow(i)));
    }
}
