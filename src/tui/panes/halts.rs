//! Halts: where trading is stopped, how hard, by whom and since when.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::domain::event::HaltMode;
use crate::service::view::HaltRow;
use crate::tui::format::LocalClock;
use crate::tui::theme::Meaning;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Halts,
    title: "Halts",
    code: "HLT",
    capability: Capability::ViewLimits,
    empty: "Places where trading is stopped. None: orders pass. H, then Enter, halts.",
    table: Some(table),
    note: |view| match halts(view).len() {
        0 => String::new(),
        n => format!("X {n} in force"),
    },
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

/// All halts where the person may see them, else those that bind the current account.
fn halts<'a>(view: &View<'a>) -> &'a [HaltRow] {
    view.screen.limits.as_ref().map_or(view.screen.halted.as_slice(), |l| l.halts.as_slice())
}

fn table(view: &View<'_>) -> TableData {
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::left("SCOPE", 0),
        Column::left("MODE", 0),
        Column::left("BY", 0),
        Column::left("SINCE", 1),
    ]);
    let now = view.screen.data.market_time;
    table.rows = halts(view).iter().map(|halt| line(halt, &clock.short(halt.since, now))).collect();
    table
}

fn line(halt: &HaltRow, since: &str) -> Row {
    let (word, meaning) = match halt.mode {
        HaltMode::Halted => ("X HALTED", Meaning::Breach),
        HaltMode::Reducing => ("! REDUCING", Meaning::Warn),
    };
    let cells = vec![
        Cell::new(halt.scope.to_string(), Meaning::Title),
        Cell::new(word, meaning),
        Cell::text(halt.actor.as_str()),
        Cell::muted(since),
    ];
    let detail = (!halt.reason.is_empty()).then(|| Cell::muted(halt.reason.as_str()));
    Row { detail, ..Row::new(RowKey::Halt(halt.scope), cells) }
}
