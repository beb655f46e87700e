//! Computes expressions over rows of a panel: in parallel by blocks of instruments, and always the same.
//!
//! As in Qlib, each expression is worked out on the rows asked for plus its own look-back and look-ahead, clipped to
//! the instrument's span. Where its values depend on where those rows begin (expanding windows, exponential means) it
//! is worked out on just those rows; all others share one plan, cut into tiles of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::plan::{Kind, Plan};
use super::registry::{Op, Sight};
use super::run::{Block, Scene, Source, Spare, Tile};
use super::{Expression, Node, derive, needs_history, reach, visit};
use crate::domain::CleanText;
use crate::factor::kernels::lanes::Row;
use crate::factor::panel::{Column, LANES, Panel};

/// Rows of one tile: what its steps hold stays in the processor's near memory.
const TILE_ROWS: usize = 512;
/// Most memory that the results of one job may take, in MiB.
pub const MEMORY_MIB_MAX: usize = 4_096;

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
    /// A symbol that the panel does not have.
    #[error("'{symbol}' is no instrument of this panel: check the symbol, or import its bars")]
    UnknownSymbol {
        /// As written.
        symbol: CleanText,
    },
    /// The panel does not know what instruments are grouped by.
    #[error(
        "'{expression}' needs the {group} of each instrument, which this panel does not have: import instruments with it"
    )]
    MissingGroup {
        /// The expression.
        expression: String,
        /// Name of the group.
        group: &'static str,
    },
    /// More memory than a job may take.
    #[error(
        "{expressions} expressions over {rows} rows of {instruments} instruments give {needed} MiB; a job may take \
         {allowed} MiB: ask for fewer rows or expressions at once"
    )]
    TooLarge {
        /// Expressions.
        expressions: usize,
        /// Rows.
        rows: usize,
        /// Instruments.
        instruments: usize,
        /// What it would take.
        needed: usize,
        /// What it may take.
        allowed: usize,
    },
    /// Stopped by whoever watched it.
    #[error("stopped before it was done")]
    Cancelled,
}

/// Lets someone follow and stop a job.
#[derive(Debug, Default)]
pub struct Watch {
    cancelled: AtomicBool,
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Watch {
    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Pieces done, and pieces known so far.
    pub fn progress(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

/// How far back values may look that depend on where their rows begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    /// The rows asked for and the look-back, as Qlib loads them.
    Query,
    /// All rows of the panel.
    Whole,
}

/// Evaluates expressions over rows of a panel: one column each, with `rows.len()` rows, NaN outside a span.
pub fn compute(
    panel: &Panel,
    expressions: &[Expression],
    rows: Range<usize>,
) -> Result<Vec<Column>, EvalError> {
    compute_watched(panel, expressions, rows, &Watch::default())
}

/// As [`compute`], with someone who watches.
pub fn compute_watched(
    panel: &Panel,
    expressions: &[Expression],
    rows: Range<usize>,
    watch: &Watch,
) -> Result<Vec<Column>, EvalError> {
    let mut columns = Vec::new();
    compute_into(panel, expressions, rows, watch, &mut columns)?;
    Ok(columns)
}

/// As [`compute_watched`], into columns that are written over: a caller who takes the rows part by part lets the
/// parts share their memory.
pub fn compute_into(
    panel: &Panel,
    expressions: &[Expression],
    rows: Range<usize>,
    watch: &Watch,
    columns: &mut Vec<Column>,
) -> Result<(), EvalError> {
    check(panel, expressions, &rows, expressions.len() * rows.len(), rows.len())?;
    columns.resize_with(expressions.len(), || Column::unwritten(rows.len(), panel.symbols().len()));
    let nodes: Vec<&Node> = expressions.iter().map(Expression::node).collect();
    Job::new(panel, watch).fill(&nodes, rows, columns)
}

/// The newest row alone: bit for bit what [`compute`] over all rows gives there, at the cost of the look-back.
pub fn latest(panel: &Panel, expressions: &[Expression], watch: &Watch) -> Result<Vec<Column>, EvalError> {
    let total = panel.sessions().len();
    let rows = total.saturating_sub(1)..total;
    check(panel, expressions, &rows, expressions.len(), 1)?;
    let nodes: Vec<&Node> = expressions.iter().map(Expression::node).collect();
    Job { panel, watch, history: History::Whole, load: None }.columns(&nodes, rows)
}

/// Refuses what the panel cannot answer, and what takes too much memory: `sections` cross-sections of results, and the
/// columns that must be made beforehand for `at_once` rows.
pub(super) fn check(
    panel: &Panel,
    expressions: &[Expression],
    rows: &Range<usize>,
    sections: usize,
    at_once: usize,
) -> Result<(), EvalError> {
    let total = panel.sessions().len();
    if rows.start >= rows.end || rows.end > total {
        return Err(EvalError::Rows { from: rows.start, to: rows.end, rows: total });
    }
    for expression in expressions {
        let text = || expression.text().to_owned();
        if let Some(field) = expression.fields().into_iter().find(|f| panel.column(f).is_none()) {
            return Err(EvalError::MissingField { expression: text(), field });
        }
        if let Some(field) = expression.periods().into_iter().find(|f| !panel.has_periods(f)) {
            return Err(EvalError::MissingPeriods { expression: text(), field: field.to_owned() });
        }
        if let Some(symbol) =
            expression.symbols().into_iter().find(|s| derive::instrument(panel, s).is_none())
        {
            return Err(EvalError::UnknownSymbol { symbol: symbol.into() });
        }
        if let Some(group) = expression.groups().into_iter().find(|g| panel.group_names(*g).is_empty()) {
            return Err(EvalError::MissingGroup { expression: text(), group: group.name() });
        }
    }
    let instruments = panel.symbols().len();
    let section = size_of::<f32>() * instruments.next_multiple_of(LANES);
    let beforehand: usize = expressions
        .iter()
        .map(|e| 2 * derived_in(e.node()) * (at_once + e.lookback() + e.lookahead()).min(total))
        .sum();
    let needed = (section as u128 * (sections as u128 + beforehand as u128)) >> 20;
    if needed > MEMORY_MIB_MAX as u128 {
        return Err(EvalError::TooLarge {
            expressions: expressions.len(),
            rows: rows.len(),
            instruments,
            needed: usize::try_from(needed).unwrap_or(usize::MAX),
            allowed: MEMORY_MIB_MAX,
        });
    }
    Ok(())
}

/// Calls in a tree that are made beforehand, each from a column and into one.
fn derived_in(node: &Node) -> usize {
    let mut count = 0;
    visit(node, &mut |node| {
        let Node::Call(op, _) = node else { return };
        count += usize::from(op.sight() != Sight::Series);
    });
    count
}

/// Fields of the panel that a tree fits a line through.
fn lines_through(node: &Node) -> BTreeSet<&'static str> {
    let mut fields = BTreeSet::new();
    visit(node, &mut |node| {
        let Node::Call(Op::Slope | Op::Resi | Op::Rsquare, args) = node else { return };
        let Some(Node::Field(name)) = args.first() else { return };
        fields.insert(*name);
    });
    fields
}

/// What all parts of one computation share.
pub(super) struct Job<'a> {
    pub panel: &'a Panel,
    watch: &'a Watch,
    history: History,
    /// Rows that all parts are worked out on, where a reader's values depend on them.
    load: Option<(usize, usize)>,
}

/// Expressions that are worked out together: on which rows of the panel, and whether on all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    whole: bool,
    load: (usize, usize),
}

impl<'a> Job<'a> {
    /// A job that loads what Qlib would.
    pub fn new(panel: &'a Panel, watch: &'a Watch) -> Self {
        Self { panel, watch, history: History::Query, load: None }
    }

    /// Which nodes' values depend on where the rows begin.
    pub fn need_all(&self, nodes: &[&Node]) -> Vec<bool> {
        let lines: Vec<BTreeSet<&'static str>> = nodes.iter().map(|node| lines_through(node)).collect();
        let fields: BTreeSet<&'static str> = lines.iter().flatten().copied().collect();
        // Qlib's running sums never forget an infinity. Each field is looked through once.
        let endless = |name: &&str| self.panel.column(name).is_some_and(Column::has_infinite);
        let endless: BTreeSet<&str> = fields.into_iter().filter(endless).collect();
        nodes
            .iter()
            .zip(lines)
            .map(|(node, lines)| needs_history(node) || lines.iter().any(|name| endless.contains(name)))
            .collect()
    }

    /// One column a node.
    pub fn columns(&self, nodes: &[&Node], rows: Range<usize>) -> Result<Vec<Column>, EvalError> {
        let instruments = self.panel.symbols().len();
        let mut columns =
            nodes.iter().map(|_| Column::unwritten(rows.len(), instruments)).collect::<Vec<_>>();
        self.fill(nodes, rows, &mut columns)?;
        Ok(columns)
    }

    /// One column a node, into columns that are written over.
    pub fn fill(&self, nodes: &[&Node], rows: Range<usize>, columns: &mut [Column]) -> Result<(), EvalError> {
        let total = self.panel.sessions().len();
        let mut shared: BTreeMap<Shared, (Vec<&Node>, Vec<&mut Column>)> = BTreeMap::new();
        for ((node, needs_all), column) in nodes.iter().zip(self.need_all(nodes)).zip(columns) {
            column.fit(rows.len(), self.panel.symbols().len());
            let whole = self.load.is_some() || needs_all;
            let (back, ahead) = reach(node);
            let load = match (self.load, whole, self.history) {
                (Some(load), _, _) => load,
                (None, false, _) => (0, total),
                (None, true, History::Query) => {
                    (rows.start.saturating_sub(back), (rows.end + ahead).min(total))
                }
                (None, true, History::Whole) => (0, (rows.end + ahead).min(total)),
            };
            let members = shared.entry(Shared { whole, load }).or_default();
            members.0.push(node);
            members.1.push(column);
        }
        for (how, (nodes, columns)) in shared {
            self.run(&Plan::new(nodes), &how, &rows, columns)?;
        }
        Ok(())
    }

    fn run(
        &self,
        plan: &Plan,
        how: &Shared,
        rows: &Range<usize>,
        columns: Vec<&mut Column>,
    ) -> Result<(), EvalError> {
        let load = how.load.0..how.load.1;
        let (back, ahead) = plan.derived_reach();
        let around = match how.whole {
            true => load.clone(),
            false => rows.start.saturating_sub(back)..(rows.end + ahead).min(load.end),
        };
        let beforehand = Job { load: how.whole.then_some(how.load), ..*self };
        let derived = derive::columns(&beforehand, &plan.derived, &around)?;
        let others = plan.derived.iter().map(|node| derive::other(self.panel, node)).collect();
        let source = |kind: Kind| match kind {
            Kind::Field(name) => self.panel.column(name).map(|column| Source { column, first: 0 }),
            Kind::Derived(at) => derived.get(at).map(|column| Source { column, first: around.start }),
            _ => None,
        };
        let sources = plan.steps.iter().map(|s| source(s.kind)).collect();
        let scene = Scene { plan, days: self.panel.sessions(), sources, others, load, whole: how.whole };
        self.blocks(&scene, rows, columns)
    }

    fn blocks(
        &self,
        scene: &Scene<'_>,
        rows: &Range<usize>,
        columns: Vec<&mut Column>,
    ) -> Result<(), EvalError> {
        let count = self.panel.symbols().len().div_ceil(LANES);
        let mut outputs: Vec<Vec<&mut [f32]>> =
            (0..count).map(|_| Vec::with_capacity(columns.len())).collect();
        for column in columns {
            for (output, block) in outputs.iter_mut().zip(column.blocks_mut()) {
                output.push(block);
            }
        }
        self.watch.total.fetch_add(count, Ordering::Relaxed);
        let tile_rows = if scene.whole { rows.len() } else { TILE_ROWS };
        outputs.into_par_iter().enumerate().for_each_init(Spare::default, |spare, (index, mut outputs)| {
            let block = self.block(index);
            let mut from = rows.start;
            while from < rows.end && !self.watch.is_cancelled() {
                let to = (from + tile_rows).min(rows.end);
                Tile::run(scene, &block, from..to, spare, rows.start, &mut outputs);
                from = to;
            }
            self.watch.done.fetch_add(1, Ordering::Relaxed);
        });
        if self.watch.is_cancelled() { Err(EvalError::Cancelled) } else { Ok(()) }
    }

    fn block(&self, index: usize) -> Block {
        let spans: Row<Range<usize>> = std::array::from_fn(|lane| self.panel.span(index * LANES + lane));
        Block { index, starts: spans.each_ref().map(|s| s.start), ends: spans.each_ref().map(|s| s.end) }
    }
}
