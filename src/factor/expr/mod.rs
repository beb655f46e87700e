//! The expression language: `Ref($close, 5) / $close - 1` means what it means in Qlib.
//!
//! [`Expression::parse`] reads, checks and bounds a text; nothing of it is ever run as code. [`compute`] evaluates
//! expressions over rows of a panel, instrument by instrument, sharing equal parts. Element-wise arithmetic on
//! fields is `f32`, windows accumulate in `f64`, the result is `f32`, as in Qlib.
//! It never reads rows after the ones asked for unless an expression [`looks_ahead`](Expression::looks_ahead).

mod check;
mod compute;
mod derive;
mod lex;
mod nearest;
mod parse;
mod plan;
pub mod point_in_time;
pub mod reference;
pub mod registry;
mod rows;
mod run;
pub mod series;
mod stream;
mod unit;
mod words;

use std::fmt;
use std::ops::Range;

pub use compute::{EvalError, MEMORY_MIB_MAX, Watch, compute, compute_into, compute_watched, latest};
pub use parse::Node;
use registry::{Frequency, Group, Op, Reach};
pub use registry::{OPERATORS, Operator};
pub use stream::stream;
pub use unit::Unit;

/// Longest expression, in bytes.
pub const LENGTH_MAX: usize = 4_096;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 64;
/// Most numbers, fields, words and calls in one.
pub const NODES_MAX: usize = 1_000;
/// Most rows before or after the one asked for that an expression may read.
pub const LOOKBACK_MAX: usize = 50_000;
/// Longest window or shift, in rows.
pub const WINDOW_MAX: u32 = 10_000;
/// Weight under which an exponential mean with an alpha forgets, as Qlib has it.
const ALPHA_FORGET: f64 = 1e-6;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {character}: {message}")]
pub struct ExprError {
    /// Bytes of the text it is about.
    pub place: Range<usize>,
    /// Character at which it starts, from 1.
    pub character: usize,
    /// What was expected, found, and what to do.
    pub message: String,
}

impl ExprError {
    fn new(place: Range<usize>, message: &str) -> Self {
        Self { character: place.start + 1, place, message: message.to_owned() }
    }

    /// With the place counted in characters of the text.
    fn counted(mut self, text: &str) -> Self {
        self.character = text.get(..self.place.start).map_or(0, |before| before.chars().count()) + 1;
        self
    }

    /// Two lines that point at the place: the text, and carets under it.
    pub fn pointed(&self, text: &str) -> String {
        let before = text.get(..self.place.start).map_or(0, |t| t.chars().count());
        let inside = text.get(self.place.clone()).map_or(1, |t| t.chars().count().max(1));
        // One line, whatever the text is.
        let text = text.replace(char::is_control, " ");
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
        let node = parse::parse(text).map_err(|e| e.counted(text))?;
        let (back, ahead) = reach(&node);
        if back.max(ahead) > LOOKBACK_MAX {
            let said =
                format!("this reads {} rows around each row; the most is {LOOKBACK_MAX}", back.max(ahead));
            return Err(ExprError::new(0..text.len(), &said));
        }
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
        self.leaves(|node| if let Node::Field(name) = node { Some(*name) } else { None })
    }

    /// Point-in-time fields it reads, sorted.
    pub fn periods(&self) -> Vec<&str> {
        self.leaves(|node| if let Node::Period(name, _) = node { Some(name.as_str()) } else { None })
    }

    /// Symbols of other instruments that it reads, as written, sorted.
    pub fn symbols(&self) -> Vec<&str> {
        self.leaves(|node| if let Node::Text(symbol) = node { Some(symbol.as_str()) } else { None })
    }

    /// Groups it compares instruments within, sorted.
    pub fn groups(&self) -> Vec<Group> {
        self.leaves(|node| if let Node::Group(group) = node { Some(*group) } else { None })
    }

    /// Whether its values depend on where the loaded rows begin, however far its look-back reaches: expanding and
    /// alpha windows, `EMA`, `TResample`, and the line fits, which never forget an infinity.
    pub fn needs_history(&self) -> bool {
        needs_history(&self.node)
    }

    /// What its values are measured in, as far as that can be told.
    pub fn unit(&self) -> Unit {
        unit::infer(&self.node, &mut Vec::new())
    }

    /// What looks odd about it, in sentences without a full stop: units that do not fit, rows from the future.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        unit::infer(&self.node, &mut notes);
        notes.sort_unstable();
        notes.dedup();
        if self.ahead > 0 {
            let plural = if self.ahead == 1 { "" } else { "s" };
            notes.push(format!("looks ahead {} row{plural}: fit for a label, not for a signal", self.ahead));
        }
        notes
    }

    fn leaves<'a, T: Ord>(&'a self, pick: impl Fn(&'a Node) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        visit(&self.node, &mut |node| found.extend(pick(node)));
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

/// Every node of a tree, a parent before its parts.
fn visit<'a>(node: &'a Node, see: &mut dyn FnMut(&'a Node)) {
    see(node);
    if let Node::Call(_, args) = node {
        args.iter().for_each(|a| visit(a, see));
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
    match op.operator().map_or(Reach::None, |o| o.reach) {
        Reach::None => {}
        Reach::Periods => return (0, 0),
        Reach::Window => back += window_reach(window_of(*op, args)),
        Reach::Calendar => back += frequency_of(args).rows_max(),
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

/// The window or shift among a call's arguments; 0 where it has none.
pub(crate) fn window_of(op: Op, args: &[Node]) -> f64 {
    let place = op.operator().and_then(Operator::window_at);
    number_at(args, place).unwrap_or(0.0)
}

fn number_at(args: &[Node], place: Option<usize>) -> Option<f64> {
    match args.get(place?)? {
        Node::Number(value) => Some(*value),
        Node::Field(_)
        | Node::Period(..)
        | Node::Text(_)
        | Node::Group(_)
        | Node::Frequency(_)
        | Node::Fold(_)
        | Node::Call(..) => None,
    }
}

/// The calendar period among a call's arguments.
pub(crate) fn frequency_of(args: &[Node]) -> Frequency {
    let named = |node: &Node| if let Node::Frequency(f) = node { Some(*f) } else { None };
    args.iter().find_map(named).unwrap_or(Frequency::Year)
}

/// Whether a node's values depend on where the loaded rows begin, however far its look-back reaches.
fn needs_history(node: &Node) -> bool {
    let Node::Call(op, args) = node else { return false };
    let window = window_of(*op, args);
    let has_window = op.operator().is_some_and(|o| o.window_at().is_some());
    if matches!(op, Op::P | Op::PRef) {
        return false;
    }
    let fits_a_line = matches!(op, Op::Slope | Op::Resi | Op::Rsquare);
    let own = matches!(op, Op::TResample | Op::Ema)
        || (fits_a_line && !matches!(args.first(), Some(Node::Field(_))))
        || (has_window && (window == 0.0 || window.fract() != 0.0));
    own || args.iter().any(needs_history)
}

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
