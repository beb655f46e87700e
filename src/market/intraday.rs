//! Minute bars from trades, and bars of any interval from minutes, exactly.
//!
//! A minute holds the trades from its start up to the next minute. Which trades count follows the consolidated tape:
//! each sale condition says whether a trade sets first and last price, whether it may set high and low, and whether
//! its shares count. A minute without a trade that sets its prices has no bar. Longer bars take first, highest, lowest,
//! last and sum of their minutes, so that nothing is lost or rounded on the way; they begin at multiples of their
//! length in UTC, or are sessions of a calendar, whose minutes outside opening hours are left out.

use chrono::NaiveDate;

use crate::domain::calendar::Calendar;
use crate::domain::fixed::divide_half_even;
use crate::domain::market::SplitRatio;
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::{Bar, Price, Quantity, UnixNanos, Volume};
use crate::market::vendors::MinuteBar;

/// Length of a minute.
pub const MINUTE_NANOS: i64 = 60 * NANOS_PER_SECOND;
/// From the unit of quantities to that of volumes.
const QUANTITY_PER_VOLUME: i128 = (Quantity::ONE_RAW / Volume::ONE_RAW) as i128;

/// What of a bar a trade has a say in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// First and last price.
    pub ends: bool,
    /// Highest and lowest price.
    pub range: bool,
    /// Volume.
    pub volume: bool,
}

impl Counts {
    /// A plain trade: everything.
    pub const ALL: Counts = Counts { ends: true, range: true, volume: true };

    /// By the sale conditions of the consolidated tape, the strictest of which decides.
    pub fn of_conditions(conditions: impl IntoIterator<Item = i64>) -> Self {
        conditions.into_iter().map(of_condition).fold(Counts::ALL, |all, one| Counts {
            ends: all.ends && one.ends,
            range: all.range && one.range,
            volume: all.volume && one.volume,
        })
    }
}

/// One sale condition. Those not named are plain.
const fn of_condition(code: i64) -> Counts {
    match code {
        // Average price, cash, extended hours and sold out of sequence in them, next day, price variation, seller,
        // odd lot, contingent and qualified contingent trades: shares only.
        2 | 7 | 12 | 13 | 20 | 21 | 29 | 37 | 52 | 53 => Counts { ends: false, range: false, volume: true },
        // Bunched sold, derivatively priced, prior reference price, sold last and sold out of sequence: no end of a bar.
        5 | 10 | 22 | 30 | 33 => Counts { ends: false, range: true, volume: true },
        // The market centers' official open and close repeat trades that were reported before.
        15 | 16 => Counts { ends: false, range: false, volume: false },
        // A corrected consolidated close sets prices with shares that were reported before.
        38 => Counts { ends: true, range: true, volume: false },
        _ => Counts::ALL,
    }
}

/// Minutes restated for splits as they were traded: `splits` are all up to the day of the answer, by ex-date. What would
/// be no price or volume any more is left out.
pub fn as_traded(
    bars: Vec<MinuteBar>,
    calendar: &Calendar,
    splits: &[(NaiveDate, SplitRatio)],
) -> Vec<MinuteBar> {
    if splits.is_empty() {
        return bars;
    }
    let restore = |bar: MinuteBar| {
        let session = calendar.date_at(bar.from);
        let later = || splits.iter().filter(|(ex_date, _)| *ex_date > session).map(|(_, ratio)| ratio);
        let price = |price: Price| {
            let raw = later().try_fold(i128::from(price.raw()), |raw, split| {
                divide_half_even(raw.checked_mul(split.new.raw().into())?, split.old.raw().into())
            });
            i64::try_from(raw?).ok().map(Price::from_raw)
        };
        let volume = later().try_fold(i128::from(bar.volume.raw()), |raw, split| {
            divide_half_even(raw.checked_mul(split.old.raw().into())?, split.new.raw().into())
        });
        Some(MinuteBar {
            open: price(bar.open)?,
            high: price(bar.high)?,
            low: price(bar.low)?,
            close: price(bar.close)?,
            volume: Volume::from_raw(i64::try_from(volume?).ok()?),
            ..bar
        })
    };
    bars.into_iter().filter_map(restore).collect()
}

/// The start of the minute of a moment.
pub const fn minute_of(time: UnixNanos) -> UnixNanos {
    let nanos = time.nanos();
    UnixNanos::from_nanos(nanos - nanos.rem_euclid(MINUTE_NANOS))
}

/// A minute under way.
#[derive(Debug, Clone, Copy)]
struct Open {
    from: UnixNanos,
    ends: Option<(Price, Price)>,
    range: Option<(Price, Price)>,
    shares: i128,
    trades: u32,
}

impl Open {
    const fn at(from: UnixNanos) -> Self {
        Self { from, ends: None, range: None, shares: 0, trades: 0 }
    }

    fn take(&mut self, price: Price, size: Quantity, counts: Counts) {
        if counts.ends {
            self.ends = Some(self.ends.map_or((price, price), |(open, _)| (open, price)));
        }
        if counts.range {
            self.range =
                Some(self.range.map_or((price, price), |(low, high)| (low.min(price), high.max(price))));
        }
        if counts.volume {
            self.shares += i128::from(size.raw());
        }
        self.trades = self.trades.saturating_add(1);
    }

    fn bar(&self) -> Option<MinuteBar> {
        let (open, close) = self.ends?;
        let (low, high) = self.range.unwrap_or((open.min(close), open.max(close)));
        let volume = divide_half_even(self.shares, QUANTITY_PER_VOLUME)?;
        Some(MinuteBar {
            from: self.from,
            open,
            high: high.max(open).max(close),
            low: low.min(open).min(close),
            close,
            volume: Volume::from_raw(i64::try_from(volume).ok()?),
            trades: Some(self.trades),
        })
    }
}

/// What became of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in the minute under way.
    In,
    /// It began a new minute; the one before is over, with its bar if it has one.
    Began(Option<MinuteBar>),
    /// It is of a minute that was over: not counted.
    Late,
}

/// Makes the minute bars of one instrument from its trades.
#[derive(Debug, Clone, Default)]
pub struct MinuteMaker {
    open: Option<Open>,
    /// Minutes before this one are over.
    over: Option<UnixNanos>,
}

impl MinuteMaker {
    /// Takes a trade in.
    pub fn take(&mut self, time: UnixNanos, price: Price, size: Quantity, counts: Counts) -> Taken {
        let from = minute_of(time);
        if self.over.is_some_and(|over| from < over) {
            return Taken::Late;
        }
        let mut taken = Taken::In;
        if let Some(before) = self.open.take_if(|open| open.from < from) {
            taken = Taken::Began(before.bar());
            self.over = Some(from);
        }
        let open = self.open.get_or_insert(Open::at(from));
        if from < open.from {
            return Taken::Late;
        }
        open.take(price, size, counts);
        taken
    }

    /// Ends the minute under way when it is over at `now`.
    pub fn pass(&mut self, now: UnixNanos) -> Option<MinuteBar> {
        let over = self.open.take_if(|open| open.from.plus_nanos(MINUTE_NANOS) <= now)?;
        self.over = Some(over.from.plus_nanos(MINUTE_NANOS));
        over.bar()
    }
}

/// The first place after which bars lie together in one: laid over minutes in order.
fn joined(minutes: &[MinuteBar], same: impl Fn(&MinuteBar, &MinuteBar) -> bool) -> Vec<MinuteBar> {
    let mut bars: Vec<MinuteBar> = Vec::new();
    for minute in minutes {
        match bars.last_mut().filter(|bar| same(bar, minute)) {
            Some(bar) => {
                bar.high = bar.high.max(minute.high);
                bar.low = bar.low.min(minute.low);
                bar.close = minute.close;
                bar.volume = bar.volume.checked_add(minute.volume).unwrap_or(bar.volume);
                bar.trades = bar.trades.zip(minute.trades).map(|(a, b)| a.saturating_add(b));
            }
            None => bars.push(*minute),
        }
    }
    bars
}

/// Bars of `minutes` minutes (at least one) from minute bars in order; each begins at a multiple of its length in UTC.
pub fn every(bars: &[MinuteBar], minutes: u32) -> Vec<MinuteBar> {
    let length = i64::from(minutes.max(1)) * MINUTE_NANOS;
    let start = |bar: &MinuteBar| bar.from.nanos() - bar.from.nanos().rem_euclid(length);
    let mut made = joined(bars, |bar, minute| start(bar) == start(minute));
    for bar in &mut made {
        bar.from = UnixNanos::from_nanos(start(bar));
    }
    made
}

/// One bar a session of a calendar, from minute bars in order; minutes outside opening hours are left out. The minute
/// that begins at the close is the closing auction's and belongs to the session.
pub fn sessions(bars: &[MinuteBar], calendar: &Calendar) -> Vec<(NaiveDate, MinuteBar)> {
    let date = |bar: &MinuteBar| calendar.date_at(bar.from);
    let inside = |bar: &&MinuteBar| {
        let session = calendar.session_on(date(bar));
        session.is_some_and(|session| session.open <= bar.from && bar.from <= session.close)
    };
    let within: Vec<MinuteBar> = bars.iter().filter(inside).copied().collect();
    let made = joined(&within, |bar, minute| date(bar) == date(minute));
    made.into_iter().map(|bar| (date(&bar), bar)).collect()
}

/// Whether the minutes inside a session tell the whole of its bar: they reach its high and its low, to less than a tick
/// and no further, and have at least half of its volume (the auctions are in none of them).
pub fn tells(day: &Bar, minutes: &[MinuteBar], tick: Price) -> bool {
    let highest = minutes.iter().map(|minute| minute.high).max();
    let lowest = minutes.iter().map(|minute| minute.low).min();
    let same = |found: Option<Price>, wanted: Price| {
        let off = found.and_then(|found| found.checked_sub(wanted));
        off.is_some_and(|off| off.is_zero() || off.raw().saturating_abs() < tick.raw())
    };
    let volume: i128 = minutes.iter().map(|minute| i128::from(minute.volume.raw())).sum();
    same(highest, day.high) && same(lowest, day.low) && volume * 2 >= i128::from(day.volume.raw())
}

#[cfg(test)]
mod tests;
