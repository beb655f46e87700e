//! The reference evaluator: one expression over one series of rows, operator by operator, in plain loops.
//!
//! Slow and obvious on purpose. Point-in-time figures are evaluated by it, and tests hold the fast engine to it.
//! It sees one instrument: an operator that needs more ([`Sight`](super::registry::Sight)) must be handed in by
//! the caller, or is an error.

use chrono::NaiveDate;

use super::registry::{Fold, Frequency, Op, Sight};
use super::{EvalError, Node, window_of};
use crate::factor::kernels::element::{self, Series};
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

/// Runs one operator on its arguments; the checker has made sure of their number and kinds.
pub(crate) fn apply(call: &Call, args: &[&Series], days: &[NaiveDate]) -> Result<Series, EvalError> {
    let rows = days.len();
    let nothing = Series::Number(f64::NAN);
    let arg = |k: usize| args.get(k).copied().unwrap_or(&nothing);
    let op = call.op;
    let series = match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Power | Op::Greater | Op::Less => {
            element::combine(op, arg(0), arg(1), rows)
        }
        Op::Gt | Op::Ge | Op::Lt | Op::Le | Op::Eq | Op::Ne => element::compare(op, arg(0), arg(1), rows),
        Op::And | Op::Or => {
            let (a, b) = (arg(0).truths(rows), arg(1).truths(rows));
            let both = a.iter().zip(&b);
            Series::Truth(both.map(|(x, y)| if op == Op::And { *x && *y } else { *x || *y }).collect())
        }
        Op::Not => Series::Truth(arg(0).truths(rows).iter().map(|t| !t).collect()),
        Op::Abs | Op::Log | Op::Sign | Op::Neg => element::map(op, arg(0), rows),
        Op::If => element::choose(arg(0), arg(1), arg(2), rows),
        Op::Ref => element::shifted(arg(0), call.window as i64, rows),
        Op::Delta => {
            let earlier = element::shifted(arg(0), call.window as i64, rows);
            element::combine(Op::Sub, arg(0), &earlier, rows)
        }
        Op::TResample => {
            let (frequency, fold) = call.resample.unwrap_or((Frequency::Year, Fold::Last));
            Series::Double(calendar::resample(&arg(0).doubles(rows), days, frequency, fold))
        }
        Op::Corr | Op::Cov | Op::TsRegBeta | Op::TsRegResi | Op::SumIf | Op::MeanIf | Op::CountIf => {
            Series::Double(of_two(call, arg(0), arg(1), rows))
        }
        Op::Mean
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
        | Op::DecayLinear
        | Op::Product
        | Op::ArgMax
        | Op::ArgMin
        | Op::TsRank => Series::Double(rolled(call, arg(0), rows)),
        Op::Mask
        | Op::P
        | Op::PRef
        | Op::CsRank
        | Op::CsZScore
        | Op::CsDemean
        | Op::CsNeutralize
        | Op::CsQuantile
        | Op::CsWinsorize
        | Op::CsScale => return Err(whole_panel(op)),
    };
    Ok(series)
}

/// Windows over two series, or over one and a condition.
fn of_two(call: &Call, first: &Series, second: &Series, rows: usize) -> Vec<f64> {
    let size = call.window as usize;
    let truth = |s: &Series| -> Vec<f64> { s.truths(rows).iter().map(|t| f64::from(u8::from(*t))).collect() };
    if call.op == Op::CountIf {
        return windows(&truth(first), size, moments::sum);
    }
    let x = first.for_window(rows);
    if call.op == Op::SumIf || call.op == Op::MeanIf {
        let picked: Vec<f64> =
            x.iter().zip(truth(second)).map(|(v, t)| if t > 0.0 { *v } else { f64::NAN }).collect();
        return windows(&picked, size, if call.op == Op::SumIf { moments::sum } else { moments::mean });
    }
    let y = second.for_window(rows);
    let kernel = match call.op {
        Op::Corr => line::correlation,
        Op::TsRegBeta => beyond::beta,
        Op::TsRegResi => beyond::beta_residual,
        _ => line::covariance,
    };
    windows_of_two(&x, &y, size, kernel)
}

/// Windows over one series.
fn rolled(call: &Call, series: &Series, rows: usize) -> Vec<f64> {
    let op = call.op;
    let x = if op == Op::Count { series.doubles(rows) } else { series.for_window(rows) };
    if call.window > 0.0 && call.window < 1.0 {
        return ewm::mean(&series.for_window(rows), call.window);
    }
    let size = call.window as usize;
    match op {
        Op::Sum => windows(&x, size, moments::sum),
        Op::Std => windows(&x, size, moments::deviation),
        Op::Var => windows(&x, size, moments::variance),
        Op::Skew => windows(&x, size, moments::skewness),
        Op::Kurt => windows(&x, size, moments::kurtosis),
        Op::Max => windows(&x, size, order::largest),
        Op::Min => windows(&x, size, order::smallest),
        Op::IdxMax => windows(&x, size, order::place_of_largest),
        Op::IdxMin => windows(&x, size, order::place_of_smallest),
        Op::ArgMax => windows(&x, size, beyond::place_of_largest),
        Op::ArgMin => windows(&x, size, beyond::place_of_smallest),
        Op::Med => windows(&x, size, order::median),
        Op::Mad => windows(&x, size, moments::absolute_deviation),
        Op::Quantile => windows(&x, size, |w| order::quantile(w, call.last)),
        Op::Rank => windows(&x, size, order::rank_of_newest),
        Op::TsRank => windows(&x, size, beyond::rank_of_newest),
        Op::Count => windows(&x, size, moments::count),
        Op::Slope | Op::Rsquare | Op::Resi => fitted(op, &series.doubles(rows), size),
        Op::Wma => windows(&x, size, line::weighted_mean),
        Op::DecayLinear => windows(&x, size, beyond::decay),
        Op::Product => windows(&x, size, beyond::product),
        Op::Ema if size == 0 => windows(&x, 0, ewm::expanding_mean),
        Op::Ema => ewm::mean(&x, 2.0 / (call.window + 1.0)),
        _ => windows(&x, size, moments::mean),
    }
}

/// Line fits. Qlib keeps running sums that are never reset: from the first infinity on all is missing.
fn fitted(op: Op, x: &[f64], size: usize) -> Vec<f64> {
    let kernel = |w: &[f64]| match (op, size) {
        (Op::Slope, _) => line::slope(w, size),
        (Op::Rsquare, 0) => line::r_square_plain(w),
        (Op::Rsquare, _) => line::r_square(w, size),
        (_, 0) => line::residual(w, w.len()),
        _ => line::residual(w, size),
    };
    let sound = x.iter().position(|v| v.is_infinite()).unwrap_or(x.len());
    let mut values = windows(x.get(..sound).unwrap_or(&[]), size, kernel);
    values.resize(x.len(), f64::NAN);
    values
}
