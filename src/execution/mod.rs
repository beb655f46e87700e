//! The engine: a command or a market event in, a batch of events out; pure and deterministic.
//!
//! Deciding and applying are one path: every event is applied by the same fold that rebuilds the state from the
//! journal, so [`Engine::recover`] gives back what was lost (all but standing quotes and unmarked prices).
//! Orders reach the matching code only as [`crate::risk::Approved`]. Nothing here knows a clock, file or thread.

mod actions;
mod adopt;
mod amend;
mod auction;
mod brackets;
mod control;
pub mod day;
pub mod engine;
mod few;
mod finer;
mod flatten;
#[cfg(test)]
mod flow;
mod fold;
pub mod generate;
pub mod govern;
mod groups;
mod holds;
mod infer;
mod ladder;
mod lists;
mod mark;
pub mod matching;
mod month;
pub mod native;
mod orders;
mod project;
pub mod reconcile;
mod remote;
pub mod routing;
pub mod saved;
mod sessions;
pub mod sizing;
pub mod state;
mod step;
pub mod strategies;
mod submit;
mod symbols;
mod takeover;
#[cfg(test)]
mod tests;
mod venue;
pub mod venues;
pub mod view;
mod watch;

pub use engine::{ENGINE_NAME, Engine, EngineError};
pub use orders::{Orders, Working};
pub use state::State;
pub use strategies::Strategies;
pub use view::View;
