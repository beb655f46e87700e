//! News: headlines of held and watched names with their tone, ours and the vendor's.

use super::{Cell, Column, PaneDef, PaneId, Row, RowKey, TableData, View, cells};
use crate::domain::{Capability, InstrumentId};
use crate::service::view::NewsRow;
use crate::tui::format::LocalClock;
use crate::tui::theme::Meaning;

/// Tone from which a headline counts as good or bad.
const TONE_MIN: f64 = 0.05;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::News,
    title: "News",
    code: "CN",
    capability: Capability::ViewMarket,
    empty: "Headlines of names you hold or watch, with their tone. None up to market time: fetch them with N in the workspace Data, or import news.",
    table: Some(table),
    note: cells_note,
    draw: |view, area, buf| cells::draw_table(&PANE, view, area, buf),
};

fn cells_note(view: &View<'_>) -> String {
    cells::simulated(view).to_owned()
}

fn table(view: &View<'_>) -> TableData {
    let clock = LocalClock::of(&view.screen.data);
    let mut table = TableData::new(vec![
        Column::left(clock.title(), 2),
        Column::left("SYM", 0),
        Column::left("TONE", 1),
        Column::left("HEADLINE", 0).growing(24),
        Column::left("VENDOR", 3),
        Column::left("SOURCE", 4),
    ]);
    let now = view.screen.data.market_time;
    table.rows = view.screen.news.iter().map(|news| line(news, clock.short(news.time, now), view)).collect();
    table
}

fn line(news: &NewsRow, time: String, view: &View<'_>) -> Row {
    let known = view.screen.watchlist.iter().find(|w| w.symbol == news.symbol).map(|w| w.instrument);
    let held = || view.screen.positions.iter().find(|p| p.symbol == news.symbol).map(|p| p.instrument);
    let instrument: Option<InstrumentId> = known.or_else(held);
    let cells = vec![
        Cell::muted(time),
        Cell::new(news.symbol.as_str(), Meaning::Title),
        tone(news.tone, view.ascii),
        Cell::text(news.headline.as_str()),
        told(news, view.ascii),
        Cell::muted(news.source.as_str()),
    ];
    Row::new(instrument.map_or(RowKey::None, RowKey::Instrument), cells)
}

/// The mark of the tone that the vendor gives, with its name.
fn told(news: &NewsRow, ascii: bool) -> Cell {
    if news.told_tone.is_none() {
        return Cell::muted("");
    }
    let Cell { text, meaning, .. } = tone(news.told_tone, ascii);
    let mark = text.split(' ').next().unwrap_or_default();
    Cell::new(format!("{mark} {}", news.told_by), meaning)
}

fn tone(tone: Option<f64>, ascii: bool) -> Cell {
    let (up, down) = if ascii { ("+", "-") } else { ("▲", "▼") };
    match tone {
        None => Cell::new("?", Meaning::Stale),
        Some(t) if t >= TONE_MIN => Cell::new(format!("{up} good"), Meaning::Up),
        Some(t) if t <= -TONE_MIN => Cell::new(format!("{down} bad"), Meaning::Down),
        Some(_) => Cell::new("= mixed", Meaning::Flat),
    }
}
