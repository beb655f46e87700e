//! A session as quotes and trades in time order over all names.
//!
//! The session is cut into equal slots. Each name has a path of one price a slot that starts at the bar's open,
//! ends at its close, stays within and touches its high and low; trades on it add up to the bar's volume. Each
//! slot gives a quote around the path and mostly a trade at its bid or ask. Rarely a name is halted for some
//! minutes, without quotes or trades. Chance is keyed by (seed, session, name, slot): a tick does not depend on
//! what was read before it.

use std::sync::Arc;

use crate::domain::{MarketEvent, Quantity, Quote, Trade, UnixNanos};

use super::calendar::{CLOSE_SECONDS, OPEN_SECONDS, date_of, instant};
use super::facts::{price, shares};
use super::process::Day;
use super::rng::Rng;
use super::universe::{Traits, Universe};

/// Quotes a name and session: one a minute.
pub const QUOTES_DEFAULT: usize = 390;
/// Fewest quotes a name and session.
pub const QUOTES_MIN: usize = 13;
/// Most quotes a name and session: one every five seconds, fewer than the least volume of a session in shares.
pub const QUOTES_MAX: usize = 4_680;

/// Displayed size as a share of the mean volume of a slot.
const DEPTH: f64 = 0.4;

const STREAM_PATH: u64 = 6;
const STREAM_SLOT: u64 = 7;
const NANOS_PER_MILLI: i64 = 1_000_000;
const SESSION_MILLIS: i64 = (CLOSE_SECONDS - OPEN_SECONDS) * 1_000;

/// Share of slots with a trade.
const TRADE_CHANCE: f64 = 0.7;
/// Chance of a halt on an ordinary session, and move in usual daily volatilities from which one is likely.
const HALT_CHANCE: f64 = 0.0005;
const HALT_SHOCK: f64 = 5.0;
/// Length of a halt as a share of the session: five minutes.
const HALT_SHARE: f64 = 5.0 / 390.0;

/// One name's way through the session.
#[derive(Debug)]
struct Path {
    cents: Vec<i64>,
    sizes: Vec<i64>,
    halt: Option<(usize, usize)>,
    spread: f64,
    depth: f64,
}

/// The ticks of one session in time order; equal times go in instrument order, quote before trade.
#[derive(Debug)]
pub struct Ticks {
    universe: Arc<Universe>,
    index: u32,
    slots: usize,
    slot: usize,
    open: UnixNanos,
    after: UnixNanos,
    paths: Vec<Path>,
    ready: std::vec::IntoIter<MarketEvent>,
}

impl Ticks {
    pub(super) fn new(
        universe: &Arc<Universe>,
        index: u32,
        days: &[Day],
        quotes: usize,
        after: UnixNanos,
    ) -> Self {
        let slots = quotes.clamp(QUOTES_MIN, QUOTES_MAX);
        let open = instant(date_of(index), OPEN_SECONDS);
        let named = days.iter().zip(&universe.traits).enumerate();
        let paths = named.map(|(number, (day, traits))| {
            let mut rng = Rng::keyed(universe.seed, [STREAM_PATH, u64::from(index), number as u64]);
            Path::new(day, traits, slots, &mut rng)
        });
        let elapsed_ms = after.since(open) / NANOS_PER_MILLI;
        let slot = elapsed_ms.clamp(0, SESSION_MILLIS) * slots as i64 / SESSION_MILLIS;
        Self {
            universe: Arc::clone(universe),
            index,
            slots,
            slot: slot as usize,
            open,
            after,
            paths: paths.collect(),
            ready: Vec::new().into_iter(),
        }
    }

    fn slot_start_ms(&self, slot: usize) -> i64 {
        slot as i64 * SESSION_MILLIS / self.slots as i64
    }

    /// All events of the next slot, ordered.
    fn fill(&mut self) {
        let slot = self.slot;
        self.slot += 1;
        let (start, end) = (self.slot_start_ms(slot), self.slot_start_ms(slot + 1));
        let mut events: Vec<(i64, usize, MarketEvent)> = Vec::with_capacity(self.paths.len() * 2);
        for (number, (path, instrument)) in self.paths.iter().zip(&self.universe.instruments).enumerate() {
            let id = instrument.id;
            if let Some((from, to)) = path.halt {
                if slot == from || slot == to {
                    let time = self.open.plus_millis(start);
                    let status = MarketEvent::Status { instrument: id, time, halted: slot == from };
                    events.push((start, number, status));
                }
                if (from..to).contains(&slot) {
                    continue;
                }
            }
            let key = [STREAM_SLOT + ((number as u64) << 8), u64::from(self.index), slot as u64];
            let mut rng = Rng::keyed(self.universe.seed, key);
            let width = (end - start) as f64;
            let quote_ms = start + 1 + (width * 0.5 * rng.uniform()) as i64;
            let trade_ms = quote_ms + (width * 0.4 * rng.uniform()) as i64;
            let (Some(&at), Some(&size)) = (path.cents.get(slot), path.sizes.get(slot)) else { continue };
            let (bid, ask) = path.quote(at, &mut rng);
            let time = self.open.plus_millis(quote_ms);
            let (bid_size, ask_size) = (path.displayed(&mut rng), path.displayed(&mut rng));
            let quote = Quote { instrument: id, time, bid: price(bid), ask: price(ask), bid_size, ask_size };
            events.push((quote_ms, number, MarketEvent::Quote(quote)));
            if size > 0 {
                let time = self.open.plus_millis(trade_ms);
                let trade = Trade { instrument: id, time, price: price(at), size: shares(size) };
                events.push((trade_ms, number, MarketEvent::Trade(trade)));
            }
        }
        events.sort_by_key(|(ms, number, _)| (*ms, *number));
        let after = self.after;
        let later = events.into_iter().map(|(_, _, e)| e).filter(|e| e.time().is_some_and(|t| t > after));
        self.ready = later.collect::<Vec<_>>().into_iter();
    }
}

impl Iterator for Ticks {
    type Item = MarketEvent;

    fn next(&mut self) -> Option<MarketEvent> {
        loop {
            if let Some(event) = self.ready.next() {
                return Some(event);
            }
            if self.slot >= self.slots {
                return None;
            }
            self.fill();
        }
    }
}

impl Path {
    fn new(day: &Day, traits: &Traits, slots: usize, rng: &mut Rng) -> Self {
        let mut values = bridge(day, slots, rng);
        let (top, bottom) = fit(&mut values, day.ohlc);
        let [open, high, low, close] = day.ohlc;
        let last = slots - 1;
        let inside = |(k, v): (usize, &f64)| match k {
            0 => open,
            k if k == last => close,
            k if k == top => high,
            k if k == bottom => low,
            _ => (libm::floor(v + 0.5) as i64).clamp(low, high),
        };
        let cents = values.iter().enumerate().map(inside).collect();
        let must_trade = |k: usize| k == 0 || k == last || k == top || k == bottom;
        let halt = halt(day, slots, rng).filter(|(from, to)| !(*from..*to).any(must_trade));
        let sizes = sizes(day.volume, slots, rng, |k, rng| {
            let halted = halt.is_some_and(|(from, to)| (from..to).contains(&k));
            let trades = rng.chance(TRADE_CHANCE) || must_trade(k);
            trades && !halted
        });
        let depth = DEPTH * day.volume as f64 / slots as f64;
        Self { cents, sizes, halt, spread: traits.spread, depth }
    }

    /// Displayed size in whole hundreds, exponential around the path's depth.
    fn displayed(&self, rng: &mut Rng) -> Quantity {
        let hundreds = 1 + (-self.depth / 100.0 * libm::log(rng.uniform())) as i64;
        shares(hundreds * 100)
    }

    /// Bid and ask around a path price, which is one of the two.
    fn quote(&self, at: i64, rng: &mut Rng) -> (i64, i64) {
        let wide = at as f64 * self.spread * (0.6 + 0.8 * rng.uniform());
        let spread = (libm::floor(wide + 0.5) as i64).max(1);
        let at_ask = rng.chance(0.5) && at > spread;
        let bid = if at_ask { at - spread } else { at };
        (bid, bid + spread)
    }
}

/// A Brownian bridge in log price from open to close, in cents, one value a slot.
fn bridge(day: &Day, slots: usize, rng: &mut Rng) -> Vec<f64> {
    let [open, _, _, close] = day.ohlc;
    let steps = (slots - 1) as f64;
    let step_vol = day.intraday_vol / steps.sqrt();
    let mut level = 0.0;
    let mut walk = Vec::with_capacity(slots);
    for _ in 0..slots {
        walk.push(level);
        level += step_vol * rng.normal();
    }
    let end = walk.last().copied().unwrap_or(0.0);
    let total = libm::log(close as f64 / open as f64);
    let bent = walk.iter().enumerate().map(|(k, w)| {
        let share = k as f64 / steps;
        open as f64 * libm::exp(w + share * (total - end))
    });
    bent.collect()
}

/// Stretches the values beyond open and close so that they reach the bar's high and low; returns the slots of
/// the two extremes, which are neither the first, the last nor equal.
fn fit(values: &mut [f64], [open, high, low, close]: [i64; 4]) -> (usize, usize) {
    let (upper, lower) = (open.max(close) as f64, open.min(close) as f64);
    let last = values.len().saturating_sub(1);
    let inner = |values: &[f64], skip: usize, sign: f64| {
        let candidates = values.iter().enumerate().filter(|(k, _)| *k != 0 && *k != last && *k != skip);
        let best = candidates.max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
        best.map_or((1, 0.0), |(k, v)| (k, *v))
    };
    let (top, most) = inner(values, usize::MAX, 1.0);
    let (bottom, least) = inner(values, top, -1.0);
    for value in values.iter_mut() {
        if *value > upper && most > upper {
            *value = upper + (*value - upper) * (high as f64 - upper) / (most - upper);
        } else if *value < lower && least < lower {
            *value = lower - (lower - *value) * (lower - low as f64) / (lower - least);
        }
    }
    (top, bottom)
}

/// Slots from which and until which the name is halted, on few sessions.
fn halt(day: &Day, slots: usize, rng: &mut Rng) -> Option<(usize, usize)> {
    let likely = if day.shock.abs() > HALT_SHOCK { 0.5 } else { HALT_CHANCE };
    let (draw, place) = (rng.uniform(), rng.uniform());
    let length = ((slots as f64 * HALT_SHARE) as usize).max(1);
    let from = 1 + (place * (slots - length - 2) as f64) as usize;
    (draw < likely).then_some((from, from + length))
}

/// Shares traded in each slot: at least one where `trades`, more near open and close, `volume` in all.
fn sizes(volume: i64, slots: usize, rng: &mut Rng, trades: impl Fn(usize, &mut Rng) -> bool) -> Vec<i64> {
    let weigh = |k: usize, rng: &mut Rng| {
        let place = 2.0 * (k as f64 + 0.5) / slots as f64 - 1.0;
        let smile = 1.0 + 1.8 * place * place * place * place + if k == slots - 1 { 12.0 } else { 0.0 };
        let weight = smile * libm::exp(0.6 * rng.normal());
        if trades(k, rng) { weight } else { 0.0 }
    };
    let weights: Vec<f64> = (0..slots).map(|k| weigh(k, rng)).collect();
    let total: f64 = weights.iter().sum();
    let spare = (volume - weights.iter().filter(|w| **w > 0.0).count() as i64).max(0);
    let mut given = 0;
    let mut sum = 0.0;
    let mut slice = |weight: &f64| {
        sum += weight;
        let due = libm::floor(spare as f64 * (sum / total).min(1.0)) as i64;
        let part = due - given;
        given = due;
        if *weight > 0.0 { part + 1 } else { 0 }
    };
    let mut sizes: Vec<i64> = weights.iter().map(&mut slice).collect();
    if let Some(close) = sizes.last_mut() {
        *close += spare - given;
    }
    sizes
}
