//! Columns that need more than one instrument's series: cross-sections, other symbols, point-in-time figures.
//!
//! Each is made from columns of single precision over the rows that its reader needs, and is one again.

use std::ops::Range;

use rayon::prelude::*;

use super::Node;
use super::compute::{EvalError, Job};
use super::point_in_time::point_in_time;
use super::registry::{Group, Op};
use crate::domain::InstrumentId;
use crate::factor::kernels::cross;
use crate::factor::panel::{Column, LANES, Panel};

/// The instrument of a symbol as written: with its exchange, or the first of that ticker.
pub(super) fn instrument(panel: &Panel, symbol: &str) -> Option<usize> {
    if let Ok(id) = symbol.parse::<InstrumentId>()
        && let Some(at) = panel.index_of(id)
    {
        return Some(at);
    }
    panel.symbols().iter().position(|id| id.symbol.as_str().eq_ignore_ascii_case(symbol))
}

/// The span of the other instrument that a node is about.
pub(super) fn other(panel: &Panel, node: &Node) -> Option<Range<usize>> {
    let Node::Call(Op::Mask, args) = node else { return None };
    named(panel, args).map(|at| panel.span(at))
}

/// The instrument that a call's arguments name.
fn named(panel: &Panel, args: &[Node]) -> Option<usize> {
    let symbol = args.iter().find_map(|a| if let Node::Text(s) = a { Some(s.as_str()) } else { None });
    instrument(panel, symbol?)
}

/// One column a node, over `rows` of the panel.
pub(super) fn columns(job: &Job<'_>, nodes: &[Node], rows: &Range<usize>) -> Result<Vec<Column>, EvalError> {
    let inputs: Vec<&Node> = nodes.iter().flat_map(series_of).collect();
    let mut made = match inputs.is_empty() {
        true => Vec::new(),
        false => job.columns(&inputs, rows.clone())?,
    }
    .into_iter();
    let mut columns = Vec::with_capacity(nodes.len());
    for node in nodes {
        let own: Vec<Column> = made.by_ref().take(series_of(node).count()).collect();
        columns.push(column(job.panel, node, &own, rows));
    }
    Ok(columns)
}

/// The arguments of a node that are series, other than point-in-time ones.
fn series_of(node: &Node) -> impl Iterator<Item = &Node> {
    let args: &[Node] = match node {
        Node::Call(Op::P | Op::PRef, _) => &[],
        Node::Call(_, args) => args,
        _ => &[],
    };
    args.iter().filter(|a| matches!(a, Node::Field(_) | Node::Call(..)))
}

fn column(panel: &Panel, node: &Node, own: &[Column], rows: &Range<usize>) -> Column {
    let count = panel.symbols().len();
    let (Node::Call(op, args), x) = (node, own.first()) else { return Column::missing(rows.len(), count) };
    match (op, x) {
        (Op::P | Op::PRef, _) => {
            let series: Vec<Vec<f32>> = (0..count)
                .into_par_iter()
                .map(|i| {
                    let values = point_in_time(node, &|field| panel.periods(field, i), rows.clone());
                    values.into_iter().map(|v| v as f32).collect()
                })
                .collect();
            Column::of_series(rows.len(), &series)
        }
        (Op::Mask, Some(x)) => {
            let at = named(panel, args);
            by_day(rows.len(), count, |row| vec![at.map_or(f32::NAN, |at| x.get(at, row)); count])
        }
        (_, Some(x)) => {
            let cross = Cross { op: *op, number: number_of(args), group: group_of(args) };
            by_day(rows.len(), count, |row| {
                let codes = cross.group.and_then(|g| panel.group_codes(g, rows.start + row));
                let mut day: Vec<f64> = x.cross_section(row).into_iter().map(f64::from).collect();
                let strangers =
                    day.iter_mut().enumerate().filter(|(i, _)| !panel.is_member(*i, rows.start + row));
                strangers.for_each(|(_, value)| *value = f64::NAN);
                let other = own.get(1).map(|y| y.cross_section(row).into_iter().map(f64::from).collect());
                cross.run(&mut day, codes.as_deref(), other);
                day.into_iter().map(|v| v as f32).collect()
            })
        }
        (_, None) => Column::missing(rows.len(), count),
    }
}

fn number_of(args: &[Node]) -> Option<f64> {
    args.iter().find_map(|a| if let Node::Number(n) = a { Some(*n) } else { None })
}

fn group_of(args: &[Node]) -> Option<Group> {
    args.iter().find_map(|a| if let Node::Group(g) = a { Some(*g) } else { None })
}

/// A cross-section.
struct Cross {
    op: Op,
    number: Option<f64>,
    group: Option<Group>,
}

impl Cross {
    fn run(&self, day: &mut [f64], groups: Option<&[u16]>, other: Option<Vec<f64>>) {
        match (self.op, other) {
            (Op::CsRank, _) => cross::rank(day, groups),
            (Op::CsZScore, _) => cross::z_score(day, groups),
            (Op::CsNeutralize, Some(other)) => cross::residual(day, &other),
            (Op::CsNeutralize | Op::CsDemean, _) => cross::demean(day, groups),
            (Op::CsQuantile, _) => cross::bucket(day, self.number.unwrap_or(1.0)),
            (Op::CsWinsorize, _) => cross::winsorise(day, self.number.unwrap_or(0.0)),
            _ => cross::scale(day, self.number.unwrap_or(1.0)),
        }
    }
}

/// A column made row by row, in parallel; `day` gives the values of all instruments.
fn by_day(rows: usize, instruments: usize, day: impl Fn(usize) -> Vec<f32> + Sync + Send) -> Column {
    let days: Vec<Vec<f32>> = (0..rows).into_par_iter().map(day).collect();
    let mut column = Column::missing(rows, instruments);
    let blocks: Vec<&mut [f32]> = column.blocks_mut().collect();
    blocks.into_par_iter().enumerate().for_each(|(block, slots)| {
        for (row, day) in slots.chunks_exact_mut(LANES).zip(&days) {
            let values = day.iter().skip(block * LANES);
            row.iter_mut().zip(values).for_each(|(slot, value)| *slot = *value);
        }
    });
    column
}
