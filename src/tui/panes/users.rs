//! Users: who may come in, as what, and when they last did. Times are UTC: they are wall times.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::UserRow;
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Users,
    title: "Users",
    code: "USER",
    capability: Capability::Administer,
    empty: "People and their roles. None but you: add one with 'qlib-pro user add NAME --role ROLE'.",
    table: Some(table),
    note: |view| match view.screen.users.as_ref().map_or(0, Vec::len) {
        0 => String::new(),
        n => n.to_string(),
    },
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("USER", 0),
        Column::left("ROLE", 0),
        Column::left("STATE", 0),
        Column::right("LAST LOGIN", 1),
        Column::left("CREATED", 3),
        Column::left("RISK", 4),
    ]);
    table.rows = view.screen.users.iter().flatten().map(|user| line(user, view)).collect();
    table
}

fn line(user: &UserRow, view: &View<'_>) -> Row {
    let state = if user.disabled {
        Cell::new("X disabled", Meaning::Breach)
    } else {
        Cell::new("active", Meaning::Good)
    };
    let seen = user.last_login.map_or_else(|| "never".to_owned(), |t| format!("{} ago", format::age(view.screen.wall, t)));
    let name = if user.name == view.screen.user { Meaning::Own } else { Meaning::Title };
    let cells = vec![
        Cell::new(user.name.as_str(), name),
        Cell::text(user.role.as_str()),
        state,
        Cell::text(seen),
        Cell::muted(LocalClock::utc().date(user.created_at)),
        Cell::muted(user.risk_tolerance.as_str()),
    ];
    Row::new(RowKey::User(user.name), cells)
}
