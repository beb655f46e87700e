//! Whether a call makes sense: number and kind of its arguments, what counts in rows and what in periods, which
//! values are truths. Numbers are folded, and arithmetic on two truths becomes the logic numpy makes of it.
//!
//! What passes here can be evaluated; nothing below checks again.

use std::ops::Range;

use super::parse::Node;
use super::registry::{ArgKind, Fold, Frequency, Group, Op, Operator, Reach, Sight};
use super::{ExprError, WINDOW_MAX, reach};

/// Longest symbol in a quoted text, in bytes.
const SYMBOL_BYTES_MAX: usize = 32;
/// Smallest alpha of an exponential mean: below it a value hardly fades over all the rows there can be.
const ALPHA_MIN: f64 = 1e-4;
/// Most buckets of a day.
const BUCKETS_MAX: f64 = 1_000.0;
/// Years that a period may name.
const YEARS: std::ops::RangeInclusive<f64> = 1900.0..=2199.0;

/// What the values of a part follow each other in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// A number or a word: no series at all.
    Still,
    /// Rows of the panel.
    Rows,
    /// Periods of point-in-time figures.
    Periods,
}

/// A node with what errors need to know.
pub struct Part {
    /// The node.
    pub node: Node,
    /// Where it stands in the text.
    pub place: Range<usize>,
    /// Whether its values are truths.
    pub truth: bool,
    /// What they follow each other in.
    pub clock: Clock,
}

impl Part {
    /// A leaf.
    pub fn plain(node: Node, place: Range<usize>) -> Self {
        let clock = match node {
            Node::Number(_) | Node::Text(_) | Node::Group(_) | Node::Frequency(_) | Node::Fold(_) => {
                Clock::Still
            }
            Node::Field(_) | Node::Call(..) => Clock::Rows,
            Node::Period(..) => Clock::Periods,
        };
        Part { node, place, truth: false, clock }
    }

    fn number(&self) -> Option<f64> {
        if let Node::Number(value) = self.node { Some(value) } else { None }
    }

    fn text(&self) -> Option<&str> {
        if let Node::Text(text) = &self.node { Some(text) } else { None }
    }

    /// The word it is, where it is no value.
    fn word(&self) -> Option<String> {
        match &self.node {
            Node::Text(text) => Some(format!("the text '{text}'")),
            Node::Group(group) => Some(format!("the group {}", group.name())),
            Node::Frequency(_) | Node::Fold(_) => Some("a word".into()),
            Node::Number(_) | Node::Field(_) | Node::Period(..) | Node::Call(..) => None,
        }
    }
}

/// The end of an expression: it must be a value that every row has.
pub fn whole(part: Part) -> Result<Node, ExprError> {
    if let Some(word) = part.word() {
        return Err(ExprError::new(
            part.place,
            &format!("expected a number, a $field or an operator, found {word}"),
        ));
    }
    if part.clock == Clock::Periods {
        let said = "point-in-time figures come in periods: take the newest with P(...) or one with PRef(..., 201903)";
        return Err(ExprError::new(part.place, said));
    }
    Ok(part.node)
}

/// Unary minus.
pub fn negated(inner: Part, place: Range<usize>) -> Result<Part, ExprError> {
    if let Some(value) = inner.number() {
        return Ok(Part { place, ..Part::plain(Node::Number(-value), 0..0) });
    }
    if inner.truth {
        let said = "this is a truth value, not a number: choose numbers with If(condition, 1, 0)";
        return Err(ExprError::new(inner.place, said));
    }
    if let Some(word) = inner.word() {
        return Err(ExprError::new(inner.place, &format!("expected a number or a series, found {word}")));
    }
    Ok(Part { node: Node::Call(Op::Neg, vec![inner.node]), place, truth: false, clock: inner.clock })
}

/// Checks a call against its row of the table; folds it when all of it is numbers.
pub fn call(operator: &'static Operator, args: Vec<Part>, place: Range<usize>) -> Result<Part, ExprError> {
    let (most, least) = (operator.args.len(), operator.args.len() - operator.optional);
    if !(least..=most).contains(&args.len()) {
        return Err(ExprError::new(place, &wrong_number(operator, args.len())));
    }
    if let Some(value) = folded(operator.op, &args) {
        return Ok(Part::plain(Node::Number(value), place));
    }
    let mut nodes = Vec::with_capacity(args.len());
    for (part, kind) in args.iter().zip(operator.args) {
        nodes.push(argument(operator, part, *kind)?);
    }
    let clock = common_clock(operator, &args)?;
    if clock == Clock::Still {
        return Err(ExprError::new(place, &format!("{} needs a $field somewhere in it", operator.name)));
    }
    if operator.args.first() == Some(&ArgKind::Symbol) {
        nodes.reverse();
    }
    let truths: Vec<bool> = args.iter().map(|a| a.truth).collect();
    let (node, truth) = typed(operator, nodes, &truths, &place)?;
    Ok(Part { node, place, truth, clock })
}

fn wrong_number(operator: &Operator, got: usize) -> String {
    let (name, most) = (operator.name, operator.args.len());
    let plural = if most == 1 { "" } else { "s" };
    match operator.optional {
        0 => format!("{name} takes {most} argument{plural}, found {got}"),
        optional => format!("{name} takes {} to {most} arguments, found {got}", most - optional),
    }
}

/// Python's arithmetic on plain numbers.
fn folded(op: Op, args: &[Part]) -> Option<f64> {
    let [a, b] = args else { return None };
    let (a, b) = (a.number()?, b.number()?);
    let value = if op == Op::Add {
        a + b
    } else if op == Op::Sub {
        a - b
    } else if op == Op::Mul {
        a * b
    } else if op == Op::Div {
        a / b
    } else if op == Op::Power {
        libm::pow(a, b)
    } else {
        return None;
    };
    value.is_finite().then_some(value)
}

/// What the arguments follow each other in; rows and periods do not mix, and only plain windows run over periods.
fn common_clock(operator: &Operator, args: &[Part]) -> Result<Clock, ExprError> {
    let named = |clock: Clock| args.iter().find(|a| a.clock == clock);
    let Some(periods) = named(Clock::Periods) else {
        return Ok(named(Clock::Rows).map_or(Clock::Still, |_| Clock::Rows));
    };
    if operator.reach == Reach::Periods {
        return Ok(Clock::Rows);
    }
    if let Some(rows) = named(Clock::Rows) {
        let said = "this counts in rows, its neighbour in periods: put the point-in-time part inside P(...)";
        return Err(ExprError::new(rows.place.clone(), said));
    }
    if operator.op.sight() != Sight::Series || operator.reach == Reach::Calendar {
        let said =
            format!("{} works on rows, not on periods: write {}(P(...), ...)", operator.name, operator.name);
        return Err(ExprError::new(periods.place.clone(), &said));
    }
    Ok(Clock::Periods)
}

/// The node of a checked call, and whether it is a truth. On two truths numpy makes `+` or, `*` and, the larger
/// or, the smaller and.
fn typed(
    operator: &Operator,
    mut nodes: Vec<Node>,
    truths: &[bool],
    place: &Range<usize>,
) -> Result<(Node, bool), ExprError> {
    let op = operator.op;
    let both = truths.len() > 1 && truths.iter().rev().take(2).all(|t| *t);
    if both && matches!(op, Op::Add | Op::Greater) {
        return Ok((Node::Call(Op::Or, nodes), true));
    }
    if both && matches!(op, Op::Mul | Op::Less) {
        return Ok((Node::Call(Op::And, nodes), true));
    }
    if both && op == Op::Sub {
        let said = "two truth values cannot be subtracted (numpy refuses it): use Ne(a, b), \
                    or If(a, 1, 0) - If(b, 1, 0)";
        return Err(ExprError::new(place.clone(), said));
    }
    let single = truths == [true];
    if single && op == Op::Neg {
        let said = "this is a truth value, not a number: choose numbers with If(condition, 1, 0)";
        return Err(ExprError::new(place.clone(), said));
    }
    if single && op == Op::Abs {
        return Ok((nodes.remove(0), true));
    }
    if both && op == Op::If {
        // Chosen between two truths, the 1 or 0 is a truth again.
        return Ok((Node::Call(Op::Ne, vec![Node::Call(op, nodes), Node::Number(0.0)]), true));
    }
    Ok((Node::Call(op, nodes), operator.truth))
}

/// The node of an argument of this kind.
fn argument(operator: &Operator, part: &Part, kind: ArgKind) -> Result<Node, ExprError> {
    let found = match kind {
        ArgKind::Symbol => part.text().filter(|t| is_symbol(t)).map(|t| Node::Text(t.to_owned())),
        ArgKind::Frequency => part.text().and_then(Frequency::by_name).map(Node::Frequency),
        ArgKind::Fold => part.text().and_then(Fold::by_name).map(Node::Fold),
        ArgKind::Group => group(part).map(Node::Group),
        ArgKind::GroupOrSeries if group(part).is_some() => group(part).map(Node::Group),
        ArgKind::Periods if part.clock == Clock::Periods => {
            if reach(&part.node).1 > 0 {
                let said = "point-in-time figures cannot look ahead: use a positive Ref";
                return Err(ExprError::new(part.place.clone(), said));
            }
            Some(part.node.clone())
        }
        ArgKind::Value
        | ArgKind::Series
        | ArgKind::GroupOrSeries
        | ArgKind::Periods
        | ArgKind::Truth
        | ArgKind::Window
        | ArgKind::Rows
        | ArgKind::WindowFrom(_)
        | ArgKind::Shift
        | ArgKind::Fraction
        | ArgKind::Period
        | ArgKind::Tail
        | ArgKind::Positive
        | ArgKind::Buckets => {
            let fits = part.word().is_none() && value_fits(part, kind);
            fits.then(|| part.node.clone())
        }
    };
    found.ok_or_else(|| {
        ExprError::new(part.place.clone(), &format!("{} needs {}", operator.name, wanted(kind)))
    })
}

fn value_fits(part: &Part, kind: ArgKind) -> bool {
    let number = part.number();
    let is = |test: &dyn Fn(f64) -> bool| number.is_some_and(test);
    let whole = number.filter(|n| n.fract() == 0.0 && n.abs() <= f64::from(WINDOW_MAX));
    match kind {
        ArgKind::Value => true,
        ArgKind::Series | ArgKind::GroupOrSeries => number.is_none(),
        ArgKind::Truth => part.truth,
        ArgKind::Window => whole.is_some_and(|n| n >= 0.0) || is(&|n| (ALPHA_MIN..1.0).contains(&n)),
        ArgKind::Rows => whole.is_some_and(|n| n >= 0.0),
        ArgKind::WindowFrom(least) => whole.is_some_and(|n| n == 0.0 || n >= f64::from(least)),
        ArgKind::Shift => whole.is_some(),
        ArgKind::Fraction => is(&|n| (0.0..=1.0).contains(&n)),
        ArgKind::Period => is(&is_period),
        ArgKind::Tail => is(&|n| (0.0..0.5).contains(&n)),
        ArgKind::Positive => is(&|n| n > 0.0),
        ArgKind::Buckets => is(&|n| n.fract() == 0.0 && (2.0..=BUCKETS_MAX).contains(&n)),
        ArgKind::Symbol | ArgKind::Frequency | ArgKind::Fold | ArgKind::Group | ArgKind::Periods => false,
    }
}

/// What an argument of a kind should be, in words.
fn wanted(kind: ArgKind) -> String {
    match kind {
        ArgKind::Value => "a number or a series here".into(),
        ArgKind::Series => "a series here, such as $close".into(),
        ArgKind::Truth => "a comparison here, such as $close > $open".into(),
        ArgKind::Window => {
            format!(
                "a number of rows here: 1 to {WINDOW_MAX}, 0 for all, or an alpha from {ALPHA_MIN} to under 1"
            )
        }
        ArgKind::Rows => format!("a whole number of rows here: 1 to {WINDOW_MAX}, or 0 for all"),
        ArgKind::WindowFrom(least) => {
            format!("a whole number of rows here: {least} to {WINDOW_MAX}, or 0 for all")
        }
        ArgKind::Shift => format!("a whole number of rows here, at most {WINDOW_MAX}"),
        ArgKind::Fraction => "a number from 0 to 1 here".into(),
        ArgKind::Symbol => "a quoted symbol here, such as 'SPY'".into(),
        ArgKind::Frequency => "a calendar period here: 'W', 'W-FRI', 'M', 'Q' or 'Y'".into(),
        ArgKind::Fold => format!("one of {} here, in quotes", Fold::ALL.map(Fold::name).join(", ")),
        ArgKind::Group => format!("a group here: {}", Group::ALL.map(Group::name).join(" or ")),
        ArgKind::GroupOrSeries => {
            format!("a group here ({}) or a series", Group::ALL.map(Group::name).join(" or "))
        }
        ArgKind::Periods => "point-in-time figures here, such as $$eps".into(),
        ArgKind::Period => "a period here: 201903 is the third quarter of 2019, 2019 the year".into(),
        ArgKind::Tail => "a share from 0 to under 0.5 here".into(),
        ArgKind::Positive => "a number above 0 here".into(),
        ArgKind::Buckets => format!("a whole number of buckets here: 2 to {BUCKETS_MAX}"),
    }
}

/// A group, bare or quoted.
fn group(part: &Part) -> Option<Group> {
    if let Node::Group(group) = part.node { Some(group) } else { part.text().and_then(Group::by_name) }
}

fn is_symbol(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-^=/".contains(c);
    (1..=SYMBOL_BYTES_MAX).contains(&text.len()) && text.chars().all(fits)
}

/// A year, or a year and the quarter 01 to 04.
fn is_period(number: f64) -> bool {
    let (year, quarter) = ((number / 100.0).floor(), number % 100.0);
    number.fract() == 0.0
        && (YEARS.contains(&number) || (YEARS.contains(&year) && (1.0..=4.0).contains(&quarter)))
}
