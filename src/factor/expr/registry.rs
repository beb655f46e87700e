//! The one table of operators: parser, checker, evaluation, `factor list` and help read it.
//!
//! Meanings are Qlib's (`qlib/data/ops.py`, 0.9.7): windows count rows of the instrument's own span, start
//! partial (one value is enough), and leave NaN and infinity out. `N = 0` is an expanding window,
//! `0 < N < 1` an exponentially weighted mean with that alpha, whatever the operator's name.

pub use super::words::{Cadence, Fold, Frequency, Group};

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
    /// A quoted symbol.
    Symbol,
    /// A quoted calendar period, such as 'W' or 'M'.
    Frequency,
    /// A quoted way to sum up a period, such as 'mean'.
    Fold,
    /// A group: sector or industry.
    Group,
    /// A group or a series.
    GroupOrSeries,
    /// An expression over point-in-time fields ($$).
    Periods,
    /// A period: 201903 is the third quarter of 2019, 2019 the year.
    Period,
    /// A share cut off at each end: at least 0, under a half.
    Tail,
    /// A number above 0.
    Positive,
    /// How many buckets.
    Buckets,
}

impl ArgKind {
    /// Whether it says how many rows an operator reaches over.
    pub const fn is_rows(self) -> bool {
        matches!(self, ArgKind::Window | ArgKind::Rows | ArgKind::WindowFrom(_) | ArgKind::Shift)
    }
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
    /// The longest period of its calendar.
    Calendar,
    /// What is inside counts in periods, not in rows.
    Periods,
}

/// What an operator needs to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// One instrument's series.
    Series,
    /// Another instrument's series.
    Other,
    /// All instruments of a day.
    Day,
    /// One instrument's point-in-time records.
    Records,
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
    DecayLinear,
    Product,
    ArgMax,
    ArgMin,
    TsRank,
    TsRegBeta,
    TsRegResi,
    SumIf,
    MeanIf,
    CountIf,
    TResample,
    Mask,
    P,
    PRef,
    CsRank,
    CsZScore,
    CsDemean,
    CsNeutralize,
    CsQuantile,
    CsWinsorize,
    CsScale,
}

impl Op {
    /// Its row of the table.
    pub fn operator(self) -> Option<&'static Operator> {
        OPERATORS.iter().find(|o| o.op == self)
    }

    /// What it needs to see.
    pub fn sight(self) -> Sight {
        match self {
            Op::Mask => Sight::Other,
            Op::P | Op::PRef => Sight::Records,
            Op::CsRank
            | Op::CsZScore
            | Op::CsDemean
            | Op::CsNeutralize
            | Op::CsQuantile
            | Op::CsWinsorize
            | Op::CsScale => Sight::Day,
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::Power
            | Op::Greater
            | Op::Less
            | Op::Gt
            | Op::Ge
            | Op::Lt
            | Op::Le
            | Op::Eq
            | Op::Ne
            | Op::And
            | Op::Or
            | Op::Not
            | Op::Abs
            | Op::Log
            | Op::Sign
            | Op::Neg
            | Op::If
            | Op::Ref
            | Op::Delta
            | Op::Mean
            | Op::Sum
            | Op::Std
            | Op::Var
            | Op::Skew
            | Op::Kurt
            | Op::Max
            | Op::Min
            | Op::IdxMax
            | Op::IdxMin
            | Op::Med
            | Op::Mad
            | Op::Quantile
            | Op::Rank
            | Op::Count
            | Op::Slope
            | Op::Rsquare
            | Op::Resi
            | Op::Ema
            | Op::Wma
            | Op::Corr
            | Op::Cov
            | Op::DecayLinear
            | Op::Product
            | Op::ArgMax
            | Op::ArgMin
            | Op::TsRank
            | Op::TsRegBeta
            | Op::TsRegResi
            | Op::SumIf
            | Op::MeanIf
            | Op::CountIf
            | Op::TResample => Sight::Series,
        }
    }
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
    /// How many of them, from the end, may be left out.
    pub optional: usize,
    /// Whether it gives a truth value.
    pub truth: bool,
    /// How far it reaches back.
    pub reach: Reach,
    /// One line for people.
    pub doc: &'static str,
    /// What runs.
    pub op: Op,
}

impl Operator {
    /// Where its window or shift stands among its arguments.
    pub fn window_at(&self) -> Option<usize> {
        self.args.iter().position(|kind| kind.is_rows())
    }
}

use ArgKind::{
    Buckets, Fraction, GroupOrSeries, Period, Periods, Positive, Rows, Series, Shift, Symbol, Tail, Truth,
    Value, Window, WindowFrom,
};

const fn pair(name: &'static str, sign: Option<&'static str>, op: Op, doc: &'static str) -> Operator {
    Operator { name, sign, args: &[Value, Value], optional: 0, truth: false, reach: Reach::None, doc, op }
}

const fn compare(name: &'static str, sign: &'static str, op: Op, doc: &'static str) -> Operator {
    Operator {
        name,
        sign: Some(sign),
        args: &[Value, Value],
        optional: 0,
        truth: true,
        reach: Reach::None,
        doc,
        op,
    }
}

const fn logic(
    name: &'static str,
    sign: Option<&'static str>,
    args: &'static [ArgKind],
    op: Op,
    doc: &'static str,
) -> Operator {
    Operator { name, sign, args, optional: 0, truth: true, reach: Reach::None, doc, op }
}

const fn unary(name: &'static str, op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: None, args: &[Series], optional: 0, truth: false, reach: Reach::None, doc, op }
}

const fn rolling(name: &'static str, args: &'static [ArgKind], op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: None, args, optional: 0, truth: false, reach: Reach::Window, doc, op }
}

const fn shifting(name: &'static str, op: Op, doc: &'static str) -> Operator {
    Operator {
        name,
        sign: None,
        args: &[Series, Shift],
        optional: 0,
        truth: false,
        reach: Reach::Shift,
        doc,
        op,
    }
}

/// An operator that reaches over no rows of its own.
const fn other(
    name: &'static str,
    args: &'static [ArgKind],
    optional: usize,
    op: Op,
    doc: &'static str,
) -> Operator {
    Operator { name, sign: None, args, optional, truth: false, reach: Reach::None, doc, op }
}

const fn periods(name: &'static str, args: &'static [ArgKind], op: Op, doc: &'static str) -> Operator {
    Operator { name, sign: None, args, optional: 0, truth: false, reach: Reach::Periods, doc, op }
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
        optional: 0,
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
    rolling("Skew", &[Series, WindowFrom(3)], Op::Skew, "bias-corrected skewness over N rows, 3 at least"),
    rolling(
        "Kurt",
        &[Series, WindowFrom(4)],
        Op::Kurt,
        "bias-corrected excess kurtosis over N rows, 4 at least",
    ),
    rolling("Max", &[Series, Window], Op::Max, "largest over N rows"),
    rolling("Min", &[Series, Window], Op::Min, "smallest over N rows"),
    rolling("IdxMax", &[Series, Rows], Op::IdxMax, "position of the largest, 1 is the oldest row"),
    rolling("IdxMin", &[Series, Rows], Op::IdxMin, "position of the smallest, 1 is the oldest row"),
    rolling("Med", &[Series, Window], Op::Med, "median over N rows"),
    rolling("Mad", &[Series, Rows], Op::Mad, "mean absolute deviation over N rows"),
    rolling("Quantile", &[Series, Rows, Fraction], Op::Quantile, "quantile over N rows, interpolated"),
    rolling("Rank", &[Series, Rows], Op::Rank, "rank of the newest among N rows, 0 to 1"),
    rolling("Count", &[Series, Window], Op::Count, "how many of N rows have a value"),
    rolling("Slope", &[Series, Rows], Op::Slope, "slope of the line through N rows"),
    rolling("Rsquare", &[Series, Rows], Op::Rsquare, "fit of the line through N rows, 0 to 1"),
    rolling("Resi", &[Series, Rows], Op::Resi, "newest value less the line through N rows"),
    rolling("EMA", &[Series, Window], Op::Ema, "exponentially weighted mean with span N"),
    rolling("WMA", &[Series, Rows], Op::Wma, "linearly weighted mean divided by the rows, as Qlib has it"),
    rolling("Corr", &[Series, Series, Rows], Op::Corr, "correlation of two over N rows"),
    rolling("Cov", &[Series, Series, Rows], Op::Cov, "sample covariance of two over N rows"),
    rolling(
        "DecayLinear",
        &[Series, Rows],
        Op::DecayLinear,
        "mean over N rows, the newest weighs most (n to 1)",
    ),
    rolling("Product", &[Series, Rows], Op::Product, "product over N rows"),
    rolling(
        "ArgMax",
        &[Series, Rows],
        Op::ArgMax,
        "position of the largest as IdxMax, missing rows never win",
    ),
    rolling(
        "ArgMin",
        &[Series, Rows],
        Op::ArgMin,
        "position of the smallest as IdxMin, missing rows never win",
    ),
    rolling("TsRank", &[Series, Rows], Op::TsRank, "place of the newest among N rows, 0 lowest to 1 highest"),
    rolling(
        "TsRegBeta",
        &[Series, Series, Rows],
        Op::TsRegBeta,
        "slope of the regression of the first series on the second over N rows",
    ),
    rolling(
        "TsRegResi",
        &[Series, Series, Rows],
        Op::TsRegResi,
        "newest value of the first series less its regression on the second over N rows",
    ),
    rolling("SumIf", &[Series, Truth, Rows], Op::SumIf, "sum over those of N rows where the second is true"),
    rolling(
        "MeanIf",
        &[Series, Truth, Rows],
        Op::MeanIf,
        "mean over those of N rows where the second is true",
    ),
    rolling("CountIf", &[Truth, Rows], Op::CountIf, "how many of N rows are true"),
    Operator {
        name: "TResample",
        sign: None,
        args: &[Series, ArgKind::Frequency, ArgKind::Fold],
        optional: 0,
        truth: false,
        reach: Reach::Calendar,
        doc: "summed up over the week 'W', month 'M', quarter 'Q' or year 'Y' so far",
        op: Op::TResample,
    },
    other("Mask", &[Series, Symbol], 0, Op::Mask, "the first computed on another instrument"),
    other("ChangeInstrument", &[Symbol, Series], 0, Op::Mask, "the second computed on another instrument"),
    periods(
        "P",
        &[Periods],
        Op::P,
        "the newest period's value of point-in-time figures ($$), as known on the day",
    ),
    periods(
        "PRef",
        &[Periods, Period],
        Op::PRef,
        "the value of one period (201903, 2019), as known on the day",
    ),
    other(
        "CSRank",
        &[Series, ArgKind::Group],
        1,
        Op::CsRank,
        "rank among the day's instruments (of the group), over their number",
    ),
    other(
        "CSZScore",
        &[Series, ArgKind::Group],
        1,
        Op::CsZScore,
        "deviations from the day's mean (of the group)",
    ),
    other("CSDemean", &[Series, ArgKind::Group], 1, Op::CsDemean, "less the day's mean (of the group)"),
    other(
        "CSNeutralize",
        &[Series, GroupOrSeries],
        0,
        Op::CsNeutralize,
        "less the mean of its group, or what the day's regression on a series leaves",
    ),
    other("CSQuantile", &[Series, Buckets], 0, Op::CsQuantile, "bucket 1 to N of the day's instruments"),
    other("CSWinsorize", &[Series, Tail], 0, Op::CsWinsorize, "clipped to the day's quantiles q and 1 - q"),
    other(
        "CSScale",
        &[Series, Positive],
        1,
        Op::CsScale,
        "scaled so that the day's magnitudes sum to a (or 1)",
    ),
];

/// The operator of a name.
pub fn by_name(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.name == name)
}

/// The infix operator of a sign.
pub fn by_sign(sign: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.sign == Some(sign))
}
