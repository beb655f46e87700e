//! Last prices of the made-up market, as Polygon tells them to plans of different sizes.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::super::server::{Canned, Seen};
use super::speak::date;
use super::{Day, Market};

impl Market {
    /// The newest day of a symbol that a vendor tells, and the close before it.
    pub fn newest(&self, symbol: &str) -> Option<(Day, f64)> {
        let days = self.days(symbol, date("2024-01-02"), NaiveDate::MAX.min(date("2027-12-30")), false);
        let day = days.last().filter(|_| self.is_known(symbol))?;
        let before = days.iter().rev().nth(1).map_or(day.close, |before| before.close);
        Some((*day, before))
    }
}

fn snapshot(symbol: &str, (day, before): (Day, f64)) -> Value {
    let at = day.session.open.nanos();
    json!({ "ticker": symbol, "updated": at,
        "day": { "o": day.open, "h": day.high, "l": day.low, "c": day.close, "v": day.volume, "vw": day.close },
        "lastTrade": { "p": day.close, "s": 100, "t": at, "x": 4, "i": "1", "c": [14] },
        "lastQuote": { "p": day.close - 0.01, "s": 3, "P": day.close + 0.01, "S": 5, "t": at },
        "prevDay": { "o": before, "h": before, "l": before, "c": before, "v": 1, "vw": before } })
}

pub fn polygon_snapshot(market: &Market, symbol: Option<&str>, seen: &Seen) -> Canned {
    let of = |symbol: &str| market.newest(symbol).map(|newest| snapshot(symbol, newest));
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
        json!({ "T": symbol, "p": day.close, "s": 100, "t": day.session.open.nanos(), "x": 4, "i": "1" });
    Canned::json(&json!({ "status": "OK", "request_id": "r", "results": trade }))
}

pub fn polygon_quote(market: &Market, symbol: &str) -> Canned {
    let Some((day, _)) = market.newest(symbol) else { return Canned::json(&json!({ "status": "OK" })) };
    let quote = json!({ "bid_price": day.close - 0.01, "bid_size": 3, "ask_price": day.close + 0.01, "ask_size": 5,
        "sip_timestamp": day.session.open.nanos() });
    Canned::json(&json!({ "status": "DELAYED", "request_id": "r", "results": [quote] }))
}

pub fn polygon_close(market: &Market, symbol: &str) -> Canned {
    let Some((day, _)) = market.newest(symbol) else { return Canned::json(&json!({ "status": "OK" })) };
    let row =
        json!({ "T": symbol, "c": day.close, "v": day.volume, "t": day.session.close.nanos() / 1_000_000 });
    Canned::json(
        &json!({ "status": "OK", "ticker": symbol, "adjusted": true, "resultsCount": 1, "results": [row] }),
    )
}
