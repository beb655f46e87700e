//! `doctor`: is this machine and home fit to work with? Needs neither home nor user.

use clap::Args;

use super::Env;
use crate::cli::errors::Failure;

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

impl DoctorArgs {
    /// Prints what was found; exit 1 when something needs attention.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let rows = (env.context.doctor)(env.globals.home.as_deref());
        env.out.rows(&rows, "nothing to check")?;
        let bad: Vec<&str> = rows.iter().filter(|r| !r.ok).map(|r| r.name.as_str()).collect();
        if bad.is_empty() {
            return env.out.remark("everything is as it should be");
        }
        Err(Failure::failed(format!("needs attention: {}", bad.join(", "))))
    }
}
