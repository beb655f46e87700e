//! Ticks a second on one core: taken in and conflated out for 1,000 symbols, and read from a stream's frames before.

#![allow(clippy::unwrap_used)]

mod tick;

use std::fmt::Write as _;

use divan::{Bencher, counter::ItemsCount};
use qlib_pro::domain::UnixNanos;
use qlib_pro::market::live::{Conflator, LiveEvent, frames};

/// Ticks of one run: a second at the goal.
const TICKS: i64 = tick::TICKS_PER_SECOND;
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

fn ticks() -> Vec<LiveEvent> {
    let symbols = tick::symbols();
    (0..TICKS).map(|number| tick::tick(number, &symbols, start().plus_nanos(number * 5_000))).collect()
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
