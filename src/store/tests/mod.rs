//! The stores as their callers use them, on throw-away homes.

mod anchor;
mod backup;
mod groups;
mod journal;
mod market;
mod migrations;
mod moments;
mod quality;
mod users;

use std::path::Path;

use chrono::NaiveDate;

use super::users::AccessEntry;
use super::{HeldBy, TradesStore};
use crate::domain::market::DailyBar;
use crate::domain::{CleanText, InstrumentId, Price, UnixNanos, UserName, Volume};

fn at(seconds: i64) -> UnixNanos {
    UnixNanos::from_seconds(seconds)
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn id(text: &str) -> InstrumentId {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn who() -> HeldBy {
    HeldBy::this_process("workstation", "ana", at(1_700_000_000))
}

fn owner(home: &Path) -> TradesStore {
    TradesStore::open_owner(home, &who()).unwrap()
}

fn bar(instrument: &str, session: &str, close: &str, volume: i64) -> DailyBar {
    let close = price(close);
    DailyBar {
        instrument: id(instrument),
        session: date(session),
        open: close,
        high: close,
        low: close,
        close,
        volume: Volume::from_whole(volume).unwrap(),
        vwap: None,
    }
}

/// A line of the access log.
fn act(id: i64) -> AccessEntry {
    let text = CleanText::new("somebody");
    AccessEntry {
        id,
        wall: at(id),
        user: text.clone(),
        what: text.clone(),
        outcome: text.clone(),
        detail: text,
    }
}
