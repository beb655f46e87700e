//! System log, newest first. Times are UTC: they are wall times.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::LogRow;
use crate::tui::format::LocalClock;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Log,
    title: "System log",
    code: "LOG",
    capability: Capability::Administer,
    empty: "What the system says about itself. Nothing yet: it fills as things happen.",
    table: Some(table),
    note: |_| "newest first".to_owned(),
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("UTC", 0),
        Column::left("LEVEL", 0),
        Column::left("ROOM", 2),
        Column::left("TEXT", 0).growing(10),
    ]);
    table.rows = view.screen.log.iter().flatten().rev().map(|row| line(row, view)).collect();
    table
}

fn line(row: &LogRow, view: &View<'_>) -> Row {
    let (level, meaning) = match row.level.as_str() {
        "ERROR" => ("X ERROR", Meaning::Breach),
        "WARN" => ("! WARN", Meaning::Warn),
        "DEBUG" => ("  DEBUG", Meaning::Muted),
        other => (if other == "INFO" { "  INFO" } else { other }, Meaning::Text),
    };
    let cells = vec![
        Cell::muted(LocalClock::utc().short(row.time, Some(view.screen.wall))),
        Cell::new(level, meaning),
        Cell::muted(row.target.as_str()),
        Cell::text(row.text.as_str()),
    ];
    Row::new(RowKey::None, cells)
}
