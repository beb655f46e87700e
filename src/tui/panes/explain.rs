//! Explain.

use super::{PaneDef, PaneId};
use crate::domain::Capability;
use crate::tui::widgets::pen::Pen;
use crate::tui::widgets::table;

/// The pane.
pub const PANE: PaneDef = PaneDef {
    id: PaneId::Explain,
    title: "Explain",
    code: "WHY",
    capability: Capability::ViewSignals,
    empty: "Why a name ranks where it does. Select a ranked name to fill it.",
    table: None,
    note: super::no_note,
    draw: |view, area, buf| table::paragraph(PANE.empty, view, &mut Pen::new(buf, area)),
};
