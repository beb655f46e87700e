//! Cells that several panes share, so that the same figure looks the same everywhere.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, RowKey, TableData, View};
use crate::domain::order::Side;
use crate::domain::{AccountId, Money, OrderStatus, Price, Quantity, Ratio, UnixNanos};
use crate::service::view::Account;
use crate::tui::format::{self, Direction, Figures};
use crate::tui::theme::Meaning;
use crate::tui::widgets::table;

/// Draws a pane that is nothing but its table.
pub fn draw_table(pane: &PaneDef, view: &View<'_>, area: Rect, buf: &mut Buffer) {
    if let Some(rows) = pane.rows(view) {
        table::draw(&rows, pane.empty, view, area, buf);
    }
}

/// Only the names that pass the screen in force.
pub fn screened(mut rows: TableData, view: &View<'_>) -> TableData {
    let Some(screen) = view.lab.screened() else { return rows };
    let before = rows.rows.len();
    rows.rows.retain(|row| match &row.key {
        RowKey::Instrument(instrument) => screen.passing.contains(instrument),
        _ => true,
    });
    if rows.rows.is_empty() && before > 0 {
        rows.hidden = Some(format!("None of {before} names passes the screen {}. F lifts it.", screen.text));
    }
    rows
}

/// The screen in force in a few words; nothing without one.
pub fn screen_note(view: &View<'_>) -> String {
    match (&view.lab.screen, view.lab.screened()) {
        (None, _) => String::new(),
        (Some(_), Some(screen)) => format!("screen {} of {}", screen.passing.len(), screen.names),
        (Some(_), None) => "screen ...".to_owned(),
    }
}

/// A value of an expression.
pub fn value(value: f64, truth: bool, figures: Figures) -> Cell {
    match (truth, value > 0.0) {
        (true, true) => Cell::new("yes", Meaning::Up),
        (true, false) => Cell::muted("no"),
        (false, _) => Cell::text(figures.show(value)),
    }
}

/// Meaning of a figure's sign.
pub const fn sign(raw: i64) -> Meaning {
    match Direction::of(raw) {
        Direction::Up => Meaning::Up,
        Direction::Down => Meaning::Down,
        Direction::Flat => Meaning::Flat,
    }
}

/// A change with arrow and sign: `▲ +1.12%`.
pub fn change(value: Option<Ratio>, ascii: bool) -> Cell {
    value.map_or_else(Cell::missing, |ratio| {
        let arrow = Direction::of(ratio.raw()).arrow(ascii);
        Cell::new(format!("{arrow} {}", format::percent_signed(ratio)), sign(ratio.raw()))
    })
}

/// A gain or loss in whole units of money, with its sign.
pub fn gain(value: Option<Money>) -> Cell {
    value.map_or_else(Cell::missing, |money| Cell::new(format::money_whole_signed(money), sign(money.raw())))
}

/// A price; a stale one looks different.
pub fn price(value: Option<Price>, stale: bool) -> Cell {
    match (value, stale) {
        (None, _) => Cell::missing(),
        (Some(price), false) => Cell::text(format::price(price)),
        (Some(price), true) => Cell::new(format!("{} ?", format::price(price)), Meaning::Stale),
    }
}

/// Age of a price against market time.
pub fn age(now: Option<UnixNanos>, then: Option<UnixNanos>, stale: bool) -> Cell {
    match (now.zip(then), stale) {
        (Some((now, then)), false) => Cell::muted(format::age(now, then)),
        (Some((now, then)), true) => Cell::new(format!("{} ?", format::age(now, then)), Meaning::Stale),
        (None, _) => Cell::missing(),
    }
}

/// Shares held; nothing held is quiet.
pub fn held(quantity: Quantity) -> Cell {
    if quantity.is_zero() { Cell::missing() } else { Cell::new(format::quantity(quantity), Meaning::Own) }
}

/// Buy or sell in capitals.
pub const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// Where an order stands, in a word with a mark for what went wrong.
pub const fn status(status: OrderStatus) -> (&'static str, Meaning) {
    match status {
        OrderStatus::Denied => ("X DENIED", Meaning::Breach),
        OrderStatus::Rejected => ("X REJECTED", Meaning::Breach),
        OrderStatus::Held => ("! HELD", Meaning::Warn),
        OrderStatus::PendingApproval => ("! APPROVE", Meaning::Warn),
        OrderStatus::Suspended => ("! SUSPENDED", Meaning::Warn),
        OrderStatus::Submitted => ("SENT", Meaning::Own),
        OrderStatus::Accepted => ("WORKING", Meaning::Own),
        OrderStatus::Triggered => ("TRIGGERED", Meaning::Own),
        OrderStatus::PendingUpdate => ("CHANGING", Meaning::Own),
        OrderStatus::PendingCancel => ("CANCELING", Meaning::Own),
        OrderStatus::PartiallyFilled => ("PART", Meaning::Own),
        OrderStatus::Filled => ("FILLED", Meaning::Good),
        OrderStatus::Canceled => ("CANCELED", Meaning::Muted),
        OrderStatus::Expired => ("EXPIRED", Meaning::Muted),
    }
}

/// The account that panes speak of.
pub fn current_account<'a>(view: &View<'a>) -> Option<&'a Account> {
    let name: AccountId = view.screen.account?;
    view.screen.accounts.iter().find(|a| a.account == name)
}

/// Currency of the current account, or nothing.
pub fn currency(view: &View<'_>) -> String {
    current_account(view).map_or_else(String::new, |a| a.currency.to_string())
}

/// `SIMULATED` while prices come from the simulated exchange.
pub fn simulated(view: &View<'_>) -> &'static str {
    if view.screen.data.simulated { "SIMULATED" } else { "" }
}

/// Pieces that are not empty, two spaces between them.
pub fn joined(pieces: &[&str]) -> String {
    let shown: Vec<&str> = pieces.iter().copied().filter(|p| !p.is_empty()).collect();
    shown.join("  ")
}
