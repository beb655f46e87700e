//! The made-up market in the words of each vendor.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::super::server::{Canned, Seen};
use super::{Day, Market, facts, minutes, quotes};

/// Rows of Alpha Vantage's small answer.
const COMPACT_ROWS: usize = 100;
/// The session's text.
pub const CRUMB: &str = "crumb.CANARY";

pub fn answer(market: &Market, seen: &Seen) -> Option<Canned> {
    let parts: Vec<&str> = seen.path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["query"] => Some(alpha_vantage(market, seen)),
        ["v8", "finance", "chart", symbol] => Some(yahoo_chart(market, symbol, seen)),
        ["v1", "test", "getcrumb"] => Some(Canned::text(200, "text/plain", CRUMB)),
        ["v7", "finance", "quote"] => Some(yahoo_quote(market, seen)),
        ["v2", "aggs", "ticker", symbol, "range", "1", "day", from, to] => {
            Some(polygon_days(market, symbol, from, to, seen))
        }
        ["v2", "aggs", "ticker", symbol, "range", "1", "minute", from, to] => {
            Some(minutes::polygon(market, symbol, (date(from), date(to)), seen))
        }
        ["v2", "aggs", "ticker", symbol, "prev"] => Some(quotes::polygon_close(market, symbol)),
        ["v2", "snapshot", "locale", "us", "markets", "stocks", "tickers", rest @ ..] => {
            Some(quotes::polygon_snapshot(market, rest.first().copied(), seen))
        }
        ["v2", "last", "trade", symbol] => Some(quotes::polygon_trade(market, symbol)),
        ["v3", "quotes", symbol] => Some(quotes::polygon_quote(market, symbol)),
        ["v2", "aggs", "grouped", "locale", "us", "market", "stocks", date] => {
            Some(polygon_market(market, date))
        }
        ["v3", "reference", "splits"] => Some(polygon_splits(market, seen)),
        ["v3", "reference", "dividends"] => Some(polygon_dividends(market, seen)),
        ["v3", "reference", "tickers"] => Some(polygon_directory(market, seen)),
        ["v2", "reference", "news"] => Some(facts::polygon_news(market, seen)),
        ["vX", "reference", "financials"] => Some(facts::polygon_report(market, seen)),
        ["asx-research", "1.0", "companies", "directory", "file"] => Some(asx_directory(market)),
        ["asx-research", "1.0", "companies", code, "header"] => Some(asx_header(market, code)),
        ["asx-research", "1.0", "companies", code, "key-statistics"] => Some(asx_statistics(market, code)),
        [] => {
            let mut cookie = Canned::text(404, "text/html", "");
            let value = "A3=cookie-CANARY; Domain=.yahoo.com; Path=/; Secure; HttpOnly";
            cookie.headers.push(("set-cookie".to_owned(), value.to_owned()));
            Some(cookie)
        }
        _ => None,
    }
}

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn far_back() -> NaiveDate {
    date("1999-11-01")
}

fn alpha_vantage(market: &Market, seen: &Seen) -> Canned {
    let asked = |name: &str| seen.query.get(name).map(String::as_str).unwrap_or_default();
    let (function, symbol) = (asked("function"), asked("symbol"));
    if !market.is_known(symbol) {
        return Canned::json(&json!({ "Error Message":
            "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for TIME_SERIES_DAILY." }));
    }
    let adjusted = match function {
        "TIME_SERIES_DAILY" => false,
        "TIME_SERIES_DAILY_ADJUSTED" => true,
        "TIME_SERIES_INTRADAY" => return minutes::alpha_vantage(market, symbol, asked("month")),
        "GLOBAL_QUOTE" => return alpha_quote(market, symbol),
        _ => return Canned::json(&json!({})),
    };
    let days = market.days(symbol, far_back(), date("2030-01-01"), false);
    let rows = if asked("outputsize") == "full" { days.len() } else { COMPACT_ROWS.min(days.len()) };
    let mut series = Map::new();
    for day in days.iter().rev().take(rows) {
        series.insert(day.session.date.to_string(), alpha_row(market, symbol, day, adjusted));
    }
    Canned::json(&json!({
        "Meta Data": { "1. Information": "Daily Prices (open, high, low, close) and Volumes", "2. Symbol": symbol,
            "3. Last Refreshed": days.last().map(|d| d.session.date.to_string()), "4. Output Size": "Full size",
            "5. Time Zone": "US/Eastern" },
        "Time Series (Daily)": series,
    }))
}

fn alpha_row(market: &Market, symbol: &str, day: &Day, adjusted: bool) -> Value {
    let text = |price: f64| format!("{price:.4}");
    let mut row = json!({ "1. open": text(day.open), "2. high": text(day.high), "3. low": text(day.low),
        "4. close": text(day.close) });
    if !adjusted {
        row["5. volume"] = json!(day.volume.to_string());
        return row;
    }
    let facts = market.facts();
    let on = |s: &str, d: NaiveDate| s == symbol && d == day.session.date;
    let paid: f64 = facts.dividends.iter().filter(|d| on(&d.symbol, d.date)).map(|d| d.amount).sum();
    let split = facts.splits.iter().find(|s| on(&s.symbol, s.date)).map_or(1, |s| s.ratio);
    row["5. adjusted close"] = json!(text(day.close));
    row["6. volume"] = json!(day.volume.to_string());
    row["7. dividend amount"] = json!(format!("{paid:.4}"));
    row["8. split coefficient"] = json!(format!("{split}.0"));
    row
}

fn alpha_quote(market: &Market, symbol: &str) -> Canned {
    let days = market.days(symbol, date("2024-01-02"), date("2030-01-01"), false);
    let Some(day) = days.last() else { return Canned::json(&json!({ "Global Quote": {} })) };
    let day = market.so_far(symbol, *day);
    Canned::json(&json!({ "Global Quote": { "01. symbol": symbol, "02. open": format!("{:.4}", day.open),
        "03. high": format!("{:.4}", day.high), "04. low": format!("{:.4}", day.low),
        "05. price": format!("{:.4}", day.close), "06. volume": day.volume.to_string(),
        "07. latest trading day": day.session.date.to_string(), "08. previous close": format!("{:.4}", day.open),
        "09. change": "0.0000", "10. change percent": "0.0000%" } }))
}

fn yahoo_chart(market: &Market, symbol: &str, seen: &Seen) -> Canned {
    if !market.is_known(symbol) {
        let error = json!({ "code": "Not Found", "description": "No data found, symbol may be delisted" });
        let body = json!({ "chart": { "result": null, "error": error } }).to_string();
        return Canned::text(404, "application/json", &body);
    }
    let second = |name: &str, or: i64| seen.query.get(name).and_then(|v| v.parse().ok()).unwrap_or(or);
    let (first, last) = (second("period1", 0), second("period2", i64::from(u32::MAX)));
    if seen.query.get("interval").is_some_and(|interval| interval == "1m") {
        return minutes::yahoo(market, symbol, (first, last));
    }
    let stamp = |day: &Day| day.session.open.nanos() / 1_000_000_000;
    let all = market.days(symbol, far_back(), date("2027-12-30"), true);
    let days: Vec<&Day> = all.iter().filter(|d| stamp(d) >= first && stamp(d) < last).collect();
    let column = |value: fn(&Day) -> f64| -> Vec<Value> {
        days.iter().map(|d| json!(f64::from(value(d) as f32))).collect()
    };
    let volumes: Vec<Value> = days.iter().map(|d| json!(d.volume)).collect();
    let (zone, currency) =
        if symbol.ends_with(".AX") { ("Australia/Sydney", "AUD") } else { ("America/New_York", "USD") };
    let mut result = json!({
        "meta": { "currency": currency, "symbol": symbol, "exchangeTimezoneName": zone, "instrumentType": "EQUITY",
            "timezone": "X", "gmtoffset": -14400, "priceHint": 2, "dataGranularity": "1d", "range": "" },
        "indicators": { "quote": [{}] },
    });
    if !days.is_empty() {
        result["timestamp"] = days.iter().map(|d| json!(stamp(d))).collect();
        result["indicators"] = json!({
            "quote": [{ "open": column(|d| d.open), "high": column(|d| d.high), "low": column(|d| d.low),
                "close": column(|d| d.close), "volume": volumes }],
            "adjclose": [{ "adjclose": adjusted_closes(market, symbol, &days) }],
        });
        let events = yahoo_events(market, symbol, &days);
        if let Some(events) = events {
            result["events"] = events;
        }
    }
    Canned::json(&json!({ "chart": { "result": [result], "error": null } }))
}

/// Closes without what was paid since, as Yahoo works them out: each dividend takes its share of the close before.
fn adjusted_closes(market: &Market, symbol: &str, days: &[&Day]) -> Vec<Value> {
    let dividends = market.facts().dividends.clone();
    let today = market.calendar(symbol).date_at(market.now());
    let mut factor = 1.0;
    let mut adjusted = Vec::new();
    for (index, day) in days.iter().enumerate().rev() {
        adjusted.push(json!(f64::from((day.close * factor) as f32)));
        let on_day = |d: &&super::Dividend| d.symbol == symbol && d.date == day.session.date;
        let paid =
            dividends.iter().filter(on_day).map(|d| d.amount / market.ratio(symbol, Some(d.date), today));
        if let Some(before) = index.checked_sub(1).and_then(|before| days.get(before)) {
            factor *= 1.0 - paid.sum::<f64>() / before.close;
        }
    }
    adjusted.reverse();
    adjusted
}

fn yahoo_events(market: &Market, symbol: &str, days: &[&Day]) -> Option<Value> {
    let open_of = |on: NaiveDate| {
        let day = days.iter().find(|d| d.session.date == on)?;
        Some(day.session.open.nanos() / 1_000_000_000)
    };
    let (splits, dividends) = {
        let facts = market.facts();
        (facts.splits.clone(), facts.dividends.clone())
    };
    let (mut told_splits, mut told_dividends) = (Map::new(), Map::new());
    for split in splits.iter().filter(|s| s.symbol == symbol) {
        let Some(at) = open_of(split.date) else { continue };
        let told = json!({ "date": at, "numerator": split.ratio, "denominator": 1,
            "splitRatio": format!("{}:1", split.ratio) });
        told_splits.insert(at.to_string(), told);
    }
    let today = market.calendar(symbol).date_at(market.now());
    for dividend in dividends.iter().filter(|d| d.symbol == symbol) {
        let Some(at) = open_of(dividend.date) else { continue };
        let restated = dividend.amount / market.ratio(symbol, Some(dividend.date), today);
        told_dividends.insert(at.to_string(), json!({ "date": at, "amount": restated }));
    }
    let mut events = Map::new();
    if !told_splits.is_empty() {
        events.insert("splits".into(), Value::Object(told_splits));
    }
    if !told_dividends.is_empty() {
        events.insert("dividends".into(), Value::Object(told_dividends));
    }
    (!events.is_empty()).then_some(Value::Object(events))
}

fn yahoo_quote(market: &Market, seen: &Seen) -> Canned {
    if seen.query.get("crumb").map(String::as_str) != Some(CRUMB) || !seen.cookie.contains("A3=cookie-CANARY")
    {
        let error = json!({ "code": "Unauthorized", "description": "Invalid Crumb" });
        return Canned::text(
            401,
            "application/json",
            &json!({ "finance": { "result": null, "error": error } }).to_string(),
        );
    }
    let symbols = seen.query.get("symbols").cloned().unwrap_or_default();
    let known = symbols.split(',').filter(|s| market.is_known(s));
    let rows: Vec<Value> = known
        .filter_map(|symbol| {
            let days = market.days(symbol, date("2024-01-02"), date("2027-12-30"), true);
            let day = market.so_far(symbol, *days.last()?);
            let before = days.iter().rev().nth(1).map_or(day.close, |before| before.close);
            Some(json!({ "symbol": symbol, "regularMarketPrice": day.close, "currency": "USD",
                "regularMarketPreviousClose": before,
                "regularMarketTime": market.made_at(&day).nanos() / 1_000_000_000, "marketState": "REGULAR",
                "regularMarketVolume": day.volume, "exchangeDataDelayedBy": 0, "quoteType": "EQUITY" }))
        })
        .collect();
    Canned::json(&json!({ "quoteResponse": { "result": rows, "error": null } }))
}

fn polygon_row(day: &Day, midnight: i64) -> Value {
    json!({ "v": day.volume as f64, "vw": day.close, "o": day.open, "c": day.close, "h": day.high, "l": day.low,
        "t": midnight, "n": 1_000 })
}

fn midnight_ms(market: &Market, on: NaiveDate) -> i64 {
    let at = market.calendar("").at_local(on, chrono::NaiveTime::MIN);
    at.map_or(0, |at| at.nanos() / 1_000_000)
}

fn polygon_days(market: &Market, symbol: &str, from: &str, to: &str, seen: &Seen) -> Canned {
    let adjusted = seen.query.get("adjusted").is_none_or(|text| text != "false");
    let days = if market.is_known(symbol) {
        market.days(symbol, date(from), date(to), adjusted)
    } else {
        Vec::new()
    };
    let rows = days.iter().map(|d| polygon_row(d, midnight_ms(market, d.session.date))).collect();
    polygon_page(market, symbol, adjusted, rows, seen)
}

pub(super) fn polygon_page(
    market: &Market,
    symbol: &str,
    adjusted: bool,
    rows: Vec<Value>,
    seen: &Seen,
) -> Canned {
    let (page, all) = (market.facts().page_rows, rows.len());
    let skip: usize = seen.query.get("cursor").and_then(|text| text.parse().ok()).unwrap_or(0);
    let rows: Vec<Value> = rows.into_iter().skip(skip).take(page).collect();
    let mut body = json!({ "ticker": symbol, "queryCount": rows.len(), "resultsCount": rows.len(),
        "adjusted": adjusted, "status": "OK", "request_id": "r" });
    if !rows.is_empty() {
        body["results"] = Value::Array(rows);
    }
    if skip + page < all {
        let (path, next) = (&seen.path, skip + page);
        body["next_url"] = json!(format!("https://api.polygon.io{path}?adjusted=false&cursor={next}"));
    }
    Canned::json(&body)
}

fn polygon_market(market: &Market, on: &str) -> Canned {
    let listed = market.facts().listed.clone();
    let mut rows = Vec::new();
    for symbol in listed {
        for day in market.days(&symbol, date(on), date(on), false) {
            let mut row = polygon_row(&day, day.session.close.nanos() / 1_000_000);
            row["T"] = json!(symbol);
            rows.push(row);
        }
    }
    Canned::json(
        &json!({ "queryCount": rows.len(), "resultsCount": rows.len(), "adjusted": false, "status": "OK",
        "request_id": "r", "results": rows }),
    )
}

fn inside(seen: &Seen, key: &str, symbol: &str, on: NaiveDate) -> bool {
    let bound = |suffix: &str| seen.query.get(&format!("{key}.{suffix}")).map(|text| date(text));
    let ticker = seen.query.get("ticker").is_none_or(|ticker| ticker == symbol);
    ticker && bound("gte").is_none_or(|from| from <= on) && bound("lte").is_none_or(|to| on <= to)
}

fn polygon_splits(market: &Market, seen: &Seen) -> Canned {
    let facts = market.facts();
    let told = facts.splits.iter().filter(|s| inside(seen, "execution_date", &s.symbol, s.date));
    let rows: Vec<Value> = told
        .map(|s| json!({ "execution_date": s.date.to_string(), "split_from": 1, "split_to": s.ratio, "ticker": s.symbol, "id": "x" }))
        .collect();
    Canned::json(&json!({ "results": rows, "status": "OK", "request_id": "r" }))
}

fn polygon_dividends(market: &Market, seen: &Seen) -> Canned {
    let facts = market.facts();
    let told = facts.dividends.iter().filter(|d| inside(seen, "ex_dividend_date", &d.symbol, d.date));
    let rows: Vec<Value> = told
        .map(|d| {
            json!({ "cash_amount": d.amount, "dividend_type": "CD", "ex_dividend_date": d.date.to_string(),
            "pay_date": d.date.checked_add_days(chrono::Days::new(14)).map(|p| p.to_string()),
            "frequency": 4, "ticker": d.symbol })
        })
        .collect();
    let skip: usize = seen.query.get("cursor").and_then(|text| text.parse().ok()).unwrap_or(0);
    let page: Vec<&Value> = rows.iter().skip(skip).take(facts.page_rows).collect();
    let mut body = json!({ "results": page, "status": "OK", "request_id": "r" });
    let next = skip + page.len();
    if next < rows.len() {
        let kept = seen.query.iter().filter(|(name, _)| *name != "cursor");
        let query: String = kept.map(|(name, value)| format!("{name}={value}&")).collect();
        body["next_url"] =
            json!(format!("https://api.polygon.io/v3/reference/dividends?{query}cursor={next}"));
    }
    Canned::json(&body)
}

fn polygon_directory(market: &Market, seen: &Seen) -> Canned {
    let facts = market.facts();
    let is_active = seen.query.get("active").is_none_or(|text| text != "false");
    let row = |symbol: &str, gone: Option<NaiveDate>| {
        let mut row = json!({ "ticker": symbol, "name": "Made Up Inc.", "market": "stocks", "locale": "us",
            "primary_exchange": "XNYS", "type": "CS", "active": gone.is_none(), "currency_name": "usd" });
        if let Some(gone) = gone {
            row["delisted_utc"] = json!(format!("{gone}T05:00:00Z"));
        }
        row
    };
    let rows: Vec<Value> = if is_active {
        facts
            .listed
            .iter()
            .filter(|symbol| !symbol.ends_with(".AX"))
            .map(|symbol| row(symbol, None))
            .collect()
    } else {
        facts.gone.iter().map(|(symbol, day)| row(symbol, Some(*day))).collect()
    };
    Canned::json(&json!({ "results": rows, "status": "OK", "count": rows.len(), "request_id": "r" }))
}

/// Companies that are listed; what is not is simply not in it.
fn asx_directory(market: &Market) -> Canned {
    let mut text = "ASX code,Company name,GICs industry group,Listing date,Market Cap\n".to_owned();
    for code in market.facts().listed.iter().filter_map(|symbol| symbol.strip_suffix(".AX")) {
        text.push_str(&format!("\"{code}\",\"MADE UP LIMITED\",\"Materials\",\"2000-01-04\",\"9000000\"\n"));
    }
    Canned::text(200, "text/csv", &text)
}

/// Of dividends the newest, whether it was or is to be.
fn asx_statistics(market: &Market, code: &str) -> Canned {
    let symbol = format!("{}.AX", code.to_ascii_uppercase());
    let mut data = json!({ "isin": "AU0000000000", "priceClose": 1.0, "earningsPerShare": 0.5 });
    let facts = market.facts();
    if let Some(told) = facts.dividends.iter().filter(|d| d.symbol == symbol).max_by_key(|d| d.date) {
        data["dividend"] = json!(told.amount);
        data["dateExDate"] = json!(told.date.to_string());
        data["datePayDate"] = json!(told.date.checked_add_days(chrono::Days::new(21)).map(|p| p.to_string()));
        data["frankingPercent"] = json!(100);
    }
    Canned::json(&json!({ "data": data }))
}

fn asx_header(market: &Market, code: &str) -> Canned {
    let symbol = format!("{}.AX", code.to_ascii_uppercase());
    if !market.is_known(&symbol) {
        let error = json!({ "code": 400, "message": "Bad Request: Symbol not found" });
        return Canned::text(400, "application/json", &json!({ "error": error }).to_string());
    }
    let (last, before) = market.newest(&symbol).map_or((1.0, 1.0), |(day, before)| (day.close, before));
    Canned::json(
        &json!({ "data": { "dateListed": "2000-01-04", "displayName": "MADE UP LIMITED", "priceAsk": last,
        "priceBid": last, "priceChange": last - before, "priceChangePercent": 0.0, "priceLast": last, "sector": "Materials",
        "industryGroup": "Materials", "securityType": 1, "symbol": code.to_ascii_uppercase(), "volume": 1000,
        "xid": "1", "marketCap": 1000000, "statusCode": "" } }),
    )
}
