//! The book as the checks see it: borrowed from the engine's state, never copied.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::domain::event::HaltMode;
use crate::domain::limit::Scope;
use crate::domain::order_state::Order;
use crate::domain::venue::VenueModel;
use crate::domain::{
    AccountId, Instrument, InstrumentId, Money, OrderId, OrderSpec, Price, Quantity, Quote, RefusalCode, Seq,
    Side, UnixNanos, UserName,
};
use crate::portfolio::Account;

/// An order's name: ids are unique per account.
pub type OrderKey = (AccountId, OrderId);

/// A price and when it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priced {
    /// Price.
    pub price: Price,
    /// Market time.
    pub time: UnixNanos,
}

/// A standing quote and what our own fills left of its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The quote.
    pub quote: Quote,
    /// Left at the bid.
    pub bid_left: Quantity,
    /// Left at the ask.
    pub ask_left: Quantity,
}

/// What is known of an instrument's market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Last price: a bar's close or a print.
    pub last: Option<Priced>,
    /// Standing quote.
    pub quote: Option<Standing>,
}

/// A halt in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// How hard.
    pub mode: HaltMode,
    /// Who set it.
    pub actor: UserName,
    /// Since when.
    pub since: UnixNanos,
}

/// One account's book and the market around it.
#[derive(Debug, Clone, Copy)]
pub struct Book<'a> {
    /// Sequence number of the last event in it.
    pub seq: Seq,
    /// Market time of the decision.
    pub now: UnixNanos,
    /// The account.
    pub account: &'a Account,
    /// Highest equity so far, unmarked moves included.
    pub peak: Money,
    /// Open orders of every account, by name.
    pub orders: &'a BTreeMap<OrderKey, Order>,
    /// Known instruments.
    pub instruments: &'a BTreeMap<InstrumentId, Instrument>,
    /// What is known of their markets.
    pub seen: &'a BTreeMap<InstrumentId, Seen>,
    /// Symbols whose market is halted.
    pub halted: &'a BTreeSet<InstrumentId>,
    /// Halts in force, by scope.
    pub halts: &'a BTreeMap<Scope, Halt>,
    /// How the paper exchange charges.
    pub venue: &'a VenueModel,
    /// When the account's last orders were taken, the oldest first.
    pub recent: &'a VecDeque<UnixNanos>,
    /// Controls that spoke and stay in force, by account.
    pub latched: &'a BTreeSet<(AccountId, RefusalCode)>,
    /// Whether the account is being compared with its broker.
    pub reconciling: bool,
}

/// An order (or an amended order) that is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The order as it would be.
    pub order: &'a OrderSpec,
    /// Whether it replaces the open order of the same id.
    pub amends: bool,
    /// Whether it may wait for its list's sells when only money is missing.
    pub may_wait: bool,
    /// Whether it is held until its parent fills: what depends on position and cash is judged then.
    pub waits_for_parent: bool,
    /// Whether a second person has agreed: soft limits are passed.
    pub approved: bool,
}

/// Open orders that do not count beside a draft: itself while it is amended, and the rest of its group, of which
/// only the largest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    account: AccountId,
    id: Option<OrderId>,
    group: Option<OrderId>,
}

impl LeftOut {
    /// Everything counts.
    pub fn nothing(book: &Book<'_>) -> Self {
        Self { account: book.account.spec().account, id: None, group: None }
    }

    /// Whether an order does not count.
    pub fn has(&self, order: &OrderSpec) -> bool {
        order.account == self.account
            && (self.id == Some(order.id) || (self.group.is_some() && order.oco == self.group))
    }
}

impl<'a> Draft<'a> {
    /// What does not count beside it.
    pub fn leaves_out(&self) -> LeftOut {
        let OrderSpec { account, id, oco, .. } = self.order;
        LeftOut { account: *account, id: self.amends.then_some(*id), group: *oco }
    }

    /// A new order.
    pub const fn new(order: &'a OrderSpec) -> Self {
        Self { order, amends: false, may_wait: false, waits_for_parent: false, approved: false }
    }

    /// An open order, judged again in its own place.
    pub const fn amended(order: &'a OrderSpec) -> Self {
        Self { order, amends: true, may_wait: false, waits_for_parent: false, approved: false }
    }
}

impl<'a> Book<'a> {
    /// Open orders of the account.
    pub fn own_orders(&self) -> impl Iterator<Item = &'a Order> + use<'a> {
        let account = self.account.spec().account;
        // Ids of one account are neighbours; the smallest id is a lone `#`.
        let all = self.orders;
        let first = "#".parse::<OrderId>().ok().map(|id| (account, id));
        first
            .into_iter()
            .flat_map(move |from| all.range(from..))
            .take_while(move |(k, _)| k.0 == account)
            .map(|(_, o)| o)
    }

    /// Last price of an instrument.
    pub fn last(&self, instrument: InstrumentId) -> Option<Priced> {
        self.seen.get(&instrument).and_then(|seen| seen.last)
    }

    /// The price an order is judged against: the quote's opposite side while one stands, else the last price.
    pub fn reference(&self, instrument: InstrumentId, side: Side) -> Option<Priced> {
        let seen = self.seen.get(&instrument)?;
        let quoted = seen.quote.map(|s| {
            let price = match side {
                Side::Buy => s.quote.ask,
                Side::Sell => s.quote.bid,
            };
            Priced { price, time: s.quote.time }
        });
        quoted.or(seen.last)
    }

    /// The price that values an order: its limit, else its trigger, else the last price, else the reference.
    pub fn order_price(&self, order: &OrderSpec) -> Option<Price> {
        let last = || self.last(order.instrument).or_else(|| self.reference(order.instrument, order.side));
        order.own_price().or_else(|| last().map(|p| p.price))
    }

    /// Equity at last prices; `None` when one is missing.
    pub fn equity(&self) -> Option<Money> {
        self.account.equity(|i| self.last(i).map(|p| p.price))
    }
}
