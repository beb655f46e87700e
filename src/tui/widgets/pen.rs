//! [`Pen`]: writes text into one rectangle of a buffer and clips what does not fit.
//!
//! Positions are relative to the rectangle. Wide characters that would stick out are left out. Nothing outside the
//! rectangle, or outside the buffer, is ever touched.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::format;

/// Writes into one rectangle.
#[derive(Debug)]
pub struct Pen<'b> {
    buf: &'b mut Buffer,
    area: Rect,
}

impl<'b> Pen<'b> {
    /// A pen for the part of `area` that lies in the buffer.
    pub fn new(buf: &'b mut Buffer, area: Rect) -> Self {
        let area = area.intersection(buf.area);
        Self { buf, area }
    }

    /// Cells across.
    pub const fn width(&self) -> u16 {
        self.area.width
    }

    /// Rows.
    pub const fn height(&self) -> u16 {
        self.area.height
    }

    /// A pen for a part of this one; positions are relative to this one.
    pub fn part(&mut self, x: u16, y: u16, width: u16, height: u16) -> Pen<'_> {
        let left = self.area.x.saturating_add(x.min(self.area.width));
        let top = self.area.y.saturating_add(y.min(self.area.height));
        let area = Rect {
            x: left,
            y: top,
            width: width.min(self.area.right().saturating_sub(left)),
            height: height.min(self.area.bottom().saturating_sub(top)),
        };
        Pen { buf: self.buf, area }
    }

    /// Writes `text` at `(x, y)`; returns the column behind it.
    pub fn put(&mut self, x: u16, y: u16, text: &str, style: Style) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return x;
        }
        let room = usize::from(self.area.width - x);
        let (left, top) = (self.area.x + x, self.area.y + y);
        let (end, _) = self.buf.set_stringn(left, top, text, room, style);
        end - self.area.x
    }

    /// Writes spans one behind the other; returns the column behind the last.
    pub fn spans<'t>(&mut self, x: u16, y: u16, spans: impl IntoIterator<Item = (&'t str, Style)>) -> u16 {
        spans.into_iter().fold(x, |at, (text, style)| self.put(at, y, text, style))
    }

    /// Writes `text` so that it ends at the right edge.
    pub fn put_right(&mut self, y: u16, text: &str, style: Style) {
        let wide = u16::try_from(format::width(text)).unwrap_or(u16::MAX);
        self.put(self.area.width.saturating_sub(wide), y, text, style);
    }

    /// Gives a style to a part of a row without changing its text.
    pub fn paint(&mut self, x: u16, y: u16, cells: u16, style: Style) {
        if y < self.area.height && x < self.area.width {
            let width = cells.min(self.area.width - x);
            self.buf.set_style(Rect { x: self.area.x + x, y: self.area.y + y, width, height: 1 }, style);
        }
    }

    /// Draws a rule across the whole row.
    pub fn rule(&mut self, y: u16, ascii: bool, style: Style) {
        let line = if ascii { "-" } else { "─" }.repeat(usize::from(self.area.width));
        self.put(0, y, &line, style);
    }
}
