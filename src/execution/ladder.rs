//! Where an instrument's open orders wait for the market, sorted by price: a quote or a print looks only at the orders
//! it can reach, however many rest beyond. A trigger waits where its account hears of it: for prints, or for quotes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::order::Start;
use crate::domain::{AccountId, Order, OrderStatus, OrderType, Price, RefusalCode, Seq, Side, TriggerType};
use crate::risk::OrderKey;

/// Which price sets off the triggers of an account; those that go by the last print are not named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Sources(BTreeMap<AccountId, TriggerType>);

impl Sources {
    /// Notes an account's.
    pub fn note(&mut self, account: AccountId, by: TriggerType) {
        if !by.is_usual() {
            self.0.insert(account, by);
        }
    }

    /// An account's.
    pub fn of(&self, account: AccountId) -> TriggerType {
        self.0.get(&account).copied().unwrap_or_default()
    }

    /// Whether all go by the last print.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A price that a trigger can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// That of a print.
    Print,
    /// A quote's ask.
    Ask,
    /// A quote's bid.
    Bid,
    /// The middle of a quote.
    Mid,
}

impl Told {
    const fn of(by: TriggerType, side: Side) -> Self {
        match (by, side) {
            (TriggerType::Last | TriggerType::DoubleLast, _) => Told::Print,
            (TriggerType::BidAsk, Side::Buy) => Told::Ask,
            (TriggerType::BidAsk, Side::Sell) => Told::Bid,
            (TriggerType::Mid, _) => Told::Mid,
        }
    }
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Whatever comes.
    Always,
    /// An offer at this price or below.
    Buy(Price),
    /// A bid at this price or above.
    Sell(Price),
    /// A price at this one or above.
    Above(Told, Price),
    /// A price at this one or below.
    Below(Told, Price),
    /// Any print.
    Prints,
    /// Any quote.
    Quotes,
    /// A touch that sends it to its broker.
    Watched,
    /// Nothing of the market's.
    Away,
}

impl Slot {
    /// What an order waits for as it stands.
    pub fn of(order: &Order, sources: &Sources) -> Self {
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
            (Start::Stop | Start::Touch, side) => {
                let told = Told::of(sources.of(spec.account), side);
                match (start, side) {
                    _ if spec.order_type == OrderType::TrailingStop => {
                        if told == Told::Print {
                            Slot::Prints
                        } else {
                            Slot::Quotes
                        }
                    }
                    (Start::Stop, Side::Buy) | (Start::Touch, Side::Sell) => {
                        spec.trigger_price.map_or(Slot::Away, |level| Slot::Above(told, level))
                    }
                    _ => spec.trigger_price.map_or(Slot::Away, |level| Slot::Below(told, level)),
                }
            }
            (Start::Open, _) => Slot::Prints,
            (Start::Close, _) => Slot::Away,
        }
    }
}

/// A waiting order: its place in time, and its name.
type Waiting = (Seq, OrderKey);

/// Orders that wait for a price at their level or above, the lowest first.
type Above = BTreeSet<(Price, Waiting)>;
/// Orders that wait for a price at their level or below, the highest first.
type Below = BTreeSet<(Reverse<Price>, Waiting)>;

/// Orders whose triggers wait for quotes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Quoted {
    ask_above: Above,
    ask_below: Below,
    bid_above: Above,
    bid_below: Below,
    mid_above: Above,
    mid_below: Below,
    all: BTreeSet<Waiting>,
}

impl Quoted {
    /// Those that a quote can reach.
    fn at(&self, quote: (Price, Price)) -> Vec<&Waiting> {
        let ask = TriggerType::BidAsk.quoted(quote, Side::Buy);
        let bid = TriggerType::BidAsk.quoted(quote, Side::Sell);
        let mid = TriggerType::Mid.quoted(quote, Side::Buy);
        let told = [
            (ask, &self.ask_above, &self.ask_below),
            (bid, &self.bid_above, &self.bid_below),
            (mid, &self.mid_above, &self.mid_below),
        ];
        let levels = told.into_iter().filter_map(|(price, above, below)| Some((price?, above, below)));
        let reached = levels.flat_map(|(price, above, below)| reached(above, below, price));
        self.all.iter().chain(reached).collect()
    }
}

/// What a price reaches.
fn reached<'a>(above: &'a Above, below: &'a Below, price: Price) -> impl Iterator<Item = &'a Waiting> {
    let above = above.iter().take_while(move |(level, _)| *level <= price).map(|(_, w)| w);
    let below = below.iter().take_while(move |(level, _)| level.0 >= price).map(|(_, w)| w);
    above.chain(below)
}

/// One instrument's waiting orders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Ladder {
    /// In their order; mostly one that is gone at once.
    always: Vec<Waiting>,
    buys: BTreeSet<(Reverse<Price>, Waiting)>,
    sells: BTreeSet<(Price, Waiting)>,
    above: Above,
    below: Below,
    prints: BTreeSet<Waiting>,
    watched: BTreeSet<Waiting>,
    /// None where all triggers wait for prints, as most do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quoted: Option<Box<Quoted>>,
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
            Slot::Above(told, level) => self.above(told).insert((level, waiting)),
            Slot::Below(told, level) => self.below(told).insert((Reverse(level), waiting)),
            Slot::Prints => self.prints.insert(waiting),
            Slot::Quotes => self.quoted().all.insert(waiting),
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
            Slot::Above(told, level) => self.above(told).remove(&(level, waiting)),
            Slot::Below(told, level) => self.below(told).remove(&(Reverse(level), waiting)),
            Slot::Prints => self.prints.remove(&waiting),
            Slot::Quotes => self.quoted().all.remove(&waiting),
            Slot::Watched => self.watched.remove(&waiting),
            Slot::Away => false,
        };
    }

    fn quoted(&mut self) -> &mut Quoted {
        self.quoted.get_or_insert_default()
    }

    fn above(&mut self, told: Told) -> &mut Above {
        match told {
            Told::Print => &mut self.above,
            Told::Ask => &mut self.quoted().ask_above,
            Told::Bid => &mut self.quoted().bid_above,
            Told::Mid => &mut self.quoted().mid_above,
        }
    }

    fn below(&mut self, told: Told) -> &mut Below {
        match told {
            Told::Print => &mut self.below,
            Told::Ask => &mut self.quoted().ask_below,
            Told::Bid => &mut self.quoted().bid_below,
            Told::Mid => &mut self.quoted().mid_below,
        }
    }

    /// Orders that a quote can reach, the earliest first.
    pub fn at_quote(&self, bid: Price, ask: Price) -> Vec<OrderKey> {
        let buys = self.buys.iter().take_while(|(limit, _)| ask.is_positive() && limit.0 >= ask);
        let sells = self.sells.iter().take_while(|(limit, _)| bid.is_positive() && *limit <= bid);
        let plain = self.always.iter().chain(buys.map(|(_, w)| w)).chain(sells.map(|(_, w)| w));
        match &self.quoted {
            None => in_time(plain),
            Some(quoted) => in_time(plain.chain(quoted.at((bid, ask)))),
        }
    }

    /// Orders that a print can reach, the earliest first.
    pub fn at_print(&self, price: Price) -> Vec<OrderKey> {
        let buys = self.buys.iter().take_while(|(limit, _)| limit.0 >= price).map(|(_, w)| w);
        let sells = self.sells.iter().take_while(|(limit, _)| *limit <= price).map(|(_, w)| w);
        let reached = buys.chain(sells).chain(reached(&self.above, &self.below, price));
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
