//! The expression language: `Ref($close, 5) / $close - 1` means what it means in Qlib.
//!
//! [`Expression::parse`] reads, checks and bounds a text; nothing of it is ever run as code. [`compute`] evaluates
//! expressions over rows of a panel, instrument by instrument, sharing equal parts. Element-wise arithmetic on
//! fields is `f32`, windows accumulate in `f64`, the result is `f32`, as in Qlib.
//! It never reads rows after the ones asked for unless an expression [`looks_ahead`](Expression::looks_ahead).

mod eval;
mod lex;
mod parse;
pub mod registry;

use std::fmt;
use std::ops::Range;

pub use eval::{EvalError, compute};
pub use parse::Node;
pub use registry::{OPERATORS, Operator};
use registry::{Op, Reach};

/// Longest expression, in bytes.
pub const LENGTH_MAX: usize = 4_096;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 64;
/// Longest window or shift, in rows.
pub const WINDOW_MAX: u32 = 10_000;
/// Weight under which an exponential mean with an alpha forgets, as Qlib has it.
const ALPHA_FORGET: f64 = 1e-6;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", .place.start + 1)]
pub struct ExprError {
    /// Bytes of the text it is about.
    pub place: Range<usize>,
    /// What was expected, found, and what to do.
    pub message: String,
}

impl ExprError {
    fn new(place: Range<usize>, message: &str) -> Self {
        Self { place, message: message.to_owned() }
    }

    /// Two lines that point at the place: the text, and carets under it.
    pub fn pointed(&self, text: &str) -> String {
        let before = text.get(..self.place.start).map_or(0, |t| t.chars().count());
        let inside = text.get(self.place.clone()).map_or(1, |t| t.chars().count().max(1));
        format!("{text}\n{}{} {}", " ".repeat(before), "^".repeat(inside), self.message)
    }
}

/// A checked expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    node: Node,
    back: usize,
    ahead: usize,
}

impl Expression {
    /// Reads and checks a text.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        let node = parse::parse(text)?;
        let (back, ahead) = reach(&node);
        Ok(Self { text: text.to_owned(), node, back, ahead })
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The checked tree.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Rows before the one asked for that it reads.
    pub fn lookback(&self) -> usize {
        self.back
    }

    /// Rows after the one asked for that it reads.
    pub fn lookahead(&self) -> usize {
        self.ahead
    }

    /// Whether it reads rows after the one asked for: right for a label, refused for a signal.
    pub fn looks_ahead(&self) -> bool {
        self.ahead > 0
    }

    /// Fields it reads, sorted.
    pub fn fields(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        collect_fields(&self.node, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn collect_fields(node: &Node, found: &mut Vec<&'static str>) {
    match node {
        Node::Number(_) => {}
        Node::Field(name) => found.push(name),
        Node::Call(_, args) => args.iter().for_each(|a| collect_fields(a, found)),
    }
}

/// Rows (before, after) that a node reads, as Qlib extends a query.
fn reach(node: &Node) -> (usize, usize) {
    let Node::Call(op, args) = node else { return (0, 0) };
    let (mut back, mut ahead) = (0, 0);
    for (b, a) in args.iter().map(reach) {
        back = back.max(b);
        ahead = ahead.max(a);
    }
    let rows = registry::OPERATORS.iter().find(|o| o.op == *op).map_or(Reach::None, |o| o.reach);
    match rows {
        Reach::None => {}
        Reach::Window => back += window_reach(window_of(*op, args)),
        Reach::Shift => {
            let shift = window_of(*op, args);
            if shift >= 0.0 {
                back += shift as usize;
            } else {
                ahead += -shift as usize;
            }
        }
    }
    (back, ahead)
}

fn window_reach(window: f64) -> usize {
    if window >= 1.0 {
        window as usize - 1
    } else if window > 0.0 {
        ((libm::log(ALPHA_FORGET) / libm::log(1.0 - window)) as usize).saturating_sub(1)
    } else {
        0
    }
}

/// The window or shift among a call's arguments.
fn window_of(op: Op, args: &[Node]) -> f64 {
    let place = if matches!(op, Op::Corr | Op::Cov) { 2 } else { 1 };
    match args.get(place) {
        Some(Node::Number(value)) => *value,
        Some(Node::Field(_) | Node::Call(..)) | None => 0.0,
    }
}

#[cfg(test)]
mod tests;
