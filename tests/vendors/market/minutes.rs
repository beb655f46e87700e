//! Minutes of the made-up market: of every session, within the prices of its day, the same from every vendor.

use chrono::NaiveDate;
use qlib_pro::domain::UnixNanos;
use serde_json::{Map, Value, json};

use super::super::server::{Canned, Seen};
use super::speak::{date, polygon_page};
use super::walk::Minute;
use super::{Day, Market};

const MINUTE_NANOS: i64 = 60_000_000_000;
/// One minute in so many has no trade.
const QUIET_EVERY: i64 = 97;
/// Yahoo gives minutes for so many days in one answer, and keeps them for so long.
const YAHOO_SPAN_SECONDS: i64 = 8 * 86_400;
const YAHOO_KEEPS_SECONDS: i64 = 30 * 86_400;

/// One made-up minute, in the terms asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneMinute {
    pub from: UnixNanos,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: u64,
}

fn minutes_of(symbol: &str, day: &Day, now: UnixNanos) -> impl Iterator<Item = OneMinute> {
    let name: i64 = symbol.bytes().map(i64::from).sum();
    let session = day.session;
    let count = session.close.since(session.open) / MINUTE_NANOS;
    // A cent in the terms of the day, and how many shares are one of today's.
    let cent = (day.high - day.close) / 120.0;
    let terms = 0.01 / cent;
    let place = move |step: i64| (step * 13 + name) % 81 - 40;
    let close = day.close;
    (0..count).filter(|step| step % QUIET_EVERY != 50).filter_map(move |step| {
        let from = session.open.plus_nanos(step * MINUTE_NANOS);
        let (first, last) = (place(step), place(step + 1));
        let price = |cents: i64| close + cent * cents as f64;
        let shares = 1_000 + (step * 7 + name) % 500;
        (from.plus_nanos(MINUTE_NANOS) <= now).then(|| OneMinute {
            from,
            open: price(first),
            high: price(first.max(last) + 5),
            low: price(first.min(last) - 5),
            close: price(last),
            volume: (shares as f64 * terms).round() as u64,
        })
    })
}

impl Market {
    /// The minutes of a symbol that a vendor tells now; `adjusted` restates them for splits up to today.
    pub fn minutes_between(
        &self,
        symbol: &str,
        from: NaiveDate,
        to: NaiveDate,
        adjusted: bool,
    ) -> Vec<OneMinute> {
        let now = self.now();
        let days = self.days(symbol, from, to, adjusted);
        days.iter().flat_map(|day| minutes_of(symbol, day, now)).collect()
    }
}

pub fn yahoo(market: &Market, symbol: &str, (first, last): (i64, i64)) -> Canned {
    let now = market.now().nanos() / 1_000_000_000;
    if last - first > YAHOO_SPAN_SECONDS || first < now - YAHOO_KEEPS_SECONDS {
        let said = format!(
            "1m data not available for startTime={first} and endTime={last}. Only 8 days worth of 1m granularity \
             data are allowed to be fetched per request."
        );
        let error = json!({ "code": "Unprocessable Entity", "description": said });
        let body = json!({ "chart": { "result": null, "error": error } }).to_string();
        return Canned::text(422, "application/json", &body);
    }
    let calendar = market.calendar(symbol);
    let on = |seconds: i64| calendar.date_at(UnixNanos::from_nanos(seconds * 1_000_000_000));
    let all = market.minutes_between(symbol, on(first), on(last - 1), true);
    let column = |value: fn(&OneMinute) -> f64| -> Vec<Value> {
        all.iter().map(|minute| json!(f64::from(value(minute) as f32))).collect()
    };
    let (zone, currency) =
        if symbol.ends_with(".AX") { ("Australia/Sydney", "AUD") } else { ("America/New_York", "USD") };
    let mut result = json!({
        "meta": { "currency": currency, "symbol": symbol, "exchangeTimezoneName": zone, "instrumentType": "EQUITY",
            "priceHint": 2, "dataGranularity": "1m", "range": "" },
        "indicators": { "quote": [{}] },
    });
    if !all.is_empty() {
        result["timestamp"] = all.iter().map(|m| json!(m.from.nanos() / 1_000_000_000)).collect();
        let volumes: Vec<Value> = all.iter().map(|m| json!(m.volume)).collect();
        result["indicators"] = json!({ "quote": [{ "open": column(|m| m.open), "high": column(|m| m.high),
            "low": column(|m| m.low), "close": column(|m| m.close), "volume": volumes }] });
    }
    Canned::json(&json!({ "chart": { "result": [result], "error": null } }))
}

/// The minutes of the days of a span; where the market lives, those that were traded there.
pub fn polygon(market: &Market, symbol: &str, span: (NaiveDate, NaiveDate), seen: &Seen) -> Canned {
    let lived = market.walk().as_ref().map(|walk| walk.minutes(symbol)).unwrap_or_default();
    let day = |from_ms: i64| market.calendar("").date_at(UnixNanos::from_nanos(from_ms * 1_000_000));
    let begun = lived.first().map(|minute| day(minute.from_ms));
    let told = if market.is_known(symbol) {
        market.minutes_between(symbol, span.0, span.1, false)
    } else {
        Vec::new()
    };
    let before =
        told.iter().filter(|minute| begun.is_none_or(|begun| day(minute.from.nanos() / 1_000_000) < begun));
    let mut rows: Vec<Value> = before.map(polygon_row).collect();
    let inside = |minute: &&Minute| (span.0..=span.1).contains(&day(minute.from_ms));
    rows.extend(lived.iter().filter(inside).map(Minute::row));
    polygon_page(market, symbol, false, rows, seen)
}

fn cents(price: f64) -> f64 {
    (price * 10_000.0).round() / 10_000.0
}

fn polygon_row(minute: &OneMinute) -> Value {
    json!({ "v": minute.volume as f64, "vw": cents(minute.close), "o": cents(minute.open), "c": cents(minute.close),
        "h": cents(minute.high), "l": cents(minute.low), "t": minute.from.nanos() / 1_000_000, "n": 10 })
}

pub fn alpha_vantage(market: &Market, symbol: &str, month: &str) -> Canned {
    let first = date(&format!("{month}-01"));
    let next = first.checked_add_months(chrono::Months::new(1)).and_then(|next| next.pred_opt());
    let all = market.minutes_between(symbol, first, next.unwrap_or(first), false);
    let zone = |at: UnixNanos| {
        // Minutes since midnight where the exchange is: sessions begin at 9:30.
        let day = market.calendar(symbol).date_at(at);
        let midnight = market.calendar(symbol).at_local(day, chrono::NaiveTime::MIN);
        let seconds = midnight.map_or(0, |midnight| at.since(midnight) / 1_000_000_000);
        format!("{day} {:02}:{:02}:00", seconds / 3_600, seconds / 60 % 60)
    };
    let text = |price: f64| format!("{price:.4}");
    let mut series = Map::new();
    for minute in all.iter().rev() {
        series.insert(
            zone(minute.from),
            json!({ "1. open": text(minute.open), "2. high": text(minute.high), "3. low": text(minute.low),
                "4. close": text(minute.close), "5. volume": minute.volume.to_string() }),
        );
    }
    Canned::json(&json!({
        "Meta Data": { "1. Information": "Intraday (1min) open, high, low, close prices and volume",
            "2. Symbol": symbol, "4. Interval": "1min", "5. Output Size": "Full size", "6. Time Zone": "US/Eastern" },
        "Time Series (1min)": series,
    }))
}
