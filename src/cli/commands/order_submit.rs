//! `order submit SIDE QTY SYMBOL`: one order, or a bracket with its exits; a size may be measured instead of counted.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{Env, order_stream};
use crate::cli::errors::Failure;
use crate::domain::{
    AccountId, OrderId, OrderStatus, OrderType, Price, Quantity, Ratio, Seq, Side, StrategyId, Symbol,
    TimeInForce, Trail, UnixNanos,
};
use crate::service::deed::{Deed, Done};
use crate::service::trading::{OrderWish, Size};
use crate::service::view::OrderRow;

/// The argument that asks for lines from standard input.
const STREAM: &str = "-";

/// `order submit`.
#[derive(Debug, Args)]
pub struct Submit {
    /// buy or sell; `-` reads lines of `replay` without `t` and answers each with one line.
    side: String,
    /// How many shares of what, as in `100 AAPL`; the symbol alone with --risk, --weight or --volatility.
    #[arg(value_name = "QTY SYMBOL", num_args = 0..=2)]
    what: Vec<String>,
    /// Kind of order; without it, what the prices given say: a limit, a stop, a stop limit, a trailing stop, or market.
    #[arg(long = "type", value_parser = order_type_parser(), value_name = "TYPE")]
    order_type: Option<OrderType>,
    /// Worst acceptable price.
    #[arg(long, value_name = "PRICE")]
    limit: Option<Price>,
    /// The price that makes it work.
    #[arg(long, value_name = "PRICE")]
    trigger: Option<Price>,
    /// How far a trailing stop follows: money, or a share of the price such as 2%.
    #[arg(long, value_name = "DISTANCE")]
    trail: Option<Trail>,
    /// How long it works; gtd with --expire-at, else day.
    #[arg(long, value_parser = tif_parser(), value_name = "TIF")]
    tif: Option<TimeInForce>,
    /// When a gtd order ends, such as 2026-12-31T21:00:00Z.
    #[arg(long, value_name = "TIME")]
    expire_at: Option<UnixNanos>,
    /// Never beyond the position.
    #[arg(long)]
    reduce_only: bool,
    /// Refused where it would take a standing quote.
    #[arg(long)]
    post_only: bool,
    /// The order whose fills it waits for.
    #[arg(long, value_name = "ID")]
    parent: Option<OrderId>,
    /// The group of which one quantity fills in all.
    #[arg(long, value_name = "GROUP")]
    oco: Option<OrderId>,
    /// The strategy that asks for it.
    #[arg(long, value_name = "NAME")]
    strategy: Option<StrategyId>,
    /// The lot to close first, on an account opened with --lots specific; `portfolio --lots` tells their numbers.
    #[arg(long, value_name = "LOT")]
    lot: Option<Seq>,
    /// Exit with a profit: a limit order that waits for the fills of this one.
    #[arg(long, value_name = "PRICE")]
    take_profit: Option<Price>,
    /// Exit with a loss: a stop order that waits for the fills of this one.
    #[arg(long, value_name = "PRICE")]
    stop_loss: Option<Price>,
    /// Beside a limit order that closes a position: a stop order for the same; one of both is done at most.
    #[arg(long, value_name = "PRICE", conflicts_with_all = ["take_profit", "stop_loss", "oco", "parent"])]
    or_stop: Option<Price>,
    /// Size it so that hitting --stop (or --stop-loss) costs this share of the equity, such as 1%.
    #[arg(long, value_name = "SHARE", value_parser = share, group = "measure")]
    risk: Option<Ratio>,
    /// Where the position would be given up, for --risk.
    #[arg(long, value_name = "PRICE", requires = "risk")]
    stop: Option<Price>,
    /// Size it so that it is worth this share of the equity, such as 5%.
    #[arg(long, value_name = "SHARE", value_parser = share, group = "measure")]
    weight: Option<Ratio>,
    /// Size it so that it swings by this share of the equity a year, such as 10%.
    #[arg(long, value_name = "SHARE", value_parser = share, group = "measure")]
    volatility: Option<Ratio>,
    /// Your own id for it; the same id never trades twice.
    #[arg(long)]
    id: Option<OrderId>,
    /// Account; the desk's by default.
    #[arg(long)]
    account: Option<AccountId>,
}

fn order_type_parser() -> impl TypedValueParser<Value = OrderType> {
    let words = OrderType::ALL.iter().map(|t| t.as_str());
    PossibleValuesParser::new(words).try_map(|text| text.parse::<OrderType>())
}

fn tif_parser() -> impl TypedValueParser<Value = TimeInForce> {
    let words = TimeInForce::ALL.iter().map(|t| t.as_str());
    PossibleValuesParser::new(words).try_map(|text| text.parse::<TimeInForce>())
}

/// A share of the equity: `1%` or `0.01`.
fn share(text: &str) -> Result<Ratio, String> {
    let bad = || format!("'{}' is no share: write 5% or 0.05", text.escape_default());
    let share = match text.strip_suffix('%') {
        Some(_) => match text.parse() {
            Ok(Trail::Percent(share)) => share,
            Ok(Trail::Amount(_)) | Err(_) => return Err(bad()),
        },
        None => text.parse().map_err(|_| bad())?,
    };
    // A bare 5 would be five times the equity: hardly ever meant.
    (share.is_positive() && (text.ends_with('%') || share.raw() < Ratio::ONE_RAW))
        .then_some(share)
        .ok_or_else(bad)
}

/// Whether the order went no further than our own checks or the venue's.
pub fn is_refused(row: &OrderRow) -> bool {
    matches!(row.status, OrderStatus::Denied | OrderStatus::Rejected)
}

impl Submit {
    /// Gives it, or reads orders from standard input; exit 4 when any was refused.
    pub fn run(self, env: &mut Env<'_>) -> Result<(), Failure> {
        if self.side == STREAM {
            return if self.is_alone() {
                order_stream::run(env, self.account)
            } else {
                Err(Failure::usage("'order submit -' takes its orders from standard input only"))
            };
        }
        let order = self.wish()?;
        match env.hand()?.act(Deed::Submit { account: self.account, order }, |_| {})? {
            Done::Orders(rows) => {
                env.out.list(&rows, "")?;
                if rows.iter().any(is_refused) { Err(Failure::Refused) } else { Ok(()) }
            }
            done => {
                let row = done.order()?;
                env.out.record(&row)?;
                if is_refused(&row) { Err(Failure::Refused) } else { Ok(()) }
            }
        }
    }

    /// Whether nothing is said of an order here.
    fn is_alone(&self) -> bool {
        let prices = [self.limit, self.trigger, self.take_profit, self.stop_loss, self.or_stop, self.stop];
        let shares = [self.risk, self.weight, self.volatility];
        let ids = [self.id, self.parent, self.oco];
        self.what.is_empty()
            && prices.iter().all(Option::is_none)
            && shares.iter().all(Option::is_none)
            && ids.iter().all(Option::is_none)
            && (self.order_type, self.tif, self.trail) == (None, None, None)
            && (self.expire_at, self.strategy, self.lot) == (None, None, None)
            && !self.reduce_only
            && !self.post_only
    }

    fn wish(&self) -> Result<OrderWish, Failure> {
        let side = match self.side.as_str() {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return Err(Failure::usage(format!("'{}' is neither buy nor sell", self.side))),
        };
        let (symbol, size) = self.what()?;
        let (limit_price, trigger_price, trail) = (self.limit, self.trigger, self.trail);
        let by_prices =
            OrderWish::type_by_prices(limit_price.is_some(), trigger_price.is_some(), trail.is_some());
        let by_end = if self.expire_at.is_some() { TimeInForce::Gtd } else { TimeInForce::Day };
        let wish = OrderWish {
            id: self.id,
            order_type: self.order_type.unwrap_or(by_prices),
            size,
            trigger_price,
            trail,
            tif: self.tif.unwrap_or(by_end),
            expire_at: self.expire_at,
            reduce_only: self.reduce_only,
            post_only: self.post_only,
            parent: self.parent,
            oco: self.oco,
            strategy: self.strategy,
            lot: self.lot,
            take_profit: self.take_profit,
            stop_loss: self.stop_loss,
            or_stop: self.or_stop,
            ..OrderWish::plain(symbol, side, Quantity::ZERO, limit_price)
        };
        wish.problem().map_or(Ok(wish), |problem| Err(Failure::usage(problem)))
    }

    /// Of what, and how much.
    fn what(&self) -> Result<(Symbol, Size), Failure> {
        let measured = match (self.risk, self.weight, self.volatility) {
            (Some(share), _, _) => Some(Size::Risk { share, stop: self.stop }),
            (_, Some(share), _) => Some(Size::Weight(share)),
            (_, _, Some(share)) => Some(Size::Volatility(share)),
            (None, None, None) => None,
        };
        match (self.what.as_slice(), measured) {
            ([symbol], Some(size)) => Ok((symbol.parse()?, size)),
            ([quantity, symbol], None) => {
                let shares: Quantity =
                    quantity.parse().map_err(|e| Failure::usage(format!("quantity '{quantity}' {e}")))?;
                if !shares.is_positive() {
                    return Err(Failure::usage("the quantity must be above zero; to sell, say sell"));
                }
                Ok((symbol.parse()?, Size::Shares(shares)))
            }
            (_, Some(_)) => {
                Err(Failure::usage("with a measured size an order is SIDE SYMBOL, without a quantity"))
            }
            (_, None) => {
                Err(Failure::usage("an order is SIDE QTY SYMBOL, as in 'order submit buy 100 AAPL'"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_or_a_fraction_below_one() {
        assert_eq!(share("1%").unwrap(), share("0.01").unwrap());
        assert_eq!(share("150%").unwrap(), "1.5".parse().unwrap());
        for bad in ["5", "0", "-1%", "x", "%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
