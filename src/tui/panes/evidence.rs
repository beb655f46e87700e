//! Evidence: how well the expression foresaw the next return over the last year: coefficients and fifths.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View};
use crate::domain::Capability;
use crate::service::view::{Evidence, Formula};
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::spark;
use crate::tui::widgets::table::{self, CellBar};

/// Sessions whose mean is one step of the line of ICs.
const STEP_SESSIONS: usize = 6;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Evidence,
    title: "Evidence",
    code: "IC",
    capability: Capability::ViewSignals,
    empty: "How well the expression foresaw returns over the last year: IC and fifths. Press = and type one.",
    table: None,
    note: |view| shown(view).map_or_else(String::new, |(_, e)| format!("{} sessions", e.days)),
    draw,
};

fn shown<'a>(view: &View<'a>) -> Option<(&'a Formula, &'a Evidence)> {
    let formula = view.lab.formula()?;
    formula.evidence.as_ref().map(|e| (formula, e))
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some((formula, evidence)) = shown(view) else {
        let text = match (view.lab.trouble(), view.lab.formula()) {
            (Some(problem), _) => format!("X {problem}"),
            (None, Some(formula)) if formula.pending => "Computing the last year...".to_owned(),
            (None, Some(_)) => "Nothing can be said: too few sessions have both a value and an outcome.".to_owned(),
            (None, None) => PANE.empty.to_owned(),
        };
        table::paragraph(&text, view, &mut Pen::new(buf, area));
        return;
    };
    let mut lines = Vec::new();
    if formula.ahead > 0 {
        let text = "the expression looks ahead: it was told what it foresees";
        lines.push(Line::Text(Cell::new("! ", Meaning::Warn), Cell::new(text, Meaning::Warn)));
    }
    lines.push(pair("IC", evidence.ic, "ICIR", evidence.icir));
    lines.push(pair("Rank IC", evidence.rank_ic, "ICIR", evidence.rank_icir));
    lines.extend(by_session(evidence, usize::from(area.width), view.ascii));
    let by = if formula.truth { "mean next return" } else { "mean next return by fifth" };
    lines.push(Line::Section(by.to_owned()));
    lines.extend(groups(evidence));
    let share = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), format::percent_float);
    let steady = evidence.autocorrelation.map_or_else(|| "?".to_owned(), |a| format!("{a:.2}"));
    lines.push(Line::Field(
        "turnover".to_owned(),
        vec![Cell::text(share(evidence.turnover)), Cell::muted(format!("autocorr {steady}"))],
    ));
    let (from, to) = evidence.sessions;
    let label = format!("{from} to {to}; the next session's return, {}", Evidence::LABEL);
    lines.push(Line::Text(Cell::muted(""), Cell::muted(label)));
    if !view.lab.is_fresh() {
        lines.insert(0, Line::Cells(vec![Cell::new("? of the text before", Meaning::Stale)]));
    }
    form::draw(&lines, view, area, buf);
}

fn tone(value: f64) -> Meaning {
    if value > 0.0 {
        Meaning::Up
    } else if value < 0.0 {
        Meaning::Down
    } else {
        Meaning::Flat
    }
}

fn pair(name: &str, mean: f64, ratio_name: &str, ratio: f64) -> Line {
    let ratio_text = if ratio.is_finite() { format!("{ratio_name} {ratio:+.2}") } else { format!("{ratio_name} ?") };
    Line::Field(name.to_owned(), vec![Cell::new(format!("{mean:+.4}"), tone(mean)), Cell::text(ratio_text)])
}

/// Means of a few sessions each as a row of blocks.
fn by_session(evidence: &Evidence, width: usize, ascii: bool) -> Option<Line> {
    let mean = |part: &[Option<f64>]| {
        let known: Vec<f64> = part.iter().flatten().copied().collect();
        if known.is_empty() { f64::NAN } else { known.iter().sum::<f64>() / known.len() as f64 }
    };
    let steps: Vec<f64> = evidence.daily.chunks(STEP_SESSIONS).map(mean).collect();
    let room = width.saturating_sub(14);
    let drawn = spark::blocks(&steps, None, room, ascii);
    (!drawn.is_empty()).then(|| Line::Field("over time".to_owned(), vec![Cell::new(drawn, Meaning::Bar)]))
}

fn groups(evidence: &Evidence) -> Vec<Line> {
    let most = evidence.groups.iter().filter_map(|(_, v)| *v).map(f64::abs).fold(0.0, f64::max);
    let bar = |(name, mean): &(&str, Option<f64>)| match mean {
        Some(mean) => {
            let share = if most > 0.0 { mean / most } else { 0.0 };
            let figure = Cell::new(format!("{:+.3}%", mean * 100.0), tone(*mean));
            Line::Bar(Cell::text(*name), CellBar::Signed(share), figure)
        }
        None => Line::Bar(Cell::text(*name), CellBar::Signed(0.0), Cell::new("? none", Meaning::Stale)),
    };
    let mut lines: Vec<Line> = evidence.groups.iter().map(bar).collect();
    if let (Some((_, Some(first))), Some((_, Some(last)))) = (evidence.groups.first(), evidence.groups.last()) {
        let spread = first - last;
        let text = format!("{:+.3}% a session", spread * 100.0);
        lines.push(Line::Field("spread".to_owned(), vec![Cell::new(text, tone(spread))]));
    }
    lines
}
