//! Health: what is measured about the system and whether it is as it should be.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Health,
    title: "Health",
    code: "HLTH",
    capability: Capability::Administer,
    empty: "Measures of the system: stores, queues, disk. Nothing measured yet: it fills within a second.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let bad = view.screen.health.iter().flatten().filter(|h| !h.ok).count();
    match (view.screen.health.is_some(), bad) {
        (false, _) => String::new(),
        (true, 0) => "all well".to_owned(),
        (true, bad) => format!("! {bad} to look at"),
    }
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("", 0),
        Column::left("WHAT", 0),
        Column::left("VALUE", 0).growing(6),
    ]);
    let rows = view.screen.health.iter().flatten();
    table.rows = rows
        .map(|row| {
            let (mark, meaning) = if row.ok { ("ok", Meaning::Good) } else { ("! ", Meaning::Warn) };
            let value = if row.ok { Meaning::Text } else { Meaning::Warn };
            let cells =
                vec![Cell::new(mark, meaning), Cell::muted(row.name.as_str()), Cell::new(row.value.as_str(), value)];
            Row::new(RowKey::None, cells)
        })
        .collect();
    table
}
