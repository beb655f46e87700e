//! A draft in its book: everything the controls need, gathered once from sums that are already there.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::domain::decision::{Beside, Bound, Inputs, Span};
use crate::domain::facts::InstrumentFacts;
use crate::domain::limit::{LimitName, LimitValue, Scope};
use crate::domain::order::Start;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::venue::VenueModel;
use crate::domain::{
    Instrument, Money, Order, OrderId, OrderSpec, Price, Quantity, Ratio, RefusalCode, Side, StrategyId,
    Symbol, UnixNanos,
};
use crate::portfolio::{Account, Position};
use crate::risk::book::{Book, Draft, OrderKey, Priced, Recent, Seen};
use crate::risk::exposure::Sides;
use crate::risk::limits::{InForce, LimitBook, Target, symbols};
use crate::risk::past::Pace;
use crate::risk::sums::{Around, Whole};
use crate::risk::tail::{self, BookPast, Change};

use super::exposure::Exposure;
use super::scoped::Mine;
use super::{promise, rate, shape};

/// Limits that look at all positions and open orders of the account.
const WIDE: [LimitName; 6] = [
    LimitName::MaxFirmGrossExposure,
    LimitName::MaxFirmNetExposure,
    LimitName::MaxGrossExposure,
    LimitName::MaxNetExposure,
    LimitName::MaxLeverage,
    LimitName::MaxUnsettledUse,
];

/// What the checks look at: the draft, the book, and what several of them need.
#[derive(Debug)]
pub struct Case<'a> {
    pub(super) book: &'a Book<'a>,
    pub(super) order: &'a OrderSpec,
    pub(super) draft: Draft<'a>,
    pub(super) instrument: Option<&'a Instrument>,
    /// What is known of its market.
    pub(super) seen: Option<&'a Seen>,
    /// Reference price for the side.
    pub(in crate::risk) reference: Option<Priced>,
    /// Last price.
    pub(super) last: Option<Price>,
    /// Price that values the order.
    pub(super) price: Option<Price>,
    /// What would still fill.
    pub(super) quantity: Quantity,
    /// Open orders and position in the instrument, without and with the order.
    pub(super) exposure: Exposure,
    /// What the account holds of the instrument.
    pub(super) position: Option<&'a Position>,
    /// How much that is.
    pub(super) held: Quantity,
    limits: &'a LimitBook,
    pub(super) open: Option<&'a Order>,
    around: Around,
    /// The same of its strategy alone.
    mine: OnceCell<Mine>,
    /// The past of its book.
    past: OnceCell<Option<BookPast>>,
    shared: Option<&'a OnceCell<Option<BookPast>>>,
    notional: Option<Money>,
    /// Value of the whole quantity.
    pub(super) whole: Option<Money>,
    /// Whether it can only take risk away that is there: limits that people set do not speak.
    closes: bool,
    reduces: bool,
}

impl<'a> Case<'a> {
    /// Gathers what several controls need.
    pub fn new(book: &'a Book<'a>, limits: &'a LimitBook, draft: &Draft<'a>) -> Self {
        let order = draft.order;
        let open = draft.amends.then(|| book.orders.get(&(order.account, order.id))).flatten();
        let filled = open.map_or(Quantity::ZERO, |o| o.filled);
        let quantity = order.quantity.checked_sub(filled).unwrap_or(Quantity::ZERO).max(Quantity::ZERO);
        // What is known of the market is looked up once.
        let seen = book.seen.get(&order.instrument);
        let position = book.account.positions().get(&order.instrument);
        let held = position.map_or(Quantity::ZERO, Position::quantity);
        let last = seen.and_then(|seen| seen.last);
        let prices = book.prices_of(seen);
        let reference = seen.and_then(|seen| seen.reference(order.side));
        let own = Seen::own_price(seen, order);
        let price = own.or(last.or(reference).map(|p| p.price));
        let notional = price.and_then(|p| p.notional(quantity).ok());
        let whole = if quantity == order.quantity {
            notional
        } else {
            price.and_then(|p| p.notional(order.quantity).ok())
        };
        let around = book.sums.around((order, own), open, quantity, &prices);
        let exposure = Exposure::new(order.side, notional, &around);
        let reduces = exposure.reduces(quantity);
        let closes = draft.flattens || (draft.exits && (order.reduce_only || reduces));
        Self {
            book,
            order,
            draft: *draft,
            instrument: book.instruments.get(&order.instrument),
            seen,
            reference,
            last: last.map(|p| p.price),
            price,
            quantity,
            exposure,
            position,
            held,
            limits,
            open,
            around,
            mine: OnceCell::new(),
            past: OnceCell::new(),
            shared: None,
            notional,
            whole,
            closes,
            reduces: if closes {
                Sides { position: held, ..Sides::default() }.reduces(order.side, quantity)
            } else {
                reduces
            },
        }
    }

    /// Everything the controls look at.
    pub fn inputs(&self) -> Inputs {
        self.inputs_of(self.bounds(), None)
    }

    /// What the control of one limit looks at, held against one bound; the rest is left empty.
    pub fn inputs_for(&self, bound: Bound) -> Inputs {
        let name = bound.name;
        self.inputs_of(vec![self.completed(bound)], Some(name))
    }

    fn inputs_of(&self, limits: Vec<Bound>, only: Option<LimitName>) -> Inputs {
        let (book, order, spec) = (self.book, self.order, self.book.account.spec());
        let asked = |name: LimitName| limits.iter().any(|b| b.name == name);
        let all = only.is_none();
        let wants = |name: LimitName| only.is_none_or(|only| only == name);
        let wants_whole = only.is_none_or(|name| WIDE.contains(&name));
        let whole = wants_whole.then(|| book.sums.whole(spec.account, |i| book.prices(i))).flatten();
        let whole = whole.as_ref();
        let tails = self.tails(&asked);
        let (crosses, crossings) = if asked(LimitName::MaxSelfTrades) { self.crosses() } else { (None, 0) };
        Inputs {
            kind: spec.kind,
            margin: spec.margin,
            symbol: order.instrument.symbol,
            side: order.side,
            amends: self.draft.amends,
            may_wait: self.draft.may_wait,
            approved: self.draft.approved,
            fault: if all { shape::fault(self) } else { None },
            broken_promise: if all { promise::broken(self) } else { None },
            waits_for_parent: self.draft.waits_for_parent,
            market_halted: book.halted.contains(&order.instrument),
            reconciling: book.reconciling,
            halt: if all { self.halt() } else { None },
            quantity: order.quantity,
            limit_price: order.limit_price,
            reduce_only: order.reduce_only,
            reference: self.waits_at().or(self.reference.map(|r| r.price)),
            notional: self.whole,
            cost: if wants(LimitName::MaxUnsettledUse) { self.cost() } else { None },
            reduces: self.reduces,
            short: (spec.short, self.instrument.is_none_or(|i| i.shortable)),
            selling: if all { self.selling() } else { None },
            cash: book.account.cash(),
            cash_held: self.cash_held(whole),
            equity: book.equity(),
            day_open: book.account.day_open(),
            peak: book.peak,
            drawn_down: book.latched.contains(&(spec.account, RefusalCode::DrawdownLimit)),
            margin_called: book.latched.contains(&(spec.account, RefusalCode::MarginCall)),
            position: self.exposure.position(),
            position_quantity: self.exposure.quantity(),
            gross: self.exposure.gross(whole),
            net: self.exposure.net(whole),
            held: self.exposure.held(whole),
            sector: if wants(LimitName::MaxSectorExposure) { self.sector() } else { None },
            volume: if wants(LimitName::MaxAdvParticipation) { self.volume() } else { None },
            beta: if asked(LimitName::MaxBeta) { self.beta() } else { None },
            var: tails.map(|t| t.var),
            shortfall: tails.map(|t| t.shortfall),
            recent: if all { rate::in_window(book) } else { 0 },
            like_it: longest(&limits, LimitName::DuplicateOrderWindow)
                .and_then(|window| self.like_it(window)),
            crosses,
            crossings,
            open: book.sums.open(spec.account),
            messages: book.activity.messages,
            cancels: book.activity.cancels,
            fills: book.activity.fills,
            executions: book.executions_of(order),
            reference_age: self.reference.map(|r| seconds(book.now.since(r.time))),
            position_loss: if wants(LimitName::MaxPositionLoss) { self.position_loss() } else { None },
            losses: book.activity.losses,
            since_loss: book.activity.lost_at.map(|at| seconds(book.now.since(at))),
            day_trades: if wants(LimitName::MaxDayTrades) { book.restricted_day_trades() } else { None },
            beside: self.beside(&asked, all, whole),
            limits,
        }
    }

    fn beside(&self, asked: &dyn Fn(LimitName) -> bool, all: bool, whole: Option<&Whole>) -> Beside {
        let (book, order) = (self.book, self.order);
        let firm = asked(LimitName::MaxFirmGrossExposure) || asked(LimitName::MaxFirmNetExposure);
        let account = book.account.spec().account;
        Beside {
            flattens: self.closes,
            exits_ask: self.draft.exits_ask,
            borrowed: if all { self.borrowed() } else { None },
            unsettled: asked(LimitName::MaxUnsettledUse).then(|| book.account.unsettled_total()),
            tick: self.instrument.map(|i| i.tick).filter(|_| asked(LimitName::PriceCollarTicks)),
            currency: if asked(LimitName::MaxCurrencyExposure) { self.currency() } else { None },
            daily_take: if asked(LimitName::MaxDaysToLiquidate) { self.daily_take() } else { None },
            pace: asked(LimitName::MaxMessagesPerMinute).then(|| self.pace(&book.past.pace, book.now)),
            firm_pace: asked(LimitName::MaxFirmMessagesPerMinute)
                .then(|| self.pace(book.firm_pace, book.wall)),
            refused: asked(LimitName::MaxRejectRate).then(|| {
                let (messages, refused) = book.past.pace.within(book.now);
                (refused, messages)
            }),
            stop_outs: asked(LimitName::MaxStopOuts).then(|| book.past.stop_outs()),
            lost: asked(LimitName::LowProfitLock)
                .then(|| book.past.lost().get(&order.instrument).copied().unwrap_or(Money::ZERO)),
            firm: if firm { self.firm(whole) } else { None },
            capital: asked(LimitName::MaxStaticDrawdown).then(|| book.account.capital()).flatten(),
            below_capital: asked(LimitName::MaxStaticDrawdown)
                && book.latched.contains(&(account, RefusalCode::StaticDrawdownLimit)),
        }
    }

    /// What waits for a trigger is priced from there, until the market has reached it.
    fn waits_at(&self) -> Option<Price> {
        let reached = self.open.is_some_and(|open| open.triggered)
            || self.seen.is_some_and(|seen| seen.touched(self.order).is_some());
        self.order.trigger_price.filter(|_| !reached)
    }

    /// Whether it is a new order, or changes an open one: not one that is judged again as it stands.
    pub(super) fn is_new(&self) -> bool {
        !self.draft.amends
            || (!self.draft.released && self.open.is_none_or(|open| open.spec != *self.draft.order))
    }

    fn pace(&self, pace: &Pace, at: UnixNanos) -> Span<u32> {
        let now = pace.within(at).0;
        Span { now, with: now.saturating_add(u32::from(self.is_new())) }
    }

    /// What its strategy holds and orders around the draft, of an order that names one.
    pub(super) fn mine(&self, strategy: StrategyId) -> &Mine {
        self.mine.get_or_init(|| {
            let (book, order) = (self.book, self.order);
            let sums = book.by_strategy.sums(strategy);
            let own = Seen::own_price(self.seen, order);
            let around = sums.around((order, own), self.open, self.quantity, &book.prices_of(self.seen));
            let exposure = Exposure::new(order.side, self.notional, &around);
            Mine {
                exposure,
                whole: sums.whole(order.account, |i| book.prices(i)),
                reduces: exposure.reduces(self.quantity),
            }
        })
    }

    /// Shares that all paper accounts together would be short if all open sells filled, where it is known how many can be borrowed.
    fn borrowed(&self) -> Option<(Quantity, Quantity)> {
        let borrowable = self.instrument?.borrowable?;
        let short = |held: Quantity| held.checked_neg().map(|short| short.max(Quantity::ZERO));
        let here = short(self.held.checked_sub(self.around.sells?)?)?;
        let sums = self.book.sums;
        let name = self.order.instrument;
        let left =
            |peer: &Account| peer.quantity(name).checked_sub(sums.open_sells(peer.spec().account, name)?);
        let all = self.book.peers().map(|peer| short(left(peer)?));
        let all = all.chain([Some(here)]).try_fold(Quantity::ZERO, |sum, short| sum.checked_add(short?))?;
        Some((all, borrowable))
    }

    /// Worst cases of this account and its peers in its currency, before and with the order.
    fn currency(&self) -> Option<Span<Money>> {
        let book = self.book;
        let others = book.peers_gross()?;
        let own = book.sums.whole(book.account.spec().account, |i| book.prices(i));
        let span = self.exposure.gross(own.as_ref())?;
        Some(Span { now: others.checked_add(span.now)?, with: others.checked_add(span.with)? })
    }

    /// Quantity that a day of average volume lets an account trade.
    fn daily_take(&self) -> Option<Quantity> {
        daily_take(self.volume()?, self.book.venue)
    }

    /// Limits that bind the order.
    fn bounds(&self) -> Vec<Bound> {
        if self.limits.is_silent() {
            return Vec::new();
        }
        let target = Target::of(self.book.account.spec(), self.order);
        let binding = self.limits.binding_order(&target, (self.order.account, self.order.id));
        let symbol = self.order.instrument.symbol;
        binding
            .filter_map(|(name, scope, value)| bound(name, scope, value, symbol).map(|b| self.completed(b)))
            .collect()
    }

    /// A bound with what its scope measures. A broker ends an order later than another is sent: there self-trades are
    /// refused.
    fn completed(&self, bound: Bound) -> Bound {
        let at_broker = !self.book.account.spec().broker.is_paper();
        let hard = match bound.hard {
            Some(LimitValue::SelfTrades(count, _)) if at_broker => Some(LimitValue::Count(count)),
            hard => hard,
        };
        Bound { own: self.own(bound.name, bound.scope), hard, ..bound }
    }

    fn halt(&self) -> Option<(Scope, crate::domain::event::HaltMode)> {
        if self.book.halts.is_empty() {
            return None;
        }
        let target = Target::of(self.book.account.spec(), self.order);
        let binding = self.book.halts.iter().filter(|(scope, _)| target.is_bound_by(**scope));
        binding.max_by_key(|(_, halt)| halt.mode).map(|(scope, halt)| (*scope, halt.mode))
    }

    /// What the rest costs with the largest fee that it may come to.
    fn cost(&self) -> Option<Money> {
        if self.order.side == Side::Sell {
            return None;
        }
        let notional = self.notional?;
        let fee = self.book.venue.fee.most(self.order.side, self.quantity, notional).ok()?;
        notional.checked_add(fee)
    }

    /// Cash that open buys hold, the order's own and its group's left out.
    fn cash_held(&self, whole: Option<&Whole>) -> Option<Money> {
        whole?.cash.checked_sub(self.around.cash?)
    }

    /// What is held, when long, and what open sells and this one would sell; counted without prices. Who closes a
    /// position by hand ends the other orders first.
    fn selling(&self) -> Option<(Quantity, Quantity)> {
        let sells = if self.draft.flattens { Some(self.quantity) } else { self.around.sells };
        Some((self.held.max(Quantity::ZERO), sells?))
    }

    fn sector(&self) -> Option<Span<Money>> {
        let sector = self.sector_name()?;
        let prices = |i| self.book.prices(i);
        self.exposure.within(self.book.sums.sector(self.order.account, sector, prices)?)
    }

    pub(super) fn sector_name(&self) -> Option<&str> {
        self.instrument.map(|i| i.sector.as_str()).filter(|s| !s.is_empty())
    }

    /// What the past says of its instrument.
    fn facts(&self) -> Option<&InstrumentFacts> {
        self.book.facts.of(self.order.instrument)
    }

    fn volume(&self) -> Option<Quantity> {
        self.facts()?.average_daily_volume.and_then(Quantity::from_f64)
    }

    /// What the order changes of the account's book, in which its own open order counts as it stands.
    fn change(&self) -> Option<Change> {
        let (counted, with) = (self.around.counted?, self.exposure.with?);
        let notional = self.notional?;
        Some(Change {
            buys: with.buy_value.checked_sub(counted.buy_value)?,
            sells: with.sell_value.checked_sub(counted.sell_value)?,
            alone: if self.order.side == Side::Buy { notional } else { notional.checked_neg()? },
        })
    }

    fn beta(&self) -> Option<Span<Money>> {
        let own = self.facts()?.beta.and_then(Ratio::from_f64)?;
        let [held, up, down] = self.book.sums.beta(self.order.account, |i| self.book.prices(i))?;
        let change = self.change()?;
        let (buys, sells) = (change.buys.scale(own).ok()?, change.sells.checked_neg()?.scale(own).ok()?);
        let (adds, takes) = if own.is_negative() { (sells, buys) } else { (buys, sells) };
        let larger = |up: Money, down: Money| Some(up.checked_abs()?.max(down.checked_abs()?));
        let now = if self.is_judged_again() { held.checked_abs()? } else { larger(up, down)? };
        Some(Span { now, with: larger(up.checked_add(adds)?, down.checked_add(takes)?)? })
    }

    /// Whether it is an open order, just as it stands.
    fn is_judged_again(&self) -> bool {
        !self.draft.released && !self.is_new()
    }

    fn tails(&self, asked: &dyn Fn(LimitName) -> bool) -> Option<tail::Tails> {
        let names =
            [LimitName::MaxVar95, LimitName::MaxVar99, LimitName::MaxShortfall95, LimitName::MaxShortfall99];
        if !names.into_iter().any(asked) {
            return None;
        }
        let own = self.facts()?.returns.as_deref()?;
        let past = self.shared.unwrap_or(&self.past).get_or_init(|| {
            BookPast::new(self.book.sums.outcomes(self.order.account, |i| self.book.prices(i))?)
        });
        past.as_ref()?.tails(own.iter().rev().copied(), self.change()?, self.is_judged_again())
    }

    /// The same case beside others of its book: its past is made once for all of them.
    pub fn sharing(self, past: &'a OnceCell<Option<BookPast>>) -> Self {
        Self { shared: Some(past), ..self }
    }

    /// Age of the newest order like this one, of those that a window of this many seconds holds.
    fn like_it(&self, window: i64) -> Option<u32> {
        let now = self.book.now;
        let own = Recent::of(self.order, now);
        let inside = |r: &&Recent| now.since(r.time) < window.saturating_mul(NANOS_PER_SECOND);
        let mut recent = self.book.recent.iter().rev().take_while(inside);
        let alike = |r: &&Recent| r.instrument == own.instrument && Recent { time: own.time, ..**r } == own;
        recent.find(alike).map(|r| seconds(now.since(r.time)))
    }

    /// Open orders on the other side that would trade with this one: the first, and how many.
    fn crosses(&self) -> (Option<OrderId>, u32) {
        let own = self.crossing();
        (own.first().map(|key| key.1), u32::try_from(own.len()).unwrap_or(u32::MAX))
    }

    /// Open orders on the other side that would trade with this one, of any account of the same owner. What waits to be
    /// released or for its trigger trades with nothing yet.
    pub(super) fn crossing(&self) -> Vec<OrderKey> {
        if self.draft.waits_for_parent || waits_for_trigger(self.order, self.open) {
            return Vec::new();
        }
        let meets = |other: &Order| {
            let opposite = other.spec.side != self.order.side && !other.leaves().is_zero();
            let works = !other.status.is_waiting() && !waits_for_trigger(&other.spec, Some(other));
            let (own, their) = (self.order.limit_price, other.spec.limit_price);
            opposite
                && works
                && match (own.or(self.price), their, self.order.side) {
                    (Some(own), Some(their), Side::Buy) => own >= their,
                    (Some(own), Some(their), Side::Sell) => own <= their,
                    (None, _, _) | (_, None, _) => true,
                }
        };
        let mut keys = self.book.queues.open_in(self.order.instrument);
        let is_own = |key: &OrderKey| {
            let open = self.book.orders.get(key);
            open.is_some_and(|o| self.book.is_own(o.spec.account) && meets(o))
        };
        keys.retain(is_own);
        keys
    }

    fn position_loss(&self) -> Option<Money> {
        let Some(position) = self.position else { return Some(Money::ZERO) };
        let value = position.value(self.last?).ok()?;
        position.cost().checked_sub(value).map(|loss| loss.max(Money::ZERO))
    }
}

/// Whether an order works only once the market reaches its trigger, and has not.
fn waits_for_trigger(order: &OrderSpec, open: Option<&Order>) -> bool {
    let waits = matches!(order.order_type.start(), Start::Stop | Start::Touch);
    waits && open.is_none_or(|open| !open.triggered)
}

/// A limit in force as a bound of an order in a symbol; of a list of symbols only the order's own, which is enough to
/// know whether it is on it.
pub fn bound(name: LimitName, scope: Scope, value: &InForce, symbol: Symbol) -> Option<Bound> {
    let own = |value: &LimitValue| match symbols(value) {
        Some(list) if list.contains(&symbol) => Some(LimitValue::Symbols([symbol].into())),
        Some(_) if name == LimitName::AllowedSymbols => Some(LimitValue::Symbols(BTreeSet::new())),
        Some(_) => None,
        None => Some(value.clone()),
    };
    let (hard, soft) = (value.hard.as_ref().and_then(own), value.soft.as_ref().and_then(own));
    (hard.is_some() || soft.is_some()).then_some(Bound { name, scope, hard, soft, own: None })
}

/// Quantity that a day of this average volume lets an account trade.
pub fn daily_take(volume: Quantity, venue: &VenueModel) -> Option<Quantity> {
    // A share of shares: the scale of money does for it.
    let take = Money::from_raw(volume.raw()).scale(venue.participation).ok()?;
    Some(Quantity::from_raw(take.raw()))
}

/// The highest value of a limit that binds; `None` when none does.
fn longest(limits: &[Bound], name: LimitName) -> Option<i64> {
    let own = limits.iter().filter(|b| b.name == name);
    own.flat_map(|b| b.hard.iter().chain(&b.soft)).filter_map(LimitValue::raw).max()
}

/// Whole seconds of a span of time; never below zero.
fn seconds(nanos: i64) -> u32 {
    u32::try_from(nanos.max(0) / NANOS_PER_SECOND).unwrap_or(u32::MAX)
}
