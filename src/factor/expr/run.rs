//! Runs a plan on one block of instruments and one tile of rows.
//!
//! Values live in the processor's near memory: a tile is small, and a step's values are given back as soon as
//! nothing reads them any more. What a step is worked out on depends on the wanted rows only, so tiles, blocks and
//! threads do not change a bit.

use std::ops::Range;

use chrono::NaiveDate;

use super::plan::{Ended, Kind, Paired, Plan, Step, Summed, Type};
use super::rows::{by_lane, first_value, mask, shift};
use crate::factor::kernels::calendar;
use crate::factor::kernels::lanes::element::{self, Operand, Place};
use crate::factor::kernels::lanes::extremes::{self, Extremes};
use crate::factor::kernels::lanes::pairs::{self, Pairs, Sides, Spreads};
use crate::factor::kernels::lanes::sorted::{self, Slot};
use crate::factor::kernels::lanes::sums::{self, Sums};
use crate::factor::kernels::lanes::{Row, Rows, ewm, scan};
use crate::factor::panel::{Column, LANES};

/// A column that a plan reads, with the row of the panel at which it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub column: &'a Column,
    pub first: usize,
}

/// What all tiles of a run share.
pub(super) struct Scene<'a> {
    pub plan: &'a Plan,
    pub days: &'a [NaiveDate],
    /// Fields and derived columns by step; `None` for other steps.
    pub sources: Vec<Option<Source<'a>>>,
    /// Spans of the other instruments that derived columns are made of, by derived column.
    pub others: Vec<Option<Range<usize>>>,
    /// Rows of the panel that may be read.
    pub load: Range<usize>,
    /// Whether every step is worked out on all of `load`: for values that depend on where the rows begin.
    pub whole: bool,
}

/// One block of instruments.
pub(super) struct Block {
    pub index: usize,
    /// First row of each lane's own series and the row after its last; equal for a lane without an instrument.
    pub starts: Row<usize>,
    pub ends: Row<usize>,
}

/// Values of a step on some rows.
enum Values {
    Single(Vec<Row<f32>>),
    Double(Vec<Row<f64>>),
}

/// Values that are no longer needed, to be written over.
#[derive(Default)]
pub(super) struct Spare {
    singles: Vec<Vec<Row<f32>>>,
    doubles: Vec<Vec<Row<f64>>>,
}

impl Spare {
    fn single(&mut self, rows: usize) -> Vec<Row<f32>> {
        let mut values = self.singles.pop().unwrap_or_default();
        values.resize(rows, [f32::NAN; LANES]);
        values
    }

    fn double(&mut self, rows: usize) -> Vec<Row<f64>> {
        let mut values = self.doubles.pop().unwrap_or_default();
        values.resize(rows, [f64::NAN; LANES]);
        values
    }

    fn take(&mut self, values: Values) {
        match values {
            Values::Single(v) => self.singles.push(v),
            Values::Double(v) => self.doubles.push(v),
        }
    }
}

/// A look at a step's values.
#[derive(Clone, Copy)]
enum View<'a> {
    Number(f64),
    Single(Rows<'a, f32>),
    Double(Rows<'a, f64>),
}

impl View<'_> {
    /// The rows from `from` to before `to` for element-wise work.
    fn operand(&self, rows: &Range<usize>) -> Operand<'_> {
        match self {
            View::Number(value) => Operand::Number(*value),
            View::Single(all) => Operand::Single(all.part(rows.start, rows.end).as_flattened()),
            View::Double(all) => Operand::Double(all.part(rows.start, rows.end).as_flattened()),
        }
    }
}

/// Runs `$body` with `$x` as the rows of a view, whatever their type.
macro_rules! typed {
    ($view:expr, $x:ident => $body:expr) => {
        match $view {
            View::Number(_) => {}
            View::Single($x) => $body,
            View::Double($x) => $body,
        }
    };
}

/// One tile of one block while it is worked out.
pub(super) struct Tile<'a> {
    scene: &'a Scene<'a>,
    block: &'a Block,
    /// Rows of the panel that are wanted.
    rows: Range<usize>,
    values: Vec<Option<(usize, Values)>>,
    /// Steps that are an earlier step's values so many rows later.
    moved: Vec<Option<(usize, usize)>>,
    left: Vec<usize>,
    done: Vec<bool>,
    spare: &'a mut Spare,
}

impl<'a> Tile<'a> {
    /// Works out `rows` of one block. Each of `outputs` is an expression's rows of this block from row `first` of the
    /// panel on.
    pub fn run(
        scene: &'a Scene<'a>,
        block: &'a Block,
        rows: Range<usize>,
        spare: &'a mut Spare,
        first: usize,
        outputs: &mut [&mut [f32]],
    ) {
        let count = scene.plan.steps.len();
        let mut tile = Tile {
            scene,
            block,
            rows,
            values: (0..count).map(|_| None).collect(),
            moved: vec![None; count],
            left: scene.plan.steps.iter().map(|s| s.uses).collect(),
            done: vec![false; count],
            spare,
        };
        for at in 0..count {
            tile.ensure(at, first, outputs);
        }
        for (_, values) in tile.values.into_iter().flatten() {
            tile.spare.take(values);
        }
    }

    fn step(&self, at: usize) -> Option<&'a Step> {
        self.scene.plan.steps.get(at)
    }

    /// Rows that a step is worked out on.
    fn range(&self, members: &[usize]) -> Range<usize> {
        let load = &self.scene.load;
        if self.scene.whole {
            return load.clone();
        }
        let most = |reach: fn(&Step) -> usize| {
            members.iter().filter_map(|m| self.step(*m)).map(reach).max().unwrap_or(0)
        };
        let from = self.rows.start.saturating_sub(most(|s| s.back)).max(load.start);
        from..(self.rows.end + most(|s| s.ahead)).min(load.end)
    }

    /// Works out a step and those that belong together with it, and what they read before.
    fn ensure(&mut self, at: usize, first: usize, outputs: &mut [&mut [f32]]) {
        let Some(step) = self.step(at) else { return };
        if self.done.get(at).copied().unwrap_or(true) {
            return;
        }
        let plan = self.scene.plan;
        let Some(members) = plan.groups.get(step.together) else { return };
        for arg in members.iter().filter_map(|m| plan.steps.get(*m)).flat_map(|s| &s.args) {
            self.ensure(*arg, first, outputs);
        }
        let rows = self.range(members);
        let straight = step.uses == 0 && matches!(step.outputs.as_slice(), [_]);
        if straight && matches!(step.kind, Kind::Binary(_) | Kind::Unary(_) | Kind::Choose) {
            self.straight(step, first, outputs);
        } else if self.move_rows(at, step, &rows) {
            // Its values are its argument's, which is held as long as it is.
            self.deliver(at, first, outputs);
            self.done.iter_mut().skip(at).take(1).for_each(|done| *done = true);
            if step.uses == 0 {
                self.release_moved(at);
            }
            return;
        } else if !matches!(step.kind, Kind::Number(_) | Kind::Field(_) | Kind::Derived(_)) {
            self.work(members, &rows);
        }
        for member in members {
            if let Some(done) = self.done.get_mut(*member) {
                *done = true;
            }
            self.deliver(*member, first, outputs);
        }
        for arg in members.iter().filter_map(|m| plan.steps.get(*m)).flat_map(|s| &s.args) {
            self.release(*arg);
        }
    }

    fn release(&mut self, at: usize) {
        let Some(left) = self.left.get_mut(at) else { return };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        if let Some((_, values)) = self.values.get_mut(at).and_then(Option::take) {
            self.spare.take(values);
        }
        self.release_moved(at);
    }

    fn release_moved(&mut self, at: usize) {
        if let Some((from, _)) = self.moved.get_mut(at).and_then(Option::take) {
            self.release(from);
        }
    }

    /// A value some rows ago needs no copy where all those rows are there. What stands before an instrument's span is
    /// missing already, and what stands after it is left out in the end.
    fn move_rows(&mut self, at: usize, step: &Step, rows: &Range<usize>) -> bool {
        let (Kind::Shift(by), Some(from)) = (step.kind, step.args.first()) else { return false };
        let Some(by) = usize::try_from(by).ok().filter(|by| rows.start >= *by) else { return false };
        let there = match self.view(*from) {
            View::Number(_) => false,
            View::Single(x) => x.first + by <= rows.start && x.end() + by >= rows.end,
            View::Double(x) => x.first + by <= rows.start && x.end() + by >= rows.end,
        };
        if let Some(slot) = self.moved.get_mut(at).filter(|_| there) {
            *slot = Some((*from, by));
        }
        there
    }

    fn view(&self, at: usize) -> View<'_> {
        if let Some(Some((from, by))) = self.moved.get(at) {
            return match self.view(*from) {
                View::Number(value) => View::Number(value),
                View::Single(x) => View::Single(Rows { first: x.first + by, ..x }),
                View::Double(x) => View::Double(Rows { first: x.first + by, ..x }),
            };
        }
        if let Some(Some((first, values))) = self.values.get(at) {
            return match values {
                Values::Single(values) => View::Single(Rows { values, first: *first }),
                Values::Double(values) => View::Double(Rows { values, first: *first }),
            };
        }
        match self.step(at).map(|s| s.kind) {
            Some(Kind::Number(value)) => View::Number(value),
            _ => match self.scene.sources.get(at).copied().flatten() {
                Some(source) => View::Single(self.source(source)),
                None => View::Number(f64::NAN),
            },
        }
    }

    /// The rows of a column's block that may be read.
    fn source(&self, source: Source<'a>) -> Rows<'a, f32> {
        let all = Rows { values: source.column.block(self.block.index).as_chunks().0, first: source.first };
        let load = &self.scene.load;
        Rows { values: all.part(load.start, load.end), first: all.first.max(load.start) }
    }

    /// First row of each lane's own series that may be read.
    fn starts(&self) -> Row<usize> {
        self.block.starts.map(|s| s.max(self.scene.load.start))
    }

    fn ends(&self) -> Row<usize> {
        self.block.ends.map(|e| e.min(self.scene.load.end))
    }

    /// Rows of each lane between which a step has values: the lane's own, or those of the other instruments it is
    /// made of.
    fn bounds(&self, step: &Step) -> (Row<usize>, Row<usize>) {
        let others = step.foreign.iter().filter_map(|at| self.scene.others.get(*at)?.clone());
        let all = others.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        match all {
            Some(span) => ([span.start; LANES], [span.end; LANES]),
            None => (self.block.starts, self.block.ends),
        }
    }

    /// As [`Tile::bounds`], within the rows that may be read.
    fn loaded_bounds(&self, step: &Step) -> (Row<usize>, Row<usize>) {
        let load = &self.scene.load;
        let (starts, ends) = self.bounds(step);
        (starts.map(|s| s.max(load.start)), ends.map(|e| e.min(load.end)))
    }

    /// An element-wise step that is only a result: written where it goes.
    fn straight(&mut self, step: &Step, first: usize, outputs: &mut [&mut [f32]]) {
        let rows = self.rows.clone();
        let slot = step.outputs.first().and_then(|o| outputs.get_mut(*o));
        let place = slot.and_then(|s| s.get_mut((rows.start - first) * LANES..(rows.end - first) * LANES));
        if let Some(place) = place {
            self.element(step, &rows, Place::Single(place));
        }
    }

    /// Brings a result to where it goes, missing outside each instrument's span.
    fn deliver(&mut self, at: usize, first: usize, outputs: &mut [&mut [f32]]) {
        let Some(step) = self.step(at) else { return };
        let rows = self.rows.clone();
        for output in &step.outputs {
            let Some(slot) = outputs.get_mut(*output) else { continue };
            let Some(place) = slot.get_mut((rows.start - first) * LANES..(rows.end - first) * LANES) else {
                continue;
            };
            match self.view(at) {
                // Nothing is kept of a step that was written straight to its place.
                View::Number(_) if !matches!(step.kind, Kind::Number(_)) => {}
                View::Number(value) => place.fill(value as f32),
                View::Single(all) => {
                    let part = all.part(rows.start, rows.end).as_flattened();
                    place.get_mut(..part.len()).unwrap_or_default().copy_from_slice(part);
                }
                View::Double(all) => {
                    let part = all.part(rows.start, rows.end).as_flattened();
                    element::narrow(part, place);
                }
            }
            mask(place.as_chunks_mut().0, rows.start, &self.starts(), &self.ends());
        }
        if step.uses == 0
            && let Some((_, values)) = self.values.get_mut(at).and_then(Option::take)
        {
            self.spare.take(values);
        }
    }

    /// Works out steps that belong together on some rows.
    fn work(&mut self, members: &[usize], rows: &Range<usize>) {
        let Some(step) = members.first().and_then(|m| self.step(*m)) else { return };
        match step.kind {
            Kind::Sums(_) | Kind::Pairs(_) | Kind::Extremes(..) | Kind::Sorted(_) => {
                self.windows(members, rows)
            }
            _ => {
                let Some(at) = members.first() else { return };
                let mut values = match step.kind_of {
                    Type::Double => Values::Double(self.spare.double(rows.len())),
                    Type::Single | Type::Truth | Type::Number => {
                        Values::Single(self.spare.single(rows.len()))
                    }
                };
                self.alone(step, rows, &mut values);
                self.keep(*at, step, rows.start, values);
            }
        }
    }

    fn keep(&mut self, at: usize, step: &Step, first: usize, mut values: Values) {
        if step.mask {
            let (starts, ends) = self.loaded_bounds(step);
            match &mut values {
                Values::Single(v) => mask(v, first, &starts, &ends),
                Values::Double(v) => mask(v, first, &starts, &ends),
            }
        }
        if let Some(slot) = self.values.get_mut(at) {
            *slot = Some((first, values));
        }
    }

    fn arg(&self, step: &Step, k: usize) -> View<'_> {
        step.args.get(k).map_or(View::Number(f64::NAN), |a| self.view(*a))
    }

    fn element(&self, step: &Step, rows: &Range<usize>, place: Place<'_>) {
        let view = |k: usize| self.arg(step, k);
        let wide = |k: usize| step.args.get(k).copied().unwrap_or(0);
        match step.kind {
            Kind::Binary(op) => {
                let is_wide = self.scene.plan.is_wide(wide(0), wide(1));
                element::binary(op, is_wide, view(0).operand(rows), view(1).operand(rows), place);
            }
            Kind::Unary(op) => {
                let is_wide = step.kind_of == Type::Double || matches!(view(0), View::Double(_));
                element::unary(op, is_wide, view(0).operand(rows), place);
            }
            Kind::Choose => {
                element::choose(view(0).operand(rows), view(1).operand(rows), view(2).operand(rows), place);
            }
            _ => element::choose(
                view(1).operand(rows),
                view(0).operand(rows),
                Operand::Number(f64::NAN),
                place,
            ),
        }
    }

    /// A step that is worked out by itself.
    fn alone(&self, step: &Step, rows: &Range<usize>, values: &mut Values) {
        let (x, starts) = (self.arg(step, 0), self.loaded_bounds(step).0);
        match (step.kind, values) {
            (Kind::Binary(_) | Kind::Unary(_) | Kind::Choose | Kind::Select, values) => {
                let place = match values {
                    Values::Single(v) => Place::Single(v.as_flattened_mut()),
                    Values::Double(v) => Place::Double(v.as_flattened_mut()),
                };
                self.element(step, rows, place);
            }
            (Kind::Shift(by), Values::Single(out)) => {
                typed!(x, x => shift(x, by, rows, self.bounds(step), out))
            }
            (Kind::Shift(by), Values::Double(out)) => {
                typed!(x, x => shift(x, by, rows, self.bounds(step), out))
            }
            (Kind::First, Values::Single(out)) => typed!(x, x => first_value(x, &starts, out)),
            (Kind::First, Values::Double(out)) => typed!(x, x => first_value(x, &starts, out)),
            (Kind::Ewm(alpha), Values::Double(out)) => typed!(x, x => ewm::run(x, alpha, rows, out)),
            (Kind::Scan(kernel), Values::Double(out)) => {
                typed!(x, x => scan::run(x, step.window, rows, &starts, out, &kernel));
            }
            (Kind::Resample(frequency, fold), Values::Double(out)) => {
                let days = self.scene.days;
                typed!(x, x => by_lane(x, rows, out, |series, from| {
                    let days = days.get(from..from + series.len()).unwrap_or(&[]);
                    calendar::resample(series, days, frequency, fold)
                }));
            }
            _ => {}
        }
    }

    /// Windows that share one pass.
    fn windows(&mut self, members: &[usize], rows: &Range<usize>) {
        let steps: Vec<&Step> = members.iter().filter_map(|m| self.step(*m)).collect();
        let mut results: Vec<Vec<Row<f64>>> = steps.iter().map(|_| self.spare.double(rows.len())).collect();
        if let Some(step) = steps.first() {
            let slots = steps.iter().map(|s| s.kind).zip(results.iter_mut().map(Vec::as_mut_slice));
            match step.kind {
                Kind::Sums(_) => self.sums(step, rows, slots),
                Kind::Pairs(_) => self.pairs(&steps, rows, slots),
                Kind::Extremes(..) => self.extremes(step, rows, slots),
                _ => self.sorted(step, rows, slots),
            }
        }
        for ((at, step), values) in members.iter().zip(steps).zip(results) {
            self.keep(*at, step, rows.start, Values::Double(values));
        }
    }

    fn sums<'s>(
        &self,
        step: &Step,
        rows: &Range<usize>,
        slots: impl Iterator<Item = (Kind, &'s mut [Row<f64>])>,
    ) {
        let mut sums = Sums::default();
        for (kind, slot) in slots {
            let Kind::Sums(summed) = kind else { continue };
            match summed {
                Summed::Mean => sums.mean = Some(slot),
                Summed::Sum => sums.sum = Some(slot),
                Summed::Variance => sums.variance = Some(slot),
                Summed::Deviation => sums.deviation = Some(slot),
                Summed::Slope => sums.slope = Some(slot),
                Summed::Residual => sums.residual = Some(slot),
                Summed::RSquare => sums.r_square = Some(slot),
            }
        }
        // Qlib's line fits keep running sums: from the first infinity on they are missing.
        sums.endless = self.scene.whole;
        typed!(self.arg(step, 0), x => sums::run(x, step.window, rows, sums));
    }

    fn pairs<'s>(
        &self,
        steps: &[&Step],
        rows: &Range<usize>,
        slots: impl Iterator<Item = (Kind, &'s mut [Row<f64>])>,
    ) {
        let mut pairs = Pairs::default();
        for (kind, slot) in slots {
            let Kind::Pairs(paired) = kind else { continue };
            match paired {
                Paired::Covariance => pairs.covariance = Some(slot),
                Paired::Correlation => pairs.correlation = Some(slot),
                Paired::Beta => pairs.beta = Some(slot),
                Paired::Residual => pairs.residual = Some(slot),
            }
        }
        let Some(step) = steps.iter().max_by_key(|s| s.args.len()) else { return };
        let spreads = match (self.arg(step, 2), self.arg(step, 3)) {
            (View::Double(a), View::Double(b)) => {
                Some(Spreads { a: a.part(rows.start, rows.end), b: b.part(rows.start, rows.end) })
            }
            _ => None,
        };
        typed!(self.arg(step, 0), a => typed!(self.arg(step, 1), b => {
            pairs::run(Sides { a, b }, spreads, step.window, rows, pairs);
        }));
    }

    fn extremes<'s>(
        &self,
        step: &Step,
        rows: &Range<usize>,
        slots: impl Iterator<Item = (Kind, &'s mut [Row<f64>])>,
    ) {
        let Kind::Extremes(end, _) = step.kind else { return };
        let mut extremes = Extremes::default();
        for (kind, slot) in slots {
            let Kind::Extremes(_, ended) = kind else { continue };
            match ended {
                Ended::Value => extremes.value = Some(slot),
                Ended::Place => extremes.place = Some(slot),
                Ended::PlaceKnown => extremes.place_known = Some(slot),
            }
        }
        let starts = self.loaded_bounds(step).0;
        typed!(self.arg(step, 0), x => extremes::run(x, end, step.window, rows, &starts, extremes));
    }

    fn sorted<'s>(
        &self,
        step: &Step,
        rows: &Range<usize>,
        slots: impl Iterator<Item = (Kind, &'s mut [Row<f64>])>,
    ) {
        let mut slots: Vec<Slot<'s>> = slots
            .filter_map(
                |(kind, slot)| if let Kind::Sorted(wanted) = kind { Some((wanted, slot)) } else { None },
            )
            .collect();
        typed!(self.arg(step, 0), x => sorted::run(x, step.window, rows, &mut slots));
    }
}
