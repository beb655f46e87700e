//! Last prices: the snapshot of one or more instruments; what smaller plans have instead, one step at a time.
//!
//! Each answer gives what it has of an instrument (last trade, last bid and ask, close before); a reader lays the
//! parts of several pages over each other. Times are in nanoseconds, sizes of quotes in round lots of 100 shares.

use super::super::json::Json;
use super::super::{Call, Page, Payload, Reply, VendorQuote};
use super::{in_path, ticker};
use crate::domain::time::NANOS_PER_MILLI;
use crate::domain::{InstrumentId, Price, Quantity, UnixNanos, Volume};
use crate::market::import::parse_scaled;

const SNAPSHOT: &str = "/v2/snapshot/locale/us/markets/stocks/tickers";
const LAST_TRADE: &str = "/v2/last/trade/";
const QUOTES: &str = "/v3/quotes/";
/// The status of an answer to a plan without prices of the moment, and how late they are then.
const DELAYED: &str = "DELAYED";
const DELAY_MINUTES: u32 = 15;
/// Shares of a round lot, the unit of displayed sizes.
const ROUND_LOT: i64 = 100;
/// Most instruments of one request.
const INSTRUMENTS_MAX: usize = 250;

/// The first call: a snapshot.
pub(super) fn call(instruments: &[InstrumentId]) -> Option<Call> {
    let tickers: Vec<&str> = instruments.iter().filter_map(ticker).take(INSTRUMENTS_MAX).collect();
    match tickers.as_slice() {
        [] => None,
        [one] => Some(Call::to(format!("{SNAPSHOT}/{}", in_path(one)))),
        several => Some(Call::to(SNAPSHOT).with("tickers", several.join(","))),
    }
}

/// What a smaller plan may have, for one instrument: the last trade, then the previous close.
pub(super) fn instead(instruments: &[InstrumentId], call: &Call) -> Option<Call> {
    let [one] = instruments else { return None };
    let name = in_path(ticker(one)?);
    let path = if call.path.starts_with(SNAPSHOT) {
        format!("{LAST_TRADE}{name}")
    } else if call.path.starts_with(LAST_TRADE) || call.path.starts_with(QUOTES) {
        format!("/v2/aggs/ticker/{name}/prev")
    } else {
        return None;
    };
    Some(Call { page: call.page + 1, ..Call::to(path) })
}

/// Whatever of last prices an answer has.
pub(super) fn read(instruments: &[InstrumentId], call: &Call, body: &Json<'_>, now: UnixNanos) -> Reply {
    let mut next = None;
    let quotes = if call.path.starts_with(SNAPSHOT) {
        let one = body.get("ticker").into_iter();
        let all = one.chain(body.get("tickers").map_or(&[][..], Json::items));
        all.filter_map(|row| of_snapshot(instruments, row)).collect()
    } else if call.path.starts_with(LAST_TRADE) {
        next = quote_after(instruments, call);
        of(instruments, body.at(&["results", "T"])).into_iter().map(|q| with_trade(q, body)).collect()
    } else if call.path.starts_with(QUOTES) {
        let rows = body.get("results").map_or(&[][..], Json::items);
        rows.first().zip(instruments.first()).map(|(row, i)| with_quote(empty(*i), row)).into_iter().collect()
    } else {
        let rows = body.get("results").map_or(&[][..], Json::items);
        rows.first()
            .and_then(|row| Some(with_close(of(instruments, row.get("T"))?, row)))
            .into_iter()
            .collect()
    };
    let mut quotes: Vec<VendorQuote> = quotes;
    // A time that has not come says nothing of when the price was made.
    quotes.iter_mut().for_each(|quote| quote.time = quote.time.filter(|time| *time <= now));
    if body.text_at("status") == DELAYED {
        quotes.iter_mut().for_each(|quote| quote.delayed_minutes = Some(DELAY_MINUTES));
    }
    if quotes.is_empty() && next.is_none() {
        return if call.path.starts_with(SNAPSHOT) { Reply::NotFound } else { Reply::Empty };
    }
    Reply::Data(Box::new(Page { payload: Payload::Quotes(quotes), rejected: Vec::new(), next }))
}

/// The call for the last bid and ask behind that for the last trade.
fn quote_after(instruments: &[InstrumentId], call: &Call) -> Option<Call> {
    let [one] = instruments else { return None };
    let path = format!("{QUOTES}{}", in_path(ticker(one)?));
    let newest = Call::to(path).with("order", "desc").with("sort", "timestamp").with("limit", "1");
    Some(Call { page: call.page + 1, ..newest })
}

fn empty(instrument: InstrumentId) -> VendorQuote {
    VendorQuote {
        instrument,
        last: None,
        bid: None,
        ask: None,
        volume: None,
        previous_close: None,
        time: None,
        delayed_minutes: None,
        currency: None,
    }
}

/// An empty quote of the instrument named, when it was asked for.
fn of(instruments: &[InstrumentId], name: Option<&Json<'_>>) -> Option<VendorQuote> {
    let name = name.and_then(Json::text)?;
    instruments.iter().find(|i| ticker(i) == Some(name)).copied().map(empty)
}

fn price(text: &str) -> Option<Price> {
    parse_scaled(text, 9).ok().map(Price::from_raw).filter(|price| price.is_positive())
}

fn volume(text: &str) -> Option<Volume> {
    parse_scaled(text, 3).ok().map(Volume::from_raw).filter(|volume| !volume.is_negative())
}

fn nanos(text: &str) -> Option<UnixNanos> {
    text.parse().ok().map(UnixNanos::from_nanos).filter(|time| time.nanos() > 0)
}

fn lots(text: &str) -> Quantity {
    let lots = text.parse().unwrap_or(0_i64);
    lots.max(0).checked_mul(ROUND_LOT).and_then(Quantity::from_whole).unwrap_or(Quantity::ZERO)
}

fn of_snapshot(instruments: &[InstrumentId], row: &Json<'_>) -> Option<VendorQuote> {
    let quote = of(instruments, row.get("ticker"))?;
    let figure = |part: &str, name: &str| row.at(&[part, name]).map_or("", Json::number_text);
    let side = |price_name: &str, size_name: &str| {
        Some((price(figure("lastQuote", price_name))?, lots(figure("lastQuote", size_name))))
    };
    // Without a trade of today the day's and then the minute's close stand.
    let last = price(figure("lastTrade", "p")).or_else(|| price(figure("day", "c")));
    Some(VendorQuote {
        last: last.or_else(|| price(figure("min", "c"))),
        bid: side("p", "s"),
        ask: side("P", "S"),
        volume: volume(figure("day", "v")),
        previous_close: price(figure("prevDay", "c")),
        time: nanos(figure("lastTrade", "t")).or_else(|| nanos(row.number_at("updated"))),
        ..quote
    })
}

fn with_trade(quote: VendorQuote, body: &Json<'_>) -> VendorQuote {
    let figure = |name: &str| body.at(&["results", name]).map_or("", Json::number_text);
    VendorQuote { last: price(figure("p")), time: nanos(figure("t")), ..quote }
}

fn with_quote(quote: VendorQuote, row: &Json<'_>) -> VendorQuote {
    let side = |name: &str, size: &str| Some((price(row.number_at(name))?, lots(row.number_at(size))));
    let (bid, ask) = (side("bid_price", "bid_size"), side("ask_price", "ask_size"));
    VendorQuote { bid, ask, time: nanos(row.number_at("sip_timestamp")), ..quote }
}

fn with_close(quote: VendorQuote, row: &Json<'_>) -> VendorQuote {
    let close = price(row.number_at("c"));
    let time = row.whole_at("t").and_then(|t| t.checked_mul(NANOS_PER_MILLI)).map(UnixNanos::from_nanos);
    VendorQuote { last: close, previous_close: close, time, volume: volume(row.number_at("v")), ..quote }
}
