//! What an expression is measured in, as far as that can be told, and what looks wrong about it.
//!
//! Units are inferred bottom-up and only ever lead to notes for people: no expression is refused for its units,
//! because `$close / ($volume + 1)` is as good a factor as any. What cannot be told is [`Unit::Unknown`].

use std::fmt;

use super::Node;
use super::registry::{Fold, Op};

/// What a value is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number written in the expression: fits anything.
    Plain,
    /// Money for one share.
    Price,
    /// Shares.
    Shares,
    /// Money.
    Money,
    /// A pure number: a return, a share of something, a correlation.
    Ratio,
    /// True or false.
    Truth,
    /// How many.
    Count,
    /// A made-up scale, such as a tone or a z-score.
    Score,
    /// Cannot be told.
    Unknown,
}

impl Unit {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Plain => "number",
            Unit::Price => "price",
            Unit::Shares => "shares",
            Unit::Money => "money",
            Unit::Ratio => "ratio",
            Unit::Truth => "truth",
            Unit::Count => "count",
            Unit::Score => "score",
            Unit::Unknown => "unknown",
        }
    }
}

/// As it stands in a sentence.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Shares | Unit::Money | Unit::Unknown => f.pad(self.name()),
            Unit::Plain | Unit::Price | Unit::Ratio | Unit::Truth | Unit::Count | Unit::Score => {
                write!(f, "a {}", self.name())
            }
        }
    }
}

/// Fields and what they are measured in.
const FIELD_UNITS: [(&str, Unit); 15] = [
    ("open", Unit::Price),
    ("high", Unit::Price),
    ("low", Unit::Price),
    ("close", Unit::Price),
    ("vwap", Unit::Price),
    ("volume", Unit::Shares),
    ("change", Unit::Ratio),
    ("factor", Unit::Ratio),
    ("eps", Unit::Price),
    ("book_value", Unit::Price),
    ("sales", Unit::Price),
    ("cash_flow", Unit::Price),
    ("dividend", Unit::Price),
    ("sentiment", Unit::Score),
    ("headlines", Unit::Count),
];

impl Unit {
    /// Whether it is measured in money or shares.
    fn is_physical(self) -> bool {
        matches!(self, Unit::Price | Unit::Shares | Unit::Money)
    }

    fn is_known(self) -> bool {
        self != Unit::Unknown
    }

    /// What a pure number of some kind becomes in arithmetic.
    fn measured(self) -> Unit {
        if self.is_physical() || !self.is_known() { self } else { Unit::Ratio }
    }

    /// What two become when one is put beside the other (added, compared, chosen); `None` when they do not fit.
    fn beside(self, other: Unit) -> Option<Unit> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Unit::Plain, u) | (u, Unit::Plain) => Some(u.measured()),
            (Unit::Unknown, _) | (_, Unit::Unknown) => Some(Unit::Unknown),
            (a, b) => (!a.is_physical() && !b.is_physical()).then_some(Unit::Ratio),
        }
    }

    fn times(self, other: Unit) -> Unit {
        match (self, other) {
            (Unit::Price, Unit::Shares) | (Unit::Shares, Unit::Price) => Unit::Money,
            (a, b) if !b.is_physical() && b.is_known() => a.measured(),
            (a, b) if !a.is_physical() && a.is_known() => b.measured(),
            _ => Unit::Unknown,
        }
    }

    fn over(self, other: Unit) -> Unit {
        match (self, other) {
            (Unit::Money, Unit::Shares) => Unit::Price,
            (Unit::Money, Unit::Price) => Unit::Shares,
            (a, b) if a == b && a.is_known() => Unit::Ratio,
            (a, b) if !b.is_physical() && b.is_known() => a.measured(),
            _ => Unit::Unknown,
        }
    }

    /// What squares and products of many become.
    fn squared(self) -> Unit {
        if self.is_physical() { Unit::Unknown } else { self.measured() }
    }
}

/// The unit of a node; what looks wrong goes to `notes`.
pub(super) fn infer(node: &Node, notes: &mut Vec<String>) -> Unit {
    match node {
        Node::Number(_) => Unit::Plain,
        Node::Field(name) => field_unit(name),
        Node::Period(name, _) => field_unit(name),
        Node::Text(_) | Node::Group(_) | Node::Frequency(_) | Node::Fold(_) => Unit::Unknown,
        Node::Call(op, args) => {
            let units: Vec<Unit> = args.iter().map(|a| infer(a, notes)).collect();
            let fold = args.iter().find_map(|a| if let Node::Fold(fold) = a { Some(*fold) } else { None });
            of_call(*op, &units, fold, notes)
        }
    }
}

fn field_unit(name: &str) -> Unit {
    FIELD_UNITS.iter().find(|(field, _)| *field == name).map_or(Unit::Unknown, |(_, unit)| *unit)
}

fn of_call(op: Op, units: &[Unit], fold: Option<Fold>, notes: &mut Vec<String>) -> Unit {
    let unit = |k: usize| units.get(k).copied().unwrap_or(Unit::Unknown);
    let mut fitting = |a: Unit, b: Unit, verb: &str, link: &str| {
        let fits = a.beside(b);
        if fits.is_none() {
            notes.push(format!("{verb} {a} {link} {b}"));
        }
        fits.unwrap_or(Unit::Unknown)
    };
    match op {
        Op::Add => fitting(unit(0), unit(1), "adds", "to"),
        Op::Sub => fitting(unit(0), unit(1), "sets", "against"),
        Op::Greater | Op::Less => fitting(unit(0), unit(1), "compares", "with"),
        Op::If => fitting(unit(1), unit(2), "chooses between", "and"),
        Op::Gt | Op::Ge | Op::Lt | Op::Le | Op::Eq | Op::Ne => {
            fitting(unit(0), unit(1), "compares", "with");
            Unit::Truth
        }
        Op::And | Op::Or | Op::Not => Unit::Truth,
        Op::Mul => unit(0).times(unit(1)),
        Op::Div | Op::TsRegBeta => unit(0).over(unit(1)),
        Op::Power | Op::Log | Op::Product | Op::Var => unit(0).squared(),
        Op::Cov => unit(0).times(unit(1)).squared(),
        Op::Sum | Op::SumIf if unit(0) == Unit::Truth => Unit::Count,
        Op::TResample if fold == Some(Fold::Count) => Unit::Count,
        Op::TResample if fold == Some(Fold::Var) => unit(0).squared(),
        Op::TResample if fold == Some(Fold::Sum) && unit(0) == Unit::Truth => Unit::Count,
        Op::Abs
        | Op::Neg
        | Op::Ref
        | Op::Delta
        | Op::Mean
        | Op::Sum
        | Op::Std
        | Op::Max
        | Op::Min
        | Op::Med
        | Op::Mad
        | Op::Quantile
        | Op::Slope
        | Op::Resi
        | Op::Ema
        | Op::Wma
        | Op::DecayLinear
        | Op::TsRegResi
        | Op::SumIf
        | Op::MeanIf
        | Op::TResample
        | Op::Mask
        | Op::P
        | Op::PRef
        | Op::CsDemean
        | Op::CsNeutralize
        | Op::CsWinsorize => same(unit(0)),
        Op::Skew | Op::Kurt | Op::Rank | Op::Rsquare | Op::Corr | Op::TsRank | Op::Sign => Unit::Ratio,
        Op::CsRank | Op::CsScale => Unit::Ratio,
        Op::CsZScore => Unit::Score,
        Op::IdxMax | Op::IdxMin | Op::ArgMax | Op::ArgMin | Op::Count | Op::CountIf | Op::CsQuantile => {
            Unit::Count
        }
    }
}

/// What a window over truths or plain numbers gives is a ratio; anything else stays what it is.
fn same(unit: Unit) -> Unit {
    if unit == Unit::Truth || unit == Unit::Plain { Unit::Ratio } else { unit }
}

#[cfg(test)]
mod tests {
    use super::super::Expression;
    use super::*;

    fn unit(text: &str) -> Unit {
        Expression::parse(text).unwrap().unit()
    }

    #[test]
    fn units_follow_the_arithmetic() {
        for (text, wanted) in [
            ("$close", Unit::Price),
            ("$close * $volume", Unit::Money),
            ("Sum($close * $volume, 20) / Sum($volume, 20)", Unit::Price),
            ("$close / Ref($close, 5) - 1", Unit::Ratio),
            ("Mean($close > Ref($close, 1), 20)", Unit::Ratio),
            ("Sum($close > $open, 20)", Unit::Count),
            ("$close > $open", Unit::Truth),
            ("CSZScore($close)", Unit::Score),
            ("P($$eps)", Unit::Price),
            ("Var($close, 5)", Unit::Unknown),
            ("Var($change, 5)", Unit::Ratio),
            ("TsRegBeta($change, Mask($change, 'SPY'), 60)", Unit::Ratio),
        ] {
            assert_eq!(unit(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_noted_and_nothing_else_is() {
        let notes = |text: &str| Expression::parse(text).unwrap().notes();
        assert_eq!(notes("$close + $volume"), ["adds a price to shares"]);
        assert_eq!(notes("$close > $volume"), ["compares a price with shares"]);
        assert_eq!(
            notes("Ref($close, -2) / $close"),
            ["looks ahead 2 rows: fit for a label, not for a signal"]
        );
        for sound in
            ["$close / ($volume + 1e-12)", "($close - $open) / $open + 1", "$change * $close + $open"]
        {
            assert!(notes(sound).is_empty(), "{sound}");
        }
    }
}
