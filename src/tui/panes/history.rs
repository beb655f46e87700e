//! Trade history: every fill, newest first, with fee and what it realised.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, Money};
use crate::service::view::HistoryRow;
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::History,
    title: "Trade history",
    code: "TRD",
    capability: Capability::ViewPortfolio,
    empty: "Every fill of this account with its price, fee and result. None yet: b buys the selected name.",
    table: Some(table),
    note: |view| cells::joined(&[&cells::currency(view), cells::simulated(view)]),
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::left("DATE", 0),
        Column::left(clock.title(), 6),
        Column::left("SIDE", 0),
        Column::left("SYM", 0),
        Column::right("QTY", 0),
        Column::right("PRICE", 0),
        Column::right("FEE", 3),
        Column::right("P&L", 1),
        Column::left("CCY", 5),
        Column::left("ORDER", 4),
    ]);
    table.rows = view.screen.history.iter().map(|fill| line(fill, clock)).collect();
    if !table.rows.is_empty() {
        table.footer = vec![totals(view)];
    }
    table
}

fn line(fill: &HistoryRow, clock: LocalClock) -> Row {
    let realized = if fill.realized.is_zero() { Cell::missing() } else { cells::gain(Some(fill.realized)) };
    let cells = vec![
        Cell::muted(clock.date(fill.time)),
        Cell::muted(clock.time(fill.time)),
        Cell::text(cells::side(fill.side)),
        Cell::new(fill.symbol.as_str(), Meaning::Title),
        Cell::text(format::quantity(fill.quantity)),
        Cell::text(format::price(fill.price)),
        Cell::muted(format::money(fill.fee)),
        realized,
        Cell::muted(fill.currency.as_str()),
        Cell::muted(fill.id.as_str()),
    ];
    Row::new(RowKey::Order(fill.account, fill.id), cells)
}

/// Fees and realised over the account's whole life, as the account counts them.
fn totals(view: &View<'_>) -> Vec<Cell> {
    let Some(account) = cells::current_account(view) else { return Vec::new() };
    let realized: Money = account.realized;
    vec![
        Cell::new(format!("Realized {}", format::money_whole_signed(realized)), cells::sign(realized.raw())),
        Cell::text(format!("Fees {}", format::money(account.fees))),
        Cell::muted(account.currency.as_str()),
    ]
}
