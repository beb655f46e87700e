//! Evaluation: expressions over a range of rows, instrument by instrument, in parallel and always the same.
//!
//! As in Qlib, each expression is evaluated on the rows it asks for plus its own look-back and look-ahead,
//! clipped to the instrument's span; so an expanding window starts with the range asked for.
//! Equal parts of several expressions are computed once an instrument.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use rayon::prelude::*;

use super::series::{Call, apply};
use super::{Expression, Node};
use crate::factor::kernels::element::Series;
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
    /// The panel has no figures of that name by period.
    #[error(
        "'{expression}' needs $${field} by period, which this panel does not have: import such fundamentals"
    )]
    MissingPeriods {
        /// The expression.
        expression: String,
        /// The field, without `$$`.
        field: String,
    },
    /// An operator that sees more than one instrument's series.
    #[error("{operator} needs the whole panel, not one instrument's series")]
    WholePanel {
        /// Its name.
        operator: &'static str,
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
        super::series::only_series(expression.node())?;
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
    Call { call: Call, args: Vec<usize> },
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
            Node::Period(..) | Node::Text(_) | Node::Group(_) | Node::Frequency(_) | Node::Fold(_) => {
                (format!("{node:?}"), Step::Number(f64::NAN))
            }
            Node::Call(op, parts) => {
                let args: Vec<usize> = parts.iter().map(|p| self.add(p, known)).collect();
                (format!("{op:?}{args:?}"), Step::Call { call: Call::of(*op, parts), args })
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
            Some(Step::Call { call, args }) => {
                let args: Vec<Rc<Series>> = args.iter().map(|a| self.value(*a)).collect();
                let args: Vec<&Series> = args.iter().map(|a| a.as_ref()).collect();
                let days = self.panel.sessions().get(self.loaded.clone()).unwrap_or(&[]);
                apply(call, &args, days).unwrap_or(Series::Number(f64::NAN))
            }
        };
        let series = Rc::new(series);
        self.memo.insert(key, Rc::clone(&series));
        series
    }
}
