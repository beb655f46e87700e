//! Explain: what the focused name's score is made of, what was left out, and by which model and session.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View, cells};
use crate::domain::Capability;
use crate::service::view::{SignalRow, Signals};
use crate::tui::format::{self, LocalClock};
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table::{self, CellBar};

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Explain,
    title: "Explain",
    code: "WHY",
    capability: Capability::ViewSignals,
    empty: "Why a name ranks where it does. Select a name in Signals and press x.",
    table: None,
    note: |view| chosen(view).map_or_else(String::new, |(_, row)| row.symbol.to_string()),
    draw,
};

/// The focused instrument's signal; the best one while nothing that ranks is focused.
fn chosen<'a>(view: &View<'a>) -> Option<(&'a Signals, &'a SignalRow)> {
    let signals = view.screen.signals.as_ref()?;
    let focused = view.screen.chart.as_ref().map(|c| c.instrument);
    let found = signals.rows.iter().find(|r| Some(r.instrument) == focused);
    found.or_else(|| signals.rows.first()).map(|row| (signals, row))
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some((signals, row)) = chosen(view) else {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    };
    let mut lines = vec![
        Line::Cells(vec![
            Cell::new(row.symbol.as_str(), Meaning::Title),
            Cell::text(format!("rank {} of {}", row.rank, signals.rows.len())),
            Cell::new(format!("score {}", format::score(row.score)), super::signals::tone(row.score)),
            Cell::muted(row.name.as_str()),
        ]),
        confidence(row),
        Line::Section("weight x z by family".to_owned()),
    ];
    lines.extend(families(row, super::signals::scale(signals)));
    if !row.held.is_zero() {
        lines.push(Line::field("Held", cells::held(row.held)));
    }
    lines.push(Line::Section("made of".to_owned()));
    let session = signals.session.map_or_else(|| format::MISSING.to_owned(), |d| d.to_string());
    let clock = LocalClock::of(&view.screen.data);
    let made = signals.time.map_or_else(|| format::MISSING.to_owned(), |t| clock.minute(t));
    lines.push(Line::field("Model", Cell::text(signals.model.as_str())));
    lines.push(Line::field("Universe", Cell::text(signals.universe.as_str())));
    lines.push(Line::Field("Data to".to_owned(), vec![Cell::text(session), Cell::muted(format!("made {made}"))]));
    if !signals.omissions.is_empty() {
        lines.push(Line::Section("left out".to_owned()));
        let omission = |text: &String| Line::Text(Cell::new("! ", Meaning::Warn), Cell::muted(text.as_str()));
        lines.extend(signals.omissions.iter().map(omission));
    }
    form::draw(&lines, view, area, buf);
}

fn confidence(row: &SignalRow) -> Line {
    let text = match row.confidence {
        Some(share) => format!(
            "{} of {} past outcomes of its fifth went the score's way",
            format::percent_float(share),
            row.outcomes
        ),
        None => format!("confidence unknown: {} outcomes so far, 60 are needed", row.outcomes),
    };
    let mark = if row.confidence.is_some() { Cell::muted("") } else { Cell::new("? ", Meaning::Stale) };
    Line::Text(mark, Cell::muted(text))
}

/// One bar a family; a family without a value says so.
pub(super) fn families(row: &SignalRow, scale: f64) -> Vec<Line> {
    let bar = |(family, value): &(String, Option<f64>)| match value.filter(|v| v.is_finite()) {
        Some(value) => {
            let share = if scale > 0.0 { value / scale } else { 0.0 };
            let figure = Cell::new(format::score(value), super::signals::tone(value));
            Line::Bar(Cell::text(family.as_str()), CellBar::Signed(share), figure)
        }
        None => Line::Bar(Cell::text(family.as_str()), CellBar::Signed(0.0), Cell::new("? none", Meaning::Stale)),
    };
    row.contributions.iter().map(bar).collect()
}
