//! Sync: who is asked, how far it is, how fast, what it waits for; or how the last run ended.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View};
use crate::domain::{Capability, UnixNanos};
use crate::service::view::{DataHealth, FeedLine, SyncLine};
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::{self, Line};
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table::{self, CellBar};

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Sync,
    title: "Sync",
    code: "FEED",
    capability: Capability::ManageData,
    empty: "Fetching what is missing from the vendors. Nothing was fetched here yet: u fetches the selected name, U all that was fetched before.",
    table: None,
    note,
    draw,
};

fn note(view: &View<'_>) -> String {
    let sync = view.screen.data_health.as_ref().map(|h| &h.sync);
    match sync {
        Some(s) if s.running => "runs".to_owned(),
        Some(s) if s.troubled => "! see below".to_owned(),
        Some(_) => "idle".to_owned(),
        None => "looking...".to_owned(),
    }
}

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let health = view.screen.data_health.as_ref().filter(|h| h.sync.running || h.sync.last_at.is_some() || h.feed.is_some());
    let Some(health) = health else {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    };
    form::draw(&lines(health), view, area, buf);
}

fn lines(health: &DataHealth) -> Vec<Line> {
    let sync = &health.sync;
    let mut lines = Vec::new();
    if let Some(feed) = &health.feed {
        lines.extend(live(feed, health.at));
    }
    if sync.running {
        lines.extend(running(sync));
    }
    if let Some(at) = sync.last_at {
        let meaning = if sync.troubled { Meaning::Warn } else { Meaning::Good };
        let mark = Cell::new(if sync.troubled { "! " } else { "ok " }, meaning);
        lines.push(Line::Section(format!("last run, {} ago", format::age(health.at, at))));
        lines.push(Line::Text(mark, Cell::text(sync.last.as_str())));
    }
    lines
}

/// Prices as they happen.
fn live(feed: &FeedLine, now: UnixNanos) -> Vec<Line> {
    let meaning = if feed.is_fresh { Meaning::Good } else { Meaning::Warn };
    let mark = Cell::new(if feed.is_fresh { "ok " } else { "! " }, meaning);
    let mut lines = vec![
        Line::Section("live prices".to_owned()),
        Line::Text(mark, Cell::text(feed.state.as_str())),
        Line::Text(Cell::text(""), Cell::muted(feed.counts.as_str())),
    ];
    if let Some((at, words)) = &feed.trouble {
        let (mark, meaning) = if feed.is_fresh { ("", Meaning::Muted) } else { ("! ", Meaning::Warn) };
        let text = format!("{} ago: {words}", format::age(now, *at));
        lines.push(Line::Text(Cell::new(mark, meaning), Cell::new(text, meaning)));
    }
    lines
}

fn running(sync: &SyncLine) -> Vec<Line> {
    let vendor = sync.vendor.map_or_else(|| "begins".to_owned(), |v| v.to_string());
    #[allow(clippy::cast_precision_loss, reason = "a share for a bar")]
    let share = if sync.total == 0 { 0.0 } else { sync.done as f64 / sync.total as f64 };
    let mut lines = vec![
        Line::Bar(
            Cell::new(vendor, Meaning::Title),
            CellBar::Use(share),
            Cell::text(format!("{}/{}", sync.done, sync.total)),
        ),
        Line::Field("Now".to_owned(), vec![Cell::text(sync.doing.as_str())]),
        Line::Field(
            "Rows".to_owned(),
            vec![Cell::text(sync.rows.to_string()), Cell::muted(format!("{} a second", sync.rows_a_second))],
        ),
        Line::Field("Requests".to_owned(), vec![Cell::text(sync.requests.to_string())]),
    ];
    if sync.seconds_left > 0 {
        lines.push(Line::Field("Left".to_owned(), vec![Cell::text(format!("about {}", span(sync.seconds_left)))]));
    }
    if !sync.waiting.is_empty() {
        lines.push(Line::Text(Cell::new("! ", Meaning::Warn), Cell::new(sync.waiting.as_str(), Meaning::Warn)));
    }
    lines
}

/// A length of time in words, in its largest unit and the next.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_in_words() {
        assert_eq!([5, 61, 4_560].map(span), ["5 s", "2 min", "1 h 16 min"]);
    }
}
