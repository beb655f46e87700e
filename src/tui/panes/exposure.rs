//! Exposure: every account's gross exposure and day, and below it the largest names of the current account.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::Account;
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::table::{self, CellBar};

/// Rows that the largest names need to be worth drawing.
const NAMES_ROWS_MIN: u16 = 3;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Exposure,
    title: "Exposure",
    code: "EXPO",
    capability: Capability::ViewLimits,
    empty: "Gross exposure and result of every account. None is open: 'qlib-pro account open' opens one.",
    table: Some(rows),
    note: |view| match view.screen.accounts.len() {
        0 => String::new(),
        1 => "1 account".to_owned(),
        n => format!("{n} accounts"),
    },
    draw,
};

fn rows(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("ACCOUNT", 0),
        Column::left("KIND", 5),
        Column::left("OWNER", 6),
        Column::right("GROSS", 0).with_bar(10),
        Column::right("EQUITY", 1),
        Column::right("CASH", 4),
        Column::right("DAY", 2),
        Column::right("OPEN", 3),
        Column::left("CCY", 1),
    ]);
    table.rows = view.screen.accounts.iter().map(|account| line(account, view)).collect();
    table
}

fn line(account: &Account, view: &View<'_>) -> Row {
    let here = view.screen.account == Some(account.account);
    let gross = account.gross_exposure.map_or_else(
        || Cell::new("?", Meaning::Stale),
        |g| Cell::text(format::percent(g)).bar(CellBar::Use(g.to_f64())),
    );
    let money = |value: Option<_>| value.map_or_else(Cell::missing, |v| Cell::text(format::money_whole(v)));
    let cells = vec![
        Cell::new(account.account.as_str(), if here { Meaning::Own } else { Meaning::Title }),
        Cell::muted(account.kind.as_str()),
        Cell::muted(account.owner.map_or_else(|| "desk".to_owned(), |o| o.to_string())),
        gross,
        money(account.equity),
        money(Some(account.cash)),
        cells::gain(account.day_profit),
        cells::gain(account.open_profit),
        Cell::muted(account.currency.as_str()),
    ];
    Row::new(RowKey::Account(account.account), cells)
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some(rows) = PANE.rows(view) else { return };
    let needed = u16::try_from(rows.rows.len()).unwrap_or(u16::MAX).saturating_add(2);
    let top = needed.min(area.height / 2 + 1).min(area.height);
    let names = super::allocation::by_name(view);
    if names.is_empty() || area.height - top < NAMES_ROWS_MIN {
        table::draw(&rows, PANE.empty, view, area, buf);
        return;
    }
    table::draw(&rows, PANE.empty, view, Rect { height: top, ..area }, buf);
    let account = view.screen.account.map_or_else(String::new, |a| a.to_string());
    let mut lines = vec![Line::Section(format!("largest names of {account}, share of equity"))];
    lines.extend(super::allocation::bars(&names));
    let below = Rect { y: area.y + top, height: area.height - top, ..area };
    form::draw(&lines, &View { scroll: 0, ..*view }, below, buf);
}
