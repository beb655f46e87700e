//! `backup FILE` and `restore FILE`: copies of a home, also while it trades.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::service::admin::BackupReport;
use crate::service::permit::Administer;

/// `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// File to write; it appears when it is complete.
    file: PathBuf,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// Backup to read.
    file: PathBuf,
    /// Put it in place of a home that is there; its stores stay beside as NAME.before-restore.
    #[arg(long)]
    replace: bool,
}

/// One store of a copy.
#[derive(Debug, Serialize)]
struct Copied {
    file: String,
    bytes: u64,
    sha256: String,
}

impl Backup {
    /// Copies the home into one file.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let report = session.house().back_up(&session.permit::<Administer>()?, &self.file)?;
        print(env, report)
    }
}

impl Restore {
    /// Puts a copy in place: freely where no home is, over one only as who may administer it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let permit = if self.replace {
            let session = env.session(OpenMode::Read)?;
            Some(session.permit::<Administer>()?)
        } else {
            None
        };
        let report = (env.context.restore)(&self.file, env.globals.home.as_deref(), permit)?;
        print(env, report)
    }
}

fn print(env: &mut Env<'_>, report: BackupReport) -> Result<(), Failure> {
    let files = report.files.into_iter();
    let rows: Vec<Copied> = files.map(|(file, bytes, sha256)| Copied { file, bytes, sha256 }).collect();
    env.out.rows(&rows, "nothing was copied")
}
