//! `completions SHELL`: a completion script, made from the definition of the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Env;
use crate::cli::args::Cli;
use crate::cli::errors::Failure;

/// Print shell completions.
#[derive(Debug, Args)]
pub struct Completions {
    /// Shell to complete for.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "qlib-pro", &mut script);
        env.out.bytes(&script)
    }
}
