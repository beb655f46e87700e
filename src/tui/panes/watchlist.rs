//! Watchlist: price, change, age, signal and holding of every watched name.

use super::{Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::domain::{Price, Quantity};
use crate::service::view::WatchRow;
use crate::tui::format::{self, Figures};
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
    let column = view.lab.column.as_deref().filter(|_| view.screen.may(Capability::ViewSignals));
    let column = column.map_or_else(String::new, |text| format!("FX = {text}"));
    let polled = view.screen.watchlist.iter().filter(|row| row.asked.is_some()).count();
    let polled = if polled == 0 { String::new() } else { format!("{polled} polled") };
    cells::joined(&[&count, &polled, &cells::screen_note(view), cells::simulated(view), &column])
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
    let formula = ranked && view.lab.column.is_some();
    if formula {
        columns.push(Column::right("FX", 0));
    }
    columns.push(Column::right("HELD", 3));
    columns.push(Column::left("NAME", 6).growing(10));
    let mut table = TableData::new(columns);
    let figures = Figures::of(view.lab.column_values().iter().flat_map(|c| c.values.values().copied()));
    let column = formula.then_some(figures);
    table.rows = view.screen.watchlist.iter().map(|row| line(row, ranked, column, view)).collect();
    table
}

/// The value of the expression that is the watchlist's column.
fn formula(row: &WatchRow, figures: Figures, view: &View<'_>) -> Cell {
    let Some(column) = view.lab.column_values() else { return Cell::new("...", Meaning::Stale) };
    match column.values.get(&row.instrument) {
        Some(value) => cells::value(*value, column.truth, figures),
        None => Cell::missing(),
    }
}

fn line(row: &WatchRow, ranked: bool, column: Option<Figures>, view: &View<'_>) -> Row {
    let mut line = vec![
        Cell::new(row.symbol.as_str(), if row.stale { Meaning::Stale } else { Meaning::Title }),
        cells::price(row.last_price, row.stale),
        if row.stale { Cell::new("? stale", Meaning::Stale) } else { cells::change(row.change, view.ascii) },
        side(row.bid),
        side(row.ask),
        row.volume.map_or_else(Cell::missing, |v| Cell::text(format::volume(v))),
        age(row, view),
    ];
    if ranked {
        line.push(row.rank.map_or_else(Cell::missing, |r| Cell::text(format!("#{r}"))));
    }
    line.extend(column.map(|figures| formula(row, figures, view)));
    line.push(cells::held(row.held));
    line.push(Cell::muted(row.name.as_str()));
    Row::new(RowKey::Instrument(row.instrument), line)
}

/// Age of the price. One that a vendor was asked for has its age by the wall, and only a least one where its vendor does
/// not tell when it was made.
pub(super) fn age(row: &WatchRow, view: &View<'_>) -> Cell {
    let now = row.asked.map_or(view.screen.data.market_time, |asked| Some(asked.now));
    let age = cells::age(now, row.price_time, row.stale);
    let is_least = row.asked.is_some_and(|asked| !asked.is_timed);
    if is_least { Cell { text: format!(">{}", age.text), ..age } } else { age }
}

/// One side of the quote.
fn side(quote: Option<(Price, Quantity)>) -> Cell {
    quote.map_or_else(Cell::missing, |(price, _)| Cell::text(format::price(price)))
}
