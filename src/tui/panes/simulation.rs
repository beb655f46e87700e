//! Simulation: a customer's home. What the practice account is worth, its clock and how to move it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cell, PaneDef, PaneId, View, cells, summary};
use crate::domain::{Capability, Money, Ratio};
use crate::tui::format;
use crate::tui::theme::Meaning;
use crate::tui::widgets::form::Line;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Simulation,
    title: "Simulation",
    code: "SIM",
    capability: Capability::Simulate,
    empty: "A practice account: no order leaves this machine. None is open for you: ask your administrator.",
    table: None,
    note: |view| view.screen.account.map_or_else(String::new, |a| a.to_string()),
    draw,
};

fn draw(view: &View<'_>, area: Rect, buf: &mut Buffer) {
    let Some(account) = cells::current_account(view) else {
        table::paragraph(PANE.empty, view, &mut Pen::new(buf, area));
        return;
    };
    // The clock first: the figures stand in the pane of the account too.
    let mut lines = clock(view);
    lines.extend(since_start(view, account.equity));
    lines.push(Line::Section("account".to_owned()));
    lines.extend(summary::figures(account, view));
    summary::with_curve(&lines, view, area, buf);
}

/// The result since the first session that is known.
fn since_start(view: &View<'_>, now: Option<Money>) -> Option<Line> {
    let (date, first) = view.screen.equity.first()?;
    let gained: Money = now?.checked_sub(*first)?;
    let share: Ratio = gained.share_of(*first)?;
    Some(Line::Field(
        "From start".to_owned(),
        vec![cells::change(Some(share), view.ascii), Cell::muted(format!("{} on {date}", format::money_whole(*first)))],
    ))
}

fn clock(view: &View<'_>) -> Vec<Line> {
    let data = &view.screen.data;
    let (play, pause) = if view.ascii { (">", "||") } else { ("▶", "‖") };
    let state = match (data.speed, data.session_open) {
        (0, _) => Cell::new(format!("{pause} paused"), Meaning::Warn),
        (speed, true) => Cell::new(format!("{play} {speed}x, session open"), Meaning::Good),
        (speed, false) => Cell::new(format!("{play} {speed}x, session closed"), Meaning::Muted),
    };
    let keys = if view.screen.may(Capability::ManageData) {
        [("Space", "play or pause"), ("< >", "speed"), (".", "next session")].as_slice()
    } else {
        [("b", "buy"), ("s", "sell"), ("c", "cancel")].as_slice()
    };
    let keys = keys.iter().flat_map(|(key, what)| [Cell::new(format!("{key} {what}"), Meaning::Key)]).collect();
    vec![
        Line::field("Market", Cell::text(data.market_clock.as_str())),
        Line::field("State", state),
        Line::Cells(keys),
        Line::Text(Cell::new("i ", Meaning::Simulated), Cell::muted("simulation only: no order leaves this machine")),
    ]
}
