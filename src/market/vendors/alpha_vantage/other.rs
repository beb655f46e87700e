//! Its quotes, headlines with their tone, and its search for symbols.

use chrono::{NaiveDate, NaiveDateTime};

use super::{NEWS_LIMIT, notices, of_symbol, spelled};
use crate::domain::calendar::Calendar;
use crate::domain::market::Headline;
use crate::domain::{CleanText, Exchange, InstrumentId, Price, UnixNanos, Volume};
use crate::market::import::parse_scaled;
use crate::market::vendors::json::Json;
use crate::market::vendors::words::short;
use crate::market::vendors::{Call, Listing, Page, Payload, Reply, ScoredHeadline, VendorQuote};

/// Most answers that one wish for headlines may cost: a fifth of a day's requests.
const NEWS_PAGES_MAX: u32 = 5;

fn price(text: &str) -> Option<Price> {
    parse_scaled(text, 9).ok().map(Price::from_raw).filter(|price| price.is_positive())
}

/// The quote of one instrument, and the call for the next one asked for.
pub(super) fn quote(
    calendar: &Calendar,
    json: &Json<'_>,
    asked: &[InstrumentId],
    call: &Call,
    now: UnixNanos,
) -> Reply {
    let nothing = json.entries().is_empty().then_some(json);
    let Some(row) = json.get("Global Quote").or(nothing) else {
        return notices::malformed("the answer has no quote");
    };
    let ours: Vec<&InstrumentId> = asked.iter().filter(|i| i.exchange == Exchange::Xnys).collect();
    let symbol = call.query.iter().find(|(name, _)| name == "symbol").map_or("", |(_, value)| value);
    let place = ours.iter().position(|instrument| spelled(**instrument) == symbol);
    let Some(instrument) = place.and_then(|at| ours.get(at)) else {
        return notices::malformed("the call is of no instrument asked for");
    };
    let next = place.and_then(|at| ours.get(at + 1));
    let next = next.map(|next| Call { page: call.page + 1, ..of_symbol("GLOBAL_QUOTE", **next) });
    let mut quotes = Vec::new();
    if row.text_at("01. symbol").replace('.', "-") == symbol {
        // The price is of the latest trading day; when in it is told only once that day is over.
        let day = row.text_at("07. latest trading day").parse::<NaiveDate>().ok();
        let close = day.and_then(|day| calendar.session_on(day)).map(|session| session.close);
        let volume = parse_scaled(row.number_at("06. volume"), 3).ok().map(Volume::from_raw);
        quotes.push(VendorQuote {
            instrument: **instrument,
            last: price(row.number_at("05. price")),
            bid: None,
            ask: None,
            volume: volume.filter(|volume| !volume.is_negative()),
            previous_close: price(row.number_at("08. previous close")),
            time: close.filter(|close| *close <= now),
            delayed_minutes: None,
            currency: None,
        });
    } else if !row.entries().is_empty() {
        return notices::malformed("the quote is of another symbol");
    }
    if quotes.is_empty() && next.is_none() {
        return if ours.len() == 1 { Reply::NotFound } else { Reply::Empty };
    }
    Reply::Data(Box::new(Page { payload: Payload::Quotes(quotes), rejected: Vec::new(), next }))
}

/// A time as its parameters have it.
pub(super) fn news_time(time: UnixNanos) -> String {
    time.to_datetime().format("%Y%m%dT%H%M").to_string()
}

/// The headlines about instruments asked for, each with the tone towards that instrument.
pub(super) fn news(json: &Json<'_>, asked: &[InstrumentId], call: &Call, now: UnixNanos) -> Reply {
    let Some(Json::List(feed)) = json.get("feed") else {
        return notices::malformed("the answer has no headlines");
    };
    let mut found = Vec::new();
    let mut last = None;
    for item in feed {
        let time = NaiveDateTime::parse_from_str(item.text_at("time_published"), "%Y%m%dT%H%M%S").ok();
        let time = time.and_then(|time| time.and_utc().timestamp_nanos_opt()).map(UnixNanos::from_nanos);
        let Some(time) = time.filter(|time| *time <= now) else { continue };
        last = last.max(Some(time));
        let (headline, source) = (short(item.text_at("title")), short(item.text_at("source")));
        for mention in item.get("ticker_sentiment").map_or(&[][..], Json::items) {
            let ticker = mention.text_at("ticker").replace('.', "-");
            let of = |i: &&InstrumentId| i.exchange == Exchange::Xnys && spelled(**i) == ticker;
            let Some(instrument) = asked.iter().find(of).copied() else { continue };
            if headline.is_empty() {
                continue;
            }
            let headline = Headline { instrument, time, headline: headline.clone(), source: source.clone() };
            let tone = mention.float_at("ticker_sentiment_score").map(|tone| tone.clamp(-1.0, 1.0));
            found.push(ScoredHeadline { headline, tone, tags: Vec::new() });
        }
    }
    let from = call.query.iter().find(|(name, _)| name == "time_from").map_or("", |(_, value)| value);
    // A full answer goes on where it ends, unless all of it is one minute.
    let last = last.map(news_time).filter(|last| last.as_str() > from);
    let goes_on = feed.len() >= NEWS_LIMIT && call.page + 1 < NEWS_PAGES_MAX;
    let next = last.filter(|_| goes_on).map(|last| {
        let mut next = call.clone();
        next.page += 1;
        next.query.retain(|(name, _)| name != "time_from");
        next.with("time_from", last)
    });
    found.sort_by_key(|scored| (scored.headline.time, scored.headline.instrument));
    if found.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::News(found), rejected: Vec::new(), next }))
}

/// Instruments found; those of the United States with our exchange.
pub(super) fn search(json: &Json<'_>) -> Reply {
    let Some(Json::List(matches)) = json.get("bestMatches") else {
        return notices::malformed("the answer has no matches");
    };
    let listing = |found: &Json<'_>| {
        let american = found.text_at("4. region") == "United States";
        let symbol = found.text_at("1. symbol");
        let symbol = if american { symbol.replace('-', ".") } else { symbol.to_owned() };
        // GBX is pence, which is no currency of its own.
        let currency =
            found.text_at("8. currency").parse().ok().filter(|_| found.text_at("8. currency") != "GBX");
        Some(Listing {
            symbol: symbol.parse().ok()?,
            exchange: american.then_some(Exchange::Xnys),
            name: short(found.text_at("2. name")),
            sector: CleanText::default(),
            scheme: CleanText::default(),
            currency,
            listed: None,
            delisted: None,
            active: true,
        })
    };
    let found: Vec<Listing> = matches.iter().filter_map(listing).collect();
    if found.is_empty() { Reply::Empty } else { Page::last(Payload::Listings(found), Vec::new()) }
}
