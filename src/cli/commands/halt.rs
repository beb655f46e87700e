//! `halt SCOPE` and `resume SCOPE`: stop trading, and go on.

use clap::Args;
use serde::Serialize;

use super::Env;
use crate::cli::args::one_of;
use crate::cli::errors::Failure;
use crate::domain::event::HaltMode;
use crate::domain::limit::Scope;
use crate::service::deed::{Control, Deed};

/// How hard a halt is.
const MODES: &[(&str, HaltMode)] = &[("halted", HaltMode::Halted), ("reducing", HaltMode::Reducing)];

/// `halt`.
#[derive(Debug, Args)]
pub struct Halt {
    /// firm, account:NAME or symbol:NAME.
    scope: Scope,
    /// No new orders at all, or only those that reduce a position.
    #[arg(long, value_parser = one_of(MODES), default_value = "halted")]
    mode: HaltMode,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// firm, account:NAME or symbol:NAME.
    scope: Scope,
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
        let deed = Control::Halt { scope: self.scope, mode: self.mode };
        env.hand()?.act(Deed::Control(deed), |_| {})?;
        let state = match self.mode {
            HaltMode::Halted => "halted",
            HaltMode::Reducing => "reducing",
        };
        env.out.told(&Standing { scope: self.scope, state }, &format!("trading is halted for {}", self.scope))
    }
}

impl Resume {
    /// Lifts a halt.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        env.hand()?.act(Deed::Control(Control::Resume(self.scope)), |_| {})?;
        let standing = Standing { scope: self.scope, state: "trading" };
        env.out.told(&standing, &format!("trading goes on for {}", self.scope))
    }
}
