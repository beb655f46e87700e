//! Limit versions: who changed which limit, when and why, newest first.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use std::collections::BTreeSet;

use crate::domain::limit::{VersionStatus, WorkingOrders};
use crate::domain::{Capability, ChangeSetId};
use crate::service::view::LimitVersionRow;
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Versions,
    title: "Limit history",
    code: "LVER",
    capability: Capability::ViewLimits,
    empty: "Every version of every limit: who, when and why. None yet: press e in Limits to set one.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn waiting(row: &LimitVersionRow) -> bool {
    row.status == VersionStatus::Proposed
}

fn note(view: &View<'_>) -> String {
    let waits = view.screen.limits.as_ref().map_or(0, |l| items(&l.history).filter(|i| i.waits()).count());
    if waits == 0 { String::new() } else { format!("! {waits} waiting") }
}

fn table(view: &View<'_>) -> TableData {
    let Some(limits) = &view.screen.limits else { return TableData::default() };
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::right("V", 0),
        Column::left("LIMIT", 0),
        Column::left("SCOPE", 2),
        Column::right("SOFT", 7),
        Column::right("HARD", 0),
        Column::left("STATUS", 0),
        Column::left("BY", 1),
        Column::left("APPROVED BY", 5),
        Column::left("MADE", 3),
        Column::left("WORKING", 8),
        Column::left("REASON", 4).growing(18),
    ]);
    table.rows = items(&limits.history).map(|item| item.line(clock, view)).collect();
    table
}

/// What a row stands for: one version, or a change set that waits and is one item.
enum Item<'a> {
    Version(&'a LimitVersionRow),
    Set(ChangeSetId, &'a LimitVersionRow, usize),
}

/// Versions as rows, the newest first; a set stands where its newest version does.
fn items(history: &[LimitVersionRow]) -> impl Iterator<Item = Item<'_>> {
    let mut seen = BTreeSet::new();
    history.iter().filter_map(move |row| match row.set.filter(|_| waiting(row)) {
        None => Some(Item::Version(row)),
        Some(set) => {
            let own = history.iter().filter(|v| waiting(v) && v.set == Some(set));
            seen.insert(set).then(|| Item::Set(set, row, own.count()))
        }
    })
}

impl Item<'_> {
    fn waits(&self) -> bool {
        match self {
            Item::Version(row) => waiting(row),
            Item::Set(..) => true,
        }
    }

    fn line(&self, clock: LocalClock, view: &View<'_>) -> Row {
        match self {
            Item::Version(row) => line(row, clock, view),
            Item::Set(set, row, count) => {
                let limits = if *count == 1 { "1 limit".to_owned() } else { format!("{count} limits") };
                let cells = vec![
                    Cell::missing(),
                    Cell::new(format!("{set}: {limits}"), Meaning::Title),
                    Cell::muted("change set"),
                    Cell::missing(),
                    Cell::missing(),
                    Cell::new("! WAITS", Meaning::Warn),
                    Cell::text(row.maker.as_str()),
                    Cell::missing(),
                    Cell::muted(clock.short(row.made_at, view.screen.data.market_time)),
                    Cell::missing(),
                    Cell::muted(row.reason.as_str()),
                ];
                Row::new(RowKey::Set(*set), cells)
            }
        }
    }
}

/// When a version binds, where that is not from its approval on and for good.
fn window(row: &LimitVersionRow, clock: LocalClock) -> Option<Cell> {
    let from = row.effective_from.map(|t| format!("from {}", clock.minute(t)));
    let until = row.expires_at.map(|t| format!("until {}", clock.minute(t)));
    let set = row.set.map(|set| format!("with set {set}"));
    let order = row.order.as_ref().map(|order| format!("order {order} alone"));
    let closed = row.closed_by.map(|by| format!("closed by {by}"));
    let because = row.closed_because.as_ref().filter(|text| !text.is_empty());
    let closed = closed.map(|by| because.map_or(by.clone(), |text| format!("{by}: {text}")));
    let parts: Vec<String> = order.into_iter().chain(from).chain(until).chain(set).collect();
    let binds = (!parts.is_empty()).then(|| format!("binds {}", parts.join(", ")));
    let told: Vec<String> = binds.into_iter().chain(closed).collect();
    (!told.is_empty()).then(|| Cell::new(told.join("; "), Meaning::Accent))
}

fn line(row: &LimitVersionRow, clock: LocalClock, view: &View<'_>) -> Row {
    let value = |text: &Option<String>, none: &str| {
        text.as_ref().map_or_else(|| Cell::muted(none), |t| Cell::text(super::limits::shown(row.name, t)))
    };
    let status = match row.status {
        VersionStatus::Proposed => Cell::new("! WAITS", Meaning::Warn),
        VersionStatus::Approved => Cell::new("approved", Meaning::Good),
        VersionStatus::Rejected => Cell::muted("turned down"),
        VersionStatus::Withdrawn => Cell::muted("taken back"),
        VersionStatus::Overtaken => Cell::muted("overtaken"),
    };
    let working = match row.working {
        WorkingOrders::Keep => "keep",
        WorkingOrders::Cancel => "cancel",
    };
    let cells = vec![
        Cell::text(row.version.to_string()),
        Cell::new(super::limits::words(row.name), Meaning::Title),
        Cell::muted(row.scope.to_string()),
        value(&row.soft, format::MISSING),
        value(&row.hard, "removed"),
        status,
        Cell::text(row.maker.as_str()),
        row.approver.map_or_else(Cell::missing, |a| Cell::text(a.as_str())),
        Cell::muted(clock.short(row.made_at, view.screen.data.market_time)),
        Cell::muted(working),
        Cell::muted(row.reason.as_str()),
    ];
    Row { detail: window(row, clock), ..Row::new(RowKey::Version(row.version), cells) }
}
