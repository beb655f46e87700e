//! Tables: the figures of a pane as rows and columns, to be drawn, filtered, selected and copied.
//!
//! Narrow panes lose their least important columns first; the selected row is always in view; a row may carry a
//! line of explanation below it. Copied text holds every column, whatever is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::limit::{LimitName, Scope};
use crate::domain::{AccountId, ChangeSetId, InstrumentId, OrderId, Seq, UserName};
use crate::tui::format;
use crate::tui::panes::View;
use crate::tui::theme::Meaning;

use super::bar;
use super::pen::Pen;

/// Cells left of the first column, for the mark of the selected row.
const GUTTER: u16 = 1;
/// Cells between columns.
const GAP: u16 = 2;
/// Rows from which a header is drawn.
const HEADER_ROWS_MIN: u16 = 3;
/// Rows that footers must leave for the table.
const BODY_ROWS_MIN: u16 = 4;

/// Which side text keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Title.
    pub title: String,
    /// Side.
    pub align: Align,
    /// Least width in cells; a column that grows may be cut down to it.
    pub min: u16,
    /// 0 is always drawn; the largest is left out first.
    pub priority: u8,
    /// Takes the width that is left over and gives way first.
    pub grow: bool,
    /// Cells of the bar before the text; left out when there is no room.
    pub bar: u16,
}

impl Column {
    /// A column of text.
    pub fn left(title: &str, priority: u8) -> Self {
        Self { title: title.to_owned(), align: Align::Left, min: 1, priority, grow: false, bar: 0 }
    }

    /// A column of numbers.
    pub fn right(title: &str, priority: u8) -> Self {
        Self { align: Align::Right, ..Self::left(title, priority) }
    }

    /// Lets it grow, from `min` cells on.
    pub fn growing(self, min: u16) -> Self {
        Self { grow: true, min, ..self }
    }

    /// Puts a bar of `cells` before the text.
    pub fn with_bar(self, cells: u16) -> Self {
        Self { bar: cells, ..self }
    }
}

/// A bar drawn in a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellBar {
    /// Used share, from 0.
    Use(f64),
    /// Around zero, from -1 to 1.
    Signed(f64),
}

/// One figure or word.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// As shown and copied.
    pub text: String,
    /// What it means.
    pub meaning: Meaning,
    /// Bar before it, where its column has one.
    pub bar: Option<CellBar>,
}

impl Cell {
    /// A cell.
    pub fn new(text: impl Into<String>, meaning: Meaning) -> Self {
        Self { text: text.into(), meaning, bar: None }
    }

    /// An ordinary cell.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text, Meaning::Text)
    }

    /// A quiet cell.
    pub fn muted(text: impl Into<String>) -> Self {
        Self::new(text, Meaning::Muted)
    }

    /// What is not known.
    pub fn missing() -> Self {
        Self::muted(format::MISSING)
    }

    /// With a bar.
    pub fn bar(self, bar: CellBar) -> Self {
        Self { bar: Some(bar), ..self }
    }
}

/// What a row stands for, for actions on it.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKey {
    /// An instrument.
    Instrument(InstrumentId),
    /// An order.
    Order(AccountId, OrderId),
    /// An account.
    Account(AccountId),
    /// A limit.
    Limit(LimitName, Scope),
    /// A limit version.
    Version(u32),
    /// A change set that waits.
    Set(ChangeSetId),
    /// A halt.
    Halt(Scope),
    /// What differs between an account and its broker, in words.
    Difference(AccountId, String),
    /// A person.
    User(UserName),
    /// A setting.
    Setting(String),
    /// A notice.
    Notice(i64),
    /// A breach, by its place in the screen's list.
    Breach(Seq),
    /// A factor: family and name.
    Factor(String, String),
    /// Prices of an instrument from a source.
    Source(InstrumentId, String),
    /// A row that was set aside, by its place in the store.
    SetAside(i64),
    /// Nothing that can be acted upon.
    None,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// One cell a column.
    pub cells: Vec<Cell>,
    /// What it stands for.
    pub key: RowKey,
    /// A line of explanation below it.
    pub detail: Option<Cell>,
}

impl Row {
    /// A row without explanation.
    pub fn new(key: RowKey, cells: Vec<Cell>) -> Self {
        Self { cells, key, detail: None }
    }

    fn height(&self) -> usize {
        1 + usize::from(self.detail.is_some())
    }

    fn contains(&self, needle: &str) -> bool {
        self.cells.iter().chain(&self.detail).any(|c| c.text.to_lowercase().contains(needle))
    }
}

/// A whole table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableData {
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Lines below, each of several pieces: totals and the like.
    pub footer: Vec<Vec<Cell>>,
    /// Rows before filtering, when filtered.
    pub unfiltered: Option<usize>,
    /// Why there are no rows, where it is neither the filter nor that there never were any.
    pub hidden: Option<String>,
}

impl TableData {
    /// An empty table of these columns.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Only the rows of which a cell contains `filter`, capitals ignored.
    pub fn filtered(mut self, filter: &str) -> Self {
        let needle = filter.trim().to_lowercase();
        if !needle.is_empty() {
            self.unfiltered = Some(self.rows.len());
            self.rows.retain(|row| row.contains(&needle));
        }
        self
    }

    /// What the row at `selected` stands for.
    pub fn key(&self, selected: usize) -> RowKey {
        self.rows.get(selected).map_or(RowKey::None, |row| row.key.clone())
    }

    /// As comma-separated values with a header.
    pub fn to_csv(&self) -> String {
        self.separated(',', |text| {
            let quoted = text.contains([',', '"', '\n', '\r']);
            if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
        })
    }

    /// As tab-separated values with a header; tabs and line breaks inside become spaces.
    pub fn to_tsv(&self) -> String {
        self.separated('\t', |text| text.replace(['\t', '\n', '\r'], " "))
    }

    fn separated(&self, separator: char, quote: impl Fn(&str) -> String) -> String {
        let detailed = self.rows.iter().any(|r| r.detail.is_some());
        let mut out = String::new();
        let mut line = |texts: Vec<&str>| {
            let fields: Vec<String> = texts.into_iter().map(|t| quote(t.trim())).collect();
            out.push_str(&fields.join(&separator.to_string()));
            out.push('\n');
        };
        let note = detailed.then_some("NOTE");
        line(self.columns.iter().map(|c| c.title.as_str()).chain(note).collect());
        for row in &self.rows {
            let note = detailed.then(|| row.detail.as_ref().map_or("", |d| d.text.as_str()));
            line(row.cells.iter().map(|c| c.text.as_str()).chain(note).collect());
        }
        out
    }
}

/// Widest that a growing column may ask to be before bars are given up.
const GROW_BEFORE_BARS: u16 = 21;
/// Columns of this priority and above give way to bars.
const PRIORITY_BELOW_BARS: u8 = 5;

/// A column that is drawn: its place, its definition and its natural width.
type Shown<'t> = (usize, &'t Column, u16);

/// Cells that columns need; `grown` says what a growing column needs.
fn needed(columns: &[Shown<'_>], grown: impl Fn(&Column, u16) -> u16) -> u16 {
    let gaps = GAP.saturating_mul(u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX));
    let widths = columns.iter().map(|(_, c, natural)| if c.grow { grown(c, *natural) } else { *natural });
    widths.fold(gaps, u16::saturating_add)
}

/// Takes out the least important column of at least this priority; `false` when there is none.
fn drop_one(columns: &mut Vec<Shown<'_>>, least: u8) -> bool {
    let candidates = columns.iter().enumerate().filter(|(_, (_, c, _))| c.priority >= least);
    let last = candidates.max_by_key(|(at, (_, c, _))| (c.priority, *at)).map(|(at, _)| at);
    last.map(|at| columns.remove(at)).is_some()
}

/// Column indices that are drawn, each with its width and the width of its bar. All bars are drawn or none.
fn layout(table: &TableData, width: u16) -> Vec<(usize, u16, u16)> {
    let natural = |i: usize, column: &Column| {
        let cells = table.rows.iter().filter_map(|r| r.cells.get(i));
        let widest = cells.map(|c| format::width(&c.text)).max().unwrap_or(0);
        u16::try_from(widest.max(format::width(&column.title))).unwrap_or(u16::MAX).max(column.min)
    };
    let all: Vec<Shown<'_>> = table.columns.iter().enumerate().map(|(i, c)| (i, c, natural(i, c))).collect();
    let bars =
        |columns: &[Shown<'_>]| columns.iter().filter(|(_, c, _)| c.bar > 0).map(|(_, c, _)| c.bar + 1).sum();
    let with_bars = |columns: &[Shown<'_>]| {
        let bars: u16 = bars(columns);
        needed(columns, |c, natural| natural.min(GROW_BEFORE_BARS.max(c.min))).saturating_add(bars)
    };
    let mut shown = all.clone();
    let has_bars = bars(&shown) > 0;
    while has_bars && with_bars(&shown) > width && drop_one(&mut shown, PRIORITY_BELOW_BARS) {}
    let barred = has_bars && with_bars(&shown) <= width;
    if !barred {
        shown = all;
        while needed(&shown, |c, _| c.min) > width && drop_one(&mut shown, 1) {}
    }
    let bars: u16 = if barred { bars(&shown) } else { 0 };
    let mut spare = width.saturating_sub(needed(&shown, |c, _| c.min)).saturating_sub(bars);
    let mut out = Vec::with_capacity(shown.len());
    for (i, column, natural) in &shown {
        let start = if column.grow { column.min } else { *natural };
        let more = natural.saturating_sub(start).min(spare);
        spare -= more;
        let bar = if barred { column.bar } else { 0 };
        let bar_cells = if bar > 0 { bar + 1 } else { 0 };
        out.push((*i, start.saturating_add(more).saturating_add(bar_cells), bar));
    }
    out
}

/// First row to draw so that `selected` is in view, starting from where the window stood.
fn window_start(rows: &[Row], selected: usize, scroll: usize, height: usize) -> usize {
    let last = rows.len().saturating_sub(1);
    let selected = selected.min(last);
    let mut start = scroll.min(selected);
    let needed = |from: usize| rows.iter().take(selected + 1).skip(from).map(Row::height).sum::<usize>();
    while start < selected && needed(start) > height {
        start += 1;
    }
    let below = |from: usize| rows.iter().skip(from).map(Row::height).sum::<usize>();
    while let Some(before) = start.checked_sub(1) {
        if below(before) > height {
            break;
        }
        start = before;
    }
    start
}

/// How the rows of an area are shared out.
struct Window {
    header: u16,
    body: u16,
    start: usize,
    marked: bool,
}

fn window(table: &TableData, view: &View<'_>, height: u16) -> Window {
    let header = u16::from(height >= HEADER_ROWS_MIN);
    let space = height.saturating_sub(header);
    let all: usize = table.rows.iter().map(Row::height).sum();
    let mut footer = u16::try_from(table.footer.len()).unwrap_or(u16::MAX);
    footer = footer.min(space.saturating_sub(BODY_ROWS_MIN));
    let marked = all > usize::from(space - footer) || table.unfiltered.is_some();
    if marked && footer == 0 && space > BODY_ROWS_MIN {
        footer = 1;
    }
    let body = space - footer;
    let start = window_start(&table.rows, view.selected, view.scroll, usize::from(body));
    Window { header, body, start, marked }
}

/// First row that is drawn in an area of this height; kept as the view's scroll, it lets the cursor move freely.
pub fn first_row(table: &TableData, view: &View<'_>, height: u16) -> usize {
    window(table, view, height).start
}

/// The row drawn at line `y` of an area of this height, if there is one.
pub fn row_at(table: &TableData, view: &View<'_>, height: u16, y: u16) -> Option<usize> {
    let Window { header, body, start, .. } = window(table, view, height);
    let line = usize::from(y.checked_sub(header).filter(|line| *line < body)?);
    let mut top = 0;
    for (i, row) in table.rows.iter().enumerate().skip(start) {
        top += row.height();
        if line < top {
            return Some(i);
        }
    }
    None
}

/// Draws a table, or `empty` when it has no rows.
pub fn draw(table: &TableData, empty: &str, view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let mut pen = Pen::new(buf, area);
    if table.rows.is_empty() {
        draw_empty(table, empty, view, &mut pen);
        return;
    }
    let columns = layout(table, pen.width().saturating_sub(GUTTER));
    let Window { header, body, start, marked } = window(table, view, pen.height());
    if header > 0 {
        draw_header(table, &columns, view, &mut pen);
    }
    let mut y = header;
    let mut drawn = 0;
    for (i, row) in table.rows.iter().enumerate().skip(start) {
        if y >= header + body {
            break;
        }
        draw_row(
            row,
            i == view.selected && view.focused,
            &columns,
            table,
            view,
            &mut pen,
            (y, header + body),
        );
        y += u16::try_from(row.height()).unwrap_or(1);
        drawn += 1;
    }
    draw_footer(table, view, &mut pen, header + body, marked.then_some((start, drawn)));
}

fn draw_empty(table: &TableData, empty: &str, view: &View<'_>, pen: &mut Pen<'_>) {
    let filtered = table.unfiltered.filter(|n| *n > 0);
    let text = filtered.map_or_else(
        || table.hidden.clone().unwrap_or_else(|| empty.to_owned()),
        |n| format!("None of {n} rows contains '{}'. Esc clears the filter.", view.filter.trim()),
    );
    paragraph(&text, view, pen);
}

/// Writes a quiet paragraph, broken to the width, one row below the top where there is room.
pub fn paragraph(text: &str, view: &View<'_>, pen: &mut Pen<'_>) {
    let margin = u16::from(pen.width() > 20);
    let lines = super::text::wrap(text, usize::from(pen.width().saturating_sub(2 * margin)));
    let top = u16::from(usize::from(pen.height()) > lines.len() + 1);
    for (y, line) in (top..).zip(&lines) {
        pen.put(margin, y, line, view.theme.style(Meaning::Muted));
    }
}

fn aligned(text: &str, align: Align, cells: u16, ascii: bool) -> String {
    match align {
        Align::Left => format::pad_right(text, usize::from(cells), ascii),
        Align::Right => format::pad_left(text, usize::from(cells), ascii),
    }
}

fn draw_header(table: &TableData, columns: &[(usize, u16, u16)], view: &View<'_>, pen: &mut Pen<'_>) {
    let style = view.theme.style(Meaning::Header);
    let mut x = GUTTER;
    for (i, wide, _) in columns {
        if let Some(column) = table.columns.get(*i) {
            pen.put(x, 0, &aligned(&column.title, column.align, *wide, view.ascii), style);
        }
        x = x.saturating_add(*wide).saturating_add(GAP);
    }
}

fn draw_row(
    row: &Row,
    selected: bool,
    columns: &[(usize, u16, u16)],
    table: &TableData,
    view: &View<'_>,
    pen: &mut Pen<'_>,
    (y, end): (u16, u16),
) {
    let mut x = GUTTER;
    for (i, wide, bar_cells) in columns {
        if let (Some(cell), Some(column)) = (row.cells.get(*i), table.columns.get(*i)) {
            let mut at = x;
            if *bar_cells > 0 {
                at = draw_bar(cell, *bar_cells, view, pen, (x, y)) + 1;
            }
            let room = wide.saturating_sub(at - x);
            let text = aligned(&cell.text, column.align, room, view.ascii);
            pen.put(at, y, &text, view.theme.style(cell.meaning));
        }
        x = x.saturating_add(*wide).saturating_add(GAP);
    }
    if let Some(detail) = row.detail.as_ref().filter(|_| y + 1 < end) {
        let room = usize::from(pen.width().saturating_sub(GUTTER + 2));
        let hook = if view.ascii { "` " } else { "└ " };
        let at = pen.put(GUTTER, y + 1, hook, view.theme.style(Meaning::Track));
        pen.put(
            at,
            y + 1,
            &format::truncate(&detail.text, room, view.ascii),
            view.theme.style(detail.meaning),
        );
    }
    if selected {
        pen.put(0, y, if view.ascii { ">" } else { "▸" }, view.theme.style(Meaning::Accent));
        let width = pen.width();
        pen.paint(0, y, width, view.theme.style(Meaning::Selection));
    }
}

fn draw_bar(cell: &Cell, cells: u16, view: &View<'_>, pen: &mut Pen<'_>, (x, y): (u16, u16)) -> u16 {
    let track = view.theme.style(Meaning::Track);
    match cell.bar {
        None => x + cells,
        Some(CellBar::Use(share)) => {
            let (head, tail) = bar::filled(share, usize::from(cells), view.ascii);
            let at = pen.put(x, y, &head, view.theme.style(bar::use_meaning(share).0));
            pen.put(at, y, &tail, track);
            x + cells
        }
        Some(CellBar::Signed(value)) => {
            let (left, body, right) = bar::signed(value, usize::from(cells), view.ascii);
            let meaning = if value < 0.0 { Meaning::Down } else { Meaning::Up };
            pen.spans(x, y, [(left.as_str(), track), (&body, view.theme.style(meaning)), (&right, track)]);
            x + cells
        }
    }
}

fn draw_footer(
    table: &TableData,
    view: &View<'_>,
    pen: &mut Pen<'_>,
    top: u16,
    shown: Option<(usize, usize)>,
) {
    for (y, line) in (top..).zip(&table.footer) {
        let mut x = GUTTER;
        for cell in line {
            let wide = u16::try_from(format::width(&cell.text)).unwrap_or(u16::MAX);
            if x > GUTTER && x.saturating_add(wide) > pen.width() {
                break;
            }
            x = pen.put(x, y, &cell.text, view.theme.style(cell.meaning)).saturating_add(GAP);
        }
    }
    let Some((start, drawn)) = shown.filter(|_| top < pen.height()) else { return };
    let all = table.rows.len();
    let mut text = format!(" {}-{} of {all}", start + 1, start + drawn);
    if let Some(unfiltered) = table.unfiltered {
        text.push_str(&format!(" (filter '{}', {unfiltered} in all)", view.filter.trim()));
    }
    let last = pen.height() - 1;
    let text = format::truncate(&text, usize::from(pen.width()), view.ascii);
    pen.put_right(last, &text, view.theme.style(Meaning::Muted));
}
