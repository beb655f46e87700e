//! Allocation: the account's equity by name and by sector, cash included.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View, cells};
use crate::domain::{Capability, Ratio};
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table::{self, CellBar};

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Allocation,
    title: "Allocation",
    code: "ALLO",
    capability: Capability::ViewPortfolio,
    empty: "Where the money is, by name and sector. Nothing is held yet: b buys the selected name.",
    table: None,
    note: |view| view.screen.account.map_or_else(String::new, |a| a.to_string()),
    draw,
};

/// Bars of shares, scaled so that the largest fills the bar; short ones are marked.
pub(super) fn bars(shares: &[(String, Option<Ratio>)]) -> Vec<Line> {
    let most = shares.iter().filter_map(|(_, s)| *s).map(|s| s.to_f64().abs()).fold(0.0, f64::max);
    let bar = |(name, share): &(String, Option<Ratio>)| match share {
        Some(share) => {
            let length = if most > 0.0 { share.to_f64().abs() / most } else { 0.0 };
            let meaning = if share.is_negative() { Meaning::Down } else { Meaning::Text };
            Line::Bar(Cell::text(name.as_str()), CellBar::Use(length), Cell::new(format::percent(*share), meaning))
        }
        None => Line::Bar(Cell::text(name.as_str()), CellBar::Use(0.0), Cell::new("? no price", Meaning::Stale)),
    };
    shares.iter().map(bar).collect()
}

/// Weights by name, largest first as the screen has them.
pub(super) fn by_name(view: &View<'_>) -> Vec<(String, Option<Ratio>)> {
    let mut shares: Vec<(String, Option<Ratio>)> =
        view.screen.positions.iter().map(|p| (p.symbol.to_string(), p.weight)).collect();
    shares.sort_by_key(|(_, share)| std::cmp::Reverse(share.map(|s| s.raw().unsigned_abs())));
    shares
}

fn by_sector(view: &View<'_>) -> Vec<(String, Option<Ratio>)> {
    let mut sums: BTreeMap<&str, Option<Ratio>> = BTreeMap::new();
    for position in &view.screen.positions {
        let sector = if position.sector.is_empty() { "(unknown)" } else { position.sector.as_str() };
        let sum = sums.entry(sector).or_insert(Some(Ratio::ZERO));
        *sum = sum.zip(position.weight).and_then(|(a, b)| a.checked_add(b));
    }
    let mut shares: Vec<(String, Option<Ratio>)> = sums.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    shares.sort_by_key(|(_, share)| std::cmp::Reverse(share.map(|s| s.raw().unsigned_abs())));
    shares
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    if view.screen.positions.is_empty() {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    }
    let cash = cells::current_account(view).map(|a| a.equity.and_then(|e| a.cash.share_of(e)));
    let cash = cash.map(|share| ("cash".to_owned(), share));
    let sectors: Vec<_> = by_sector(view).into_iter().chain(cash).collect();
    let mut left = vec![Line::Section("by name, share of equity".to_owned())];
    left.extend(bars(&by_name(view)));
    let mut right = vec![Line::Section("by sector".to_owned())];
    right.extend(bars(&sectors));
    if area.width >= 76 {
        let half = area.width / 2;
        form::draw(&left, view, Rect { width: half, ..area }, buf);
        form::draw(&right, view, Rect { x: area.x + half, width: area.width - half, ..area }, buf);
    } else {
        left.push(Line::Gap);
        left.extend(right);
        form::draw(&left, view, area, buf);
    }
}
