//! Market events at the paper exchange: who fills, how much, at what price and fee.

use crate::domain::event::{EndReason, EventBody, Fill};
use crate::domain::market::Trade;
use crate::domain::order::Order;
use crate::domain::{Bar, Exchange, InstrumentId, Money, Price, Quantity, Quote, Seq, Side};
use crate::portfolio::Booking;
use crate::risk::OrderKey;

use super::engine::EngineError;
use super::matching::bars::Offer;
use super::matching::path::{Path, Reach};
use super::matching::{bars, prints, quotes};
use super::orders::Working;
use super::step::Step;

/// An order, what it gets, and its place among others.
type Candidate = (Reach, Seq, OrderKey, Offer);

impl Step<'_> {
    /// All bars of one instant, in instrument order: match, release what sells paid for, take the closes over.
    pub(super) fn bars(&mut self, all: &[Bar]) -> Result<(), EngineError> {
        let mut exchanges: Vec<Exchange> = all.iter().map(|b| b.instrument.exchange).collect();
        exchanges.sort_unstable();
        exchanges.dedup();
        for exchange in &exchanges {
            self.begin(*exchange)?;
        }
        let mut budgets: Vec<(Bar, Quantity)> = Vec::new();
        for bar in all.iter().filter(|b| !self.state().orders.queue(b.instrument).is_empty()) {
            let state = self.state();
            let lot = state.instruments.get(&bar.instrument).map_or(Quantity::ZERO, |i| i.lot);
            budgets.push((*bar, bar.volume.share(state.venue.participation).round_to_lot(lot)));
        }
        for (bar, budget) in &mut budgets {
            self.fill_on_bar(bar, budget, None)?;
        }
        self.settle_lists(&mut budgets)?;
        for bar in all {
            self.engine.state.view.set_last(bar.instrument, bar.close, bar.to);
        }
        for exchange in exchanges {
            self.judge_losses(exchange)?;
            self.mark(exchange, false)?;
        }
        Ok(())
    }

    /// Gives out a bar's budget in the order in which the path reaches the orders; `only` looks at one of them.
    pub(super) fn fill_on_bar(
        &mut self,
        bar: &Bar,
        budget: &mut Quantity,
        only: Option<OrderKey>,
    ) -> Result<(), EngineError> {
        let state = self.state();
        let Some(instrument) = state.instruments.get(&bar.instrument) else { return Ok(()) };
        if !budget.is_positive() || state.halted.contains(&bar.instrument) {
            return Ok(());
        }
        let path = Path::of(bar);
        let eligible = |w: &&Working| bar.from >= w.active_at && only.is_none_or(|key| key == w.key);
        let mut candidates: Vec<Candidate> = Vec::new();
        for working in state.orders.queue(bar.instrument).iter().filter(eligible) {
            let order = state.orders.open().get(&working.key).filter(|o| is_working(o));
            let offer = order.and_then(|o| bars::offer(&o.spec, &path, instrument.tick, &state.venue));
            candidates.extend(offer.map(|offer| (offer.reach, working.place, working.key, offer)));
        }
        candidates.sort_unstable_by_key(|(reach, place, _, _)| (*reach, *place));
        for (_, _, key, offer) in candidates {
            let against = (offer.against, *budget);
            let filled = self.fill(key, *budget, offer.price, against)?;
            *budget = budget.checked_sub(filled).unwrap_or(Quantity::ZERO);
        }
        Ok(())
    }

    /// A quote: takes it in, then lets orders take what it shows.
    pub(super) fn quote(&mut self, quote: Quote) -> Result<(), EngineError> {
        let instrument = quote.instrument;
        self.begin(instrument.exchange)?;
        self.engine.state.view.set_quote(quote);
        if !self.state().orders.queue(instrument).is_empty() {
            let keys: Vec<OrderKey> = self.state().orders.queue(instrument).iter().map(|w| w.key).collect();
            for key in keys {
                self.take_quote(key)?;
            }
            self.settle_lists(&mut [])?;
        }
        self.mark_if_due(instrument.exchange)
    }

    /// A print: fills resting orders it went through, at most its size, and becomes the last price.
    pub(super) fn trade(&mut self, trade: Trade) -> Result<(), EngineError> {
        let instrument = trade.instrument;
        self.begin(instrument.exchange)?;
        self.engine.state.view.set_last(instrument, trade.price, trade.time);
        if self.is_matching(instrument) && !self.state().orders.queue(instrument).is_empty() {
            self.fill_on_print(trade)?;
            self.settle_lists(&mut [])?;
        }
        if self.state().accounts().values().any(|a| a.positions().contains_key(&instrument)) {
            self.judge_losses(instrument.exchange)?;
        }
        self.mark_if_due(instrument.exchange)
    }

    fn fill_on_print(&mut self, trade: Trade) -> Result<(), EngineError> {
        let mut left = trade.size;
        let state = self.state();
        let tick = state.instruments.get(&trade.instrument).map_or(Price::ZERO, |i| i.tick);
        let mut hits = Vec::new();
        for working in state.orders.queue(trade.instrument).iter().filter(|w| w.active_at <= trade.time) {
            let order = state.orders.open().get(&working.key).filter(|o| is_working(o));
            let price = order.and_then(|o| prints::offer(&o.spec, trade.price, tick, state.venue.limit_fill));
            hits.extend(price.map(|price| (working.key, price)));
        }
        for (key, price) in hits {
            let filled = self.fill(key, left, price, (trade.price, left))?;
            left = left.checked_sub(filled).unwrap_or(Quantity::ZERO);
        }
        Ok(())
    }

    fn is_matching(&self, instrument: InstrumentId) -> bool {
        !self.state().halted.contains(&instrument) && self.in_session(instrument.exchange, self.now)
    }

    /// Lets one order take what the standing quote shows, when it is there, fresh and not crossed.
    pub(super) fn take_quote(&mut self, key: OrderKey) -> Result<(), EngineError> {
        let state = self.state();
        let Some(order) = state.orders.open().get(&key).filter(|o| is_working(o)) else { return Ok(()) };
        let instrument = order.spec.instrument;
        let working = state.orders.queue(instrument).iter().find(|w| w.key == key);
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
        let Some((price, size)) = quotes::offer(&order.spec, &standing) else { return Ok(()) };
        let side = order.spec.side;
        let filled = self.fill(key, size, price, (price, size))?;
        if let Some(quote) = self.engine.state.view.seen.get_mut(&instrument).and_then(|s| s.quote.as_mut()) {
            let left = match side {
                Side::Buy => &mut quote.ask_left,
                Side::Sell => &mut quote.bid_left,
            };
            *left = left.checked_sub(filled).unwrap_or(Quantity::ZERO);
        }
        Ok(())
    }

    /// Fills an order with at most `size` at a price; returns how much. A fill that could not be counted exactly
    /// ends the order instead.
    fn fill(
        &mut self,
        key: OrderKey,
        size: Quantity,
        price: Price,
        against: (Price, Quantity),
    ) -> Result<Quantity, EngineError> {
        let Some(order) = self.state().orders.open().get(&key) else { return Ok(Quantity::ZERO) };
        let quantity = order.leaves().min(size);
        if !quantity.is_positive() {
            return Ok(Quantity::ZERO);
        }
        let Some(fill) = self.counted_fill(order, quantity, price, against) else {
            self.end(key, EndReason::OutOfRange)?;
            return Ok(Quantity::ZERO);
        };
        self.emit(EventBody::Fill(fill))?;
        self.note_list(&key);
        self.judge_cash(key.0)?;
        Ok(quantity)
    }

    /// The fill with its fee: the order's fee so far, less what was charged before.
    fn counted_fill(
        &self,
        order: &Order,
        quantity: Quantity,
        price: Price,
        against: (Price, Quantity),
    ) -> Option<Fill> {
        let spec = &order.spec;
        let notional = price.notional(quantity).ok()?;
        let cum = order.filled.checked_add(quantity)?;
        let total = order.filled_notional.checked_add(notional)?;
        let due = self.state().venue.fee.total(cum, total).ok()?;
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
        };
        // The books must be able to hold it.
        let account = self.state().accounts.get(&spec.account)?;
        let booking = Booking { seq: self.state().seq, ..Booking::default() };
        account.fits(&fill, booking).ok().map(|()| fill)
    }
}

/// Whether an order may match: open and not held.
fn is_working(order: &Order) -> bool {
    use crate::domain::OrderStatus;
    match order.status {
        OrderStatus::Accepted | OrderStatus::PartiallyFilled => true,
        OrderStatus::Held
        | OrderStatus::Denied
        | OrderStatus::Rejected
        | OrderStatus::Filled
        | OrderStatus::Canceled
        | OrderStatus::Expired => false,
    }
}
