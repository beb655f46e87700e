//! The gate before an order, the preview of a limit and the kill switch, over a large book. Figures are printed,
//! never judged.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::command::{Given, Independence};
use qlib_pro::domain::event::HaltMode;
use qlib_pro::domain::facts::{ExchangeFacts, InstrumentFacts};
use qlib_pro::domain::limit::{LimitDraft, LimitName, LimitTerms, LimitUnit, Scope, WorkingOrders};
use qlib_pro::domain::{
    AccountId, AccountKind, AccountSpec, Bar, Batch, BrokerId, Command, Currency, Exchange, Instrument,
    InstrumentId, LotMethod, Margin, MarketEvent, OrderSpec, Price, Quantity, Side, TimeInForce, UnixNanos,
    Volume,
};
use qlib_pro::execution::Engine;
use qlib_pro::risk::{Draft, evaluate, preview};
use qlib_pro::store::{HeldBy, TradesStore};

/// Instruments known.
const NAMES: usize = 10_000;
/// Of those, held.
const HELD: usize = 3_000;
/// Orders resting.
const RESTING: usize = 5_000;
/// Decisions measured.
const DECISIONS: usize = 20_000;
/// Sessions of returns.
const DAYS: usize = 252;

fn start() -> UnixNanos {
    "2024-03-05T15:00:00Z".parse().unwrap()
}

fn name(at: usize) -> InstrumentId {
    format!("N{:04}.XNYS", at % NAMES).parse().unwrap()
}

fn account() -> AccountId {
    "A".parse().unwrap()
}

fn give(engine: &mut Engine, command: Command, now: UnixNanos) -> Batch {
    let given = Given { actor: "ann".parse().unwrap(), independent_of: Independence::Everyone, command };
    engine.command(&given, now, now).unwrap()
}

/// The strategy of every order, where limits of one are measured.
const STRATEGY: &str = "s1";

fn order(id: usize, instrument: InstrumentId, side: Side, limit: Option<&str>) -> OrderSpec {
    let size = (side, Quantity::from_whole(10).unwrap());
    let (id, limit) = (format!("o{id}").parse().unwrap(), limit.map(|l| l.parse().unwrap()));
    OrderSpec { tif: TimeInForce::Gtc, ..OrderSpec::plain(account(), id, instrument, size, limit) }
}

fn bar(at: usize, from: UnixNanos) -> Bar {
    let price: Price = "50".parse().unwrap();
    Bar {
        instrument: name(at),
        from,
        to: from.plus_nanos(60_000_000_000),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Volume::from_whole(1_000_000).unwrap(),
    }
}

fn draft(limit: LimitName, hard: &str) -> LimitDraft {
    LimitDraft {
        name: limit,
        scope: Scope::Firm,
        hard: Some(hard.to_owned()),
        soft: None,
        reason: "bench".into(),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    }
}

/// Every limit set, wide enough that none speaks.
fn wide(limit: LimitName) -> String {
    let value = match limit.unit() {
        _ if !limit.higher_is_looser() => "1",
        LimitUnit::Symbols if limit == LimitName::AllowedSymbols => {
            let names: Vec<String> = (0..NAMES).map(|at| name(at).symbol.to_string()).collect();
            return names.join(",");
        }
        LimitUnit::Quantity | LimitUnit::Money => "1000000000",
        LimitUnit::Ratio | LimitUnit::Days => "1000",
        LimitUnit::Count | LimitUnit::Seconds => "1000000000",
        LimitUnit::Symbols => "ZZZZ",
    };
    value.to_owned()
}

/// A rich account that holds `held` names and has `resting` orders open, of a strategy where that is wanted; 10,000
/// instruments known.
fn engine(held: usize, resting: usize, limits: bool, strategy: Option<&str>) -> (Engine, Vec<Batch>) {
    let strategy = strategy.and_then(|name| name.parse().ok());
    let mut engine = Engine::new(Calendars::bundled().unwrap()).unwrap();
    let mut batches = Vec::new();
    batches.push(give(
        &mut engine,
        Command::OpenAccount(AccountSpec {
            account: account(),
            kind: AccountKind::Paper,
            owner: None,
            exchange: None,
            currency: Currency::USD,
            cash: "1000000000.00".parse().unwrap(),
            short: true,
            margin: Margin::Cash,
            broker: BrokerId::Paper,
            lots: LotMethod::Fifo,
            trigger: qlib_pro::domain::TriggerType::Last,
        }),
        start(),
    ));
    for at in 0..NAMES {
        let id = name(at);
        let sector = format!("sector {}", at % 11).as_str().into();
        let known = Instrument { sector, ..Instrument::with_defaults(id) };
        batches.push(give(&mut engine, Command::DefineInstrument(known), start()));
    }
    let bars: Vec<Bar> = (0..NAMES).map(|at| bar(at, start())).collect();
    let now = start().plus_nanos(60_000_000_000);
    batches.push(engine.market(&MarketEvent::Bars(bars), now).unwrap());
    for at in 0..held {
        let order = OrderSpec { strategy, ..order(1_000_000 + at, name(at), Side::Buy, None) };
        batches.push(give(&mut engine, Command::Submit(order), now));
    }
    let bars: Vec<Bar> = (0..held).map(|at| bar(at, now)).collect();
    let now = now.plus_nanos(60_000_000_000);
    if held > 0 {
        batches.push(engine.market(&MarketEvent::Bars(bars), now).unwrap());
    }
    for id in 0..resting {
        let order = OrderSpec { strategy, ..order(id, name(id), Side::Buy, Some("45")) };
        batches.push(give(&mut engine, Command::Submit(order), now));
    }
    let book = engine.state().accounts().get(&account()).unwrap();
    assert_eq!((book.positions().len(), engine.state().orders().open().len()), (held, resting));
    if limits {
        for limit in LimitName::ALL {
            batches.push(give(&mut engine, Command::SetLimit(draft(*limit, &wide(*limit))), now));
        }
        assert_eq!(engine.state().limits().in_force().count(), LimitName::ALL.len());
    }
    let stored = |batch: Batch| batch.with_texts().unwrap();
    (engine, batches.into_iter().map(stored).collect())
}

fn facts() -> Arc<ExchangeFacts> {
    let returns: Vec<f64> = (0..DAYS).map(|day| ((day * 37 % 101) as f64 - 50.0) / 2_500.0).collect();
    let own = InstrumentFacts {
        average_daily_volume: Some(1_000_000.0),
        beta: Some(1.1),
        daily_volatility: Some(0.02),
        returns: Some(returns.into()),
    };
    Arc::new((0..NAMES).map(|at| (name(at), own.clone())).collect())
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share) as usize;
        times.get(place).map_or(f64::NAN, |time| time.as_nanos() as f64 / 1e3)
    };
    let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
    println!("{what:<64} n {:>6}  p50 {p50:>9.2} us  p99 {p99:>9.2} us  max {max:>9.2} us", times.len());
}

/// Every limit that a strategy may have, beside those of the firm; how many.
fn limit_strategy(engine: &mut Engine, now: UnixNanos) -> usize {
    let before = engine.state().limits().in_force().count();
    let scope: Scope = format!("strategy:{STRATEGY}").parse().unwrap();
    for limit in LimitName::ALL {
        give(engine, Command::SetLimit(LimitDraft { scope, ..draft(*limit, &wide(*limit)) }), now);
    }
    engine.state().limits().in_force().count() - before
}

/// All controls over one order, with every limit set, of a strategy too where that is wanted.
fn gate(limits: bool, strategy: Option<&str>) {
    let (mut engine, _) = engine(HELD, RESTING, limits, strategy);
    engine.know(Exchange::Xnys, &facts());
    let now = start().plus_nanos(200_000_000_000);
    let of_strategy = if strategy.is_some() { limit_strategy(&mut engine, now) } else { 0 };
    let own = strategy.and_then(|name| name.parse().ok());
    let mut times = Vec::with_capacity(DECISIONS);
    for at in 0..DECISIONS {
        let limit = (at % 2 == 0).then_some("49.5");
        let order = OrderSpec { strategy: own, ..order(2_000_000 + at, name(at * 7), Side::Buy, limit) };
        let began = Instant::now();
        let book = engine.state().book(account(), now).unwrap();
        let decision = evaluate(&book, engine.state().limits(), &Draft::new(&Arc::new(order)));
        times.push(began.elapsed());
        assert!(decision.is_accepted(), "{:?}", decision.verdict());
    }
    let set = match (limits, of_strategy) {
        (false, _) => "no limit set".to_owned(),
        (true, 0) => format!("all {} limits set", LimitName::ALL.len()),
        (true, own) => format!("all {} and {own} of its strategy set", LimitName::ALL.len()),
    };
    print(&format!("gate: 10,000 instruments, 3,000 held, 5,000 open, {set}"), times);
}

/// What past figures of the book cost who keeps them: a bar of every name held, and an order that comes and goes.
fn past_figures() {
    for is_told in [false, true] {
        let (mut engine, _) = engine(HELD, 0, false, None);
        if is_told {
            engine.know(Exchange::Xnys, &facts());
        }
        let (mut bars, mut orders) = (Vec::new(), Vec::new());
        for round in 0..50 {
            let now = start().plus_nanos((3 + round as i64) * 60_000_000_000);
            let price: Price = if round % 2 == 0 { "51" } else { "50" }.parse().unwrap();
            let moved = |at| Bar { open: price, high: price, low: price, close: price, ..bar(at, now) };
            let event = MarketEvent::Bars((0..HELD).map(moved).collect());
            let began = Instant::now();
            engine.market(&event, now).unwrap();
            bars.push(began.elapsed());
            for at in 0..100 {
                let order = order(3_000_000 + round * 100 + at, name(at), Side::Buy, Some("45"));
                let (account, id) = (order.account, order.id);
                let now = now.plus_nanos(60_000_000_000);
                let began = Instant::now();
                give(&mut engine, Command::Submit(order), now);
                give(&mut engine, Command::Cancel { account, id }, now);
                orders.push(began.elapsed());
            }
        }
        let with = if is_told { "with" } else { "without" };
        print(&format!("a bar of 3,000 held names, {with} past figures of the book"), bars);
        print(&format!("an order in and out, {with} past figures of the book"), orders);
    }
}

/// A drafted limit over 1,000 positions and 5,000 open orders.
fn what_if() {
    let (mut engine, _) = engine(1_000, RESTING, false, None);
    engine.know(Exchange::Xnys, &facts());
    let now = start().plus_nanos(200_000_000_000);
    for (limit, hard) in [
        (LimitName::MaxOrderNotional, "400"),
        (LimitName::MaxPositionNotional, "700"),
        (LimitName::MaxGrossExposure, "0.0001"),
        (LimitName::MaxSectorExposure, "0.00001"),
        (LimitName::MaxVar99, "0.0000001"),
    ] {
        let mut times = Vec::new();
        let mut over = 0;
        for _ in 0..50 {
            let began = Instant::now();
            let book = engine.state().book(account(), now).unwrap();
            let seen = preview(&[book], engine.state().limits(), &draft(limit, hard), &[]).unwrap();
            times.push(began.elapsed());
            over = seen.orders.len() + seen.positions.len();
        }
        print(&format!("what-if: {limit}, 1,000 held, 5,000 open, {over} over"), times);
    }
}

/// 1,000 open orders cancelled by one halt: in memory, and with the journal on disk.
fn kill_switch() {
    const OPEN: usize = 1_000;
    let (built, batches) = engine(0, OPEN, false, None);
    let halt = || Command::Halt {
        scope: Scope::Firm,
        mode: HaltMode::Halted,
        cancel: true,
        reason: Default::default(),
    };
    let now = start().plus_nanos(200_000_000_000);
    let (mut memory, mut disk) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let mut engine = built.clone();
        let folder = tempfile::tempdir().unwrap();
        let holder = HeldBy::this_process("bench", "bench", start());
        let mut store = TradesStore::open_owner(folder.path(), &holder).unwrap();
        store.append_all(&batches).unwrap();
        let began = Instant::now();
        let batch = give(&mut engine, halt(), now);
        memory.push(began.elapsed());
        store.append_all(&[batch.with_texts().unwrap()]).unwrap();
        disk.push(began.elapsed());
        assert!(engine.state().orders().open().is_empty());
    }
    print("kill switch: 1,000 orders cancelled, in memory", memory);
    print("kill switch: 1,000 orders cancelled, with one fsync", disk);
}

fn main() {
    gate(false, None);
    gate(true, None);
    gate(true, Some(STRATEGY));
    past_figures();
    what_if();
    kill_switch();
}
