//! The book as the checks see it: borrowed from the engine's state, never copied.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::event::HaltMode;
use crate::domain::facts::MarketFacts;
use crate::domain::limit::{LimitName, Scope};
use crate::domain::order::Start;
use crate::domain::order_state::Order;
use crate::domain::venue::VenueModel;
use crate::domain::{
    AccountId, AccountKind, AccountSpec, ByInstrument, Instrument, InstrumentId, Margin, Money, OrderId,
    OrderSpec, Price, Quantity, Quote, RefusalCode, Seq, Side, StrategyId, TriggerType, UnixNanos, UserName,
};
use crate::portfolio::Account;

use super::open::OpenOrders;
use super::past::{Pace, Past};
use super::sums::{ByStrategy, Prices, Sums, Whole};

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

impl Seen {
    /// The price an order is judged against: the quote's opposite side while one stands, else the last price.
    pub fn reference(&self, side: Side) -> Option<Priced> {
        let quoted = self.quote.map(|s| {
            let price = match side {
                Side::Buy => s.quote.ask,
                Side::Sell => s.quote.bid,
            };
            Priced { price, time: s.quote.time }
        });
        quoted.or(self.last)
    }

    /// The price at which the market has touched an order already, if so: the higher one of the last and the quote's.
    pub fn touched(&self, order: &OrderSpec) -> Option<Price> {
        let known = [self.last, self.reference(order.side)].into_iter().flatten().map(|p| p.price);
        known.filter(|price| order.is_touched_at(*price)).max()
    }

    /// The price of its own that values an order: of a sell that the market has touched already, at least the market's.
    pub fn own_price(seen: Option<&Seen>, order: &OrderSpec) -> Option<Price> {
        if order.side == Side::Sell && order.order_type.start() == Start::Touch {
            order.own_price().max(seen.and_then(|seen| seen.touched(order)))
        } else {
            order.own_price()
        }
    }

    /// The price that a trigger starts from: the one of a fresh quote it goes by, else the last.
    pub fn heard(
        &self,
        (by, side): (TriggerType, Side),
        now: UnixNanos,
        stale_after_ms: Option<u32>,
    ) -> Option<Price> {
        let fresh =
            |quote: &Quote| stale_after_ms.is_none_or(|ms| now <= quote.time.plus_millis(i64::from(ms)));
        let quote = self.quote.map(|standing| standing.quote).filter(fresh);
        let quoted = quote.and_then(|quote| by.quoted((quote.bid, quote.ask), side));
        quoted.or(self.last.map(|last| last.price))
    }
}

/// A halt in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// How hard.
    pub mode: HaltMode,
    /// Everybody who set it or set it anew, the last one last.
    pub by: Vec<UserName>,
    /// Since when.
    pub since: UnixNanos,
    /// The time on the wall then.
    pub wall: UnixNanos,
}

/// An order that was taken not long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// When, in market time.
    pub time: UnixNanos,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Quantity.
    pub quantity: Quantity,
    /// Price of its own.
    pub price: Option<Price>,
}

impl Recent {
    /// An order taken at a time.
    pub fn of(order: &OrderSpec, time: UnixNanos) -> Self {
        let OrderSpec { instrument, side, quantity, .. } = *order;
        Self { time, instrument, side, quantity, price: order.own_price() }
    }
}

/// What an account did since its day began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// Orders, changes and cancels.
    pub messages: u32,
    /// Of those, cancels.
    pub cancels: u32,
    /// Fills.
    pub fills: u32,
    /// Closes at a loss in a row.
    pub losses: u32,
    /// When the last of them was.
    pub lost_at: Option<UnixNanos>,
}

/// Sessions over which day trades are counted.
const DAY_TRADE_SESSIONS: i64 = 5;
/// Equity from which a margin account may day-trade as it likes, in whole units of its currency.
const DAY_TRADE_EQUITY: i64 = 25_000;

/// Opening and closing on the same day, as one account did it in its last sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DayTrades {
    /// Position of the present session in its calendar.
    session: i64,
    /// What was opened in it and is still open.
    opened: ByInstrument<()>,
    /// Day trades by session.
    counts: BTreeMap<i64, u32>,
}

impl DayTrades {
    /// Takes in a fill: what it closed of what was held, and whether it opened anything.
    pub fn note(&mut self, session: i64, instrument: InstrumentId, closes: bool, opens: bool) {
        self.turn_to(session);
        if closes && self.opened.remove(&instrument).is_some() {
            let count = self.counts.entry(session).or_default();
            *count = count.saturating_add(1);
        }
        if opens && !self.opened.contains_key(&instrument) {
            self.opened.insert(instrument, ());
        }
    }

    /// What was opened under one symbol counts under another.
    pub fn change_symbol(&mut self, from: InstrumentId, to: InstrumentId) {
        if self.opened.remove(&from).is_some() {
            self.opened.insert(to, ());
        }
    }

    /// Goes on to a session; what lies too far back is forgotten.
    pub fn turn_to(&mut self, session: i64) {
        if session != self.session {
            self.session = session;
            self.opened = ByInstrument::default();
            self.counts.retain(|at, _| at + DAY_TRADE_SESSIONS > session);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u32 {
        self.counts.values().sum()
    }
}

/// Open orders by instrument.
pub trait Queues: std::fmt::Debug {
    /// Names of the open orders of an instrument.
    fn open_in(&self, instrument: InstrumentId) -> Vec<OrderKey>;
}

/// What holdings made today.
pub trait DayProfits: std::fmt::Debug {
    /// Profit of an account in an instrument since its day began, fees apart; nothing where it was neither held nor
    /// traded, `None` where it is not known.
    fn of_today(&self, account: AccountId, instrument: InstrumentId, price: Option<Price>) -> Option<Money>;

    /// Profit of a strategy in an account since the day began, at last prices, fees apart; `None` where it is not known.
    fn of_strategy(&self, account: AccountId, strategy: StrategyId) -> Option<Money>;
}

/// Fills of strategies since a person last looked: on all accounts of the firm, and on each account to practise on.
pub type Executions = BTreeMap<(Option<AccountId>, StrategyId), u32>;

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
    pub orders: &'a OpenOrders,
    /// Known instruments.
    pub instruments: &'a ByInstrument<Instrument>,
    /// What is known of their markets.
    pub seen: &'a ByInstrument<Seen>,
    /// Symbols whose market is halted.
    pub halted: &'a BTreeSet<InstrumentId>,
    /// Halts in force, by scope.
    pub halts: &'a BTreeMap<Scope, Halt>,
    /// How the paper exchange charges.
    pub venue: &'a VenueModel,
    /// When the account's last orders were taken, the oldest first.
    pub recent: &'a VecDeque<Recent>,
    /// Controls that spoke and stay in force, by account.
    pub latched: &'a BTreeSet<(AccountId, RefusalCode)>,
    /// Whether the account is being compared with its broker.
    pub reconciling: bool,
    /// What the past says of instruments.
    pub facts: &'a MarketFacts,
    /// Sums over open orders and positions.
    pub sums: &'a Sums,
    /// The same of each strategy.
    pub by_strategy: &'a ByStrategy,
    /// Open orders by instrument.
    pub queues: &'a dyn Queues,
    /// What its holdings made today.
    pub days: &'a dyn DayProfits,
    /// What the account did today.
    pub activity: Activity,
    /// Its day trades.
    pub day_trades: u32,
    /// Its last minute and sessions.
    pub past: &'a Past,
    /// Orders and changes of all paper accounts in the last minute, on the wall clock: exchanges do not share a time.
    pub firm_pace: &'a Pace,
    /// Wall time.
    pub wall: UnixNanos,
    /// Fills of each strategy since a person last looked.
    pub executions: &'a Executions,
    /// All accounts.
    pub accounts: &'a BTreeMap<AccountId, Account>,
}

/// An order (or an amended order) that is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The order as it would be.
    pub order: &'a Arc<OrderSpec>,
    /// Whether it replaces the open order of the same id.
    pub amends: bool,
    /// Whether it may wait for its list's sells when only money is missing.
    pub may_wait: bool,
    /// Whether it is held until its parent fills: what depends on position and cash is judged then.
    pub waits_for_parent: bool,
    /// Whether a second person has agreed: soft limits are passed.
    pub approved: bool,
    /// Whether it is let work now that its parent has filled something: no new wish, whatever of it works by now.
    pub released: bool,
    /// Whether it stands against what its parent has filled: where it can only reduce, it is judged as what closes.
    pub exits: bool,
    /// Whether a person closes positions by it: limits that people set do not speak.
    pub flattens: bool,
    /// A soft limit that asks for a second person for an exit which a broker gets with it.
    pub exits_ask: Option<LimitName>,
}

impl<'a> Draft<'a> {
    /// A new order.
    pub const fn new(order: &'a Arc<OrderSpec>) -> Self {
        Self {
            order,
            amends: false,
            may_wait: false,
            waits_for_parent: false,
            approved: false,
            released: false,
            exits: false,
            flattens: false,
            exits_ask: None,
        }
    }

    /// An open order, judged again in its own place.
    pub const fn amended(order: &'a Arc<OrderSpec>) -> Self {
        Self {
            order,
            amends: true,
            may_wait: false,
            waits_for_parent: false,
            approved: false,
            released: false,
            exits: false,
            flattens: false,
            exits_ask: None,
        }
    }
}

impl<'a> Book<'a> {
    /// Open orders of the account.
    pub fn own_orders(&self) -> impl Iterator<Item = &'a Order> + use<'a> {
        self.orders.of(self.account.spec().account)
    }

    /// Last price of an instrument.
    pub fn last(&self, instrument: InstrumentId) -> Option<Priced> {
        self.seen.get(&instrument).and_then(|seen| seen.last)
    }

    /// The price an order is judged against: the quote's opposite side while one stands, else the last price.
    pub fn reference(&self, instrument: InstrumentId, side: Side) -> Option<Priced> {
        self.seen.get(&instrument)?.reference(side)
    }

    /// The price that values an order: its limit, else its trigger, else the last price, else the reference.
    pub fn order_price(&self, order: &OrderSpec) -> Option<Price> {
        let seen = self.seen.get(&order.instrument);
        Seen::own_price(seen, order).or_else(|| {
            seen.and_then(|seen| seen.last.or_else(|| seen.reference(order.side))).map(|p| p.price)
        })
    }

    /// Prices for what has none of its own.
    pub fn prices(&self, instrument: InstrumentId) -> Prices {
        self.prices_of(self.seen.get(&instrument))
    }

    /// The same from what is known of an instrument's market.
    pub fn prices_of(&self, seen: Option<&Seen>) -> Prices {
        let last = seen.and_then(|seen| seen.last).map(|p| p.price);
        let side = |side| last.or_else(|| seen.and_then(|seen| seen.reference(side)).map(|p| p.price));
        Prices { last, buy: side(Side::Buy), sell: side(Side::Sell) }
    }

    /// Equity at last prices; `None` when one is missing.
    pub fn equity(&self) -> Option<Money> {
        self.equity_of(self.account)
    }

    /// Whether another account is of the same owner and its orders can meet this one's: one's own, always.
    pub fn is_own(&self, account: AccountId) -> bool {
        let own = self.account.spec();
        let peer = || self.accounts.get(&account).map(Account::spec);
        account == own.account
            || peer().is_some_and(|other| {
                (other.owner, other.kind, other.broker) == (own.owner, own.kind, own.broker)
            })
    }

    /// The other accounts of the firm; a simulation account stands alone.
    pub fn peers(&self) -> impl Iterator<Item = &'a Account> + use<'a> {
        let (name, kind) = (self.account.spec().account, self.account.spec().kind);
        let others = self
            .accounts
            .values()
            .filter(move |other| other.spec().account != name && other.spec().kind == kind);
        others.filter(move |_| kind != AccountKind::Simulation)
    }

    /// Its peers in its currency.
    pub fn peers_in_currency(&self) -> impl Iterator<Item = &'a Account> + use<'a> {
        let currency = self.account.spec().currency;
        self.peers().filter(move |peer| peer.spec().currency == currency)
    }

    /// Worst cases of its peers in its currency.
    pub fn peers_gross(&self) -> Option<Money> {
        let gross = |peer: &Account| Some(self.whole_of(peer.spec())?.gross);
        self.peers_in_currency().map(gross).try_fold(Money::ZERO, |sum, gross| sum.checked_add(gross?))
    }

    /// Totals of an account.
    pub fn whole_of(&self, spec: &AccountSpec) -> Option<Whole> {
        self.sums.whole(spec.account, |i| self.prices(i))
    }

    /// Equity of an account at last prices; `None` when one is missing.
    pub fn equity_of(&self, account: &Account) -> Option<Money> {
        account.equity_with(self.sums.positions(account.spec().account)?)
    }

    /// Day trades, where the account's number of them is restricted: on margin, with little equity at the day's start.
    pub fn restricted_day_trades(&self) -> Option<u32> {
        let small = Money::from_whole(DAY_TRADE_EQUITY).is_none_or(|enough| self.account.day_open() < enough);
        (self.account.spec().margin == Margin::RegT && small).then_some(self.day_trades)
    }

    /// Fills of an order's strategy since a person last looked.
    pub fn executions_of(&self, order: &OrderSpec) -> Option<u32> {
        order.strategy.map(|strategy| self.executions_by(strategy))
    }

    /// Fills of a strategy since a person last looked.
    pub fn executions_by(&self, strategy: StrategyId) -> u32 {
        self.executions.get(&(self.account.spec().practice(), strategy)).copied().unwrap_or(0)
    }

    /// Most fills of any strategy since a person last looked.
    pub fn most_executions(&self) -> u32 {
        let own = self.account.spec().practice();
        let counts = self.executions.iter().filter(|((of, _), _)| *of == own);
        counts.map(|(_, count)| *count).max().unwrap_or(0)
    }
}
