//! `order submit|list|show|amend|cancel`: trading by hand. Exit 4 when risk refuses.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::order_submit::{Submit, is_refused};
use super::{Env, period, told_of};
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::{AccountId, CleanText, OrderId, OrderStatus, Price, Quantity, Symbol};
use crate::service::as_of::Moment;
use crate::service::deed::{Control, Deed};
use crate::service::permit::ViewPortfolio;
use crate::service::trading::Period;
use crate::service::view::OrderRow;

/// Orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Give an order: SIDE QTY SYMBOL; or `-` to read submit and cancel lines from standard input.
    Submit(Box<Submit>),
    /// Orders, newest first.
    List(List),
    /// One order.
    Show(Show),
    /// Change a working order.
    Amend(Amend),
    /// End a working order, or all of them.
    Cancel(Cancel),
    /// Release an order that a soft limit holds, as a second person.
    Approve(Approve),
}

/// `order list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only this account's.
    #[arg(long)]
    account: Option<AccountId>,
    /// First day of market time.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day of market time.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// As they stood at the end of this day, or at this time such as 2024-01-02T14:30:00Z.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Moment>,
}

/// `order show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Order id.
    id: OrderId,
    /// Account, when several have an order of this id.
    #[arg(long)]
    account: Option<AccountId>,
}

/// `order amend`.
#[derive(Debug, Args)]
pub struct Amend {
    /// Order id.
    id: OrderId,
    /// New quantity.
    #[arg(long = "qty", value_name = "QTY", required_unless_present_any = ["limit", "trigger"])]
    quantity: Option<Quantity>,
    /// New limit price.
    #[arg(long, value_name = "PRICE")]
    limit: Option<Price>,
    /// New trigger price.
    #[arg(long, value_name = "PRICE")]
    trigger: Option<Price>,
    /// Account; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
}

/// `order cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Order id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<OrderId>,
    /// All working orders of the account.
    #[arg(long)]
    all: bool,
    /// With --all: only those on this symbol.
    #[arg(long, requires = "all")]
    symbol: Option<Symbol>,
    /// Account; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
}

/// `order approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// Order id.
    id: OrderId,
    /// Account; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
}

impl OrderCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            OrderCommand::Submit(submit) => submit.run(env),
            OrderCommand::List(list) => {
                let session = env.session(OpenMode::Read)?;
                let permit = session.permit::<ViewPortfolio>()?;
                let (house, period) = (session.house(), period(list.from, list.to));
                let past = list.as_of.map(|moment| house.past(&permit, list.account, moment)).transpose()?;
                let rows = match &past {
                    Some(past) => house.orders_at(&permit, list.account, period, past)?,
                    None => house.orders(&permit, list.account, period)?,
                };
                env.out.list(&rows, "no orders yet")?;
                told_of(env, house, past.as_ref())
            }
            OrderCommand::Show(show) => show.run(env),
            OrderCommand::Amend(amend) => {
                let Amend { id, quantity, limit: limit_price, trigger: trigger_price, account } = amend;
                let deed = Deed::Amend { account, id, quantity, limit_price, trigger_price };
                let row = env.hand()?.act(deed, |_| {})?.order()?;
                env.out.record(&row)?;
                if is_refused(&row) { Err(Failure::Refused) } else { Ok(()) }
            }
            OrderCommand::Cancel(cancel) => cancel.run(env),
            OrderCommand::Approve(Approve { id, account }) => {
                let deed = Deed::Control(Control::ApproveOrder { account, id });
                let row = env.hand()?.act(deed, |_| {})?.order()?;
                env.out.record(&row)?;
                if is_refused(&row) { Err(Failure::Refused) } else { Ok(()) }
            }
        }
    }
}

/// An order and why it is where it is.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: &'a OrderRow,
    route: CleanText,
}

impl Show {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ViewPortfolio>()?;
        let rows = session.house().orders(&permit, self.account, Period::ALL)?;
        let found: Vec<OrderRow> = rows.into_iter().filter(|row| row.id == self.id).collect();
        match found.as_slice() {
            [one] => {
                let route = session.house().route(&permit, one.account, one.id)?;
                env.out.record(&Shown { row: one, route })
            }
            [] => Err(Failure::failed(format!("there is no order {}; see 'qlib-pro order list'", self.id))),
            _ => Err(Failure::usage(format!("several accounts have an order {}; add --account", self.id))),
        }
    }
}

impl Cancel {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let (mut hand, account) = (env.hand()?, self.account);
        match self.id {
            Some(id) => {
                let row = hand.act(Deed::Cancel { account, id }, |_| {})?.order()?;
                env.out.record(&row)?;
                // A broker ends it when it says so; that it was asked is what can be done here.
                let asked = matches!(row.status, OrderStatus::Canceled | OrderStatus::PendingCancel);
                if asked && row.code.is_none() {
                    return Ok(());
                }
                Err(Failure::failed(format!("order {id} was not cancelled: {}", row.reason)))
            }
            None => {
                let rows = hand.act(Deed::CancelAll { account, symbol: self.symbol }, |_| {})?.orders()?;
                env.out.list(&rows, "no working orders")
            }
        }
    }
}
