//! Breaches: what risk refused, what it saw and what is allowed, and who looked at it.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, RefusalCode};
use crate::service::view::BreachRow;
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;
use crate::tui::widgets::bar;
use crate::tui::widgets::table::CellBar;

/// Cells of the bar.
const BAR_CELLS: u16 = 6;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Breaches,
    title: "Breaches",
    code: "BRCH",
    capability: Capability::ViewLimits,
    empty: "Orders that risk refused and other risk events. None so far: nothing to do.",
    table: Some(table),
    note: |view| match view.screen.breaches.as_ref().map_or(0, Vec::len) {
        0 => String::new(),
        n => n.to_string(),
    },
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn table(view: &View<'_>) -> TableData {
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::left(clock.title(), 1),
        Column::left("ACCOUNT", 3),
        Column::left("CODE", 0),
        Column::right("OBSERVED", 0),
        Column::right("ALLOWED", 0),
        Column::right("USE", 1).with_bar(BAR_CELLS),
        Column::left("LIMIT", 2),
        Column::left("ORDER", 5),
        Column::left("WHAT", 4).growing(12),
        Column::left("SEEN BY", 6),
    ]);
    table.rows = view.screen.breaches.iter().flatten().map(|breach| line(breach, clock, view)).collect();
    table
}

/// What was seen as a share of what is allowed, where both are numbers.
fn share(breach: &BreachRow) -> Option<f64> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite());
    let (mut used, mut of) = (number(&breach.observed), number(&breach.threshold));
    // Of a margin account the equity must be at least what is required.
    if matches!(breach.code, RefusalCode::MarginCall | RefusalCode::MarginWarning) {
        std::mem::swap(&mut used, &mut of);
    }
    used.zip(of.filter(|o| *o > 0.0)).map(|(used, of)| used / of)
}

/// A limit in words; the symbol or strategy behind it stays as it is written.
fn limit_in_words(limit: &str) -> String {
    let (name, scope) = limit.split_once(' ').map_or((limit, None), |(name, scope)| (name, Some(scope)));
    let name = name.replace('_', " ");
    scope.map_or_else(|| name.clone(), |scope| format!("{name} {scope}"))
}

fn line(breach: &BreachRow, clock: LocalClock, view: &View<'_>) -> Row {
    let share = share(breach);
    // What stays within its limit is told early, and is no breach.
    let within = share.is_some_and(|s| s <= bar::USE_FULL);
    let (mark, meaning) = if within { ("!", Meaning::Warn) } else { ("X", Meaning::Breach) };
    let used = share.map_or_else(Cell::missing, |s| {
        Cell::new(format::percent_float(s), bar::use_meaning(s).0).bar(CellBar::Use(s))
    });
    // What was seen is a figure, or a sentence that belongs below.
    let is_figure = !breach.limit.is_empty() || !breach.threshold.is_empty() || breach.observed.is_empty();
    let observed = if is_figure {
        Cell::text(super::limits::shown_by_name(&breach.limit, &breach.observed))
    } else {
        Cell::missing()
    };
    let cells = vec![
        Cell::muted(clock.short(breach.time, view.screen.data.market_time)),
        Cell::muted(breach.account.as_str()),
        Cell::new(format!("{mark} {}", breach.code), meaning),
        observed,
        Cell::text(super::limits::shown_by_name(&breach.limit, &breach.threshold)),
        used,
        Cell::muted(limit_in_words(&breach.limit)),
        breach.id.map_or_else(Cell::missing, |id| Cell::muted(id.as_str())),
        Cell::muted(breach.text.as_str()),
        breach.ack_by.map_or_else(Cell::missing, |by| Cell::muted(by.as_str())),
    ];
    let seen = breach.ack_by.zip(breach.resolution.as_ref()).map(|(by, what)| format!("{by}: {what}"));
    let said = (!is_figure).then(|| breach.observed.clone());
    let below: Vec<String> = said.into_iter().chain(seen).collect();
    let detail = (!below.is_empty()).then(|| Cell::muted(below.join(" · ")));
    Row { detail, ..Row::new(RowKey::Breach(breach.event), cells) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnixNanos;

    #[test]
    fn a_limit_is_told_in_words_and_its_scope_as_it_is_written() {
        assert_eq!(limit_in_words("max_daily_loss strategy:my_alpha"), "max daily loss strategy:my_alpha");
        assert_eq!([limit_in_words("max_daily_loss"), limit_in_words("")], ["max daily loss", ""]);
    }

    #[test]
    fn a_margin_calls_use_is_what_is_required_of_the_equity() {
        let row = |code, observed: &str, threshold: &str| BreachRow {
            event: 1,
            time: UnixNanos::ZERO,
            account: "A".parse().unwrap(),
            id: None,
            code,
            limit: String::new(),
            observed: observed.to_owned(),
            threshold: threshold.to_owned(),
            text: String::new(),
            ack_by: None,
            ack_at: None,
            resolution: None,
        };
        assert_eq!(share(&row(RefusalCode::QuantityZero, "50", "200")), Some(0.25));
        assert_eq!(share(&row(RefusalCode::MarginCall, "50", "200")), Some(4.0));
        assert_eq!(share(&row(RefusalCode::MarginCall, "-50", "200")), None);
        assert_eq!(share(&row(RefusalCode::MarginCall, "", "")), None);
    }
}
