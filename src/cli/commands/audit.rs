//! `audit verify|accept|export`: proof of the journal, and the whole trail.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::Sink;
use crate::domain::CleanText;
use crate::service::access::Session;
use crate::service::audit::{AuditHead, AuditLine, AuditReport};
use crate::service::files::open;
use crate::service::nightly::unsound_row;
use crate::service::permit::{Administer, Audit};

/// The audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prove the chain, the sums, and that the tables agree with the journal; exit 1 when they do not.
    Verify {
        /// Prove also that nothing before a head exported earlier was changed or cut off; `-` is standard input.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Accept the trades as they stand where trades.anchor was lost, and prove them; for who administers the home.
    Accept,
    /// The whole trail: every event, login, denial and administrative act.
    Export {
        /// Instead write the end of the trail, to be kept elsewhere for `verify --against`; `-` is standard output.
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
}

/// Most bytes of a head file.
const HEAD_BYTES_MAX: u64 = 4_096;

/// One line of the trail with the same fields for events and acts.
#[derive(Debug, Serialize)]
struct Line {
    seq: Value,
    t: Value,
    wall: Value,
    kind: &'static str,
    actor: Value,
    what: Value,
    outcome: Value,
    detail: Value,
}

impl AuditCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        match self {
            AuditCommand::Verify { against } => {
                let against = against.map(|path| read_head(&path)).transpose()?;
                let report = session.house().verify_audit(&session.permit::<Audit>()?, against.as_ref())?;
                print(env, session.house().home(), &report)
            }
            AuditCommand::Accept => {
                let report = session.house().accept_trades(&session.permit::<Administer>()?)?;
                print(env, session.house().home(), &report)
            }
            AuditCommand::Export { head: Some(path) } => write_head(&session, &path),
            AuditCommand::Export { head: None } => export(env, &session),
        }
    }
}

/// Prints what was found; an error when it is not sound, or sound by itself and not what a head says.
fn print(env: &mut Env<'_>, home: &Path, report: &AuditReport) -> Result<(), Failure> {
    env.out.record(report)?;
    if report.sound {
        return Ok(());
    }
    Err(Failure::failed(if unsound_row(home).is_some() {
        "the audit trail is not sound, and this home takes no new risk: keep it as it is, and restore a backup elsewhere, \
         or over it with 'restore --replace'"
    } else {
        "the audit trail is sound by itself, and not what the head says: the head is of another home, or the trail was \
         replaced since; compare it with a backup. This home trades on"
    }))
}

fn read_head(path: &Path) -> Result<AuditHead, Failure> {
    let name = CleanText::new(&path.display().to_string());
    let wrong = |why: String| Failure::failed(format!("{name} is no head of an audit trail: {why}"));
    let mut text = String::new();
    let file = open(path).map_err(Failure::of)?;
    file.take(HEAD_BYTES_MAX).read_to_string(&mut text).map_err(|e| wrong(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| wrong(format!("{e}; export it with 'audit export --head'")))
}

fn write_head(session: &Session, path: &Path) -> Result<(), Failure> {
    let head = session.house().audit_head(&session.permit::<Audit>()?)?;
    let mut sink = Sink::create(path)?;
    serde_json::to_writer(&mut sink, &head).map_err(Failure::of)?;
    sink.write_all(b"\n")?;
    sink.finish()
}

/// Prints the trail.
pub fn export(env: &mut Env<'_>, session: &Session) -> Result<(), Failure> {
    let mut lines = Vec::new();
    session.house().audit_trail(&session.permit::<Audit>()?, |line| lines.push(line))?;
    let lines = lines.iter().map(line).collect::<Result<Vec<Line>, Failure>>()?;
    env.out.rows(&lines, "nothing happened yet")
}

fn line(line: &AuditLine) -> Result<Line, Failure> {
    match line {
        AuditLine::Event(event) => {
            let mut data = serde_json::to_value(event).map_err(Failure::of)?;
            let mut take = |key: &str| data.get_mut(key).map(Value::take).unwrap_or_default();
            let (seq, t, wall) = (take("seq"), take("t"), take("wall"));
            let (actor, what) = (take("by"), take("event"));
            if let Some(fields) = data.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            Ok(Line { seq, t, wall, kind: "event", actor, what, outcome: Value::Null, detail: data })
        }
        AuditLine::Act { wall, user, what, outcome, detail } => Ok(Line {
            seq: Value::Null,
            t: Value::Null,
            wall: wall.to_string().into(),
            kind: "act",
            actor: user.as_str().into(),
            what: what.as_str().into(),
            outcome: outcome.as_str().into(),
            detail: detail.as_str().into(),
        }),
    }
}
