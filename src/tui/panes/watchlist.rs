//! Watchlist: price, change, age, signal and holding of every watched name.

use super::{Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::domain::{Price, Quantity};
use crate::service::view::WatchRow;
use crate::tui::format;
use crate::tui::theme::Meaning;

use super::Cell;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Watchlist,
    title: "Watchlist",
    code: "W",
    capability: Capability::ViewMarket,
    empty: "Names you watch, with price, change and age. Press f to find a name, then w to add it.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let names = view.screen.watchlist.len();
    let count = if names == 0 { String::new() } else { names.to_string() };
    cells::joined(&[&count, cells::simulated(view)])
}

fn table(view: &View<'_>) -> TableData {
    let ranked = view.screen.may(Capability::ViewSignals);
    let mut columns = vec![
        Column::left("SYM", 0),
        Column::right("LAST", 0),
        Column::right("CHG%", 0),
        Column::right("BID", 7),
        Column::right("ASK", 7),
        Column::right("VOL", 4),
        Column::right("AGE", 1),
    ];
    if ranked {
        columns.push(Column::right("SIG", 2));
    }
    columns.push(Column::right("HELD", 3));
    columns.push(Column::left("NAME", 6).growing(10));
    let mut table = TableData::new(columns);
    table.rows = view.screen.watchlist.iter().map(|row| line(row, ranked, view)).collect();
    table
}

fn line(row: &WatchRow, ranked: bool, view: &View<'_>) -> Row {
    let mut line = vec![
        Cell::new(row.symbol.as_str(), if row.stale { Meaning::Stale } else { Meaning::Title }),
        cells::price(row.last_price, row.stale),
        if row.stale { Cell::new("? stale", Meaning::Stale) } else { cells::change(row.change, view.ascii) },
        side(row.bid),
        side(row.ask),
        row.volume.map_or_else(Cell::missing, |v| Cell::text(format::volume(v))),
        cells::age(view.screen.data.market_time, row.price_time, row.stale),
    ];
    if ranked {
        line.push(row.rank.map_or_else(Cell::missing, |r| Cell::text(format!("#{r}"))));
    }
    line.push(cells::held(row.held));
    line.push(Cell::muted(row.name.as_str()));
    Row::new(RowKey::Instrument(row.instrument), line)
}

/// One side of the quote.
fn side(quote: Option<(Price, Quantity)>) -> Cell {
    quote.map_or_else(Cell::missing, |(price, _)| Cell::text(format::price(price)))
}
