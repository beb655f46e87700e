//! Rows that were read and not stored, newest first, each with its reason and what can be done.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::SetAside;
use crate::tui::format;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::SetAside,
    title: "Set aside",
    code: "QUAR",
    capability: Capability::ManageData,
    empty: "Rows of files and vendors that were not good enough to be stored. There are none.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let Some(health) = &view.screen.data_health else { return "looking...".to_owned() };
    let (total, found, shown) = (health.set_aside_total, health.set_aside_found, health.set_aside.len());
    let [all, with] = [total, found].map(|n| format::grouped(&n.to_string()));
    match (health.set_aside_text.is_empty(), found > shown) {
        _ if total == 0 => String::new(),
        (true, true) => format!("{shown} newest of {all}: filter all with /"),
        (true, false) => format!("{all} {}", if total == 1 { "row" } else { "rows" }),
        (false, true) => format!("{shown} newest of {with} of {all}: filter further with /"),
        (false, false) => format!("{with} of {all} rows"),
    }
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("SYMBOL", 0),
        Column::left("DATE", 0),
        Column::left("REASON", 0),
        Column::left("", 0),
        Column::left("FROM", 2).growing(10),
        Column::right("ROW", 4),
        Column::left("AS READ", 3).growing(12),
        Column::left("WHAT TO DO", 1).growing(16),
    ]);
    let rows = view.screen.data_health.iter().flat_map(|h| &h.set_aside);
    table.rows = rows.map(line).collect();
    table.hidden = view.screen.data_health.as_ref().filter(|h| !h.set_aside_text.is_empty()).map(|health| {
        let all = format::grouped(&health.set_aside_total.to_string());
        format!("None of {all} rows contains '{}'. Esc clears the filter.", health.set_aside_text.trim())
    });
    table
}

fn line(row: &SetAside) -> Row {
    let cells = vec![
        Cell::new(row.symbol.as_str(), Meaning::Title),
        Cell::text(row.date.as_str()),
        Cell::new(row.reason.as_str(), Meaning::Warn),
        if row.refetch { Cell::new("again", Meaning::Own) } else { Cell::muted("") },
        Cell::muted(row.from.as_str()),
        Cell::muted(row.line.to_string()),
        Cell::muted(row.raw.as_str()),
        Cell::text(row.remedy),
    ];
    Row::new(RowKey::SetAside(row.id), cells)
}
