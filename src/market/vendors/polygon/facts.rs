//! Figures of companies and headlines.
//!
//! A figure is known from the day its filing came in, or from the day of the answer when no filing day is told, so
//! that nothing is used before it was public. Per-share figures over twelve months come from statements of a whole
//! year; those of a quarter carry `_quarter` in their names. The tone of a headline is the vendor's word for each
//! ticker: positive 1, neutral 0, negative -1.

use chrono::{DateTime, NaiveDate};

use super::super::json::Json;
use super::super::{Call, Page, Payload, Reply, ScoredHeadline};
use super::{REFERENCE_LIMIT, ticker};
use crate::domain::market::{Fundamental, Headline};
use crate::domain::{CleanText, InstrumentId, UnixNanos};

/// Our names for the totals, where each stands, and whether it adds up over a period.
const TOTALS: [(&str, &str, &str, bool); 9] = [
    ("revenue", "income_statement", "revenues", true),
    ("operating_income", "income_statement", "operating_income_loss", true),
    ("net_income", "income_statement", "net_income_loss", true),
    ("operating_cash_flow", "cash_flow_statement", "net_cash_flow_from_operating_activities", true),
    ("total_assets", "balance_sheet", "assets", false),
    ("total_liabilities", "balance_sheet", "liabilities", false),
    ("current_assets", "balance_sheet", "current_assets", false),
    ("current_liabilities", "balance_sheet", "current_liabilities", false),
    ("equity", "balance_sheet", "equity_attributable_to_parent", false),
];

fn figure(row: &Json<'_>, statement: &str, name: &str) -> Option<f64> {
    row.at(&["financials", statement, name])?.float_at("value")
}

/// Name and value of everything one filing tells.
fn of_filing(row: &Json<'_>) -> Vec<(String, f64)> {
    let is_year = matches!(row.text_at("fiscal_period"), "FY" | "TTM");
    let suffix = |adds_up: bool| if adds_up && !is_year { "_quarter" } else { "" };
    let total = |(ours, statement, theirs, adds_up): &(&str, &str, &str, bool)| {
        figure(row, statement, theirs).map(|value| (format!("{ours}{}", suffix(*adds_up)), value))
    };
    let mut found: Vec<(String, f64)> = TOTALS.iter().filter_map(total).collect();
    let income = |name| figure(row, "income_statement", name);
    if let Some(eps) = income("diluted_earnings_per_share").or_else(|| income("basic_earnings_per_share")) {
        found.push((format!("eps{}", suffix(true)), eps));
    }
    let shares = income("diluted_average_shares").or_else(|| income("basic_average_shares"));
    let Some(shares) = shares.filter(|shares| *shares > 0.0) else { return found };
    found.push(("shares".to_owned(), shares));
    let mut a_share = |name: &str, total: Option<f64>| {
        found.extend(total.map(|total| (name.to_owned(), total / shares)));
    };
    a_share("book_value", figure(row, "balance_sheet", "equity_attributable_to_parent"));
    if is_year {
        a_share("sales", income("revenues"));
        let operating = "net_cash_flow_from_operating_activities";
        a_share("cash_flow", figure(row, "cash_flow_statement", operating));
    }
    found
}

/// Figures of one company.
pub(super) fn figures(
    instrument: InstrumentId,
    today: NaiveDate,
    body: &Json<'_>,
    next: Option<Call>,
) -> Reply {
    let mut facts = Vec::new();
    for row in body.get("results").map_or(&[][..], Json::items) {
        let Ok(period_end) = row.text_at("end_date").parse::<NaiveDate>() else { continue };
        // A day that lies ahead would be a gift of the future.
        let filed = row.text_at("filing_date").parse::<NaiveDate>().ok().filter(|filed| *filed >= period_end);
        let known_at = filed.unwrap_or(today);
        facts.extend(of_filing(row).into_iter().map(|(field, value)| Fundamental {
            instrument,
            known_at,
            period_end,
            field: CleanText::from(field),
            value,
        }));
    }
    if facts.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::Facts(facts), rejected: Vec::new(), next }))
}

/// Headlines about one instrument.
pub(super) fn news_call(instrument: &InstrumentId, since: UnixNanos) -> Call {
    let since = since.to_datetime().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let call = Call::to("/v2/reference/news").with("ticker", instrument.symbol.as_str());
    let call = call.with("published_utc.gte", since).with("order", "asc").with("sort", "published_utc");
    call.with("limit", REFERENCE_LIMIT)
}

/// The ticker a page of headlines is about: in the first call's parameters, and carried on behind a cursor.
fn ticker_of(call: &Call) -> Option<&str> {
    call.query.iter().find(|(name, _)| name == "ticker").map(|(_, value)| value.as_str())
}

/// The next page, with the ticker that all pages are about.
pub(super) fn same_ticker(next: Call, call: &Call) -> Call {
    let told = ticker_of(&next).is_some();
    match ticker_of(call).filter(|_| !told) {
        Some(ticker) => next.with("ticker", ticker),
        None => next,
    }
}

/// The first call for the instrument behind the one `call` was about.
pub(super) fn news_of_next(instruments: &[InstrumentId], since: UnixNanos, call: &Call) -> Option<Call> {
    let about = ticker_of(call)?;
    let mut behind = instruments.iter().skip_while(|i| ticker(i) != Some(about)).skip(1);
    let following = behind.find(|i| ticker(i).is_some())?;
    Some(Call { page: call.page + 1, ..news_call(following, since) })
}

/// The vendor's tone for one ticker.
fn tone(row: &Json<'_>, ticker: &str) -> Option<f64> {
    let insights = row.get("insights").map_or(&[][..], Json::items);
    let own = insights.iter().find(|insight| insight.text_at("ticker") == ticker)?;
    match own.text_at("sentiment") {
        "positive" => Some(1.0),
        "neutral" => Some(0.0),
        "negative" => Some(-1.0),
        _ => None,
    }
}

/// Headlines about the instruments that were asked for, each once for every one of them it names.
pub(super) fn news(
    instruments: &[InstrumentId],
    (since, now): (UnixNanos, UnixNanos),
    body: &Json<'_>,
    next: Option<Call>,
) -> Reply {
    let mut news = Vec::new();
    for row in body.get("results").map_or(&[][..], Json::items) {
        let time = DateTime::parse_from_rfc3339(row.text_at("published_utc")).ok();
        let time = time.and_then(|time| time.timestamp_nanos_opt()).map(UnixNanos::from_nanos);
        let Some(time) = time.filter(|time| since <= *time && *time <= now) else { continue };
        let named = row.get("tickers").map_or(&[][..], Json::items);
        let is_named =
            |i: &&InstrumentId| ticker(i).is_some_and(|t| named.iter().any(|n| n.text() == Some(t)));
        for instrument in instruments.iter().filter(is_named) {
            let headline = CleanText::new(row.text_at("title"));
            let source =
                CleanText::new(row.at(&["publisher", "name"]).and_then(Json::text).unwrap_or("polygon"));
            let headline = Headline { instrument: *instrument, time, headline, source };
            let tone = tone(row, instrument.symbol.as_str());
            news.push(ScoredHeadline { headline, tone, tags: Vec::new() });
        }
    }
    if news.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::News(news), rejected: Vec::new(), next }))
}
