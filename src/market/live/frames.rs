//! Frames of Polygon's WebSocket: arrays of mixed events, read one by one, so that a broken one costs only itself.
//!
//! Times come in milliseconds, in nanoseconds on some feeds, and in seconds by an old document: the magnitude tells.
//! Sizes of quotes are round lots of 100 shares. Events of an unknown kind are counted, never an error.

use super::{LiveEvent, LiveTrade};
use crate::domain::market::{Quote, Trade};
use crate::domain::time::{NANOS_PER_MILLI, NANOS_PER_SECOND};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, UnixNanos, Volume};
use crate::market::import::{check_prices, parse_scaled};
use crate::market::intraday::Counts;
use crate::market::vendors::MinuteBar;
use crate::market::vendors::json::Json;

/// Nanoseconds of a minute.
const NANOS_PER_MINUTE: i64 = 60 * NANOS_PER_SECOND;
/// Shares of a round lot.
const ROUND_LOT: i64 = 100;
/// How the answer to a subscription that is taken begins.
const SUBSCRIBED: &str = "subscribed to: ";
/// Below these a time is in seconds, milliseconds, microseconds; each is the year 5138 in its unit.
const UNITS: [(i64, i64); 3] = [
    (100_000_000_000, NANOS_PER_SECOND),
    (100_000_000_000_000, NANOS_PER_MILLI),
    (100_000_000_000_000_000, 1_000),
];

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The key is taken.
    Authorized,
    /// The key is not.
    Refused(CleanText),
    /// Another connection has the one that the plan allows.
    TooMany(CleanText),
    /// What is subscribed, such as `T.AAPL`.
    Subscribed(CleanText),
    /// The plan does not include what was subscribed, or not at this address.
    Denied(CleanText),
    /// Anything else.
    Other,
}

/// A time, whatever its unit.
pub fn time_of(number: i64) -> Option<UnixNanos> {
    let unit = UNITS.iter().find(|(below, _)| number < *below).map_or(1, |(_, nanos)| *nanos);
    (number > 0).then(|| number.checked_mul(unit).map(UnixNanos::from_nanos)).flatten()
}

fn price(text: &str) -> Option<Price> {
    parse_scaled(text, 9).ok().map(Price::from_raw).filter(|price| price.is_positive())
}

fn size(text: &str, lot: i64) -> Option<Quantity> {
    let raw = parse_scaled(text, 9).ok().filter(|raw| *raw >= 0)?;
    raw.checked_mul(lot).map(Quantity::from_raw)
}

fn instrument(event: &Json<'_>) -> Option<InstrumentId> {
    event.text_at("sym").parse().ok().map(|symbol| InstrumentId::new(symbol, Exchange::Xnys))
}

fn trade(event: &Json<'_>) -> Option<LiveEvent> {
    let conditions = event.get("c").map_or(&[][..], Json::items);
    let conditions = conditions.iter().filter_map(|code| code.number_text().parse().ok());
    let trade = Trade {
        instrument: instrument(event)?,
        time: time_of(event.whole_at("t")?)?,
        price: price(event.number_at("p"))?,
        size: size(event.number_at("s"), 1)?,
    };
    let counts = Counts::of_conditions(conditions);
    Some(LiveEvent::Trade(LiveTrade { trade, counts, sequence: event.whole_at("q") }))
}

fn quote(event: &Json<'_>) -> Option<LiveEvent> {
    let quote = Quote {
        instrument: instrument(event)?,
        time: time_of(event.whole_at("t")?)?,
        bid: price(event.number_at("bp"))?,
        ask: price(event.number_at("ap"))?,
        bid_size: size(event.number_at("bs"), ROUND_LOT)?,
        ask_size: size(event.number_at("as"), ROUND_LOT)?,
    };
    Some(LiveEvent::Quote(quote, event.whole_at("q")))
}

fn minute(event: &Json<'_>) -> Option<LiveEvent> {
    let price = |name: &str| price(event.number_at(name));
    let (open, high, low, close) = (price("o")?, price("h")?, price("l")?, price("c")?);
    check_prices(open, high, low, close).ok()?;
    let volume = parse_scaled(event.number_at("v"), 3).ok().filter(|volume| *volume >= 0)?;
    let from = time_of(event.whole_at("s")?).filter(|from| from.nanos() % NANOS_PER_MINUTE == 0)?;
    let bar = MinuteBar { from, open, high, low, close, volume: Volume::from_raw(volume), trades: None };
    Some(LiveEvent::Minute(instrument(event)?, bar))
}

fn status(event: &Json<'_>) -> Said {
    let words = || crate::market::vendors::classify::hide_keys(event.text_at("message"));
    match event.text_at("status") {
        "auth_success" => Said::Authorized,
        "auth_failed" | "auth_timeout" => Said::Refused(words()),
        "max_connections" => Said::TooMany(words()),
        "error" => Said::Denied(words()),
        "success" => match event.text_at("message").strip_prefix(SUBSCRIBED) {
            Some(what) => Said::Subscribed(CleanText::new(what)),
            None => Said::Other,
        },
        _ => Said::Other,
    }
}

/// Reads a frame: its events go to `out`, what the server says of itself is returned.
pub fn read(bytes: &[u8], out: &mut Vec<LiveEvent>) -> Vec<Said> {
    let Ok(frame) = Json::parse(bytes) else {
        out.push(LiveEvent::Skipped { unknown: 0, broken: 1 });
        return Vec::new();
    };
    // One event may come without an array around it.
    let events = if matches!(frame, Json::Map(_)) { std::slice::from_ref(&frame) } else { frame.items() };
    let (mut said, mut unknown, mut broken) = (Vec::new(), 0, u32::from(events.is_empty()));
    for event in events {
        let read = match event.text_at("ev") {
            "T" => trade(event),
            "Q" => quote(event),
            "AM" => minute(event),
            "status" => {
                said.push(status(event));
                continue;
            }
            // Bars of a second are known and not wanted.
            "A" => continue,
            _ => {
                unknown += 1;
                continue;
            }
        };
        match read {
            Some(read) => out.push(read),
            None => broken += 1,
        }
    }
    if unknown + broken > 0 {
        out.push(LiveEvent::Skipped { unknown, broken });
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::testing::shared;

    fn events(text: &str) -> (Vec<LiveEvent>, Vec<Said>) {
        let mut out = Vec::new();
        let said = read(text.as_bytes(), &mut out);
        (out, said)
    }

    #[test]
    fn the_known_frames_are_what_is_said_of_them() {
        let Some(path) = shared("vendors/polygon/handmade/ws_stocks.jsonl") else { return };
        let text = std::fs::read_to_string(path).unwrap();
        let all: Vec<_> = text.lines().map(events).collect();
        assert_eq!(all[1].1, [Said::Authorized]);
        assert_eq!(all[2].1.len(), 3);
        let [LiveEvent::Trade(trade)] = &all[3].0[..] else { panic!("{:?}", all[3]) };
        // Condition 12 is a trade of extended hours: its shares count, its price does not.
        assert_eq!(trade.counts, Counts { ends: false, range: false, volume: true });
        assert_eq!(trade.trade.time.to_string(), "2024-04-25T18:00:00.123Z");
        assert_eq!((trade.trade.price.to_string(), trade.sequence), ("187.204".to_owned(), Some(3_681_328)));
        let [LiveEvent::Quote(quote, Some(50_385_480))] = &all[4].0[..] else { panic!("{:?}", all[4]) };
        assert_eq!((quote.bid.to_string(), quote.ask_size.to_string()), ("187.2".into(), "300".into()));
        let [LiveEvent::Minute(of, bar)] = &all[5].0[..] else { panic!("{:?}", all[5]) };
        assert_eq!((of.to_string(), bar.volume.to_string()), ("AAPL.XNYS".into(), "4110".into()));
        assert_eq!(bar.from.to_string(), "2024-04-25T18:00:00Z");
    }

    #[test]
    fn a_broken_or_unknown_event_costs_only_itself() {
        let good = r#"{"ev":"Q","sym":"A","bp":1,"ap":2,"bs":1,"as":1,"t":1714068000140}"#;
        let (out, _) = events(&format!(r#"[{{"ev":"LULD"}},{good},{{"ev":"T","sym":"A","p":-1}}]"#));
        assert_eq!(out.len(), 2);
        assert_eq!(out[1], LiveEvent::Skipped { unknown: 1, broken: 1 });
        assert_eq!(
            events(&format!("[{good},{{\"ev\":\"T\",\"sy")).0,
            [LiveEvent::Skipped { unknown: 0, broken: 1 }]
        );
        assert_eq!(events("17").0, [LiveEvent::Skipped { unknown: 0, broken: 1 }]);
        assert_eq!(events(good).0.len(), 1);
    }

    #[test]
    fn a_time_is_told_by_its_magnitude() {
        let wanted = "2024-04-25T18:00:00Z".parse().ok();
        for number in [1_714_068_000, 1_714_068_000_000, 1_714_068_000_000_000, 1_714_068_000_000_000_000] {
            assert_eq!(time_of(number), wanted, "{number}");
        }
        assert_eq!(time_of(0), None);
    }

    #[test]
    fn a_refusal_never_repeats_a_key() {
        let (_, said) =
            events(r#"[{"ev":"status","status":"auth_failed","message":"bad key ABCDEF123456GHI"}]"#);
        assert_eq!(said, [Said::Refused("bad key (hidden)".into())]);
        let (_, said) = events(r#"[{"ev":"status","status":"max_connections","message":"one only"}]"#);
        assert_eq!(said, [Said::TooMany("one only".into())]);
    }
}
