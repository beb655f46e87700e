//! `factor list|compute`: the factors that ship, and factors computed on a file of bars.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{ArgGroup, Args, Subcommand};

use super::Env;
use crate::cli::errors::Failure;
use crate::cli::output::Sink;
use crate::domain::Symbol;
use crate::service::files::factors::{self, ComputeRequest, FactorFileError, Named};

/// Factors.
#[derive(Debug, Subcommand)]
pub enum FactorCommand {
    /// Names, expressions, families and look-back of the factors that ship.
    List(List),
    /// Values as CSV: date, symbol, one column a factor.
    Compute(Compute),
}

/// `factor list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only this set (`families`, or one family).
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// `factor compute`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["set", "expr", "expr_file"]).required(true).multiple(true)))]
pub struct Compute {
    /// A set of factors that ships (`families`, or one family).
    #[arg(long, value_name = "NAME")]
    set: Vec<String>,
    /// One factor: NAME=EXPRESSION.
    #[arg(long, value_name = "NAME=EXPR")]
    expr: Vec<String>,
    /// A JSON object: name to expression.
    #[arg(long, value_name = "FILE")]
    expr_file: Option<PathBuf>,
    /// Work on this file: columns as in import, an empty cell is missing; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    bars: PathBuf,
    /// Sessions, one date a line; the dates of the bars without it.
    #[arg(long, value_name = "FILE")]
    calendar: Option<PathBuf>,
    /// Only these symbols.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    symbols: Vec<Symbol>,
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Where the values go; standard output without it.
    #[arg(long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    out: PathBuf,
}

impl FactorCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            FactorCommand::List(list) => env.out.rows(&factors::list(list.set.as_deref())?, "no factors"),
            FactorCommand::Compute(compute) => compute.run(),
        }
    }
}

impl Compute {
    fn run(self) -> Result<(), Failure> {
        let mut chosen: Vec<Named> = Vec::new();
        for set in &self.set {
            chosen.extend(factors::of_set(set)?);
        }
        for text in &self.expr {
            chosen.push(factors::of_definition(text)?);
        }
        if let Some(file) = &self.expr_file {
            chosen.extend(factors::of_file(file)?);
        }
        let table = factors::compute(&ComputeRequest {
            bars: self.bars,
            calendar: self.calendar,
            factors: chosen,
            symbols: self.symbols,
            from: self.from,
            to: self.to,
        })?;
        let mut sink = Sink::create(&self.out)?;
        table.write(&mut sink)?;
        sink.finish()
    }
}

impl From<FactorFileError> for Failure {
    fn from(error: FactorFileError) -> Self {
        match error {
            FactorFileError::Asked(text) => Failure::Usage(text),
            FactorFileError::Expression { .. } => Failure::Usage(error.to_string()),
            other => Failure::of(other),
        }
    }
}
