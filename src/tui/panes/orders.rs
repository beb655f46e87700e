//! Orders: today's orders, how far they are filled, and for each end or wait the reason in words.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, OrderStatus, RefusalCode};
use crate::service::view::OrderRow;
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;
use crate::tui::words;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Orders,
    title: "Orders today",
    code: "BLT",
    capability: Capability::ViewPortfolio,
    empty: "Orders of today, working and done. None yet: select a name, then b buys and s sells.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let working = view.screen.orders.iter().filter(|o| !o.status.is_done()).count();
    if working == 0 { String::new() } else { format!("{working} working") }
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left(LocalClock::of(&view.screen.data).title(), 3),
        Column::left("SIDE", 0),
        Column::left("SYM", 0),
        Column::right("FILLED/QTY", 0),
        Column::left("TYPE", 1),
        Column::right("LIMIT", 2),
        Column::right("TRIGGER", 4),
        Column::left("TIF", 6),
        Column::left("STATUS", 0),
        Column::right("AVG", 3),
        Column::right("FEES", 7),
        Column::left("ID", 5),
        Column::left("BY", 8),
    ]);
    table.rows = view.screen.orders.iter().map(|order| line(order, view)).collect();
    table
}

fn line(order: &OrderRow, view: &View<'_>) -> Row {
    let clock = LocalClock::of(&view.screen.data);
    let (word, meaning) = cells::status(order.status);
    let filled = format!("{}/{}", format::quantity(order.filled), format::quantity(order.quantity));
    let side = if order.status.is_done() { Meaning::Text } else { Meaning::Own };
    let cells = vec![
        Cell::muted(clock.short(order.given_at, view.screen.data.market_time)),
        Cell::new(cells::side(order.side), side),
        Cell::new(order.symbol.as_str(), Meaning::Title),
        Cell::text(filled),
        Cell::muted(words::short(order.order_type)),
        order.limit_price.map_or_else(Cell::missing, |p| Cell::text(format::price(p))),
        order.trigger_price.map_or_else(Cell::missing, |p| Cell::text(format::price(p))),
        Cell::muted(order.tif.as_str()),
        Cell::new(word, meaning),
        order.average_price.map_or_else(Cell::missing, |p| Cell::text(format::price(p))),
        Cell::muted(format::money(order.fees)),
        Cell::muted(order.id.as_str()),
        Cell::muted(order.actor.as_str()),
    ];
    let mut row = Row::new(RowKey::Order(order.account, order.id), cells);
    row.detail = explanation(order);
    row
}

/// What an open order waits for or is bound to, with its trigger, which a narrow table leaves out.
fn joined(order: &OrderRow, text: String) -> String {
    let waits = order.parent.filter(|_| order.code == Some(RefusalCode::WaitsForParent));
    let text = waits.map_or(text, |parent| format!("waits for fills of {parent}"));
    let trigger = order.trigger_price.filter(|_| !order.triggered);
    let mut parts: Vec<String> = trigger.map(|p| format!("trigger {}", format::price(p))).into_iter().collect();
    parts.extend(order.trail.map(|t| format!("trails by {t}")));
    parts.extend(order.expire_at.map(|_| words::duration(order.tif, order.expire_at)));
    parts.extend((!text.is_empty()).then_some(text));
    parts.extend(words::ties(order).into_iter().filter(|t| waits.is_none() || !t.starts_with("child")));
    parts.join(", ")
}

/// Why the order ended, waits, or is only partly done. Limits are told only where the screen tells them.
fn explanation(order: &OrderRow) -> Option<Cell> {
    let mut text = order.reason.clone();
    if text.is_empty() {
        text = order.code.map(|c| c.text().to_owned()).unwrap_or_default();
    }
    if let (Some(limit), Some(observed), Some(threshold)) = (&order.limit, &order.observed, &order.threshold) {
        let figure = |text: &str| super::limits::shown_by_name(limit, text);
        let seen = format!(
            "{}: {}, allowed {}",
            limit.replace('_', " "),
            figure(observed),
            figure(threshold)
        );
        text = if text.is_empty() { seen } else { format!("{seen}; {text}") };
    }
    if !order.status.is_done() {
        text = joined(order, text);
    }
    let working = order.status == OrderStatus::PartiallyFilled;
    if working {
        let rest = format!("{} still working", format::quantity(order.leaves));
        text = if text.is_empty() { rest } else { format!("{rest}: {text}") };
    } else if order.status.is_done() && order.filled.is_positive() && order.status != OrderStatus::Filled {
        let part = format!("{} of {} filled", format::quantity(order.filled), format::quantity(order.quantity));
        text = if text.is_empty() { part } else { format!("{part}; {text}") };
    }
    let meaning = match order.status {
        OrderStatus::Denied | OrderStatus::Rejected => Meaning::Breach,
        OrderStatus::Held | OrderStatus::PendingApproval | OrderStatus::Suspended => Meaning::Warn,
        OrderStatus::Submitted
        | OrderStatus::Accepted
        | OrderStatus::Triggered
        | OrderStatus::PendingUpdate
        | OrderStatus::PendingCancel
        | OrderStatus::PartiallyFilled
        | OrderStatus::Filled
        | OrderStatus::Canceled
        | OrderStatus::Expired => Meaning::Muted,
    };
    (!text.is_empty()).then(|| Cell::new(text, meaning))
}
