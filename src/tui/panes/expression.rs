//! Expression: the text under the pen, what is wrong with it or what it is, what the word at the cursor means, and
//! where the focused name stands. On a high pane the best and the worst names stand below.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Cell, PaneDef, PaneId, View, cells};
use crate::domain::Capability;
use crate::service::language;
use crate::service::view::{Evidence, Formula, NameValue};
use crate::tui::format::{self, Figures};
use crate::tui::theme::Meaning;
use crate::tui::widgets::code::Code;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// Rows kept for what is said about the text.
const SAID_ROWS_MIN: u16 = 4;
/// Rows from which the best and worst names are listed.
const LIST_ROWS_MIN: usize = 4;
/// Cells of a name with its value in that list.
const LISTED_CELLS: usize = 44;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Expression,
    title: "Expression",
    code: "FX",
    capability: Capability::ViewSignals,
    empty: "An expression over prices, ranked across the universe as you type. Press = and type one, such as \
            $close/Mean($close,20)-1 for a trend or $close > Mean($close,200) for a screen; Tab completes names. \
            Or choose a factor in Factors and press Enter.",
    table: None,
    note,
    draw,
};

fn note(view: &View<'_>) -> String {
    let column = view.lab.column.as_ref().map_or("", |_| "column on");
    let overlay = if view.lab.overlay || view.lab.text().is_empty() { "" } else { "overlay off" };
    cells::joined(&[if view.typing { "typing" } else { "" }, column, &cells::screen_note(view), overlay])
}

fn code<'a>(view: &View<'a>) -> Code<'a> {
    let lab = view.lab;
    let mistake = lab.mistake();
    let unfinished = view.typing && lab.is_unfinished();
    Code {
        text: lab.text(),
        cursor: lab.field.cursor_byte(),
        wrong: mistake.map(|m| m.place.clone()),
        // What is only not yet finished is no fault.
        mark: if unfinished { Meaning::Warn } else { Meaning::Breach },
    }
}

/// Where the text stands, and what is said about it.
fn parts(view: &View<'_>, area: Rect) -> (Rect, Rect) {
    let margin = u16::from(area.width > 20);
    let width = area.width.saturating_sub(2 * margin);
    let wanted = u16::try_from(code(view).rows(width)).unwrap_or(u16::MAX);
    let rows = wanted.min(area.height.saturating_sub(SAID_ROWS_MIN)).max(area.height.min(2));
    let text = Rect { x: area.x + margin, width, height: rows, ..area };
    (text, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Where the cursor stands while the expression is typed.
pub fn cursor(view: &View<'_>, area: Rect) -> Position {
    let (text, _) = parts(view, area);
    let mut unseen = Buffer::empty(text);
    let at = code(view).draw(view.theme, &mut Pen::new(&mut unseen, text));
    Position { x: text.x.saturating_add(at.x).min(text.right().saturating_sub(1)), y: text.y.saturating_add(at.y) }
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    if view.lab.text().is_empty() && !view.typing {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    }
    let (text, below) = parts(view, area);
    code(view).draw(view.theme, &mut Pen::new(buf, text));
    let mut lines = vec![verdict(view), word(view)];
    lines.extend(standing(view));
    let left = usize::from(below.height).saturating_sub(lines.len() + 1);
    if left >= LIST_ROWS_MIN {
        lines.extend(listed(view, left, usize::from(below.width)));
    }
    let flat = View { scroll: 0, ..*view };
    form::draw(&lines, &flat, below, buf);
}

/// What is wrong with the text, or what it is.
fn verdict(view: &View<'_>) -> Line {
    let lab = view.lab;
    if let Some(mistake) = lab.mistake() {
        let mark = code(view).mark;
        let sign = if mark == Meaning::Warn { "... " } else { "X " };
        // The parser sends people to the command line; here a key does it.
        let message = mistake.message.replace("see `factor list` for the", "Tab shows the");
        return Line::Text(Cell::new(sign, mark), Cell::new(message, mark));
    }
    let Some((_, checked)) = lab.right() else {
        let text = "Type an expression; Tab shows every field and operator.";
        return Line::Text(Cell::muted(""), Cell::muted(text));
    };
    let kind = if checked.truth { "true or false: a screen" } else { "a number" };
    let back = match checked.back {
        0 => "reads the session itself".to_owned(),
        1 => "reads 1 session back".to_owned(),
        back => format!("reads {back} sessions back"),
    };
    if checked.ahead > 0 {
        let text = format!(
            "{kind}, looks {} session{} AHEAD: right for a label, never for a factor or a decision",
            checked.ahead,
            if checked.ahead == 1 { "" } else { "s" }
        );
        return Line::Text(Cell::new("! ", Meaning::Warn), Cell::new(text, Meaning::Warn));
    }
    let sign = if view.ascii { "ok " } else { "✓ " };
    Line::Text(Cell::new(sign, Meaning::Good), Cell::muted(format!("{kind}, {back}")))
}

/// What the word at the cursor means.
fn word(view: &View<'_>) -> Line {
    match language::meaning(view.lab.text(), view.lab.field.cursor_byte()) {
        Some(found) => Line::Cells(vec![Cell::new(found.usage, Meaning::Key), Cell::muted(found.doc)]),
        None if view.typing => Line::Cells(vec![Cell::muted("Tab shows every field and operator")]),
        None => Line::Gap,
    }
}

/// Where the focused name stands, and how well the expression foresaw.
fn standing(view: &View<'_>) -> Vec<Line> {
    if let Some(problem) = view.lab.trouble() {
        return vec![Line::Text(Cell::new("X ", Meaning::Breach), Cell::new(problem, Meaning::Breach))];
    }
    let Some(formula) = view.lab.formula() else {
        let text = if view.lab.right().is_some() { "computing..." } else { "" };
        return vec![Line::Cells(vec![Cell::new(text, Meaning::Stale)])];
    };
    let mut lines = vec![focused(view, formula)];
    let mut evidence = evidence_in_short(formula);
    if !view.lab.is_fresh() {
        evidence.iter_mut().for_each(|e| e.meaning = Meaning::Stale);
    }
    lines.push(Line::Cells(evidence));
    if let Some((text, age)) = age(view) {
        lines.push(Line::Cells(vec![Cell::new(text, age)]));
    }
    lines
}

/// What the values rest on.
fn age(view: &View<'_>) -> Option<(String, Meaning)> {
    let research = view.lab.research.as_ref()?;
    let session = research.session?;
    let fresh = view.lab.is_fresh();
    let of = if fresh { "" } else { "? of the text before; " };
    let running = match (research.running, view.screen.data.session_open) {
        (Some(day), _) => format!(", and {} so far", day.format("%m-%d")),
        (None, true) => ", without the running one".to_owned(),
        (None, false) => String::new(),
    };
    let text = format!("{of}{} names, sessions to {session}{running}", research.names);
    Some((text, if fresh { Meaning::Muted } else { Meaning::Stale }))
}

fn focused(view: &View<'_>, formula: &Formula) -> Line {
    let Some(chart) = view.screen.chart.as_ref() else { return Line::Gap };
    let mut pieces = vec![Cell::new(chart.symbol.as_str(), Meaning::Title)];
    match formula.values.iter().find(|v| v.instrument == chart.instrument) {
        Some(found) if formula.truth => pieces.push(cells::value(found.value, true, Figures::of([]))),
        Some(found) => {
            pieces.push(Cell::new(Figures::of([found.value]).show(found.value), Meaning::Accent));
            pieces.push(Cell::text(format!("rank {} of {}", found.rank, formula.values.len())));
        }
        None => pieces.push(Cell::new("? no value", Meaning::Stale)),
    }
    if formula.truth {
        let passing = formula.values.iter().filter(|v| v.value > 0.0).count();
        pieces.push(Cell::text(format!("true for {passing} of {}", formula.values.len())));
    }
    if formula.missing > 0 {
        pieces.push(Cell::muted(format!("{} without a value", formula.missing)));
    }
    if !view.lab.is_fresh() {
        pieces.iter_mut().for_each(|p| p.meaning = Meaning::Stale);
    }
    Line::Cells(pieces)
}

fn evidence_in_short(formula: &Formula) -> Vec<Cell> {
    match (&formula.evidence, formula.pending) {
        (Some(Evidence { ic, rank_ic, icir, days, .. }), _) => vec![
            Cell::text(format!("IC {ic:+.4}")),
            Cell::text(format!("rank IC {rank_ic:+.4}")),
            Cell::text(format!("ICIR {icir:+.2}")),
            Cell::muted(format!("{days} sessions")),
        ],
        (None, true) => vec![Cell::new("IC of the last year: computing...", Meaning::Stale)],
        (None, false) => vec![Cell::muted("no IC: too few values or outcomes")],
    }
}

/// The best and the worst names side by side.
fn listed(view: &View<'_>, rows: usize, width: usize) -> Vec<Line> {
    let Some(formula) = view.lab.formula().filter(|f| !f.values.is_empty() && !f.truth) else { return Vec::new() };
    let figures = Figures::of(formula.values.iter().map(|v| v.value));
    let half = (width.saturating_sub(4) / 2).min(LISTED_CELLS);
    let meaning = if view.lab.is_fresh() { Meaning::Text } else { Meaning::Stale };
    let one = |v: &NameValue| {
        let value = format::pad_left(&figures.show(v.value), 10, view.ascii);
        let text = format!("{:>4} {:<9}{value}  {}", v.rank, v.instrument.symbol.as_str(), v.name);
        format::pad_right(&text, half, view.ascii)
    };
    let rows = rows.saturating_sub(1).min(formula.values.len() / 2);
    let best = formula.values.iter().take(rows);
    let worst = formula.values.iter().rev().take(rows);
    let mut lines = vec![Line::Section("highest and lowest".to_owned())];
    lines.extend(best.zip(worst).map(|(b, w)| {
        Line::Cells(vec![Cell::new(one(b), meaning), Cell::new(one(w), meaning)])
    }));
    lines
}
