//! Values in parts of rows: for results that are larger than what should be held at once.
//!
//! The parts share one buffer. Expressions whose values depend on where their rows begin are worked out once over all
//! of them, so parts change no value.

use std::ops::Range;

use super::compute::{Job, Watch, check};
use super::{EvalError, Expression, Node};
use crate::factor::panel::{Column, Panel};

/// Hands the values of `rows` on in parts of at most `part` rows, oldest first: the part's rows of the panel and one
/// column an expression. Stops at the first error of `take`.
pub fn stream<E: From<EvalError>>(
    panel: &Panel,
    expressions: &[Expression],
    rows: Range<usize>,
    part: usize,
    watch: &Watch,
    mut take: impl FnMut(Range<usize>, &[Column]) -> Result<(), E>,
) -> Result<(), E> {
    let instruments = panel.symbols().len();
    let job = Job::new(panel, watch);
    let longest = part.clamp(1, rows.len().max(1));
    let all: Vec<&Node> = expressions.iter().map(Expression::node).collect();
    let needs_all = job.need_all(&all);
    let (held, passing): (Vec<usize>, Vec<usize>) =
        (0..all.len()).partition(|at| needs_all.get(*at).copied().unwrap_or(false));
    let nodes =
        |which: &[usize]| -> Vec<&Node> { which.iter().filter_map(|at| all.get(*at).copied()).collect() };
    let at_once = if held.is_empty() { longest } else { rows.len() };
    check(panel, expressions, &rows, held.len() * rows.len() + expressions.len() * longest, at_once)?;
    let whole = job.columns(&nodes(&held), rows.clone())?;
    let mut moving: Vec<Column> = passing.iter().map(|_| Column::unwritten(longest, instruments)).collect();
    let mut columns: Vec<Column> = expressions.iter().map(|_| Column::unwritten(0, instruments)).collect();
    let passing_nodes = nodes(&passing);
    for from in rows.clone().step_by(longest) {
        let to = (from + longest).min(rows.end);
        job.fill(&passing_nodes, from..to, &mut moving)?;
        for (at, column) in passing.iter().zip(&mut moving) {
            columns.get_mut(*at).into_iter().for_each(|slot| std::mem::swap(slot, column));
        }
        for (at, column) in held.iter().zip(&whole) {
            let rows = from - rows.start..to - rows.start;
            columns.get_mut(*at).into_iter().for_each(|slot| slot.copy_rows(column, rows.clone()));
        }
        take(from..to, &columns)?;
        for (at, column) in passing.iter().zip(&mut moving) {
            columns.get_mut(*at).into_iter().for_each(|slot| std::mem::swap(slot, column));
        }
    }
    Ok(())
}
