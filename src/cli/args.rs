//! The command line as types: global flags and one variant a command. Help, completions and the man page come
//! from here and from nowhere else.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands::{self, Env};
use super::errors::Failure;
use super::output::Format;
use crate::domain::{Exchange, Role};

/// A local-first trading workstation in the terminal: factors, signals, risk, paper trading.
///
/// Without a command it opens the workstation.
#[derive(Debug, Parser)]
#[command(name = "qlib-pro", version, max_term_width = 100, arg_required_else_help = false)]
pub struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; the workstation when there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// And what deserves attention.
    Warn,
    /// And what happens.
    #[default]
    Info,
    /// And how.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word the log understands.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// Flags that every command has.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Folder of the home: stores, settings, log and exports (default: the XDG data folder).
    #[arg(long, global = true, env = "QLIB_PRO_HOME", value_name = "DIR", hide_env_values = true)]
    pub home: Option<PathBuf>,
    /// Who acts. The password comes from QLIB_PRO_PASSWORD or is asked for; it is never an argument.
    #[arg(long, global = true, env = "QLIB_PRO_USER", value_name = "NAME", hide_env_values = true)]
    pub user: Option<String>,
    /// How lists are printed.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: Format,
    /// No remarks and no progress; results and errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// How much the log says.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "LEVEL")]
    pub log_level: LogLevel,
    /// When to use colours (NO_COLOR is honoured).
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the workstation on a throw-away home with the simulated market.
    Demo(commands::demo::DemoArgs),
    /// Accounts: open, list.
    #[command(subcommand)]
    Account(commands::account::AccountCommand),
    /// Files into the market store; exit 5 when some rows were not good.
    #[command(subcommand)]
    Import(commands::import::ImportCommand),
    /// Fetch what is missing from the vendors; resumable; exit 5 when some rows were not good.
    Sync(commands::sync::Sync),
    /// Find an instrument by name or symbol at the vendors.
    Search(commands::sync::Search),
    /// Last prices from the vendors; nothing is stored.
    Quote(commands::quote::Quote),
    /// Move market time: feed stored (on SIM: generated) bars to the engine, once each.
    Advance(commands::advance::Advance),
    /// Factors: list, compute, process, evaluate.
    #[command(subcommand)]
    Factor(commands::factor::FactorCommand),
    /// Signals: run the model, show its ranking.
    #[command(subcommand)]
    Signal(commands::signal::SignalCommand),
    /// Turn signals into orders; exit 4 when risk refused any (the rest stand).
    Rebalance(commands::rebalance::Rebalance),
    /// Run a script of commands and market events through the trading engine.
    Replay(commands::replay::Replay),
    /// Orders by hand: submit, list, show, amend, cancel; exit 4 when risk refuses.
    #[command(subcommand)]
    Order(commands::order::OrderCommand),
    /// Holdings and profit.
    Portfolio(commands::portfolio::PortfolioArgs),
    /// Trades, newest first.
    History(commands::history::History),
    /// Risk limits: show, history, diff, set, approve, revert.
    #[command(subcommand)]
    Limits(commands::limits::LimitsCommand),
    /// What risk refused and told: list, ack.
    #[command(subcommand)]
    Risk(commands::risk::RiskCommand),
    /// Stop trading in a scope.
    Halt(commands::halt::Halt),
    /// Close the positions of a scope at market.
    Flatten(commands::halt::Flatten),
    /// Go on trading in a scope.
    Resume(commands::halt::Resume),
    /// Differences between accounts and their brokers: list, adopt.
    #[command(subcommand)]
    Reconcile(commands::reconcile::ReconcileCommand),
    /// People: add, list, role, password, disable.
    #[command(subcommand)]
    User(commands::user::UserCommand),
    /// Keys of vendors and brokers: set, list, remove.
    #[command(subcommand)]
    Key(commands::key::KeyCommand),
    /// Tables out, as CSV or JSON.
    #[command(subcommand)]
    Export(commands::export::ExportCommand),
    /// The audit trail: verify, export.
    #[command(subcommand)]
    Audit(commands::audit::AuditCommand),
    /// Copy the home into one file, also while it trades.
    Backup(commands::backup::Backup),
    /// Put a backup in place.
    Restore(commands::backup::Restore),
    /// Is this machine and home fit to work with?
    Doctor(commands::doctor::DoctorArgs),
    /// Where the home and everything in it lives.
    Paths(commands::paths::PathsArgs),
    /// Print shell completions.
    Completions(commands::completions::Completions),
    /// Print the manual page.
    Man(commands::man::Man),
}

impl Command {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            Command::Demo(c) => c.run(env),
            Command::Account(c) => c.run(env),
            Command::Import(c) => c.run(env),
            Command::Sync(c) => c.run(env),
            Command::Search(c) => c.run(env),
            Command::Quote(c) => c.run(env),
            Command::Advance(c) => c.run(env),
            Command::Factor(c) => c.run(env),
            Command::Signal(c) => c.run(env),
            Command::Rebalance(c) => c.run(env),
            Command::Replay(c) => c.run(env),
            Command::Order(c) => c.run(env),
            Command::Portfolio(c) => c.run(env),
            Command::History(c) => c.run(env),
            Command::Limits(c) => c.run(env),
            Command::Risk(c) => c.run(env),
            Command::Halt(c) => c.run(env),
            Command::Flatten(c) => c.run(env),
            Command::Resume(c) => c.run(env),
            Command::Reconcile(c) => c.run(env),
            Command::User(c) => c.run(env),
            Command::Key(c) => c.run(env),
            Command::Export(c) => c.run(env),
            Command::Audit(c) => c.run(env),
            Command::Backup(c) => c.run(env),
            Command::Restore(c) => c.run(env),
            Command::Doctor(c) => c.run(env),
            Command::Paths(c) => c.run(env),
            Command::Completions(c) => c.run(env),
            Command::Man(c) => c.run(env),
        }
    }
}

/// One of the exchanges.
pub fn exchange_parser() -> impl TypedValueParser<Value = Exchange> {
    PossibleValuesParser::new(Exchange::ALL.map(Exchange::code)).try_map(|text| text.parse::<Exchange>())
}

/// One of the roles.
pub fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|text| text.parse::<Role>())
}

/// One of these words, with what it stands for.
pub fn one_of<T: Copy + Send + Sync + 'static>(
    words: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words.iter().map(|(word, _)| *word)).try_map(move |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or("is none of the words offered")
    })
}
