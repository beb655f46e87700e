//! The live feed of a home against the stream on loopback: what it hears is stored as it was said, what it misses while
//! the network is away is fetched from the vendor's other side, and everybody sees how it stands.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use qlib_pro::domain::vendor::STREAM_HOSTS;
use qlib_pro::domain::{Address, Exchange};
use qlib_pro::market::live::polygon::{PolygonStream, Timing};
use qlib_pro::service::feed::{FeedGuard, FeedState, FeedStatus};
use qlib_pro::service::minutes::{BarLength, MinutesWish, PriceSide};
use qlib_pro::service::permit::ViewMarket;

use super::rig::{KEY, Rig, id};

/// Longest wait for the feed's threads.
const PATIENCE: Duration = Duration::from_secs(60);
/// Half a minute into a minute of a session.
const OPEN: &str = "2024-07-08T15:00:30Z";
const SYMBOLS: [&str; 2] = ["AAPL", "MSFT"];
/// Ticks a second of all symbols together.
const TICKS: u32 = 50;

pub fn timing() -> Timing {
    Timing { open_ms: 5_000, idle_ms: 5_000, again_ms: 1, again_ms_max: 5, refused_ms: 5 }
}

fn until(what: &str, rig: &Rig, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{what}: {:?}", rig.house().feed_status());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn status(rig: &Rig) -> FeedStatus {
    rig.house().feed_status().unwrap_or_default()
}

/// A feed of two symbols that is connected and subscribed.
fn fed(rig: &Rig) -> FeedGuard {
    rig.live(TICKS);
    let permit = rig.session().permit::<ViewMarket>().unwrap();
    rig.house().watch(&permit, &SYMBOLS.map(|symbol| id(&format!("{symbol}.XNYS")))).unwrap();
    let address = Address::parse(&format!("{}/polygon", rig.server.address), STREAM_HOSTS).unwrap();
    let stream = PolygonStream::new(address, Box::new(|| Ok(KEY.into())), timing());
    let guard = rig.house().start_feed_of(Box::new(stream), Exchange::Xnys).unwrap();
    until("subscribed", rig, || rig.server.stream().wanted().len() == SYMBOLS.len());
    guard
}

/// Start, prices and shares of a minute, in words.
type Told = BTreeMap<i64, String>;

/// The minutes that are over, as the market made them.
fn made(rig: &Rig, symbol: &str) -> Told {
    let now = rig.market.now().nanos() / 1_000_000;
    let over = rig.market.minutes(symbol).into_iter().filter(|minute| minute.from_ms + 60_000 <= now);
    let money = |cents: i64| format!("{:.2}", cents as f64 / 100.0);
    over.map(|m| {
        let told = [m.open, m.high, m.low, m.close].map(money).join(" ");
        (m.from_ms, format!("{told} {}", m.shares))
    })
    .collect()
}

/// The minutes that are stored.
fn stored(rig: &Rig, symbol: &str) -> Told {
    let permit = rig.session().permit::<ViewMarket>().unwrap();
    let wish = MinutesWish {
        instrument: id(&format!("{symbol}.XNYS")),
        source: "polygon".to_owned(),
        side: PriceSide::Trade,
        length: BarLength::Minutes(1),
        days: (None, None),
    };
    let bars = rig.house().export_minutes(&permit, &wish).unwrap_or_default();
    bars.iter()
        .map(|bar| {
            let told = [bar.open, bar.high, bar.low, bar.close].map(|price| format!("{:.2}", price.to_f64()));
            (bar.ts.nanos() / 1_000_000, format!("{} {}", told.join(" "), bar.volume))
        })
        .collect()
}

#[test]
fn s24_a_network_that_is_cut_and_restored_leaves_every_minute_as_it_was() {
    let rig = Rig::at(OPEN);
    let guard = fed(&rig);
    rig.pass(100);
    until("ticks come", &rig, || status(&rig).counts.ticks >= 1_000 && !status(&rig).is_stale);
    assert_eq!(status(&rig).state, FeedState::Live);

    rig.server.stream().cut(150, false);
    until("the loss is told", &rig, || status(&rig).state == FeedState::Lost && status(&rig).is_stale);
    rig.pass(140);
    until("it is told why", &rig, || {
        status(&rig).last_error.is_some_and(|(_, why)| why.as_str().contains("503"))
    });
    assert!(rig.server.stream().wanted().is_empty());
    rig.pass(20);
    until("it is back", &rig, || status(&rig).state == FeedState::Live);
    until("subscribed again", &rig, || rig.server.stream().wanted().len() == SYMBOLS.len());
    let before = status(&rig).counts.ticks;
    rig.pass(70);
    until("ticks come again", &rig, || status(&rig).counts.ticks >= before + 70 * u64::from(TICKS));
    assert!(!status(&rig).is_stale);
    until("what was missed is there", &rig, || SYMBOLS.iter().all(|s| stored(&rig, s).len() >= 5));
    drop(guard);
    for symbol in SYMBOLS {
        let made = made(&rig, symbol);
        assert_eq!(made.len(), 6, "{made:?}");
        assert_eq!(stored(&rig, symbol), made, "{symbol}");
    }
    let after = status(&rig);
    assert_eq!((after.gaps, after.counts.broken, after.counts.unknown), (1, 0, 0), "{after:?}");
    assert_eq!(rig.server.seen("/range/1/minute/").len(), SYMBOLS.len(), "one request a symbol");
}
