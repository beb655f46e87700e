//! Frames of panes and windows: plain, heavy for the one with the keyboard, double where money or limits can change.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format;
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pen::Pen;

/// Kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// A pane.
    Plain,
    /// The pane or window that has the keyboard.
    Focus,
    /// A window that can change money or limits.
    Weighty,
}

/// A frame around something.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Kind.
    pub edge: Edge,
    /// Title.
    pub title: &'a str,
    /// What stands behind the title.
    pub note: &'a str,
    /// What stands at the right of the upper edge.
    pub right: &'a str,
    /// What stands at the right of the lower edge.
    pub foot: &'a str,
}

/// Across, down and the four corners, from the upper left clockwise.
type Lines = [&'static str; 6];

const PLAIN: Lines = ["─", "│", "┌", "┐", "┘", "└"];
const HEAVY: Lines = ["━", "┃", "┏", "┓", "┛", "┗"];
const DOUBLE: Lines = ["═", "║", "╔", "╗", "╝", "╚"];
const PLAIN_ASCII: Lines = ["-", "|", "+", "+", "+", "+"];
const HEAVY_ASCII: Lines = ["=", "|", "#", "#", "#", "#"];
const DOUBLE_ASCII: Lines = ["=", "#", "#", "#", "#", "#"];

impl Edge {
    const fn lines(self, ascii: bool) -> Lines {
        match (self, ascii) {
            (Edge::Plain, false) => PLAIN,
            (Edge::Focus, false) => HEAVY,
            (Edge::Weighty, false) => DOUBLE,
            (Edge::Plain, true) => PLAIN_ASCII,
            (Edge::Focus, true) => HEAVY_ASCII,
            (Edge::Weighty, true) => DOUBLE_ASCII,
        }
    }

    const fn meaning(self) -> Meaning {
        match self {
            Edge::Plain => Meaning::Border,
            Edge::Focus => Meaning::FocusBorder,
            Edge::Weighty => Meaning::ModalBorder,
        }
    }
}

impl Frame<'_> {
    /// Draws the frame; returns the space inside.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
        let area = area.intersection(buf.area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let [across, down, upper_left, upper_right, lower_right, lower_left] = self.edge.lines(theme.ascii);
        let style = theme.style(self.edge.meaning());
        let (right, bottom) = (area.width - 1, area.height - 1);
        let mut pen = Pen::new(buf, area);
        let rule = across.repeat(usize::from(area.width - 2));
        for (y, left_corner, right_corner) in
            [(0, upper_left, upper_right), (bottom, lower_left, lower_right)]
        {
            pen.put(0, y, left_corner, style);
            pen.put(1, y, &rule, style);
            pen.put(right, y, right_corner, style);
        }
        for y in 1..bottom {
            pen.put(0, y, down, style);
            pen.put(right, y, down, style);
        }
        self.labels(theme, &mut pen);
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    fn labels(&self, theme: &Theme, pen: &mut Pen<'_>) {
        let (width, bottom) = (pen.width(), pen.height() - 1);
        let style = theme.style(self.edge.meaning());
        let wide = |text: &str| u16::try_from(format::width(text)).unwrap_or(u16::MAX).saturating_add(2);
        let mut end = width.saturating_sub(2);
        if !self.right.is_empty() && wide(self.right).saturating_add(wide(self.title)) < end {
            let text = format!(" {} ", self.right);
            end -= wide(self.right);
            let meaning = if self.edge == Edge::Weighty { Meaning::Title } else { Meaning::Muted };
            pen.put(end, 0, &text, theme.style(meaning));
        }
        let room = usize::from(end.saturating_sub(4));
        let title = format::truncate(self.title, room, theme.ascii);
        if !title.is_empty() {
            let at =
                pen.spans(1, 0, [(" ", style), (title.as_str(), theme.style(Meaning::Title)), (" ", style)]);
            let room = usize::from(end.saturating_sub(at).saturating_sub(1));
            if !self.note.is_empty() && room > 3 {
                let note =
                    format!("{} ", format::truncate(fitting(self.note, room - 1), room - 1, theme.ascii));
                pen.put(at, 0, &note, theme.style(Meaning::Muted));
            }
        }
        if !self.foot.is_empty() && width > 6 {
            let foot = format::truncate(self.foot, usize::from(width - 6), theme.ascii);
            let text = format!(" {foot} ");
            pen.put(
                (width - 1).saturating_sub(wide(&foot)).saturating_sub(1),
                bottom,
                &text,
                theme.style(Meaning::Muted),
            );
        }
    }
}

/// As many of the note's pieces (two spaces stand between them) as fit whole, but at least the first.
fn fitting(note: &str, cells: usize) -> &str {
    let mut shown = note;
    while format::width(shown) > cells
        && let Some((front, _)) = shown.rsplit_once("  ")
    {
        shown = front;
    }
    shown
}

/// A window of at most this size in the middle of `body`, blanked.
pub fn window(body: Rect, width: u16, height: u16, theme: &Theme, buf: &mut Buffer) -> Rect {
    let (width, height) = (width.min(body.width), height.min(body.height));
    let x = body.x + (body.width - width) / 2;
    let y = body.y + (body.height - height) / 3;
    let area = Rect { x, y, width, height }.intersection(buf.area);
    for position in area.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
        }
    }
    buf.set_style(area, theme.style(Meaning::Text));
    area
}
