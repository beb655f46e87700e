//! `demo`: the workstation on a throw-away home with the simulated market.

use clap::Args;

use super::Env;
use crate::cli::args::role_parser;
use crate::cli::context::{Demo, Launch};
use crate::cli::errors::Failure;
use crate::domain::Role;

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Whose screen to open; without it you pick.
    #[arg(long, value_parser = role_parser())]
    role: Option<Role>,
    /// Seed of the simulated market.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Names on it (60 by default).
    #[arg(long, value_name = "N")]
    symbols: Option<u32>,
}

impl DemoArgs {
    /// Opens it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let demo = Demo { role: self.role, seed: self.seed, symbols: self.symbols };
        (env.context.terminal)(&Launch { home: None, user: None, demo: Some(demo), ..env.launch() })
    }
}
