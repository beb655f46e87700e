//! What the made-up market has beside prices: a headline after each session, in the tone of the day, and one report.

use chrono::Days;
use qlib_pro::domain::UnixNanos;
use serde_json::{Value, json};

use super::super::server::{Canned, Seen};
use super::Market;

/// How far back there are headlines.
const NEWS_DAYS: u64 = 60;
/// From a close to its headline.
const AFTER_CLOSE_MS: i64 = 3_600_000;

/// Polygon's headlines about a ticker.
pub fn polygon_news(market: &Market, seen: &Seen) -> Canned {
    let asked = |name: &str| seen.query.get(name).map(String::as_str).unwrap_or_default();
    let symbol = asked("ticker");
    let since: Option<UnixNanos> = asked("published_utc.gte").parse().ok();
    let now = market.now();
    let today = market.calendar(symbol).date_at(now);
    let from = today.checked_sub_days(Days::new(NEWS_DAYS)).unwrap_or(today);
    let days = if market.is_known(symbol) { market.days(symbol, from, today, false) } else { Vec::new() };
    let rows: Vec<Value> = days
        .windows(2)
        .filter_map(|pair| {
            let [before, day] = pair else { return None };
            let at = day.session.close.plus_millis(AFTER_CLOSE_MS);
            if at > now || since.is_some_and(|since| at < since) {
                return None;
            }
            let is_up = day.close > before.close;
            let (title, tone) = if is_up {
                (format!("{symbol} beats estimates and raises outlook, day {}", day.session.date), "positive")
            } else {
                (
                    format!("{symbol} warns of losses after a weak quarter, day {}", day.session.date),
                    "negative",
                )
            };
            let published = at.to_datetime().format("%Y-%m-%dT%H:%M:%SZ").to_string();
            Some(json!({ "id": published, "published_utc": published, "title": title, "tickers": [symbol],
                "publisher": { "name": "Made-up Wire" },
                "insights": [{ "ticker": symbol, "sentiment": tone, "sentiment_reasoning": "made up" }] }))
        })
        .collect();
    let page = market.facts().page_rows;
    let skip: usize = asked("cursor").parse().unwrap_or(0);
    let told: Vec<&Value> = rows.iter().skip(skip).take(page).collect();
    let mut body = json!({ "status": "OK", "request_id": "r", "count": told.len(), "results": told });
    if skip + page < rows.len() {
        let kept = seen.query.iter().filter(|(name, _)| *name != "cursor");
        let query: String = kept.map(|(name, value)| format!("{name}={value}&")).collect();
        let next = skip + page;
        body["next_url"] = json!(format!("https://api.polygon.io/v2/reference/news?{query}cursor={next}"));
    }
    Canned::json(&body)
}

/// One report of a ticker, filed at the start of 2024.
pub fn polygon_report(market: &Market, seen: &Seen) -> Canned {
    let symbol = seen.query.get("ticker").map(String::as_str).unwrap_or_default();
    let name: i64 = symbol.bytes().map(i64::from).sum();
    let value = |amount: i64| json!({ "value": amount, "unit": "USD" });
    let report = json!({ "end_date": "2023-12-31", "filing_date": "2024-02-01", "fiscal_period": "FY",
        "financials": {
            "income_statement": { "revenues": value(name * 1_000_000), "net_income_loss": value(name * 100_000),
                "diluted_average_shares": value(1_000_000) },
            "balance_sheet": { "assets": value(name * 3_000_000),
                "equity_attributable_to_parent": value(name * 2_000_000) },
            "cash_flow_statement": { "net_cash_flow_from_operating_activities": value(name * 150_000) } } });
    let results = if market.is_known(symbol) { vec![report] } else { Vec::new() };
    Canned::json(&json!({ "status": "OK", "request_id": "r", "results": results }))
}
