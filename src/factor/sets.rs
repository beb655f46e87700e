//! Named sets of factors: the families that ship (`data/factors/families.toml`), those of a user in the same shape,
//! and Qlib's published sets ([`alpha`]).
//!
//! Each factor is a checked expression with a sentence; those of a family have a sign. None of them looks ahead. A
//! wrong entry is refused with its line, its name and the place in its expression.

pub mod alpha;

use serde::Deserialize;
use toml::Spanned;

use super::expr::{ExprError, Expression};

/// The families that ship with the program.
const BUILTIN: &str = include_str!("../../data/factors/families.toml");

/// Most factors a file may hold.
pub const FACTORS_MAX: usize = 1_000;
/// Longest name of a factor or family, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The set of all families that ship.
pub const FAMILIES: &str = "families";
/// The set of a user's own factors.
pub const USER: &str = "user";
/// Names of sets that no family may take.
pub const SETS: [&str; 4] = [FAMILIES, USER, alpha::ALPHA158, alpha::ALPHA360];

/// Why a set of factors could not be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetError {
    /// The file is no TOML of the right shape.
    #[error("line {line}: the factor set cannot be read: {message}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// One expression is wrong.
    #[error("line {line}: factor '{name}': {error}")]
    Expression {
        /// Line, from 1.
        line: usize,
        /// Its name.
        name: String,
        /// What is wrong and where.
        error: ExprError,
    },
    /// Something else about one factor is wrong.
    #[error("line {line}: factor '{name}' {what}")]
    Factor {
        /// Line, from 1.
        line: usize,
        /// Its name.
        name: String,
        /// What is wrong and what to do.
        what: &'static str,
    },
    /// Too many.
    #[error("a factor set holds at most {FACTORS_MAX} factors")]
    TooMany,
}

const LOOKS_AHEAD: &str = "looks ahead; a signal may only use what was known: remove the negative Ref";
const BAD_SIGN: &str = "has a sign other than 1 and -1";
const TWICE: &str = "is there twice: rename one";
const TAKEN: &str = "has a name that ships with the program: choose another";
const TAKEN_FAMILY: &str = "is in a family that ships with the program: choose another family";
const BAD_NAME: &str = "needs a name and a family of letters, digits, '_', '-' and '.', at most 64, not starting \
                        with a digit, and neither 'date' nor 'symbol'";

/// One factor of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Family it belongs to.
    pub family: String,
    /// Its own name.
    pub name: String,
    /// 1 when high is good, -1 when low is.
    pub sign: f64,
    /// How it is computed.
    pub expression: Expression,
    /// What it measures.
    pub doc: String,
}

/// A family and its factors.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Name.
    pub name: String,
    /// Its factors, in file order.
    pub factors: Vec<Factor>,
}

impl Family {
    /// Rows before the one asked for that its factors read.
    pub fn lookback(&self) -> usize {
        self.factors.iter().map(|f| f.expression.lookback()).max().unwrap_or(0)
    }
}

/// One factor of any set, as it is listed and computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Set it belongs to.
    pub set: String,
    /// Family within the set.
    pub family: String,
    /// Name: the column of an output.
    pub name: String,
    /// 1 when high is good, -1 when low is; none where the set does not say.
    pub sign: Option<i8>,
    /// How it is computed.
    pub expression: Expression,
    /// What it measures.
    pub doc: String,
}

/// One entry of a file, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    family: String,
    name: Spanned<String>,
    #[serde(default = "high_is_good")]
    sign: i64,
    expression: Spanned<String>,
    #[serde(default)]
    doc: String,
}

fn high_is_good() -> i64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    factor: Vec<Entry>,
}

/// Line of a place in a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

/// Reads families from TOML text, in the order in which they first appear.
pub fn parse(text: &str) -> Result<Vec<Family>, SetError> {
    checked_all(read(text)?, text, &[])
}

/// Reads a user's families: as [`parse`], and no name of what ships may be taken.
pub fn parse_user(text: &str) -> Result<Vec<Family>, SetError> {
    checked_all(read(text)?, text, &shipped()?)
}

/// Families of a user's entries that stand in another file, such as a strategy.
pub fn of_entries(entries: Vec<Entry>, text: &str) -> Result<Vec<Family>, SetError> {
    checked_all(entries, text, &shipped()?)
}

fn read(text: &str) -> Result<Vec<Entry>, SetError> {
    let file: Result<Document, toml::de::Error> = toml::from_str(text);
    file.map(|f| f.factor).map_err(|error| SetError::Shape {
        line: line_of(text, error.span().map_or(0, |s| s.start)),
        message: error.message().to_owned(),
    })
}

fn checked_all(entries: Vec<Entry>, text: &str, taken: &[Definition]) -> Result<Vec<Family>, SetError> {
    if entries.len() > FACTORS_MAX {
        return Err(SetError::TooMany);
    }
    let mut families: Vec<Family> = Vec::new();
    for entry in entries {
        let line = line_of(text, entry.name.span().start);
        let factor = checked(entry, text)?;
        let twice = families.iter().flat_map(|f| &f.factors).any(|f| f.name == factor.name);
        if let Some(what) = if twice { Some(TWICE) } else { refusal(&factor, taken) } {
            return Err(SetError::Factor { line, name: factor.name, what });
        }
        match families.iter_mut().find(|f| f.name == factor.family) {
            Some(family) => family.factors.push(factor),
            None => families.push(Family { name: factor.family.clone(), factors: vec![factor] }),
        }
    }
    Ok(families)
}

/// Why a factor's names will not do beside those that ship.
fn refusal(factor: &Factor, taken: &[Definition]) -> Option<&'static str> {
    let is_set = SETS.contains(&factor.family.as_str()) && factor.family != USER;
    let family = !taken.is_empty() && is_set;
    if family || taken.iter().any(|d| d.set == FAMILIES && d.family == factor.family) {
        return Some(TAKEN_FAMILY);
    }
    taken.iter().any(|d| d.name == factor.name).then_some(TAKEN)
}

fn checked(entry: Entry, text: &str) -> Result<Factor, SetError> {
    let (line, at) = (line_of(text, entry.name.span().start), line_of(text, entry.expression.span().start));
    let name = entry.name.into_inner();
    let wrong = |what: &'static str| SetError::Factor { line, name: name.clone(), what };
    if !is_name(&name) || !is_name(&entry.family) {
        return Err(wrong(BAD_NAME));
    }
    let expression = match Expression::parse(entry.expression.get_ref()) {
        Ok(expression) => expression,
        Err(error) => return Err(SetError::Expression { line: at, name, error }),
    };
    if expression.looks_ahead() {
        return Err(wrong(LOOKS_AHEAD));
    }
    let sign = match entry.sign {
        1 => 1.0,
        -1 => -1.0,
        _ => return Err(wrong(BAD_SIGN)),
    };
    Ok(Factor { family: entry.family, name, sign, expression, doc: entry.doc })
}

/// Whether a text can name a factor or a family.
pub fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && text.len() <= NAME_BYTES_MAX && text.chars().all(fits) && !matches!(text, "date" | "symbol")
}

/// The families that ship with the program.
pub fn builtin() -> Result<Vec<Family>, SetError> {
    parse(BUILTIN)
}

/// The factors of families, as definitions of a set.
pub fn of_families(set: &str, families: &[Family]) -> Vec<Definition> {
    let define = |f: &Factor| Definition {
        set: set.to_owned(),
        family: f.family.clone(),
        name: f.name.clone(),
        sign: Some(if f.sign < 0.0 { -1 } else { 1 }),
        expression: f.expression.clone(),
        doc: f.doc.clone(),
    };
    families.iter().flat_map(|f| &f.factors).map(define).collect()
}

fn shipped() -> Result<Vec<Definition>, SetError> {
    Ok([of_families(FAMILIES, &builtin()?), alpha::alpha158()?, alpha::alpha360()?].concat())
}

/// Every factor there is: the families, the user's own, and the published sets.
pub fn definitions(user: &[Family]) -> Result<Vec<Definition>, SetError> {
    let families = of_families(FAMILIES, &builtin()?);
    Ok([families, of_families(USER, user), alpha::alpha158()?, alpha::alpha360()?].concat())
}

/// The factors of a set, else of a family of the first two sets, else the one factor of that name there; empty
/// when there is none.
pub fn named(name: &str, user: &[Family]) -> Result<Vec<Definition>, SetError> {
    let all = definitions(user)?;
    let blended = |d: &&Definition| d.set == FAMILIES || d.set == USER;
    let of_set: Vec<Definition> = all.iter().filter(|d| d.set == name).cloned().collect();
    if !of_set.is_empty() || SETS.contains(&name) {
        return Ok(of_set);
    }
    let family: Vec<Definition> = all.iter().filter(blended).filter(|d| d.family == name).cloned().collect();
    if !family.is_empty() {
        return Ok(family);
    }
    Ok(all.iter().filter(blended).filter(|d| d.name == name).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_families_ship_and_never_look_ahead() {
        let families = builtin().unwrap();
        let names: Vec<&str> = families.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["momentum", "value", "volatility", "sentiment"]);
        assert!(families.iter().all(|f| f.factors.len() >= 2));
        assert_eq!(families[0].lookback(), 252);
    }

    #[test]
    fn a_factor_that_looks_ahead_is_refused_by_name() {
        let text = "[[factor]]\nfamily='x'\nname='peek'\nsign=1\nexpression='Ref($close,-1)'\ndoc=''";
        assert!(
            matches!(parse(text), Err(SetError::Factor { name, line: 3, what: LOOKS_AHEAD }) if name == "peek")
        );
    }

    #[test]
    fn a_wrong_expression_names_the_factor_and_the_place() {
        let text = "[[factor]]\nfamily='x'\nname='slip'\nsign=1\nexpression='Maen($close,5)'\ndoc=''";
        let said = parse(text).unwrap_err().to_string();
        assert_eq!(
            said,
            "line 5: factor 'slip': at character 1: there is no operator Maen; did you mean Mean?"
        );
    }

    fn one(name: &str, family: &str, expression: &str) -> String {
        format!("[[factor]]\nfamily = \"{family}\"\nname = \"{name}\"\nexpression = \"{expression}\"\n")
    }

    #[test]
    fn a_user_adds_families_but_takes_no_name_that_ships() {
        let mine = parse_user(&one("gap", "mine", "$open/Ref($close,1)-1")).unwrap();
        assert_eq!((mine[0].name.as_str(), mine[0].factors[0].sign), ("mine", 1.0));
        let said = |text: &str| parse_user(text).unwrap_err().to_string();
        let two = one("gap", "mine", "$open") + &one("MA5", "mine", "$close");
        assert_eq!(said(&two), "line 7: factor 'MA5' has a name that ships with the program: choose another");
        assert!(said(&one("gap", "momentum", "$open")).contains("family that ships"));
        assert!(said(&one("gap", "alpha158", "$open")).contains("family that ships"));
        assert!(said(&one("a b", "mine", "$open")).contains("letters, digits"));
        assert!(said("[[factor]]\nnames = 1\n").starts_with("line 2: the factor set cannot be read"));
        assert!(parse_user("").unwrap().is_empty());
    }

    #[test]
    fn a_name_means_a_set_then_a_family_then_a_factor() {
        let mine = parse_user(&one("gap", "mine", "$open/Ref($close,1)-1")).unwrap();
        let count = |name: &str| named(name, &mine).unwrap().len();
        assert_eq!(
            (count("alpha158"), count("alpha360"), count("user"), count("mine"), count("gap")),
            (158, 360, 1, 1, 1)
        );
        assert_eq!((count("families"), count("momentum"), count("momentum_12_1")), (12, 4, 1));
        assert_eq!((count("MA5"), count("nothing")), (0, 0));
        assert_eq!(definitions(&mine).unwrap().len(), 12 + 1 + 158 + 360);
    }
}
