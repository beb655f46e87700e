//! Quote: the focused instrument in figures, what is held of it and how it ranks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View, cells};
use crate::domain::{Capability, Price, Quantity};
use crate::service::view::{Chart, WatchRow};
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::{spark, table};

/// Closes in the small line.
const SPARK_DAYS: usize = 30;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Quote,
    title: "Quote",
    code: "DES",
    capability: Capability::ViewMarket,
    empty: "Price, range, holding and rank of one instrument. Select a name in Watchlist and press Enter.",
    table: None,
    note: |view| view.screen.chart.as_ref().map_or_else(String::new, |c| c.instrument.to_string()),
    draw,
};

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some(chart) = &view.screen.chart else {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    };
    let watch = view.screen.watchlist.iter().find(|w| w.instrument == chart.instrument);
    let mut lines = head(chart, watch, view);
    lines.extend(range(chart, watch, area.width, view));
    lines.push(source(chart, watch, view));
    lines.extend(holding(chart, view));
    lines.extend(signal(chart, view));
    lines.push(Line::Gap);
    lines.push(Line::Cells(
        [("b", "buy"), ("s", "sell"), ("w", "watch")].map(|(k, what)| Cell::muted(format!("{k} {what}"))).to_vec(),
    ));
    form::draw(&lines, view, area, buf);
}

fn head(chart: &Chart, watch: Option<&WatchRow>, view: &View<'_>) -> Vec<Line> {
    let last = chart.bars.last().map(|b| b.close);
    let stale = watch.is_some_and(|w| w.stale);
    let price = watch.and_then(|w| w.last_price).or(last);
    let change = watch.and_then(|w| w.change).or_else(|| super::chart::change_at(&chart.bars, chart.bars.len().checked_sub(1)?));
    let mut figure = cells::price(price, stale);
    if !stale {
        figure.meaning = Meaning::Accent;
    }
    let mut lines = vec![
        Line::Cells(vec![Cell::new(chart.symbol.as_str(), Meaning::Title), Cell::text(chart.name.as_str())]),
        Line::Field("Last".to_owned(), vec![figure, cells::change(change, view.ascii), Cell::muted(chart.currency.as_str())]),
    ];
    let side = |side: Option<(Price, Quantity)>| {
        side.map(|(p, size)| match size.is_zero() {
            // Its size was not told.
            true => Cell::text(format::price(p)),
            false => Cell::text(format!("{} x {}", format::price(p), format::quantity(size))),
        })
    };
    match watch.map(|w| (w.bid, w.ask)) {
        Some((bid, ask)) if bid.is_some() || ask.is_some() => {
            lines.push(Line::field("Bid", side(bid).unwrap_or_else(Cell::missing)));
            let spread = bid.zip(ask).and_then(|((b, _), (a, _))| a.checked_sub(b));
            let spread = spread.map(|s| Cell::muted(format!("spread {}", format::price(s))));
            let ask = side(ask).unwrap_or_else(Cell::missing);
            lines.push(Line::Field("Ask".to_owned(), std::iter::once(ask).chain(spread).collect()));
        }
        Some(_) | None => lines.push(Line::field("Bid/ask", Cell::muted("no live quote"))),
    }
    if !chart.short.is_empty() {
        lines.push(Line::field("Short", Cell::new(chart.short.clone(), Meaning::Warn)));
    }
    lines
}

fn range(chart: &Chart, watch: Option<&WatchRow>, cells: u16, view: &View<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    // A price that a vendor was asked for is of a day of which no bar is there yet.
    let asked = watch.filter(|w| w.asked.is_some());
    if let Some((bar, asked)) = chart.bars.last().zip(asked) {
        let day = Cell::muted(bar.date.to_string());
        lines.push(Line::Field("Previous".to_owned(), vec![Cell::text(format::price(bar.close)), day]));
        let volume = asked.volume.map_or_else(Cell::missing, |volume| Cell::text(format::volume(volume)));
        lines.push(Line::field("Volume", volume));
    } else if let Some(bar) = chart.bars.last() {
        let before = chart.bars.len().checked_sub(2).and_then(|i| chart.bars.get(i)).map(|b| b.close);
        let open = Cell::muted(format!("open {}", format::price(bar.open)));
        lines.push(Line::Field("Previous".to_owned(), vec![Cell::text(format::price_or_missing(before)), open]));
        let span = |low: Price, high: Price| Cell::text(format!("{} - {}", format::price_rounded(low), format::price_rounded(high)));
        let day = if bar.provisional { "Day so far" } else { "Day" };
        lines.push(Line::field(day, span(bar.low, bar.high)));
        if let Some((low, high)) = super::chart::year_range(&chart.bars) {
            lines.push(Line::field("52 weeks", span(low, high)));
        }
        lines.push(Line::field("Volume", Cell::text(format::volume(bar.volume))));
    }
    let closes: Vec<f64> = chart.bars.iter().map(|b| b.close.to_f64()).collect();
    // As many days as there is room for; a line that is cut would lose the newest.
    let days = SPARK_DAYS.min(form::figure_cells(cells));
    let small = spark::blocks(&closes, None, days, view.ascii);
    if !small.is_empty() {
        lines.push(Line::field(&format!("{} days", closes.len().min(days)), Cell::new(small, Meaning::Bar)));
    }
    lines
}

fn source(chart: &Chart, watch: Option<&WatchRow>, view: &View<'_>) -> Line {
    let age = watch.map_or_else(Cell::missing, |w| super::watchlist::age(w, view));
    let meaning = if view.screen.data.simulated { Meaning::Simulated } else { Meaning::Muted };
    let name = watch.map_or(chart.source.as_str(), |w| w.source.as_str());
    let known = Some(age).filter(|a| a.text != format::MISSING);
    let age = known.map(|a| Cell { text: format!("age {}", a.text), ..a });
    let sector = Some(Cell::muted(chart.sector.as_str())).filter(|c| !c.text.is_empty());
    Line::Field("Source".to_owned(), std::iter::once(Cell::new(name, meaning)).chain(age).chain(sector).collect())
}

fn holding(chart: &Chart, view: &View<'_>) -> Vec<Line> {
    let held = view.screen.positions.iter().find(|p| p.instrument == chart.instrument);
    let Some(held) = held else { return Vec::new() };
    let cost = held.average_price.map(|p| Cell::muted(format!("cost {}", format::price(p))));
    let weight = held.weight.map(|w| Cell::muted(format!("weight {}", format::percent(w))));
    let gain = vec![cells::gain(held.profit), cells::change(held.profit_share, view.ascii)];
    let amount = std::iter::once(cells::held(held.quantity)).chain(cost).chain(weight).collect();
    vec![
        Line::Section("held".to_owned()),
        Line::Field("Shares".to_owned(), amount),
        Line::Field("P&L".to_owned(), gain),
        Line::Field("Today".to_owned(), vec![cells::gain(held.day_profit)]),
    ]
}

/// Rank, score and families, where the person may see them.
fn signal(chart: &Chart, view: &View<'_>) -> Vec<Line> {
    let Some(signals) = view.screen.signals.as_ref().filter(|_| view.screen.may(Capability::ViewSignals)) else {
        return Vec::new();
    };
    let mut lines = vec![Line::Section("signal".to_owned())];
    match signals.rows.iter().find(|r| r.instrument == chart.instrument) {
        Some(row) => {
            let rank = Cell::text(format!("{} of {}", row.rank, signals.rows.len()));
            let score = Cell::new(format!("score {}", format::score(row.score)), super::signals::tone(row.score));
            lines.push(Line::Field("Rank".to_owned(), vec![rank, score]));
            lines.extend(super::explain::families(row, super::signals::scale(signals)));
        }
        None => lines.push(Line::field("Rank", Cell::new("? not ranked", Meaning::Stale))),
    }
    lines
}
