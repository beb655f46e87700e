//! `order submit -`: submit, amend and cancel lines of `replay` without `t`, each answered with one line of JSON that is
//! flushed after the order is on disk. A malformed line ends the run with its number; what came before stands.

use std::io::{BufRead, stdin};

use serde::Deserialize;

use super::Env;
use super::order_submit::is_refused;
use crate::cli::errors::Failure;
use crate::domain::{
    AccountId, OrderId, OrderType, Price, Quantity, RefusalCode, Seq, Side, StrategyId, Symbol, TimeInForce,
    Trail, UnixNanos,
};
use crate::service::ServiceError;
use crate::service::deed::{Deed, Done};
use crate::service::files::json_line::{Word, read, without_mark};
use crate::service::trading::OrderWish;

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// One line.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// An order.
    Submit {
        account: Option<AccountId>,
        id: Option<OrderId>,
        symbol: Symbol,
        side: Word<Side>,
        #[serde(rename = "type", default)]
        order_type: Option<Word<OrderType>>,
        quantity: Quantity,
        limit_price: Option<Price>,
        trigger_price: Option<Price>,
        trail: Option<Trail>,
        #[serde(default)]
        tif: Word<TimeInForce>,
        expire_at: Option<UnixNanos>,
        #[serde(default)]
        reduce_only: bool,
        #[serde(default)]
        post_only: bool,
        parent: Option<OrderId>,
        oco: Option<OrderId>,
        strategy: Option<StrategyId>,
        lot: Option<Seq>,
    },
    /// New terms for one.
    Amend {
        account: Option<AccountId>,
        id: OrderId,
        quantity: Option<Quantity>,
        limit_price: Option<Price>,
        trigger_price: Option<Price>,
    },
    /// The end of one.
    Cancel { account: Option<AccountId>, id: OrderId },
}

/// What a line that was refused without becoming an order is answered with.
#[derive(Debug, serde::Serialize)]
struct Refused {
    line: usize,
    status: &'static str,
    code: RefusalCode,
    reason: String,
}

/// Answers lines until the input ends; exit 4 when any order was refused.
pub fn run(env: &mut Env<'_>, account: Option<AccountId>) -> Result<(), Failure> {
    let mut hand = env.hand()?;
    let mut any_refused = false;
    for (index, text) in stdin().lock().lines().enumerate() {
        let number = index + 1;
        let bad =
            |why: String| Failure::failed(format!("'-', line {number}: {why}; nothing after it was done"));
        let text = text.map_err(|e| bad(format!("cannot be read: {e}")))?;
        let text = without_mark(&text, number);
        if text.trim().is_empty() {
            continue;
        }
        if text.len() > LINE_BYTES_MAX {
            return Err(bad(format!("is longer than {LINE_BYTES_MAX} bytes")));
        }
        let line: Line = read(text).map_err(bad)?;
        match hand.act(deed(line, account), |_| {}).and_then(Done::order) {
            Ok(row) => {
                any_refused |= is_refused(&row);
                env.out.json_line(&row)?;
            }
            Err(ServiceError::Refused { code, text } | ServiceError::NotDone { code, text }) => {
                any_refused = true;
                let answer = Refused { line: number, status: "refused", code, reason: text };
                env.out.json_line(&answer)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if any_refused { Err(Failure::Refused) } else { Ok(()) }
}

fn deed(line: Line, default: Option<AccountId>) -> Deed {
    match line {
        Line::Cancel { account, id } => Deed::Cancel { account: account.or(default), id },
        Line::Amend { account, id, quantity, limit_price, trigger_price } => {
            Deed::Amend { account: account.or(default), id, quantity, limit_price, trigger_price }
        }
        Line::Submit {
            account,
            id,
            symbol,
            side,
            order_type,
            quantity,
            limit_price,
            trigger_price,
            trail,
            tif,
            expire_at,
            reduce_only,
            post_only,
            parent,
            oco,
            strategy,
            lot,
        } => {
            let by_price =
                OrderWish::type_by_prices(limit_price.is_some(), trigger_price.is_some(), trail.is_some());
            let order = OrderWish {
                id,
                order_type: order_type.map_or(by_price, |word| word.0),
                trigger_price,
                trail,
                tif: tif.0,
                expire_at,
                reduce_only,
                post_only,
                parent,
                oco,
                strategy,
                lot,
                ..OrderWish::plain(symbol, side.0, quantity, limit_price)
            };
            Deed::Submit { account: account.or(default), order }
        }
    }
}
