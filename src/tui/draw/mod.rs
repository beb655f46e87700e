//! Makes cells of the state: chrome around, panes inside, windows on top.
//!
//! Wide bodies get the workspace's grid, others one pane with a strip of pane names above it. Below
//! [`SIZE_MIN`] one line says what is needed. Beside cells a frame gives back where the cursor is and what a click
//! on each part means.

mod amend;
pub mod chrome;
pub mod entry;
mod expression;
pub mod frame;
mod limit;
pub mod modal;
mod set;
#[cfg(test)]
mod tests;
mod ticket;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::panes::PaneId;
use super::state::{Target, UiState};
use super::theme::Meaning;
use super::widgets::pen::Pen;
use super::widgets::table::{first_row, row_at};
use super::workspace::{GRID_MIN, place};
use frame::{Edge, Frame};

/// Least columns and rows that anything fits into.
pub const SIZE_MIN: (u16, u16) = (60, 16);

/// What a frame tells beside its cells.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Where the cursor stands.
    pub cursor: Option<Position>,
    /// What a click means, topmost last.
    pub hits: Vec<(Rect, Target)>,
    /// Rows of a page in the pane in front.
    pub page: usize,
    /// One pane is shown at a time.
    pub single: bool,
    /// First row drawn of each table, to be kept.
    pub scrolls: Vec<(PaneId, usize)>,
    /// First line drawn of the text in the top window, to be kept.
    pub detail: Option<usize>,
}

/// Draws the state over the whole buffer.
pub fn draw(state: &UiState, buf: &mut Buffer) -> Drawn {
    let area = buf.area;
    let mut drawn = Drawn { page: usize::from(area.height), ..Drawn::default() };
    buf.set_style(area, state.theme.style(Meaning::Text));
    if too_small(&state.theme, buf) {
        return drawn;
    }
    if let Some(lock) = &state.lock {
        entry::draw_lock(lock, state, buf, &mut drawn);
        return drawn;
    }
    let body = chrome::draw(state, buf, &mut drawn);
    draw_body(state, body, buf, &mut drawn);
    for modal in &state.modals {
        modal::draw(state, modal, body, buf, &mut drawn);
    }
    chrome::draw_toast(state, body, buf);
    if state.prefix {
        chrome::draw_where_to(state, body, buf);
    }
    drawn
}

/// Says what size is needed when there is too little; `true` when it did.
pub fn too_small(theme: &super::theme::Theme, buf: &mut Buffer) -> bool {
    let area = buf.area;
    let small = area.width < SIZE_MIN.0 || area.height < SIZE_MIN.1;
    if small {
        let text = format!("needs {}x{}, this is {}x{}", SIZE_MIN.0, SIZE_MIN.1, area.width, area.height);
        Pen::new(buf, area).put(0, 0, &text, theme.style(Meaning::Warn));
    }
    small
}

/// Whether a body of this size shows one pane at a time.
fn single(state: &UiState, body: Rect) -> bool {
    state.zoom || body.width < GRID_MIN.0 || body.height < GRID_MIN.1
}

fn draw_body(state: &UiState, body: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let Some(workspace) = state.current() else {
        Pen::new(buf, body).put(
            2,
            1,
            "Your role has no workspace; ask the admin.",
            state.theme.style(Meaning::Warn),
        );
        return;
    };
    if !single(state, body) {
        for (pane, area) in place(workspace.def.grid, &workspace.panes, body) {
            draw_pane(state, pane, area, buf, drawn);
        }
        return;
    }
    drawn.single = true;
    let strip = Rect { height: 1, ..body };
    chrome::draw_strip(state, strip, buf, drawn);
    if let Some(pane) = state.pane() {
        let rest = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
        draw_pane(state, pane, rest, buf, drawn);
    }
}

fn draw_pane(state: &UiState, pane: PaneId, area: Rect, buf: &mut Buffer, drawn: &mut Drawn) {
    let (def, view) = (pane.def(), state.view(pane));
    let front = state.pane() == Some(pane);
    let edge = if front { Edge::Focus } else { Edge::Plain };
    let note = (def.note)(&view);
    let frame = Frame { edge, title: def.title, note: &note, right: def.code, foot: "" };
    let inner = frame.draw(&state.theme, area, buf);
    drawn.hits.push((area, Target::Pane(pane)));
    (def.draw)(&view, inner, buf);
    if pane == PaneId::Expression && view.typing {
        drawn.cursor = Some(super::panes::expression::cursor(&view, inner));
    }
    if front {
        drawn.page = usize::from(inner.height.saturating_sub(1));
    }
    let Some(table) = def.rows(&view) else { return };
    drawn.scrolls.push((pane, first_row(&table, &view, inner.height)));
    for y in 0..inner.height {
        if let Some(row) = row_at(&table, &view, inner.height, y) {
            drawn.hits.push((Rect { y: inner.y + y, height: 1, ..inner }, Target::Row(pane, row)));
        }
    }
}
