//! `audit verify|export`: proof of the journal, and the whole trail.

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::service::access::Session;
use crate::service::audit::AuditLine;
use crate::service::permit::Audit;

/// The audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prove the chain, the sums, and that the tables agree with the journal; exit 1 when they do not.
    Verify,
    /// The whole trail: every event, login, denial and administrative act.
    Export,
}

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
            AuditCommand::Verify => {
                let report = session.house().verify_audit(&session.permit::<Audit>()?)?;
                env.out.record(&report)?;
                if report.sound {
                    return Ok(());
                }
                Err(Failure::failed(
                    "the audit trail is not sound: keep this home as it is, and restore a backup elsewhere",
                ))
            }
            AuditCommand::Export => export(env, &session),
        }
    }
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
