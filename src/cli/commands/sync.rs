//! `sync`: fetches what is missing from the vendors. Exit 5 when some rows were not good, 1 when a symbol was not had.

use std::{io, thread};

use chrono::NaiveDate;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::Env;
use crate::cli::args::one_of;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::Format;
use crate::domain::CleanText;
use crate::domain::vendor::{DataKind, SYNC_KINDS, VendorId};
use crate::service::permit::ManageData;
use crate::service::sync::{
    Bars, BesideReport, NO_KEY, Progress, Stopper, SyncOutcome, SyncReport, SyncWish, VendorLine, stopper,
};

/// Fetch missing prices, splits and dividends from the vendors; a second run goes on where the first one ended.
#[derive(Debug, Args)]
pub struct Sync {
    /// Symbols such as AAPL, AAPL.XNYS or BHP.AX; none: those that were synced before.
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
    /// Only from this vendor; by default those of the settings sync.vendors and sync.vendors_for, in their order.
    #[arg(long, value_parser = vendor_parser(), value_name = "NAME")]
    vendor: Option<VendorId>,
    /// The members of a universe; 'watchlist' is your own watchlist.
    #[arg(long, value_name = "NAME", conflicts_with = "symbols")]
    universe: Option<String>,
    /// What to fetch: prices with splits and dividends, bars of minutes, figures of companies, headlines, or what is listed.
    #[arg(long, value_parser = one_of(SYNC_KINDS), default_value = "prices", value_name = "KIND")]
    kind: Option<DataKind>,
    /// First day; by default where a source begins, or five years back; of minutes where it ends, or five sessions back.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day; by default the newest session that is over.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Ask for all of it again, whatever the vendors have answered for before.
    #[arg(long)]
    again: bool,
}

/// Failures that pass: the same command may have it later.
const WORTH_AGAIN: &[&str] = &[
    "RATE_LIMITED",
    "QUOTA_SPENT",
    "PAUSED",
    "TRANSIENT",
    "OFFLINE",
    "TOO_SLOW",
    "CURSOR_EXPIRED",
    "CANCELED",
];

pub(super) fn vendor_parser() -> impl TypedValueParser<Value = VendorId> {
    let names = VendorId::ALL.iter().map(|vendor| vendor.as_str());
    PossibleValuesParser::new(names).try_map(|text| text.parse::<VendorId>())
}

impl Sync {
    /// Fetches and reports.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if self.from.zip(self.to).is_some_and(|(from, to)| from > to) {
            return Err(Failure::usage("--from is after --to"));
        }
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let house = session.house();
        env.open_keys(house)?;
        let bars = self.kind.and_then(Bars::of).unwrap_or_default();
        let wish = SyncWish {
            bars,
            vendor: self.vendor,
            instruments: house.instruments_named(&self.symbols, None)?,
            universe: self.universe,
            from: self.from,
            to: self.to,
            again: self.again,
        };
        let shown = std::sync::Mutex::new(env.progress());
        let progress = |seen: &Progress| {
            if let Ok(mut show) = shown.lock() {
                show(format_args!("{}", line_of(seen)));
            }
        };
        let (stopper, stop) = stopper();
        stop_by_signal(stopper)
            .map_err(|error| Failure::failed(format!("signals cannot be watched: {error}")))?;
        let control = house.sync_control(stop.clone(), &progress);
        let printed = if let Some(kind) = self.kind.filter(|kind| Bars::of(*kind).is_none()) {
            let report = house.sync_beside(&permit, kind, &wish, &control)?;
            progress(&Progress::default());
            print_beside(env, &report)
        } else {
            let report = house.sync(&permit, &wish, &control)?;
            progress(&Progress::default());
            print(env, &report)
        };
        if stop.is_set() {
            return Err(Failure::failed("stopped before its end; run the same command again to go on"));
        }
        printed
    }
}

/// A first signal ends the run after its present page, with its report; a second one ends the command at once.
fn stop_by_signal(stopper: Stopper) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let watch = move || {
        for signal in signals.forever() {
            if stopper.is_set() {
                // Whole pages stay stored, however it ends.
                if let Err(error) = emulate_default_handler(signal) {
                    tracing::warn!(%error, "the signal could not end the command");
                }
            }
            stopper.set();
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch).map(drop)
}

/// What to do after a failure of this code.
fn again_if_worth(code: &str) -> &'static str {
    if WORTH_AGAIN.contains(&code) { "; run the same command again to go on" } else { "" }
}

/// Rows of what was fetched beside prices.
fn print_beside(env: &mut Env<'_>, report: &BesideReport) -> Result<(), Failure> {
    let rows = &report.rows;
    env.out.rows(rows, "nothing was asked for")?;
    for remark in &report.remarks {
        env.note(remark);
    }
    if !report.fault.is_empty() {
        return Err(Failure::failed(format!("the sync could not go on: {}", report.fault)));
    }
    match rows.iter().find(|row| row.outcome == SyncOutcome::Failed) {
        Some(first) => {
            let (n, of) = (report.failed(), rows.len());
            let remedy = again_if_worth(&first.code);
            Err(Failure::failed(format!("{n} of {of} were not had: {}{remedy}", first.said)))
        }
        None if rows.iter().any(|row| row.quarantined > 0) => Err(Failure::PartlyInvalid),
        None => Ok(()),
    }
}

/// `search`: instruments by name, as the vendors know them.
#[derive(Debug, Args)]
pub struct Search {
    /// Part of a name or symbol.
    text: String,
}

impl Search {
    /// Asks the vendors.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ManageData>()?;
        let house = session.house();
        env.open_keys(house)?;
        let (_stopper, stop) = stopper();
        let control = house.sync_control(stop, &|_| {});
        let rows = house.search_vendors(&permit, &CleanText::new(&self.text), &control)?;
        env.out.rows(&rows, "no vendor that is switched on and has a key knows it")
    }
}

/// One line for people who watch.
pub(super) fn line_of(seen: &Progress) -> String {
    let Some(vendor) = seen.vendor else { return String::new() };
    let step = (seen.done + 1).min(seen.total.max(1));
    let mut line = format!("{} ({step} of {}), {} rows", seen.doing, seen.total, seen.rows);
    if seen.seconds_left >= 60 {
        line.push_str(&format!(", about {} min left", seen.seconds_left.div_ceil(60)));
    }
    for (seconds, used, of) in &seen.windows {
        line.push_str(&format!(", {used}/{of} requests in {seconds} s"));
    }
    // Who is waited for is said by the wait.
    match &seen.waiting {
        Some(waiting) => format!("{waiting}; {line}"),
        None => format!("{vendor}: {line}"),
    }
}

/// JSON is the whole report; people get the rows, then vendors that could not go on, then rows not stored.
fn print(env: &mut Env<'_>, report: &SyncReport) -> Result<(), Failure> {
    if env.out.format() == Format::Json {
        env.out.record(report)?;
    } else {
        env.out.rows(&report.rows, "nothing was asked for")?;
    }
    if env.out.format() == Format::Table && !report.quarantine.is_empty() {
        env.out.blank()?;
        env.out.rows(&report.quarantine, "")?;
    }
    // That a vendor without a key was not asked matters to those only who lack something.
    let is_worth = |line: &&VendorLine| report.failed() > 0 || line.code != NO_KEY;
    for remark in &report.remarks {
        env.note(remark);
    }
    if !report.fault.is_empty() {
        return Err(Failure::failed(format!("the sync could not go on: {}", report.fault)));
    }
    for line in report.vendors.iter().filter(is_worth) {
        env.note(&format!("{}: {}", line.vendor, line.said));
    }
    match report.failed() {
        0 if report.quarantined() == 0 => Ok(()),
        0 => Err(Failure::PartlyInvalid),
        failed => {
            let of = report.rows.len();
            let first = report.rows.iter().find(|row| !row.code.is_empty());
            let why = first.map_or("see the rows above", |row| row.said.as_str());
            let remedy = first.map_or("", |row| again_if_worth(&row.code));
            Err(Failure::failed(format!("{failed} of {of} symbols were not had: {why}{remedy}")))
        }
    }
}
