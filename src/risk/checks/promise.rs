//! Promises an order makes: to only reduce a position, to never take what the market offers, to close a lot it names.

use crate::domain::decision::Inputs;
use crate::domain::{LotMethod, OrderType, Quantity, RefusalCode, Seq, Side};

use super::{Case, Control, Finding, Rule};

/// The control.
#[derive(Debug)]
pub struct Promise;

impl Control for Promise {
    fn rule(&self) -> Rule {
        Rule::Always {
            name: "promise",
            doc: "A reduce-only order has something to reduce, a post-only order would rest, a lot that is named is open.",
        }
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let code = inputs.broken_promise.unwrap_or(RefusalCode::ReduceOnlyWouldIncrease);
        Finding::plain("promise", code, inputs.broken_promise.is_some())
    }
}

/// The promise that the order would not keep, if any.
pub(super) fn broken(case: &Case<'_>) -> Option<RefusalCode> {
    let order = case.order;
    if order.post_only && would_take(case) {
        return Some(RefusalCode::PostOnlyWouldTake);
    }
    let reduces = |held: Quantity| match order.side {
        Side::Sell => held > Quantity::ZERO,
        Side::Buy => held < Quantity::ZERO,
    };
    if order.lot.is_some_and(|lot| !is_open(case, lot, reduces)) {
        return Some(RefusalCode::UnknownLot);
    }
    let reducible = reduces(case.held);
    (order.reduce_only && !reducible).then_some(RefusalCode::ReduceOnlyWouldIncrease)
}

/// Whether the account closes lots by name and has this one, the other way round than the order.
fn is_open(case: &Case<'_>, lot: Seq, reduces: impl Fn(Quantity) -> bool) -> bool {
    let account = case.book.account;
    account.spec().lots == LotMethod::Specific
        && case.position.is_some_and(|p| p.lots().any(|open| open.id == lot && reduces(open.quantity)))
}

/// Only a resting limit order takes nothing.
fn would_take(case: &Case<'_>) -> bool {
    let order = case.order;
    if order.order_type != OrderType::Limit || order.tif.is_immediate() {
        return true;
    }
    let quote = case.seen.and_then(|seen| seen.quote).map(|s| s.quote);
    quote.zip(order.limit_price).is_some_and(|(quote, limit)| match order.side {
        Side::Buy => quote.ask.is_positive() && limit >= quote.ask,
        Side::Sell => quote.bid.is_positive() && limit <= quote.bid,
    })
}
