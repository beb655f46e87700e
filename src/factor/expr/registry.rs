//! The one table of operators: parser, checker, evaluation, `factor list` and help read it.
//!
//! Meanings are Qlib's (`qlib/data/ops.py`, 0.9.7): windows count rows of the instrument's own span, start
//! partial (one value is enough), and leave NaN and infinity out. `N = 0` is an expanding window,
//! `0 < N < 1` an exponentially weighted mean with that alpha, whatever the operator's name.

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// A series or a number.
    Value,
    /// A series only.
    Series,
    /// A comparison or another truth value.
    Truth,
    /// A whole number of rows of at least 1, or 0 (expanding), or a fraction (alpha).
    Window,
    /// A whole number of rows of at least 1, or 0 (expanding).
    Rows,
    /// A whole number of rows of at least the number given.
    WindowFrom(u32),
    /// A whole number of rows, negative to look ahead.
    Shift,
    /// A number from 0 to 1.
    Fraction,
}

/// How far an operator reaches back beyond its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only the same row.
    None,
    /// The window less the row itself.
    Window,
    /// The number of rows of the shift.
    Shift,
}

/// Which arithmetic an operator runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named and explained by its row of OPERATORS")]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Power,
    Greater,
    Less,
    Gt,
    Ge,
    Lt,
    Le,
    Eq,
    Ne,
    And,
    Or,
    Not,
    Abs,
    Log,
    Sign,
    Neg,
    If,
    Ref,
    Delta,
    Mean,
    Sum,
    Std,
    Var,
    Skew,
    Kurt,
    Max,
    Min,
    IdxMax,
    IdxMin,
    Med,
    Mad,
    Quantile,
    Rank,
    Count,
    Slope,
    Rsquare,
    Resi,
    Ema,
    Wma,
    Corr,
    Cov,
}

/// One operator of the language.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Name used in calls.
    pub name: &'static str,
    /// Infix or prefix sign, where it has one.
    pub sign: Option<&'static str>,
    /// Kinds of its arguments, in order.
    pub args: &'static [ArgKind],
    /// Whether it gives a truth value.
    pub truth: bool,
    /// How far it reaches back.
    pub reach: Reach,
    /// One line for people.
    pub doc: &'static str,
    /// What runs.
    pub op: Op,
}

use ArgKind::{Fraction, Rows, Series, Shift, Truth, Value, Window, WindowFrom};

const fn pair(name: &'static str, sign: Option<&'static str>, op: Op, doc: &'static str) -> Operator {
    Operator { name, sign, args: &[Value, Value], truth: false, reach: Reach::None, doc, op }
}

const fn compare(name: &'static str, sign: &'static str, op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: Some(sign), args: &[Value, Value], truth: true, reach: Reach::None, doc, op }
}

const fn logic(
    name: &'static str,
    sign: Option<&'static str>,
    args: &'static [ArgKind],
    op: Op,
    doc: &'static str,
) -> Operator {
    Operator { name, sign, args, truth: true, reach: Reach::None, doc, op }
}

const fn unary(name: &'static str, op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: None, args: &[Series], truth: false, reach: Reach::None, doc, op }
}

const fn rolling(name: &'static str, args: &'static [ArgKind], op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: None, args, truth: false, reach: Reach::Window, doc, op }
}

const fn shifting(name: &'static str, op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: None, args: &[Series, Shift], truth: false, reach: Reach::Shift, doc, op }
}

/// Every operator, in the order people read them.
pub const OPERATORS: &[Operator] = &[
    pair("Add", Some("+"), Op::Add, "sum"),
    pair("Sub", Some("-"), Op::Sub, "difference"),
    pair("Mul", Some("*"), Op::Mul, "product"),
    pair("Div", Some("/"), Op::Div, "quotient; by zero gives infinity, 0/0 missing"),
    pair("Power", Some("**"), Op::Power, "left to the power of right"),
    pair("Greater", None, Op::Greater, "the larger of two; missing if either is"),
    pair("Less", None, Op::Less, "the smaller of two; missing if either is"),
    compare("Gt", ">", Op::Gt, "true where left is above right; false where either is missing"),
    compare("Ge", ">=", Op::Ge, "true where left is at or above right"),
    compare("Lt", "<", Op::Lt, "true where left is below right"),
    compare("Le", "<=", Op::Le, "true where left is at or below right"),
    compare("Eq", "==", Op::Eq, "true where both are equal"),
    compare("Ne", "!=", Op::Ne, "true where they differ or either is missing"),
    logic("And", Some("&"), &[Truth, Truth], Op::And, "both are true"),
    logic("Or", Some("|"), &[Truth, Truth], Op::Or, "at least one is true"),
    logic("Not", None, &[Truth], Op::Not, "the other truth value"),
    unary("Abs", Op::Abs, "magnitude"),
    unary("Log", Op::Log, "natural logarithm; of 0 minus infinity, below 0 missing"),
    unary("Sign", Op::Sign, "-1, 0 or 1"),
    unary("Neg", Op::Neg, "the number with the other sign, as unary minus"),
    Operator {
        name: "If",
        sign: None,
        args: &[Series, Value, Value],
        truth: false,
        reach: Reach::None,
        doc: "second where the first is true (or a missing number), else third",
        op: Op::If,
    },
    shifting("Ref", Op::Ref, "value N rows ago; N < 0 looks ahead; N = 0 the first value"),
    shifting("Delta", Op::Delta, "value less the value N rows ago; N = 0 less the first value"),
    rolling("Mean", &[Series, Window], Op::Mean, "mean over N rows"),
    rolling("Sum", &[Series, Window], Op::Sum, "sum over N rows"),
    rolling("Std", &[Series, Window], Op::Std, "sample standard deviation over N rows"),
    rolling("Var", &[Series, Window], Op::Var, "sample variance over N rows"),
    rolling("Skew", &[Series, WindowFrom(3)], Op::Skew, "bias-corrected skewness over N rows"),
    rolling("Kurt", &[Series, WindowFrom(4)], Op::Kurt, "bias-corrected excess kurtosis over N rows"),
    rolling("Max", &[Series, Window], Op::Max, "largest over N rows"),
    rolling("Min", &[Series, Window], Op::Min, "smallest over N rows"),
    rolling("IdxMax", &[Series, Rows], Op::IdxMax, "position of the largest, 1 is the oldest row"),
    rolling("IdxMin", &[Series, Rows], Op::IdxMin, "position of the smallest, 1 is the oldest row"),
    rolling("Med", &[Series, Window], Op::Med, "median over N rows"),
    rolling("Mad", &[Series, Rows], Op::Mad, "mean absolute deviation over N rows"),
    rolling("Quantile", &[Series, Rows, Fraction], Op::Quantile, "quantile over N rows, interpolated"),
    rolling("Rank", &[Series, Rows], Op::Rank, "rank of the newest among N rows, 0 to 1"),
    rolling("Count", &[Series, Window], Op::Count, "how many of N rows have a value"),
    rolling("Slope", &[Series, WindowFrom(1)], Op::Slope, "slope of the line through N rows"),
    rolling("Rsquare", &[Series, WindowFrom(1)], Op::Rsquare, "fit of the line through N rows, 0 to 1"),
    rolling("Resi", &[Series, WindowFrom(1)], Op::Resi, "newest value less the line through N rows"),
    rolling("EMA", &[Series, Window], Op::Ema, "exponentially weighted mean with span N"),
    rolling(
        "WMA",
        &[Series, WindowFrom(1)],
        Op::Wma,
        "linearly weighted mean divided by the rows, as Qlib has it",
    ),
    rolling("Corr", &[Series, Series, WindowFrom(1)], Op::Corr, "correlation of two over N rows"),
    rolling("Cov", &[Series, Series, WindowFrom(1)], Op::Cov, "sample covariance of two over N rows"),
];

/// The operator of a name.
pub fn by_name(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.name == name)
}

/// The infix operator of a sign.
pub fn by_sign(sign: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.sign == Some(sign))
}

/// The known name nearest to `text`, when it is near enough to be a slip of the finger.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = text.to_ascii_lowercase();
    let limit = (wanted.len() / 3).max(1);
    known
        .map(|k| (distance(&wanted, &k.to_ascii_lowercase()), k))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, k)| k)
}

/// Levenshtein distance with adjacent swaps counted as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at = |line: &[usize], k: usize| line.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&above, j) + usize::from(ca != cb)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}
