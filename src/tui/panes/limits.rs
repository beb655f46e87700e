//! Limits: what is in force, how much of it is used and by whom, nearest to the limit first.

use std::collections::BTreeSet;

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::domain::limit::{LimitName, LimitUnit};
use crate::domain::{Money, Quantity, Ratio};
use crate::service::view::LimitRow;
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::bar;
use crate::tui::widgets::table::CellBar;

/// Cells of the bar.
const BAR_CELLS: u16 = 8;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Limits,
    title: "Limits",
    code: "LIM",
    capability: Capability::ViewLimits,
    empty: "Limits in force and how much of each is used. None is set: press e to set one.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let Some(limits) = &view.screen.limits else { return String::new() };
    let over = limits.limits.iter().filter(|l| l.used.is_some_and(|u| u > bar::USE_FULL)).count();
    let over = if over == 0 { String::new() } else { format!("X {over} over") };
    let proposed = limits.limits.iter().filter_map(|l| l.proposed.as_ref().map(|(version, _)| version));
    let waiting = proposed.collect::<BTreeSet<_>>().len();
    let waiting = if waiting == 0 { String::new() } else { format!("! {waiting} waiting") };
    cells::joined(&[&format!("v{}", limits.version), &over, &waiting])
}

fn table(view: &View<'_>) -> TableData {
    let Some(limits) = &view.screen.limits else { return TableData::default() };
    let mut table = TableData::new(vec![
        Column::left("LIMIT", 0).growing(20),
        Column::left("SCOPE", 2),
        Column::left("ACCOUNT", 4),
        Column::right("USED", 0).with_bar(BAR_CELLS),
        Column::left("", 0),
        Column::right("OBSERVED", 1),
        Column::right("SOFT", 5),
        Column::right("HARD", 1),
        Column::right("V", 6),
    ]);
    table.rows = limits.limits.iter().map(line).collect();
    if limits.single_person {
        let text = "! one person only: loosening a limit waits for a second";
        table.footer = vec![vec![Cell::new(text, Meaning::Warn)]];
    }
    table
}

fn line(limit: &LimitRow) -> Row {
    let value = |text: &Option<String>| text.as_ref().map_or_else(Cell::missing, |t| Cell::text(shown(limit.name, t)));
    let (meaning, mark) = limit.used.map_or((Meaning::Muted, " "), bar::use_meaning);
    let used = limit.used.map_or_else(Cell::missing, |u| {
        Cell::new(format::percent_float(u), meaning).bar(CellBar::Use(u))
    });
    let proposed = limit.proposed.as_ref().map(|(version, value)| {
        let text = format!("! version {version} makes it {} once a second person agrees", shown(limit.name, value));
        Cell::new(text, Meaning::Warn)
    });
    let cells = vec![
        Cell::new(words(limit.name), Meaning::Title),
        Cell::muted(limit.scope.to_string()),
        limit.account.map_or_else(Cell::missing, |a| Cell::muted(a.as_str())),
        used,
        Cell::new(mark, meaning),
        value(&limit.observed),
        value(&limit.soft),
        value(&limit.hard),
        limit.version.map_or_else(Cell::missing, |v| Cell::muted(v.to_string())),
    ];
    Row { detail: proposed, ..Row::new(RowKey::Limit(limit.name, limit.scope), cells) }
}

/// A limit's name in words.
pub fn words(name: LimitName) -> String {
    name.as_str().replace('_', " ")
}

/// A limit's value as people read it: percentages, separators; text that is no number stays as it is.
pub fn shown(name: LimitName, text: &str) -> String {
    let formatted = match name.unit() {
        LimitUnit::Ratio => text.parse::<Ratio>().ok().map(format::percent),
        LimitUnit::Money => text.parse::<Money>().ok().map(format::money_whole),
        LimitUnit::Quantity => text.parse::<Quantity>().ok().map(format::quantity),
        LimitUnit::Count | LimitUnit::Seconds | LimitUnit::Days | LimitUnit::Symbols => None,
    };
    formatted.unwrap_or_else(|| text.to_owned())
}

/// A figure of a limit that is known by its name in text.
pub(super) fn shown_by_name(limit: &str, text: &str) -> String {
    // A check without a limit behind it, such as cash, speaks of money.
    let money = || text.parse().map_or_else(|_| text.to_owned(), format::money_whole);
    limit.parse().map_or_else(|_| money(), |name| shown(name, text))
}
