//! The expression language for those who type it: what is wrong and where, what may follow, what an operator means.
//!
//! Pure and quick enough for every key: it reads text and the tables of fields and operators, never data, so it
//! takes no permit. Places are bytes of the text.

use std::ops::Range;

use crate::domain::CleanText;
use crate::factor::expr::registry::{ArgKind, Group};
use crate::factor::expr::{Expression, LENGTH_MAX, Node, OPERATORS, Operator};
use crate::factor::panel::FIELDS;

/// Longest expression, in bytes.
pub const TEXT_MAX: usize = LENGTH_MAX;
/// Most suggestions given at once.
const SUGGESTIONS_MAX: usize = 64;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Bytes it is about; empty at the end when something is missing.
    pub place: Range<usize>,
    /// Character at which it starts, from 1.
    pub character: usize,
    /// What was expected, found, and what to do.
    pub message: String,
}

/// What a right text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// It is true or false, so it can be a screen.
    pub truth: bool,
    /// Sessions before the one asked for that it reads.
    pub back: usize,
    /// Sessions after the one asked for that it reads: right for a label, refused for a factor.
    pub ahead: usize,
}

/// Reads a text.
pub fn check(text: &str) -> Result<Checked, Mistake> {
    let expression = parsed(text)?;
    Ok(Checked { truth: is_truth(&expression), back: expression.lookback(), ahead: expression.lookahead() })
}

/// Reads a text into what is computed.
pub(super) fn parsed(text: &str) -> Result<Expression, Mistake> {
    Expression::parse(text).map_err(|e| {
        let message = CleanText::new(&e.message).to_string();
        let place = e.place.start.min(text.len())..e.place.end.min(text.len());
        Mistake { place, character: e.character, message }
    })
}

/// Whether an expression is true or false.
pub(super) fn is_truth(expression: &Expression) -> bool {
    matches!(expression.node(), Node::Call(op, _) if op.operator().is_some_and(|o| o.truth))
}

/// A field or an operator that may stand where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What is put in: `$close`, or `Mean(` for an operator.
    pub insert: String,
    /// How it is written: `$close`, `Mean(x, N)`.
    pub usage: String,
    /// What it is.
    pub doc: &'static str,
}

/// The word that ends at the cursor, and what it may become: best first, empty when it is already whole.
pub fn suggest(text: &str, cursor: usize) -> (Range<usize>, Vec<Suggestion>) {
    let cursor = floor(text, cursor);
    let before = text.get(..cursor).unwrap_or("");
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'))
        .last()
        .map_or(cursor, |(at, _)| at);
    let word = text.get(start..cursor).unwrap_or("");
    let found = match word.strip_prefix('$') {
        Some(field) => fields(field),
        None if word.starts_with(|c: char| c.is_ascii_alphabetic()) => words(word),
        None => Vec::new(),
    };
    let whole = found.len() == 1 && found.first().is_some_and(|s| s.insert.trim_end_matches('(') == word);
    (start..cursor, if whole { Vec::new() } else { found })
}

/// Everything that may begin a term: fields first, then operators.
pub fn vocabulary() -> Vec<Suggestion> {
    let mut all = fields("");
    all.extend(OPERATORS.iter().filter(|o| called(o)).map(of_operator));
    all
}

fn fields(prefix: &str) -> Vec<Suggestion> {
    let of = |f: &crate::factor::panel::Field| Suggestion {
        insert: format!("${}", f.name),
        usage: format!("${}", f.name),
        doc: f.doc,
    };
    let starts = |f: &&crate::factor::panel::Field| begins(f.name, prefix);
    FIELDS.iter().filter(starts).map(of).take(SUGGESTIONS_MAX).collect()
}

/// Operators, and fields whose `$` was forgotten.
fn words(prefix: &str) -> Vec<Suggestion> {
    let starts = OPERATORS.iter().filter(|o| called(o) && begins(o.name, prefix));
    let mut found: Vec<Suggestion> = starts.map(of_operator).collect();
    found.sort_by_key(|s| !s.insert.starts_with(prefix));
    found.extend(fields(prefix));
    found.extend(Group::ALL.iter().filter(|g| begins(g.name(), prefix)).map(|g| Suggestion {
        insert: g.name().to_owned(),
        usage: g.name().to_owned(),
        doc: "what names are grouped by, as known on the day",
    }));
    let inside = |o: &&Operator| {
        prefix.len() > 1
            && called(o)
            && !begins(o.name, prefix)
            && o.name.to_lowercase().contains(&prefix.to_lowercase())
    };
    found.extend(OPERATORS.iter().filter(inside).map(of_operator));
    found.truncate(SUGGESTIONS_MAX);
    found
}

fn begins(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// Written as a call by people: not those that have a sign.
fn called(operator: &Operator) -> bool {
    operator.sign.is_none()
}

fn of_operator(operator: &Operator) -> Suggestion {
    Suggestion { insert: format!("{}(", operator.name), usage: usage(operator), doc: operator.doc }
}

/// How an operator is written: `Corr(x, y, N)`, `x > y`.
fn usage(operator: &Operator) -> String {
    let mut series = ["x", "y", "z"].into_iter();
    let mut argument = |kind: &ArgKind| match kind {
        ArgKind::Window | ArgKind::Rows | ArgKind::Shift | ArgKind::WindowFrom(_) => "N",
        ArgKind::Fraction => "q",
        ArgKind::Symbol => "'SYMBOL'",
        ArgKind::Frequency => "'W'",
        ArgKind::Fold => "'mean'",
        ArgKind::Group | ArgKind::GroupOrSeries => "sector",
        ArgKind::Periods => "$$x",
        ArgKind::Period => "201903",
        ArgKind::Tail => "share",
        ArgKind::Positive => "size",
        ArgKind::Buckets => "buckets",
        ArgKind::Truth => "a > b",
        ArgKind::Value | ArgKind::Series => series.next().unwrap_or("x"),
    };
    let args: Vec<&str> = operator.args.iter().map(&mut argument).collect();
    match (operator.sign, args.as_slice()) {
        (Some(sign), [left, right]) => format!("{left} {sign} {right}"),
        (Some(sign), [only]) => format!("{sign}{only}"),
        _ => {
            let (needed, optional) = args.split_at(args.len().saturating_sub(operator.optional));
            let optional: String = optional.iter().map(|a| format!("[, {a}]")).collect();
            format!("{}({}{optional})", operator.name, needed.join(", "))
        }
    }
}

/// What the word at the cursor means, or else the operator whose arguments the cursor is among.
pub fn meaning(text: &str, cursor: usize) -> Option<Suggestion> {
    let cursor = floor(text, cursor);
    word_at(text, cursor).or_else(|| enclosing(text, cursor))
}

fn word_at(text: &str, cursor: usize) -> Option<Suggestion> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    let before = text.get(..cursor)?;
    let start = before.char_indices().rev().take_while(|(_, c)| part(*c)).last().map_or(cursor, |(at, _)| at);
    let rest = text.get(cursor..)?;
    let end = cursor + rest.find(|c| !part(c)).unwrap_or(rest.len());
    named(text.get(start..end)?)
}

fn named(word: &str) -> Option<Suggestion> {
    match word.strip_prefix('$') {
        Some(field) => fields(field).into_iter().find(|s| s.insert == word),
        None => OPERATORS.iter().find(|o| o.name == word).map(of_operator),
    }
}

/// The call whose parentheses are open at the cursor.
fn enclosing(text: &str, cursor: usize) -> Option<Suggestion> {
    let mut depth = 0_usize;
    let before = text.get(..cursor)?;
    for (at, c) in before.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' if depth > 0 => depth -= 1,
            '(' => {
                let head = before.get(..at)?;
                let start = head
                    .char_indices()
                    .rev()
                    .take_while(|(_, c)| c.is_ascii_alphanumeric() || *c == '_')
                    .last()
                    .map_or(at, |(i, _)| i);
                if let Some(found) = named(head.get(start..)?) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offered(text: &str) -> Vec<String> {
        suggest(text, text.len()).1.into_iter().map(|s| s.insert).collect()
    }

    #[test]
    fn a_right_text_says_what_it_is() {
        let truth = check("$close > Mean($close, 200)").unwrap();
        assert_eq!((truth.truth, truth.back, truth.ahead), (true, 199, 0));
        let label = check("Ref($close,-2)/Ref($close,-1)-1").unwrap();
        assert_eq!((label.truth, label.ahead), (false, 2));
    }

    #[test]
    fn a_mistake_has_its_place_and_the_nearest_name() {
        let mistake = check("$close / Maen($close, 5)").unwrap_err();
        assert_eq!(mistake.place, 9..13);
        let counted = check("$close + 'é' + é").unwrap_err();
        assert_eq!((counted.place.start, counted.character), (16, 16));
        assert!(mistake.message.contains("did you mean Mean"), "{}", mistake.message);
    }

    #[test]
    fn a_word_is_completed_from_both_tables() {
        assert_eq!(offered("$cl"), ["$close"]);
        assert_eq!(offered("$close"), [""; 0]);
        assert!(offered("$close / me").starts_with(&["Mean(".to_owned(), "Med(".to_owned()]));
        assert_eq!(offered("clo"), ["$close"]);
        assert_eq!(offered("Mean($close, 5"), [""; 0]);
        assert_eq!(suggest("1 + Kur", 7).0, 4..7);
        assert_eq!(offered("CSNeutralize($close, sec"), ["sector"]);
    }

    #[test]
    fn the_operator_around_the_cursor_is_explained() {
        let text = "Corr($close, Log($volume), 20)";
        assert_eq!(meaning(text, 2).unwrap().usage, "Corr(x, y, N)");
        assert_eq!(meaning(text, 18).unwrap().usage, "$volume");
        assert_eq!(meaning(text, 28).unwrap().usage, "Corr(x, y, N)");
        assert_eq!(meaning("1 + 2", 3), None);
        assert_eq!(meaning("CSRank($close)", 1).unwrap().usage, "CSRank(x[, sector])");
    }

    proptest! {
        #[test]
        fn no_text_and_no_cursor_panics(text in "[$A-Za-z0-9(),.+*/ é東-]{0,40}", cursor in 0_usize..60) {
            let (word, _) = suggest(&text, cursor);
            prop_assert!(text.get(word).is_some());
            meaning(&text, cursor);
            if let Err(mistake) = check(&text) {
                prop_assert!(mistake.place.end <= text.len());
            }
        }
    }
}
