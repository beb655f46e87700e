//! The engine as a whole: random days of trading never break its books, and the journal rebuilds them.

mod auction;
mod day;
mod exits;
mod finer;
mod govern;
mod margin;
mod marks;
mod remote;
mod risk;
mod self_trades;
mod strategies;
mod symbols;
mod triggers;
mod venue;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::command::{Command, Given, Independence};
use crate::domain::event::{Event, EventBody};
use crate::domain::journal::{Batch, ENCODING_VERSION, decode, encode};
use crate::domain::posting::{Asset, Ledger};
use crate::domain::{
    AccountKind, AccountSpec, Bar, Currency, Instrument, InstrumentId, Margin, MarketEvent, Money, OrderId,
    OrderSpec, OrderStatus, Price, Quantity, Quote, Side, TimeInForce, Trade, TriggerType, UnixNanos, Volume,
};

fn start() -> UnixNanos {
    "2024-03-05T14:30:00Z".parse().unwrap()
}

fn instrument(symbol: &str) -> InstrumentId {
    format!("{symbol}.XNYS").parse().unwrap()
}

fn cents(value: i64) -> Price {
    Price::from_raw(value * (Price::ONE_RAW / 100))
}

struct Desk {
    engine: Engine,
    now: UnixNanos,
    events: Vec<Event>,
    totals: BTreeMap<(Ledger, Asset), i128>,
}

impl Desk {
    fn new(calendars: &Calendars, cash: &str, short: bool) -> Self {
        Self::triggered_by(calendars, cash, short, TriggerType::Last)
    }

    fn triggered_by(calendars: &Calendars, cash: &str, short: bool, trigger: TriggerType) -> Self {
        let engine = Engine::new(calendars.clone()).unwrap();
        let mut desk = Self { engine, now: start(), events: Vec::new(), totals: BTreeMap::new() };
        desk.give(Command::OpenAccount(AccountSpec {
            account: "A".parse().unwrap(),
            kind: AccountKind::Paper,
            owner: None,
            exchange: None,
            currency: Currency::USD,
            cash: cash.parse().unwrap(),
            short,
            margin: Margin::Cash,
            broker: crate::domain::BrokerId::Paper,
            lots: crate::domain::LotMethod::Fifo,
            trigger,
        }));
        for symbol in ["AAA", "BBB"] {
            desk.give(Command::DefineInstrument(Instrument::with_defaults(instrument(symbol))));
        }
        desk
    }

    fn give(&mut self, command: Command) -> Vec<EventBody> {
        let given = Given { actor: "ann".parse().unwrap(), independent_of: Independence::Everyone, command };
        let batch = self.engine.command(&given, self.now, self.now).unwrap();
        self.keep(batch)
    }

    fn market(&mut self, event: &MarketEvent) -> Vec<EventBody> {
        self.now = event.time().unwrap();
        let batch = self.engine.market(event, self.now).unwrap();
        self.keep(batch)
    }

    fn keep(&mut self, batch: Batch) -> Vec<EventBody> {
        let mut sums: BTreeMap<(u64, Asset), i128> = BTreeMap::new();
        for posting in &batch.postings {
            *sums.entry((posting.seq, posting.asset)).or_default() += i128::from(posting.amount);
            *self.totals.entry((posting.ledger, posting.asset)).or_default() += i128::from(posting.amount);
        }
        assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
        let bodies = batch.events.iter().map(|e| e.body.clone()).collect();
        self.events.extend(batch.events);
        bodies
    }

    fn bar(&mut self, symbol: &str, minutes: i64, cents_of: [i64; 4], volume: i64) -> Vec<EventBody> {
        self.bars(&[(symbol, cents_of, volume)], minutes)
    }

    fn bars(&mut self, bars: &[(&str, [i64; 4], i64)], minutes: i64) -> Vec<EventBody> {
        let from = self.now;
        let to = from.plus_nanos(minutes * 60_000_000_000);
        let bar = |(symbol, [open, high, low, close], volume): &(&str, [i64; 4], i64)| Bar {
            instrument: instrument(symbol),
            from,
            to,
            open: cents(*open),
            high: cents(*high),
            low: cents(*low),
            close: cents(*close),
            volume: Volume::from_whole(*volume).unwrap(),
        };
        self.market(&MarketEvent::Bars(bars.iter().map(bar).collect()))
    }

    fn order(id: &str, symbol: &str, side: Side, shares: i64, limit: Option<i64>) -> OrderSpec {
        let size = (side, Quantity::from_whole(shares).unwrap());
        let (account, id) = ("A".parse().unwrap(), id.parse().unwrap());
        OrderSpec::plain(account, id, instrument(symbol), size, limit.map(cents))
    }

    fn submit(&mut self, order: OrderSpec) -> Vec<EventBody> {
        self.give(Command::Submit(order))
    }

    fn submit_list(&mut self, orders: Vec<OrderSpec>) -> Vec<EventBody> {
        let list: OrderId = "R1".parse().unwrap();
        let orders = orders.into_iter().map(|o| OrderSpec { list: Some(list), ..o }).collect();
        self.give(Command::SubmitList(orders))
    }

    fn status(&self, id: &str) -> OrderStatus {
        self.engine.state().orders().get("A".parse().unwrap(), id.parse().unwrap()).unwrap().status
    }

    /// Everything that must hold after any history.
    fn check(&self, calendars: &Calendars) {
        let state = self.engine.state();
        let account = state.accounts().get(&"A".parse().unwrap()).unwrap();
        let total = |ledger, asset| self.totals.get(&(ledger, asset)).copied().unwrap_or(0);
        let money = Asset::Money(Currency::USD);
        let cash = total(Ledger::Cash, money) + total(Ledger::Unsettled, money);
        assert_eq!(i128::from(account.cash().raw()), cash);
        assert_eq!(i128::from(account.unsettled_total().raw()), total(Ledger::Unsettled, money));
        let cost: i128 = account.positions().values().map(|p| i128::from(p.cost().raw())).sum();
        assert_eq!(cost, total(Ledger::Cost, money));
        let mut filled: BTreeMap<InstrumentId, i64> = BTreeMap::new();
        let mut cums: BTreeMap<OrderId, i64> = BTreeMap::new();
        for event in &self.events {
            if let EventBody::SymbolChanged { instrument, to, .. } = &event.body {
                let moved = filled.remove(instrument).unwrap_or(0);
                *filled.entry(*to).or_default() += moved;
            }
            if let EventBody::Fill(fill) = &event.body {
                *filled.entry(fill.instrument).or_default() += fill.side.signed(fill.quantity).raw();
                let cum = cums.entry(fill.id).or_default();
                *cum += fill.quantity.raw();
                assert_eq!(*cum, fill.cum.raw());
                assert!(fill.quantity.is_positive() && !fill.leaves.is_negative() && !fill.fee.is_negative());
            }
        }
        for (name, sum) in filled {
            assert_eq!(account.quantity(name).raw(), sum);
        }
        for order in state.orders().open().values() {
            let cum = order.filled.checked_add(order.leaves()).unwrap();
            assert_eq!(cum, order.spec.quantity);
            assert!(!order.status.is_done());
        }
        assert!(state.orders().done().all(|o| o.status.is_done() && o.leaves().is_zero()));
        assert_eq!(state.orders().sums(), &state.summed_up());
        self.rebuilds(calendars);
    }

    /// The journal gives the same state again.
    fn rebuilds(&self, calendars: &Calendars) {
        let state = self.engine.state();
        assert_eq!(state.orders().by_strategy(), &state.summed_up_by_strategy());
        // The journal, through its encoding, rebuilds the same state.
        let texts: Vec<String> = self.events.iter().map(|e| encode(e).unwrap()).collect();
        let events: Vec<Event> = texts.iter().map(|t| decode(ENCODING_VERSION, t).unwrap()).collect();
        assert_eq!(events, self.events);
        let mut rebuilt = Engine::recover(calendars.clone(), &events).unwrap().state().clone();
        let mut live = state.clone();
        // Prices since the last mark are not journaled, nor what they value.
        for state in [&mut rebuilt, &mut live] {
            state.view = View::default();
            state.sum_up();
        }
        assert_eq!(rebuilt, live);
        check_saved(calendars, &events);
    }
}

#[test]
fn a_rebalance_sells_first_and_buys_at_the_same_open() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "10000", false);
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [5_000; 4], 1_000_000)], 1);
    desk.submit(Desk::order("B0", "AAA", Side::Buy, 100, None));
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [5_000; 4], 1_000_000)], 1);
    desk.submit_list(vec![
        Desk::order("B1", "BBB", Side::Buy, 100, None),
        Desk::order("S1", "AAA", Side::Sell, 60, None),
    ]);
    assert_eq!(desk.status("B1"), OrderStatus::Held);
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [5_000; 4], 1_000_000)], 1);
    assert_eq!((desk.status("S1"), desk.status("B1")), (OrderStatus::Filled, OrderStatus::Filled));
    desk.check(&calendars);
}

#[test]
fn a_buy_that_the_sells_did_not_pay_for_ends_with_the_list() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "10000", false);
    desk.bars(&[("AAA", [10_000; 4], 1_000_000), ("BBB", [5_000; 4], 1_000_000)], 1);
    desk.submit(Desk::order("B0", "AAA", Side::Buy, 100, None));
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.submit_list(vec![
        Desk::order("S1", "AAA", Side::Sell, 10, None),
        Desk::order("B1", "BBB", Side::Buy, 100, None),
    ]);
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    assert_eq!(desk.status("B1"), OrderStatus::Canceled);
    desk.check(&calendars);
}

#[test]
fn negative_cash_is_a_risk_event_and_stops_buys_until_cured() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "10000", false);
    desk.bar("AAA", 1, [10_000; 4], 1_000_000);
    desk.submit(Desk::order("B0", "AAA", Side::Buy, 100, None));
    let told = desk.bar("AAA", 1, [10_100; 4], 1_000_000);
    assert!(told.iter().any(|b| matches!(b, EventBody::RiskEvent { .. })));
    desk.submit(Desk::order("B1", "AAA", Side::Buy, 1, None));
    assert_eq!(desk.status("B1"), OrderStatus::Denied);
    desk.submit(Desk::order("S1", "AAA", Side::Sell, 2, None));
    desk.bar("AAA", 1, [10_100; 4], 1_000_000);
    desk.submit(Desk::order("B2", "AAA", Side::Buy, 1, None));
    assert_eq!(desk.status("B2"), OrderStatus::Accepted);
    desk.check(&calendars);
}

#[test]
fn a_quote_without_orders_leaves_no_event_but_marks() {
    let calendars = Calendars::bundled().unwrap();
    let mut desk = Desk::new(&calendars, "10000", false);
    let size = Quantity::from_whole(100).unwrap();
    let (bid, ask) = (cents(999), cents(1_000));
    let quote = |millis| Quote {
        instrument: instrument("AAA"),
        time: start().plus_millis(millis),
        bid,
        ask,
        bid_size: size,
        ask_size: size,
    };
    assert!(matches!(desk.market(&MarketEvent::Quote(quote(0)))[..], [EventBody::Marked { .. }]));
    for millis in 1..1_000 {
        assert!(desk.market(&MarketEvent::Quote(quote(millis))).is_empty());
    }
}

#[derive(Debug, Clone)]
enum Act {
    Submit { aaa: bool, buy: bool, shares: i64, limit: Option<i64>, gtc: bool, listed: bool },
    Amend { order: usize, shares: Option<i64>, limit: Option<i64> },
    Cancel { order: usize },
    Bar { aaa: bool, prices: [i64; 4], volume: i64, minutes: i64 },
    Quote { aaa: bool, bid: i64, spread: i64, size: i64 },
    Print { aaa: bool, price: i64, size: i64 },
}

fn act() -> impl Strategy<Value = Act> {
    let price = 9_000..11_000_i64;
    prop_oneof![
        4 => (any::<bool>(), any::<bool>(), 0..300_i64, prop::option::of(price.clone()), any::<bool>(), any::<bool>())
            .prop_map(|(aaa, buy, shares, limit, gtc, listed)| Act::Submit { aaa, buy, shares, limit, gtc, listed }),
        1 => (0..20_usize, prop::option::of(0..300_i64), prop::option::of(price.clone()))
            .prop_map(|(order, shares, limit)| Act::Amend { order, shares, limit }),
        1 => (0..20_usize).prop_map(|order| Act::Cancel { order }),
        4 => (any::<bool>(), [price.clone(), price.clone(), price.clone(), price.clone()], 0..20_000_i64, 1..400_i64)
            .prop_map(|(aaa, mut prices, volume, minutes)| {
                prices[1] = *prices.iter().max().unwrap();
                prices[2] = *prices.iter().min().unwrap();
                Act::Bar { aaa, prices, volume, minutes }
            }),
        2 => (any::<bool>(), price.clone(), -2..5_i64, 0..200_i64)
            .prop_map(|(aaa, bid, spread, size)| Act::Quote { aaa, bid, spread, size }),
        2 => (any::<bool>(), price, 0..200_i64).prop_map(|(aaa, price, size)| Act::Print { aaa, price, size }),
    ]
}

fn run(desk: &mut Desk, n: usize, act: Act) {
    let symbol = |aaa| if aaa { "AAA" } else { "BBB" };
    let id = |order: usize| format!("O{order}").parse().unwrap();
    let later = desk.now.plus_millis(700);
    match act {
        Act::Submit { aaa, buy, shares, limit, gtc, listed } => {
            let side = if buy { Side::Buy } else { Side::Sell };
            let mut order = Desk::order(&format!("O{n}"), symbol(aaa), side, shares, limit);
            order.tif = if gtc { TimeInForce::Gtc } else { TimeInForce::Day };
            order.list = listed.then(|| "L".parse().unwrap());
            desk.submit(order);
        }
        Act::Amend { order, shares, limit } => {
            let quantity = shares.and_then(Quantity::from_whole);
            let limit_price = limit.map(cents);
            desk.give(Command::Amend {
                account: "A".parse().unwrap(),
                id: id(order),
                quantity,
                limit_price,
                trigger_price: None,
            });
        }
        Act::Cancel { order } => {
            desk.give(Command::Cancel { account: "A".parse().unwrap(), id: id(order) });
        }
        Act::Bar { aaa, prices, volume, minutes } => {
            desk.bar(symbol(aaa), minutes, prices, volume);
        }
        Act::Quote { aaa, bid, spread, size } => {
            let size = Quantity::from_whole(size).unwrap();
            let (bid, ask) = (cents(bid), cents(bid + spread));
            let instrument = instrument(symbol(aaa));
            let quote = Quote { instrument, time: later, bid, ask, bid_size: size, ask_size: size };
            desk.market(&MarketEvent::Quote(quote));
        }
        Act::Print { aaa, price, size } => {
            let (price, size) = (cents(price), Quantity::from_whole(size).unwrap());
            desk.market(&MarketEvent::Trade(Trade {
                instrument: instrument(symbol(aaa)),
                time: later,
                price,
                size,
            }));
        }
    }
}

/// Saved at any two moments and gone on from the second, it is what the whole journal folds to.
fn check_saved(calendars: &Calendars, events: &[Event]) {
    let fold = |engine: &mut Engine, events: &[Event]| {
        events.iter().for_each(|event| engine.apply(event).unwrap());
    };
    let (first, second) = (events.len() / 3, events.len() * 2 / 3);
    let mut engine = Engine::new(calendars.clone()).unwrap();
    fold(&mut engine, &events[..first]);
    let early = engine.state().orders().clone();
    let runs = [early.done_since(&Default::default())];
    fold(&mut engine, &events[first..second]);
    let runs = runs.into_iter().chain([engine.state().orders().done_since(&early)]);
    let runs = runs.map(|run| super::saved::Done::from_bytes(&run.to_bytes().unwrap()).unwrap());
    let bytes = engine.to_bytes().unwrap();
    let mut restored = Engine::from_bytes(calendars.clone(), &bytes, runs).unwrap();
    assert_eq!(restored.state(), engine.state());
    fold(&mut restored, &events[second..]);
    fold(&mut engine, &events[second..]);
    assert_eq!(restored.state(), engine.state());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn random_days_never_break_the_books(acts in prop::collection::vec(act(), 1..60), short in any::<bool>()) {
        let calendars = Calendars::bundled().unwrap();
        let mut desk = Desk::new(&calendars, "50000", short);
        let mut venue = crate::domain::venue::VenueModel::home();
        venue.fee.min = Money::from_raw(1_234_567);
        desk.give(Command::Configure(venue));
        for (n, act) in acts.into_iter().enumerate() {
            run(&mut desk, n, act);
        }
        desk.check(&calendars);
    }
}

#[test]
fn time_that_passes_on_one_exchange_leaves_the_clocks_of_others() {
    let mut desk = Desk::new(&Calendars::bundled().unwrap(), "1000.00", false);
    let simulated: InstrumentId = "AAA.SIM".parse().unwrap();
    desk.give(Command::DefineInstrument(Instrument::with_defaults(simulated)));
    let later = start().plus_nanos(86_400_000_000_000);
    desk.engine.pass(simulated.exchange, later, later).unwrap();
    assert_eq!(desk.engine.state().market_time(simulated.exchange), Some(later));
    assert_eq!(desk.engine.state().market_time(instrument("AAA").exchange), None);
}
