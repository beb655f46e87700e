//! The command line: arguments in, text and an exit code out.
//!
//! [`args`] is the definition; help, completions and man page come from it. Each command is one file in
//! [`commands`] that calls the service and prints what comes back. [`credentials`] is the only reader of password
//! variables and the no-echo prompt, [`errors`] the only place that decides exit codes, [`output`] the only printer.
//! This room decides nothing about trading: it names only the service and the domain.

// The command line is where the program prints.
#![allow(clippy::print_stderr)]

pub mod args;
pub mod commands;
pub mod context;
pub mod credentials;
pub mod errors;
pub mod output;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::domain::CleanText;
use args::Cli;
use commands::Env;
use context::Context;
use errors::Failure;

/// Runs one command line. Prints its results, and its error if there is one.
pub fn run(args: impl IntoIterator<Item = OsString>, context: &Context<'_>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let mut env = Env::new(context, cli.globals);
    let done = match cli.command {
        Some(command) => command.run(&mut env),
        None => (context.terminal)(&env.launch()),
    };
    // What was printed so far belongs before the error, also when the error is that it could not be printed.
    let flushed = env.out.flush();
    match done.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Help and version go to standard output, wrong usage to standard error with exit 2.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let clean: Vec<String> = text.lines().map(|line| CleanText::new(line).to_string()).collect();
    if error.use_stderr() {
        eprintln!("{}", clean.join("\n"));
        return ExitCode::from(Failure::Usage(text).code());
    }
    let mut out = output::Out::new(output::Format::Table, false);
    let printed = out.bytes(clean.join("\n").as_bytes()).and_then(|()| out.bytes(b"\n"));
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
