//! The header of a company: last price, bid and ask, volume. It has no time, and prices carry the noise of floats.
//!
//! The close before is not told but follows exactly from the last price and its change, once the noise is rounded
//! away. The older form of the page, which carries a time and the close before, is read too.

use chrono::DateTime;

use super::super::json::Json;
use super::super::{Ask, Call, Page, Payload, Reply, VendorQuote};
use super::{about, following};
use crate::domain::{InstrumentId, Price, Quantity, UnixNanos, Volume};
use crate::market::import::parse_scaled;

/// Places that a price of the site has; what is behind them is noise.
const PLACES: u32 = 6;
/// From these places to those of a price.
const SCALE: i64 = 1_000;

fn signed(text: &str) -> Option<Price> {
    parse_scaled(text, PLACES).ok()?.checked_mul(SCALE).map(Price::from_raw)
}

/// A price, without noise.
pub(super) fn price(text: &str) -> Option<Price> {
    signed(text).filter(|price| price.is_positive())
}

fn volume(text: &str) -> Option<Volume> {
    parse_scaled(text, 3).ok().map(Volume::from_raw).filter(|volume| !volume.is_negative())
}

/// `2020-12-11T00:00:00+1100`: an offset without a colon.
fn time(text: &str) -> Option<UnixNanos> {
    let time = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").ok()?;
    time.timestamp_nanos_opt().map(UnixNanos::from_nanos)
}

fn of_page(instrument: InstrumentId, body: &Json<'_>) -> Option<VendorQuote> {
    // Sizes are not told.
    let side = |text: &str| Some((price(text)?, Quantity::ZERO));
    let empty = VendorQuote {
        instrument,
        last: None,
        bid: None,
        ask: None,
        volume: None,
        previous_close: None,
        time: None,
        delayed_minutes: None,
        currency: Some("AUD".into()),
    };
    if let Some(data) = body.get("data") {
        let last = price(data.number_at("priceLast"));
        let change = signed(data.number_at("priceChange"));
        let before = last.zip(change).and_then(|(last, change)| last.checked_sub(change));
        return Some(VendorQuote {
            last,
            bid: side(data.number_at("priceBid")),
            ask: side(data.number_at("priceAsk")),
            volume: volume(data.number_at("volume")),
            previous_close: before.filter(|price| price.is_positive()),
            ..empty
        });
    }
    let is_older = body.get("code").is_some() && body.get("last_price").is_some();
    is_older.then(|| VendorQuote {
        last: price(body.number_at("last_price")),
        bid: side(body.number_at("bid_price")),
        ask: side(body.number_at("offer_price")),
        volume: volume(body.number_at("volume")),
        previous_close: price(body.number_at("previous_close_price")),
        time: time(body.text_at("last_trade_date")),
        ..empty
    })
}

/// A quote, and the call for the next instrument.
pub(super) fn read(instruments: &[InstrumentId], call: &Call, body: &Json<'_>, now: UnixNanos) -> Reply {
    let Some(instrument) = about(instruments, call, "header") else {
        return Reply::BadRequest("asx: an answer about another company came".into());
    };
    let told = body.at(&["data", "symbol"]).or_else(|| body.get("code")).and_then(Json::text);
    if told.is_some_and(|told| told != instrument.symbol.as_str()) {
        return Reply::Malformed("asx: an answer about another company came".into());
    }
    let next = following(instruments, instrument, call, "header");
    match of_page(instrument, body) {
        Some(quote) => {
            let time = quote.time.filter(|time| *time <= now);
            let payload = Payload::Quotes(vec![VendorQuote { time, ..quote }]);
            Reply::Data(Box::new(Page { payload, rejected: Vec::new(), next }))
        }
        None => Reply::Malformed("asx: the page of a company has another shape than it had".into()),
    }
}

/// An unknown code among several ends nothing: the others are asked for all the same.
pub(super) fn without_one(ask: &Ask, call: &Call) -> Reply {
    let (instruments, name, empty) = match ask {
        Ask::Quotes(instruments) => (instruments, "header", Payload::Quotes(Vec::new())),
        Ask::News { instruments, .. } => (instruments, "announcements", Payload::News(Vec::new())),
        _ => return Reply::NotFound,
    };
    let unknown = about(instruments, call, name);
    match unknown.and_then(|unknown| following(instruments, unknown, call, name)) {
        Some(next) => Reply::Data(Box::new(Page { payload: empty, rejected: Vec::new(), next: Some(next) })),
        None => Reply::NotFound,
    }
}
