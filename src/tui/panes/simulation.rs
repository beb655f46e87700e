//! Simulation.

use super::{PaneDef, PaneId};
use crate::domain::Capability;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Simulation,
    title: "Simulation",
    code: "SIM",
    capability: Capability::Simulate,
    empty: "Your simulation account and its clock.",
    table: None,
    note: super::no_note,
    draw: |view, area, buf| table::paragraph(PANE.empty, view, &mut Pen::new(buf, area)),
};
