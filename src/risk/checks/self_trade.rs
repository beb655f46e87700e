//! Self-trades: working orders of the same owner on the other side that an order would trade with.
//!
//! A limit refuses such an order, or names what ends instead: then it does not speak, and [`prevented`] says so to
//! whoever lets the order work.

use crate::domain::decision::{Bound, Inputs};
use crate::domain::limit::{LimitName, LimitValue, SelfTrade};
use crate::risk::book::{Book, Draft, OrderKey};
use crate::risk::limits::LimitBook;

use super::measure::held_against;
use super::scoped::hardest;
use super::{Case, Control, Finding, Measure, Rule};

/// The control.
#[derive(Debug)]
pub struct MaxSelfTrades;

impl Control for MaxSelfTrades {
    fn rule(&self) -> Rule {
        Rule::Limit(LimitName::MaxSelfTrades)
    }

    fn judge<'i>(&self, inputs: &'i Inputs) -> Finding<'i> {
        let name = LimitName::MaxSelfTrades;
        let count = Measure::of(i64::from(crossings(inputs)));
        let of_name = || inputs.limits.iter().filter(move |b| b.name == name);
        let refusing = held_against(of_name().filter(|b| ends(inputs, b).is_none()), name, Some(count));
        let ending = of_name().filter(|b| ends(inputs, b).is_some());
        hardest(refusing, held_against(ending, name, Some(count.unless(true))))
    }
}

/// What ends beyond a bound, and how many orders it lets pass; `None` where it refuses.
fn ends(inputs: &Inputs, bound: &Bound) -> Option<(u32, SelfTrade)> {
    let mode = bound.hard.as_ref().and_then(LimitValue::self_trade);
    // What is changed has its place and keeps it.
    mode.filter(|(_, mode)| !(inputs.amends && *mode == SelfTrade::CancelNewest))
}

/// Older records name the first of them only.
fn crossings(inputs: &Inputs) -> u32 {
    inputs.crossings.max(u32::from(inputs.crosses.is_some()))
}

/// What ends so that an order which was let work trades with none of its owner's, and how many of the open ones do.
pub fn prevented(inputs: &Inputs) -> Option<(SelfTrade, u32)> {
    let crossings = crossings(inputs);
    if crossings == 0 || inputs.beside.flattens {
        return None;
    }
    let bounds = inputs.limits.iter().filter(|b| b.name == LimitName::MaxSelfTrades);
    let over = bounds.filter_map(|b| ends(inputs, b)).filter(|(most, _)| crossings > *most);
    // Of several the one speaks that ends the new order, else the one that leaves the fewest.
    over.map(|(most, mode)| (mode, crossings - most))
        .max_by_key(|(mode, many)| (*mode == SelfTrade::CancelNewest, *many))
}

/// The open orders that a draft would trade with, by no order of time.
pub fn crossing(book: &Book<'_>, limits: &LimitBook, draft: &Draft<'_>) -> Vec<OrderKey> {
    Case::new(book, limits, draft).crossing()
}
