//! What happens at random.

use super::*;
use crate::domain::account::LotMethod;
use crate::domain::event::HaltMode;
use crate::domain::limit::{LimitDraft, LimitName, Scope, WorkingOrders};
use crate::domain::market::{SplitRatio, Trade};
use crate::domain::order::Trail;
use crate::domain::venue::{FeeModel, FeeTier, FeeTiers, LimitFill, VenueModel};
use crate::domain::{
    AccountKind, AccountSpec, BrokerId, Currency, Instrument, Margin, OrderSpec, OrderType, Quote, Ratio,
    Side, TimeInForce, TriggerType, Volume,
};

const SYMBOLS: [&str; 4] = ["AAA", "BBB", "CCC", "DDD"];
const ACCOUNTS: [&str; 4] = ["A", "B", "C", "D"];
/// Open orders above which the oldest are cancelled.
const OPEN_MAX: usize = 48;
const MINUTE_NANOS: i64 = 60_000_000_000;
const CENT_RAW: i64 = Price::ONE_RAW / 100;

fn instrument(symbol: &str) -> InstrumentId {
    format!("{symbol}.XNYS").parse().unwrap()
}

fn cents(value: i64) -> Price {
    Price::from_raw(value * CENT_RAW)
}

fn shares(value: i64) -> Quantity {
    Quantity::from_whole(value).unwrap()
}

fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

impl Flow {
    pub(super) fn open(calendars: &Calendars, number: u64) -> Self {
        let mut flow = Self {
            engine: Engine::new(calendars.clone()).unwrap(),
            dice: Dice(number),
            now: "2024-03-05T14:30:00Z".parse().unwrap(),
            texts: Vec::new(),
            totals: BTreeMap::new(),
            shares: BTreeMap::new(),
            cums: BTreeMap::new(),
            deposits: BTreeMap::new(),
            months: BTreeMap::new(),
            prices: SYMBOLS.iter().map(|symbol| (instrument(symbol), 10_000)).collect(),
            names: SYMBOLS.iter().map(|symbol| instrument(symbol)).collect(),
            orders: 0,
            fills: 0,
        };
        let kinds = [
            ("A", false, Margin::Cash, (LotMethod::Fifo, TriggerType::Last)),
            ("B", true, Margin::Cash, (LotMethod::Average, TriggerType::BidAsk)),
            ("C", true, Margin::RegT, (LotMethod::Specific, TriggerType::DoubleLast)),
            ("D", true, Margin::Cash, (LotMethod::Fifo, TriggerType::Mid)),
        ];
        for (name, short, margin, (lots, trigger)) in kinds {
            let spec = AccountSpec {
                account: account(name),
                kind: AccountKind::Paper,
                owner: None,
                exchange: None,
                currency: Currency::USD,
                cash: "1000000".parse().unwrap(),
                short,
                margin,
                lots,
                trigger,
                broker: BrokerId::Paper,
            };
            flow.give("ann", Command::OpenAccount(spec));
        }
        for symbol in SYMBOLS {
            let known = Instrument {
                lot: if symbol == "DDD" { shares(10) } else { shares(1) },
                shortable: symbol != "CCC",
                borrow_rate: (symbol == "BBB").then_some(Ratio::from_raw(250_000_000)),
                ..Instrument::with_defaults(instrument(symbol))
            };
            flow.give("ann", Command::DefineInstrument(known));
        }
        flow.configure();
        flow.bars();
        flow
    }

    /// One thing that happens.
    pub(super) fn act(&mut self) {
        match self.dice.between(0, 99) {
            0..=39 => self.submit(),
            40..=44 => self.bracket(),
            45..=50 => self.amend(),
            51..=54 => self.cancel(),
            55..=74 => self.bars(),
            75..=82 => self.quote(),
            83..=90 => self.print(),
            91 if self.dice.one_in(3) => self.change_symbol(),
            91 => self.split(),
            92 => self.dividend(),
            93 => self.status(),
            94 => self.halt(),
            95 => self.limit(),
            96 => self.approve(),
            97 => self.configure(),
            _ => self.overnight(),
        }
        let open: Vec<OrderKey> = self.engine.state().orders().open().keys().copied().collect();
        for (account, id) in open.into_iter().skip(OPEN_MAX) {
            // One before it may have ended it.
            if self.engine.state().orders().open().contains_key(&(account, id)) {
                self.give("ann", Command::Cancel { account, id });
            }
        }
    }

    fn configure(&mut self) {
        let fee = FeeModel {
            per_share: Price::from_raw(self.dice.between(0, 1) * 5_000_000),
            min: Money::from_raw(self.dice.between(0, 2) * 617_283),
            rate: Ratio::from_raw(self.dice.between(0, 3) * 100_000),
            sell_per_share: Price::from_raw(self.dice.between(0, 1) * 166_000),
            sell_rate: Ratio::from_raw(self.dice.between(0, 1) * 27_800),
            max_rate: Ratio::from_raw(self.dice.pick(&[0, 0, 150_000])),
            tiers: self.tiers(),
        };
        let venue = VenueModel {
            fee,
            slippage: Ratio::from_raw(self.dice.between(0, 5) * 100_000),
            participation: Ratio::from_raw(self.dice.pick(&[25_000_000, 100_000_000, 1_000_000_000])),
            slippage_ticks: self.dice.pick(&[0, 0, 2]),
            volume_impact: Ratio::from_raw(self.dice.pick(&[0, 0, 100_000_000])),
            limit_fill: self.dice.pick(&[LimitFill::Through, LimitFill::Touch, LimitFill::Chance]),
            limit_chance: Ratio::from_raw(300_000_000),
            latency_ms: self.dice.pick(&[0, 0, 50]),
            settlement_days: self.dice.pick(&[0, 1, 2]),
            borrow_rate: Ratio::from_raw(self.dice.pick(&[0, 50_000_000])),
            ..VenueModel::default()
        };
        self.give("ann", Command::Configure(venue));
    }

    fn tiers(&mut self) -> FeeTiers {
        let count = self.dice.pick(&[0, 0, 2, 4]);
        let tiers: Vec<FeeTier> = (1..=count)
            .map(|step| FeeTier {
                from: shares(step * 700),
                per_share: Price::from_raw(self.dice.between(0, 8) * 1_000_000),
                rate: Ratio::from_raw(self.dice.between(0, 3) * 100_000),
            })
            .collect();
        FeeTiers::of(&tiers).unwrap()
    }

    fn near(&mut self, on: InstrumentId) -> Price {
        let price = self.prices[&on];
        let percent = self.dice.between(-3, 3);
        cents((price + price * percent / 100 + self.dice.between(-5, 5)).max(1))
    }

    fn order(&mut self) -> OrderSpec {
        self.orders += 1;
        let on = self.any();
        let lots = self.dice.between(1, 300);
        let quantity = if on.symbol.as_str().starts_with("DDD") { shares(lots * 10) } else { shares(lots) };
        let side = self.dice.pick(&[Side::Buy, Side::Sell]);
        let name = account(self.dice.pick(&ACCOUNTS));
        let id: OrderId = format!("O{}", self.orders).parse().unwrap();
        let mut spec = OrderSpec::plain(name, id, on, (side, quantity), None);
        spec.order_type =
            if self.dice.one_in(3) { OrderType::Market } else { self.dice.pick(OrderType::ALL) };
        spec.limit_price = spec.order_type.has_limit().then(|| self.near(on));
        spec.trigger_price = spec.order_type.has_trigger().then(|| self.near(on));
        spec.trail = (spec.order_type == OrderType::TrailingStop).then(|| {
            let trails = [Trail::Amount(cents(50)), Trail::Percent(Ratio::from_raw(10_000_000))];
            self.dice.pick(&trails)
        });
        spec.tif = if self.dice.one_in(2) { TimeInForce::Day } else { self.dice.pick(TimeInForce::ALL) };
        let later = self.dice.between(1, 3 * 24 * 60);
        spec.expire_at = (spec.tif == TimeInForce::Gtd).then(|| self.now.plus_nanos(later * MINUTE_NANOS));
        // Every third order is of no strategy.
        spec.strategy = match self.orders % 3 {
            0 => None,
            one => format!("s{one}").parse().ok(),
        };
        spec.reduce_only = self.dice.one_in(8);
        spec.post_only = spec.order_type == OrderType::Limit && self.dice.one_in(6);
        spec
    }

    fn submit(&mut self) {
        let mut order = self.order();
        if self.dice.one_in(6) {
            // A group of two on the same name, sometimes of both sides.
            let group: OrderId = format!("G{}", self.orders).parse().unwrap();
            let mut other = self.order();
            (order.oco, other.oco) = (Some(group), Some(group));
            (other.account, other.instrument, other.quantity) =
                (order.account, order.instrument, order.quantity);
            self.send(other);
        }
        self.send(order);
    }

    /// An entry with a stop and a target that close what it fills.
    fn bracket(&mut self) {
        let entry = self.order();
        let group: OrderId = format!("G{}", self.orders).parse().unwrap();
        let exit = match entry.side {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        };
        for order_type in [OrderType::Stop, OrderType::Limit] {
            let mut leg = self.order();
            (leg.account, leg.instrument, leg.quantity) = (entry.account, entry.instrument, entry.quantity);
            (leg.side, leg.order_type, leg.tif) = (exit, order_type, TimeInForce::Gtc);
            (leg.parent, leg.oco, leg.trail, leg.expire_at) = (Some(entry.id), Some(group), None, None);
            (leg.reduce_only, leg.post_only) = (self.dice.one_in(2), false);
            let price = self.near(entry.instrument);
            leg.limit_price = (order_type == OrderType::Limit).then_some(price);
            leg.trigger_price = (order_type == OrderType::Stop).then_some(price);
            if order_type == OrderType::Stop {
                self.send(entry.clone());
            }
            self.send(leg);
        }
    }

    fn send(&mut self, order: OrderSpec) {
        self.give("ann", Command::Submit(order));
    }

    fn some_open(&mut self) -> Option<Order> {
        let open: Vec<Order> = self.engine.state().orders().open().values().cloned().collect();
        (!open.is_empty()).then(|| self.dice.pick(&open))
    }

    fn amend(&mut self) {
        let Some(Order { spec, .. }) = self.some_open() else { return };
        let quantity = self.dice.one_in(2).then(|| shares(self.dice.between(1, 40) * 10));
        let limit_price =
            spec.limit_price.filter(|_| self.dice.one_in(2)).map(|_| self.near(spec.instrument));
        let trigger_price =
            spec.trigger_price.filter(|_| self.dice.one_in(2)).map(|_| self.near(spec.instrument));
        let (account, id) = (spec.account, spec.id);
        self.give("ann", Command::Amend { account, id, quantity, limit_price, trigger_price });
    }

    fn cancel(&mut self) {
        let Some(Order { spec, .. }) = self.some_open() else { return };
        self.give("ann", Command::Cancel { account: spec.account, id: spec.id });
    }

    fn bars(&mut self) {
        let (from, minutes) = (self.now, self.dice.between(1, 30));
        let session = self.engine.calendars().of(crate::domain::Exchange::Xnys).session_at(from);
        // Now and then to the very close.
        let close = session.map(|s| s.close).filter(|close| *close > from && self.dice.one_in(8));
        let to = close.unwrap_or(from.plus_nanos(minutes * MINUTE_NANOS));
        let mut bars = Vec::new();
        for on in self.names.clone() {
            let open = (self.prices[&on] + self.dice.between(-60, 60)).max(10);
            let close = (open + self.dice.between(-150, 150)).max(10);
            let high = open.max(close) + self.dice.between(0, 120);
            let low = (open.min(close) - self.dice.between(0, 120)).max(5);
            self.prices.insert(on, close);
            bars.push(Bar {
                instrument: on,
                from,
                to,
                open: cents(open),
                high: cents(high),
                low: cents(low),
                close: cents(close),
                volume: Volume::from_whole(self.dice.between(0, 30_000)).unwrap(),
            });
        }
        self.market(&MarketEvent::Bars(bars));
    }

    fn later(&mut self) -> UnixNanos {
        let millis = self.dice.between(1, 90_000);
        self.now.plus_millis(millis)
    }

    fn quote(&mut self) {
        let on = self.any();
        let bid = (self.prices[&on] + self.dice.between(-80, 80)).max(10);
        // Now and then locked or crossed.
        let ask = bid + self.dice.between(-1, 8);
        let (bid_size, ask_size) = (shares(self.dice.between(0, 500)), shares(self.dice.between(0, 500)));
        let time = self.later();
        let quote = Quote { instrument: on, time, bid: cents(bid), ask: cents(ask), bid_size, ask_size };
        self.market(&MarketEvent::Quote(quote));
    }

    fn print(&mut self) {
        let on = self.any();
        let price = (self.prices[&on] + self.dice.between(-100, 100)).max(10);
        self.prices.insert(on, price);
        let (time, size) = (self.later(), shares(self.dice.between(0, 400)));
        self.market(&MarketEvent::Trade(Trade { instrument: on, time, price: cents(price), size }));
    }

    fn any(&mut self) -> InstrumentId {
        let names = self.names.clone();
        self.dice.pick(&names)
    }

    /// Every name has another one, to which it goes and from which it comes back on a later day.
    fn change_symbol(&mut self) {
        let from = self.any();
        let symbol = from.symbol.as_str();
        let to = instrument(&symbol.strip_suffix("X").map_or(format!("{symbol}X"), str::to_owned));
        let time = self.later();
        let day = time.to_datetime().date_naive();
        if self.engine.state().symbol_changes().contains(&(from, to, day)) {
            return;
        }
        self.market(&MarketEvent::SymbolChange { instrument: from, time, to, day });
        assert!(self.engine.state().symbol_changes().contains(&(from, to, day)));
        let price = self.prices.remove(&from).unwrap();
        self.prices.insert(to, price);
        self.names.iter_mut().filter(|name| **name == from).for_each(|name| *name = to);
    }

    fn split(&mut self) {
        let on = self.any();
        let up = [(2, 1), (3, 2)];
        let down = [(1, 10), (2, 3), (1, 2)];
        // Prices stay in a range in which they can be counted.
        let (new, old) = if self.prices[&on] > 8_000 { self.dice.pick(&up) } else { self.dice.pick(&down) };
        let price = (self.prices[&on] * old / new).max(10);
        self.prices.insert(on, price);
        let ratio = SplitRatio { new: shares(new), old: shares(old) };
        let time = self.later();
        self.market(&MarketEvent::Split { instrument: on, time, ratio, ex_date: None, is_late: false });
    }

    fn dividend(&mut self) {
        let on = self.any();
        let time = self.later();
        let day = time.to_datetime().date_naive();
        let ex_date = day + chrono::Days::new(self.dice.next() % 4);
        let pay_date = ex_date + chrono::Days::new(self.dice.next() % 9);
        let amount = Price::from_raw(self.dice.between(1, 2_000_000_000));
        self.market(&MarketEvent::Dividend { instrument: on, time, amount, ex_date, pay_date, held: None });
    }

    fn status(&mut self) {
        let on = self.any();
        let time = self.later();
        self.market(&MarketEvent::Status { instrument: on, time, halted: true });
        if self.dice.one_in(2) {
            self.submit();
            self.bars();
        }
        let time = self.later();
        self.market(&MarketEvent::Status { instrument: on, time, halted: false });
    }

    fn halt(&mut self) {
        let scope = self.dice.pick(&[Scope::Firm, Scope::Account(account("B"))]);
        let mode = self.dice.pick(&[HaltMode::Halted, HaltMode::Reducing]);
        let cancel = mode == HaltMode::Halted && self.dice.pick(&[false, true]);
        self.give("ann", Command::Halt { scope, mode, cancel, reason: "drill".into() });
        self.submit();
        self.bars();
        self.give("bob", Command::Resume { scope });
    }

    fn limit(&mut self) {
        let (name, hard, soft) = self.dice.pick(&[
            (LimitName::MaxOrderNotional, "28000", Some("20000")),
            (LimitName::MaxPositionNotional, "250000", None),
            (LimitName::MaxOrderQuantity, "2500", Some("1500")),
        ]);
        let working = self.dice.pick(&[WorkingOrders::Keep, WorkingOrders::Cancel]);
        let draft = LimitDraft {
            name,
            scope: Scope::Account(account("B")),
            hard: Some(hard.into()),
            soft: soft.map(str::to_owned),
            reason: "a test".into(),
            working,
            terms: crate::domain::limit::LimitTerms::default(),
        };
        self.give("ann", Command::SetLimit(draft));
    }

    fn approve(&mut self) {
        let waits = |order: &&Order| order.status == crate::domain::OrderStatus::PendingApproval;
        let Some(order) = self.engine.state().orders().open().values().find(waits) else { return };
        let (account, id) = (order.spec.account, order.spec.id);
        self.give("bob", Command::ApproveOrder { account, id, seen: None });
    }

    /// To another day, over nights, weekends and holidays: into the morning, and on to the very open.
    fn overnight(&mut self) {
        let days = chrono::Days::new(self.dice.next() % 4);
        let calendar = self.engine.calendars().of(crate::domain::Exchange::Xnys).clone();
        let Some(session) = calendar.next_session(calendar.date_at(self.now) + days) else { return };
        self.market(&MarketEvent::Tick(session.open.plus_nanos(-30 * MINUTE_NANOS)));
        for _ in 0..self.dice.between(0, 4) {
            self.submit();
        }
        self.market(&MarketEvent::Tick(session.open));
        self.bars();
    }
}
