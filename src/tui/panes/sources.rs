//! Stored prices by name and source, the worst first: how far behind, how many gaps, what was flagged or set aside. Above
//! them exchanges whose listings nobody gave, with the reason and the next try.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, UnixNanos};
use crate::service::view::{Awaited, ListingRow, SourceRow};
use crate::tui::format;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Sources,
    title: "Stored prices",
    code: "SRC",
    capability: Capability::ManageData,
    empty: "Daily prices by name and source, the worst first. Nothing is stored yet: import files, or sync from a vendor.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let Some(health) = &view.screen.data_health else { return "looking...".to_owned() };
    let more = health.sources_total.saturating_sub(health.sources.len());
    let more = if more == 0 { String::new() } else { format!("{more} better ones not listed") };
    let stale = if health.stale == 0 { String::new() } else { format!("? {} behind", health.stale) };
    let lists = if health.listings.is_empty() { "" } else { "X listings failed" };
    cells::joined(&[&format!("{} in all", health.sources_total), lists, &stale, &more])
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("SYMBOL", 0),
        Column::left("SOURCE", 0),
        Column::left("BASIS", 5),
        Column::left("FROM", 6),
        Column::left("LAST", 1),
        Column::right("BEHIND", 0),
        Column::right("GAPS", 0),
        Column::right("ASIDE", 2),
        Column::right("DIFFER", 3),
        Column::right("ODD", 3),
        Column::left("SAYS", 4).growing(12),
    ]);
    let Some(health) = &view.screen.data_health else { return table };
    let listings = health.listings.iter().map(|row| listing(row, health.at));
    table.rows = listings.chain(health.sources.iter().map(line)).collect();
    table
}

/// An exchange whose listings nobody gave.
fn listing(row: &ListingRow, now: UnixNanos) -> Row {
    let mut cells = vec![Cell::missing(); 11];
    let shown = [
        (0, Cell::new(row.exchange.code(), Meaning::Title)),
        (1, Cell::text("listings")),
        (5, Cell::new("X failed", Meaning::Breach)),
    ];
    for (place, cell) in shown {
        if let Some(at) = cells.get_mut(place) {
            *at = cell;
        }
    }
    let next = match row.next {
        Some(next) if next > now => format!("asked for again in {}", format::age(next, now)),
        Some(_) => "asked for again any moment".to_owned(),
        None => "':sync listings' asks again".to_owned(),
    };
    let detail = format!("{next}; {} ago: {}", format::age(now, row.at), row.says);
    Row { detail: Some(Cell::new(detail, Meaning::Warn)), ..Row::new(RowKey::None, cells) }
}

fn line(row: &SourceRow) -> Row {
    let date = |date: Option<chrono::NaiveDate>| date.map_or_else(|| format::MISSING.to_owned(), |d| d.to_string());
    let behind = match (row.behind, row.fetched) {
        _ if row.awaited == Awaited::Delisted => Cell::muted("ended"),
        (n, true) if row.awaited == Awaited::Elsewhere => Cell::muted(n.to_string()),
        _ if row.last.is_none() => Cell::new("? all", Meaning::Stale),
        (0, _) => Cell::new("0", Meaning::Good),
        (n, true) => Cell::new(format!("? {n}"), Meaning::Stale),
        (n, false) => Cell::muted(n.to_string()),
    };
    let cells = vec![
        Cell::new(row.instrument.to_string(), Meaning::Title),
        Cell::text(row.source.as_str()),
        Cell::muted(row.basis),
        Cell::muted(date(row.first)),
        Cell::text(date(row.last)),
        behind,
        figure(row.gaps),
        figure(row.quarantined),
        figure(row.differs),
        figure(row.flagged),
        if row.says.is_empty() { Cell::missing() } else { Cell::new(row.says.as_str(), Meaning::Warn) },
    ];
    Row::new(RowKey::Source(row.instrument, row.source.clone()), cells)
}

/// A count of what should not be; none is quiet.
fn figure(count: u32) -> Cell {
    if count == 0 { Cell::missing() } else { Cell::new(count.to_string(), Meaning::Warn) }
}
