//! A recorded market lived again through the real engine: quotes, fills, minutes, gaps, and how it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use super::*;
use crate::domain::event::EventBody;
use crate::domain::journal::ChainHash;
use crate::domain::market::{ActionKind, Basis, CorporateAction, DailyBar, SplitRatio};
use crate::domain::{CleanText, MarketEvent, Order, OrderStatus, Quote, RefusalCode, Trade, Volume};
use crate::execution::Engine;
use crate::market::intraday::Counts;
use crate::market::live::ticks::TickReplay;
use crate::market::live::{LiveEvent, LiveTrade, Stream};
use crate::service::ServiceError;
use crate::service::advance::Until;
use crate::service::engine::lock;
use crate::service::engine::tape::Played;
use crate::service::feed::{FeedState, FeedStatus};
use crate::service::permit::{ManageData, ViewMarket, ViewPortfolio};
use crate::store::market::{BarRun, MinuteSide};
use crate::store::trades::TradesReader;

const FILE: &str = "../shared/market/intraday/btcusdt_20240809_ticks.csv.zst";
/// Longest wait for the feed's thread.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives the first so many of its events, and more when it is allowed to.
#[derive(Debug)]
struct Gated {
    events: Vec<LiveEvent>,
    given: usize,
    allowed: Arc<AtomicUsize>,
    time: UnixNanos,
}

#[async_trait::async_trait]
impl Stream for Gated {
    fn name(&self) -> &'static str {
        "ticks"
    }

    async fn subscribe(&mut self, _: &BTreeSet<InstrumentId>) {}

    fn time(&self, _: UnixNanos) -> UnixNanos {
        self.time
    }

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        let allowed = self.allowed.load(Ordering::Acquire).min(self.events.len());
        if self.given >= allowed {
            tokio::time::sleep(Duration::from_millis(1)).await;
            return self.given < self.events.len();
        }
        // In small pieces, so that there are many drains.
        let end = allowed.min(self.given + 50);
        for event in &self.events[self.given..end] {
            self.time = match event {
                LiveEvent::Quote(quote, _) => quote.time,
                LiveEvent::Trade(live) => live.trade.time,
                _ => self.time,
            };
            out.push(event.clone());
        }
        self.given = end;
        true
    }
}

/// The ticks of the known file from an opening of New York on; `None` (said) without shared data.
fn recorded() -> Option<Vec<LiveEvent>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if !path.exists() {
        println!("skipped: no shared data");
        return None;
    }
    let open = |_| "2024-08-09T13:30:00Z".parse().unwrap();
    let mut replay = TickReplay::open(&path, Exchange::Xnys, 0, open).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut events = Vec::new();
    runtime.block_on(async { while replay.next(&mut events).await {} });
    Some(events)
}

fn until(home: &Home, what: &str, done: impl Fn(&FeedStatus) -> bool) -> FeedStatus {
    let began = Instant::now();
    loop {
        let status = home.house.feed_status().unwrap_or_default();
        if done(&status) {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "never {what}: {status:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_recorded_market_is_lived_again_and_orders_fill_at_its_quotes() {
    let Some(events) = recorded() else { return };
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let id: InstrumentId = "BTCUSDT.XNYS".parse().unwrap();
    let trader = home.login(Role::Trader);
    let permit = trader.trade_permit(None).unwrap();
    let allowed = Arc::new(AtomicUsize::new(2_000));
    let stream = Gated { events, given: 0, allowed: Arc::clone(&allowed), time: UnixNanos::ZERO };
    let guard = home.house.start_feed_of(Box::new(stream), Exchange::Xnys).unwrap();
    until(&home, "given", |s| s.counts.ticks >= 1_999 && s.state == FeedState::Live && s.counts.given > 0);
    until(&home, "played", |_| home.house.state().unwrap().market_time(Exchange::Xnys).is_some());
    let quote = home.house.quotes().get(id).unwrap().quote.unwrap();
    let hundredth = Quantity::from_raw(Quantity::ONE_RAW / 100);
    let plain = |name: &str, side, limit| OrderWish {
        id: Some(name.parse().unwrap()),
        ..OrderWish::plain(id.symbol, side, hundredth, limit)
    };
    home.house.submit(&permit, &plain("market", Side::Buy, None)).unwrap();
    // Ten dollars below the bid: the recorded minutes go there.
    let below = quote.bid.checked_sub(Price::from_whole(10).unwrap()).unwrap();
    home.house.submit(&permit, &plain("resting", Side::Buy, Some(below))).unwrap();
    allowed.store(usize::MAX, Ordering::Release);
    let over = until(&home, "over", |s| s.state == FeedState::Over);
    drop(guard);
    let state = home.house.state().unwrap();
    let order =
        |name: &str| state.orders().get("desk".parse().unwrap(), name.parse().unwrap()).unwrap().clone();
    let market = order("market");
    assert_eq!((market.status, market.filled), (OrderStatus::Filled, hundredth), "{market:?}");
    holds_every_fill_against_its_quote(&home);
    let resting = order("resting");
    assert_eq!(resting.status, OrderStatus::Filled, "{resting:?}");
    assert!(resting.filled_notional.to_f64() * 100.0 <= below.to_f64() + 1e-6);
    assert_eq!((over.counts.ticks, over.counts.broken, over.counts.ahead), (55_281, 0, 0));
    assert!(over.counts.given < over.counts.ticks, "{:?}", over.counts);
    let live = home.house.quotes().get(id).unwrap();
    assert!(live.high.unwrap() >= live.low.unwrap() && live.volume.is_positive());
    let open: UnixNanos = "2024-08-09T13:30:00Z".parse().unwrap();
    let span = (open, open.plus_millis(600_000));
    let minutes =
        lock(home.house.market_store()).read().minutes(id, "ticks", MinuteSide::Trade, span).unwrap();
    assert!(minutes.len() >= 5, "{}", minutes.len());
    let lowest = minutes.iter().map(|bar| bar.low).min();
    assert!(lowest.unwrap() >= live.low.unwrap());
}

/// Plays everything that the engine of a home was given again, on a fresh engine: the journal is the same to the last
/// bit; and each fill is held against the quote or print of its moment.
fn holds_every_fill_against_its_quote(home: &Home) {
    let engine = home.house.engine().unwrap();
    let state = home.house.state().unwrap();
    let played = engine.played();
    let mut again = Engine::new(home.house.calendars().clone()).unwrap();
    let (mut quotes, mut fills, mut hash) = (BTreeMap::new(), 0, ChainHash::START);
    for step in &played {
        let mut print = None;
        match step {
            Played::Market(MarketEvent::Quote(quote), _) => drop(quotes.insert(quote.instrument, *quote)),
            Played::Market(MarketEvent::Trade(trade), _) => print = Some(*trade),
            _ => {}
        }
        let given = again.state().orders().clone();
        let batch = step.play(&mut again).unwrap().with_texts().unwrap();
        hash = batch.texts.iter().fold(hash, |hash, text| hash.next(text.as_bytes()));
        for event in batch.events {
            let EventBody::Fill(fill) = event.body else { continue };
            fills += 1;
            let limit = given.get(fill.account, fill.id).and_then(|order| order.spec.limit_price);
            match print.filter(|trade| trade.instrument == fill.instrument) {
                // A print through a limit fills at the limit.
                Some(trade) => {
                    assert_eq!(Some(fill.price), limit, "{fill:?}");
                    assert!(fill.quantity <= trade.size && trade.price <= fill.price, "{fill:?} {trade:?}");
                }
                // A quote fills at its other side, to the shown size and not a hair beside it.
                None => {
                    let quote: &Quote = &quotes[&fill.instrument];
                    let (price, size) = match fill.side {
                        Side::Buy => (quote.ask, quote.ask_size),
                        Side::Sell => (quote.bid, quote.bid_size),
                    };
                    assert_eq!(fill.price, price, "{fill:?} {quote:?}");
                    assert!(fill.quantity <= size, "{fill:?} {quote:?}");
                }
            }
        }
    }
    assert!(fills >= 2, "{fills}");
    let head = TradesReader::open(home.house.home()).unwrap().head().unwrap();
    assert_eq!((again.state().seq(), hash), head, "a day that is played again gives the same journal");
    assert_eq!(again.state().accounts(), state.accounts());
}

/// Says what it is told to, on the wall's time, under the name of a vendor that can be lost.
#[derive(Debug)]
struct Told {
    heard: Receiver<LiveEvent>,
}

#[async_trait::async_trait]
impl Stream for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    async fn subscribe(&mut self, _: &BTreeSet<InstrumentId>) {}

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        tokio::time::sleep(Duration::from_millis(1)).await;
        out.extend(self.heard.try_iter());
        true
    }
}

fn quoted(on: InstrumentId, bid: &str, ask: &str, time: UnixNanos) -> LiveEvent {
    let size = Quantity::from_whole(1_000).unwrap();
    let (bid, ask) = (bid.parse().unwrap(), ask.parse().unwrap());
    LiveEvent::Quote(Quote { instrument: on, time, bid, ask, bid_size: size, ask_size: size }, None)
}

/// An order of the desk once it is done.
fn once_done(home: &Home, name: &str) -> Order {
    let began = Instant::now();
    loop {
        let found = home.house.engine().unwrap().order("desk".parse().unwrap(), name.parse().unwrap());
        let order = found.unwrap().unwrap();
        if order.status.is_done() {
            return order;
        }
        assert!(began.elapsed() < PATIENCE, "{order:?}");
        std::thread::yield_now();
    }
}

#[test]
fn an_order_given_to_a_silent_feed_never_takes_its_old_quote_and_each_name_is_stale_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::standing();
    let open: UnixNanos = "2026-06-01T14:00:00Z".parse().unwrap();
    clock.pass_seconds(open.since(clock.now()) / 1_000_000_000);
    let home = Home::at(folder.path(), clock);
    home.people(Exchange::Xnys);
    let [a, b]: [InstrumentId; 2] = ["AAA.XNYS".parse().unwrap(), "BBB.XNYS".parse().unwrap()];
    let (say, heard) = unbounded();
    let guard = home.house.start_feed_of(Box::new(Told { heard }), Exchange::Xnys).unwrap();
    let known = |on| home.house.quotes().get(on).and_then(|l| l.quote);
    let wait_for = |on, time| {
        let began = Instant::now();
        while known(on).is_none_or(|quote| quote.time != time) {
            assert!(began.elapsed() < PATIENCE, "{:?}", home.house.feed_status());
            std::thread::yield_now();
        }
    };
    let quote = |on, bid: &str, ask: &str| {
        let time = home.clock.now();
        say.send(quoted(on, bid, ask, time)).unwrap();
        wait_for(on, time);
    };
    say.send(LiveEvent::Connected).unwrap();
    quote(a, "50.00", "50.10");
    quote(b, "20.00", "20.10");
    home.clock.pass_seconds(6);
    quote(a, "50.00", "50.12");
    let silent = |on| home.house.quotes().get(on).unwrap().is_silent(home.clock.now());
    assert_eq!((silent(a), silent(b)), (false, true), "the other goes on");
    let trader = home.login(Role::Trader);
    let permit = trader.trade_permit(None).unwrap();
    let fresh = home.house.submit(&permit, &wish("fresh", Side::Buy, a, 10, None)).unwrap();
    assert_eq!(
        (fresh.status, fresh.average_price.unwrap().to_string()),
        (OrderStatus::Filled, "50.12".into())
    );
    // The feed falls silent; the market goes on elsewhere.
    home.clock.pass_seconds(30);
    until(&home, "silent", |s| s.is_stale);
    let market = home.house.submit(&permit, &wish("old", Side::Buy, a, 10, None)).unwrap();
    assert_eq!((market.status, market.code), (OrderStatus::Denied, Some(RefusalCode::StaleMarketData)));
    assert!(
        market.reason.contains("the last quote is too old; the live feed of told is silent"),
        "{}",
        market.reason
    );
    let limit =
        home.house.submit(&permit, &wish("rests", Side::Buy, a, 10, Some("51".parse().unwrap()))).unwrap();
    assert_eq!((limit.status, limit.filled), (OrderStatus::Accepted, Quantity::ZERO));
    assert!(
        limit.reason.contains("it waits for fresh prices: the live feed of told is silent"),
        "{}",
        limit.reason
    );
    quote(a, "50.50", "50.60");
    let rests = once_done(&home, "rests");
    assert_eq!(rests.filled_notional.to_string(), "506.00", "at the new quote");
    drop(guard);
}

#[test]
fn a_lost_stream_is_stale_at_once_and_a_found_one_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let events = vec![
        LiveEvent::Connected,
        LiveEvent::Gap { reason: "cut".into() },
        LiveEvent::Gap { reason: "still cut".into() },
        LiveEvent::Connected,
        LiveEvent::Skipped { unknown: 1, broken: 2 },
    ];
    let allowed = Arc::new(AtomicUsize::new(1));
    let stream = Gated { events, given: 0, allowed: Arc::clone(&allowed), time: UnixNanos::ZERO };
    let guard = home.house.start_feed_of(Box::new(stream), Exchange::Xnys).unwrap();
    until(&home, "live", |s| s.state == FeedState::Live && !s.is_stale);
    home.clock.pass_seconds(6);
    until(&home, "silent", |s| s.is_stale && s.state == FeedState::Live);
    assert!(home.house.quotes().is_stale());
    let shown = home.screen(Role::Trader).data;
    assert!(shown.text.ends_with("live, silent, 0 symbols") && shown.warning, "{}", shown.text);
    allowed.store(3, Ordering::Release);
    let lost = until(&home, "lost", |s| s.state == FeedState::Lost && s.is_stale && s.last_error.is_some());
    assert_eq!(lost.gaps, 1);
    allowed.store(4, Ordering::Release);
    until(&home, "back", |s| s.state == FeedState::Live && !s.is_stale);
    let shown = home.screen(Role::Trader).data;
    assert!(shown.text.ends_with("live, 0 symbols") && !shown.warning, "{}", shown.text);
    allowed.store(5, Ordering::Release);
    let over = until(&home, "over", |s| s.state == FeedState::Over);
    assert_eq!((over.counts.unknown, over.counts.broken, over.gaps), (1, 2, 1));
    drop(guard);
    assert!(home.house.start_feed().unwrap().is_none(), "the settings name nobody");
}

#[test]
fn stored_sessions_and_splits_come_before_the_first_live_event_of_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    home.people(Exchange::Xnys);
    let on: InstrumentId = "AAA.XNYS".parse().unwrap();
    let price: Price = "50".parse().unwrap();
    let bar = |day: &str| DailyBar {
        instrument: on,
        session: day.parse().unwrap(),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Volume::from_whole(1_000_000).unwrap(),
        vwap: None,
    };
    let split = |day: &str| CorporateAction {
        instrument: on,
        date: day.parse().unwrap(),
        kind: ActionKind::Split(SplitRatio { new: "2".parse().unwrap(), old: "1".parse().unwrap() }),
    };
    let mut run = BarRun::new(CleanText::new("file"), Basis::Raw, home.clock.now());
    let bars = ["2024-01-02", "2024-01-03", "2024-01-04"].map(bar);
    lock(home.house.market_store()).store_bars(&mut run, &bars).unwrap();
    home.house.know_instruments([on]).unwrap();
    let trader = home.login(Role::Trader);
    let data = trader.permit::<ManageData>().unwrap();
    let advance = || home.house.advance(&data, None, Until::Sessions(1), |_| {});
    advance().unwrap();
    home.house.submit(&trader.trade_permit(None).unwrap(), &wish("one", Side::Buy, on, 10, None)).unwrap();
    assert_eq!(advance().unwrap().fills, 1);
    lock(home.house.market_store()).store_actions(&["2024-01-04", "2024-01-05"].map(split)).unwrap();
    let time: UnixNanos = "2024-01-05T15:00:00Z".parse().unwrap();
    let trade = Trade { instrument: on, time, price, size: Quantity::from_whole(1).unwrap() };
    let print = |place| LiveEvent::Trade(LiveTrade { trade, counts: Counts::ALL, sequence: Some(place) });
    let allowed = Arc::new(AtomicUsize::new(1));
    let stream = Gated { events: vec![print(1), print(2)], given: 0, allowed: Arc::clone(&allowed), time };
    let guard = home.house.start_feed_of(Box::new(stream), Exchange::Xnys).unwrap();
    until(&home, "given", |s| s.counts.given == 1);
    assert!(advance().unwrap_err().to_string().contains("is moved by the live feed"));
    allowed.store(2, Ordering::Release);
    until(&home, "over", |s| s.state == FeedState::Over);
    drop(guard);
    assert!(home.house.quotes().is_stale());
    // What comes too late is refused, and nothing is lost by it.
    let old = MarketEvent::Trade(Trade { time: time.plus_millis(-1), ..trade });
    let refused = home.house.engine().unwrap().market(old).unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid(_)), "{refused}");
    let view = trader.permit::<ViewPortfolio>().unwrap();
    let desk = home.house.portfolios(&view, Some("desk".parse().unwrap())).unwrap().remove(0);
    assert_eq!(desk.positions[0].quantity.to_string(), "40");
    let market = trader.permit::<ViewMarket>().unwrap();
    let began = Instant::now();
    // Notices are told after the answers are out.
    let splits = loop {
        let told = home.house.notices(&market, 100).unwrap().0.into_iter();
        let splits: Vec<String> = told.filter(|n| n.title == "Split").map(|n| n.text).collect();
        if splits.len() == 2 || began.elapsed().as_secs() > 60 {
            break splits;
        }
        std::thread::yield_now();
    };
    assert_eq!(splits.len(), 2, "{splits:?}");
    assert!(splits.iter().all(|text| text.starts_with("AAA was split 2 for 1: desk holds ")), "{splits:?}");
    assert_eq!(home.house.state().unwrap().market_time(Exchange::Xnys), Some(time));
    assert!(home.house.feed_status().unwrap().last_error.is_none());
}
