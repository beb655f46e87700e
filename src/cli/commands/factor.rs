//! `factor list|compute|process|evaluate`: the factors that ship, values computed on a file of bars, Qlib's
//! processors on them, and how well they foresaw a label.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;

use super::Env;
use crate::cli::args::exchange_parser;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::{Format, Sink};
use crate::domain::{Exchange, Symbol};
use crate::service::ServiceError;
use crate::service::factors::UserFactors;
use crate::service::files::evaluation::{self, Request, Sector, SectorSource};
use crate::service::files::factors::{self, ComputeRequest, FactorFileError, Named};
use crate::service::files::processing;
use crate::service::files::sheet::{self, Input, Sheet};
use crate::service::files::table::FactorTable;
use crate::service::permit::ViewSignals;

/// Factors.
#[derive(Debug, Subcommand)]
pub enum FactorCommand {
    /// Names, expressions, families and look-back of the factors that ship.
    List(List),
    /// Values as CSV: date, symbol, one column a factor.
    Compute(Compute),
    /// Qlib's processors on a factor file.
    Process(Process),
    /// IC, rank IC, quantile returns, turnover and decay of a score.
    Evaluate(Evaluate),
}

/// `factor process`.
#[derive(Debug, Args)]
pub struct Process {
    /// Processors in order, such as 'CSZScoreNorm(robust=true);Fillna(0)'.
    #[arg(long)]
    steps: String,
    /// First day that fitted processors learn from.
    #[arg(long, value_name = "DATE", requires = "fit_to")]
    fit_from: Option<NaiveDate>,
    /// Last day that fitted processors learn from.
    #[arg(long, value_name = "DATE", requires = "fit_from")]
    fit_to: Option<NaiveDate>,
    /// Factor file: date, symbol, one column a factor.
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// Where the values go.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// `factor evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Factor file: date, symbol, one column a factor.
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// Column to judge.
    #[arg(long, value_name = "COLUMN")]
    score: String,
    /// Column that says what came: the return after the score.
    #[arg(long, value_name = "COLUMN")]
    label: String,
    /// Groups that a day's names are split into by score.
    #[arg(long, value_name = "N", default_value_t = 5)]
    quantiles: usize,
    /// Horizons over which the score is followed: 1 is the label of its own day, h that of h - 1 days later.
    #[arg(long, value_name = "DAYS", value_delimiter = ',', default_value = "1,2,5,10,20")]
    horizons: Vec<usize>,
    /// Column of the file with each name's sector on the day: figures within every sector too.
    #[arg(long, value_name = "COLUMN", conflicts_with = "sectors")]
    by: Option<String>,
    /// File with symbol,sector: the same with sectors that never change.
    #[arg(long, value_name = "FILE")]
    sectors: Option<PathBuf>,
}

/// `factor list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only this set (families, alpha158, alpha360, user), family or factor.
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// `factor compute`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["set", "expr", "expr_file"]).required(true).multiple(true)))]
pub struct Compute {
    /// A set of factors (families, alpha158, alpha360, user), a family, or one factor of a family.
    #[arg(long, value_name = "NAME")]
    set: Vec<String>,
    /// One factor: NAME=EXPRESSION.
    #[arg(long, value_name = "NAME=EXPR")]
    expr: Vec<String>,
    /// A JSON object: name to expression.
    #[arg(long, value_name = "FILE")]
    expr_file: Option<PathBuf>,
    /// Work on this file: columns as in import, an empty cell is missing; `-` is standard input. The home's prices
    /// without it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["qlib", "universe"])]
    bars: Option<PathBuf>,
    /// Work on this Qlib data folder.
    #[arg(long, value_name = "DIR")]
    qlib: Option<PathBuf>,
    /// Sessions, one date a line; the dates of the bars without it.
    #[arg(long, value_name = "FILE", requires = "bars")]
    calendar: Option<PathBuf>,
    /// Members of this universe, on the days on which they are ('watchlist' is what you watch); a list of instruments in a Qlib folder.
    #[arg(long, value_name = "NAME")]
    universe: Option<String>,
    /// Exchange of the home's prices; the desk's by default.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true, conflicts_with_all = ["bars", "qlib"])]
    exchange: Option<Exchange>,
    /// Only these symbols.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    symbols: Vec<String>,
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
            FactorCommand::List(list) => list.run(env),
            FactorCommand::Compute(compute) => compute.run(env),
            FactorCommand::Process(process) => process.run(),
            FactorCommand::Evaluate(evaluate) => evaluate.run(env),
        }
    }
}

/// The user's own factors where the folder is no home yet; `None` where it is one and asks who wants to know.
fn unguarded(env: &Env<'_>) -> Option<UserFactors> {
    let places = (env.context.places)(env.globals.home.as_deref()).unwrap_or_default();
    let home = places.into_iter().find(|(name, _)| *name == "home");
    home.map_or_else(|| Some(UserFactors::default()), |(_, path)| UserFactors::of_folder(&path))
}

/// The user's own factors when one of these names does not ship: only for somebody who may see signals.
fn own_factors(env: &Env<'_>, names: &[String]) -> Result<UserFactors, Failure> {
    let nobody = UserFactors::default();
    let Some(own) = names.iter().find(|name| factors::of_name(name, &nobody).is_err()) else {
        return Ok(nobody);
    };
    if let Some(found) = unguarded(env) {
        return Ok(found);
    }
    if !env.is_named() {
        env.note(&format!("'{own}' does not ship; the desk's own factors are read with --user NAME"));
    }
    let session = env.session(OpenMode::Read)?;
    Ok(session.house().own_factors(&session.permit::<ViewSignals>()?))
}

/// The user's own factors as far as who asks may see them, with a note where they are left out.
fn visible_factors(env: &Env<'_>) -> Result<UserFactors, Failure> {
    if let Some(found) = unguarded(env) {
        return Ok(found);
    }
    if !env.is_named() {
        env.note("the desk's own factors are left out; see them with --user NAME");
        return Ok(UserFactors::default());
    }
    let session = env.session(OpenMode::Read)?;
    match session.permit::<ViewSignals>() {
        Ok(permit) => Ok(session.house().own_factors(&permit)),
        Err(denied @ ServiceError::NotPermitted { .. }) => {
            env.note(&format!("the desk's own factors are left out: {denied}"));
            Ok(UserFactors::default())
        }
        Err(error) => Err(error.into()),
    }
}

impl List {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let user = match &self.set {
            Some(set) => own_factors(env, std::slice::from_ref(set))?,
            None => visible_factors(env)?,
        };
        env.out.rows(&factors::list(self.set.as_deref(), &user)?, "no factors")?;
        match (&self.set, &user.problem) {
            (None, Some(problem)) => env.out.remark(&format!("the user's factors are left out: {problem}")),
            (Some(_), _) | (None, None) => Ok(()),
        }
    }
}

impl Compute {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let user = own_factors(env, &self.set)?;
        let mut chosen: Vec<Named> = Vec::new();
        for set in &self.set {
            chosen.extend(factors::of_set(set, &user)?);
        }
        for text in &self.expr {
            chosen.push(factors::of_definition(text)?);
        }
        if let Some(file) = &self.expr_file {
            chosen.extend(factors::of_file(file)?);
        }
        factors::notes(&chosen).iter().for_each(|note| env.note(note));
        let (out, from, to) = (self.out.clone(), self.from, self.to);
        let (sheet, symbols) = self.sheet(env)?;
        let mut sink = Sink::create(&out)?;
        let (mut begun, mut progress) = (false, env.progress());
        factors::compute(&sheet, &ComputeRequest { factors: chosen, symbols, from, to }, &mut |part| {
            if !std::mem::replace(&mut begun, true) {
                part.write_header(&mut sink)?;
            }
            if let Some((day, _)) = part.keys.last() {
                progress(format_args!("{day}"));
            }
            part.write_rows(&mut sink)
        })?;
        progress(format_args!(""));
        sink.finish()
    }
}

impl Compute {
    /// The panel of the files named, else of the home, and the symbols that are wanted of it.
    fn sheet(self, env: &mut Env<'_>) -> Result<(Sheet, Vec<Symbol>), Failure> {
        let input = match (self.bars, self.qlib) {
            (Some(file), _) => Some(Input::Bars { file, calendar: self.calendar }),
            (None, Some(folder)) => Some(Input::Qlib { folder, universe: self.universe.clone() }),
            (None, None) => None,
        };
        if let Some(input) = input {
            let symbols = factors::symbols_named(&self.symbols)?;
            return Ok((sheet::read(&input)?, symbols));
        }
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ViewSignals>()?;
        let house = session.house();
        let exchange = self.exchange.map_or_else(|| house.main_exchange(), Ok)?;
        let named = house.instruments_named(&self.symbols, Some(exchange))?;
        if let Some(other) = named.iter().find(|id| id.exchange != exchange) {
            return Err(Failure::usage(format!(
                "{other} is not on {exchange}; name its exchange by --exchange"
            )));
        }
        let sheet = house.factor_sheet(&permit, Some(exchange), self.universe.as_deref())?;
        Ok((sheet, named.iter().map(|id| id.symbol).collect()))
    }
}

impl Process {
    fn run(self) -> Result<(), Failure> {
        let mut table = FactorTable::read(&self.input)?;
        processing::process(&mut table, &self.steps, self.fit_from.zip(self.fit_to))?;
        let mut sink = Sink::create(&self.out)?;
        table.write(&mut sink)?;
        sink.finish()
    }
}

impl Evaluate {
    /// JSON has days and summary; people get the summary; CSV is the days.
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let sectors = match (self.by, self.sectors) {
            (Some(column), _) => SectorSource::Column(column),
            (None, Some(file)) => SectorSource::File(file),
            (None, None) => SectorSource::None,
        };
        let found = evaluation::evaluate(&Request {
            input: self.input,
            score: self.score,
            label: self.label,
            quantiles: self.quantiles,
            horizons: self.horizons,
            sectors,
        })?;
        match env.out.format() {
            Format::Json => env.out.record(&found),
            Format::Csv => env.out.rows(&found.daily, ""),
            Format::Table => {
                env.out.record(&found.summary.figures)?;
                env.out.blank()?;
                env.out.rows(&found.summary.decay, "no horizons")?;
                if !found.summary.sectors.is_empty() {
                    env.out.blank()?;
                    env.out
                        .rows(&found.summary.sectors.iter().map(SectorLine::of).collect::<Vec<_>>(), "")?;
                }
                Ok(())
            }
        }
    }
}

/// What people see of a sector.
#[derive(Serialize)]
struct SectorLine {
    sector: String,
    names: Option<f64>,
    days: usize,
    ic: Option<f64>,
    icir: Option<f64>,
    rank_ic: Option<f64>,
    rank_icir: Option<f64>,
    long_short: Option<f64>,
}

impl SectorLine {
    fn of(sector: &Sector) -> Self {
        let figures = &sector.figures;
        let short = |value: Option<f64>| value.map(|v| (v * 1e6).round() / 1e6);
        Self {
            sector: sector.sector.clone(),
            names: short(sector.names),
            days: figures.days,
            ic: short(figures.ic),
            icir: short(figures.icir),
            rank_ic: short(figures.rank_ic),
            rank_icir: short(figures.rank_icir),
            long_short: short(figures.long_short),
        }
    }
}

impl From<FactorFileError> for Failure {
    fn from(error: FactorFileError) -> Self {
        match error {
            FactorFileError::Asked(text) => Failure::Usage(text),
            FactorFileError::Expression { .. } | FactorFileError::Step(_) => {
                Failure::Usage(error.to_string())
            }
            FactorFileError::Output(error) => error.into(),
            other => Failure::of(other),
        }
    }
}
