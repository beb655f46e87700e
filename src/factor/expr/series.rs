//! The reference evaluator: one expression over one series of rows, operator by operator, in plain loops.
//!
//! Slow and obvious on purpose. Point-in-time figures are evaluated by it, and tests hold the fast engine to it.
//! It sees one instrument: an operator that needs more ([`Sight`]) must be handed in by
//! the caller, or is an error.

use chrono::NaiveDate;

use super::registry::{Fold, Frequency, Op, Sight};
use super::{EvalError, Node, window_of};
use crate::factor::kernels::element::{self, Arithmetic, Comparison, Series, Single};
use crate::factor::kernels::{beyond, calendar, ewm, line, moments, order, windows, windows_of_two};

/// A call without its series: what runs, over how many rows, with which last number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// What runs.
    pub op: Op,
    /// Window, shift or alpha; 0 where there is none.
    pub window: f64,
    /// The last argument where it is a number.
    pub last: f64,
    /// How `TResample` sums up.
    pub resample: Option<(Frequency, Fold)>,
}

impl Call {
    /// The call of a checked node.
    pub fn of(op: Op, args: &[Node]) -> Self {
        let last = if let Some(Node::Number(value)) = args.last() { *value } else { 0.0 };
        let resample = match args {
            [_, Node::Frequency(frequency), Node::Fold(fold)] => Some((*frequency, *fold)),
            _ => None,
        };
        Self { op, window: window_of(op, args), last, resample }
    }
}

/// Evaluates a checked node over the rows of `days`. `leaf` gives the series of fields, of periods, and of any
/// other node the caller knows better (it is asked first, for every node).
pub(crate) fn evaluate(
    node: &Node,
    leaf: &dyn Fn(&Node) -> Option<Series>,
    days: &[NaiveDate],
) -> Result<Series, EvalError> {
    if let Some(known) = leaf(node) {
        return Ok(known);
    }
    let (op, args) = match node {
        Node::Number(value) => return Ok(Series::Number(*value)),
        Node::Field(_)
        | Node::Period(..)
        | Node::Text(_)
        | Node::Group(_)
        | Node::Frequency(_)
        | Node::Fold(_) => return Ok(Series::Number(f64::NAN)),
        Node::Call(op, args) => (*op, args),
    };
    if op.sight() != Sight::Series {
        return Err(whole_panel(op));
    }
    let series: Vec<Series> = args.iter().map(|a| evaluate(a, leaf, days)).collect::<Result<_, _>>()?;
    let series: Vec<&Series> = series.iter().collect();
    apply(&Call::of(op, args), &series, days)
}

fn whole_panel(op: Op) -> EvalError {
    EvalError::WholePanel { operator: op.operator().map_or("", |o| o.name) }
}

/// How an operator is worked out on series.
enum Kernel {
    Arithmetic(Arithmetic),
    Comparison(Comparison),
    Single(Single),
    And,
    Or,
    Not,
    If,
    Ref,
    Delta,
    Resample,
    /// A window over one series.
    One(fn(&[f64]) -> f64),
    Quantile,
    Count,
    Slope,
    RSquare,
    Residual,
    Exponential,
    /// A window over the rows where both are there.
    Two(fn(&[f64], &[f64]) -> f64),
    /// A window over the rows where a condition holds.
    Where(fn(&[f64]) -> f64),
    CountIf,
    /// Sees more than one instrument's series.
    Beyond,
}

/// The kernel of every operator.
fn kernel_of(op: Op) -> Kernel {
    match op {
        Op::Add => Kernel::Arithmetic(Arithmetic::Add),
        Op::Sub => Kernel::Arithmetic(Arithmetic::Sub),
        Op::Mul => Kernel::Arithmetic(Arithmetic::Mul),
        Op::Div => Kernel::Arithmetic(Arithmetic::Div),
        Op::Power => Kernel::Arithmetic(Arithmetic::Power),
        Op::Greater => Kernel::Arithmetic(Arithmetic::Greater),
        Op::Less => Kernel::Arithmetic(Arithmetic::Less),
        Op::Gt => Kernel::Comparison(Comparison::Gt),
        Op::Ge => Kernel::Comparison(Comparison::Ge),
        Op::Lt => Kernel::Comparison(Comparison::Lt),
        Op::Le => Kernel::Comparison(Comparison::Le),
        Op::Eq => Kernel::Comparison(Comparison::Eq),
        Op::Ne => Kernel::Comparison(Comparison::Ne),
        Op::And => Kernel::And,
        Op::Or => Kernel::Or,
        Op::Not => Kernel::Not,
        Op::Abs => Kernel::Single(Single::Abs),
        Op::Log => Kernel::Single(Single::Log),
        Op::Sign => Kernel::Single(Single::Sign),
        Op::Neg => Kernel::Single(Single::Neg),
        Op::If => Kernel::If,
        Op::Ref => Kernel::Ref,
        Op::Delta => Kernel::Delta,
        Op::TResample => Kernel::Resample,
        Op::Mean => Kernel::One(moments::mean),
        Op::Sum => Kernel::One(moments::sum),
        Op::Std => Kernel::One(moments::deviation),
        Op::Var => Kernel::One(moments::variance),
        Op::Skew => Kernel::One(moments::skewness),
        Op::Kurt => Kernel::One(moments::kurtosis),
        Op::Max => Kernel::One(order::largest),
        Op::Min => Kernel::One(order::smallest),
        Op::IdxMax => Kernel::One(order::place_of_largest),
        Op::IdxMin => Kernel::One(order::place_of_smallest),
        Op::ArgMax => Kernel::One(beyond::place_of_largest),
        Op::ArgMin => Kernel::One(beyond::place_of_smallest),
        Op::Med => Kernel::One(order::median),
        Op::Mad => Kernel::One(moments::absolute_deviation),
        Op::Rank => Kernel::One(order::rank_of_newest),
        Op::TsRank => Kernel::One(beyond::rank_of_newest),
        Op::Wma => Kernel::One(line::weighted_mean),
        Op::DecayLinear => Kernel::One(beyond::decay),
        Op::Product => Kernel::One(beyond::product),
        Op::Quantile => Kernel::Quantile,
        Op::Count => Kernel::Count,
        Op::Slope => Kernel::Slope,
        Op::Rsquare => Kernel::RSquare,
        Op::Resi => Kernel::Residual,
        Op::Ema => Kernel::Exponential,
        Op::Corr => Kernel::Two(line::correlation),
        Op::Cov => Kernel::Two(line::covariance),
        Op::TsRegBeta => Kernel::Two(beyond::beta),
        Op::TsRegResi => Kernel::Two(beyond::beta_residual),
        Op::SumIf => Kernel::Where(moments::sum),
        Op::MeanIf => Kernel::Where(moments::mean),
        Op::CountIf => Kernel::CountIf,
        Op::Mask | Op::P | Op::PRef | Op::CsRank | Op::CsZScore | Op::CsDemean => Kernel::Beyond,
        Op::CsNeutralize | Op::CsQuantile | Op::CsWinsorize | Op::CsScale => Kernel::Beyond,
    }
}

/// Runs one operator on its arguments; the checker has made sure of their number and kinds.
pub(crate) fn apply(call: &Call, args: &[&Series], days: &[NaiveDate]) -> Result<Series, EvalError> {
    let (rows, size) = (days.len(), call.window as usize);
    let nothing = Series::Number(f64::NAN);
    let arg = |k: usize| args.get(k).copied().unwrap_or(&nothing);
    let truths = |k: usize| arg(k).truths(rows);
    let has_alpha = call.window > 0.0 && call.window < 1.0;
    let rolled = |kernel: &dyn Fn(&[f64]) -> f64| windows(&arg(0).for_window(rows), size, kernel);
    Ok(match kernel_of(call.op) {
        Kernel::Arithmetic(op) => element::combine(op, arg(0), arg(1), rows),
        Kernel::Comparison(op) => element::compare(op, arg(0), arg(1), rows),
        Kernel::Single(op) => element::map(op, arg(0), rows),
        Kernel::And => Series::Truth(truths(0).iter().zip(truths(1)).map(|(a, b)| *a && b).collect()),
        Kernel::Or => Series::Truth(truths(0).iter().zip(truths(1)).map(|(a, b)| *a || b).collect()),
        Kernel::Not => Series::Truth(truths(0).iter().map(|t| !t).collect()),
        Kernel::If => element::choose(arg(0), arg(1), arg(2), rows),
        Kernel::Ref => element::shifted(arg(0), call.window as i64, rows),
        Kernel::Delta => {
            let earlier = element::shifted(arg(0), call.window as i64, rows);
            element::combine(Arithmetic::Sub, arg(0), &earlier, rows)
        }
        Kernel::Resample => {
            let (frequency, fold) = call.resample.unwrap_or((Frequency::Year, Fold::Last));
            Series::Double(calendar::resample(&arg(0).doubles(rows), days, frequency, fold))
        }
        // Whatever the operator's name, as in Qlib.
        Kernel::One(_) | Kernel::Count | Kernel::Exponential if has_alpha => {
            Series::Double(ewm::mean(&arg(0).for_window(rows), call.window))
        }
        Kernel::One(kernel) => Series::Double(rolled(&kernel)),
        Kernel::Quantile => Series::Double(rolled(&|w| order::quantile(w, call.last))),
        Kernel::Count => Series::Double(windows(&arg(0).doubles(rows), size, moments::count)),
        Kernel::Slope => Series::Double(fitted(arg(0), rows, size, &|w| line::slope(w, size))),
        Kernel::RSquare => Series::Double(fitted(arg(0), rows, size, &|w| match size {
            0 => line::r_square_plain(w),
            _ => line::r_square(w, size),
        })),
        Kernel::Residual => Series::Double(fitted(arg(0), rows, size, &|w| {
            line::residual(w, if size == 0 { w.len() } else { size })
        })),
        Kernel::Exponential if size == 0 => Series::Double(rolled(&ewm::expanding_mean)),
        Kernel::Exponential => Series::Double(ewm::mean(&arg(0).for_window(rows), 2.0 / (call.window + 1.0))),
        Kernel::Two(kernel) => {
            Series::Double(windows_of_two(&arg(0).for_window(rows), &arg(1).for_window(rows), size, kernel))
        }
        Kernel::Where(kernel) => {
            let x = arg(0).for_window(rows).into_iter().zip(truths(1));
            let picked: Vec<f64> = x.map(|(v, holds)| if holds { v } else { f64::NAN }).collect();
            Series::Double(windows(&picked, size, kernel))
        }
        Kernel::CountIf => {
            let held: Vec<f64> = truths(0).iter().map(|t| f64::from(u8::from(*t))).collect();
            Series::Double(windows(&held, size, moments::sum))
        }
        Kernel::Beyond => return Err(whole_panel(call.op)),
    })
}

/// Line fits. Qlib keeps running sums that are never reset: from the first infinity on all is missing.
fn fitted(series: &Series, rows: usize, size: usize, kernel: &dyn Fn(&[f64]) -> f64) -> Vec<f64> {
    let x = series.doubles(rows);
    let sound = x.iter().position(|v| v.is_infinite()).unwrap_or(x.len());
    let mut values = windows(x.get(..sound).unwrap_or(&[]), size, kernel);
    values.resize(x.len(), f64::NAN);
    values
}
