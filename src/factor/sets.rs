//! The factor families (momentum, value, volatility, sentiment) as data: `data/factors/families.toml`.
//!
//! Each factor is a checked expression with a sign and a sentence. None of them looks ahead.

use serde::Deserialize;

use super::expr::{ExprError, Expression};

/// The families that ship with the program.
const BUILTIN: &str = include_str!("../../data/factors/families.toml");

/// Most factors a file may hold.
pub const FACTORS_MAX: usize = 1_000;

/// Why a set of factors could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The file is no TOML of the right shape.
    #[error("the factor set cannot be read: {0}")]
    Shape(#[from] toml::de::Error),
    /// One expression is wrong.
    #[error("factor '{name}': {error}")]
    Expression {
        /// Its name.
        name: String,
        /// What is wrong and where.
        error: ExprError,
    },
    /// One expression uses later rows.
    #[error("factor '{0}' looks ahead; a signal may only use what was known: remove the negative Ref")]
    LooksAhead(String),
    /// A sign other than 1 or -1.
    #[error("factor '{0}' has a sign other than 1 and -1")]
    Sign(String),
    /// A name given twice.
    #[error("factor '{0}' is there twice: rename one")]
    Twice(String),
    /// Too many.
    #[error("a factor set holds at most {FACTORS_MAX} factors")]
    TooMany,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    family: String,
    name: String,
    sign: i64,
    expression: String,
    doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    factor: Vec<Entry>,
}

/// Reads families from TOML text, in the order in which they first appear.
pub fn parse(text: &str) -> Result<Vec<Family>, SetError> {
    let file: Document = toml::from_str(text)?;
    if file.factor.len() > FACTORS_MAX {
        return Err(SetError::TooMany);
    }
    let mut families: Vec<Family> = Vec::new();
    for entry in file.factor {
        let factor = checked(entry)?;
        if families.iter().flat_map(|f| &f.factors).any(|f| f.name == factor.name) {
            return Err(SetError::Twice(factor.name));
        }
        match families.iter_mut().find(|f| f.name == factor.family) {
            Some(family) => family.factors.push(factor),
            None => families.push(Family { name: factor.family.clone(), factors: vec![factor] }),
        }
    }
    Ok(families)
}

fn checked(entry: Entry) -> Result<Factor, SetError> {
    let expression = match Expression::parse(&entry.expression) {
        Ok(expression) => expression,
        Err(error) => return Err(SetError::Expression { name: entry.name, error }),
    };
    if expression.looks_ahead() {
        return Err(SetError::LooksAhead(entry.name));
    }
    let sign = match entry.sign {
        1 => 1.0,
        -1 => -1.0,
        _ => return Err(SetError::Sign(entry.name)),
    };
    Ok(Factor { family: entry.family, name: entry.name, sign, expression, doc: entry.doc })
}

/// The families that ship with the program.
pub fn builtin() -> Result<Vec<Family>, SetError> {
    parse(BUILTIN)
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
        assert!(matches!(parse(text), Err(SetError::LooksAhead(name)) if name == "peek"));
    }

    #[test]
    fn a_wrong_expression_names_the_factor_and_the_place() {
        let text = "[[factor]]\nfamily='x'\nname='slip'\nsign=1\nexpression='Maen($close,5)'\ndoc=''";
        let said = parse(text).unwrap_err().to_string();
        assert_eq!(said, "factor 'slip': at character 1: there is no operator Maen; did you mean Mean?");
    }
}
