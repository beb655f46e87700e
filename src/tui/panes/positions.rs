//! Positions: what the current account holds, its gain against cost and against yesterday.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, Money};
use crate::service::view::Position;
use crate::tui::format;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Positions,
    title: "Positions",
    code: "POS",
    capability: Capability::ViewPortfolio,
    empty: "What this account holds, with gain and weight. Nothing is held yet: select a name and press b to buy.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let held = view.screen.positions.len();
    let count = if held == 0 { String::new() } else { held.to_string() };
    let account = view.screen.account.map_or_else(String::new, |a| a.to_string());
    cells::joined(&[&count, &account, cells::simulated(view)])
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("SYM", 0),
        Column::right("QTY", 0),
        Column::right("AVG COST", 4),
        Column::right("LAST", 2),
        Column::right("VALUE", 5),
        Column::right("P&L", 0),
        Column::right("P&L%", 1),
        Column::right("DAY", 3),
        Column::right("WT%", 2),
        Column::left("NAME", 7).growing(8),
    ]);
    table.rows = view.screen.positions.iter().map(|p| line(p, view)).collect();
    if !table.rows.is_empty() {
        table.footer = totals(view);
    }
    table
}

fn line(position: &Position, view: &View<'_>) -> Row {
    let name = if position.stale { Meaning::Stale } else { Meaning::Title };
    let cells = vec![
        Cell::new(position.symbol.as_str(), name),
        Cell::text(format::quantity(position.quantity)),
        position.average_price.map_or_else(Cell::missing, |p| Cell::muted(format::price(p))),
        cells::price(position.last_price, position.stale),
        position.market_value.map_or_else(Cell::missing, |v| Cell::text(format::money_whole(v))),
        cells::gain(position.profit),
        cells::change(position.profit_share, view.ascii),
        cells::gain(position.day_profit),
        position.weight.map_or_else(Cell::missing, |w| Cell::text(format::percent(w))),
        Cell::muted(position.name.as_str()),
    ];
    Row::new(RowKey::Instrument(position.instrument), cells)
}

/// Day and open gain, exposure, cash and equity, with the currency.
fn totals(view: &View<'_>) -> Vec<Vec<Cell>> {
    let Some(account) = cells::current_account(view) else { return Vec::new() };
    let labelled = |label: &str, cell: Cell| Cell { text: format!("{label} {}", cell.text), ..cell };
    let money = |label: &str, value: Option<Money>| {
        let text = value.map_or_else(|| format::MISSING.to_owned(), format::money_whole);
        Cell::text(format!("{label} {text}"))
    };
    let gross = account.gross_exposure.map_or_else(|| format::MISSING.to_owned(), format::percent);
    vec![
        vec![
            labelled("Day", cells::gain(account.day_profit)),
            labelled("Open", cells::gain(account.open_profit)),
            labelled("Realized", cells::gain(Some(account.realized))),
            Cell::muted(format!("Gross {gross}")),
        ],
        vec![
            money("Cash", Some(account.cash)),
            money("Equity", account.equity),
            Cell::muted(account.currency.to_string()),
        ],
    ]
}
