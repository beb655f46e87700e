//! Tokens to a checked tree.
//!
//! Precedence is Python's, because that is how Qlib reads an expression: comparisons bind loosest, then `|`,
//! `&`, `+ -`, `* /`, unary minus, `**`. Unlike Python, `a < b < c` is refused rather than half forgotten.
//! Every call is checked against the operator table ([`check`](super::check)), so that what is evaluated is sound.

use std::ops::Range;

use super::check::{self, Part};
use super::lex::{Token, lex};
use super::nearest::nearest;
use super::registry::{Cadence, Fold, Frequency, Group, OPERATORS, Op, Operator, by_name, by_sign};
use super::{DEPTH_MAX, ExprError, LENGTH_MAX, NODES_MAX};
use crate::factor::panel::FIELDS;

/// A checked node.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A constant.
    Number(f64),
    /// A field of the panel.
    Field(&'static str),
    /// A point-in-time field: a series of periods, only inside `P` and `PRef`.
    Period(String, Cadence),
    /// A symbol, as written.
    Text(String),
    /// What instruments are grouped by.
    Group(Group),
    /// A calendar period.
    Frequency(Frequency),
    /// How a calendar period is summed up.
    Fold(Fold),
    /// An operator on its arguments.
    Call(Op, Vec<Node>),
}

/// Reads a whole expression.
pub fn parse(text: &str) -> Result<Node, ExprError> {
    if text.len() > LENGTH_MAX {
        let start = (0..=LENGTH_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        return Err(ExprError::new(start..text.len(), &format!("an expression may have {LENGTH_MAX} bytes")));
    }
    let mut parser = Parser { tokens: lex(text)?, at: 0, end: text.len(), nodes: 0 };
    let part = parser.comparison(0)?;
    match parser.tokens.get(parser.at) {
        None => check::whole(part),
        Some((token, place)) => {
            let said = format!("expected an operator or the end, found {}", token.describe());
            Err(ExprError::new(place.clone(), &said))
        }
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    end: usize,
    nodes: usize,
}

/// Binary levels under the comparisons, loosest first.
const LEVELS: [&[&str]; 4] = [&["|"], &["&"], &["+", "-"], &["*", "/"]];
const COMPARISONS: [&str; 6] = [">", ">=", "<", "<=", "==", "!="];

impl Parser {
    fn sign(&mut self, among: &[&str]) -> Option<&'static Operator> {
        let Some((Token::Sign(sign), _)) = self.tokens.get(self.at) else { return None };
        let found = among.contains(sign).then(|| by_sign(sign)).flatten()?;
        self.at += 1;
        Some(found)
    }

    fn comparison(&mut self, depth: usize) -> Result<Part, ExprError> {
        let left = self.level(0, depth)?;
        let Some(operator) = self.sign(&COMPARISONS) else { return Ok(left) };
        let right = self.level(0, depth)?;
        if let Some((Token::Sign(sign), place)) = self.tokens.get(self.at)
            && COMPARISONS.contains(sign)
        {
            let said = "comparisons do not chain: write And(a < b, b < c)";
            return Err(ExprError::new(place.clone(), said));
        }
        self.join(operator, left, right)
    }

    fn level(&mut self, level: usize, depth: usize) -> Result<Part, ExprError> {
        let Some(signs) = LEVELS.get(level) else { return self.unary(depth) };
        let mut left = self.level(level + 1, depth)?;
        let mut chained = 0;
        while let Some(operator) = self.sign(signs) {
            let right = self.level(level + 1, depth)?;
            left = self.join(operator, left, right)?;
            chained += 1;
            self.bound_depth(depth + chained)?;
        }
        Ok(left)
    }

    fn unary(&mut self, depth: usize) -> Result<Part, ExprError> {
        self.bound_depth(depth)?;
        let start = self.tokens.get(self.at).map_or(self.end, |(_, p)| p.start);
        if self.sign(&["+"]).is_some() {
            return self.unary(depth + 1);
        }
        if self.sign(&["-"]).is_none() {
            return self.power(depth);
        }
        let inner = self.unary(depth + 1)?;
        let place = start..inner.place.end;
        self.count(&place)?;
        check::negated(inner, place)
    }

    fn power(&mut self, depth: usize) -> Result<Part, ExprError> {
        let base = self.primary(depth)?;
        match self.sign(&["**"]) {
            Some(operator) => {
                let exponent = self.unary(depth + 1)?;
                self.join(operator, base, exponent)
            }
            None => Ok(base),
        }
    }

    fn join(&mut self, operator: &'static Operator, left: Part, right: Part) -> Result<Part, ExprError> {
        let place = left.place.start..right.place.end;
        self.count(&place)?;
        check::call(operator, vec![left, right], place)
    }

    fn count(&mut self, place: &Range<usize>) -> Result<(), ExprError> {
        self.nodes += 1;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        Err(ExprError::new(place.clone(), &format!("an expression may have {NODES_MAX} parts: split it")))
    }

    fn bound_depth(&self, depth: usize) -> Result<(), ExprError> {
        if depth <= DEPTH_MAX {
            return Ok(());
        }
        let place = self.tokens.get(self.at).map_or(self.end..self.end, |(_, p)| p.clone());
        Err(ExprError::new(place, &format!("an expression may be nested {DEPTH_MAX} deep")))
    }

    fn primary(&mut self, depth: usize) -> Result<Part, ExprError> {
        let Some((token, place)) = self.tokens.get(self.at).cloned() else {
            let said = "expected a number, a $field or an operator, found the end";
            return Err(ExprError::new(self.end..self.end, said));
        };
        self.at += 1;
        self.count(&place)?;
        match token {
            Token::Number(value) => Ok(Part::plain(Node::Number(value), place)),
            Token::Field(name) => field(&name, place),
            Token::Period(name) => Ok(period(&name, place)),
            Token::Text(text) => Ok(Part::plain(Node::Text(text), place)),
            Token::Name(name) => self.name(&name, place, depth),
            Token::Open => {
                let mut inner = self.comparison(depth + 1)?;
                let close = self.expect_close(&place)?;
                inner.place = place.start..close.end;
                Ok(inner)
            }
            Token::Sign(_) | Token::Close | Token::Comma => {
                let said = format!("expected a number, a $field or an operator, found {}", token.describe());
                Err(ExprError::new(place, &said))
            }
        }
    }

    fn expect_close(&mut self, opened: &Range<usize>) -> Result<Range<usize>, ExprError> {
        match self.tokens.get(self.at) {
            Some((Token::Close, place)) => {
                self.at += 1;
                Ok(place.clone())
            }
            Some((token, place)) => {
                Err(ExprError::new(place.clone(), &format!("expected ')', found {}", token.describe())))
            }
            None => Err(ExprError::new(opened.clone(), "this '(' is never closed")),
        }
    }

    /// A call of an operator, or a group.
    fn name(&mut self, name: &str, place: Range<usize>, depth: usize) -> Result<Part, ExprError> {
        let Some((Token::Open, opened)) = self.tokens.get(self.at).cloned() else {
            return match (Group::by_name(name), by_name(name)) {
                (Some(group), _) => Ok(Part::plain(Node::Group(group), place)),
                (None, Some(_)) => Err(ExprError::new(place, &format!("expected '(' after {name}"))),
                (None, None) => Err(unknown_name(name, place, false)),
            };
        };
        let Some(operator) = by_name(name) else { return Err(unknown_name(name, place, true)) };
        self.at += 1;
        let mut args = Vec::new();
        if !matches!(self.tokens.get(self.at), Some((Token::Close, _))) {
            args.push(self.comparison(depth + 1)?);
            while matches!(self.tokens.get(self.at), Some((Token::Comma, _))) {
                self.at += 1;
                args.push(self.comparison(depth + 1)?);
            }
        }
        let close = self.expect_close(&opened)?;
        check::call(operator, args, place.start..close.end)
    }
}

/// A field; Qlib reads its name in small letters however it is written, and so do we.
fn field(name: &str, place: Range<usize>) -> Result<Part, ExprError> {
    if let Some(known) = FIELDS.iter().find(|f| f.name.eq_ignore_ascii_case(name)) {
        return Ok(Part::plain(Node::Field(known.name), place));
    }
    let hint = match nearest(name, FIELDS.iter().map(|f| f.name)) {
        Some(near) => format!("did you mean ${near}?"),
        None => "see `factor list` for the fields".into(),
    };
    Err(ExprError::new(place, &format!("there is no field ${name}; {hint}")))
}

/// `$$eps`, `$$eps_q` (one a quarter) or `$$eps_a` (one a year). Any name will do: figures are imported by name.
fn period(name: &str, place: Range<usize>) -> Part {
    let (stem, cadence) = match (name.strip_suffix("_q"), name.strip_suffix("_a")) {
        (Some(stem), _) => (stem, Cadence::Quarter),
        (None, Some(stem)) => (stem, Cadence::Year),
        (None, None) => (name, Cadence::Any),
    };
    Part::plain(Node::Period(stem.to_owned(), cadence), place)
}

fn unknown_name(name: &str, place: Range<usize>, called: bool) -> ExprError {
    if !called && FIELDS.iter().any(|f| f.name == name) {
        return ExprError::new(place, &format!("fields are written with '$': did you mean ${name}?"));
    }
    if !called && let Some(near) = nearest(name, Group::ALL.into_iter().map(Group::name)) {
        return ExprError::new(place, &format!("there is no group {name}; did you mean {near}?"));
    }
    let hint = match nearest(name, OPERATORS.iter().map(|o| o.name)) {
        Some(near) => format!("did you mean {near}?"),
        None => "see `factor list` for the operators".into(),
    };
    ExprError::new(place, &format!("there is no operator {name}; {hint}"))
}
