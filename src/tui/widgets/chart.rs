//! Candles: one column a session, prices in half rows, volume below, own fills as `B` and `S`.
//!
//! A session without a bar is a hole, never bridged. Rising bodies are thin, falling bodies are full, so that the
//! direction is seen without colour too. The price axis stands left, dates below; the last price has a line.

use chrono::{Datelike, NaiveDate};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::Price;
use crate::service::view::PriceRow;
use crate::tui::format;
use crate::tui::theme::{Meaning, Theme};

use super::pen::Pen;
use super::spark;

/// Days between two bars from which a hole is drawn (a long weekend is four).
const HOLE_DAYS: i64 = 5;
/// Rows of the plot from which volume is drawn below it.
const VOLUME_ROWS_FROM: u16 = 10;
/// Rows of the plot from which another series has a strip below it.
const STRIP_ROWS_FROM: u16 = 7;
/// Least rows between two prices of the axis.
const TICK_ROWS: f64 = 3.0;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Candles<'a> {
    /// Bars, oldest first.
    pub bars: &'a [PriceRow],
    /// Own fills: session, bought, price.
    pub fills: &'a [(NaiveDate, bool, Price)],
    /// Bars left out at the newest end.
    pub back: usize,
    /// Another series over the same sessions.
    pub overlay: Option<Overlay<'a>>,
}

/// A series beside the prices.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// Session and value, oldest first.
    pub points: &'a [(NaiveDate, f64)],
    /// It is a price: drawn among the candles. Otherwise it has a strip and a scale of its own below them.
    pub on_price: bool,
    /// It is 1 or 0: true or false.
    pub truth: bool,
}

impl Overlay<'_> {
    fn value(&self, date: NaiveDate) -> f64 {
        let found = self.points.binary_search_by_key(&date, |(d, _)| *d).ok();
        found.and_then(|at| self.points.get(at)).map_or(f64::NAN, |(_, v)| *v)
    }
}

/// How the field is cut and scaled.
struct Frame<'a> {
    slots: Vec<Option<&'a PriceRow>>,
    low: f64,
    high: f64,
    axis: u16,
    rows: u16,
    volume: u16,
    strip: u16,
    step: u16,
    theme: &'a Theme,
    ascii: bool,
}

/// Draws candles; returns how many bars are shown.
pub fn draw(candles: &Candles<'_>, theme: &Theme, ascii: bool, area: Rect, buf: &mut Buffer) -> usize {
    let mut pen = Pen::new(buf, area);
    let Some(frame) = Frame::fit(candles, theme, ascii, &pen) else { return 0 };
    frame.draw_axis(candles, &mut pen);
    frame.draw_overlay(candles, &mut pen);
    frame.draw_candles(&mut pen);
    frame.draw_fills(candles, &mut pen);
    frame.draw_volume(&mut pen);
    frame.draw_dates(&mut pen);
    frame.slots.iter().flatten().count()
}

/// Bars with a hole where sessions are missing, the newest `room`.
fn slots<'a>(candles: &Candles<'a>, room: usize) -> Vec<Option<&'a PriceRow>> {
    let end = candles.bars.len().saturating_sub(candles.back.min(candles.bars.len().saturating_sub(1)));
    let mut out: Vec<Option<&PriceRow>> = Vec::with_capacity(room);
    let mut later: Option<NaiveDate> = None;
    for bar in candles.bars.iter().take(end).rev() {
        if later.is_some_and(|l| (l - bar.date).num_days() > HOLE_DAYS) {
            out.push(None);
        }
        if out.len() >= room {
            break;
        }
        out.push(Some(bar));
        later = Some(bar.date);
    }
    out.truncate(room);
    out.reverse();
    out
}

impl<'a> Frame<'a> {
    fn fit(candles: &Candles<'a>, theme: &'a Theme, ascii: bool, pen: &Pen<'_>) -> Option<Self> {
        let dates = if pen.height() >= 6 { 2 } else { 0 };
        let plot = pen.height().checked_sub(dates).filter(|rows| *rows >= 1)?;
        let apart = candles.overlay.is_some_and(|o| !o.on_price) && plot >= STRIP_ROWS_FROM;
        let strip = if apart { (plot / 4).clamp(2, 6) } else { 0 };
        let plot = plot - strip;
        let volume = if plot >= VOLUME_ROWS_FROM { (plot / 8).clamp(1, 3) } else { 0 };
        let widest = candles.bars.iter().map(|b| format::width(&format::price(b.high))).max()?;
        let axis = match u16::try_from(widest).ok()? {
            wide if wide + 12 <= pen.width() => wide + 2,
            _ => 0,
        };
        let room = usize::from(pen.width().saturating_sub(axis));
        let slots = slots(candles, room);
        let step = if slots.len() * 3 <= room { 3 } else { 1 + u16::from(slots.len() * 2 <= room) };
        let prices = slots.iter().flatten().flat_map(|b| [b.low.to_f64(), b.high.to_f64()]);
        let (low, high) = spark::range(prices)?;
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
        Some(Self { slots, low, high, axis, rows: plot - volume, volume, strip, step, theme, ascii })
    }

    /// Half row of a price, from the top.
    fn half(&self, price: f64) -> u16 {
        let last = f64::from(self.rows * 2 - 1);
        ((1.0 - spark::share(price, self.low, self.high)) * last).round() as u16
    }

    fn style(&self, meaning: Meaning) -> Style {
        self.theme.style(meaning)
    }

    fn x(&self, slot: usize) -> u16 {
        self.axis.saturating_add(u16::try_from(slot).unwrap_or(u16::MAX).saturating_mul(self.step))
    }

    fn draw_axis(&self, candles: &Candles<'_>, pen: &mut Pen<'_>) {
        let (bar, tick) = if self.ascii { ("|", "+") } else { ("│", "┤") };
        let label_cells = usize::from(self.axis.saturating_sub(2));
        let edge = self.axis.saturating_sub(1);
        if self.axis > 0 {
            for y in 0..self.rows + self.volume + self.strip {
                pen.put(edge, y, bar, self.style(Meaning::Track));
            }
            for price in ticks(self.low, self.high, f64::from(self.rows) / TICK_ROWS) {
                let Some(label) = Price::from_f64(price).map(format::price) else { continue };
                let y = self.half(price) / 2;
                pen.put(0, y, &format::pad_left(&label, label_cells, self.ascii), self.style(Meaning::Muted));
                pen.put(edge, y, tick, self.style(Meaning::Track));
            }
        }
        let Some(last) = candles.bars.last().filter(|_| candles.back == 0) else { return };
        let y = self.half(last.close.to_f64()) / 2;
        let dots =
            if self.ascii { "." } else { "┈" }.repeat(usize::from(pen.width().saturating_sub(self.axis)));
        pen.put(self.axis, y, &dots, self.style(Meaning::Track));
        if self.axis > 0 {
            let label = format::pad_left(&format::price(last.close), label_cells, self.ascii);
            pen.put(0, y, &label, self.style(Meaning::Accent));
            pen.put(label_cells as u16, y, " ", self.style(Meaning::Text));
            pen.put(edge, y, if self.ascii { ">" } else { "►" }, self.style(Meaning::Accent));
        }
    }

    /// The other series: a line among the candles, or in a strip of its own with its scale.
    fn draw_overlay(&self, candles: &Candles<'_>, pen: &mut Pen<'_>) {
        let Some(overlay) = candles.overlay else { return };
        let width = usize::from(pen.width().saturating_sub(self.axis));
        let dots = spark::dots_across(self.ascii);
        let mut values = Vec::with_capacity(width * dots);
        for slot in &self.slots {
            let value = slot.map_or(f64::NAN, |bar| overlay.value(bar.date));
            values.extend(std::iter::repeat_n(value, usize::from(self.step) * dots));
        }
        values.resize(width * dots, f64::NAN);
        let style = self.style(Meaning::Accent);
        let (top, rows, scale) = if overlay.on_price {
            let inside = |v: &mut f64| *v = if *v >= self.low && *v <= self.high { *v } else { f64::NAN };
            values.iter_mut().for_each(inside);
            (0, self.rows, Some((self.low, self.high)))
        } else {
            let scale = if overlay.truth { Some((0.0, 1.0)) } else { spark::range(values.iter().copied()) };
            (self.rows + self.volume, self.strip, scale)
        };
        let drawn = spark::line_between(&values, scale, width, usize::from(rows), self.ascii);
        for (y, line) in (top..).zip(&drawn) {
            for (x, c) in (self.axis..).zip(line.chars()).filter(|(_, c)| *c != ' ') {
                pen.put(x, y, c.encode_utf8(&mut [0; 4]), style);
            }
        }
        if let Some((low, high)) = scale.filter(|_| !overlay.on_price && self.axis > 4) {
            let cells = usize::from(self.axis - 2);
            let figures = format::Figures::fitting(low, high, cells);
            let (first, last) = (top, top + rows.saturating_sub(1));
            let labels = match (overlay.truth, high > low) {
                (true, _) => vec![(first, "yes".to_owned()), (last, "no".to_owned())],
                (false, true) => vec![(first, figures.show(high)), (last, figures.show(low))],
                (false, false) => vec![(top + rows / 2, figures.show(low))],
            };
            for (y, label) in labels {
                pen.put(0, y, &format::pad_left(&label, cells, self.ascii), self.style(Meaning::Muted));
            }
        }
    }

    fn draw_candles(&self, pen: &mut Pen<'_>) {
        for (slot, bar) in self.slots.iter().enumerate() {
            let Some(bar) = bar else { continue };
            let falls = bar.close < bar.open;
            let mut style = self.style(if falls { Meaning::Down } else { Meaning::Up });
            if bar.provisional {
                style = style.patch(self.style(Meaning::Stale));
            }
            let wick = (self.half(bar.high.to_f64()), self.half(bar.low.to_f64()));
            let body =
                (self.half(bar.open.max(bar.close).to_f64()), self.half(bar.open.min(bar.close).to_f64()));
            let part = |half: u16| match half {
                h if h >= body.0 && h <= body.1 => Part::Body,
                h if h >= wick.0 && h <= wick.1 => Part::Wick,
                _ => Part::Empty,
            };
            for row in wick.0 / 2..=wick.1 / 2 {
                let glyph = if self.ascii {
                    plain_glyph(part(row * 2), part(row * 2 + 1), falls)
                } else {
                    glyph(part(row * 2), part(row * 2 + 1), falls)
                };
                pen.put(self.x(slot), row, glyph, style);
            }
        }
    }

    fn draw_fills(&self, candles: &Candles<'_>, pen: &mut Pen<'_>) {
        let style = self.style(Meaning::Own);
        for (slot, bar) in self.slots.iter().enumerate() {
            let Some(bar) = bar else { continue };
            for (_, bought, _) in candles.fills.iter().filter(|(date, _, _)| *date == bar.date) {
                let (row, mark) = if *bought {
                    ((self.half(bar.low.to_f64()) / 2 + 1).min(self.rows - 1), "B")
                } else {
                    ((self.half(bar.high.to_f64()) / 2).saturating_sub(1), "S")
                };
                pen.put(self.x(slot), row, mark, style);
            }
        }
    }

    fn draw_volume(&self, pen: &mut Pen<'_>) {
        if self.volume == 0 {
            return;
        }
        let volumes = self.slots.iter().flatten().map(|b| b.volume.to_f64());
        let Some((_, most)) = spark::range(volumes).filter(|(_, most)| *most > 0.0) else { return };
        let levels = usize::from(self.volume) * 8;
        for (slot, bar) in self.slots.iter().enumerate() {
            let Some(bar) = bar else { continue };
            let level = (bar.volume.to_f64() / most * levels as f64).ceil() as usize;
            for row in 0..self.volume {
                let under = usize::from(self.volume - 1 - row) * 8;
                let part = level.saturating_sub(under).min(8);
                pen.put(self.x(slot), self.rows + row, block(part, self.ascii), self.style(Meaning::Bar));
            }
        }
        if self.axis > 4 {
            let text = format::pad_left(&format::compact(most), usize::from(self.axis - 2), self.ascii);
            pen.put(0, self.rows, &text, self.style(Meaning::Muted));
        }
    }

    fn draw_dates(&self, pen: &mut Pen<'_>) {
        let y = self.rows + self.volume + self.strip;
        if y + 1 >= pen.height() {
            return;
        }
        let (corner, line, tick) = if self.ascii { ("+", "-", "+") } else { ("└", "─", "┬") };
        let style = self.style(Meaning::Track);
        let width = pen.width().saturating_sub(self.axis);
        pen.put(self.axis, y, &line.repeat(usize::from(width)), style);
        if self.axis > 0 {
            pen.put(self.axis - 1, y, corner, style);
        }
        for (slot, label) in dates(&self.slots, self.step) {
            let x = self.x(slot);
            pen.put(x, y, tick, style);
            // The last label moves to the left rather than lose its end.
            let wide = label.len() as u16;
            pen.put(x.min(pen.width().saturating_sub(wide)), y + 1, &label, self.style(Meaning::Muted));
        }
    }
}

/// What half a row of a candle shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Empty,
    Wick,
    Body,
}

/// Glyph of a candle's cell from its upper and lower half.
const fn glyph(upper: Part, lower: Part, falls: bool) -> &'static str {
    match (upper, lower) {
        (Part::Empty, Part::Empty) => " ",
        (Part::Empty, Part::Wick) => "╷",
        (Part::Wick, Part::Empty) => "╵",
        (Part::Wick, Part::Wick) => "│",
        (Part::Body, Part::Body) => {
            if falls {
                "█"
            } else {
                "┃"
            }
        }
        (Part::Empty, Part::Body) => {
            if falls {
                "▄"
            } else {
                "╻"
            }
        }
        (Part::Body, Part::Empty) => {
            if falls {
                "▀"
            } else {
                "╹"
            }
        }
        (Part::Wick, Part::Body) => {
            if falls {
                "▄"
            } else {
                "╽"
            }
        }
        (Part::Body, Part::Wick) => {
            if falls {
                "▀"
            } else {
                "╿"
            }
        }
    }
}

/// The same in ASCII: rising bodies `#`, falling bodies `*`.
const fn plain_glyph(upper: Part, lower: Part, falls: bool) -> &'static str {
    match (upper, lower) {
        (Part::Empty, Part::Empty) => " ",
        (Part::Body, _) | (_, Part::Body) => {
            if falls {
                "*"
            } else {
                "#"
            }
        }
        (Part::Wick, _) | (_, Part::Wick) => "|",
    }
}

/// A block filled to so many eighths.
fn block(eighths: usize, ascii: bool) -> &'static str {
    const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    const PLAIN: [&str; 9] = [" ", ".", ".", ":", ":", "|", "|", "#", "#"];
    let blocks = if ascii { PLAIN } else { BLOCKS };
    blocks.get(eighths).copied().unwrap_or(" ")
}

/// Round prices between `low` and `high`, at most `most` of them, a step of 1, 2 or 5 apart.
fn ticks(low: f64, high: f64, most: f64) -> Vec<f64> {
    let raw = (high - low) / most.max(1.0);
    if !raw.is_finite() || raw <= 0.0 {
        return Vec::new();
    }
    let power = libm::pow(10.0, libm::floor(libm::log10(raw)));
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|s| s * power).find(|s| *s >= raw).unwrap_or(power * 10.0);
    let first = libm::ceil(low / step);
    let last = libm::floor(high / step);
    let count = (last - first).max(-1.0) as usize + usize::from(last >= first);
    (0..count).map(|i| (first + i as f64) * step).collect()
}

/// Labels of the date axis by slot: months, or days when less than three months are shown; they never touch.
fn dates(slots: &[Option<&PriceRow>], step: u16) -> Vec<(usize, String)> {
    const APART: usize = 2;
    let shown = || slots.iter().enumerate().filter_map(|(i, bar)| bar.map(|b| (i, b.date)));
    let month = |date: NaiveDate| date.year() * 12 + date.month0() as i32;
    let months = shown()
        .next_back()
        .zip(shown().next())
        .map_or(0, |((_, last), (_, first))| month(last) - month(first));
    let mut out: Vec<(usize, String)> = Vec::new();
    let (mut free, mut before) = (0, None);
    for (slot, date) in shown() {
        let turned = before.is_some_and(|b| b != month(date));
        let first = before.is_none();
        before = Some(month(date));
        let label = match months {
            0..3 => date.format("%m-%d").to_string(),
            _ if turned && date.month() == 1 => date.format("%Y").to_string(),
            _ if turned => date.format("%b").to_string(),
            _ if first => date.format("%b %y").to_string(),
            _ => continue,
        };
        let at = slot * usize::from(step);
        if at >= free {
            free = at + label.len() + APART + if months < 3 { 4 } else { 0 };
            out.push((slot, label));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::widgets::testing;
    use proptest::prelude::*;

    fn bar(day: u32, prices: [&str; 4]) -> PriceRow {
        let [open, high, low, close] = prices.map(|p| p.parse().unwrap());
        let date = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(u64::from(day));
        PriceRow { date, open, high, low, close, volume: "1000".parse().unwrap(), provisional: false }
    }

    fn shown(bars: &[PriceRow], fills: &[(NaiveDate, bool, Price)], size: (u16, u16), ascii: bool) -> String {
        let theme = Theme::plain(ascii);
        let candles = Candles { bars, fills, back: 0, overlay: None };
        testing::framed(size.0, size.1, |area, buf| {
            draw(&candles, &theme, ascii, area, buf);
        })
    }

    fn three() -> Vec<PriceRow> {
        vec![
            bar(0, ["10", "14", "9", "13"]),
            bar(1, ["13", "16", "12", "15"]),
            bar(2, ["15", "15.5", "8", "10"]),
        ]
    }

    #[test]
    fn candles_show_wick_body_and_direction() {
        insta::assert_snapshot!(shown(&three(), &[], (20, 8), false), @r"
        |15.00 ┤   ╽  ▄
        |      │╷  ┃  █
        |      │┃  ╿  █
        |      │┃  ╵  █
        |10.00 ►╿┈┈┈┈┈▀┈┈┈┈┈┈
        |      │╵     │
        |      └┬────────────
        |       01-01
        ");
        insta::assert_snapshot!(shown(&three(), &[], (20, 8), true), @r"
        |15.00 +   #  *
        |      ||  #  *
        |      |#  #  *
        |      |#  |  *
        |10.00 >#.....*......
        |      ||     |
        |      ++------------
        |       01-01
        ");
    }

    #[test]
    fn a_missing_week_is_a_hole() {
        let bars = vec![three()[0], bar(9, ["13", "16", "12", "15"])];
        let slots = slots(&Candles { bars: &bars, fills: &[], back: 0, overlay: None }, 10);
        assert_eq!(slots.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn axis_prices_are_round_and_inside() {
        assert_eq!(ticks(215.9, 237.2, 5.0), [220.0, 225.0, 230.0, 235.0]);
        assert_eq!(ticks(1.0, 1.0, 5.0), Vec::<f64>::new());
        assert_eq!(ticks(8.0, 9.0, 1.0), [8.0, 9.0]);
    }

    #[test]
    fn fills_stand_beside_their_bar() {
        let date = three()[1].date;
        let drawn =
            shown(&three(), &[(date, true, Price::ZERO), (date, false, Price::ZERO)], (20, 10), false);
        assert!(drawn.contains('B') && drawn.contains('S'), "{drawn}");
    }

    proptest! {
        #[test]
        fn any_bars_fit_any_field(
            closes in prop::collection::vec((1_i64..9_000, 1_i64..9_000), 0..60),
            width in 0_u16..70, height in 0_u16..25, back in 0_usize..70, ascii: bool,
        ) {
            let cents = |c: i64| Price::from_raw(c * 10_000_000);
            let bars: Vec<PriceRow> = closes.iter().enumerate().map(|(i, (open, close))| PriceRow {
                open: cents(*open), close: cents(*close),
                high: cents(*open.max(close) + 50), low: cents((*open.min(close) - 50).max(1)),
                ..bar(i as u32 * 2, ["1", "1", "1", "1"])
            }).collect();
            let fills: Vec<_> = bars.iter().map(|b| (b.date, true, b.low)).collect();
            let theme = Theme::plain(ascii);
            let candles = Candles { bars: &bars, fills: &fills, back, overlay: None };
            testing::buffer(width, height, |area, buf| { draw(&candles, &theme, ascii, area, buf); });
        }
    }
}
