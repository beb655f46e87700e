//! `account open|list`: accounts and their totals.

use clap::{Args, Subcommand};

use super::Env;
use crate::cli::args::{exchange_parser, one_of};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::{
    AccountId, AccountKind, BrokerId, Currency, Exchange, LotMethod, Margin, Money, TriggerType, UserName,
};
use crate::service::admin::AccountWish;
use crate::service::deed::Deed;
use crate::service::permit::ViewPortfolio;
use crate::service::view;

/// Kinds that can be opened in this release.
const KINDS: &[(&str, AccountKind)] =
    &[("paper", AccountKind::Paper), ("simulation", AccountKind::Simulation)];

/// Where orders can be executed.
const BROKERS: &[(&str, BrokerId)] = &[("paper", BrokerId::Paper), ("alpaca", BrokerId::Alpaca)];

/// How purchases can be covered.
const MARGINS: &[(&str, Margin)] = &[("cash", Margin::Cash), ("reg_t", Margin::RegT)];

/// Which lots a sale can close.
const LOTS: &[(&str, LotMethod)] =
    &[("fifo", LotMethod::Fifo), ("average", LotMethod::Average), ("specific", LotMethod::Specific)];

/// Which price can set off stops and touches.
const TRIGGERS: &[(&str, TriggerType)] = &[
    ("last", TriggerType::Last),
    ("bid_ask", TriggerType::BidAsk),
    ("mid", TriggerType::Mid),
    ("double_last", TriggerType::DoubleLast),
];

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Open an account; its exchange and kind are fixed from then on.
    Open(Open),
    /// Accounts with their totals.
    List,
}

/// `account open`.
#[derive(Debug, Args)]
pub struct Open {
    /// Name of the new account.
    name: AccountId,
    /// Opening cash.
    #[arg(long, value_name = "AMOUNT")]
    cash: Money,
    /// Market it trades on; the desk's by default.
    #[arg(long, value_parser = exchange_parser(), ignore_case = true)]
    exchange: Option<Exchange>,
    /// Its currency; the exchange's by default.
    #[arg(long)]
    currency: Option<Currency>,
    /// Paper by default.
    #[arg(long, value_parser = one_of(KINDS))]
    kind: Option<AccountKind>,
    /// Whose it is; the desk's by default.
    #[arg(long, value_name = "USER")]
    owner: Option<UserName>,
    /// Where its orders are executed: the paper exchange of the home by default.
    #[arg(long, value_parser = one_of(BROKERS))]
    broker: Option<BrokerId>,
    /// It may sell short.
    #[arg(long)]
    short: bool,
    /// How purchases are covered: in full from cash by default, or half by equity (Regulation T).
    #[arg(long, value_parser = one_of(MARGINS))]
    margin: Option<Margin>,
    /// Which lots a sale closes: the oldest first by default, all at their average cost, or the one an order names.
    #[arg(long, value_parser = one_of(LOTS))]
    lots: Option<LotMethod>,
    /// Which price sets off stops and touches: the last print by default, bid or ask (the side the order would take),
    /// their middle, or two prints in a row.
    #[arg(long, value_parser = one_of(TRIGGERS))]
    trigger: Option<TriggerType>,
}

impl AccountCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            AccountCommand::Open(open) => open.run(env),
            AccountCommand::List => {
                let session = env.session(OpenMode::Read)?;
                let permit = session.permit::<ViewPortfolio>()?;
                let portfolios = session.house().portfolios(&permit, None)?;
                let totals: Vec<view::Account> = portfolios.into_iter().map(|p| p.totals).collect();
                env.out.list(&totals, "no accounts")
            }
        }
    }
}

impl Open {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let wish = AccountWish {
            account: self.name,
            cash: self.cash,
            exchange: self.exchange,
            currency: self.currency,
            kind: self.kind,
            owner: self.owner,
            broker: self.broker.unwrap_or_default(),
            short: self.short,
            margin: self.margin.unwrap_or_default(),
            lots: self.lots.unwrap_or_default(),
            trigger: self.trigger.unwrap_or_default(),
        };
        env.hand()?.act(Deed::OpenAccount(wish), |_| {})?;
        env.out.remark(&format!("account {} is open with {}", self.name, self.cash))
    }
}
