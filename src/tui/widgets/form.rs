//! Forms: labelled figures, sections, bars and paragraphs one below the other, scrolled as a whole.
//!
//! What does not fit is announced with how much more there is; nothing is cut without a sign.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format;
use crate::tui::panes::View;
use crate::tui::theme::Meaning;

use super::bar;
use super::pen::Pen;
use super::table::{Cell, CellBar};
use super::text;

/// Cells for labels.
const LABEL_CELLS: usize = 11;
/// Most cells for labels of bars.
const BAR_LABEL_MAX: usize = 18;
/// Most cells of a bar.
const BAR_MAX: usize = 40;

/// One line of a form, or several when it is a paragraph.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A label and figures behind it, those that fit.
    Field(String, Vec<Cell>),
    /// Pieces with two spaces between them, those that fit.
    Cells(Vec<Cell>),
    /// A rule with a title in it.
    Section(String),
    /// A text broken to the width, with a mark before it.
    Text(Cell, Cell),
    /// A label, a bar and a figure.
    Bar(Cell, CellBar, Cell),
    /// Nothing.
    Gap,
}

/// A drawn line: pieces with their meaning.
type Drawn = Vec<(String, Meaning)>;

/// Draws lines from `view.scroll` on.
pub fn draw(lines: &[Line], view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area);
    let margin = u16::from(pen.width() > 20);
    let cells = usize::from(pen.width().saturating_sub(2 * margin));
    let labels = bar_labels(lines, cells);
    let drawn: Vec<Drawn> = lines.iter().flat_map(|line| line.drawn(cells, labels, view.ascii)).collect();
    let height = usize::from(pen.height());
    let start = view.scroll.min(drawn.len().saturating_sub(height));
    let below = drawn.len().saturating_sub(start + height);
    for (y, line) in (0..pen.height()).zip(drawn.iter().skip(start)) {
        pen.spans(margin, y, line.iter().map(|(text, meaning)| (text.as_str(), view.theme.style(*meaning))));
    }
    if below > 0 && height > 1 {
        let more = format!(" {} {below} more", if view.ascii { "v" } else { "↓" });
        let last = pen.height().saturating_sub(1);
        pen.put_right(last, &more, view.theme.style(Meaning::Muted));
    }
}

/// Cells that a field's figures have in a form of this width.
pub fn figure_cells(width: u16) -> usize {
    let margin = u16::from(width > 20);
    usize::from(width.saturating_sub(2 * margin)).saturating_sub(LABEL_CELLS)
}

/// Cells for the labels of all bars of a form.
fn bar_labels(lines: &[Line], cells: usize) -> usize {
    let label = |line: &Line| match line {
        Line::Bar(label, _, _) => Some(format::width(&label.text)),
        Line::Field(..) | Line::Cells(_) | Line::Section(_) | Line::Text(..) | Line::Gap => None,
    };
    lines.iter().filter_map(label).max().unwrap_or(0).min(BAR_LABEL_MAX).min(cells * 2 / 5)
}

impl Line {
    /// A field of one figure.
    pub fn field(label: &str, cell: Cell) -> Self {
        Line::Field(label.to_owned(), vec![cell])
    }

    fn drawn(&self, cells: usize, labels: usize, ascii: bool) -> Vec<Drawn> {
        match self {
            Line::Field(label, figures) => {
                let head = format::pad_right(label, LABEL_CELLS.min(cells), ascii);
                let mut line = vec![(head, Meaning::Muted)];
                append(&mut line, figures, cells, ascii);
                vec![line]
            }
            Line::Cells(pieces) => {
                let mut line = Vec::new();
                append(&mut line, pieces, cells, ascii);
                vec![line]
            }
            Line::Section(title) => vec![section(title, cells, ascii)],
            Line::Text(mark, body) => paragraph(mark, body, cells, ascii),
            Line::Bar(label, value, figure) => vec![barred(label, *value, figure, (cells, labels), ascii)],
            Line::Gap => vec![Vec::new()],
        }
    }
}

/// Adds pieces while there is room; the first is cut rather than left out.
fn append(line: &mut Drawn, pieces: &[Cell], cells: usize, ascii: bool) {
    let mut used: usize = line.iter().map(|(t, _)| format::width(t)).sum();
    for (i, piece) in pieces.iter().enumerate() {
        let gap = if i == 0 { 0 } else { 2 };
        let room = cells.saturating_sub(used + gap);
        if i > 0 && format::width(&piece.text) > room {
            break;
        }
        let text = format::truncate(&piece.text, room, ascii);
        used += gap + format::width(&text);
        line.push((" ".repeat(gap), Meaning::Text));
        line.push((text, piece.meaning));
    }
}

fn section(title: &str, cells: usize, ascii: bool) -> Drawn {
    let rule = if ascii { "-" } else { "─" };
    let title = format::truncate(title, cells.saturating_sub(4), ascii);
    let rest = cells.saturating_sub(format::width(&title) + 4);
    vec![
        (rule.repeat(2.min(cells)), Meaning::Track),
        (format!(" {title} "), Meaning::Muted),
        (rule.repeat(rest), Meaning::Track),
    ]
}

fn paragraph(mark: &Cell, body: &Cell, cells: usize, ascii: bool) -> Vec<Drawn> {
    let indent = format::width(&mark.text);
    let lines = text::wrap(&body.text, cells.saturating_sub(indent));
    let head = |i: usize| match i {
        0 => format::truncate(&mark.text, cells, ascii),
        _ => " ".repeat(indent),
    };
    let drawn = |(i, line): (usize, String)| vec![(head(i), mark.meaning), (line, body.meaning)];
    lines.into_iter().enumerate().map(drawn).collect()
}

fn barred(
    label: &Cell,
    value: CellBar,
    figure: &Cell,
    (cells, labels): (usize, usize),
    ascii: bool,
) -> Drawn {
    const FIGURE_CELLS: usize = 8;
    let wide = format::width(&figure.text).max(FIGURE_CELLS);
    let room = cells.saturating_sub(labels + 2 + wide).min(BAR_MAX);
    let mut line = vec![(format!("{} ", format::pad_right(&label.text, labels, ascii)), label.meaning)];
    match value {
        CellBar::Use(share) => {
            let (head, tail) = bar::filled(share, room, ascii);
            line.push((head, Meaning::Bar));
            line.push((tail, Meaning::Track));
        }
        CellBar::Signed(value) => {
            let (left, body, right) = bar::signed(value, room, ascii);
            let meaning = if value < 0.0 { Meaning::Down } else { Meaning::Up };
            line.extend([(left, Meaning::Track), (body, meaning), (right, Meaning::Track)]);
        }
    }
    let left = cells.saturating_sub(labels + 1 + room);
    line.push((format::pad_left(&figure.text, wide.min(left), ascii), figure.meaning));
    line
}
