//! Vendors: whether each can be asked now, where its key is, how much of its budget is left, and what it last said.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, UnixNanos};
use crate::service::keys::Sealed;
use crate::service::view::{VendorRow, VendorState, WindowRow};
use crate::tui::format;
use crate::tui::theme::Meaning;

/// Seconds of a day.
const DAY_SECONDS: u32 = 86_400;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Vendors,
    title: "Vendors",
    code: "VEND",
    capability: Capability::ManageData,
    empty: "Vendors of market data with their keys and budgets. They are being looked at; this takes a moment.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let Some(health) = &view.screen.data_health else { return "looking...".to_owned() };
    if let Some(problem) = &health.problem {
        return format!("X {problem}");
    }
    match health.sealed {
        Some(Sealed::Vault) => return "! the vault of keys is locked: K opens it".to_owned(),
        Some(Sealed::Keyring) => return "! the system's keyring is locked: K has it asked for".to_owned(),
        None => {}
    }
    let troubled = health.vendors.iter().filter(|v| mark(v.state).2).count();
    if troubled == 0 { String::new() } else { format!("! {troubled} to look at") }
}

/// The word of a state, how it looks, and whether it needs a look.
const fn mark(state: VendorState) -> (&'static str, Meaning, bool) {
    match state {
        VendorState::Off => ("off", Meaning::Muted, false),
        VendorState::NoKey => ("no key", Meaning::Muted, false),
        VendorState::KeyTrouble => ("X key", Meaning::Breach, true),
        VendorState::Unused => ("not asked", Meaning::Muted, false),
        VendorState::Ready => ("ok", Meaning::Good, false),
        VendorState::Waiting => ("! waits", Meaning::Warn, true),
        VendorState::Open => ("X stopped", Meaning::Breach, true),
    }
}

fn table(view: &View<'_>) -> TableData {
    let mut table = TableData::new(vec![
        Column::left("VENDOR", 0),
        Column::left("STATE", 0),
        Column::left("NEXT", 3),
        Column::left("KEY", 2),
        Column::left("REQUESTS", 0),
        Column::right("ANSWERED", 4),
        Column::left("SAYS", 1).growing(16),
    ]);
    let Some(health) = &view.screen.data_health else { return table };
    table.rows = health.vendors.iter().map(|row| line(row, health.at)).collect();
    table
}

fn line(row: &VendorRow, now: UnixNanos) -> Row {
    let (word, meaning, _) = mark(row.state);
    let next = row.until.filter(|until| *until > now);
    let answered = row.last_success.map_or_else(Cell::missing, |at| Cell::muted(format::age(now, at)));
    let says = if row.says.is_empty() { Cell::missing() } else { Cell::text(row.says.as_str()) };
    let cells = vec![
        Cell::new(row.vendor.as_str(), Meaning::Title),
        Cell::new(word, meaning),
        next.map_or_else(Cell::missing, |until| Cell::new(format!("in {}", format::age(until, now)), Meaning::Warn)),
        Cell::muted(row.key.as_str()),
        budget(&row.budget),
        answered,
        says,
    ];
    Row::new(RowKey::None, cells)
}

/// Each window as `used/allowed unit`; one that is used up is marked.
fn budget(windows: &[WindowRow]) -> Cell {
    let one = |w: &WindowRow| format!("{}/{} {}", w.used, w.allowed, unit(w.seconds));
    let shown: Vec<String> = windows.iter().map(one).collect();
    if shown.is_empty() {
        return Cell::missing();
    }
    let spent = windows.iter().any(|w| w.used >= w.allowed);
    Cell::new(shown.join("  "), if spent { Meaning::Warn } else { Meaning::Text })
}

fn unit(seconds: u32) -> String {
    match seconds {
        1 => "s".to_owned(),
        60 => "min".to_owned(),
        3_600 => "h".to_owned(),
        DAY_SECONDS => "day".to_owned(),
        other => format!("{other} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_names_its_windows_and_marks_what_is_used_up() {
        let window = |seconds, used, allowed| WindowRow { seconds, used, allowed };
        let cell = budget(&[window(60, 2, 5), window(DAY_SECONDS, 25, 25)]);
        assert_eq!((cell.text.as_str(), cell.meaning), ("2/5 min  25/25 day", Meaning::Warn));
        assert_eq!(budget(&[]), Cell::missing());
    }
}
