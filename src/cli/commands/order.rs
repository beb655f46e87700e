//! `order submit|list|show|amend|cancel`: trading by hand. Exit 4 when risk refuses.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::{Env, order_stream, period};
use crate::cli::args::one_of;
use crate::cli::context::OpenMode;
use crate::cli::errors::Failure;
use crate::domain::{AccountId, OrderId, OrderStatus, OrderType, Price, Quantity, Side, Symbol, TimeInForce};
use crate::service::as_of::Moment;
use crate::service::deed::Deed;
use crate::service::permit::ViewPortfolio;
use crate::service::trading::{OrderWish, Period};
use crate::service::view::OrderRow;

/// Order types offered.
pub const TYPES: &[(&str, OrderType)] = &[("market", OrderType::Market), ("limit", OrderType::Limit)];
/// How long an order works.
pub const TIFS: &[(&str, TimeInForce)] = &[("day", TimeInForce::Day), ("gtc", TimeInForce::Gtc)];
/// The argument that asks for lines from standard input.
const STREAM: &str = "-";

/// Orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Give an order: SIDE QTY SYMBOL; or `-` to read submit and cancel lines from standard input.
    Submit(Submit),
    /// Orders, newest first.
    List(List),
    /// One order.
    Show(Show),
    /// Change a working order.
    Amend(Amend),
    /// End a working order, or all of them.
    Cancel(Cancel),
}

/// `order submit`.
#[derive(Debug, Args)]
pub struct Submit {
    /// buy or sell; `-` reads lines of `replay` without `t` and answers each with one line.
    side: String,
    /// How many shares.
    quantity: Option<Quantity>,
    /// What.
    symbol: Option<Symbol>,
    /// Kind of order; limit when --limit is given, else market.
    #[arg(long = "type", value_parser = one_of(TYPES), value_name = "TYPE")]
    order_type: Option<OrderType>,
    /// Worst acceptable price.
    #[arg(long, value_name = "PRICE")]
    limit: Option<Price>,
    /// How long it works.
    #[arg(long, value_parser = one_of(TIFS), default_value = "day")]
    tif: TimeInForce,
    /// Your own id for it; the same id never trades twice.
    #[arg(long)]
    id: Option<OrderId>,
    /// Account; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
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
    #[arg(long = "qty", value_name = "QTY", required_unless_present = "limit")]
    quantity: Option<Quantity>,
    /// New limit price.
    #[arg(long, value_name = "PRICE")]
    limit: Option<Price>,
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

impl OrderCommand {
    /// Runs it.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        match self {
            OrderCommand::Submit(submit) => submit.run(env),
            OrderCommand::List(list) => {
                let session = env.session(OpenMode::Read)?;
                let permit = session.permit::<ViewPortfolio>()?;
                let (house, period) = (session.house(), period(list.from, list.to));
                let rows = match list.as_of {
                    Some(moment) => house.orders_at(&permit, list.account, period, moment)?,
                    None => house.orders(&permit, list.account, period)?,
                };
                env.out.list(&rows, "no orders yet")
            }
            OrderCommand::Show(show) => show.run(env),
            OrderCommand::Amend(amend) => {
                let Amend { id, quantity, limit: limit_price, account } = amend;
                let deed = Deed::Amend { account, id, quantity, limit_price, trigger_price: None };
                let row = env.hand()?.act(deed, |_| {})?.order()?;
                env.out.record(&row)?;
                if row.code.is_some() { Err(Failure::Refused) } else { Ok(()) }
            }
            OrderCommand::Cancel(cancel) => cancel.run(env),
        }
    }
}

/// Whether the order went no further than our own checks or the venue's.
pub fn is_refused(row: &OrderRow) -> bool {
    matches!(row.status, OrderStatus::Denied | OrderStatus::Rejected)
}

impl Submit {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if self.side == STREAM {
            return match (self.quantity, self.symbol, self.order_type, self.limit, self.id) {
                (None, None, None, None, None) => order_stream::run(env, self.account),
                _ => Err(Failure::usage("'order submit -' takes its orders from standard input only")),
            };
        }
        let wish = self.wish()?;
        let deed = Deed::Submit { account: self.account, order: wish };
        let row = env.hand()?.act(deed, |_| {})?.order()?;
        env.out.record(&row)?;
        if is_refused(&row) { Err(Failure::Refused) } else { Ok(()) }
    }

    fn wish(&self) -> Result<OrderWish, Failure> {
        let side = match self.side.as_str() {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return Err(Failure::usage(format!("'{}' is neither buy nor sell", self.side))),
        };
        let (Some(quantity), Some(symbol)) = (self.quantity, self.symbol) else {
            return Err(Failure::usage("an order is SIDE QTY SYMBOL, as in 'order submit buy 100 AAPL'"));
        };
        let by_price = if self.limit.is_some() { OrderType::Limit } else { OrderType::Market };
        let order_type = self.order_type.unwrap_or(by_price);
        if order_type == OrderType::Market && self.limit.is_some() {
            return Err(Failure::usage("a market order has no --limit; leave out --type market"));
        }
        if !quantity.is_positive() {
            return Err(Failure::usage("the quantity must be above zero; to sell, say sell"));
        }
        let (limit_price, tif) = (self.limit, self.tif);
        Ok(OrderWish { id: self.id, symbol, side, order_type, quantity, limit_price, tif })
    }
}

impl Show {
    fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        let session = env.session(OpenMode::Read)?;
        let permit = session.permit::<ViewPortfolio>()?;
        let rows = session.house().orders(&permit, self.account, Period::ALL)?;
        let found: Vec<OrderRow> = rows.into_iter().filter(|row| row.id == self.id).collect();
        match found.as_slice() {
            [one] => env.out.record(one),
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
                if row.status == OrderStatus::Canceled && row.code.is_none() {
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
