//! Values: the expression's value and rank of every name, highest first; the focused name is marked and stands in
//! the footer wherever it ranks.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::Capability;
use crate::service::view::{Formula, NameValue};
use crate::tui::format::Figures;
use crate::tui::theme::Meaning;
use crate::tui::widgets::table::CellBar;

/// Cells of a value's bar.
const BAR_CELLS: u16 = 9;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Values,
    title: "Values",
    code: "VAL",
    capability: Capability::ViewSignals,
    empty: "The expression's value and rank across the universe. Nothing is typed yet: press = and type one.",
    table: Some(table),
    note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn note(view: &View<'_>) -> String {
    let stale = if view.lab.formula().is_some() && !view.lab.is_fresh() { "? of the text before" } else { "" };
    let session = view.lab.research.as_ref().and_then(|r| match (r.running, r.session) {
        (Some(day), _) => Some(format!("{day} so far")),
        (None, day) => day.map(|d| format!("to {d}")),
    });
    let session = session.unwrap_or_default();
    cells::joined(&[stale, &cells::screen_note(view), cells::simulated(view), &session])
}

/// Why there are no rows.
fn silence(view: &View<'_>) -> Option<String> {
    if let Some(problem) = view.lab.trouble() {
        return Some(format!("X {problem}"));
    }
    match view.lab.formula() {
        Some(formula) if formula.ahead > 0 => Some(format!(
            "No name has a value today: the expression looks {} sessions ahead, and those are not known yet.",
            formula.ahead
        )),
        Some(_) => Some("No name has a value: the expression reads further back than the stored prices.".to_owned()),
        None if view.lab.right().is_some() => Some("Computing...".to_owned()),
        None => None,
    }
}

fn table(view: &View<'_>) -> TableData {
    let Some(formula) = view.lab.formula().filter(|f| !f.values.is_empty()) else {
        return TableData { hidden: silence(view), ..TableData::default() };
    };
    // Everything that is true ranks alike.
    let rank = (!formula.truth).then(|| Column::right("RANK", 0));
    let mut table = TableData::new(rank.into_iter().chain([
        Column::left("SYM", 0),
        Column::right("VALUE", 0).with_bar(BAR_CELLS),
        Column::left("NAME", 5).growing(6),
    ]).collect());
    let figures = Figures::of(formula.values.iter().map(|v| v.value));
    let finite = formula.values.iter().map(|v| v.value.abs()).filter(|v| v.is_finite());
    let largest = finite.fold(0.0, f64::max);
    let focused = view.screen.chart.as_ref().map(|c| c.instrument);
    let fresh = view.lab.is_fresh();
    table.rows = formula
        .values
        .iter()
        .map(|v| line(v, formula, Some(v.instrument) == focused, fresh, (figures, largest), view.ascii))
        .collect();
    table.footer = vec![footer(view, formula, figures)];
    table
}

fn line(
    row: &NameValue,
    formula: &Formula,
    focused: bool,
    fresh: bool,
    (figures, largest): (Figures, f64),
    ascii: bool,
) -> Row {
    let mark = match (focused, ascii) {
        (false, _) => "",
        (true, false) => " ◄",
        (true, true) => " <",
    };
    let meaning = if focused { Meaning::Own } else { Meaning::Title };
    let share = if largest > 0.0 && row.value.is_finite() { row.value / largest } else { row.value.signum() };
    let mut value = cells::value(row.value, formula.truth, figures);
    if !formula.truth {
        value = value.bar(CellBar::Signed(share));
    }
    let rank = (!formula.truth).then(|| Cell::muted(row.rank.to_string()));
    let mut line: Vec<Cell> = rank.into_iter().collect();
    line.extend([
        Cell::new(format!("{}{mark}", row.instrument.symbol), meaning),
        value,
        Cell::muted(row.name.as_str()),
    ]);
    if !fresh {
        line.iter_mut().for_each(|c| c.meaning = Meaning::Stale);
    }
    Row::new(RowKey::Instrument(row.instrument), line)
}

fn footer(view: &View<'_>, formula: &Formula, figures: Figures) -> Vec<Cell> {
    let mut pieces = Vec::new();
    if let Some(chart) = view.screen.chart.as_ref() {
        let found = formula.values.iter().find(|v| v.instrument == chart.instrument);
        pieces.push(match found {
            Some(v) if formula.truth => {
                Cell::new(format!("{} {}", chart.symbol, if v.value > 0.0 { "yes" } else { "no" }), Meaning::Own)
            }
            Some(v) => {
                Cell::new(format!("{} {} #{}", chart.symbol, figures.show(v.value), v.rank), Meaning::Own)
            }
            None => Cell::new(format!("{} ? no value", chart.symbol), Meaning::Stale),
        });
    }
    if formula.missing > 0 {
        pieces.push(Cell::muted(format!("{} without", formula.missing)));
    }
    pieces
}
