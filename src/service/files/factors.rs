//! Factors on given files: no home, no user, no store.
//!
//! Expressions are evaluated over a [`Sheet`] and the values come out as a [`FactorTable`]. Nothing is checked as an
//! import checks it, and nothing is filled in.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;

use chrono::NaiveDate;
use serde::Serialize;

use super::super::factors::UserFactors;
use super::sheet::{Sheet, symbol_named};
use super::table::{FactorTable, bad};
use crate::domain::{CleanText, InstrumentId, QuarantineReason, Symbol};
use crate::factor::expr::{EvalError, Watch, stream};
use crate::factor::panel::PanelError;
use crate::factor::processors::StepError;
use crate::factor::sets::{self, Definition, SetError};
use crate::factor::{ExprError, Expression};
use crate::market::import::{ImportError, Source, parse_symbol};

/// Largest file of expressions, in bytes.
const EXPRESSION_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Sessions that are worked out and handed on at once.
const SESSIONS_AT_ONCE: usize = 256;
/// Why factors could not be worked out from the files given.
#[derive(Debug, thiserror::Error)]
pub enum FactorFileError {
    /// A file cannot be opened or read.
    #[error(transparent)]
    File(#[from] ImportError),
    /// A file says something it should not.
    #[error("'{file}', line {line}: {what}")]
    Content {
        /// File as named by the user.
        file: CleanText,
        /// Line, from 1; 0 when it is about no single line.
        line: u64,
        /// What is wrong and what to do.
        what: CleanText,
    },
    /// An expression is wrong.
    #[error("factor '{name}' {error}")]
    Expression {
        /// Name of the factor.
        name: CleanText,
        /// What is wrong and where.
        error: ExprError,
    },
    /// The rows of a file do not make a panel.
    #[error(transparent)]
    Panel(#[from] PanelError),
    /// The expressions cannot be evaluated on this file.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The built-in factors cannot be read.
    #[error(transparent)]
    Set(#[from] SetError),
    /// The user's own factors cannot be read.
    #[error("the user's factors cannot be used: {0}")]
    User(String),
    /// What was computed cannot be handed on.
    #[error("writing the output failed: {0}")]
    Output(#[from] io::Error),
    /// A processor is wrong, or has nothing to learn from.
    #[error(transparent)]
    Step(#[from] StepError),
    /// What was asked for makes no sense as it stands.
    #[error("{0}")]
    Asked(String),
}

/// One factor with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Name: the column of the output.
    pub name: String,
    /// How it is computed.
    pub expression: Expression,
}

/// What `factor list` shows of a factor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactorRow {
    /// Set it belongs to.
    pub set: String,
    /// Family within the set.
    pub family: String,
    /// Name.
    pub name: String,
    /// 1 when high is good, -1 when low is; none where the set does not say.
    pub sign: Option<i8>,
    /// Sessions before the one asked for that it reads.
    pub lookback: usize,
    /// What its values are measured in, as far as that can be told.
    pub unit: String,
    /// How it is computed.
    pub expression: String,
    /// What it measures.
    pub doc: String,
}

impl FactorRow {
    /// The row of a factor.
    pub fn of(factor: &Definition) -> Self {
        Self {
            set: factor.set.clone(),
            family: factor.family.clone(),
            name: factor.name.clone(),
            sign: factor.sign,
            lookback: factor.expression.lookback(),
            unit: factor.expression.unit().name().to_owned(),
            expression: factor.expression.text().to_owned(),
            doc: factor.doc.clone(),
        }
    }
}

/// What to compute, on which rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ComputeRequest {
    /// Factors.
    pub factors: Vec<Named>,
    /// Symbols to compute; empty is all.
    pub symbols: Vec<Symbol>,
    /// First day asked for.
    pub from: Option<NaiveDate>,
    /// Last day asked for.
    pub to: Option<NaiveDate>,
}

/// Symbols of files as people write them.
pub fn symbols_named(texts: &[String]) -> Result<Vec<Symbol>, FactorFileError> {
    let bad = |text: &str, reason: QuarantineReason| {
        FactorFileError::Asked(format!("'{}' is no symbol: {}", CleanText::new(text), reason.remedy()))
    };
    texts.iter().map(|text| symbol_named(text).map_err(|reason| bad(text, reason))).collect()
}

/// Every factor, or those of one set, family or name: what ships and the user's own.
pub fn list(set: Option<&str>, user: &UserFactors) -> Result<Vec<FactorRow>, FactorFileError> {
    let found = match set {
        None => sets::definitions(&user.families)?,
        Some(name) => of_name(name, user)?,
    };
    Ok(found.iter().map(FactorRow::of).collect())
}

/// The factors of a set, a family or a name.
pub fn of_name(name: &str, user: &UserFactors) -> Result<Vec<Definition>, FactorFileError> {
    let found = sets::named(name, &user.families)?;
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(problem) = &user.problem {
        return Err(FactorFileError::User(problem.clone()));
    }
    let mut known: Vec<String> = sets::SETS.iter().map(ToString::to_string).collect();
    known.extend([sets::builtin()?, user.families.clone()].concat().into_iter().map(|f| f.name));
    // A family may have the name of its set.
    let mut seen = BTreeSet::new();
    known.retain(|name| seen.insert(name.clone()));
    let (name, known) = (CleanText::new(name), known.join(", "));
    Err(FactorFileError::Asked(format!("there is no factor set '{name}'; known are {known}")))
}

/// The factors of a set, to be computed.
pub fn of_set(set: &str, user: &UserFactors) -> Result<Vec<Named>, FactorFileError> {
    let found = of_name(set, user)?;
    Ok(found.into_iter().map(|d| Named { name: d.name, expression: d.expression }).collect())
}

/// What looks odd about some factors: units that do not fit, rows from the future.
pub fn notes(factors: &[Named]) -> Vec<String> {
    let of = |f: &Named| {
        let name = CleanText::new(&f.name);
        f.expression.notes().into_iter().map(move |note| format!("factor '{name}' {note}"))
    };
    factors.iter().flat_map(of).collect()
}

/// A factor from `NAME=EXPRESSION`.
pub fn of_definition(text: &str) -> Result<Named, FactorFileError> {
    let asked = || FactorFileError::Asked(format!("'{}' is no NAME=EXPRESSION", CleanText::new(text)));
    let (name, expression) = text.split_once('=').ok_or_else(asked)?;
    named(name.trim(), expression.trim())
}

/// Factors from a JSON object of names and expressions, in its order.
pub fn of_file(path: &Path) -> Result<Vec<Named>, FactorFileError> {
    let name = CleanText::new(&path.to_string_lossy());
    let mut text = String::new();
    let mut reader = Source::open(path)?.into_reader()?.take(EXPRESSION_FILE_BYTES_MAX + 1);
    reader.read_to_string(&mut text).map_err(|e| bad(&name, 0, &format!("cannot be read as text: {e}")))?;
    if text.len() as u64 > EXPRESSION_FILE_BYTES_MAX {
        return Err(bad(&name, 0, "is larger than 4 MiB; split it"));
    }
    let Ordered(pairs) = serde_json::from_str(&text)
        .map_err(|e| bad(&name, e.line() as u64, &format!("{e}; give an object of names and expressions")))?;
    pairs.into_iter().map(|(factor, expression)| named(&factor, &expression)).collect()
}

fn named(name: &str, expression: &str) -> Result<Named, FactorFileError> {
    let clean = CleanText::new(name);
    if clean.is_empty() || clean.as_str() != name || matches!(name, "date" | "symbol") {
        return Err(FactorFileError::Asked(format!("'{clean}' cannot name a factor; choose another name")));
    }
    let expression = Expression::parse(expression)
        .map_err(|error| FactorFileError::Expression { name: clean.clone(), error })?;
    Ok(Named { name: name.to_string(), expression })
}

/// A JSON object whose order matters and whose names are not repeated.
struct Ordered(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Ordered;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of names and expressions")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Ordered, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, String>()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Computes factors on a sheet and hands the rows on in parts, oldest first, each with all columns.
pub fn compute(
    sheet: &Sheet,
    request: &ComputeRequest,
    take: &mut dyn FnMut(&FactorTable) -> io::Result<()>,
) -> Result<(), FactorFileError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = request.factors.iter().find(|f| !seen.insert(f.name.as_str())) {
        return Err(FactorFileError::Asked(format!(
            "factor '{}' is asked for twice; rename one",
            twice.name
        )));
    }
    let panel = &sheet.panel;
    // A symbol stands for whoever is spelled so, else for whom it is read as.
    let spelled: BTreeSet<Symbol> = panel.symbols().iter().map(|id| id.symbol).collect();
    let names = |id: &InstrumentId| {
        let read = parse_symbol(id.symbol.as_str(), id.exchange).ok();
        [id.symbol, read.filter(|read| !spelled.contains(read)).unwrap_or(id.symbol)]
    };
    let names: Vec<[Symbol; 2]> = panel.symbols().iter().map(names).collect();
    if let Some(unknown) = request.symbols.iter().find(|symbol| !names.as_flattened().contains(symbol)) {
        return Err(FactorFileError::Asked(format!(
            "there is no symbol {unknown} in the bars; check --symbols"
        )));
    }
    let sessions = panel.sessions();
    let start = request.from.map_or(0, |day| sessions.partition_point(|s| *s < day));
    let end = request.to.map_or(sessions.len(), |day| sessions.partition_point(|s| *s <= day));
    if start >= end {
        return Err(FactorFileError::Asked("there is no session between --from and --to in the bars".into()));
    }
    let expressions: Vec<Expression> = request.factors.iter().map(|f| f.expression.clone()).collect();
    let mut table = FactorTable {
        columns: request.factors.iter().map(|f| f.name.clone()).collect(),
        ..FactorTable::default()
    };
    table.values.resize_with(expressions.len(), Vec::new);
    stream(panel, &expressions, start..end, SESSIONS_AT_ONCE, &Watch::default(), |rows, columns| {
        table.keys.clear();
        table.values.iter_mut().for_each(Vec::clear);
        for (row, session) in rows.clone().zip(sessions.get(rows.clone()).unwrap_or(&[])) {
            for ((at, id), name) in panel.symbols().iter().enumerate().zip(&names) {
                let is_named = name.iter().any(|name| request.symbols.contains(name));
                if (request.symbols.is_empty() || is_named) && sheet.shows(at, row) {
                    table.keys.push((*session, id.symbol));
                    let cells = columns.iter().map(|c| c.get(at, row - rows.start));
                    table.values.iter_mut().zip(cells).for_each(|(column, value)| column.push(value));
                }
            }
        }
        Ok::<(), FactorFileError>(take(&table)?)
    })
}

#[cfg(test)]
/// All rows in one table.
pub fn collected(sheet: &Sheet, request: &ComputeRequest) -> Result<FactorTable, FactorFileError> {
    let mut all = FactorTable::default();
    compute(sheet, request, &mut |part| {
        all.columns.clone_from(&part.columns);
        all.keys.extend(&part.keys);
        all.values.resize_with(part.values.len(), Vec::new);
        all.values.iter_mut().zip(&part.values).for_each(|(all, part)| all.extend(part));
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::sheet::{Input, read};
    use super::super::table::parse_date;
    use super::*;
    use std::fs;

    fn request(factors: &[&str]) -> ComputeRequest {
        let factors = factors.iter().map(|f| of_definition(f).unwrap()).collect();
        ComputeRequest { factors, symbols: Vec::new(), from: None, to: None }
    }

    fn sheet(bars: &str, calendar: Option<&str>) -> Sheet {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bars.csv");
        fs::write(&file, bars).unwrap();
        let calendar = calendar.map(|text| {
            let path = folder.path().join("days.csv");
            fs::write(&path, text).unwrap();
            path
        });
        read(&Input::Bars { file, calendar }).unwrap()
    }

    const BARS: &str = "symbol,date,close,note\nA,2024-01-02,10,x\nA,2024-01-03,11,x\nA,2024-01-05,,x\n\
                        B,2024-01-03,20,x\nB,2024-01-05,21,x\n";

    fn computed(factors: &[&str]) -> FactorTable {
        collected(&sheet(BARS, None), &request(factors)).unwrap()
    }

    #[test]
    fn factors_come_out_by_date_and_symbol_inside_each_span() {
        let mut out = Vec::new();
        computed(&["r=$close/Ref($close,1)-1"]).write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "date,symbol,r\n2024-01-02,A,\n2024-01-03,A,0.1\n2024-01-03,B,\n2024-01-05,A,\n2024-01-05,B,0.05\n"
                .replace("0.1\n", &format!("{}\n", 11.0_f32 / 10.0 - 1.0))
                .replace("0.05\n", &format!("{}\n", 21.0_f32 / 20.0 - 1.0))
        );
    }

    #[test]
    fn a_range_reads_back_before_its_start() {
        let mut asked = request(&["p=Ref($close,1)"]);
        asked.from = parse_date("2024-01-03");
        asked.to = asked.from;
        asked.symbols = vec!["A".parse().unwrap()];
        let table = collected(&sheet(BARS, None), &asked).unwrap();
        assert_eq!(table.column("p"), Some([10.0].as_slice()));
    }

    #[test]
    fn an_optional_column_that_the_file_lacks_is_missing() {
        let table = computed(&["v=$vwap/$close"]);
        assert!(table.column("v").unwrap().iter().all(|v| v.is_nan()));
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        let said = |asked: &ComputeRequest| collected(&sheet(BARS, None), asked).unwrap_err().to_string();
        assert!(said(&request(&["x=$eps"])).contains("$eps"));
        assert!(said(&request(&["x=$close", "x=$close+1"])).contains("twice"));
        let mut asked = request(&["x=$close"]);
        asked.symbols = vec!["ZZ".parse().unwrap()];
        assert!(said(&asked).contains("ZZ"));
        assert!(of_definition("no expression").is_err());
        assert!(of_definition("date=$close").is_err());
        assert!(of_set("nonsense", &UserFactors::default()).unwrap_err().to_string().contains("momentum"));
    }

    #[test]
    fn a_calendar_may_have_a_header_and_adds_empty_sessions() {
        let calendar = "date\n2024-01-02\n2024-01-03\n2024-01-04\n2024-01-05\n";
        let table = collected(&sheet(BARS, Some(calendar)), &request(&["p=Ref($close,1)"])).unwrap();
        assert_eq!(table.keys.len(), 7);
    }

    #[test]
    fn a_file_of_expressions_keeps_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.json");
        fs::write(&path, r#"{"z":"$close","a":"$open/$close"}"#).unwrap();
        let names: Vec<String> = of_file(&path).unwrap().into_iter().map(|n| n.name).collect();
        assert_eq!(names, ["z", "a"]);
        fs::write(&path, r#"{"z":"Nope($close)"}"#).unwrap();
        assert!(of_file(&path).unwrap_err().to_string().contains("factor 'z'"));
    }
}
