//! Exposure.

use super::{PaneDef, PaneId};
use crate::domain::Capability;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Exposure,
    title: "Exposure",
    code: "EXPO",
    capability: Capability::ViewLimits,
    empty: "Exposure of every account. No account is open.",
    table: None,
    note: super::no_note,
    draw: |view, area, buf| table::paragraph(PANE.empty, view, &mut Pen::new(buf, area)),
};
