//! Limits and their versions, the pre-trade checks, and the one gate that makes an [`Approved`] order; pure.
//!
//! [`evaluate`] is what ticket, limit preview, pre-trade check and backtest share: every check runs, every breach is
//! reported, and a missing price refuses rather than passes. [`admit()`] is called by `execution` alone.
//! Keeps nothing: the book, limits and facts come in as arguments.

pub mod admit;
pub mod book;
pub mod checks;
pub mod decision;
pub mod exposure;
mod facts;
mod kept;
pub mod limits;
pub mod monitor;
pub mod open;
pub mod past;
pub mod preview;
pub mod reference;
pub mod sums;
pub mod tail;
pub mod utilisation;

pub use admit::{Approved, admit};
pub use book::{
    Activity, Book, DayProfits, DayTrades, Draft, Executions, Halt, OrderKey, Priced, Queues, Recent, Seen,
    Standing,
};
pub use checks::{CONTROLS, Control, NEED_FACTS, Phase, Rule};
pub use decision::{Decision, Verdict, evaluate, judge, largest_allowed, replay};
pub use limits::{InForce, LimitBook, LimitChange, LimitError, Reached, Target};
pub use open::OpenOrders;
pub use past::{Pace, Past};
pub use preview::{OverLimit, PastDecision, Preview, preview};
pub use sums::{ByStrategy, Counted, Sums};
pub use utilisation::{LimitUse, utilisation};
