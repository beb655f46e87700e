//! Prices as they happen: what a stream is, what it says, and how its ticks become few enough to be looked at.
//!
//! A [`Stream`] is read in batches by whoever runs it and starts nothing itself: Polygon's WebSocket, or the replay of
//! a recorded tick file, which is a vendor like any other. It never ends on a broken connection; it tells a gap, comes
//! back and subscribes again. The [`Conflator`] keeps one newest quote a symbol between two looks, while every trade
//! counts into the minute and the session.

pub mod conflate;
pub mod frames;
#[cfg(test)]
mod fuzz;
pub mod polygon;
pub mod ticks;

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;

use crate::domain::market::{Quote, Trade};
use crate::domain::{CleanText, InstrumentId, UnixNanos};
use crate::market::intraday::Counts;
use crate::market::vendors::MinuteBar;

pub use conflate::{Conflated, Conflator, LiveCounts};

/// A print as a stream tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveTrade {
    /// The print.
    pub trade: Trade,
    /// What of a bar it has a say in.
    pub counts: Counts,
    /// Its place in the vendor's own order, where it tells one.
    pub sequence: Option<i64>,
}

/// What a stream says.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// Bid and ask, with their place in the vendor's own order where it tells one.
    Quote(Quote, Option<i64>),
    /// A print.
    Trade(LiveTrade),
    /// The vendor's own bar of a minute that is over.
    Minute(InstrumentId, MinuteBar),
    /// It is connected and has subscribed.
    Connected,
    /// It was connected until now, or could not connect: what happens until the next `Connected` is lost.
    Gap {
        /// Why.
        reason: CleanText,
    },
    /// A subscription that the plan does not include; others may stand.
    Denied {
        /// The vendor's words.
        reason: CleanText,
    },
    /// A message, or part of one, that could not be used; the rest was.
    Skipped {
        /// Events of kinds that are not known.
        unknown: u32,
        /// Events that could not be read.
        broken: u32,
    },
}

/// A source of prices as they happen.
#[async_trait]
pub trait Stream: fmt::Debug + Send {
    /// Who it is, for people.
    fn name(&self) -> &'static str;

    /// What is wanted from now on, all of it; the difference is subscribed and unsubscribed.
    async fn subscribe(&mut self, instruments: &BTreeSet<InstrumentId>);

    /// Waits a moment for something and adds it to `out`; `false` when nothing will come any more.
    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool;

    /// The time that its ticks are held against: the wall's, or that of a recording.
    fn time(&self, wall: UnixNanos) -> UnixNanos {
        wall
    }
}
