//! Its quotes and its search for symbols.

use super::number::meant;
use super::replies::malformed;
use super::symbols::{instrument, spelled};
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, UnixNanos, Volume};
use crate::market::import::parse_scaled;
use crate::market::vendors::json::Json;
use crate::market::vendors::words::short;
use crate::market::vendors::{Call, Listing, Page, Payload, Reply, VendorQuote};

/// Whose sectors they are: Yahoo's own sectors.
const SCHEME: &str = "Yahoo sector";

/// Symbols of one call for quotes.
const QUOTES_MAX: usize = 50;
/// Shares of one unit of a displayed size in the United States.
const AMERICAN_LOT: i64 = 100;
/// Kinds of instruments that a search may give.
const KINDS: [&str; 4] = ["EQUITY", "ETF", "INDEX", "MUTUALFUND"];

/// The call for the quotes from the `page`-th group of instruments on.
pub(super) fn quotes_call(instruments: &[InstrumentId], page: u32) -> Option<Call> {
    let symbols: Vec<String> = instruments.iter().filter_map(|i| spelled(*i)).collect();
    let group = symbols.chunks(QUOTES_MAX).nth(usize::try_from(page).ok()?)?;
    let call = Call::to("/v7/finance/quote").with("symbols", group.join(","));
    Some(Call { needs_session: true, page, ..call })
}

fn price(row: &Json<'_>, name: &str) -> Option<Price> {
    let price = parse_scaled(&meant(row.number_at(name)), 9).ok().map(Price::from_raw);
    price.filter(|price| price.is_positive())
}

fn size(row: &Json<'_>, name: &str, exchange: Exchange) -> Quantity {
    let lot = if exchange == Exchange::Xnys { AMERICAN_LOT } else { 1 };
    let shares = row.whole_at(name).and_then(|size| size.checked_mul(lot)).and_then(Quantity::from_whole);
    shares.filter(|size| !size.is_negative()).unwrap_or(Quantity::ZERO)
}

/// A row of the answer as the quote of an instrument; `None` when it has no price.
pub(super) fn quote_of(row: &Json<'_>, instrument: InstrumentId, now: UnixNanos) -> Option<VendorQuote> {
    let side = |price_name, size_name| {
        price(row, price_name).map(|price| (price, size(row, size_name, instrument.exchange)))
    };
    let volume = parse_scaled(row.number_at("regularMarketVolume"), 3).ok().map(Volume::from_raw);
    let time = row.whole_at("regularMarketTime").map(UnixNanos::from_seconds);
    let delayed = row.whole_at("exchangeDataDelayedBy").and_then(|minutes| u32::try_from(minutes).ok());
    let currency = row.get("currency").and_then(Json::text);
    Some(VendorQuote {
        instrument,
        last: Some(price(row, "regularMarketPrice")?),
        bid: side("bid", "bidSize"),
        ask: side("ask", "askSize"),
        volume: volume.filter(|volume| !volume.is_negative()),
        previous_close: price(row, "regularMarketPreviousClose"),
        time: time.filter(|time| *time <= now),
        delayed_minutes: delayed,
        currency: currency.map(|text| text.chars().take(8).collect::<String>().into()),
    })
}

pub(super) fn quotes(json: &Json<'_>, asked: &[InstrumentId], call: &Call, now: UnixNanos) -> Reply {
    let Some(Json::List(rows)) = json.at(&["quoteResponse", "result"]) else {
        return malformed("the answer has no quotes");
    };
    let by_name = |row: &Json<'_>| {
        let symbol = row.text_at("symbol");
        asked.iter().find(|i| spelled(**i).is_some_and(|name| name == symbol)).copied()
    };
    let found: Vec<VendorQuote> =
        rows.iter().filter_map(|row| quote_of(row, by_name(row)?, now)).take(asked.len()).collect();
    let next = quotes_call(asked, call.page + 1);
    if found.is_empty() && next.is_none() {
        return if asked.len() == 1 { Reply::NotFound } else { Reply::Empty };
    }
    Reply::Data(Box::new(Page { payload: Payload::Quotes(found), rejected: Vec::new(), next }))
}

/// Instruments found; those on our exchanges with our spelling.
pub(super) fn search(json: &Json<'_>) -> Reply {
    let Some(Json::List(rows)) = json.get("quotes") else { return malformed("the answer has no matches") };
    let listing = |row: &Json<'_>| {
        let symbol = row.text_at("symbol");
        let ours = instrument(symbol, row.text_at("exchange"));
        let name =
            [row.text_at("longname"), row.text_at("shortname")].into_iter().find(|name| !name.is_empty());
        let sector = short(row.text_at("sector"));
        Some(Listing {
            symbol: ours.map(|id| id.symbol).or_else(|| symbol.parse().ok())?,
            exchange: ours.map(|id| id.exchange),
            name: short(name.unwrap_or("")),
            scheme: CleanText::new(if sector.is_empty() { "" } else { SCHEME }),
            sector,
            currency: ours.map(|id| id.exchange.currency()),
            listed: None,
            delisted: None,
            active: true,
        })
    };
    if !rows.is_empty() && rows.iter().all(|row| row.text_at("symbol").is_empty()) {
        return malformed("the matches have no symbols");
    }
    let known = rows.iter().filter(|row| KINDS.contains(&row.text_at("quoteType")));
    let found: Vec<Listing> = known.filter_map(listing).collect();
    if found.is_empty() { Reply::Empty } else { Page::last(Payload::Listings(found), Vec::new()) }
}

/// The words of a search that may be asked for.
pub(super) fn words(text: &CleanText) -> String {
    text.as_str().chars().take(60).collect()
}
