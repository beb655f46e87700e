//! `risk list|ack`: refusals and other risk events, and that a person looked at one.

use clap::{Args, Subcommand};

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::Seq;
use crate::service::deed::{Control, Deed};
use crate::service::permit::ViewLimits;

/// Risk events.
#[derive(Debug, Subcommand)]
pub enum RiskCommand {
    /// What risk refused and told, newest first, with who looked at it.
    List(List),
    /// Note that you looked at a risk event, and what came of it.
    Ack(Ack),
}

/// `risk list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only those that nobody has looked at.
    #[arg(long)]
    open: bool,
}

/// `risk ack`.
#[derive(Debug, Args)]
pub struct Ack {
    /// Number of the event, as `risk list` shows it.
    event: Seq,
    /// What was found and done.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl RiskCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            RiskCommand::List(List { open }) => {
                let session = env.session(OpenMode::Read)?;
                let mut rows = session.house().breaches(&session.permit::<ViewLimits>()?)?;
                rows.retain(|row| !open || row.ack_by.is_none());
                env.out.list(&rows, "risk had nothing to say")
            }
            RiskCommand::Ack(Ack { event, reason }) => {
                let deed = Deed::Control(Control::Acknowledge { event, resolution: reason.into() });
                let row = env.hand()?.act(deed, |_| {})?.risk_event()?;
                env.out.record(&row)
            }
        }
    }
}
