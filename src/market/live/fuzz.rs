//! Random damage done to recorded frames of a stream and to a recorded tick file: nothing panics, nothing that comes out
//! is worse than what a conflator relies on, and nothing grows beyond its input. A long run does a million to each, the
//! gate one per cent.

use super::*;
use crate::domain::testing::share;
use crate::domain::{Exchange, Price};
use crate::market::import::{Source, check_prices};
use crate::market::testing::shared;
use crate::market::vendors::fuzz::{Chance, damaged};

/// Damaged frames or files: in a long run, and in the gate.
const LONG_RUN: u64 = 1_000_000;
const GATE_RUN: u64 = 10_000;
/// Ticks of one damaged file.
const FILE_ROWS: usize = 12;

/// What of an event nobody could rely on.
fn is_bad(event: &LiveEvent) -> bool {
    let good = match event {
        LiveEvent::Quote(quote, _) => {
            let prices = quote.bid.is_positive() && quote.ask.is_positive();
            prices && !quote.bid_size.is_negative() && !quote.ask_size.is_negative()
        }
        LiveEvent::Trade(live) => live.trade.price.is_positive() && !live.trade.size.is_negative(),
        LiveEvent::Minute(_, bar) => {
            let prices: [Price; 4] = [bar.open, bar.high, bar.low, bar.close];
            let [open, high, low, close] = prices;
            let whole = bar.from.nanos() % 60_000_000_000 == 0;
            whole && check_prices(open, high, low, close).is_ok() && !bar.volume.is_negative()
        }
        LiveEvent::Connected | LiveEvent::Gap { .. } | LiveEvent::Denied { .. } => true,
        LiveEvent::Skipped { unknown, broken } => unknown + broken > 0,
    };
    !good
}

/// Looks at what came of a text; whether anything in it could be used.
fn judge(out: &[LiveEvent], text: &[u8]) -> bool {
    let bad: Vec<_> = out.iter().filter(|event| is_bad(event)).collect();
    assert!(bad.is_empty(), "{bad:?} of {}", String::from_utf8_lossy(text));
    // Every event has bytes of its own.
    assert!(out.len() <= text.len() + 2, "{} events of {} bytes", out.len(), text.len());
    out.iter()
        .any(|event| matches!(event, LiveEvent::Quote(..) | LiveEvent::Trade(_) | LiveEvent::Minute(..)))
}

#[test]
fn damaged_frames_are_no_danger() {
    let Some(path) = shared("vendors/polygon/handmade/ws_stocks.jsonl") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut frames: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
    // Several events in one frame, as a busy stream sends them.
    let events: Vec<&str> = text.lines().map(|line| line.trim_matches(['[', ']'])).collect();
    frames.push(format!("[{}]", events.join(",")).into_bytes());
    let (mut chance, mut used) = (Chance(5), 0);
    let run = share(LONG_RUN, GATE_RUN);
    for _ in 0..run {
        let frame = damaged(&frames, chance.below(frames.len()), &mut chance);
        let mut out = Vec::new();
        let said = frames::read(&frame, &mut out);
        assert!(said.len() <= frame.len(), "{} answers of {} bytes", said.len(), frame.len());
        used += u64::from(judge(&out, &frame));
    }
    assert!(used * 8 > run, "{used} of {run} had something in them");
}

#[test]
fn damaged_tick_files_are_no_danger() {
    let Some(path) = shared("market/intraday/btcusdt_20240809_ticks.csv.zst") else { return };
    let text =
        std::io::read_to_string(zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let some = lines[1..].chunks(FILE_ROWS).step_by(200);
    let files: Vec<Vec<u8>> =
        some.map(|rows| format!("{}\n{}\n", lines[0], rows.join("\n")).into_bytes()).collect();
    let (mut chance, mut used) = (Chance(6), 0);
    let run = share(LONG_RUN, GATE_RUN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for _ in 0..run {
        let file = damaged(&files, chance.below(files.len()), &mut chance);
        let source = Source::from_reader("x", std::io::Cursor::new(file.clone()));
        // A damaged header is an error that names the file.
        let Ok(mut replay) = ticks::TickReplay::read(source, Exchange::Xnys, 0, |first| first) else {
            continue;
        };
        let mut out = Vec::new();
        while runtime.block_on(replay.next(&mut out)) {}
        used += u64::from(judge(&out, &file));
    }
    assert!(used * 4 > run, "{used} of {run} had something in them");
}
