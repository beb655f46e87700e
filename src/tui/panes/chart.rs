//! Chart: daily candles of the focused instrument with volume and own fills.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View, cells};
use crate::domain::{Capability, Price, Ratio};
use crate::service::view::{Chart, PriceRow};
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::chart::{self, Candles, Overlay};
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// Sessions of a year, for the range shown below the chart.
const YEAR_SESSIONS: usize = 252;
/// How many times the close a value may be, or a part of it, to be drawn among the candles.
const NEAR_PRICE: f64 = 1.5;
/// Rows from which the line of figures above the candles is drawn.
const LEGEND_ROWS_MIN: u16 = 6;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Chart,
    title: "Chart",
    code: "GP",
    capability: Capability::ViewMarket,
    empty: "Daily candles of one instrument. Select a name in Watchlist and press Enter.",
    table: None,
    note,
    draw,
};

fn note(view: &View<'_>) -> String {
    let Some(chart) = &view.screen.chart else { return String::new() };
    let basis = if chart.basis.is_empty() { String::new() } else { format!("{}-adjusted", chart.basis) };
    let drawn = overlay(chart, view).and(view.lab.formula()).map_or("", |f| f.text.as_str());
    let drawn = if drawn.is_empty() { String::new() } else { format!("{} {drawn}", if view.ascii { "*" } else { "⠤" }) };
    cells::joined(&[chart.symbol.as_str(), "1D", &basis, cells::simulated(view), &drawn])
}

/// The change of the bar at `at` against the bar before it.
pub(super) fn change_at(bars: &[PriceRow], at: usize) -> Option<Ratio> {
    let before: Price = bars.get(at.checked_sub(1)?)?.close;
    let now = bars.get(at)?.close;
    (before.is_positive()).then(|| Ratio::from_f64(now.to_f64() / before.to_f64() - 1.0)).flatten()
}

/// Lowest low and highest high of the last year.
pub(super) fn year_range(bars: &[PriceRow]) -> Option<(Price, Price)> {
    let last = bars.get(bars.len().saturating_sub(YEAR_SESSIONS)..)?;
    last.iter().map(|b| b.low).min().zip(last.iter().map(|b| b.high).max())
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some(chart) = view.screen.chart.as_ref().filter(|c| !c.bars.is_empty()) else {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    };
    let legend = u16::from(area.height >= LEGEND_ROWS_MIN);
    let foot = u16::from(area.height >= LEGEND_ROWS_MIN * 2);
    let back = view.scroll.min(chart.bars.len().saturating_sub(1));
    let plot = Rect { y: area.y + legend, height: area.height - legend - foot, ..area };
    let candles = Candles { bars: &chart.bars, fills: &chart.fills, back, overlay: overlay(chart, view) };
    let shown = chart::draw(&candles, view.theme, view.ascii, plot, buf);
    if legend > 0 {
        let flat = View { scroll: 0, ..*view };
        form::draw(&[legend_line(chart, back, view)], &flat, Rect { height: 1, ..area }, buf);
    }
    if foot > 0 {
        let row = Rect { y: area.y + area.height - 1, height: 1, ..area };
        let flat = View { scroll: 0, ..*view };
        form::draw(&[foot_line(chart, shown, view)], &flat, row, buf);
    }
}

/// The series of the expression under the pen, where it is that of this instrument.
fn overlay<'a>(chart: &Chart, view: &View<'a>) -> Option<Overlay<'a>> {
    if !view.lab.overlay || !view.screen.may(Capability::ViewSignals) {
        return None;
    }
    let formula = view.lab.formula()?;
    let (instrument, points) = formula.series.as_ref()?;
    let (points, truth) = (points.as_slice(), formula.truth);
    (*instrument == chart.instrument && !points.is_empty())
        .then(|| Overlay { points, on_price: !truth && is_price(chart, points), truth })
}

/// Whether most values are near the close of their session, so that they share its scale.
fn is_price(chart: &Chart, points: &[(chrono::NaiveDate, f64)]) -> bool {
    let close = |date| {
        let at = chart.bars.binary_search_by_key(&date, |b| b.date).ok()?;
        chart.bars.get(at).map(|b| b.close.to_f64())
    };
    let both = points.iter().rev().take(YEAR_SESSIONS).filter_map(|(d, v)| Some(v / close(*d)?));
    let (mut near, mut all) = (0_usize, 0_usize);
    for ratio in both {
        all += 1;
        near += usize::from((1.0 / NEAR_PRICE..=NEAR_PRICE).contains(&ratio));
    }
    all > 0 && near * 10 >= all * 9
}

/// Open, high, low, close, change and volume of the newest bar shown.
fn legend_line(chart: &Chart, back: usize, view: &View<'_>) -> Line {
    let at = chart.bars.len() - 1 - back;
    let Some(bar) = chart.bars.get(at) else { return Line::Gap };
    let [open, high, low] = [bar.open, bar.high, bar.low].map(format::price_rounded);
    let volume = format::volume(bar.volume);
    let so_far = if bar.provisional { "so far" } else { "" };
    Line::Cells(vec![
        Cell::new(chart.symbol.as_str(), Meaning::Title),
        Cell::new(format::price(bar.close), Meaning::Accent),
        cells::change(change_at(&chart.bars, at), view.ascii),
        Cell::muted(cells::joined(&[&bar.date.format("%m-%d").to_string(), so_far])),
        // All four or none: an open alone tells nothing.
        Cell::muted(format!("O {open}  H {high}  L {low}  V {volume}")),
        Cell::muted(chart.name.as_str()),
    ])
}

fn foot_line(chart: &Chart, shown: usize, view: &View<'_>) -> Line {
    let mut pieces = vec![Cell::muted(format!("{shown} of {} days", chart.bars.len()))];
    if let Some((low, high)) = year_range(&chart.bars) {
        pieces.push(Cell::muted(format!("52w {} - {}", format::price_rounded(low), format::price_rounded(high))));
    }
    let own = if chart.fills.is_empty() { "" } else { "B S own fills" };
    let simulated = if view.screen.data.simulated { Meaning::Simulated } else { Meaning::Muted };
    pieces.push(Cell::new(format!("src {} {}", chart.source, chart.currency), simulated));
    if !own.is_empty() {
        pieces.push(Cell::new(own, Meaning::Own));
    }
    Line::Cells(pieces)
}
