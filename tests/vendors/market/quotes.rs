//! Last prices of the made-up market, which move every few seconds while its session runs, and how Polygon tells them
//! to plans of different sizes.

use chrono::NaiveDate;
use qlib_pro::domain::UnixNanos;
use serde_json::{Value, json};

use super::super::server::{Canned, Seen};
use super::speak::date;
use super::{Day, Market};

/// For how long a price stands while a session runs, in nanoseconds.
const STANDS_NANOS: i64 = 5_000_000_000;

impl Market {
    /// The newest day of a symbol that a vendor tells, as far as it has come, and the close before it.
    pub fn newest(&self, symbol: &str) -> Option<(Day, f64)> {
        let days = self.days(symbol, date("2024-01-02"), NaiveDate::MAX.min(date("2027-12-30")), false);
        let day = days.last().filter(|_| self.is_known(symbol))?;
        let before = days.iter().rev().nth(1).map_or(day.close, |before| before.close);
        Some((self.so_far(symbol, *day), before))
    }

    /// A day with the price of the moment in the place of its close while its session runs.
    pub fn so_far(&self, symbol: &str, day: Day) -> Day {
        let steps = self.now().since(day.session.open) / STANDS_NANOS;
        let name: i64 = symbol.bytes().map(i64::from).sum();
        let cents = (steps * 17 + name) % 61 - 30;
        if self.is_running(&day) { Day { close: day.close + cents as f64 / 100.0, ..day } } else { day }
    }

    fn is_running(&self, day: &Day) -> bool {
        self.now() < day.session.close
    }

    /// When the last price of a day was made.
    pub fn made_at(&self, day: &Day) -> UnixNanos {
        let passed = self.now().since(day.session.open) / STANDS_NANOS * STANDS_NANOS;
        if self.is_running(day) { day.session.open.plus_nanos(passed) } else { day.session.close }
    }
}

fn snapshot(symbol: &str, (day, before): (Day, f64), at: i64) -> Value {
    json!({ "ticker": symbol, "updated": at,
        "day": { "o": day.open, "h": day.high, "l": day.low, "c": day.close, "v": day.volume, "vw": day.close },
        "lastTrade": { "p": day.close, "s": 100, "t": at, "x": 4, "i": "1", "c": [14] },
        "lastQuote": { "p": day.close - 0.01, "s": 3, "P": day.close + 0.01, "S": 5, "t": at },
        "prevDay": { "o": before, "h": before, "l": before, "c": before, "v": 1, "vw": before } })
}

pub fn polygon_snapshot(market: &Market, symbol: Option<&str>, seen: &Seen) -> Canned {
    let of = |symbol: &str| {
        let newest = market.newest(symbol)?;
        Some(snapshot(symbol, newest, market.made_at(&newest.0).nanos()))
    };
    if let Some(symbol) = symbol {
        return match of(symbol) {
            Some(ticker) => Canned::json(&json!({ "status": "OK", "request_id": "r", "ticker": ticker })),
            None => Canned::text(
                404,
                "application/json",
                &json!({ "status": "NotFound", "message": "ticker not found", "request_id": "r" })
                    .to_string(),
            ),
        };
    }
    let names = seen.query.get("tickers").cloned().unwrap_or_default();
    let rows: Vec<Value> = names.split(',').filter_map(of).collect();
    Canned::json(&json!({ "status": "OK", "count": rows.len(), "tickers": rows }))
}

pub fn polygon_trade(market: &Market, symbol: &str) -> Canned {
    let Some((day, _)) = market.newest(symbol) else { return Canned::json(&json!({ "status": "OK" })) };
    let trade =
        json!({ "T": symbol, "p": day.close, "s": 100, "t": market.made_at(&day).nanos(), "x": 4, "i": "1" });
    Canned::json(&json!({ "status": "OK", "request_id": "r", "results": trade }))
}

pub fn polygon_quote(market: &Market, symbol: &str) -> Canned {
    let Some((day, _)) = market.newest(symbol) else { return Canned::json(&json!({ "status": "OK" })) };
    let quote = json!({ "bid_price": day.close - 0.01, "bid_size": 3, "ask_price": day.close + 0.01, "ask_size": 5,
        "sip_timestamp": market.made_at(&day).nanos() });
    Canned::json(&json!({ "status": "DELAYED", "request_id": "r", "results": [quote] }))
}

pub fn polygon_close(market: &Market, symbol: &str) -> Canned {
    let Some((day, before)) = market.newest(symbol) else { return Canned::json(&json!({ "status": "OK" })) };
    let eve = market.calendar(symbol).previous_session(day.session.date);
    // While a session runs the newest close is that of the one before.
    let (close, at) = match eve.filter(|_| market.is_running(&day)) {
        Some(eve) => (before, eve.close),
        None => (day.close, day.session.close),
    };
    let row = json!({ "T": symbol, "c": close, "v": day.volume, "t": at.nanos() / 1_000_000 });
    Canned::json(
        &json!({ "status": "OK", "ticker": symbol, "adjusted": true, "resultsCount": 1, "results": [row] }),
    )
}
