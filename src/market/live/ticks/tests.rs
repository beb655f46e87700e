//! The replay of the known file, and of small ones.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::*;
use crate::domain::MarketEvent;
use crate::market::intraday::minute_of;
use crate::market::live::Conflator;
use crate::market::testing::shared;

const FILE: &str = "market/intraday/btcusdt_20240809_ticks.csv.zst";
const HEADER: &str = "recv_ns,kind,symbol,price,qty,bid,bid_qty,ask,ask_qty,aggressor\n";

async fn all(replay: &mut TickReplay) -> Vec<LiveEvent> {
    let mut out = Vec::new();
    while replay.next(&mut out).await {}
    out
}

fn file(rows: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(format!("{HEADER}{rows}").as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn the_known_file_gives_every_quote_and_trade() {
    let Some(path) = shared(FILE) else { return };
    let mut replay = TickReplay::open(&path, Exchange::Xnys, 0, |first| first).unwrap();
    assert_eq!((replay.first().nanos(), replay.moved_nanos()), (1_723_161_600_001_692_584, 0));
    let events = all(&mut replay).await;
    let quotes = events.iter().filter(|e| matches!(e, LiveEvent::Quote(..))).count();
    let trades = events.iter().filter(|e| matches!(e, LiveEvent::Trade(_))).count();
    let skipped = events.iter().filter(|e| matches!(e, LiveEvent::Skipped { .. })).count();
    assert_eq!((quotes, trades, skipped, &events[0]), (45_134, 10_147, 0, &LiveEvent::Connected));
}

#[tokio::test]
async fn however_ticks_are_conflated_minutes_session_and_volume_are_exact() {
    let Some(path) = shared(FILE) else { return };
    let mut replay = TickReplay::open(&path, Exchange::Xnys, 0, |first| first).unwrap();
    let events = all(&mut replay).await;
    let mut by_minute: BTreeMap<i64, Vec<Trade>> = BTreeMap::new();
    for event in &events {
        if let LiveEvent::Trade(live) = event {
            by_minute.entry(minute_of(live.trade.time).nanos()).or_default().push(live.trade);
        }
    }
    for every in [1, 7, 1_000, 100_000] {
        let mut conflator = Conflator::default();
        let (mut minutes, mut prints) = (Vec::new(), Vec::new());
        for (count, event) in events.iter().enumerate() {
            let now = time(event).unwrap_or(replay.first());
            conflator.take(event, now);
            if count % every == 0 {
                let out = conflator.drain(now);
                minutes.extend(out.minutes);
                prints.extend(out.events);
            }
        }
        let out = conflator.drain(replay.time(UnixNanos::ZERO).plus_millis(60_000));
        minutes.extend(out.minutes);
        prints.extend(out.events);
        assert_eq!(minutes.len(), by_minute.len(), "{every}");
        for (bar, (from, trades)) in minutes.iter().map(|(_, bar)| bar).zip(&by_minute) {
            let shares: i64 = trades.iter().map(|t| t.size.raw()).sum();
            let prices = || trades.iter().map(|t| t.price);
            assert_eq!(bar.from.nanos(), *from);
            assert_eq!((bar.open, bar.close), (trades[0].price, trades[trades.len() - 1].price));
            assert_eq!((Some(bar.high), Some(bar.low)), (prices().max(), prices().min()));
            assert!((bar.volume.raw() * 1_000_000 - shares).abs() <= 500_000, "rounded once");
        }
        let of = |print: &MarketEvent| if let MarketEvent::Trade(t) = print { Some(*t) } else { None };
        let prints: Vec<Trade> = prints.iter().filter_map(of).collect();
        let traded = || by_minute.values().flatten();
        let sum = |trades: &mut dyn Iterator<Item = &Trade>| trades.map(|t| t.size.raw()).sum::<i64>();
        assert_eq!(sum(&mut prints.iter()), sum(&mut traded()));
        assert_eq!(prints.iter().map(|t| t.price).max(), traded().map(|t| t.price).max());
        assert_eq!(prints.iter().map(|t| t.price).min(), traded().map(|t| t.price).min());
        assert_eq!(prints[0].price, traded().next().unwrap().price);
        assert_eq!(prints.last().unwrap().price, traded().last().unwrap().price);
    }
}

#[tokio::test]
async fn rows_come_when_they_are_due_and_bad_ones_are_counted() {
    let rows = "1000000000,quote,A,,,1,1,2,1,\nnonsense\n1000000001,quote,A,,,1,1,0,1,\n\
                41000000000,trade,A,1.5,3,,,,,buy\n1000000000000,trade,B,1,1,,,,,sell\n";
    let file = file(rows);
    let moved = |first: UnixNanos| first.plus_millis(1_000);
    let mut replay = TickReplay::open(file.path(), Exchange::Xasx, 1_000, moved).unwrap();
    assert_eq!(replay.first().nanos(), 2_000_000_000);
    let began = Instant::now();
    let mut out = Vec::new();
    while !out.iter().any(|e| matches!(e, LiveEvent::Trade(_))) {
        assert!(replay.next(&mut out).await);
    }
    // Forty seconds of the file at a thousand a second.
    assert!(began.elapsed() >= Duration::from_millis(39), "{:?}", began.elapsed());
    let trade =
        out.iter().find_map(|e| if let LiveEvent::Trade(t) = e { Some(t.trade) } else { None }).unwrap();
    assert_eq!((trade.time.nanos(), trade.instrument.to_string()), (42_000_000_000, "A.XASX".to_owned()));
    let broken: u32 =
        out.iter().map(|e| if let LiveEvent::Skipped { broken, .. } = e { *broken } else { 0 }).sum();
    assert_eq!(broken, 2);
}

#[test]
fn a_file_of_another_form_is_refused() {
    let mut other = tempfile::NamedTempFile::new().unwrap();
    other.write_all(b"a,b\n1,2\n").unwrap();
    let open = |path: &Path| TickReplay::open(path, Exchange::Xnys, 1, |first| first).map(drop);
    assert!(matches!(open(other.path()), Err(ImportError::MissingColumns { .. })));
    assert!(matches!(open(file("").path()), Err(ImportError::Empty { .. })));
    assert!(matches!(open(Path::new("/nowhere/at/all.csv")), Err(ImportError::Open { .. })));
}
