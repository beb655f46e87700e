//! Signals: the latest ranking with score, confidence and what each family adds.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::{SignalRow, Signals};
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;
use crate::tui::widgets::table::CellBar;

/// Cells of a family's bar.
const BAR_CELLS: u16 = 7;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Signals,
    title: "Signals",
    code: "SIG",
    capability: Capability::ViewSignals,
    empty: "The ranking of the universe by the model. None made yet: press r to run the model on the data there is.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let Some(signals) = &view.screen.signals else { return String::new() };
    let session = signals.session.map_or_else(String::new, |d| format!("data to {d}"));
    cells::joined(&[&signals.model, &cells::screen_note(view), &signals.universe, &session, cells::simulated(view)])
}

/// Families in the order of the first row that has any.
fn families(signals: &Signals) -> Vec<String> {
    signals.rows.first().map_or_else(Vec::new, |r| r.contributions.iter().map(|(f, _)| f.clone()).collect())
}

/// Largest contribution, for the scale of the bars.
pub(super) fn scale(signals: &Signals) -> f64 {
    let all = signals.rows.iter().flat_map(|r| &r.contributions).filter_map(|(_, v)| *v);
    all.map(f64::abs).filter(|v| v.is_finite()).fold(0.0, f64::max)
}

fn table(view: &View<'_>) -> TableData {
    let Some(signals) = &view.screen.signals else { return TableData::default() };
    let families = families(signals);
    let mut columns = vec![
        Column::right("RANK", 0),
        Column::left("SYM", 0),
        Column::right("SCORE", 0),
        Column::right("CONF", 1),
        Column::right("N", 6),
    ];
    for family in &families {
        let short: String = family.chars().take(4).collect::<String>().to_uppercase();
        columns.push(Column::right(&short, 3).with_bar(BAR_CELLS));
    }
    columns.push(Column::right("HELD", 2));
    columns.push(Column::left("NAME", 5).growing(8));
    let mut table = TableData::new(columns);
    let scale = scale(signals);
    table.rows = signals.rows.iter().map(|row| line(row, &families, scale)).collect();
    if !table.rows.is_empty() {
        table.footer = vec![footer(signals, view)];
    }
    table
}

fn line(row: &SignalRow, families: &[String], scale: f64) -> Row {
    let confidence = row.confidence.map_or_else(
        || Cell::new("?", Meaning::Stale),
        |c| Cell::text(format::percent_float(c)),
    );
    let mut cells = vec![
        Cell::muted(row.rank.to_string()),
        Cell::new(row.symbol.as_str(), Meaning::Title),
        Cell::new(format::score(row.score), tone(row.score)),
        confidence,
        Cell::muted(row.outcomes.to_string()),
    ];
    for family in families {
        let value = row.contributions.iter().find(|(f, _)| f == family).and_then(|(_, v)| *v);
        cells.push(contribution(value, scale));
    }
    cells.push(cells::held(row.held));
    cells.push(Cell::muted(row.name.as_str()));
    Row::new(RowKey::Instrument(row.instrument), cells)
}

/// Meaning of a score's sign.
pub(super) fn tone(value: f64) -> Meaning {
    if value > 0.0 {
        Meaning::Up
    } else if value < 0.0 {
        Meaning::Down
    } else {
        Meaning::Flat
    }
}

fn contribution(value: Option<f64>, scale: f64) -> Cell {
    let Some(value) = value.filter(|v| v.is_finite()) else { return Cell::new("?", Meaning::Stale) };
    let share = if scale > 0.0 { value / scale } else { 0.0 };
    Cell::new(format::score(value), tone(value)).bar(CellBar::Signed(share))
}

fn footer(signals: &Signals, view: &View<'_>) -> Vec<Cell> {
    let clock = LocalClock::of(&view.screen.data);
    let made = signals.time.map_or_else(|| format::MISSING.to_owned(), |t| clock.minute(t));
    let mut line = vec![Cell::muted(format!("{} ranked, made {made}", signals.rows.len()))];
    if !signals.omissions.is_empty() {
        let omitted = signals.omissions.len();
        line.push(Cell::new(format!("! {omitted} left out, x says why"), Meaning::Warn));
    }
    line
}
