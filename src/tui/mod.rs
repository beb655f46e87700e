//! (being built)
pub mod format;
pub mod panes;
pub mod theme;
pub mod widgets;
