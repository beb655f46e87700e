//! `halt SCOPE`, `flatten SCOPE` and `resume SCOPE`: stop trading, close positions, and go on.

use clap::Args;
use serde::Serialize;

use super::Env;
use super::order_submit::is_refused;
use crate::cli::args::one_of;
use crate::cli::credentials;
use crate::cli::errors::Failure;
use crate::domain::CleanText;
use crate::domain::event::HaltMode;
use crate::domain::limit::Scope;
use crate::service::deed::{Control, Deed};
use crate::service::view::drill_told;

/// What is typed on a terminal to lift a halt.
const RESUME_WORD: &str = "resume";
/// What is typed on a terminal to close positions.
const FLATTEN_WORD: &str = "flatten";
/// How hard a halt is.
const MODES: &[(&str, HaltMode)] = &[("halted", HaltMode::Halted), ("reducing", HaltMode::Reducing)];

/// `halt`.
#[derive(Debug, Args)]
pub struct Halt {
    /// firm, account:NAME, symbol:NAME or strategy:NAME.
    scope: Scope,
    /// No new orders at all, or only those that reduce a position.
    #[arg(long, value_parser = one_of(MODES), default_value = "halted")]
    mode: HaltMode,
    /// End the open orders of the scope in the same step.
    #[arg(long)]
    cancel: bool,
    /// Only try it, on a copy of the book: says how many open orders it would end and how long that takes. On record.
    #[arg(long, conflicts_with_all = ["cancel", "reason"])]
    drill: bool,
    /// Why: it stands in the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: CleanText,
}

/// `flatten`.
#[derive(Debug, Args)]
pub struct Flatten {
    /// firm, account:NAME or symbol:NAME.
    scope: Scope,
    /// Without it the word is asked for on a terminal, and nothing is done elsewhere.
    #[arg(long)]
    confirm: bool,
    /// Why: it stands in the audit trail.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: CleanText,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// firm, account:NAME, symbol:NAME or strategy:NAME.
    scope: Scope,
}

/// What a drill found.
#[derive(Debug, Serialize)]
struct Drilled {
    scope: Scope,
    orders: u32,
    micros: u64,
}

/// How a scope stands after a command.
#[derive(Debug, Serialize)]
struct Standing {
    scope: Scope,
    state: &'static str,
}

impl Halt {
    /// Stops trading in the scope.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if self.drill {
            let scope = self.scope;
            let deed = Deed::Control(Control::Drill(scope));
            let (orders, micros) = env.hand()?.act(deed, |_| {})?.drilled()?;
            return env.out.told(&Drilled { scope, orders, micros }, &drill_told(scope, orders, micros));
        }
        let (scope, mode, cancel, reason) = (self.scope, self.mode, self.cancel, self.reason);
        let deed = Control::Halt { scope, mode, cancel, reason };
        let canceled = env.hand()?.act(Deed::Control(deed), |_| {})?.canceled()?;
        let state = match mode {
            HaltMode::Halted => "halted",
            HaltMode::Reducing => "reducing",
        };
        let ended = if cancel { format!("; {canceled} open orders were ended") } else { String::new() };
        let sentence = format!("{scope}: {}{ended}", mode.told());
        env.out.told(&Standing { scope, state }, &sentence)
    }
}

impl Flatten {
    /// Closes positions; exit 4 when any of the orders was refused.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let Self { scope, reason, confirm } = self;
        if !confirm {
            if !credentials::may_ask() {
                return Err(Failure::usage("closing positions wants --confirm"));
            }
            let asked = format!("Type '{FLATTEN_WORD}' to close all positions of {scope} at market: ");
            if credentials::ask_line(&asked)?.trim() != FLATTEN_WORD {
                return Err(Failure::failed(format!("nothing was closed: the word is '{FLATTEN_WORD}'")));
            }
        }
        let deed = Deed::Control(Control::Flatten { scope, reason });
        let rows = env.hand()?.act(deed, |_| {})?.orders()?;
        env.out.list(&rows, "nothing is held there")?;
        if rows.iter().any(is_refused) { Err(Failure::Refused) } else { Ok(()) }
    }
}

impl Resume {
    /// Lifts a halt.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if credentials::may_ask() {
            let typed =
                credentials::ask_line(&format!("Type '{RESUME_WORD}' to let {} trade again: ", self.scope))?;
            if typed.trim() != RESUME_WORD {
                return Err(Failure::failed(format!("nothing was resumed: the word is '{RESUME_WORD}'")));
            }
        }
        env.hand()?.act(Deed::Control(Control::Resume(self.scope)), |_| {})?;
        let standing = Standing { scope: self.scope, state: "trading" };
        env.out.told(&standing, &format!("trading goes on for {}", self.scope))
    }
}
