//! Account: the current account's totals with their currency, and its equity over time.

use chrono::NaiveDate;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View, cells};
use crate::domain::{Capability, Money, Ratio};
use crate::service::view::Account;
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::{spark, table};

/// Rows that the curve needs to be worth drawing.
const CURVE_ROWS_MIN: u16 = 5;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Summary,
    title: "Account",
    code: "PORT",
    capability: Capability::ViewPortfolio,
    empty: "Totals of one account. None is open: 'qlib-pro account open' opens one.",
    table: None,
    note: |view| {
        let account = view.screen.account.map_or_else(String::new, |a| a.to_string());
        cells::joined(&[&account, view.screen.mode.as_str()])
    },
    draw,
};

/// The account's figures.
pub(super) fn figures(account: &Account, view: &View<'_>) -> Vec<Line> {
    let currency = || Cell::muted(account.currency.as_str());
    let money = |value: Option<Money>| value.map_or_else(
        || Cell::new("? a holding has no price", Meaning::Stale),
        |v| Cell::text(format::money(v)),
    );
    let mut equity = money(account.equity);
    if account.equity.is_some() {
        equity.meaning = Meaning::Accent;
    }
    let gross = account.gross_exposure.map_or_else(Cell::missing, |g| Cell::text(format::percent(g)));
    let free = account.equity.and_then(|e| account.cash.share_of(e));
    let free = free.map(|share| Cell::muted(format!("{} of equity", format::percent(share))));
    let differs = view.screen.differences.iter().flat_map(|d| &d.rows).filter(|d| d.account == account.account);
    let differs = match differs.count() {
        0 => None,
        n => Some(Line::field("Broker", Cell::new(format!("X {n} differ, see :RECO"), Meaning::Breach))),
    };
    let stops = (!account.trigger.is_usual()).then(|| Line::field("Stops by", Cell::muted(account.trigger.as_str())));
    let figures = vec![
        Line::Field("Equity".to_owned(), vec![equity, currency()]),
        Line::Field("Day".to_owned(), vec![cells::gain(account.day_profit), cells::change(account.day_return, view.ascii)]),
        Line::Field("Cash".to_owned(), std::iter::once(money(Some(account.cash))).chain(free).collect()),
        Line::Field("Open P&L".to_owned(), vec![cells::gain(account.open_profit), Cell::muted("against cost")]),
        Line::Field("Realized".to_owned(), vec![cells::gain(Some(account.realized)), Cell::muted(format!("fees {}", format::money(account.fees)))]),
        Line::Field("Gross".to_owned(), vec![gross, Cell::muted("of equity")]),
    ];
    figures.into_iter().chain(stops).chain(differs).collect()
}

/// The curve of equity with its ends and its deepest fall; nothing while there are fewer than two sessions.
pub(super) fn curve(equity: &[(NaiveDate, Money)], view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some(((from, _), (to, _))) = equity.first().zip(equity.last()).filter(|_| equity.len() > 1) else { return };
    let mut pen = Pen::new(buf, area);
    if pen.height() < CURVE_ROWS_MIN || pen.width() < 20 {
        return;
    }
    let values: Vec<f64> = equity.iter().map(|(_, m)| m.to_f64()).collect();
    let Some((low, high)) = spark::range(values.iter().copied()) else { return };
    let (muted, track) = (view.theme.style(Meaning::Muted), view.theme.style(Meaning::Track));
    let labels = [high, low].map(format::compact);
    let wide = labels.iter().map(|l| format::width(l)).max().unwrap_or(0);
    let left = u16::try_from(wide + 2).unwrap_or(u16::MAX);
    let rows = pen.height() - 2;
    let (bar, tick, corner, rule) = if view.ascii { ("|", "+", "+", "-") } else { ("│", "┤", "└", "─") };
    for y in 0..rows {
        pen.put(left - 1, y, if y == 0 || y + 1 == rows { tick } else { bar }, track);
    }
    for (y, label) in [0, rows - 1].iter().zip(&labels) {
        pen.put(0, *y, &format::pad_left(label, wide, view.ascii), muted);
    }
    let width = pen.width().saturating_sub(left);
    let drawn = spark::line(&values, usize::from(width), usize::from(rows), view.ascii);
    for (y, line) in (0..rows).zip(&drawn) {
        pen.put(left, y, line, view.theme.style(Meaning::Accent));
    }
    pen.put(left - 1, rows, corner, track);
    pen.put(left, rows, &rule.repeat(usize::from(width)), track);
    pen.put(left, rows + 1, &from.to_string(), muted);
    let end = format!("  worst fall {}  {to}", deepest_fall(&values));
    if format::width(&end) + 12 <= usize::from(width) {
        pen.put_right(rows + 1, &end, muted);
    }
}

/// Deepest fall from the highest value so far, as a percentage.
fn deepest_fall(values: &[f64]) -> String {
    let (mut top, mut worst) = (f64::MIN, 0.0_f64);
    for value in values {
        top = top.max(*value);
        if top > 0.0 {
            worst = worst.min(value / top - 1.0);
        }
    }
    Ratio::from_f64(worst).map_or_else(|| format::MISSING.to_owned(), format::percent)
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some(account) = cells::current_account(view) else {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    };
    let lines = figures(account, view);
    with_curve(&lines, view, area, buf);
}

/// Lines above, the curve of equity in what is left below, or beside them where the area is wide and low.
pub(super) fn with_curve(lines: &[Line], view: &View<'_>, area: Rect, buf: &mut Buffer) {
    const FIGURES_WIDTH: u16 = 46;
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let equity = &view.screen.equity;
    if area.width >= 2 * FIGURES_WIDTH && equity.len() > 1 {
        form::draw(lines, view, Rect { width: FIGURES_WIDTH, ..area }, buf);
        curve(equity, view, Rect { x: area.x + FIGURES_WIDTH, width: area.width - FIGURES_WIDTH, ..area }, buf);
        return;
    }
    let left = area.height.saturating_sub(height + 1);
    if left < CURVE_ROWS_MIN || equity.len() < 2 {
        form::draw(lines, view, area, buf);
        return;
    }
    form::draw(lines, view, Rect { height, ..area }, buf);
    curve(equity, view, Rect { y: area.y + height + 1, height: left, ..area }, buf);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_fall_counts_from_the_highest_value_so_far() {
        assert_eq!(deepest_fall(&[100.0, 120.0, 90.0, 130.0, 120.0]), "-25.0%");
        assert_eq!(deepest_fall(&[1.0, 2.0]), "0.0%");
    }
}
