//! `signal run|show`: the model's ranking, with data available at market time only.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::Format;
use crate::domain::{AccountId, CleanText, Symbol};
use crate::service::permit::{TradeDesk, ViewSignals};
use crate::service::research::SignalWish;
use crate::service::view::Signals;

/// Largest strategy file, in bytes.
const STRATEGY_BYTES_MAX: u64 = 1024 * 1024;

/// Signals.
#[derive(Debug, Subcommand)]
pub enum SignalCommand {
    /// Run the model and store its ranking.
    Run(Run),
    /// The latest ranking, or one symbol's history.
    Show(Show),
}

/// `signal run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Strategy file; the default strategy without it.
    #[arg(long, value_name = "FILE")]
    strategy: Option<PathBuf>,
    /// Universe to rank ('watchlist' is what you watch, ranked for you alone and not stored); every instrument with a recent
    /// bar by default.
    #[arg(long, value_name = "NAME")]
    universe: Option<String>,
    /// Account whose exchange is ranked; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
}

/// `signal show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Every stored signal of this symbol instead of the latest ranking.
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Account whose exchange is meant; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
}

/// The text of a strategy file.
pub fn strategy_text(path: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let name = CleanText::new(&path.to_string_lossy());
    let failed = |e: std::io::Error| Failure::failed(format!("cannot read the strategy '{name}': {e}"));
    let about = std::fs::metadata(path).map_err(failed)?;
    if about.len() > STRATEGY_BYTES_MAX {
        return Err(Failure::failed(format!(
            "the strategy '{name}' is larger than 1 MiB; is it the right file?"
        )));
    }
    std::fs::read_to_string(path).map(Some).map_err(failed)
}

impl SignalCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            SignalCommand::Run(run) => {
                let strategy = strategy_text(run.strategy.as_deref())?;
                let session = env.session(OpenMode::Read)?;
                let permit = session.permit::<TradeDesk>()?;
                let wish = SignalWish { strategy, universe: run.universe, account: run.account };
                print(env, &session.house().run_signals(&permit, &wish)?)
            }
            SignalCommand::Show(show) => {
                let session = env.session(OpenMode::Read)?;
                let permit = session.permit::<ViewSignals>()?;
                match show.symbol {
                    Some(symbol) => {
                        let rows = session.house().signal_history(&permit, symbol, show.account)?;
                        env.out.list(&rows, "no signals of this symbol are stored")
                    }
                    None => print(env, &session.house().signals(&permit, show.account)?),
                }
            }
        }
    }
}

fn print(env: &mut Env<'_>, signals: &Signals) -> Result<(), Failure> {
    if let (Format::Table, Some(session)) = (env.out.format(), signals.session) {
        let (model, universe) = (&signals.model, &signals.universe);
        env.out.remark(&format!("{model} on {universe}, data up to {session}"))?;
    }
    env.out.list(&signals.rows, "no signals; run 'qlib-pro signal run'")?;
    signals.omissions.iter().try_for_each(|omission| env.out.remark(omission))
}
