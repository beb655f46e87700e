//! `portfolio`: holdings and profit of every account in sight, or of one.

use clap::Args;

use super::{Env, told_of};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::cli::output::Format;
use crate::domain::AccountId;
use crate::service::as_of::Moment;
use crate::service::permit::ViewPortfolio;

/// `portfolio`.
#[derive(Debug, Args)]
pub struct PortfolioArgs {
    /// Only this account.
    #[arg(long)]
    account: Option<AccountId>,
    /// As it stood at the end of this day, or at this time such as 2024-01-02T14:30:00Z.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Moment>,
    /// The open lots instead, with the numbers that 'order submit --lot' takes.
    #[arg(long, conflicts_with = "as_of")]
    lots: bool,
}

impl PortfolioArgs {
    /// Prints totals with holdings: nested in JSON, one after the other for people, holdings alone as CSV.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ViewPortfolio>()?;
        let house = session.house();
        if self.lots {
            return env.out.list(&house.open_lots(&permit, self.account)?, "no holdings");
        }
        let past = self.as_of.map(|moment| house.past(&permit, self.account, moment)).transpose()?;
        let portfolios = match &past {
            Some(past) => house.portfolios_at(&permit, self.account, past)?,
            None => house.portfolios(&permit, self.account)?,
        };
        match env.out.format() {
            Format::Json => env.out.rows(&portfolios, ""),
            Format::Csv => {
                let holdings: Vec<_> = portfolios.into_iter().flat_map(|p| p.positions).collect();
                env.out.list(&holdings, "")
            }
            Format::Table => {
                for portfolio in &portfolios {
                    env.out.record(&portfolio.totals)?;
                    env.out.blank()?;
                    env.out.list(&portfolio.positions, "no holdings")?;
                    env.out.blank()?;
                }
                if portfolios.is_empty() {
                    env.out.remark("no accounts")?;
                }
                told_of(env, house, past.as_ref())
            }
        }
    }
}
