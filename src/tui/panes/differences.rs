//! Differences between accounts and their brokers: what each is in its own words, for how long, what can be done, and
//! who asked to take it over. Nothing here is ever traded away.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, UnixNanos};
use crate::service::view::DifferenceRow;
use crate::tui::format;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Differences,
    title: "Broker differences",
    code: "RECO",
    capability: Capability::ViewLimits,
    empty: "What differs between accounts and their brokers, to be looked at by a person. Nothing does: they agree, or no account is at a broker.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn rows<'a>(view: &View<'a>) -> &'a [DifferenceRow] {
    view.screen.differences.as_ref().map_or(&[], |d| d.rows.as_slice())
}

fn note(view: &View<'_>) -> String {
    let (all, waits) = (rows(view).len(), rows(view).iter().filter(|r| r.asked_by.is_some()).count());
    let all = if all == 0 { String::new() } else { format!("X {all}") };
    let waits = if waits == 0 { String::new() } else { format!("! {waits} waiting") };
    cells::joined(&[&all, &waits])
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("ACCOUNT", 0),
        Column::right("AGE", 1),
        Column::left("WHAT DIFFERS", 0).growing(44),
        Column::left("TAKE-OVER", 2),
        Column::right("SHARES", 3),
        Column::right("COST", 4),
    ]);
    let now = view.screen.differences.as_ref().map_or(UnixNanos::ZERO, |d| d.at);
    table.rows = rows(view).iter().map(|row| line(row, now)).collect();
    table
}

fn line(row: &DifferenceRow, now: UnixNanos) -> Row {
    let asked = row.asked_by.map(|by| Cell::new(format!("! {by} asks"), Meaning::Warn));
    let cells = vec![
        Cell::new(row.account.as_str(), Meaning::Title),
        row.since.map_or_else(Cell::missing, |since| Cell::muted(format::age(now, since))),
        Cell::new(row.difference.as_str(), Meaning::Breach),
        asked.unwrap_or_else(Cell::missing),
        row.quantity.map_or_else(Cell::missing, |q| Cell::text(format::quantity(q))),
        row.cost.map_or_else(Cell::missing, |c| Cell::text(format::money(c))),
    ];
    let mut line = Row::new(RowKey::Difference(row.account, row.difference.clone()), cells);
    line.detail = Some(Cell::muted(match row.asked_by {
        Some(by) => format!("T agrees to take it over, not by {by}; else correct it at the broker"),
        None if row.quantity.is_some() => {
            "T asks a second person to take it over; else correct it at the broker".to_owned()
        }
        None => row.remedy.clone(),
    }));
    line
}
