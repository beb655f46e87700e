//! The made-up market as it lives: trades and quotes of every symbol that anybody asked for, at a steady rate, and the
//! minutes that they make. What it says follows from the seed, the clock and when a symbol was first asked for. It goes
//! on while nobody listens, so that the minutes of that time can be asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::super::server::stream::Event;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MILLI: i64 = 1_000_000;
const MINUTE_MILLIS: i64 = 60_000;
/// Minutes that are kept of a symbol.
const MINUTES_MAX: usize = 3 * 1_440;
/// Most ticks after a jump of the clock; what was before them is left out.
const CATCH_UP_MAX: i64 = 200_000;
/// A tick in so many is a trade, the others are quotes.
const TRADE_EVERY: u64 = 4;

/// A minute of trades. Prices are in cents, times in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Minute {
    pub from_ms: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub shares: i64,
    pub trades: i64,
    turnover: i64,
}

impl Minute {
    /// Price per share over the minute.
    fn vwap(&self) -> f64 {
        (self.turnover as f64 / self.shares as f64).round() / 100.0
    }

    /// As the vendor's other side tells it.
    pub fn row(&self) -> Value {
        json!({ "v": self.shares, "vw": self.vwap(), "o": money(self.open), "c": money(self.close),
            "h": money(self.high), "l": money(self.low), "t": self.from_ms, "n": self.trades })
    }

    fn told(&self, symbol: &str, day_shares: i64) -> Value {
        json!({ "ev": "AM", "sym": symbol, "v": self.shares, "av": day_shares, "op": money(self.open),
            "vw": self.vwap(), "o": money(self.open), "c": money(self.close), "h": money(self.high),
            "l": money(self.low), "a": self.vwap(), "z": self.shares / self.trades.max(1), "s": self.from_ms,
            "e": self.from_ms + MINUTE_MILLIS })
    }
}

fn money(cents: i64) -> f64 {
    cents as f64 / 100.0
}

#[derive(Debug)]
struct Living {
    symbol: String,
    base: i64,
    price: i64,
    day_shares: i64,
    minute: Option<Minute>,
    minutes: VecDeque<Minute>,
}

/// The walk of all prices.
#[derive(Debug)]
pub struct Walk {
    seed: u64,
    ticks_per_second: i64,
    /// Number of the next tick, and its time.
    tick: u64,
    next: i64,
    by_symbol: BTreeMap<String, usize>,
    living: Vec<Living>,
}

/// A number that follows from another and looks like chance (SplitMix64's mixing).
const fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Walk {
    /// Begins at a time in nanoseconds.
    pub fn new(seed: u64, ticks_per_second: u32, now: i64) -> Self {
        let ticks_per_second = i64::from(ticks_per_second.max(1));
        Self { seed, ticks_per_second, tick: 0, next: now, by_symbol: BTreeMap::new(), living: Vec::new() }
    }

    /// What happens up to `now`. `base` is the price, in cents, at which a symbol that is asked for first begins.
    pub fn advance(&mut self, now: i64, wanted: &BTreeSet<String>, base: impl Fn(&str) -> i64) -> Vec<Event> {
        for symbol in wanted.iter().filter(|symbol| symbol.as_str() != "*") {
            if !self.by_symbol.contains_key(symbol) {
                self.by_symbol.insert(symbol.clone(), self.living.len());
                let (symbol, base) = (symbol.clone(), base(symbol).max(100));
                let (minute, minutes) = (None, VecDeque::new());
                self.living.push(Living { symbol, base, price: base, day_shares: 0, minute, minutes });
            }
        }
        let step = NANOS_PER_SECOND / self.ticks_per_second;
        if self.living.is_empty() {
            self.next = self.next.max(now);
        }
        self.next = self.next.max(now - CATCH_UP_MAX * step);
        let mut events = Vec::new();
        while self.next <= now && !self.living.is_empty() {
            let millis = self.next / NANOS_PER_MILLI;
            self.end_minutes(millis, &mut events);
            self.one(millis, &mut events);
            self.next += step;
        }
        self.end_minutes(now / NANOS_PER_MILLI, &mut events);
        events
    }

    /// Minutes that are over at a time are told.
    fn end_minutes(&mut self, millis: i64, events: &mut Vec<Event>) {
        for one in &mut self.living {
            let Some(minute) = one.minute.take_if(|minute| minute.from_ms + MINUTE_MILLIS <= millis) else {
                continue;
            };
            let text = minute.told(&one.symbol, one.day_shares).to_string();
            events.push(Event { channel: "AM", symbol: one.symbol.clone(), text });
            one.minutes.push_back(minute);
            if one.minutes.len() > MINUTES_MAX {
                one.minutes.pop_front();
            }
        }
    }

    fn one(&mut self, millis: i64, events: &mut Vec<Event>) {
        self.tick += 1;
        let chance = mixed(self.seed, self.tick);
        let place = (chance % self.living.len() as u64) as usize;
        let Some(one) = self.living.get_mut(place) else { return };
        // Up to two cents either way; back where it came from once it is far from it.
        let far = one.base / 20;
        let pull = i64::from(one.price < one.base - far) - i64::from(one.price > one.base + far);
        one.price += (chance >> 16) as i64 % 5 - 2 + pull * 2;
        let half = 1 + (chance >> 24) as i64 % 2;
        let (bid, ask) = (one.price - half, one.price + half);
        let lots = 1 + (chance >> 32) as i64 % 9;
        let text = if (chance >> 40).is_multiple_of(TRADE_EVERY) {
            let price = if (chance >> 48).is_multiple_of(2) { bid } else { ask };
            one.trade(millis, price, lots * 100);
            json!({ "ev": "T", "sym": one.symbol, "x": 4, "i": self.tick.to_string(), "z": 3, "p": money(price),
                "s": lots * 100, "c": [0], "t": millis, "q": self.tick })
        } else {
            json!({ "ev": "Q", "sym": one.symbol, "bx": 4, "bp": money(bid), "bs": lots, "ax": 7, "ap": money(ask),
                "as": 10 - lots, "c": 0, "i": [604], "t": millis, "q": self.tick, "z": 3 })
        };
        let channel = if text["ev"] == "T" { "T" } else { "Q" };
        events.push(Event { channel, symbol: one.symbol.clone(), text: text.to_string() });
    }

    /// Minutes of a symbol, the running one at the end.
    pub fn minutes(&self, symbol: &str) -> Vec<Minute> {
        let one = self.by_symbol.get(symbol).and_then(|place| self.living.get(*place));
        one.map(|one| one.minutes.iter().copied().chain(one.minute).collect()).unwrap_or_default()
    }
}

impl Living {
    fn trade(&mut self, millis: i64, price: i64, shares: i64) {
        let from_ms = millis - millis.rem_euclid(MINUTE_MILLIS);
        let new = Minute {
            from_ms,
            open: price,
            high: price,
            low: price,
            close: price,
            shares: 0,
            trades: 0,
            turnover: 0,
        };
        let minute = self.minute.get_or_insert(new);
        minute.high = minute.high.max(price);
        minute.low = minute.low.min(price);
        minute.close = price;
        minute.shares += shares;
        minute.trades += 1;
        minute.turnover += price * shares;
        self.day_shares += shares;
    }
}
