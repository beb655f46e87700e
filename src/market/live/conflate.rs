//! From every tick to what a screen and an engine can use: the newest quote a symbol, few prints that lose nothing.
//!
//! Between two drains a symbol's quotes replace each other. Its prints become at most four, the first, the lowest, the
//! highest and the last, whose sizes add up to those of all: first, highest, lowest, last price and volume of the
//! session stay exact. A trade that only counts into the volume (an odd lot, say) goes into the minute bar alone. Ticks
//! are checked on the way in: one whose place in the vendor's order was had before is dropped, one whose time is far
//! from the clock is counted, and one from the future beyond [`AHEAD_MAX_NANOS`] is not believed.

use std::collections::HashMap;

use super::{LiveEvent, LiveTrade};
use crate::domain::market::{MarketEvent, Quote, Trade};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{InstrumentId, Quantity, UnixNanos};
use crate::market::intraday::{MINUTE_NANOS, MinuteMaker, Taken};
use crate::market::vendors::MinuteBar;

/// Most symbols; ticks of further ones are dropped and counted.
pub const SYMBOLS_MAX: usize = 20_000;
/// A tick later than this counts as late.
pub const LATE_NANOS: i64 = 5 * NANOS_PER_SECOND;
/// A tick further ahead of the clock than this is not believed.
pub const AHEAD_MAX_NANOS: i64 = 10 * NANOS_PER_SECOND;
/// Most bars of minutes that wait for a drain.
const MINUTES_MAX: usize = 100_000;

/// What came in, what went out and what was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Quotes and prints taken in.
    pub ticks: u64,
    /// Events given out.
    pub given: u64,
    /// Ticks whose place in the vendor's order was had before.
    pub repeated: u64,
    /// Ticks older than the one before them of the same symbol and kind.
    pub backwards: u64,
    /// Ticks that came more than five seconds after their time.
    pub late: u64,
    /// Ticks from the future, not believed.
    pub ahead: u64,
    /// Trades of a minute that was over.
    pub late_trades: u64,
    /// Ticks of symbols beyond the most there may be.
    pub dropped: u64,
    /// Events of an unknown kind.
    pub unknown: u64,
    /// Events that could not be read.
    pub broken: u64,
    /// Bars of minutes that begin within one, or that are not over yet: not kept.
    pub bad_minutes: u64,
    /// Minutes whose own bar differs from the vendor's.
    pub minutes_differ: u64,
}

/// What a drain gives.
#[derive(Debug, Default)]
pub struct Conflated {
    /// Quotes and prints, each symbol's in order of time.
    pub events: Vec<MarketEvent>,
    /// Bars of minutes that are over.
    pub minutes: Vec<(InstrumentId, MinuteBar)>,
}

/// A symbol's prints since the last drain.
#[derive(Debug, Clone, Copy)]
struct Prints {
    first: (u32, Trade),
    low: (u32, Trade),
    high: (u32, Trade),
    last: (u32, Trade),
    shares: i128,
    count: u32,
}

impl Prints {
    fn of(trade: Trade) -> Self {
        let one = (0, trade);
        Self { first: one, low: one, high: one, last: one, shares: i128::from(trade.size.raw()), count: 1 }
    }

    fn take(&mut self, trade: Trade) {
        let this = (self.count, trade);
        if trade.price < self.low.1.price {
            self.low = this;
        }
        if trade.price > self.high.1.price {
            self.high = this;
        }
        self.last = this;
        self.shares += i128::from(trade.size.raw());
        self.count = self.count.saturating_add(1);
    }

    /// At most four prints in order whose sizes add up to those of all.
    fn give(&self, out: &mut Vec<MarketEvent>) {
        let mut kept = [self.first, self.low, self.high, self.last];
        kept.sort_by_key(|(place, _)| *place);
        let mut before = None;
        let mut rest = self.shares;
        for (place, trade) in kept {
            if before.replace(place) == Some(place) {
                continue;
            }
            let is_last = place == self.last.0;
            let size = if is_last {
                Quantity::from_raw(i64::try_from(rest).unwrap_or(i64::MAX))
            } else {
                trade.size
            };
            rest -= i128::from(trade.size.raw());
            out.push(MarketEvent::Trade(Trade { size, ..trade }));
        }
    }
}

#[derive(Debug)]
struct Slot {
    instrument: InstrumentId,
    quote: Option<Quote>,
    prints: Option<Prints>,
    is_waiting: bool,
    maker: MinuteMaker,
    own_minute: Option<MinuteBar>,
    /// Last place in the vendor's order and last time, of quotes and of prints.
    places: [i64; 2],
    times: [UnixNanos; 2],
}

/// Takes ticks in and gives conflated events out.
#[derive(Debug, Default)]
pub struct Conflator {
    by_instrument: HashMap<InstrumentId, usize>,
    slots: Vec<Slot>,
    /// Slots with something to give, in the order it came.
    waiting: Vec<usize>,
    minutes: Vec<(InstrumentId, MinuteBar)>,
    counts: LiveCounts,
    /// Whether the vendor sends bars of minutes of its own; then those are the ones that are given.
    has_minutes: bool,
}

impl Conflator {
    /// What was counted so far.
    pub const fn counts(&self) -> &LiveCounts {
        &self.counts
    }

    fn slot(&mut self, instrument: InstrumentId) -> Option<usize> {
        if let Some(place) = self.by_instrument.get(&instrument) {
            return Some(*place);
        }
        if self.slots.len() >= SYMBOLS_MAX {
            self.counts.dropped += 1;
            return None;
        }
        let place = self.slots.len();
        self.slots.push(Slot {
            instrument,
            quote: None,
            prints: None,
            is_waiting: false,
            maker: MinuteMaker::default(),
            own_minute: None,
            places: [i64::MIN; 2],
            times: [UnixNanos::ZERO; 2],
        });
        self.by_instrument.insert(instrument, place);
        Some(place)
    }

    /// Takes an event in that came at `now`. Connections and gaps pass by: they are their reader's business.
    pub fn take(&mut self, event: &LiveEvent, now: UnixNanos) {
        match event {
            LiveEvent::Quote(quote, sequence) => self.quote(quote, *sequence, now),
            LiveEvent::Trade(trade) => self.trade(trade, now),
            LiveEvent::Minute(instrument, bar) => self.minute(*instrument, bar, now),
            LiveEvent::Skipped { unknown, broken } => {
                self.counts.unknown += u64::from(*unknown);
                self.counts.broken += u64::from(*broken);
            }
            LiveEvent::Connected | LiveEvent::Gap { .. } | LiveEvent::Denied { .. } => {}
        }
    }

    /// Whether a tick is to be used, by its time and its place; `kind` 0 is quotes, 1 prints.
    fn is_good(
        &mut self,
        slot: usize,
        kind: usize,
        time: UnixNanos,
        place: Option<i64>,
        now: UnixNanos,
    ) -> bool {
        self.counts.ticks += 1;
        let age = now.since(time);
        if age < -AHEAD_MAX_NANOS {
            self.counts.ahead += 1;
            return false;
        }
        self.counts.late += u64::from(age > LATE_NANOS);
        let Some(slot) = self.slots.get_mut(slot) else { return false };
        let (Some(last_place), Some(last_time)) = (slot.places.get_mut(kind), slot.times.get_mut(kind))
        else {
            return false;
        };
        if let Some(place) = place {
            if place == *last_place {
                self.counts.repeated += 1;
                return false;
            }
            *last_place = place.max(*last_place);
        }
        let is_older = time < *last_time;
        self.counts.backwards += u64::from(is_older);
        *last_time = time.max(*last_time);
        // An older quote says nothing any more; an older print was traded all the same.
        kind == 1 || !is_older
    }

    fn wait(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place).filter(|slot| !slot.is_waiting) {
            slot.is_waiting = true;
            self.waiting.push(place);
        }
    }

    fn quote(&mut self, quote: &Quote, sequence: Option<i64>, now: UnixNanos) {
        let Some(place) = self.slot(quote.instrument) else { return };
        if self.is_good(place, 0, quote.time, sequence, now) {
            if let Some(slot) = self.slots.get_mut(place) {
                slot.quote = Some(*quote);
            }
            self.wait(place);
        }
    }

    fn trade(&mut self, live: &LiveTrade, now: UnixNanos) {
        let trade = live.trade;
        let Some(place) = self.slot(trade.instrument) else { return };
        if !self.is_good(place, 1, trade.time, live.sequence, now) {
            return;
        }
        let Some(slot) = self.slots.get_mut(place) else { return };
        match slot.maker.take(trade.time, trade.price, trade.size, live.counts) {
            Taken::In => {}
            Taken::Late => self.counts.late_trades += 1,
            Taken::Began(bar) => {
                slot.own_minute = bar;
                if let Some(bar) = bar.filter(|_| !self.has_minutes && self.minutes.len() < MINUTES_MAX) {
                    self.minutes.push((trade.instrument, bar));
                }
            }
        }
        if live.counts.ends {
            match &mut slot.prints {
                Some(prints) => prints.take(trade),
                None => slot.prints = Some(Prints::of(trade)),
            }
            self.wait(place);
        }
    }

    /// The vendor's own bar of a minute: kept instead of ours, and compared with it.
    fn minute(&mut self, instrument: InstrumentId, bar: &MinuteBar, now: UnixNanos) {
        let end = bar.from.plus_nanos(MINUTE_NANOS);
        if bar.from.nanos() % MINUTE_NANOS != 0 || end.since(now) > AHEAD_MAX_NANOS {
            self.counts.bad_minutes += 1;
            return;
        }
        self.has_minutes = true;
        if let Some(slot) = self.slot(instrument).and_then(|place| self.slots.get_mut(place)) {
            let over = slot.maker.pass(end);
            let own = over.or(slot.own_minute).filter(|own| own.from == bar.from);
            let theirs = |own: &MinuteBar| MinuteBar { trades: own.trades, ..*bar };
            self.counts.minutes_differ += u64::from(own.is_some_and(|own| own != theirs(&own)));
        }
        if self.minutes.len() < MINUTES_MAX {
            self.minutes.push((instrument, *bar));
        }
    }

    /// Gives what came since the last drain, each symbol once. Without bars of the vendor's own, minutes that are over
    /// at `now` are ended.
    pub fn drain(&mut self, now: UnixNanos) -> Conflated {
        let mut out = Conflated { events: Vec::with_capacity(self.waiting.len() * 2), minutes: Vec::new() };
        for place in std::mem::take(&mut self.waiting) {
            let Some(slot) = self.slots.get_mut(place) else { continue };
            slot.is_waiting = false;
            let quote = slot.quote.take();
            if let Some(prints) = slot.prints.take() {
                prints.give(&mut out.events);
            }
            out.events.extend(quote.map(MarketEvent::Quote));
        }
        if !self.has_minutes {
            for slot in &mut self.slots {
                let over = slot.maker.pass(now).map(|bar| (slot.instrument, bar));
                self.minutes.extend(over);
            }
        }
        out.minutes = std::mem::take(&mut self.minutes);
        self.counts.given += out.events.len() as u64;
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Price;
    use crate::market::intraday::Counts;

    fn id(symbol: &str) -> InstrumentId {
        format!("{symbol}.XNYS").parse().unwrap()
    }

    fn at(millis: i64) -> UnixNanos {
        "2024-04-25T18:00:00Z".parse::<UnixNanos>().unwrap().plus_millis(millis)
    }

    fn quote(symbol: &str, millis: i64, bid: i64) -> LiveEvent {
        let size = Quantity::from_whole(100).unwrap();
        let (bid, ask) = (Price::from_whole(bid).unwrap(), Price::from_whole(bid + 1).unwrap());
        let quote =
            Quote { instrument: id(symbol), time: at(millis), bid, ask, bid_size: size, ask_size: size };
        LiveEvent::Quote(quote, Some(millis))
    }

    fn trade(symbol: &str, millis: i64, price: i64, size: i64) -> LiveEvent {
        let (price, size) = (Price::from_whole(price).unwrap(), Quantity::from_whole(size).unwrap());
        let trade = Trade { instrument: id(symbol), time: at(millis), price, size };
        LiveEvent::Trade(LiveTrade { trade, counts: Counts::ALL, sequence: Some(millis) })
    }

    fn told(events: &[MarketEvent]) -> Vec<String> {
        let one = |event: &MarketEvent| match event {
            MarketEvent::Quote(q) => format!("{} bid {}", q.instrument.symbol, q.bid),
            MarketEvent::Trade(t) => format!("{} {}x{}", t.instrument.symbol, t.price, t.size),
            other => format!("{other:?}"),
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn the_newest_quote_wins_and_every_trade_counts() {
        let mut all = Conflator::default();
        let mut prices = [10, 14, 9, 12, 11];
        for (step, price) in prices.iter().enumerate() {
            let millis = step as i64 * 10 + 1;
            all.take(&quote("A", millis, *price), at(millis));
            all.take(&trade("A", millis + 1, *price, 100), at(millis));
        }
        all.take(&quote("B", 60, 5), at(60));
        let out = all.drain(at(100));
        assert_eq!(told(&out.events), ["A 10x100", "A 14x100", "A 9x100", "A 11x200", "A bid 11", "B bid 5"]);
        assert_eq!((all.counts().ticks, all.counts().given), (11, 6));
        assert!(all.drain(at(200)).events.is_empty());
        let minute = all.drain(at(60_000)).minutes;
        prices.sort_unstable();
        assert_eq!(
            (minute[0].1.high.to_string(), minute[0].1.volume.to_string()),
            ("14".into(), "500".into())
        );
    }

    #[test]
    fn repeats_and_the_future_are_not_believed_and_old_quotes_say_nothing() {
        let mut all = Conflator::default();
        all.take(&quote("A", 500, 10), at(500));
        all.take(&quote("A", 500, 11), at(500));
        all.take(&quote("A", 400, 12), at(500));
        all.take(&quote("A", 60_000, 13), at(500));
        all.take(&trade("A", 700, 10, 1), at(500_000));
        all.take(&trade("A", 650, 20, 1), at(500_000));
        let counts = *all.counts();
        assert_eq!((counts.repeated, counts.backwards, counts.ahead, counts.late), (1, 2, 1, 2));
        assert_eq!(told(&all.drain(at(900)).events), ["A 10x1", "A 20x1", "A bid 10"]);
    }

    #[test]
    fn the_vendors_minute_is_kept_and_compared_with_ours() {
        let mut all = Conflator::default();
        let whole = |n| Price::from_whole(n).unwrap();
        let volume = |n| crate::domain::Volume::from_whole(n).unwrap();
        for (millis, price) in [(10, 10), (20, 12), (30, 9), (59_000, 11)] {
            all.take(&trade("A", millis, price, 100), at(millis));
        }
        let bar = |high, shares| MinuteBar {
            from: at(0),
            open: whole(10),
            high: whole(high),
            low: whole(9),
            close: whole(11),
            volume: volume(shares),
            trades: None,
        };
        all.take(&LiveEvent::Minute(id("A"), bar(12, 400)), at(60_100));
        assert_eq!(all.counts().minutes_differ, 0);
        assert_eq!(all.drain(at(61_000)).minutes, [(id("A"), bar(12, 400))]);
        all.take(&trade("A", 61_000, 10, 100), at(61_000));
        let other = MinuteBar { from: at(60_000), ..bar(12, 400) };
        all.take(&LiveEvent::Minute(id("A"), other), at(120_100));
        assert_eq!(all.counts().minutes_differ, 1);
        all.drain(at(121_000));
        for from in [at(61_000), at(180_000)] {
            all.take(&LiveEvent::Minute(id("A"), MinuteBar { from, ..other }), at(121_000));
        }
        assert_eq!(all.counts().bad_minutes, 2);
        assert!(all.drain(at(122_000)).minutes.is_empty());
    }
}
