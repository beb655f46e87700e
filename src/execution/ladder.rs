//! Where an instrument's open orders wait for the market, sorted by price: a quote or a print looks only at the orders
//! it can reach, however many rest beyond.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::order::Start;
use crate::domain::{Order, OrderStatus, OrderType, Price, RefusalCode, Seq, Side};
use crate::risk::OrderKey;

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Whatever comes.
    Always,
    /// An offer at this price or below.
    Buy(Price),
    /// A bid at this price or above.
    Sell(Price),
    /// A print at this price or above.
    Above(Price),
    /// A print at this price or below.
    Below(Price),
    /// Any print.
    Prints,
    /// A touch that sends it to its broker.
    Watched,
    /// Nothing of the market's.
    Away,
}

impl Slot {
    /// What an order waits for as it stands.
    pub fn of(order: &Order) -> Self {
        if order.status == OrderStatus::Held && order.code == Some(RefusalCode::WatchedHere) {
            return Slot::Watched;
        }
        if !order.matches_here() {
            return Slot::Away;
        }
        let spec = &order.spec;
        let start = if order.triggered { Start::AtOnce } else { spec.order_type.start() };
        match (start, spec.side) {
            (Start::AtOnce, side) => {
                let rests = spec.order_type.has_limit() && !spec.tif.is_immediate();
                match (spec.limit_price.filter(|_| rests), side) {
                    (None, _) => Slot::Always,
                    (Some(limit), Side::Buy) => Slot::Buy(limit),
                    (Some(limit), Side::Sell) => Slot::Sell(limit),
                }
            }
            (Start::Stop | Start::Touch, _) if spec.order_type == OrderType::TrailingStop => Slot::Prints,
            (Start::Stop, Side::Buy) | (Start::Touch, Side::Sell) => {
                spec.trigger_price.map_or(Slot::Away, Slot::Above)
            }
            (Start::Stop, Side::Sell) | (Start::Touch, Side::Buy) => {
                spec.trigger_price.map_or(Slot::Away, Slot::Below)
            }
            (Start::Open, _) => Slot::Prints,
            (Start::Close, _) => Slot::Away,
        }
    }
}

/// A waiting order: its place in time, and its name.
type Waiting = (Seq, OrderKey);

/// One instrument's waiting orders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Ladder {
    /// In their order; mostly one that is gone at once.
    always: Vec<Waiting>,
    buys: BTreeSet<(Reverse<Price>, Waiting)>,
    sells: BTreeSet<(Price, Waiting)>,
    above: BTreeSet<(Price, Waiting)>,
    below: BTreeSet<(Reverse<Price>, Waiting)>,
    prints: BTreeSet<Waiting>,
    watched: BTreeSet<Waiting>,
}

impl Ladder {
    /// Notes an order where it waits.
    pub fn put(&mut self, slot: Slot, waiting: Waiting) {
        match slot {
            Slot::Always => {
                let at = self.always.partition_point(|(place, _)| *place < waiting.0);
                self.always.insert(at, waiting);
                true
            }
            Slot::Buy(price) => self.buys.insert((Reverse(price), waiting)),
            Slot::Sell(price) => self.sells.insert((price, waiting)),
            Slot::Above(price) => self.above.insert((price, waiting)),
            Slot::Below(price) => self.below.insert((Reverse(price), waiting)),
            Slot::Prints => self.prints.insert(waiting),
            Slot::Watched => self.watched.insert(waiting),
            Slot::Away => false,
        };
    }

    /// Takes an order away from where it waits.
    pub fn take(&mut self, slot: Slot, waiting: Waiting) {
        match slot {
            Slot::Always => {
                self.always.retain(|other| *other != waiting);
                true
            }
            Slot::Buy(price) => self.buys.remove(&(Reverse(price), waiting)),
            Slot::Sell(price) => self.sells.remove(&(price, waiting)),
            Slot::Above(price) => self.above.remove(&(price, waiting)),
            Slot::Below(price) => self.below.remove(&(Reverse(price), waiting)),
            Slot::Prints => self.prints.remove(&waiting),
            Slot::Watched => self.watched.remove(&waiting),
            Slot::Away => false,
        };
    }

    /// Orders that a quote can reach, the earliest first.
    pub fn at_quote(&self, bid: Price, ask: Price) -> Vec<OrderKey> {
        let buys = self.buys.iter().take_while(|(limit, _)| ask.is_positive() && limit.0 >= ask);
        let sells = self.sells.iter().take_while(|(limit, _)| bid.is_positive() && *limit <= bid);
        in_time(self.always.iter().chain(buys.map(|(_, w)| w)).chain(sells.map(|(_, w)| w)))
    }

    /// Orders that a print can reach, the earliest first.
    pub fn at_print(&self, price: Price) -> Vec<OrderKey> {
        let buys = self.buys.iter().take_while(|(limit, _)| limit.0 >= price).map(|(_, w)| w);
        let sells = self.sells.iter().take_while(|(limit, _)| *limit <= price).map(|(_, w)| w);
        let above = self.above.iter().take_while(|(level, _)| *level <= price).map(|(_, w)| w);
        let below = self.below.iter().take_while(|(level, _)| level.0 >= price).map(|(_, w)| w);
        let reached = buys.chain(sells).chain(above).chain(below);
        in_time(self.always.iter().chain(&self.prints).chain(reached))
    }

    /// Orders that are watched for a broker, the earliest first.
    pub fn watched(&self) -> Vec<OrderKey> {
        self.watched.iter().map(|(_, key)| *key).collect()
    }
}

fn in_time<'a>(waiting: impl Iterator<Item = &'a Waiting>) -> Vec<OrderKey> {
    let mut found: Vec<Waiting> = waiting.copied().collect();
    found.sort_unstable();
    found.into_iter().map(|(_, key)| key).collect()
}
