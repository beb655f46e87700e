//! `import …`: files into the market store. Exit 5 when some rows were not good; the good ones are kept.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Env;
use crate::cli::args::{exchange_parser, one_of};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::Format;
use crate::domain::import::ImportReport;
use crate::domain::market::Basis;
use crate::domain::{CleanText, Exchange};
use crate::service::import::{BarImport, MinuteImport, TableFileKind, Wanted};
use crate::service::permit::ManageData;

/// Terms in which a source states prices.
const BASES: &[(&str, Basis)] = &[("raw", Basis::Raw), ("split", Basis::Split), ("total", Basis::Total)];

/// Files into the market store.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Daily bars: date, symbol, open, high, low, close, volume (vwap, factor, change, source, basis).
    Bars(Bars),
    /// Minute bars: ts, symbol, open, high, low, close, volume; or open_bid … close_ask in place of the last five.
    Minutes(Minutes),
    /// symbol, name, exchange, currency, sector, tick, lot, industry, from (first day of sector and industry), scheme
    /// (in whose terms), shortable (yes, no), borrowable (shares), borrow_rate (a year).
    Instruments(Table),
    /// Splits and dividends: date, symbol, kind, amount, ratio.
    Actions(Table),
    /// Figures with the day they became known: known_at, period_end, symbol, field, value.
    Fundamentals(Table),
    /// Headlines: time, symbol, headline, source.
    News(Table),
    /// Members of universes: universe, symbol, from, to.
    Universe(Table),
    /// New symbols: from (first day), old, new (exchange, name). The history moves to the new symbol.
    Renames(Table),
    /// Removals from the list: date, symbol (exchange, reason). The history stays, nothing more is fetched.
    Delistings(Table),
    /// A Qlib data folder: calendars, instruments, features. Prices are kept under source 'qlib' with basis total.
    Qlib(Qlib),
}

/// `import bars`.
#[derive(Debug, Args)]
pub struct Bars {
    /// CSV files, plain, gzip or zstd; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Exchange of all rows.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true, default_value = "XNYS")]
    exchange: Exchange,
    /// As traded, restated for splits, or for splits and dividends; what the column `basis` says, else raw.
    #[arg(long, value_parser = one_of(BASES))]
    basis: Option<Basis>,
    /// What to call this source; what the column `source` says, else 'file'.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

/// `import minutes`.
#[derive(Debug, Args)]
pub struct Minutes {
    /// CSV files, plain, gzip or zstd; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Exchange of all rows; times without a zone are its own.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true, default_value = "XNYS")]
    exchange: Exchange,
    /// The market never closes: times without a zone are UTC, and every minute is expected.
    #[arg(long)]
    round_the_clock: bool,
    /// What to call this source.
    #[arg(long, value_name = "NAME", default_value = "file")]
    source: String,
}

/// `import qlib`.
#[derive(Debug, Args)]
pub struct Qlib {
    /// The folder that holds `calendars`, `instruments` and `features`.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Exchange of its instruments.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true, default_value = "XNYS")]
    exchange: Exchange,
}

/// A table that is not bars.
#[derive(Debug, Args)]
pub struct Table {
    /// CSV file, plain, gzip or zstd; `-` is standard input.
    file: PathBuf,
    /// Exchange of rows that name none.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true, default_value = "XNYS")]
    exchange: Exchange,
}

impl ImportCommand {
    /// Imports and reports.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let (kind, table) = match self {
            ImportCommand::Bars(bars) => return bars.run(env),
            ImportCommand::Minutes(minutes) => return minutes.run(env),
            ImportCommand::Qlib(qlib) => return qlib.run(env),
            ImportCommand::Instruments(table) => (TableFileKind::Instruments, table),
            ImportCommand::Actions(table) => (TableFileKind::Actions, table),
            ImportCommand::Fundamentals(table) => (TableFileKind::Fundamentals, table),
            ImportCommand::News(table) => (TableFileKind::News, table),
            ImportCommand::Universe(table) => (TableFileKind::Universe, table),
            ImportCommand::Renames(table) => (TableFileKind::Renames, table),
            ImportCommand::Delistings(table) => (TableFileKind::Delistings, table),
        };
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let report = session.house().import_table(&permit, kind, &table.file, table.exchange)?;
        print(env, &report)
    }
}

impl Bars {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let source = self.source.as_deref().map(plain_source).transpose()?;
        let wanted = Wanted { source, basis: self.basis };
        let wish = BarImport { files: self.files, exchange: self.exchange, wanted };
        let mut progress = env.progress();
        let report = session
            .house()
            .import_bars(&permit, &wish, |seen| progress(format_args!("{} rows read", seen.rows)))?;
        progress(format_args!(""));
        if report.switched > 0 {
            env.note(&format!(
                "{} of the instruments are now read from the source imported and no more from another, all of their \
                 history too: the source with the newest bar counts; give the other's name to --source to add to it",
                report.switched
            ));
        }
        print(env, &report)
    }
}

fn plain_source(text: &str) -> Result<CleanText, Failure> {
    let source = CleanText::new(text);
    if source.is_empty() || source.as_str() != text {
        return Err(Failure::usage("--source must be a plain name such as 'file'"));
    }
    Ok(source)
}

impl Minutes {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let wish = MinuteImport {
            source: plain_source(&self.source)?,
            files: self.files,
            exchange: self.exchange,
            never_closes: self.round_the_clock,
        };
        let mut progress = env.progress();
        let report = session
            .house()
            .import_minutes(&permit, &wish, |seen| progress(format_args!("{} rows read", seen.rows)))?;
        progress(format_args!(""));
        print(env, &report)
    }
}

impl Qlib {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let mut progress = env.progress();
        let report = session.house().import_qlib(&permit, &self.folder, self.exchange, |seen| {
            progress(format_args!("{} rows read", seen.rows));
        })?;
        progress(format_args!(""));
        print(env, &report)
    }
}

/// JSON is the whole report; people get the counts, then the rows that were not stored.
fn print(env: &mut Env<'_>, report: &ImportReport) -> Result<(), Failure> {
    if env.out.format() == Format::Table {
        let counts = Counts::of(report);
        env.out.record(&counts)?;
        if !report.quarantine.is_empty() {
            env.out.blank()?;
            env.out.rows(&report.quarantine, "")?;
        }
        if report.quarantine_omitted > 0 {
            env.out.remark(&format!("and {} more that were not stored", report.quarantine_omitted))?;
        }
    } else if env.out.format() == Format::Csv {
        env.out.record(&Counts::of(report))?;
    } else {
        env.out.record(report)?;
    }
    if report.unjudged > 0 {
        env.note(&format!(
            "{} splits or dividends were taken as told: there are no prices around them to judge them by",
            report.unjudged
        ));
    }
    if report.is_clean() { Ok(()) } else { Err(Failure::PartlyInvalid) }
}

/// The counts of a report.
#[derive(Debug, serde::Serialize)]
struct Counts {
    read: u64,
    stored: u64,
    revised: u64,
    unchanged: u64,
    duplicates: u64,
    quarantined: u64,
    repaired: u64,
    flagged: u64,
    gaps: u64,
    gap_runs: u64,
    ignored_columns: Vec<CleanText>,
}

impl Counts {
    fn of(report: &ImportReport) -> Self {
        Self {
            read: report.read,
            stored: report.stored,
            revised: report.revised,
            unchanged: report.unchanged,
            duplicates: report.duplicates,
            quarantined: report.quarantined,
            repaired: report.repaired,
            flagged: report.flagged,
            gaps: report.gaps,
            gap_runs: report.gap_runs,
            ignored_columns: report.ignored_columns.clone(),
        }
    }
}
