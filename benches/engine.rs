//! The trading engine in memory: quotes with resting orders, and orders that fill at once; what is given is made before
//! the clock runs. And its journal on disk.

#![allow(clippy::unwrap_used)]

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::command::{Given, Independence};
use qlib_pro::domain::{
    AccountId, AccountKind, AccountSpec, Batch, Command, Currency, EventBody, Instrument, InstrumentId,
    Margin, MarketEvent, OrderSpec, Price, Quantity, Quote, Side, TimeInForce, UnixNanos,
};
use qlib_pro::execution::Engine;
use qlib_pro::store::{HeldBy, TradesStore};

/// Instruments; resting orders are spread over them.
const NAMES: usize = 100;
/// Quotes of one sample.
const QUOTES: usize = 1_000;
/// Orders, or pairs, of one sample: as many as the rival's.
const ORDERS: usize = 2_000;

fn main() {
    divan::main();
}

fn name(at: usize) -> InstrumentId {
    format!("N{:03}.XNYS", at % NAMES).parse().unwrap()
}

fn start() -> UnixNanos {
    "2024-03-05T15:00:00Z".parse().unwrap()
}

/// A quote of 50.00 to 50.02, a tick up or down each round.
fn quote(at: usize) -> Quote {
    let cents = |value: usize| Price::from_raw(value as i64 * (Price::ONE_RAW / 100));
    let bid = 5_000 + at / NAMES % 2;
    Quote {
        instrument: name(at),
        time: start().plus_nanos(at as i64 * 1_000_000),
        bid: cents(bid),
        ask: cents(bid + 2),
        bid_size: "500".parse().unwrap(),
        ask_size: "500".parse().unwrap(),
    }
}

fn given(command: Command) -> Given {
    Given { actor: "ann".parse().unwrap(), independent_of: Independence::Everyone, command }
}

fn give(engine: &mut Engine, command: Command, now: UnixNanos) -> Batch {
    engine.command(&given(command), now, now).unwrap()
}

fn order(id: usize, limit_price: Option<Price>) -> Command {
    let order = OrderSpec {
        tif: TimeInForce::Gtc,
        ..OrderSpec::plain(
            "A".parse().unwrap(),
            format!("o{id}").parse().unwrap(),
            name(id),
            (Side::Buy, Quantity::from_whole(10).unwrap()),
            limit_price,
        )
    };
    Command::Submit(order)
}

/// The account that trades, and all instruments.
fn set_up(engine: &mut Engine) -> Vec<Batch> {
    let account = Command::OpenAccount(AccountSpec {
        account: "A".parse().unwrap(),
        kind: AccountKind::Paper,
        owner: None,
        exchange: None,
        currency: Currency::USD,
        cash: "1000000000.00".parse().unwrap(),
        short: false,
        margin: Margin::Cash,
        broker: qlib_pro::domain::BrokerId::Paper,
        lots: qlib_pro::domain::LotMethod::Fifo,
        trigger: qlib_pro::domain::TriggerType::Last,
    });
    let known = (0..NAMES).map(|at| Command::DefineInstrument(Instrument::with_defaults(name(at))));
    std::iter::once(account).chain(known).map(|command| give(engine, command, start())).collect()
}

/// One rich account, a quote for every name, and this many limit orders that rest well below the market.
fn engine(resting: usize) -> Engine {
    let mut engine = Engine::new(Calendars::bundled().unwrap()).unwrap();
    set_up(&mut engine);
    for at in 0..NAMES {
        engine.market(&MarketEvent::Quote(Quote { time: start(), ..quote(at) }), start()).unwrap();
    }
    for id in 0..resting {
        give(&mut engine, order(id, Some("45.00".parse().unwrap())), start());
    }
    assert_eq!(engine.state().orders().open().len(), resting);
    engine
}

#[divan::bench(args = [0, 500, 5_000], sample_count = 20, sample_size = 1)]
fn quotes_with_resting_orders(bencher: Bencher<'_, '_>, resting: usize) {
    let engine = engine(resting);
    let quotes: Vec<MarketEvent> = (0..QUOTES).map(|at| MarketEvent::Quote(quote(at))).collect();
    bencher.counter(ItemsCount::new(QUOTES)).with_inputs(|| engine.clone()).bench_values(|mut engine| {
        for quote in &quotes {
            divan::black_box(engine.market(quote, start()).unwrap());
        }
        engine
    });
}

#[divan::bench(args = [0, 500, 5_000], sample_count = 20, sample_size = 1)]
fn market_orders_checked_and_filled(bencher: Bencher<'_, '_>, resting: usize) {
    let engine = engine(resting);
    let (orders, now): (Vec<Given>, _) =
        ((0..ORDERS).map(|id| given(order(10_000 + id, None))).collect(), start());
    bencher.counter(ItemsCount::new(ORDERS)).with_inputs(|| engine.clone()).bench_values(|mut engine| {
        for order in &orders {
            let batch = engine.command(order, now, now).unwrap();
            assert!(batch.events.iter().any(|e| matches!(e.body, EventBody::Fill(_))));
        }
        engine
    });
}

/// Limit orders below the market, each cancelled before the next.
#[divan::bench(args = [0, 500, 5_000], sample_count = 20, sample_size = 1)]
fn limit_and_cancel_pairs(bencher: Bencher<'_, '_>, resting: usize) {
    let engine = engine(resting);
    let account: AccountId = "A".parse().unwrap();
    let pair = |at: usize| {
        let id = format!("o{at}").parse().unwrap();
        (given(order(at, Some("45.00".parse().unwrap()))), given(Command::Cancel { account, id }))
    };
    let (pairs, now): (Vec<(Given, Given)>, _) = ((10_000..10_000 + ORDERS).map(pair).collect(), start());
    bencher.counter(ItemsCount::new(ORDERS)).with_inputs(|| engine.clone()).bench_values(|mut engine| {
        for (order, cancel) in &pairs {
            engine.command(order, now, now).unwrap();
            let batch = engine.command(cancel, now, now).unwrap();
            assert!(batch.events.iter().any(|e| matches!(e.body, EventBody::OrderCanceled { .. })));
        }
        engine
    });
}

/// Batches of accepted orders appended to the journal with one sync for all of them.
#[divan::bench(args = [1, 16, 256], sample_count = 50, sample_size = 1)]
fn journal_orders_in_one_sync(bencher: Bencher<'_, '_>, orders: usize) {
    let folder = tempfile::tempdir().unwrap();
    let holder = HeldBy::this_process("bench", "bench", start());
    let mut store = TradesStore::open_owner(folder.path(), &holder).unwrap();
    let mut engine = Engine::new(Calendars::bundled().unwrap()).unwrap();
    let mut next = 0;
    let stored = |batch: Batch| batch.with_texts().unwrap();
    store.append_all(&set_up(&mut engine).into_iter().map(stored).collect::<Vec<_>>()).unwrap();
    let batches = || {
        let made: Vec<Batch> = (next..next + orders)
            .map(|id| stored(give(&mut engine, order(id, Some("45.00".parse().unwrap())), start())))
            .collect();
        next += orders;
        made
    };
    bencher.counter(ItemsCount::new(orders)).with_inputs(batches).bench_local_values(|batches| {
        store.append_all(&batches).unwrap();
    });
}
