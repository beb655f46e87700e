//! A price that was asked for in a row of the watchlist, with what must be said of it.

use crate::domain::{Price, UnixNanos};

use super::super::live::Polled;
use super::super::market::change;
use super::super::sync::delay_words;
use super::super::view::{AskedPrice, WatchRow};

/// The row with a price that was asked for in the place of what it had. `before` is the close of the session before, where
/// it is stored; the vendor's own goes first.
pub(in crate::service) fn shown(
    row: WatchRow,
    polled: &Polled,
    before: Option<Price>,
    wall: UnixNanos,
) -> WatchRow {
    let before = polled.previous_close.or(before);
    let is_stale = wall > polled.fresh_until;
    let late = match polled.delayed_minutes {
        None => "delay not told".to_owned(),
        told => delay_words(told),
    };
    WatchRow {
        last_price: Some(polled.last),
        change: before.and_then(|before| change(polled.last, before)),
        bid: polled.bid,
        ask: polled.ask,
        volume: polled.volume,
        price_time: Some(polled.time.unwrap_or(polled.told_at)),
        stale: is_stale,
        source: format!("{}, polled, {late}", polled.vendor),
        asked: Some(AskedPrice { now: wall, is_timed: polled.time.is_some() }),
        ..row
    }
}
