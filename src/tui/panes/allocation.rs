//! Allocation.

use super::{PaneDef, PaneId};
use crate::domain::Capability;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Allocation,
    title: "Allocation",
    code: "ALLO",
    capability: Capability::ViewPortfolio,
    empty: "Where the money is, by name and sector. Nothing is held yet.",
    table: None,
    note: super::no_note,
    draw: |view, area, buf| table::paragraph(PANE.empty, view, &mut Pen::new(buf, area)),
};
