//! Tokens to a checked tree.
//!
//! Precedence is Python's, because that is how Qlib reads an expression: comparisons bind loosest, then `|`,
//! `&`, `+ -`, `* /`, unary minus, `**`. Unlike Python, `a < b < c` is refused rather than half forgotten.
//! Numbers are folded; every call is checked against the operator table, so that what is evaluated is sound.

use std::ops::Range;

use super::lex::{Token, lex};
use super::registry::{ArgKind, OPERATORS, Op, Operator, by_name, by_sign, nearest};
use super::{DEPTH_MAX, ExprError, LENGTH_MAX, WINDOW_MAX};
use crate::factor::panel::FIELDS;

/// A checked node.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A constant.
    Number(f64),
    /// A field of the panel.
    Field(&'static str),
    /// An operator on its arguments.
    Call(Op, Vec<Node>),
}

/// A node with what errors need to know.
struct Part {
    node: Node,
    place: Range<usize>,
    truth: bool,
}

impl Part {
    fn number(&self) -> Option<f64> {
        if let Node::Number(value) = self.node { Some(value) } else { None }
    }
}

/// Reads a whole expression.
pub fn parse(text: &str) -> Result<Node, ExprError> {
    if text.len() > LENGTH_MAX {
        let place = LENGTH_MAX..text.len();
        return Err(ExprError::new(place, &format!("an expression may have {LENGTH_MAX} bytes")));
    }
    let mut parser = Parser { tokens: lex(text)?, at: 0, end: text.len() };
    let part = parser.comparison(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(part.node),
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
        join(operator, left, right)
    }

    fn level(&mut self, level: usize, depth: usize) -> Result<Part, ExprError> {
        let Some(signs) = LEVELS.get(level) else { return self.unary(depth) };
        let mut left = self.level(level + 1, depth)?;
        let mut chained = 0;
        while let Some(operator) = self.sign(signs) {
            let right = self.level(level + 1, depth)?;
            left = join(operator, left, right)?;
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
        if let Some(value) = inner.number() {
            return Ok(Part { node: Node::Number(-value), place, truth: false });
        }
        refuse_truth(&inner)?;
        Ok(Part { node: Node::Call(Op::Neg, vec![inner.node]), place, truth: false })
    }

    fn power(&mut self, depth: usize) -> Result<Part, ExprError> {
        let base = self.primary(depth)?;
        match self.sign(&["**"]) {
            Some(operator) => join(operator, base, self.unary(depth + 1)?),
            None => Ok(base),
        }
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
        match token {
            Token::Number(value) => Ok(Part { node: Node::Number(value), place, truth: false }),
            Token::Field(name) => field(&name, place),
            Token::Name(name) => self.call(&name, place, depth),
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

    fn call(&mut self, name: &str, place: Range<usize>, depth: usize) -> Result<Part, ExprError> {
        let Some(operator) = by_name(name) else { return Err(unknown_operator(name, place)) };
        let Some((Token::Open, opened)) = self.tokens.get(self.at).cloned() else {
            return Err(ExprError::new(place, &format!("expected '(' after {name}")));
        };
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
        checked(operator, args, place.start..close.end)
    }
}

fn field(name: &str, place: Range<usize>) -> Result<Part, ExprError> {
    if let Some(known) = FIELDS.iter().find(|f| f.name == name) {
        return Ok(Part { node: Node::Field(known.name), place, truth: false });
    }
    let hint = match nearest(name, FIELDS.iter().map(|f| f.name)) {
        Some(near) => format!("did you mean ${near}?"),
        None => "see `factor list` for the fields".into(),
    };
    Err(ExprError::new(place, &format!("there is no field ${name}; {hint}")))
}

fn unknown_operator(name: &str, place: Range<usize>) -> ExprError {
    if FIELDS.iter().any(|f| f.name == name) {
        return ExprError::new(place, &format!("fields are written with '$': did you mean ${name}?"));
    }
    let hint = match nearest(name, OPERATORS.iter().map(|o| o.name)) {
        Some(near) => format!("did you mean {near}?"),
        None => "see `factor list` for the operators".into(),
    };
    ExprError::new(place, &format!("there is no operator {name}; {hint}"))
}

fn join(operator: &'static Operator, left: Part, right: Part) -> Result<Part, ExprError> {
    let place = left.place.start..right.place.end;
    checked(operator, vec![left, right], place)
}

fn refuse_truth(part: &Part) -> Result<(), ExprError> {
    if !part.truth {
        return Ok(());
    }
    let said = "this is a truth value, not a number: choose numbers with If(condition, 1, 0)";
    Err(ExprError::new(part.place.clone(), said))
}

/// Checks a call against its row of the table; folds it when all of it is numbers.
fn checked(operator: &'static Operator, args: Vec<Part>, place: Range<usize>) -> Result<Part, ExprError> {
    if args.len() != operator.args.len() {
        let (name, want, got) = (operator.name, operator.args.len(), args.len());
        let plural = if want == 1 { "" } else { "s" };
        return Err(ExprError::new(place, &format!("{name} takes {want} argument{plural}, found {got}")));
    }
    if let Some(value) = folded(operator.op, &args) {
        return Ok(Part { node: Node::Number(value), place, truth: false });
    }
    for (part, kind) in args.iter().zip(operator.args) {
        check_argument(operator, part, *kind)?;
    }
    let all_numbers = args.iter().all(|a| a.number().is_some());
    if all_numbers {
        return Err(ExprError::new(place, &format!("{} needs a $field somewhere in it", operator.name)));
    }
    let arithmetic = matches!(operator.op, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Power);
    if arithmetic && args.iter().all(|a| a.truth) {
        let said = "arithmetic on two truth values has no clear meaning: use And, Or or If(condition, 1, 0)";
        return Err(ExprError::new(place, said));
    }
    let nodes = args.into_iter().map(|a| a.node).collect();
    Ok(Part { node: Node::Call(operator.op, nodes), place, truth: operator.truth })
}

/// Python's arithmetic on plain numbers.
fn folded(op: Op, args: &[Part]) -> Option<f64> {
    let [a, b] = args else { return None };
    let (a, b) = (a.number()?, b.number()?);
    let value = match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::Power => libm::pow(a, b),
        _ => return None,
    };
    value.is_finite().then_some(value)
}

fn check_argument(operator: &Operator, part: &Part, kind: ArgKind) -> Result<(), ExprError> {
    let name = operator.name;
    let number = part.number();
    let whole = number.filter(|n| n.fract() == 0.0 && n.abs() <= f64::from(WINDOW_MAX));
    let said = match kind {
        ArgKind::Value => return Ok(()),
        ArgKind::Series if number.is_some() => format!("{name} needs a series here, such as $close"),
        ArgKind::Series => return Ok(()),
        ArgKind::Truth if part.truth => return Ok(()),
        ArgKind::Truth => format!("{name} needs a comparison here, such as $close > $open"),
        ArgKind::Window if number.is_some_and(|n| n > 0.0 && n < 1.0) => return Ok(()),
        ArgKind::Window if whole.is_some_and(|n| n >= 0.0) => return Ok(()),
        ArgKind::Window => {
            format!("{name} needs a number of rows here: 1 to {WINDOW_MAX}, 0 for all, or an alpha under 1")
        }
        ArgKind::Rows if whole.is_some_and(|n| n >= 0.0) => return Ok(()),
        ArgKind::Rows => format!("{name} needs a whole number of rows here: 1 to {WINDOW_MAX}, or 0 for all"),
        ArgKind::WindowFrom(least) if whole.is_some_and(|n| n >= f64::from(least)) => return Ok(()),
        ArgKind::WindowFrom(least) => {
            format!("{name} needs a whole number of rows here, {least} to {WINDOW_MAX}")
        }
        ArgKind::Shift if whole.is_some() => return Ok(()),
        ArgKind::Shift => format!("{name} needs a whole number of rows here, at most {WINDOW_MAX}"),
        ArgKind::Fraction if number.is_some_and(|n| (0.0..=1.0).contains(&n)) => return Ok(()),
        ArgKind::Fraction => format!("{name} needs a number from 0 to 1 here"),
    };
    Err(ExprError::new(part.place.clone(), &said))
}
