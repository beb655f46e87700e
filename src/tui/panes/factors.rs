//! Factors: every factor that can be looked up, to be searched and put under the pen.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::FactorRow;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Factors,
    title: "Factors",
    code: "FA",
    capability: Capability::ViewSignals,
    empty: "Factors that ship with the program, and your own. Enter puts one under the pen, / searches; \
            S keeps the expression under the pen as a factor.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let own = view.lab.factors.iter().filter(|f| f.own).count();
    let own = if own > 0 { format!("{own} own") } else { String::new() };
    let all = view.lab.factors.len();
    cells::joined(&[&if all > 0 { all.to_string() } else { String::new() }, &own])
}

fn table(view: &View<'_>) -> TableData {
    if view.lab.factors.is_empty() {
        let hidden = (!view.lab.factors_known && !view.screen.watchlist.is_empty()).then(|| "Reading factors...".to_owned());
        return TableData { hidden, ..TableData::default() };
    }
    let mut table = TableData::new(vec![
        Column::left("NAME", 0),
        Column::left("FAMILY", 4),
        Column::right("BACK", 3),
        Column::left("EXPRESSION", 1).growing(26),
        Column::left("WHAT IT MEASURES", 6).growing(20),
    ]);
    table.rows = view.lab.factors.iter().map(|f| line(f, view.lab.text())).collect();
    if let Some(factor) = view.lab.factors.iter().filter(|f| passes(f, view.filter)).nth(view.selected)
        && let Some(row) = table.rows.iter_mut().find(|r| r.key == key(factor))
    {
        let colon = if factor.doc.is_empty() { "" } else { ": " };
        let unit = if factor.unit.is_empty() { String::new() } else { format!(" ({})", factor.unit) };
        row.detail = Some(Cell::muted(format!("{}{colon}{}{unit}", factor.family, factor.doc)));
    }
    table
}

/// Whether a filter leaves a factor in; the words are those of the cells.
fn passes(factor: &FactorRow, filter: &str) -> bool {
    let needle = filter.trim().to_lowercase();
    let contains = |row: Row| row.cells.iter().any(|c| c.text.to_lowercase().contains(&needle));
    needle.is_empty() || contains(line(factor, ""))
}

fn key(factor: &FactorRow) -> RowKey {
    RowKey::Factor(factor.family.clone(), factor.name.clone())
}

fn line(factor: &FactorRow, under_pen: &str) -> Row {
    let loaded = factor.expression == under_pen;
    let name = if loaded || factor.own { Meaning::Own } else { Meaning::Title };
    let cells = vec![
        Cell::new(factor.name.as_str(), name),
        Cell::muted(factor.family.as_str()),
        Cell::muted(factor.back.to_string()),
        Cell::new(factor.expression.as_str(), if loaded { Meaning::Accent } else { Meaning::Text }),
        Cell::muted(factor.doc.as_str()),
    ];
    Row::new(key(factor), cells)
}
