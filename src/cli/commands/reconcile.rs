//! `reconcile list|adopt`: what differs between accounts and their brokers, and taking over what stood there before.

use clap::Subcommand;

use super::Env;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::{AccountId, Symbol};
use crate::service::deed::{Control, Deed};
use crate::service::permit::ControlRisk;

/// Differences between accounts and their brokers.
#[derive(Debug, Subcommand)]
pub enum ReconcileCommand {
    /// What differs, and who asked to take it over.
    List,
    /// Take over what the broker holds more of a symbol, at its average entry price; a second person gives the same
    /// command to agree.
    Adopt {
        /// Account at a broker.
        account: AccountId,
        /// Symbol.
        symbol: Symbol,
    },
}

impl ReconcileCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            ReconcileCommand::List => {
                let session = env.session(OpenMode::Read)?;
                let rows = session.house().differences(&session.permit::<ControlRisk>()?)?;
                env.out.list(&rows, "accounts and their brokers agree")
            }
            ReconcileCommand::Adopt { account, symbol } => {
                let deed = Deed::Control(Control::TakeOver { account, symbol });
                let row = env.hand()?.act(deed, |_| {})?.claim()?;
                env.out.record(&row)
            }
        }
    }
}
