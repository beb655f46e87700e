//! Random days of trading through the whole engine, with what must hold checked after every step.
//!
//! Ten thousand fills by default, a million with `QLIB_PRO_LONG=1`, in runs of some two thousand; each run depends on
//! its number alone, so a failure names the number that brings it back. Every kind of order, group, corporate action,
//! halt and limit is among what happens; four accounts pay, pick their lots and hear of triggers
//! differently.

mod acts;
mod books;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::command::{Command, Given, Independence};
use crate::domain::event::{Event, EventBody, Fill};
use crate::domain::journal::{Batch, ChainHash, ENCODING_VERSION, decode, encode};
use crate::domain::posting::{Asset, Ledger, Phase};
use crate::domain::testing::{share, split_mix};
use crate::domain::{
    AccountId, Bar, InstrumentId, MarketEvent, Money, Order, OrderId, OrderStatus, OrderType, Price,
    Quantity, UnixNanos,
};
use crate::portfolio::{Account, split_quantity};
use crate::risk::OrderKey;

/// Fills in the gate.
const FILLS: u64 = 10_000;
/// Fills in the long suite.
const FILLS_LONG: u64 = 1_000_000;
/// Fills of one run.
const RUN_FILLS: u64 = 2_000;
/// Runs that are done again on one thread.
const AGAIN: u64 = 2;

/// Numbers that depend on a seed alone.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    /// From `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % u64::try_from(high - low + 1).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        let at = self.next() % u64::try_from(list.len()).unwrap();
        list[usize::try_from(at).unwrap()].clone()
    }
}

/// What the market offered in one step: no fill may be outside it.
enum Offered {
    Nothing,
    Bars(Vec<Bar>),
    Quote(crate::domain::Quote),
    Print(crate::domain::market::Trade),
}

/// One run.
struct Flow {
    engine: Engine,
    dice: Dice,
    now: UnixNanos,
    texts: Vec<String>,
    totals: BTreeMap<(AccountId, Ledger, Asset), i128>,
    /// Shares by account and instrument, from fills, splits and cash in lieu alone.
    shares: BTreeMap<(AccountId, InstrumentId), Quantity>,
    /// Filled by order, splits included.
    cums: BTreeMap<OrderKey, Quantity>,
    deposits: BTreeMap<AccountId, Money>,
    /// Shares filled by account, year and month.
    months: BTreeMap<(AccountId, i32, u32), Quantity>,
    prices: BTreeMap<InstrumentId, i64>,
    /// Names as they are now.
    names: Vec<InstrumentId>,
    orders: u64,
    fills: u64,
}

impl Flow {
    fn give(&mut self, actor: &str, command: Command) {
        let given = Given { actor: actor.parse().unwrap(), independent_of: Independence::Everyone, command };
        let batch = self.engine.command(&given, self.now, self.now).unwrap();
        self.keep(batch, &Offered::Nothing);
    }

    fn market(&mut self, event: &MarketEvent) {
        self.reaches_all(event);
        self.now = event.time().unwrap();
        let batch = self.engine.market(event, self.now).unwrap();
        let offered = match event {
            MarketEvent::Bars(bars) => Offered::Bars(bars.clone()),
            MarketEvent::Quote(quote) => Offered::Quote(*quote),
            MarketEvent::Trade(trade) => Offered::Print(*trade),
            _ => Offered::Nothing,
        };
        self.keep(batch, &offered);
    }

    /// Types of orders that filled, and how orders ended.
    fn seen(&self) -> BTreeSet<&'static str> {
        let mut seen = BTreeSet::new();
        for order in self.engine.state().orders().done() {
            seen.insert(order.status.as_str());
            if order.filled.is_positive() {
                seen.insert(order.spec.order_type.as_str());
            }
        }
        if !self.engine.state().symbol_changes().is_empty() {
            seen.insert("symbol change");
        }
        seen
    }

    /// The journal, through its encoding, rebuilds the same state, holds and postings included.
    fn recover(&self, calendars: &Calendars) -> ChainHash {
        let mut rebuilt = Engine::new(calendars.clone()).unwrap();
        let mut totals = BTreeMap::new();
        for text in &self.texts {
            let event = decode(ENCODING_VERSION, text).unwrap();
            let (postings, _) = rebuilt.refold(&event).unwrap();
            for posting in postings {
                *totals.entry((posting.account, posting.ledger, posting.asset)).or_insert(0_i128) +=
                    i128::from(posting.amount);
            }
        }
        assert_eq!(totals, self.totals);
        let (live, rebuilt) = (self.engine.state(), rebuilt.state());
        assert_eq!(rebuilt.accounts(), live.accounts());
        assert_eq!(rebuilt.orders().open(), live.orders().open());
        assert!(rebuilt.orders().done().eq(live.orders().done()));
        assert_eq!(rebuilt.limits(), live.limits());
        assert_eq!(rebuilt.halts(), live.halts());
        assert_eq!(rebuilt.latched(), live.latched());
        assert!(rebuilt.holds_agree());
        assert_eq!(live.orders().sums(), &live.summed_up());
        assert_eq!(live.orders().by_strategy(), &live.summed_up_by_strategy());
        assert_eq!(rebuilt.strategies(), live.strategies());
        self.texts.iter().fold(ChainHash::START, |link, text| link.next(text.as_bytes()))
    }
}

/// Runs one number until it has its fills; the end of its chain, its fills, and what filled and happened in it.
fn run(calendars: &Calendars, number: u64) -> (ChainHash, u64, BTreeSet<&'static str>) {
    let done = catch_unwind(AssertUnwindSafe(|| {
        let mut flow = Flow::open(calendars, number);
        while flow.fills < RUN_FILLS {
            flow.act();
        }
        flow.check_all();
        (flow.recover(calendars), flow.fills, flow.seen())
    }));
    done.unwrap_or_else(|panic| {
        eprintln!("run {number} failed");
        resume_unwind(panic)
    })
}

#[test]
fn random_flow_keeps_the_books_and_the_same_number_gives_the_same_journal_on_any_thread() {
    let calendars = Calendars::bundled().unwrap();
    let runs = share(FILLS_LONG, FILLS) / RUN_FILLS;
    let (next, fills) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let worker = || {
        let mut hashes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= runs {
                return hashes;
            }
            let (hash, filled, kinds) = run(&calendars, number);
            fills.fetch_add(filled, Ordering::SeqCst);
            hashes.push((number, hash, kinds));
        }
    };
    let done: Vec<(u64, ChainHash, BTreeSet<&str>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let seen: BTreeSet<&str> = done.iter().flat_map(|(_, _, kinds)| kinds.iter().copied()).collect();
    for order_type in OrderType::ALL {
        assert!(seen.contains(order_type.as_str()), "no {order_type} order filled");
    }
    for status in [OrderStatus::Canceled, OrderStatus::Expired, OrderStatus::Denied, OrderStatus::Filled] {
        assert!(seen.contains(status.as_str()), "no order ended {}", status.as_str());
    }
    for (number, hash, _) in done.iter().filter(|(number, _, _)| *number < AGAIN) {
        assert_eq!(*hash, run(&calendars, *number).0, "run {number} on one thread");
    }
    assert!(seen.contains("symbol change"), "no symbol changed");
    println!("{} fills in {runs} runs", fills.into_inner());
}
