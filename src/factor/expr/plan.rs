//! From checked trees to one graph of steps: equal parts once, windows over the same series together.
//!
//! A step's arguments come before it. Each step knows how many rows around the wanted ones it must be worked out on.
//! What needs more than one instrument's series (cross-sections, other symbols, point-in-time figures) is not part
//! of the graph: it is a column made beforehand ([`Plan::derived`]).

use std::collections::BTreeMap;

use super::Node;
use super::registry::{Fold, Frequency, Op, Sight};
use super::series::Call;
use crate::factor::kernels::lanes::extremes::End;
use crate::factor::kernels::lanes::sorted::Wanted;
use crate::factor::kernels::{beyond, ewm, line, moments};

/// What numpy would call the type of a step's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A constant.
    Number,
    /// `f32`.
    Single,
    /// `f64`.
    Double,
    /// 1 or 0, kept as `f32`.
    Truth,
}

/// One result of the sums over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summed {
    Mean,
    Sum,
    Variance,
    Deviation,
    Slope,
    Residual,
    RSquare,
}

/// One result of the sums over a window of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paired {
    Covariance,
    Correlation,
    Beta,
    Residual,
}

/// One result about an end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Value,
    Place,
    PlaceKnown,
}

/// What a step does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Number(f64),
    Field(&'static str),
    /// A column made beforehand.
    Derived(usize),
    Binary(Op),
    Unary(Op),
    /// The second where the first is true, else the third.
    Choose,
    /// The first where the second is true, else missing.
    Select,
    /// The value so many rows ago.
    Shift(i64),
    /// The first value of the loaded rows.
    First,
    Sums(Summed),
    Pairs(Paired),
    Extremes(End, Ended),
    Sorted(Wanted),
    /// Exponentially weighted mean with an alpha.
    Ewm(f64),
    /// A kernel that looks at the whole window.
    Scan(fn(&[f64]) -> f64),
    Resample(Frequency, Fold),
}

/// One step of the graph.
#[derive(Debug)]
pub(super) struct Step {
    pub kind: Kind,
    /// Earlier steps.
    pub args: Vec<usize>,
    /// Rows of the window; 0 is all so far.
    pub window: usize,
    pub kind_of: Type,
    /// Whether rows outside an instrument's span must be made missing, because the step may turn missing into a value.
    pub mask: bool,
    /// Rows before and after the wanted ones that it is worked out on.
    pub back: usize,
    pub ahead: usize,
    /// How many later steps read it.
    pub uses: usize,
    /// Steps that are worked out together with it, itself included, in order.
    pub together: usize,
    /// Expressions whose value it is.
    pub outputs: Vec<usize>,
    /// Derived columns of other instruments that alone it is made of; empty where it has something of its own.
    pub foreign: Vec<usize>,
}

/// All steps of some expressions.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
    /// Steps that are worked out together.
    pub groups: Vec<Vec<usize>>,
    /// Nodes that are made beforehand.
    pub derived: Vec<Node>,
    known: BTreeMap<String, usize>,
    group_of: BTreeMap<String, usize>,
}

impl Plan {
    pub fn new<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Self {
        let mut plan = Plan::default();
        for (output, node) in nodes.into_iter().enumerate() {
            let step = plan.lower(node);
            if let Some(step) = plan.steps.get_mut(step) {
                step.outputs.push(output);
            }
        }
        plan.reach();
        plan
    }

    /// The most rows before and after the wanted ones that a derived column is read on.
    pub fn derived_reach(&self) -> (usize, usize) {
        let derived = self.steps.iter().filter(|s| matches!(s.kind, Kind::Derived(_)));
        derived.fold((0, 0), |(back, ahead), s| (back.max(s.back), ahead.max(s.ahead)))
    }

    fn kind_of(&self, step: usize) -> Type {
        self.steps.get(step).map_or(Type::Number, |s| s.kind_of)
    }

    fn number(&self, step: usize) -> Option<f64> {
        match self.steps.get(step)?.kind {
            Kind::Number(value) => Some(value),
            _ => None,
        }
    }

    /// Adds a step unless an equal one is there.
    fn add(&mut self, kind: Kind, args: Vec<usize>, window: usize, kind_of: Type, mask: bool) -> usize {
        let key = format!("{kind:?}{args:?}{window}{kind_of:?}");
        if let Some(at) = self.known.get(&key) {
            return *at;
        }
        let at = self.steps.len();
        let together = match self.family(kind, &args, window) {
            Some(family) => *self.group_of.entry(family).or_insert_with(|| {
                self.groups.push(Vec::new());
                self.groups.len() - 1
            }),
            None => {
                self.groups.push(Vec::new());
                self.groups.len() - 1
            }
        };
        if let Some(group) = self.groups.get_mut(together) {
            group.push(at);
        }
        let foreign = self.foreign(kind, &args);
        let step = Step {
            foreign,
            kind,
            args,
            window,
            kind_of,
            mask,
            back: 0,
            ahead: 0,
            uses: 0,
            together,
            outputs: Vec::new(),
        };
        self.steps.push(step);
        self.known.insert(key, at);
        at
    }

    /// The other instruments' columns that a step is made of alone.
    fn foreign(&self, kind: Kind, args: &[usize]) -> Vec<usize> {
        if let Kind::Derived(at) = kind {
            let other = matches!(self.derived.get(at), Some(Node::Call(Op::Mask, _)));
            return if other { vec![at] } else { Vec::new() };
        }
        let mut all = Vec::new();
        for arg in args.iter().filter_map(|a| self.steps.get(*a)) {
            match arg.kind {
                Kind::Number(_) => {}
                _ if arg.foreign.is_empty() => return Vec::new(),
                _ => all.extend(&arg.foreign),
            }
        }
        all
    }

    /// What steps that share one pass have in common.
    fn family(&self, kind: Kind, args: &[usize], window: usize) -> Option<String> {
        let pair = args.get(..2);
        match kind {
            Kind::Sums(_) => Some(format!("sums{args:?}{window}")),
            Kind::Pairs(_) => Some(format!("pairs{pair:?}{window}")),
            Kind::Extremes(end, _) => Some(format!("{end:?}{args:?}{window}")),
            Kind::Sorted(_) => Some(format!("sorted{args:?}{window}")),
            Kind::Number(_)
            | Kind::Field(_)
            | Kind::Derived(_)
            | Kind::Binary(_)
            | Kind::Unary(_)
            | Kind::Choose
            | Kind::Select
            | Kind::Shift(_)
            | Kind::First
            | Kind::Ewm(_)
            | Kind::Scan(_)
            | Kind::Resample(..) => None,
        }
    }

    fn lower(&mut self, node: &Node) -> usize {
        let (op, parts) = match node {
            Node::Number(value) => return self.add(Kind::Number(*value), Vec::new(), 0, Type::Number, false),
            Node::Field(name) => return self.add(Kind::Field(name), Vec::new(), 0, Type::Single, false),
            Node::Period(..) | Node::Text(_) | Node::Group(_) | Node::Frequency(_) | Node::Fold(_) => {
                return self.add(Kind::Number(f64::NAN), Vec::new(), 0, Type::Number, false);
            }
            Node::Call(op, parts) => (*op, parts),
        };
        if op.sight() != Sight::Series {
            return self.derive(node);
        }
        let args: Vec<usize> = parts
            .iter()
            .filter(|p| matches!(p, Node::Number(_) | Node::Field(_) | Node::Call(..)))
            .map(|p| self.lower(p))
            .collect();
        self.call(&Call::of(op, parts), &args)
    }

    fn derive(&mut self, node: &Node) -> usize {
        let at = self.derived.iter().position(|d| d == node).unwrap_or_else(|| {
            self.derived.push(node.clone());
            self.derived.len() - 1
        });
        self.add(Kind::Derived(at), Vec::new(), 0, Type::Single, false)
    }

    fn call(&mut self, call: &Call, args: &[usize]) -> usize {
        let arg = |k: usize| args.get(k).copied().unwrap_or(0);
        let (x, window) = (arg(0), call.window as usize);
        match call.op {
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Power | Op::Greater | Op::Less => {
                self.arithmetic(call.op, x, arg(1))
            }
            Op::Gt | Op::Ge | Op::Lt | Op::Le | Op::Eq | Op::Ne | Op::And | Op::Or => {
                self.add(Kind::Binary(call.op), vec![x, arg(1)], 0, Type::Truth, true)
            }
            Op::Not => self.add(Kind::Unary(Op::Not), vec![x], 0, Type::Truth, true),
            Op::Abs | Op::Log | Op::Neg | Op::Sign => {
                let wide = self.kind_of(x) == Type::Double && call.op != Op::Sign;
                let kind_of = if wide { Type::Double } else { Type::Single };
                self.add(Kind::Unary(call.op), vec![x], 0, kind_of, false)
            }
            Op::If => {
                let wide = self.is_wide(arg(1), arg(2));
                let kind_of = if wide { Type::Double } else { Type::Single };
                self.add(Kind::Choose, vec![x, arg(1), arg(2)], 0, kind_of, true)
            }
            Op::Ref => self.shift(x, call.window as i64),
            Op::Delta => {
                let before = self.shift(x, call.window as i64);
                self.arithmetic(Op::Sub, x, before)
            }
            Op::SumIf | Op::MeanIf => {
                let picked = self.add(Kind::Select, vec![x, arg(1)], 0, Type::Double, false);
                let summed = if call.op == Op::SumIf { Summed::Sum } else { Summed::Mean };
                self.add(Kind::Sums(summed), vec![picked], window, Type::Double, false)
            }
            Op::CountIf => self.add(Kind::Sums(Summed::Sum), vec![x], window, Type::Double, false),
            Op::TResample => {
                let (frequency, fold) = call.resample.unwrap_or((Frequency::Year, Fold::Last));
                self.add(Kind::Resample(frequency, fold), vec![x], frequency.rows_max(), Type::Double, true)
            }
            Op::Corr => {
                let spread = |plan: &mut Self, side: usize| {
                    plan.add(Kind::Sums(Summed::Variance), vec![side], window, Type::Double, false)
                };
                let (own_x, own_y) = (spread(self, x), spread(self, arg(1)));
                let args = vec![x, arg(1), own_x, own_y];
                self.add(Kind::Pairs(Paired::Correlation), args, window, Type::Double, false)
            }
            Op::Cov | Op::TsRegBeta | Op::TsRegResi => {
                let paired = match call.op {
                    Op::TsRegBeta => Paired::Beta,
                    Op::TsRegResi => Paired::Residual,
                    _ => Paired::Covariance,
                };
                self.add(Kind::Pairs(paired), vec![x, arg(1)], window, Type::Double, false)
            }
            _ => self.rolling(call, x),
        }
    }

    /// Windows over one series.
    fn rolling(&mut self, call: &Call, x: usize) -> usize {
        let window = call.window as usize;
        let alpha = call.window > 0.0 && call.window < 1.0;
        let kind = match call.op {
            _ if alpha => Kind::Ewm(call.window),
            Op::Sum => Kind::Sums(Summed::Sum),
            Op::Count => Kind::Sums(Summed::Sum),
            Op::Std => Kind::Sums(Summed::Deviation),
            Op::Var => Kind::Sums(Summed::Variance),
            Op::Slope => Kind::Sums(Summed::Slope),
            Op::Resi => Kind::Sums(Summed::Residual),
            Op::Rsquare => Kind::Sums(Summed::RSquare),
            Op::Max => Kind::Extremes(End::Largest, Ended::Value),
            Op::Min => Kind::Extremes(End::Smallest, Ended::Value),
            Op::IdxMax => Kind::Extremes(End::Largest, Ended::Place),
            Op::IdxMin => Kind::Extremes(End::Smallest, Ended::Place),
            Op::ArgMax => Kind::Extremes(End::Largest, Ended::PlaceKnown),
            Op::ArgMin => Kind::Extremes(End::Smallest, Ended::PlaceKnown),
            Op::Quantile => Kind::Sorted(Wanted::Quantile(call.last)),
            Op::Med => Kind::Sorted(Wanted::Median),
            Op::Rank => Kind::Sorted(Wanted::Rank),
            Op::TsRank => Kind::Sorted(Wanted::Scaled),
            Op::Ema if window == 0 => Kind::Scan(ewm::expanding_mean),
            Op::Ema => Kind::Ewm(2.0 / (call.window + 1.0)),
            Op::Skew => Kind::Scan(moments::skewness),
            Op::Kurt => Kind::Scan(moments::kurtosis),
            Op::Mad => Kind::Scan(moments::absolute_deviation),
            Op::Wma => Kind::Scan(line::weighted_mean),
            Op::DecayLinear => Kind::Scan(beyond::decay),
            Op::Product => Kind::Scan(beyond::product),
            _ => Kind::Sums(Summed::Mean),
        };
        // pandas counts infinity, which its other windows leave out.
        let counted = call.op == Op::Count && !alpha;
        let x = if counted { self.add(Kind::Binary(Op::Eq), vec![x, x], 0, Type::Truth, true) } else { x };
        self.add(kind, vec![x], window, Type::Double, false)
    }

    fn shift(&mut self, x: usize, rows: i64) -> usize {
        let kind_of = if self.kind_of(x) == Type::Single { Type::Single } else { Type::Double };
        let kind = if rows == 0 { Kind::First } else { Kind::Shift(rows) };
        self.add(kind, vec![x], 0, kind_of, rows <= 0)
    }

    /// As numpy has it: truth values add and multiply as logic.
    fn arithmetic(&mut self, op: Op, a: usize, b: usize) -> usize {
        let truths = self.kind_of(a) == Type::Truth && self.kind_of(b) == Type::Truth;
        match op {
            Op::Add | Op::Greater if truths => {
                self.add(Kind::Binary(Op::Or), vec![a, b], 0, Type::Truth, true)
            }
            Op::Mul | Op::Less if truths => self.add(Kind::Binary(Op::And), vec![a, b], 0, Type::Truth, true),
            _ => {
                let kind_of = if self.is_wide(a, b) { Type::Double } else { Type::Single };
                self.add(Kind::Binary(op), vec![a, b], 0, kind_of, op == Op::Power)
            }
        }
    }

    /// Whether numpy would compute the two in `f64`.
    pub fn is_wide(&self, a: usize, b: usize) -> bool {
        let fits = |s: usize| match self.kind_of(s) {
            Type::Double => false,
            Type::Number => self.number(s).is_some_and(|n| n.abs() <= f64::from(f32::MAX)),
            Type::Single | Type::Truth => true,
        };
        let has_single = self.kind_of(a) == Type::Single || self.kind_of(b) == Type::Single;
        !(has_single && fits(a) && fits(b))
    }

    /// Works out how far each step must reach, and how often it is read.
    fn reach(&mut self) {
        for at in 0..self.steps.len() {
            for arg in self.steps.get(at).map(|s| s.args.clone()).unwrap_or_default() {
                if let Some(arg) = self.steps.get_mut(arg) {
                    arg.uses += 1;
                }
            }
        }
        // What is worked out together reaches as far as its farthest member; a member may stand before another one's
        // arguments, so this is repeated until nothing moves. Arguments never read their readers: it ends.
        while self.spread_reach() {}
    }

    /// Hands every step's reach on to what it reads; whether any grew.
    fn spread_reach(&mut self) -> bool {
        let mut grown = false;
        for at in (0..self.steps.len()).rev() {
            let Some(step) = self.steps.get(at) else { continue };
            let members = self.groups.get(step.together).into_iter().flatten();
            let (mut back, mut ahead) = (step.back, step.ahead);
            for member in members.filter_map(|m| self.steps.get(*m)) {
                (back, ahead) = (back.max(member.back), ahead.max(member.ahead));
            }
            let (more_back, more_ahead) = step.own_reach();
            // The spreads of a correlation are read on its own rows only.
            let spreads = matches!(step.kind, Kind::Pairs(_)).then_some(2..4);
            for (k, arg) in step.args.clone().into_iter().enumerate() {
                let own = spreads.as_ref().is_some_and(|s| s.contains(&k));
                let (more_back, more_ahead) = if own { (0, 0) } else { (more_back, more_ahead) };
                if let Some(arg) = self.steps.get_mut(arg) {
                    grown |= arg.back < back + more_back || arg.ahead < ahead + more_ahead;
                    arg.back = arg.back.max(back + more_back);
                    arg.ahead = arg.ahead.max(ahead + more_ahead);
                }
            }
        }
        grown
    }
}

impl Step {
    /// Rows before and after its own that it reads of its arguments.
    fn own_reach(&self) -> (usize, usize) {
        match self.kind {
            Kind::Shift(rows) if rows > 0 => (rows as usize, 0),
            Kind::Shift(rows) => (0, rows.unsigned_abs() as usize),
            Kind::Sums(_)
            | Kind::Pairs(_)
            | Kind::Extremes(..)
            | Kind::Sorted(_)
            | Kind::Ewm(_)
            | Kind::Scan(_)
            | Kind::Resample(..) => (self.window.saturating_sub(1), 0),
            Kind::Number(_)
            | Kind::Field(_)
            | Kind::Derived(_)
            | Kind::Binary(_)
            | Kind::Unary(_)
            | Kind::Choose
            | Kind::Select
            | Kind::First => (0, 0),
        }
    }
}
