//! `rebalance`: signals to targets to orders, each printed with its risk decision.

use std::path::PathBuf;

use clap::Args;

use super::Env;
use super::signal::strategy_text;
use crate::cli::errors::Failure;
use crate::domain::AccountId;
use crate::service::deed::Deed;

/// `rebalance`.
#[derive(Debug, Args)]
pub struct Rebalance {
    /// Strategy file; the default strategy without it.
    #[arg(long, value_name = "FILE")]
    strategy: Option<PathBuf>,
    /// Account to trade; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
    /// Show the orders and decisions, and give none.
    #[arg(long)]
    dry_run: bool,
}

impl Rebalance {
    /// Gives the orders; exit 4 when risk refused any (the rest stand).
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let strategy = strategy_text(self.strategy.as_deref())?;
        let deed = Deed::Rebalance { account: self.account, strategy, dry_run: self.dry_run };
        let basket = env.hand()?.act(deed, |_| {})?.basket()?;
        env.out.rows(&basket.rows, "nothing to trade: holdings are within the band of their targets")?;
        for skipped in &basket.skipped {
            env.out.remark(skipped)?;
        }
        if basket.any_refused() { Err(Failure::Refused) } else { Ok(()) }
    }
}
