//! Random expressions: grown from the grammar, mutated from published ones, and plain noise. Reading one never
//! panics and says where an error is; what can be read can be evaluated, by the engine and by the reference.
//!
//! Ten thousand by default, a million with `QLIB_PRO_LONG=1`. Each depends on its number alone, so a failure names
//! the number that repeats it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::NaiveDate;
use rayon::prelude::*;

use super::reference::{ENTRIES, Entry};
use super::registry::{ArgKind, Sight};
use super::*;
use crate::domain::market::Fundamental;
use crate::domain::testing::{share, split_mix};
use crate::factor::kernels::element::Series;
use crate::factor::panel::{FIELDS, Panel, PanelBuilder};
use crate::factor::sets::alpha;

/// Expressions in the gate.
const COUNT: u64 = 10_000;
/// Expressions in the long suite.
const COUNT_LONG: u64 = 1_000_000;
/// Sessions of the panel.
const SESSIONS: i64 = 36;
/// Sessions that are asked for: short windows reach back inside the panel, long ones past its start.
const ASKED: i64 = 6;
/// Deepest call the grammar grows by itself.
const GROWN_DEPTH: u32 = 4;

/// Numbers that depend on a seed alone.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

const NUMBERS: [&str; 16] = [
    "0", "1", "2", "3", "5", "20", "0.1", "0.5", "-1", "-3", "1e-12", "10000", "1e30", "201903", "2019",
    ".25",
];
const SIGNS: [&str; 14] = ["+", "-", "*", "/", "**", ">", ">=", "<", "<=", "==", "!=", "&", "|", "-"];
const TEXTS: [&str; 8] = ["'A'", "'B.SIM'", "\"A\"", "'W'", "'M'", "'W-FRI'", "'mean'", "'count'"];
const NOISE: [&str; 24] = [
    "(", ")", ",", "$", "$$", "'", "\"", "é", "\u{0}", "\u{202e}", " ", "\t", "Mean(", "Ref(", "9", ".", "e",
    "$close", "**", "!", "=", "&", "sector", "P(",
];

/// An expression grown from the operator table; one part in sixty is of the wrong kind.
fn grown(dice: &mut Dice, depth: u32) -> String {
    if depth == 0 || dice.one_in(5) {
        return match dice.below(12) {
            0 => (*dice.pick(&NUMBERS)).to_owned(),
            1 => format!("-${}", dice.pick(FIELDS).name),
            _ => format!("${}", dice.pick(&FIELDS[..8]).name),
        };
    }
    match dice.below(4) {
        0 => {
            let (a, b) = (grown(dice, depth - 1), grown(dice, depth - 1));
            format!("({a}{}{b})", sign(dice))
        }
        1 if dice.one_in(2) => truth(dice, depth),
        _ => {
            let operator = dice.pick(OPERATORS);
            let optional = if operator.optional > 0 && dice.one_in(2) { 0 } else { operator.optional };
            let kinds = &operator.args[..operator.args.len() - optional];
            let args: Vec<String> = kinds.iter().map(|kind| argument(dice, *kind, depth)).collect();
            format!("{}({})", operator.name, args.join(if dice.one_in(2) { ", " } else { "," }))
        }
    }
}

fn sign(dice: &mut Dice) -> &'static str {
    let among: &[&'static str] = if dice.one_in(4) { &SIGNS } else { &SIGNS[..5] };
    dice.pick::<&'static str>(among)
}

fn truth(dice: &mut Dice, depth: u32) -> String {
    let (a, b) = (grown(dice, depth - 1), grown(dice, depth - 1));
    format!("({a} {} {b})", dice.pick(&SIGNS[5..11]))
}

fn argument(dice: &mut Dice, kind: ArgKind, depth: u32) -> String {
    if dice.one_in(60) {
        return grown(dice, 1);
    }
    match kind {
        ArgKind::Value | ArgKind::Series => grown(dice, depth - 1),
        ArgKind::Truth => truth(dice, depth),
        ArgKind::GroupOrSeries if dice.one_in(2) => grown(dice, depth - 1),
        ArgKind::Group | ArgKind::GroupOrSeries => (*dice.pick(&["sector", "industry"])).to_owned(),
        ArgKind::Symbol => (*dice.pick(&TEXTS[..3])).to_owned(),
        ArgKind::Frequency => (*dice.pick(&TEXTS[3..6])).to_owned(),
        ArgKind::Fold => format!("'{}'", dice.pick(&registry::Fold::ALL).name()),
        ArgKind::Periods => grown(dice, depth.min(2) - 1).replace('$', "$$"),
        ArgKind::Window => (*dice.pick(&["0", "1", "2", "5", "60", "0.1", "0.9", "10000"])).to_owned(),
        ArgKind::Rows | ArgKind::WindowFrom(_) => (*dice.pick(&["0", "4", "5", "60", "10000"])).to_owned(),
        ArgKind::Shift => (*dice.pick(&["0", "1", "3", "-2", "10000"])).to_owned(),
        ArgKind::Fraction | ArgKind::Tail => (*dice.pick(&["0", "0.1", "0.5", "0.25"])).to_owned(),
        ArgKind::Period => (*dice.pick(&["201903", "2019", "202401"])).to_owned(),
        ArgKind::Positive | ArgKind::Buckets => (*dice.pick(&["2", "5", "1"])).to_owned(),
    }
}

/// A sound expression with some of it cut, doubled, swapped or overwritten.
fn mutated(dice: &mut Dice, sound: &[String]) -> String {
    let mut text: Vec<char> = dice.pick(sound).chars().collect();
    for _ in 0..=dice.below(4) {
        let (from, length) = (dice.below(text.len() + 1), dice.below(12));
        let until = (from + length).min(text.len());
        match dice.below(4) {
            0 => drop(text.drain(from..until)),
            1 => {
                let copy: Vec<char> = text[from..until].to_vec();
                text.splice(until..until, copy);
            }
            2 => {
                let other: Vec<char> = dice.pick(sound).chars().collect();
                let at = dice.below(other.len());
                text.splice(from..until, other[at..(at + length).min(other.len())].iter().copied());
            }
            _ => drop(text.splice(from..from, dice.pick(&NOISE).chars())),
        }
    }
    text.into_iter().collect()
}

fn random(dice: &mut Dice, sound: &[String]) -> String {
    match dice.below(10) {
        0 => (0..dice.below(40)).map(|_| *dice.pick(&NOISE)).collect(),
        1 => dice.pick(&NOISE).repeat(dice.below(5_000)),
        2..=4 => mutated(dice, sound),
        _ => grown(dice, GROWN_DEPTH),
    }
}

/// Expressions that are right: the published set and the examples of the reference page.
fn sound() -> Vec<String> {
    let published = alpha::alpha158().unwrap().into_iter().map(|d| d.expression.text().to_owned());
    let examples = ENTRIES.iter().flat_map(|e| match e {
        Entry::Operator { examples, .. } => examples.iter().map(|(text, _)| (*text).to_owned()).collect(),
        Entry::Title { .. } => Vec::new(),
    });
    published.chain(examples).collect()
}

/// Two instruments whose values are all that is awkward: missing, infinite, huge, tiny, equal, negative, zero.
fn panel() -> Panel {
    let first = NaiveDate::from_ymd_opt(2019, 12, 27).unwrap();
    let days: Vec<NaiveDate> = (0..SESSIONS).map(|d| first + chrono::Days::new(d as u64)).collect();
    let mut builder = PanelBuilder::new(days.clone());
    let values = [1.0, f32::NAN, 3e38, 0.0, f32::INFINITY, -2.5, 1e-40, f32::NEG_INFINITY, 7.0, 7.0];
    let mut dice = Dice(7);
    for (symbol, from) in [("A.SIM", 0), ("B.SIM", 2), ("C.XNYS", 0)] {
        let id = symbol.parse().unwrap();
        builder.member(crate::factor::panel::Group::Sector, id, days[0], if from == 0 { "x" } else { "y" });
        builder.member(crate::factor::panel::Group::Industry, id, days[3], "z");
        for day in &days[from..] {
            let row: Vec<(&str, f32)> = FIELDS.iter().map(|f| (f.name, *dice.pick(&values))).collect();
            builder.row(id, *day, &row).unwrap();
        }
    }
    let figures: Vec<Fundamental> = FIELDS
        .iter()
        .flat_map(|f| [(0, 9), (4, 12), (6, 9)].map(|(row, month)| (f.name, row, month)))
        .map(|(field, row, month)| Fundamental {
            instrument: "A.SIM".parse().unwrap(),
            known_at: days[row],
            period_end: NaiveDate::from_ymd_opt(2019, month, 30).unwrap(),
            field: field.into(),
            value: row as f64,
        })
        .collect();
    builder.fundamentals(&figures);
    builder.build()
}

/// What became of one expression.
#[derive(Default, Clone, Copy)]
struct Tally {
    read: u64,
    evaluated: u64,
}

fn check(text: &str, panel: &Panel) -> Tally {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.place.start <= error.place.end && error.place.end <= text.len(), "{error:?}");
            assert!(text.get(error.place.clone()).is_some(), "cut through a character: {error:?}");
            assert_eq!(error.character, text[..error.place.start].chars().count() + 1);
            assert!(error.pointed(text).contains('^'));
            return Tally::default();
        }
    };
    let mut nodes = 0;
    visit(expression.node(), &mut |_| nodes += 1);
    assert!(nodes <= 2 * NODES_MAX && expression.lookback().max(expression.lookahead()) <= LOOKBACK_MAX);
    let _described = (expression.unit(), expression.notes(), expression.needs_history(), expression.fields());
    let leaf =
        |node: &Node| matches!(node, Node::Field(_)).then(|| Series::Single(vec![1.5, f32::NAN, -2.0]));
    let mut only_series = true;
    visit(expression.node(), &mut |node| {
        only_series &= !matches!(node, Node::Call(op, _) if op.sight() != Sight::Series);
    });
    let alone = series::evaluate(expression.node(), &leaf, &panel.sessions()[..3]);
    assert_eq!(alone.is_ok(), only_series);
    match compute(panel, std::slice::from_ref(&expression), (SESSIONS - ASKED) as usize..SESSIONS as usize) {
        Ok(columns) => {
            assert_eq!((columns.len(), columns[0].rows(), columns[0].instruments()), (1, 6, 3));
            Tally { read: 1, evaluated: 1 }
        }
        Err(_) => Tally { read: 1, evaluated: 0 },
    }
}

#[test]
fn random_expressions_are_read_or_refused_and_evaluated_without_a_panic() {
    let (sound, panel) = (sound(), panel());
    let tally = (0..share(COUNT_LONG, COUNT))
        .into_par_iter()
        .map(|seed| {
            let text = random(&mut Dice(seed), &sound);
            let checked = catch_unwind(AssertUnwindSafe(|| check(&text, &panel)));
            checked.unwrap_or_else(|_| panic!("number {seed}: {text:?}"))
        })
        .reduce(Tally::default, |a, b| Tally { read: a.read + b.read, evaluated: a.evaluated + b.evaluated });
    println!("{} expressions, {} read, {} evaluated", share(COUNT_LONG, COUNT), tally.read, tally.evaluated);
    assert!(
        tally.read * 3 > share(COUNT_LONG, COUNT) && tally.evaluated * 4 > share(COUNT_LONG, COUNT),
        "the generator makes too little sense"
    );
}
