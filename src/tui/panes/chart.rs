//! Chart.

use super::{PaneDef, PaneId};
use crate::domain::Capability;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Chart,
    title: "Chart",
    code: "GP",
    capability: Capability::ViewMarket,
    empty: "Daily candles of one instrument. Select a name to fill it.",
    table: None,
    note: super::no_note,
    draw: |view, area, buf| table::paragraph(PANE.empty, view, &mut Pen::new(buf, area)),
};
