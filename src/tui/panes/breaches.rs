//! Breaches: what risk refused, what it saw and what is allowed.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::BreachRow;
use crate::tui::format::LocalClock;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Breaches,
    title: "Breaches",
    code: "BRCH",
    capability: Capability::ViewLimits,
    empty: "Orders that risk refused and other risk events. None so far: nothing to do.",
    table: Some(table),
    note: |view| match view.screen.breaches.as_ref().map_or(0, Vec::len) {
        0 => String::new(),
        n => n.to_string(),
    },
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::left(clock.title(), 1),
        Column::left("ACCOUNT", 3),
        Column::left("CODE", 0),
        Column::right("OBSERVED", 0),
        Column::right("ALLOWED", 0),
        Column::left("LIMIT", 2),
        Column::left("ORDER", 5),
        Column::left("WHAT", 4).growing(12),
    ]);
    let rows = view.screen.breaches.iter().flatten().enumerate();
    table.rows = rows.map(|(i, breach)| line(i, breach, clock, view)).collect();
    table
}

fn line(place: usize, breach: &BreachRow, clock: LocalClock, view: &View<'_>) -> Row {
    let cells = vec![
        Cell::muted(clock.short(breach.time, view.screen.data.market_time)),
        Cell::muted(breach.account.as_str()),
        Cell::new(format!("X {}", breach.code), Meaning::Breach),
        Cell::text(super::limits::shown_by_name(&breach.limit, &breach.observed)),
        Cell::text(super::limits::shown_by_name(&breach.limit, &breach.threshold)),
        Cell::muted(breach.limit.replace('_', " ")),
        breach.id.map_or_else(Cell::missing, |id| Cell::muted(id.as_str())),
        Cell::muted(breach.text.as_str()),
    ];
    Row::new(RowKey::Breach(place), cells)
}
