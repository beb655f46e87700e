//! The command line as types: global flags and one variant a command. Help, completions and the man page come
//! from here and from nowhere else.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands;
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
    /// Factors: list, compute, process, evaluate.
    #[command(subcommand)]
    Factor(commands::factor::FactorCommand),
    /// Print shell completions.
    Completions(commands::completions::Completions),
    /// Print the manual page.
    Man(commands::man::Man),
}

/// One of the exchanges.
pub fn exchange_parser() -> impl TypedValueParser<Value = Exchange> {
    PossibleValuesParser::new(Exchange::ALL.map(Exchange::code)).try_map(|text| text.parse::<Exchange>())
}

/// One of the roles.
pub fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|text| text.parse::<Role>())
}
