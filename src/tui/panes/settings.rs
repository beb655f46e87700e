//! Settings: key, value in force, what it may be and what it does.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::SettingRow;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Settings,
    title: "Settings",
    code: "SET",
    capability: Capability::ViewMarket,
    empty: "Settings that you may change, and what they do. There are none.",
    table: Some(table),
    note: |_| "Enter changes".to_owned(),
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("SETTING", 0),
        Column::left("VALUE", 0),
        Column::left("DEFAULT", 4),
        Column::left("CHOICES", 5),
        Column::left("WHAT IT DOES", 2).growing(28),
    ]);
    table.rows = view.screen.settings.iter().map(line).collect();
    table
}

fn line(setting: &SettingRow) -> Row {
    let changed = setting.value != setting.default;
    let cells = vec![
        Cell::new(setting.key.as_str(), Meaning::Title),
        Cell::new(setting.value.as_str(), if changed { Meaning::Own } else { Meaning::Text }),
        Cell::muted(setting.default.as_str()),
        Cell::muted(setting.choices.join(" ")),
        Cell::muted(setting.doc.as_str()),
    ];
    Row::new(RowKey::Setting(setting.key.clone()), cells)
}
