//! `replay SCRIPT`: a script of commands and market events through the trading engine; needs no home.

use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;

use super::Env;
use crate::cli::errors::Failure;
use crate::cli::output::Sink;
use crate::domain::CleanText;
use crate::service::files;
use crate::service::files::replay::{self, ReplayError};

/// `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Script, one JSON object a line; plain, gzip or zstd; `-` is standard input.
    script: PathBuf,
    /// Where the events go; standard output without it.
    #[arg(long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    out: PathBuf,
}

impl Replay {
    /// Runs the script. On a malformed line the events before it are printed, but no file appears.
    pub fn run(self, _: &mut Env<'_>) -> Result<(), Failure> {
        let name = CleanText::new(&self.script.to_string_lossy());
        let reader = BufReader::new(files::open(&self.script).map_err(Failure::of)?);
        let mut sink = Sink::create(&self.out)?;
        match replay::run(reader, &mut sink) {
            Ok(()) => sink.finish(),
            Err(ReplayError::Write(error)) => Err(error.into()),
            Err(error) => Err(Failure::failed(format!("'{name}', {error}"))),
        }
    }
}
