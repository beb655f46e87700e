//! `history`: fills, newest first.

use chrono::NaiveDate;
use clap::Args;

use super::{Env, period, told_of};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::AccountId;
use crate::service::as_of::Moment;
use crate::service::permit::ViewPortfolio;
use crate::service::trading::LISTING_MAX;

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Only this account's.
    #[arg(long)]
    account: Option<AccountId>,
    /// First day of market time.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day of market time.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Only what had happened by the end of this day, or by this time such as 2024-01-02T14:30:00Z.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Moment>,
}

impl History {
    /// Prints the fills.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let (house, wanted) = (session.house(), period(self.from, self.to));
        let permit = session.permit::<ViewPortfolio>()?;
        let past = self.as_of.map(|moment| house.past(&permit, self.account, moment)).transpose()?;
        let rows = match &past {
            Some(past) => house.history_at(&permit, self.account, wanted, past)?,
            None => house.history(&permit, self.account, wanted, LISTING_MAX)?,
        };
        env.out.list(&rows, "no trades yet")?;
        told_of(env, house, past.as_ref())
    }
}
