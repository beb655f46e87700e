//! Notices: what the person should know or do, newest first.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::domain::notice::NoticeLevel;
use crate::service::view::NoticeRow;
use crate::tui::format::LocalClock;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Notices,
    title: "Notices",
    code: "NOTE",
    capability: Capability::ViewMarket,
    empty: "Fills, refusals, approvals and whatever else concerns you. Nothing yet: they arrive by themselves.",
    table: Some(table),
    note: |view| match view.screen.unread {
        0 => String::new(),
        n => format!("{n} unread"),
    },
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::left("", 0),
        Column::left(clock.title(), 2),
        Column::left("WHAT", 0),
        Column::left("TEXT", 0).growing(24),
    ]);
    let now = view.screen.data.market_time;
    table.rows = view.screen.notices.iter().map(|n| line(n, clock.short(n.time, now))).collect();
    table
}

fn line(notice: &NoticeRow, time: String) -> Row {
    let (mark, meaning) = match notice.level {
        NoticeLevel::Info => ("", Meaning::Title),
        NoticeLevel::Warning => ("! ", Meaning::Warn),
        NoticeLevel::Action => ("X ", Meaning::Breach),
    };
    let (title, text) = if notice.read { (Meaning::Muted, Meaning::Muted) } else { (meaning, Meaning::Text) };
    let cells = vec![
        Cell::new(if notice.read { " " } else { "*" }, Meaning::Accent),
        Cell::muted(time),
        Cell::new(format!("{mark}{}", notice.title), title),
        Cell::new(notice.text.as_str(), text),
    ];
    Row::new(RowKey::Notice(notice.id), cells)
}
