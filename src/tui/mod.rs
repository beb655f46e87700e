//! The terminal: what a person sees and does.
//!
//! [`run()`] is the loop: keys first, then what the service has to say, then one frame when something changed. What is
//! kept between frames is [`state::UiState`]; it changes only in [`update::update`], which is pure. [`draw`] makes
//! cells of it. Rights are the service's business; here they only decide what is offered.
//!
//! Nothing here waits on the service, and whatever happens the terminal is given back as it was.

pub mod actions;
pub mod draw;
pub mod entry;
pub mod field;
pub mod format;
pub mod keys;
pub mod lab;
pub mod modal;
pub mod names;
pub mod panes;
pub mod run;
pub mod state;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod widgets;
pub mod words;
pub mod workspace;

#[cfg(test)]
pub mod testing;

pub use run::{Options, TuiError, run};
