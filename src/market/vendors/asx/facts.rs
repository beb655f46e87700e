//! Key statistics, the last dividend with its franking, and announcements.
//!
//! Statistics carry no day of their own: they are known, and describe the company, from the day of the answer.
//! `franking_percent` is the share of the last dividend on which tax was paid; no other vendor has it.

use chrono::{DateTime, NaiveDate};

use super::super::json::Json;
use super::super::{Call, Page, Payload, Reply, ScoredHeadline};
use super::{about, following, quotes};
use crate::domain::market::{ActionKind, CorporateAction, Fundamental, Headline};
use crate::domain::{CleanText, InstrumentId, UnixNanos};

/// Our names for the figures and the site's.
const FIGURES: [(&str, &str); 11] = [
    ("eps", "earningsPerShare"),
    ("price_to_earnings", "priceEarningsRatio"),
    ("price_to_cash", "priceToCash"),
    ("cash_flow_total_millions", "cashFlow"),
    ("free_cash_flow_yield", "freeCashFlowYield"),
    ("dividend_yield_percent", "yieldAnnual"),
    ("last_dividend", "dividend"),
    ("franking_percent", "frankingPercent"),
    ("shares", "numOfShares"),
    ("high_52_weeks", "priceFiftyTwoWeekHigh"),
    ("low_52_weeks", "priceFiftyTwoWeekLow"),
];

fn data<'a>(body: &'a Json<'a>) -> Result<&'a Json<'a>, Reply> {
    let data = body.get("data").filter(|data| matches!(data, Json::Map(_)));
    data.ok_or_else(|| Reply::Malformed("asx: the page of a company has another shape than it had".into()))
}

/// Figures of one company.
pub(super) fn figures(instrument: InstrumentId, today: NaiveDate, body: &Json<'_>) -> Reply {
    let data = match data(body) {
        Ok(data) => data,
        Err(refusal) => return refusal,
    };
    let told = FIGURES.iter().filter_map(|(ours, theirs)| Some((*ours, data.float_at(theirs)?)));
    let facts: Vec<Fundamental> = told
        .map(|(field, value)| Fundamental {
            instrument,
            known_at: today,
            period_end: today,
            field: field.into(),
            value,
        })
        .collect();
    if facts.is_empty() { Reply::Empty } else { Page::last(Payload::Facts(facts), Vec::new()) }
}

/// The last dividend, when its ex-date is in the span.
pub(super) fn dividend(
    instrument: InstrumentId,
    (from, to): (NaiveDate, NaiveDate),
    body: &Json<'_>,
) -> Reply {
    let data = match data(body) {
        Ok(data) => data,
        Err(refusal) => return refusal,
    };
    let date = data.text_at("dateExDate").get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
    let amount = quotes::price(data.number_at("dividend"));
    let Some((date, amount)) = date.zip(amount).filter(|(date, _)| from <= *date && *date <= to) else {
        return Reply::Empty;
    };
    let pay_date = data.text_at("datePayDate").get(..10).and_then(|day| day.parse().ok()).unwrap_or(date);
    let action = CorporateAction { instrument, date, kind: ActionKind::Dividend { amount, pay_date } };
    Page::last(Payload::Actions(vec![action]), Vec::new())
}

/// The newest announcements of a company, at most five, and the call for the next one.
pub(super) fn announcements(
    instruments: &[InstrumentId],
    (since, now): (UnixNanos, UnixNanos),
    call: &Call,
    body: &Json<'_>,
) -> Reply {
    let (data, instrument) = match (data(body), about(instruments, call, "announcements")) {
        (Ok(data), Some(instrument)) => (data, instrument),
        (Err(refusal), _) => return refusal,
        (_, None) => return Reply::BadRequest("asx: an answer about another company came".into()),
    };
    let mut news = Vec::new();
    for item in data.get("items").map_or(&[][..], Json::items) {
        let time = DateTime::parse_from_rfc3339(item.text_at("date")).ok();
        let time = time.and_then(|time| time.timestamp_nanos_opt()).map(UnixNanos::from_nanos);
        let Some(time) = time.filter(|time| since <= *time && *time <= now) else { continue };
        let headline = CleanText::new(item.text_at("headline"));
        let headline = Headline { instrument, time, headline, source: "ASX".into() };
        let mut tags = vec![CleanText::new(item.text_at("announcementType"))];
        tags.retain(|tag| !tag.is_empty());
        if item.get("isPriceSensitive") == Some(&Json::Bool(true)) {
            tags.push("price sensitive".into());
        }
        news.push(ScoredHeadline { headline, tone: None, tags });
    }
    let next = following(instruments, instrument, call, "announcements");
    if news.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::News(news), rejected: Vec::new(), next }))
}
