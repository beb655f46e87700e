//! Things panes are made of. Each draws into a [`Rect`](ratatui::layout::Rect) and never outside of it, at any
//! size, in unicode or ASCII.

pub mod bar;
pub mod chart;
pub mod code;
pub mod form;
pub mod pen;
pub mod spark;
pub mod table;
pub mod text;

#[cfg(test)]
pub mod testing;
