//! `backup FILE` and `restore FILE`: copies of a home, also while it trades.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::service::admin::{BackupReport, Restored};
use crate::service::permit::Administer;

/// Standard output or input instead of a file.
const STANDARD: &str = "-";

/// `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// File to write, which appears when it is complete; `-` is standard output.
    file: PathBuf,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// Backup to read; `-` is standard input.
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
        let permit = session.permit::<Administer>()?;
        if self.file != Path::new(STANDARD) {
            let report = session.house().back_up(&permit, &self.file)?;
            return print(env, report);
        }
        if std::io::stdout().is_terminal() {
            return Err(Failure::usage("a backup is no text for a terminal: name a file, or pipe it on"));
        }
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("home.backup");
        session.house().back_up(&permit, &file)?;
        let mut copy = File::open(&file)?;
        env.out.copy(&mut copy)
    }
}

impl Restore {
    /// Puts a copy in place: freely where no home is, over one only as who may administer it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let permit = if self.replace {
            let session = env.session(OpenMode::Read).map_err(with_another_way)?;
            Some(session.permit::<Administer>()?)
        } else {
            None
        };
        let folder = tempfile::tempdir()?;
        let given = folder.path().join("home.backup");
        let file = if self.file == Path::new(STANDARD) {
            io::copy(&mut io::stdin().lock(), &mut File::create(&given)?)?;
            &given
        } else {
            &self.file
        };
        let Restored { copied, proof } =
            (env.context.restore)(file, &env.wish(OpenMode::Read, false), permit)?;
        print(env, copied)?;
        match proof {
            Ok(report) if report.sound => env.out.remark(&format!("verified: {}", report.summary())),
            Ok(report) => Err(Failure::failed(format!(
                "the backup is in place, and it is not sound: this home takes no new risk; {}; see 'audit verify', and \
                 restore another backup with --replace",
                report.summary()
            ))),
            Err(error) => Err(Failure::failed(format!(
                "the backup is in place, and could not be verified: this home takes no new risk until 'audit verify' \
                 finds it sound: {error}"
            ))),
        }
    }
}

/// Nobody can log in to a home that cannot be opened: what to do then.
fn with_another_way(failure: Failure) -> Failure {
    match failure {
        Failure::Failed(text) => Failure::failed(format!(
            "{text}. A home that cannot be opened cannot be replaced: mend that, or restore into an empty \
             folder with --home"
        )),
        other => other,
    }
}

fn print(env: &mut Env<'_>, report: BackupReport) -> Result<(), Failure> {
    let files = report.files.into_iter();
    let rows: Vec<Copied> = files.map(|(file, bytes, sha256)| Copied { file, bytes, sha256 }).collect();
    env.out.rows(&rows, "nothing was copied")
}
