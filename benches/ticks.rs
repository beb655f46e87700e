//! Ticks a second on one core: taken in and conflated out for 1,000 symbols, and read from a stream's frames before.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::domain::market::{Quote, Trade};
use qlib_pro::domain::{InstrumentId, Price, Quantity, UnixNanos};
use qlib_pro::market::intraday::Counts;
use qlib_pro::market::live::{Conflator, LiveEvent, LiveTrade, frames};

/// Symbols that tick.
const SYMBOLS: i64 = 1_000;
/// Ticks of one run: a second at the goal.
const TICKS: i64 = 200_000;
/// Ticks between two drains: a tenth of a second at the goal.
const DRAIN: usize = 20_000;
/// Events of one frame.
const FRAME: usize = 50;

fn main() {
    divan::main();
}

fn start() -> UnixNanos {
    "2024-04-25T18:00:00Z".parse().unwrap()
}

/// Four quotes to a trade, over all symbols in turn.
fn ticks() -> Vec<LiveEvent> {
    let size = Quantity::from_whole(100).unwrap();
    let one = |tick: i64| {
        let instrument: InstrumentId = format!("N{:04}.XNYS", tick % SYMBOLS).parse().unwrap();
        let time = start().plus_nanos(tick * 5_000);
        let price = Price::from_raw((10_000 + tick % 97) * 10_000_000);
        if tick % 5 == 4 {
            let trade = Trade { instrument, time, price, size };
            return LiveEvent::Trade(LiveTrade { trade, counts: Counts::ALL, sequence: Some(tick) });
        }
        let ask = Price::from_raw(price.raw() + 10_000_000);
        LiveEvent::Quote(
            Quote { instrument, time, bid: price, ask, bid_size: size, ask_size: size },
            Some(tick),
        )
    };
    (0..TICKS).map(one).collect()
}

fn conflate(events: &[LiveEvent]) -> u64 {
    let mut conflator = Conflator::default();
    let mut minutes = 0;
    for (count, event) in events.iter().enumerate() {
        let now = start().plus_nanos(count as i64 * 5_000);
        conflator.take(event, now);
        if count % DRAIN == DRAIN - 1 {
            minutes += conflator.drain(now).minutes.len();
        }
    }
    conflator.counts().given + minutes as u64
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn conflated(bencher: Bencher<'_, '_>) {
    let events = ticks();
    bencher.counter(ItemsCount::new(TICKS as usize)).bench(|| conflate(&events));
}

fn frame(events: &[LiveEvent]) -> String {
    let mut text = String::from("[");
    for event in events {
        let separator = if text.len() > 1 { "," } else { "" };
        let millis = |time: UnixNanos| time.nanos() / 1_000_000;
        match event {
            LiveEvent::Quote(q, place) => write!(
                text,
                "{separator}{{\"ev\":\"Q\",\"sym\":\"{}\",\"bx\":4,\"bp\":{},\"bs\":1,\"ax\":7,\"ap\":{},\"as\":1,\
                 \"c\":0,\"i\":[604],\"t\":{},\"q\":{},\"z\":3}}",
                q.instrument.symbol,
                q.bid,
                q.ask,
                millis(q.time),
                place.unwrap()
            ),
            LiveEvent::Trade(t) => write!(
                text,
                "{separator}{{\"ev\":\"T\",\"sym\":\"{}\",\"x\":4,\"i\":\"1\",\"z\":3,\"p\":{},\"s\":100,\
                 \"c\":[0,14],\"t\":{},\"q\":{}}}",
                t.trade.instrument.symbol,
                t.trade.price,
                millis(t.trade.time),
                t.sequence.unwrap()
            ),
            _ => Ok(()),
        }
        .unwrap();
    }
    text + "]"
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn read_from_frames_and_conflated(bencher: Bencher<'_, '_>) {
    let frames: Vec<String> = ticks().chunks(FRAME).map(frame).collect();
    bencher.counter(ItemsCount::new(TICKS as usize)).bench(|| {
        let mut conflator = Conflator::default();
        let (mut out, mut count) = (Vec::new(), 0);
        for text in &frames {
            frames::read(text.as_bytes(), &mut out);
            for event in out.drain(..) {
                let now = start().plus_nanos(count as i64 * 5_000);
                conflator.take(&event, now);
                count += 1;
                if count % DRAIN == 0 {
                    conflator.drain(now);
                }
            }
        }
        conflator.counts().given
    });
}
