//! Evaluation: expressions over a range of rows, instrument by instrument, in parallel and always the same.
//!
//! As in Qlib, each expression is evaluated on the rows it asks for plus its own look-back and look-ahead,
//! clipped to the instrument's span; so an expanding window starts with the range asked for.
//! Equal parts of several expressions are computed once an instrument.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use rayon::prelude::*;

use super::{Expression, Node, Op, window_of};
use crate::factor::kernels::element::{self, Series};
use crate::factor::kernels::{ewm, line, moments, order, windows, windows_of_two};
use crate::factor::panel::{Column, Panel};

/// Why expressions could not be evaluated on a panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The panel has no column of that name.
    #[error("'{expression}' needs ${field}, which this panel does not have: import data that carries it")]
    MissingField {
        /// The expression.
        expression: String,
        /// The field, without `$`.
        field: &'static str,
    },
    /// The rows are not rows of the panel.
    #[error("rows {from}..{to} were asked for; the panel has {rows}")]
    Rows {
        /// First row.
        from: usize,
        /// Row after the last.
        to: usize,
        /// Rows of the panel.
        rows: usize,
    },
}

/// Evaluates expressions over rows of a panel: one column each, with `rows.len()` rows, NaN outside a span.
pub fn compute(
    panel: &Panel,
    expressions: &[Expression],
    rows: Range<usize>,
) -> Result<Vec<Column>, EvalError> {
    let total = panel.sessions().len();
    if rows.start >= rows.end || rows.end > total {
        return Err(EvalError::Rows { from: rows.start, to: rows.end, rows: total });
    }
    for expression in expressions {
        if let Some(field) = expression.fields().into_iter().find(|f| panel.column(f).is_none()) {
            return Err(EvalError::MissingField { expression: expression.text().to_owned(), field });
        }
    }
    let plan = Plan::new(expressions);
    let per_instrument: Vec<Vec<Vec<f32>>> =
        (0..panel.symbols().len()).into_par_iter().map(|i| plan.run(panel, i, &rows)).collect();
    let mut columns = vec![Vec::with_capacity(per_instrument.len()); expressions.len()];
    for outputs in per_instrument {
        for (column, output) in columns.iter_mut().zip(outputs) {
            column.push(output);
        }
    }
    Ok(columns.into_iter().map(|series| Column::of_series(rows.len(), &series)).collect())
}

/// A step of the plan: a node whose arguments are earlier steps.
enum Step {
    Number(f64),
    Field(&'static str),
    Call { op: Op, args: Vec<usize>, numbers: Vec<f64> },
}

/// All steps of some expressions, equal ones once.
struct Plan {
    steps: Vec<Step>,
    outputs: Vec<Output>,
}

struct Output {
    step: usize,
    back: usize,
    ahead: usize,
}

impl Plan {
    fn new(expressions: &[Expression]) -> Self {
        let mut plan = Plan { steps: Vec::new(), outputs: Vec::new() };
        let mut known = BTreeMap::new();
        for expression in expressions {
            let step = plan.add(expression.node(), &mut known);
            plan.outputs.push(Output { step, back: expression.lookback(), ahead: expression.lookahead() });
        }
        plan
    }

    fn add(&mut self, node: &Node, known: &mut BTreeMap<String, usize>) -> usize {
        let (key, step) = match node {
            Node::Number(value) => (format!("#{:x}", value.to_bits()), Step::Number(*value)),
            Node::Field(name) => (format!("${name}"), Step::Field(name)),
            Node::Call(op, parts) => {
                let args: Vec<usize> = parts.iter().map(|p| self.add(p, known)).collect();
                let last = match parts.last() {
                    Some(Node::Number(value)) => *value,
                    Some(Node::Field(_) | Node::Call(..)) | None => 0.0,
                };
                let numbers = vec![window_of(*op, parts), last];
                (format!("{op:?}{args:?}"), Step::Call { op: *op, args, numbers })
            }
        };
        if let Some(at) = known.get(&key) {
            return *at;
        }
        self.steps.push(step);
        known.insert(key, self.steps.len() - 1);
        self.steps.len() - 1
    }

    /// All outputs for one instrument.
    fn run(&self, panel: &Panel, instrument: usize, rows: &Range<usize>) -> Vec<Vec<f32>> {
        let span = panel.span(instrument);
        let mut memo = BTreeMap::new();
        let mut results = Vec::with_capacity(self.outputs.len());
        for output in &self.outputs {
            let from = rows.start.saturating_sub(output.back).max(span.start);
            let to = rows.end.saturating_add(output.ahead).min(span.end);
            let mut result = vec![f32::NAN; rows.len()];
            if from < to {
                let mut run = Run { plan: self, panel, instrument, loaded: from..to, memo: &mut memo };
                let values = run.value(output.step).singles(to - from);
                for (slot, row) in result.iter_mut().zip(rows.clone()) {
                    if let Some(value) = row.checked_sub(from).and_then(|k| values.get(k)) {
                        *slot = *value;
                    }
                }
            }
            results.push(result);
        }
        results
    }
}

/// Results by (step, first loaded row, row after the last).
type Memo = BTreeMap<(usize, usize, usize), Rc<Series>>;

struct Run<'a> {
    plan: &'a Plan,
    panel: &'a Panel,
    instrument: usize,
    loaded: Range<usize>,
    memo: &'a mut Memo,
}

impl Run<'_> {
    fn value(&mut self, step: usize) -> Rc<Series> {
        let key = (step, self.loaded.start, self.loaded.end);
        if let Some(known) = self.memo.get(&key) {
            return Rc::clone(known);
        }
        let series = match self.plan.steps.get(step) {
            None => Series::Number(f64::NAN),
            Some(Step::Number(value)) => Series::Number(*value),
            Some(Step::Field(name)) => {
                let series = self.panel.column(name).map(|c| c.series(self.instrument)).unwrap_or_default();
                Series::Single(series.get(self.loaded.clone()).unwrap_or(&[]).to_vec())
            }
            Some(Step::Call { op, args, numbers }) => {
                let args: Vec<Rc<Series>> = args.iter().map(|a| self.value(*a)).collect();
                apply(*op, &args, numbers, self.loaded.len())
            }
        };
        let series = Rc::new(series);
        self.memo.insert(key, Rc::clone(&series));
        series
    }
}

/// Runs one operator on its arguments; the checker has made sure of their number and kinds.
fn apply(op: Op, args: &[Rc<Series>], numbers: &[f64], rows: usize) -> Series {
    let nothing = Series::Number(f64::NAN);
    let arg = |k: usize| args.get(k).map_or(&nothing, |s| s.as_ref());
    let window = numbers.first().copied().unwrap_or(0.0);
    match op {
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
        Op::Ref => element::shifted(arg(0), window as i64, rows),
        Op::Delta => {
            let earlier = element::shifted(arg(0), window as i64, rows);
            element::combine(Op::Sub, arg(0), &earlier, rows)
        }
        Op::Corr | Op::Cov => {
            let (x, y) = (arg(0).for_window(rows), arg(1).for_window(rows));
            let kernel = if op == Op::Corr { line::correlation } else { line::covariance };
            Series::Double(windows_of_two(&x, &y, window as usize, kernel))
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
        | Op::Wma => {
            let last = numbers.last().copied().unwrap_or(0.0);
            Series::Double(rolled(op, arg(0), window, last, rows))
        }
    }
}

/// One-series windows.
fn rolled(op: Op, series: &Series, window: f64, last: f64, rows: usize) -> Vec<f64> {
    let x = if op == Op::Count { series.doubles(rows) } else { series.for_window(rows) };
    if window > 0.0 && window < 1.0 {
        return ewm::mean(&series.for_window(rows), window);
    }
    let size = window as usize;
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
        Op::Med => windows(&x, size, order::median),
        Op::Mad => windows(&x, size, moments::absolute_deviation),
        Op::Quantile => windows(&x, size, |w| order::quantile(w, last)),
        Op::Rank => windows(&x, size, order::rank_of_newest),
        Op::Count => windows(&x, size, moments::count),
        Op::Slope => windows(&x, size, |w| line::slope(w, size)),
        Op::Rsquare => windows(&x, size, |w| line::r_square(w, size)),
        Op::Resi => windows(&x, size, |w| line::residual(w, size)),
        Op::Wma => windows(&x, size, line::weighted_mean),
        Op::Ema if size == 0 => windows(&x, 0, ewm::expanding_mean),
        Op::Ema => ewm::mean(&x, 2.0 / (window + 1.0)),
        _ => windows(&x, size, moments::mean),
    }
}
