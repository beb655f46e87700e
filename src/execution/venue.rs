//! Market events at the paper exchange: who fills, how much, at what price and fee.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::{EndReason, EventBody, Fill};
use crate::domain::limit::LimitName;
use crate::domain::market::Trade;
use crate::domain::order::Start;
use crate::domain::{
    AccountId, Bar, Exchange, InstrumentId, Money, Order, OrderId, OrderSpec, Price, Quantity, Quote, Seq,
    Side, TimeInForce, UnixNanos,
};
use crate::portfolio::Booking;
use crate::risk::{OrderKey, Priced};

use super::engine::EngineError;
use super::groups::Trades;
use super::matching::bars::{Meeting, Offer, Outcome};
use super::matching::path::Reach;
use super::matching::prints::Effect;
use super::matching::triggers::{self, Heard};
use super::matching::{bars, prints, quotes};
use super::orders::Working;
use super::step::Step;

impl Step<'_> {
    /// All bars of one instant, in instrument order: match, release what sells paid for, take the closes over.
    pub(super) fn bars(&mut self, all: &[Bar]) -> Result<(), EngineError> {
        let mut exchanges: Vec<Exchange> = all.iter().map(|b| b.instrument.exchange).collect();
        exchanges.sort_unstable();
        exchanges.dedup();
        for exchange in &exchanges {
            self.begin(*exchange)?;
        }
        let wanted = all.iter().filter(|b| !self.state().orders.queue(b.instrument).is_empty());
        let mut pools = self.pools(wanted, Takes::All);
        self.play(&mut pools)?;
        self.take_closes(all)?;
        for exchange in exchanges {
            self.judge_losses(exchange)?;
            self.mark(exchange, None)?;
        }
        Ok(())
    }

    /// Bars of one instant, each with all that we may take of it, whether its name came before or comes twice here.
    pub(super) fn pools<'b>(&self, bars: impl Iterator<Item = &'b Bar>, takes: Takes) -> Vec<Pool> {
        let mut ends: BTreeMap<InstrumentId, UnixNanos> = BTreeMap::new();
        let with_all = |bar: &'b Bar| {
            let before = self.state().view.bars.get(&bar.instrument).copied();
            let end = before.max(ends.get(&bar.instrument).copied());
            ends.insert(bar.instrument, bar.to.max(end.unwrap_or(bar.to)));
            self.pool(bar, takes, end)
        };
        bars.map(with_all).collect()
    }

    /// A bar with all that we may take of it: nothing matches twice in the same time. Of one that begins before the end
    /// of the last bar of its name only the closing auction is new, of one that ends no later nothing is.
    fn pool(&self, bar: &Bar, takes: Takes, last_end: Option<UnixNanos>) -> Pool {
        let state = self.state();
        let lot = state.instruments.get(&bar.instrument).map_or(Quantity::ZERO, |i| i.lot);
        let takes = match last_end {
            Some(end) if bar.to <= end => Takes::Nothing,
            Some(end) if bar.from < end && takes == Takes::All => Takes::Closing,
            Some(end) if bar.from < end => Takes::Nothing,
            _ => takes,
        };
        Pool { bar: *bar, left: bar.volume.share(state.venue.participation).round_to_lot(lot), takes }
    }

    /// Matches on bars of one instant, in instrument order, then releases what sells paid for.
    pub(super) fn play(&mut self, pools: &mut [Pool]) -> Result<(), EngineError> {
        for pool in pools.iter_mut() {
            self.fill_on_bar(pool, None)?;
        }
        self.settle_lists(pools)
    }

    /// The closes of bars are the last prices.
    pub(super) fn take_closes(&mut self, bars: &[Bar]) -> Result<(), EngineError> {
        bars.iter().try_for_each(|bar| {
            self.engine.state.set_last(bar.instrument, bar.close, bar.to);
            self.engine.state.view.note_bar(bar.instrument, bar.to);
            self.watch(bar.instrument)
        })
    }

    /// Gives out a bar's budget in the order in which the path reaches the orders; `only` looks at one of them.
    pub(super) fn fill_on_bar(&mut self, pool: &mut Pool, only: Option<OrderKey>) -> Result<(), EngineError> {
        let Pool { bar, left: budget, takes } = pool;
        if *takes == Takes::Nothing || bar.volume.is_zero() || self.state().halted.contains(&bar.instrument) {
            return Ok(());
        }
        let calendar = self.engine.calendars.of(bar.instrument.exchange);
        let session = calendar.session_at(bar.from);
        let meeting = Meeting::of(
            bar,
            session.is_some_and(|s| s.open == bar.from),
            session.is_some_and(|s| s.close == bar.to),
        );
        let met = self.meet(bar, &meeting, *takes, only);
        let mut hits: Vec<Hit> = met.iter().flat_map(hits_of).collect();
        self.stops_win(&mut hits);
        self.stops_first(&mut hits);
        hits.sort_unstable_by_key(|hit| (hit.reach, hit.yields, hit.place, hit.offer.is_some()));
        for hit in hits {
            self.moment = Some(if hit.reach == Reach::OPEN { bar.from } else { bar.to });
            match hit.offer {
                // What the bar itself let wait, or work again, has no more of it.
                _ if !self.still_meets(bar, &hit.key) => {}
                None => self.trigger(hit.key)?,
                Some(offer) => {
                    let against = (offer.against, *budget);
                    let filled = self.fill(hit.key, hit.most.min(*budget), offer.price, against)?;
                    *budget = budget.checked_sub(filled).unwrap_or(Quantity::ZERO);
                    if filled.is_zero() && hit.elects {
                        self.trigger(hit.key)?;
                    }
                }
            }
        }
        self.moment = None;
        for (key, stop) in met.iter().filter_map(|m| Some((m.key, m.outcome.stop?))) {
            if self.still_meets(bar, &key) {
                self.trail_to(key, stop)?;
            }
        }
        self.end_after_bar(met.into_iter().map(|m| m.key))
    }

    /// The orders that may match on a bar, and what it does to each.
    fn meet(&self, bar: &Bar, meeting: &Meeting, takes: Takes, only: Option<OrderKey>) -> Vec<Met> {
        let state = self.state();
        let Some(instrument) = state.instruments.get(&bar.instrument) else { return Vec::new() };
        let queue = state.orders.queue(bar.instrument).iter().filter(|w| only.is_none_or(|key| key == w.key));
        queue
            .filter_map(|w| {
                let order = state.orders.open().get(&w.key)?;
                let from = self.met_from(order, w, bar)?;
                takes.admits(order, only.is_some()).then_some(())?;
                let from = if from == Reach::OPEN { meeting.path.start() } else { meeting.path.end() };
                let outcome = || bars::outcome(order, meeting, from, instrument.tick, &state.venue);
                Some(Met { key: w.key, place: w.place, most: order.working(), outcome: outcome() })
            })
            .collect()
    }

    fn still_meets(&self, bar: &Bar, key: &OrderKey) -> bool {
        let orders = self.state().orders();
        let working = orders.working(bar.instrument, key);
        let order = orders.open().get(key).zip(working);
        order.is_some_and(|(order, working)| self.met_from(order, working, bar).is_some())
    }

    /// From where on its path an order may match on a bar, if at all. The close is still ahead of an order that is given for
    /// it during the bar, and of a buy whose money came then.
    fn met_from(&self, order: &Order, working: &Working, bar: &Bar) -> Option<Reach> {
        let paid_at = self.paid.get(&working.key).copied();
        let since = paid_at.unwrap_or(working.active_at);
        let at_close = paid_at.is_some() || order.spec.order_type.start() == Start::Close;
        let from = if bar.from >= since {
            Some(Reach::OPEN)
        } else {
            (at_close && bar.to >= since).then_some(Reach::CLOSE)
        };
        from.filter(|_| order.matches_here())
    }

    /// Where a stop and another order of one group can both be reached in a bar, the stop is taken.
    fn stops_win(&self, hits: &mut Vec<Hit>) {
        let orders = self.state().orders();
        let group = |hit: &Hit| {
            let spec = &orders.open().get(&hit.key)?.spec;
            let stops = spec.order_type.start() == Start::Stop;
            spec.oco.map(|group| (spec.account, group, stops))
        };
        let stopped: BTreeSet<(AccountId, OrderId)> = hits
            .iter()
            .filter(|hit| hit.offer.is_some())
            .filter_map(group)
            .filter(|(_, _, stops)| *stops)
            .map(|(account, group, _)| (account, group))
            .collect();
        if !stopped.is_empty() {
            hits.retain(|hit| {
                group(hit).is_none_or(|(account, group, stops)| stops || !stopped.contains(&(account, group)))
            });
        }
    }

    /// Where a bar reaches a stop and other orders that close the same position, and there is not enough of it for all
    /// of them, the stop is taken first: only what the open reaches is known to come before it.
    fn stops_first(&self, hits: &mut [Hit]) {
        let orders = self.state().orders();
        let closing = |hit: &Hit| {
            let spec = &orders.open().get(&hit.key)?.spec;
            let trades = (spec.account, spec.instrument, spec.side);
            let stops = spec.order_type.start() == Start::Stop;
            (spec.reduce_only || self.may_not_short(trades)).then_some((trades, stops))
        };
        let mut reached: BTreeMap<Trades, (Quantity, Option<Reach>)> = BTreeMap::new();
        for hit in hits.iter().filter(|hit| hit.offer.is_some()) {
            let Some((trades, stops)) = closing(hit) else { continue };
            let (most, stop) = reached.entry(trades).or_default();
            *most = most.checked_add(hit.most).unwrap_or(*most);
            *stop = if stops { (*stop).max(Some(hit.reach)) } else { *stop };
        }
        reached.retain(|trades, (most, stop)| stop.is_some() && *most > self.reducible(*trades));
        for hit in hits.iter_mut().filter(|_| !reached.is_empty()).filter(|hit| hit.reach > Reach::OPEN) {
            let Some((trades, false)) = closing(hit) else { continue };
            if let Some((_, Some(stop))) = reached.get(&trades) {
                (hit.reach, hit.yields) = (hit.reach.max(*stop), true);
            }
        }
    }

    fn trigger(&mut self, (account, id): OrderKey) -> Result<(), EngineError> {
        let open = self.state().orders().open().get(&(account, id));
        if open.is_some_and(|order| order.matches_here() && !order.triggered) {
            self.emit(EventBody::OrderTriggered { account, id })?;
        }
        Ok(())
    }

    fn trail_to(&mut self, (account, id): OrderKey, trigger_price: Price) -> Result<(), EngineError> {
        let open = self.state().orders().open().get(&(account, id));
        let moves = |order: &Order| !order.triggered && order.stop != Some(trigger_price);
        if open.is_some_and(|order| order.matches_here() && moves(order)) {
            self.emit(EventBody::OrderTrailed { account, id, trigger_price })?;
        }
        Ok(())
    }

    /// After a bar: what was given for at once is over, and so is the auction of an order for the open.
    fn end_after_bar(&mut self, met: impl Iterator<Item = OrderKey>) -> Result<(), EngineError> {
        for key in met {
            let Some(order) = self.state().orders().open().get(&key).filter(|o| o.matches_here()) else {
                continue;
            };
            if order.spec.order_type.start() == Start::Open {
                let (account, id) = key;
                self.emit(EventBody::OrderExpired { account, id, reason: EndReason::AuctionOver })?;
                self.follow(key, Quantity::ZERO)?;
            } else if order.spec.tif.is_immediate() {
                self.end(key, EndReason::Immediate)?;
            }
        }
        Ok(())
    }

    /// A quote: takes it in, then lets orders take what it shows.
    pub(super) fn quote(&mut self, quote: Quote) -> Result<(), EngineError> {
        let instrument = quote.instrument;
        self.begin(instrument.exchange)?;
        self.engine.state.view.set_quote(quote);
        self.watch(instrument)?;
        // An order that a fill of this quote releases waits for the next one, and so does what it adds to a child.
        let reached = self.state().orders.at_quote(instrument, quote.bid, quote.ask);
        if !reached.is_empty() {
            let orders = self.state().orders();
            let now = |key: OrderKey| orders.open().get(&key).map(|order| (key, order.working()));
            let reached: Vec<(OrderKey, Quantity)> = reached.into_iter().filter_map(now).collect();
            for (key, most) in reached {
                self.take_quote_up_to(key, most)?;
                self.end_immediate(key)?;
            }
            self.settle_lists(&mut [])?;
        }
        self.mark_if_due(instrument.exchange)
    }

    /// A print: fills resting orders it went through, at most its size, and becomes the last price.
    pub(super) fn trade(&mut self, trade: Trade) -> Result<(), EngineError> {
        let instrument = trade.instrument;
        self.begin(instrument.exchange)?;
        let before = self.state().view.last(instrument);
        self.engine.state.set_last(instrument, trade.price, trade.time);
        self.watch(instrument)?;
        let reached = self.state().orders.at_print(instrument, trade.price);
        if !reached.is_empty() && self.is_matching(instrument) {
            let session = self.engine.calendars.of(instrument.exchange).session_at(trade.time);
            let opens = session.is_some_and(|s| before.is_none_or(|last| last.time < s.open));
            self.match_print(trade, before, opens, &reached)?;
            self.settle_lists(&mut [])?;
        }
        if self.state().accounts().values().any(|a| a.positions().contains_key(&instrument)) {
            self.judge_losses(instrument.exchange)?;
        }
        self.mark_if_due(instrument.exchange)
    }

    /// `before` is the last price as it was before the print.
    fn match_print(
        &mut self,
        trade: Trade,
        before: Option<Priced>,
        opens: bool,
        reached: &[OrderKey],
    ) -> Result<(), EngineError> {
        let mut left = trade.size;
        let state = self.state();
        let tick = state.instruments.get(&trade.instrument).map_or(Price::ZERO, |i| i.tick);
        let mut effects = Vec::new();
        for key in reached {
            let Some(working) = state.orders.working(trade.instrument, key) else { continue };
            let early = working.active_at > trade.time;
            if let Some(order) = state.orders.open().get(key).filter(|o| !early && o.matches_here()) {
                let before = before.filter(|last| last.time >= working.active_at).map(|last| last.price);
                let heard = Heard::print(state.orders.source(key.0), trade.price, before);
                let rule = state.venue.limit_rule(&order.spec, trade.time);
                let effect = prints::effect(order, trade.price, heard, opens, (tick, rule));
                effects.push((*key, effect, order.spec.order_type.start(), order.working()));
            }
        }
        for (key, effect, start, most) in effects {
            match effect {
                Effect::None => {}
                Effect::Fill(price) => {
                    let filled = self.fill(key, left.min(most), price, (trade.price, left))?;
                    left = left.checked_sub(filled).unwrap_or(Quantity::ZERO);
                }
                Effect::Told(effect) => self.set_off(key, effect, most)?,
            }
            if start == Start::Open {
                self.end_after_bar(std::iter::once(key))?;
            }
        }
        Ok(())
    }

    /// What follows for an order from what its trigger heard.
    fn set_off(
        &mut self,
        key: OrderKey,
        effect: triggers::Effect,
        most: Quantity,
    ) -> Result<(), EngineError> {
        match effect {
            triggers::Effect::None => Ok(()),
            triggers::Effect::Trigger => {
                self.trigger(key)?;
                self.take_quote_up_to(key, most)
            }
            triggers::Effect::Trail(stop) => self.trail_to(key, stop),
        }
    }

    fn is_matching(&self, instrument: InstrumentId) -> bool {
        !self.state().halted.contains(&instrument) && self.in_session(instrument.exchange, self.now)
    }

    /// Lets one order take what the standing quote shows, when it is there, fresh and not crossed.
    pub(super) fn take_quote(&mut self, key: OrderKey) -> Result<(), EngineError> {
        self.take_quote_up_to(key, Quantity::from_raw(i64::MAX))
    }

    fn take_quote_up_to(&mut self, key: OrderKey, most: Quantity) -> Result<(), EngineError> {
        let state = self.state();
        let Some(order) = state.orders.open().get(&key).filter(|o| o.matches_here()) else {
            return Ok(());
        };
        let instrument = order.spec.instrument;
        let working = state.orders.working(instrument, &key);
        let Some(standing) = state.view.seen.get(&instrument).and_then(|seen| seen.quote) else {
            return Ok(());
        };
        let stale = state
            .venue
            .stale_after_ms
            .is_some_and(|ms| self.now > standing.quote.time.plus_millis(i64::from(ms)));
        let early = working.is_none_or(|w| w.active_at > self.now);
        if stale || early || !self.is_matching(instrument) {
            return Ok(());
        }
        let Some((price, size)) = quotes::offer(order, &standing) else {
            let heard = Heard::quote(state.orders.source(key.0), &standing.quote, order);
            let effect = heard.map_or(triggers::Effect::None, |heard| triggers::effect(order, heard));
            return self.set_off(key, effect, most);
        };
        let side = order.spec.side;
        let filled = self.fill(key, size.min(most), price, (price, size))?;
        if let Some(quote) = self.engine.state.view.seen.get_mut(&instrument).and_then(|s| s.quote.as_mut()) {
            let left = match side {
                Side::Buy => &mut quote.ask_left,
                Side::Sell => &mut quote.bid_left,
            };
            *left = left.checked_sub(filled).unwrap_or(Quantity::ZERO);
        }
        Ok(())
    }

    /// Ends an order that was given for at once, when it had its chance: it may match now and a quote stands.
    pub(super) fn end_immediate(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let state = self.state();
        let Some(order) = state.orders.open().get(&key) else { return Ok(()) };
        let instrument = order.spec.instrument;
        let ready = order.spec.tif.is_immediate()
            && order.matches_here()
            && state.view.quote(instrument).is_some()
            && state.orders.working(instrument, &key).is_some_and(|w| w.active_at <= self.now);
        if ready && self.is_matching(instrument) { self.end(key, EndReason::Immediate) } else { Ok(()) }
    }

    /// Fills an order now.
    fn fill(
        &mut self,
        key: OrderKey,
        size: Quantity,
        price: Price,
        against: (Price, Quantity),
    ) -> Result<Quantity, EngineError> {
        self.fill_at(self.now, key, size, price, against)
    }

    /// Fills an order with at most `size` at a price; returns how much. An order that only reduces, or whose
    /// account may not be short, never fills beyond the position; one for all or nothing takes no part. A fill that could not be counted exactly ends the order.
    pub(super) fn fill_at(
        &mut self,
        at: UnixNanos,
        key: OrderKey,
        size: Quantity,
        price: Price,
        against: (Price, Quantity),
    ) -> Result<Quantity, EngineError> {
        let Some(order) = self.state().orders.open().get(&key) else { return Ok(Quantity::ZERO) };
        let trades = (order.spec.account, order.spec.instrument, order.spec.side);
        let wanted = if order.spec.reduce_only || self.may_not_short(trades) {
            order.working().min(self.reducible(trades))
        } else {
            order.working()
        };
        let quantity = wanted.min(size);
        let part_of_all = order.spec.tif == TimeInForce::Fok && quantity < order.leaves();
        if !quantity.is_positive() || part_of_all {
            return Ok(Quantity::ZERO);
        }
        let guarded = self.state().limits().has(LimitName::MaxFillDistance);
        let before = if guarded { self.reference(&order.spec) } else { None };
        let Some(fill) = self.counted_fill(at, order, quantity, price, against) else {
            self.end(key, EndReason::OutOfRange)?;
            return Ok(Quantity::ZERO);
        };
        self.emit_at(at, EventBody::Fill(fill))?;
        self.follow(key, quantity)?;
        self.judge_executions(&key)?;
        self.judge_fill(&key, (price, false), before.map(|p| p.price))?;
        self.judge_cash(key.0)?;
        Ok(quantity)
    }

    /// The price an order's fill is held against: as it stands before the fill.
    pub(super) fn reference(&self, order: &OrderSpec) -> Option<Priced> {
        self.state().view.seen.get(&order.instrument)?.reference(order.side)
    }

    /// The fill with its fee: the order's fee so far, less what was charged before.
    fn counted_fill(
        &self,
        at: UnixNanos,
        order: &Order,
        quantity: Quantity,
        price: Price,
        against: (Price, Quantity),
    ) -> Option<Fill> {
        let spec = &order.spec;
        let notional = price.notional(quantity).ok()?;
        let cum = order.filled.checked_add(quantity)?;
        let total = order.filled_notional.checked_add(notional)?;
        let day = || self.engine.calendars.of(spec.instrument.exchange).date_at(at);
        let volume = self.state().volume_before(order, day);
        let due = self.state().venue.fee.total(spec.side, cum, total, volume).ok()?;
        let fee = due.checked_sub(order.fees)?.max(Money::ZERO);
        let fill = Fill {
            account: spec.account,
            id: spec.id,
            instrument: spec.instrument,
            side: spec.side,
            quantity,
            price,
            fee,
            cum,
            leaves: spec.quantity.checked_sub(cum)?,
            against,
            venue: None,
        };
        // The books must be able to hold it.
        let account = self.state().accounts.get(&spec.account)?;
        let booking = Booking { seq: self.state().seq, ..Booking::default() };
        account.fits(&fill, booking).ok().map(|()| fill)
    }
}

/// A bar, what is left of it for us, and which orders it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    pub bar: Bar,
    pub left: Quantity,
    pub takes: Takes,
}

/// Which orders a bar is for: a day's bar whose hours are told by finer ones is for its auctions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// All of them.
    All,
    /// Those for the opening auction.
    Opening,
    /// Those for no auction.
    Between,
    /// Those for the closing auction, and what is released only then.
    Closing,
    /// None of them: the time was played before.
    Nothing,
}

impl Takes {
    fn admits(self, order: &Order, is_released: bool) -> bool {
        let start = order.spec.order_type.start();
        match self {
            Takes::All => true,
            Takes::Opening => start == Start::Open,
            Takes::Between => !matches!(start, Start::Open | Start::Close),
            Takes::Closing => start == Start::Close || is_released,
            Takes::Nothing => false,
        }
    }
}

/// An order that meets a bar, and what the bar does to it.
struct Met {
    key: OrderKey,
    place: Seq,
    /// How much of it may fill on this bar: what a fill of the bar adds to a child waits for the next.
    most: Quantity,
    outcome: Outcome,
}

/// Something that happens to an order on a bar: its trigger alone, or what it gets.
struct Hit {
    reach: Reach,
    place: Seq,
    key: OrderKey,
    most: Quantity,
    offer: Option<Offer>,
    /// Whether what it gets comes with its trigger: without liquidity the trigger stays.
    elects: bool,
    /// Whether a stop that is reached there too goes first.
    yields: bool,
}

/// What a bar does to an order, one thing after the other.
fn hits_of(met: &Met) -> impl Iterator<Item = Hit> + use<> {
    let Met { key, place, most, outcome } = *met;
    let hit = move |reach, offer, elects| Hit { reach, place, key, most, offer, elects, yields: false };
    let trigger = outcome.triggered.map(|reach| hit(reach, None, false));
    let offer = outcome.offer.map(|offer| hit(offer.reach, Some(offer), outcome.elects));
    trigger.into_iter().chain(offer)
}
