//! What must hold after every step.

use super::*;
use crate::domain::Ratio;
use crate::execution::matching::triggers::{self, Effect, Heard};

/// The rounding of a fill price, in raw units.
const PRICE_STEP_RAW: i64 = 1_000;

impl Flow {
    /// Takes a batch in and checks everything that it touched.
    pub(super) fn keep(&mut self, batch: Batch, offered: &Offered) {
        self.postings(&batch);
        for event in &batch.events {
            self.event(event, offered);
        }
        self.liquidity(&batch, offered);
        let mut touched: Vec<AccountId> = batch.postings.iter().map(|posting| posting.account).collect();
        touched.dedup();
        self.texts.extend(batch.events.iter().map(|event| encode(event).unwrap()));
        // The engine itself asserts that holds agree after every step of a debug build.
        for name in touched {
            self.account(&self.engine.state().accounts()[&name]);
        }
        for key in batch.rows.iter().filter_map(order_row) {
            if let Some(order) = self.engine.state().orders().open().get(&key) {
                self.open_order(&key, order);
            }
        }
    }

    /// A quote or print is shown to every order whose trigger it sets off or moves.
    pub(super) fn reaches_all(&self, event: &MarketEvent) {
        let orders = self.engine.state().orders();
        let (on, reached) = match event {
            MarketEvent::Quote(q) => (q.instrument, orders.at_quote(q.instrument, q.bid, q.ask)),
            MarketEvent::Trade(t) => (t.instrument, orders.at_print(t.instrument, t.price)),
            _ => return,
        };
        for key in orders.queue(on).iter().map(|working| working.key) {
            let order = orders.open().get(&key).unwrap();
            let by = orders.source(key.0);
            let heard = match event {
                MarketEvent::Quote(quote) => Heard::quote(by, quote, order),
                MarketEvent::Trade(trade) => Heard::print(by, trade.price, Some(trade.price)),
                _ => None,
            };
            let effect = heard.map_or(Effect::None, |heard| triggers::effect(order, heard));
            let waits = order.matches_here() && effect != Effect::None;
            assert!(!waits || reached.contains(&key), "{effect:?} of {order:?} is not looked at");
        }
    }

    /// Everything once more, at the end of a run.
    pub(super) fn check_all(&self) {
        let state = self.engine.state();
        assert!(state.holds_agree());
        state.accounts().values().for_each(|account| self.account(account));
        state.orders().open().iter().for_each(|(key, order)| self.open_order(key, order));
        self.months();
        for order in state.orders().done() {
            assert!(order.status.is_done() && order.hold.is_zero() && order.leaves().is_zero(), "{order:?}");
        }
    }

    /// Postings sum to zero per account, entry, asset and phase.
    fn postings(&mut self, batch: &Batch) {
        let mut sums: BTreeMap<(u64, AccountId, Asset, Phase), i128> = BTreeMap::new();
        for posting in &batch.postings {
            let amount = i128::from(posting.amount);
            *sums.entry((posting.seq, posting.account, posting.asset, posting.phase)).or_default() += amount;
            *self.totals.entry((posting.account, posting.ledger, posting.asset)).or_default() += amount;
            let pending = matches!(posting.ledger, Ledger::Hold | Ledger::Collateral | Ledger::Available);
            assert!(pending || posting.phase == Phase::Posted);
        }
        assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    }

    fn event(&mut self, event: &Event, offered: &Offered) {
        match &event.body {
            EventBody::AccountOpened(spec) => drop(self.deposits.insert(spec.account, spec.cash)),
            EventBody::Fill(fill) => {
                self.fills += 1;
                let held = self.shares.entry((fill.account, fill.instrument)).or_default();
                *held = held.checked_add(fill.side.signed(fill.quantity)).unwrap();
                let cum = self.cums.entry((fill.account, fill.id)).or_default();
                *cum = cum.checked_add(fill.quantity).unwrap();
                assert_eq!(*cum, fill.cum, "{fill:?}");
                assert!(fill.quantity.is_positive() && !fill.leaves.is_negative() && !fill.fee.is_negative());
                self.month(event.t, fill);
                if !self.is_at_close(event) {
                    self.fill(fill, offered);
                }
            }
            EventBody::CorporateAction { instrument, ratio, .. } => {
                for ((_, held_of), held) in &mut self.shares {
                    if held_of == instrument {
                        *held = split_quantity(*held, *ratio).unwrap();
                    }
                }
                for (key, cum) in &mut self.cums {
                    let order = self.engine.state().orders().get(key.0, key.1).unwrap();
                    // An order that was done before the split keeps what it filled.
                    if order.spec.instrument == *instrument && order.changed_at == event.t {
                        // A fraction of a share is paid out.
                        let share = Quantity::from_whole(1).unwrap();
                        let scaled = split_quantity(*cum, *ratio).unwrap().round_to_lot(share);
                        *cum = if order.filled == scaled { scaled } else { *cum };
                    }
                }
            }
            EventBody::SymbolChanged { instrument, to, .. } => {
                let moved = self.shares.extract_if(.., |(_, of), _| of == instrument);
                let moved: Vec<_> = moved.map(|((account, _), held)| ((account, *to), held)).collect();
                assert!(moved.iter().all(|(key, _)| !self.shares.contains_key(key)));
                self.shares.extend(moved);
            }
            EventBody::Cash {
                account, kind: crate::domain::event::CashKind::CashInLieu, instrument, ..
            } => {
                let held = self.shares.get_mut(&(*account, instrument.unwrap())).unwrap();
                let fraction = Quantity::from_raw(held.raw() % Quantity::ONE_RAW);
                *held = held.checked_sub(fraction).unwrap();
            }
            _ => {}
        }
    }

    /// Counts a fill in its month; what the engine counted is known after the step.
    fn month(&mut self, t: UnixNanos, fill: &Fill) {
        use chrono::Datelike;
        let day = self.engine.calendars().of(fill.instrument.exchange).date_at(t);
        let counted = self.months.entry((fill.account, day.year(), day.month())).or_default();
        *counted = counted.checked_add(fill.quantity).unwrap();
    }

    /// Every account's month is the sum of its fills.
    fn months(&self) {
        for (account, year, month) in self.months.keys() {
            let last = self.months.keys().rfind(|(of, ..)| of == account).unwrap();
            if (*year, *month) == (last.1, last.2) {
                let day = chrono::NaiveDate::from_ymd_opt(*year, *month, 1).unwrap();
                let counted = self.engine.state().month_volume(*account, day);
                assert_eq!(counted, self.months[&(*account, *year, *month)], "{account} {year}-{month}");
            }
        }
    }

    /// Whether a fill is the closing price of a session that ended before this step: the last print, in any size.
    fn is_at_close(&self, event: &Event) -> bool {
        let EventBody::Fill(fill) = &event.body else { return false };
        let order = self.engine.state().orders().get(fill.account, fill.id).unwrap();
        let closes =
            order.spec.order_type.start() == crate::domain::order::Start::Close && event.t < self.now;
        assert!(!closes || fill.price == fill.against.0, "{fill:?}");
        closes
    }

    /// No fill outside the bar, quote or print beyond the slippage, none against its own limit, none while halted.
    fn fill(&self, fill: &Fill, offered: &Offered) {
        let state = self.engine.state();
        let order = state.orders().get(fill.account, fill.id).unwrap();
        assert!(!state.halted().contains(&fill.instrument), "a halted symbol fills: {fill:?}");
        if let Some(limit) = order.spec.limit_price {
            let worse = match fill.side {
                crate::domain::Side::Buy => fill.price > limit,
                crate::domain::Side::Sell => fill.price < limit,
            };
            assert!(!worse, "beyond its limit: {fill:?} {order:?}");
        }
        let (low, high) = match offered {
            Offered::Bars(bars) => {
                let bar = bars.iter().find(|bar| bar.instrument == fill.instrument).unwrap();
                (bar.low, bar.high)
            }
            Offered::Quote(quote) => (quote.bid, quote.ask),
            Offered::Print(trade) => {
                let quote = state.view().quote(trade.instrument);
                let print = std::iter::once(trade.price);
                let all =
                    print.chain(quote.into_iter().flat_map(|q| [q.bid, q.ask])).chain(order.spec.limit_price);
                let all: Vec<Price> = all.collect();
                (*all.iter().min().unwrap(), *all.iter().max().unwrap())
            }
            Offered::Nothing => {
                let quote = state.view().quote(fill.instrument).unwrap();
                (quote.bid, quote.ask)
            }
        };
        let ticks = i64::from(state.venue().slippage_ticks)
            * state.instruments().get(&fill.instrument).unwrap().tick.raw();
        let whole = i128::from(Ratio::ONE_RAW);
        let [impact, most] =
            [state.venue().volume_impact, state.venue().participation].map(|r| i128::from(r.raw()));
        let moved = i64::try_from(impact * most * most / (whole * whole)).unwrap() + 2;
        let share = Ratio::from_raw(state.venue().slippage.raw() + moved);
        let slip = |price: Price| price.scale(share).unwrap().raw() + ticks + PRICE_STEP_RAW;
        let bounds = low.raw() - slip(low)..=high.raw() + slip(high);
        assert!(bounds.contains(&fill.price.raw()), "outside {low}..{high}: {fill:?}");
    }

    /// All fills of a bar together stay within the participation, those of a quote or print within its size.
    fn liquidity(&self, batch: &Batch, offered: &Offered) {
        let mut taken: BTreeMap<(InstrumentId, Option<crate::domain::Side>), i128> = BTreeMap::new();
        let by_side = matches!(offered, Offered::Quote(_));
        for event in batch.events.iter().filter(|event| !self.is_at_close(event)) {
            if let EventBody::Fill(fill) = &event.body {
                let side = by_side.then_some(fill.side);
                *taken.entry((fill.instrument, side)).or_default() += i128::from(fill.quantity.raw());
            }
        }
        for ((instrument, side), taken) in taken {
            let most = match offered {
                Offered::Bars(bars) => {
                    let bar = bars.iter().find(|bar| bar.instrument == instrument).unwrap();
                    bar.volume.share(self.engine.state().venue().participation)
                }
                Offered::Quote(quote) if side == Some(crate::domain::Side::Buy) => quote.ask_size,
                Offered::Quote(quote) => quote.bid_size,
                // A print's own size, and what the standing quote shows to the stops it sets off.
                Offered::Print(_) | Offered::Nothing => continue,
            };
            assert!(taken <= i128::from(most.raw()), "{taken} of {most} in {instrument}");
        }
    }

    /// The ledger's balances are the account's figures; what it holds is what was paid in and gained, exactly.
    fn account(&self, account: &Account) {
        let name = account.spec().account;
        let money = Asset::Money(account.spec().currency);
        let total = |ledger| self.totals.get(&(name, ledger, money)).copied().unwrap_or(0);
        let raw = |money: Money| i128::from(money.raw());
        let cost: i128 = account.positions().values().map(|p| raw(p.cost())).sum();
        let owed: i128 = account.receivables().iter().map(|r| raw(r.amount)).sum();
        assert_eq!(total(Ledger::Cash) + total(Ledger::Unsettled), raw(account.cash()));
        assert_eq!(total(Ledger::Unsettled), raw(account.unsettled_total()));
        assert_eq!(total(Ledger::Cost), cost);
        assert_eq!(total(Ledger::Receivable), owed);
        assert_eq!(total(Ledger::Fee), raw(account.fees()));
        assert_eq!(total(Ledger::Borrow), raw(account.borrow()));
        assert_eq!(total(Ledger::Realized), -raw(account.realized()));
        assert_eq!(total(Ledger::Hold), raw(account.held()));
        assert_eq!(total(Ledger::Collateral), raw(account.collateral()));
        assert_eq!(total(Ledger::Available), -raw(account.held()) - raw(account.collateral()));
        let gained =
            raw(account.realized()) + raw(account.dividends()) - raw(account.fees()) - raw(account.borrow());
        assert_eq!(raw(account.cash()) + owed + cost - raw(self.deposits[&name]), gained);
        if let Some(equity) = self.engine.state().equity(account) {
            let last = |i: &InstrumentId| self.engine.state().view().last(*i).unwrap().price;
            let value: i128 = account.positions().iter().map(|(i, p)| raw(p.value(last(i)).unwrap())).sum();
            let unrealised = value - cost;
            assert_eq!(raw(equity) - raw(self.deposits[&name]), gained + unrealised);
        }
        for (instrument, position) in account.positions() {
            let lots: i64 = position.lots().map(|lot| lot.quantity.raw()).sum();
            let paid: i64 = position.lots().map(|lot| lot.cost.raw()).sum();
            assert_eq!((lots, paid), (position.quantity().raw(), position.cost().raw()));
            let posted = self.totals.get(&(name, Ledger::Position, Asset::Shares(*instrument)));
            assert_eq!(posted.copied(), Some(i128::from(lots)));
        }
        for ((_, instrument), held) in self.shares.iter().filter(|((account, _), _)| *account == name) {
            assert_eq!(account.quantity(*instrument), *held, "{name} {instrument}");
        }
    }

    fn open_order(&self, key: &OrderKey, order: &Order) {
        assert!(!order.status.is_done());
        assert_eq!(order.filled.checked_add(order.leaves()), Some(order.spec.quantity), "{order:?}");
        assert_eq!(self.cums.get(key).copied().unwrap_or_default(), order.filled, "{order:?}");
        assert!(!order.hold.is_negative() && order.working() <= order.leaves());
    }
}

fn order_row(row: &crate::domain::row::Row) -> Option<OrderKey> {
    match row {
        crate::domain::row::Row::Order(order) => Some((order.spec.account, order.spec.id)),
        _ => None,
    }
}
