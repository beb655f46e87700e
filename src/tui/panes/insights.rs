//! Insights: plain sentences about the account, each with its tone. No model, factor, rank or limit is named here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View};
use crate::domain::Capability;
use crate::service::view::InsightRow;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Insights,
    title: "Insights",
    code: "INS",
    capability: Capability::ViewInsights,
    empty: "Plain sentences about what you hold: moves, concentration, outlook. They come with your first holding: \
            select a name and press b to buy.",
    table: None,
    note: |_| "not advice".to_owned(),
    draw,
};

fn card(insight: &InsightRow) -> [Line; 3] {
    let (mark, meaning) = match insight.tone {
        1.. => ("+ ", Meaning::Good),
        0 => ("i ", Meaning::Muted),
        _ => ("! ", Meaning::Warn),
    };
    let symbol = if insight.symbol.is_empty() { String::new() } else { format!("{}  ", insight.symbol) };
    [
        Line::Text(Cell::new(mark, meaning), Cell::new(format!("{symbol}{}", insight.headline), Meaning::Title)),
        Line::Text(Cell::muted("  "), Cell::text(insight.text.as_str())),
        Line::Gap,
    ]
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let needle = view.filter.trim().to_lowercase();
    let wanted = |i: &&InsightRow| {
        [&i.headline, &i.text, &i.symbol].iter().any(|t| t.to_lowercase().contains(&needle))
    };
    let lines: Vec<Line> = view.screen.insights.iter().filter(wanted).flat_map(card).collect();
    if lines.is_empty() {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
    } else {
        form::draw(&lines, view, area, buf);
    }
}
