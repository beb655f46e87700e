//! Panes: what each part of a workspace shows. A pane reads one [`Screen`] snapshot and draws cells.
//!
//! A pane never waits, locks, queries or changes anything; all of its state (selection, scroll, filter) is handed in
//! with [`View`]. One [`PaneDef`] a pane says what it is called, who may see it, what it shows when empty and,
//! where it is a table, its rows. [`PANES`] is the registry from which help, palette and layouts are made.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::Capability;
use crate::service::view::Screen;

use super::lab::Lab;
use super::theme::Theme;
pub use super::widgets::table::{Cell, Column, Row, RowKey, TableData};

macro_rules! panes {
    ($($id:ident = $file:ident, $doc:literal;)*) => {
        $( #[doc = $doc] pub mod $file; )*

        /// Names of the panes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PaneId { $( #[doc = $doc] $id, )* }

        impl PaneId {
            /// All panes.
            pub const ALL: &'static [PaneId] = &[$(PaneId::$id),*];
            /// What the pane is.
            pub const fn def(self) -> &'static PaneDef { match self { $(PaneId::$id => &$file::PANE,)* } }
        }

        /// All panes, in the order of [`PaneId::ALL`].
        pub const PANES: &[PaneDef] = &[$($file::PANE),*];
    };
}

panes! {
    Watchlist = watchlist, "Watched instruments with price, age, signal and holding.";
    Quote = quote, "The focused instrument in figures.";
    Chart = chart, "Candles of the focused instrument.";
    Positions = positions, "Holdings of the current account.";
    Allocation = allocation, "Where the account's money is, by name and sector.";
    Orders = orders, "Orders of today and what became of them.";
    Signals = signals, "The latest ranking.";
    Factors = factors, "Factors that can be looked up.";
    Expression = expression, "The expression under the pen.";
    Values = values, "Its value and rank across the universe.";
    Evidence = evidence, "How well it foresaw returns.";
    Explain = explain, "Why a name ranks where it does.";
    Limits = limits, "Limits and how much of them is used.";
    Versions = versions, "Versions of limits, newest first.";
    Breaches = breaches, "What risk refused.";
    Halts = halts, "Halts in force.";
    Differences = differences, "What differs between accounts and their brokers.";
    Exposure = exposure, "Exposure of every account and the largest names.";
    History = history, "Fills.";
    Insights = insights, "Plain sentences about the account.";
    Summary = summary, "The current account's totals.";
    Simulation = simulation, "A simulation account and its clock.";
    News = news, "Headlines of held and watched names.";
    Notices = notices, "Notices to the person.";
    Users = users, "People.";
    Log = log, "The system log.";
    Health = health, "Health of the system.";
    Settings = settings, "Settings and their values.";
    Vendors = vendors, "Vendors of market data: keys, budgets, what they last said.";
    Sync = sync, "The sync that runs, or how the last one ended.";
    Sources = sources, "What is stored of each name and source, the worst first.";
    SetAside = set_aside, "Rows that were read and not stored.";
}

mod cells;
#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;

impl PaneId {
    /// Whether a screen hides names that do not pass it.
    pub const fn is_screened(self) -> bool {
        matches!(self, PaneId::Watchlist | PaneId::Values | PaneId::Signals)
    }
}

/// What a pane is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The snapshot.
    pub screen: &'a Screen,
    /// The expression under the pen and its values.
    pub lab: &'a Lab,
    /// How things look.
    pub theme: &'a Theme,
    /// ASCII glyphs only.
    pub ascii: bool,
    /// The pane has the keyboard.
    pub focused: bool,
    /// Keys go into the expression.
    pub typing: bool,
    /// Selected row, among the rows that pass the filter.
    pub selected: usize,
    /// First row of the window (chart: bars scrolled back). The selected row stays in view whatever it is.
    pub scroll: usize,
    /// Text that shown rows must contain.
    pub filter: &'a str,
}

/// One pane.
#[derive(Debug, Clone, Copy)]
pub struct PaneDef {
    /// Which.
    pub id: PaneId,
    /// Title.
    pub title: &'static str,
    /// Short code for the command line.
    pub code: &'static str,
    /// Who may see it.
    pub capability: Capability,
    /// What it is and how it fills, shown while it is empty.
    pub empty: &'static str,
    /// Its rows, all of them; `None` where it is no table.
    pub table: Option<fn(&View<'_>) -> TableData>,
    /// What stands behind the title: counts, `SIMULATED`; may be empty.
    pub note: fn(&View<'_>) -> String,
    /// Draws the inside of its frame.
    pub draw: fn(&View<'_>, Rect, &mut Buffer),
}

impl PaneDef {
    /// Rows that pass the view's filter; `None` where the pane is no table.
    pub fn rows(&self, view: &View<'_>) -> Option<TableData> {
        self.table.map(|table| {
            let rows = table(view);
            let rows = if self.id.is_screened() { cells::screened(rows, view) } else { rows };
            rows.filtered(view.filter)
        })
    }

    /// What the selected row stands for.
    pub fn selected_key(&self, view: &View<'_>) -> RowKey {
        self.rows(view).map_or(RowKey::None, |table| table.key(view.selected))
    }

    /// The pane whose code this is, capitals ignored.
    pub fn by_code(code: &str) -> Option<&'static PaneDef> {
        PANES.iter().find(|pane| pane.code.eq_ignore_ascii_case(code))
    }
}
