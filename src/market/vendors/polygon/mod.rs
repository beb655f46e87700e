//! Polygon.io, now Massive: the United States only, five requests a minute on a free key, the key as a bearer.
//!
//! Bars are asked for raw (`adjusted=false`); when an answer says that it is adjusted all the same, its bars are told
//! as such. Splits and dividends are reference data of their own. A day of the whole market is one request. Longer
//! answers go on at `next_url`, which is followed on our own address only and never anywhere else (see `paging`).
//! Last prices come from the snapshot; a plan without snapshots is asked for the last trade, the last quote or the
//! previous close instead, where one instrument is wanted.

mod bars;
mod facts;
mod notices;
mod paging;
mod quotes;
mod reference;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use chrono::NaiveDate;

use super::json::Json;
use super::{Allowance, Ask, Call, KeyPlace, Page, Payload, Reply, Response, Vendor};
use crate::domain::calendar::{Calendar, Calendars};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};

/// Base aggregates of one answer, the most there are.
const AGGREGATES_LIMIT: &str = "50000";
/// Rows of one answer of reference data, the most there are.
const REFERENCE_LIMIT: &str = "1000";
/// Instruments found by name.
const SEARCH_LIMIT: &str = "50";
/// Statements of one answer of figures, the most there are.
const STATEMENTS_LIMIT: &str = "100";

/// The vendor.
#[derive(Debug)]
pub struct Polygon {
    calendars: Calendars,
}

/// Text as part of a path: everything but plain characters as `%XX`.
fn in_path(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The ticker of an instrument, which is our symbol; `None` outside the United States.
fn ticker(instrument: &InstrumentId) -> Option<&str> {
    (instrument.exchange == Exchange::Xnys).then_some(instrument.symbol.as_str())
}

fn aggregates(instrument: &InstrumentId, unit: &str, from: NaiveDate, to: NaiveDate) -> Option<Call> {
    let path = format!("/v2/aggs/ticker/{}/range/1/{unit}/{from}/{to}", in_path(ticker(instrument)?));
    Some(Call::to(path).with("adjusted", "false").with("sort", "asc").with("limit", AGGREGATES_LIMIT))
}

/// A list of reference data about every ticker, by a date between two days.
fn market_events(list: &str, date: &str, from: NaiveDate, to: NaiveDate) -> Call {
    let call = Call::to(format!("/v3/reference/{list}"));
    let call =
        call.with(&format!("{date}.gte"), from.to_string()).with(&format!("{date}.lte"), to.to_string());
    call.with("sort", date).with("order", "asc").with("limit", REFERENCE_LIMIT)
}

/// A list of reference data about one ticker, by a date between two days.
fn events(list: &str, date: &str, instrument: &InstrumentId, from: NaiveDate, to: NaiveDate) -> Option<Call> {
    let call = Call::to(format!("/v3/reference/{list}")).with("ticker", ticker(instrument)?);
    let call =
        call.with(&format!("{date}.gte"), from.to_string()).with(&format!("{date}.lte"), to.to_string());
    Some(call.with("sort", date).with("order", "asc").with("limit", REFERENCE_LIMIT))
}

/// Everything listed, or no longer listed, on a day.
fn tickers(active: bool, on: Option<NaiveDate>) -> Call {
    let call = Call::to("/v3/reference/tickers").with("market", "stocks");
    let call = call.with("active", if active { "true" } else { "false" });
    let call = on.into_iter().fold(call, |call, on| call.with("date", on.to_string()));
    call.with("sort", "ticker").with("order", "asc").with("limit", REFERENCE_LIMIT)
}

impl Polygon {
    /// With the calendars that tell sessions.
    pub const fn new(calendars: Calendars) -> Self {
        Self { calendars }
    }

    const fn calendar(&self) -> &Calendar {
        self.calendars.of(Exchange::Xnys)
    }

    /// What a good answer holds.
    fn data(&self, ask: &Ask, call: &Call, body: &Json<'_>, next: Option<Call>, now: UnixNanos) -> Reply {
        match ask {
            Ask::Daily { instrument, from, to } => {
                bars::daily(self.calendar(), *instrument, (*from, *to), body, next, now)
            }
            Ask::GroupedDaily { date, .. } => bars::grouped(self.calendar(), *date, body, next, now),
            Ask::Minutes { instrument, from, to } => {
                bars::minutes(self.calendar(), *instrument, (*from, *to), body, next, now)
            }
            Ask::Quotes(instruments) => quotes::read(instruments, call, body, now),
            Ask::Splits { instrument, from, to } => {
                reference::splits(Some(*instrument), (*from, *to), body, next)
            }
            Ask::Dividends { instrument, from, to } => {
                reference::dividends(Some(*instrument), (*from, *to), body, next)
            }
            Ask::MarketSplits { from, to, .. } => reference::splits(None, (*from, *to), body, next),
            Ask::MarketDividends { from, to, .. } => reference::dividends(None, (*from, *to), body, next),
            Ask::Fundamentals(instrument) => {
                facts::figures(*instrument, self.calendar().date_at(now), body, next)
            }
            Ask::News { instruments, since } => {
                let next = next.map(|next| facts::same_ticker(next, call));
                let next = next.or_else(|| facts::news_of_next(instruments, *since, call));
                facts::news(instruments, (*since, now), body, next)
            }
            Ask::Search(_) => reference::listings(body, next),
            Ask::Directory { on, .. } => {
                // What is listed first, then what is no longer.
                let first = body.get("results").and_then(|r| r.items().first());
                let was_active = first.is_none_or(|row| row.get("active") != Some(&Json::Bool(false)));
                let begins = call.query.iter().any(|(name, value)| name == "active" && value == "false");
                let delisted = (was_active && !begins && next.is_none()).then(|| tickers(false, *on));
                let delisted = delisted.map(|following| Call { page: call.page + 1, ..following });
                reference::listings(body, next.or(delisted))
            }
            Ask::Session => Reply::BadRequest("polygon: has no sessions of its own".into()),
        }
    }
}

impl Vendor for Polygon {
    fn id(&self) -> VendorId {
        VendorId::Polygon
    }

    fn url(&self) -> &'static str {
        "https://api.massive.com"
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Bearer
    }

    fn allowances(&self) -> &'static [Allowance] {
        &[Allowance { seconds: 60, requests: 5 }]
    }

    fn has(&self, kind: DataKind, exchange: Exchange) -> bool {
        // All kinds there are today, each named so that a new one must be decided.
        let kind = match kind {
            DataKind::Daily
            | DataKind::GroupedDaily
            | DataKind::Minutes
            | DataKind::Quotes
            | DataKind::Actions
            | DataKind::Fundamentals
            | DataKind::News
            | DataKind::Search
            | DataKind::Directory
            | DataKind::Stream => true,
        };
        kind && exchange == Exchange::Xnys
    }

    fn call(&self, ask: &Ask, _now: UnixNanos) -> Option<Call> {
        match ask {
            Ask::Daily { instrument, from, to } => aggregates(instrument, "day", *from, *to),
            Ask::Minutes { instrument, from, to } => aggregates(instrument, "minute", *from, *to),
            Ask::GroupedDaily { exchange: Exchange::Xnys, date } => {
                let call = Call::to(format!("/v2/aggs/grouped/locale/us/market/stocks/{date}"));
                Some(call.with("adjusted", "false"))
            }
            Ask::Quotes(instruments) => quotes::call(instruments),
            Ask::Splits { instrument, from, to } => {
                events("splits", "execution_date", instrument, *from, *to)
            }
            Ask::Dividends { instrument, from, to } => {
                events("dividends", "ex_dividend_date", instrument, *from, *to)
            }
            Ask::Fundamentals(instrument) => {
                let call = Call::to("/vX/reference/financials").with("ticker", ticker(instrument)?);
                Some(call.with("sort", "filing_date").with("order", "asc").with("limit", STATEMENTS_LIMIT))
            }
            Ask::News { instruments, since } => {
                let first = instruments.iter().find(|instrument| ticker(instrument).is_some())?;
                Some(facts::news_call(first, *since))
            }
            Ask::Search(text) => {
                let call = Call::to("/v3/reference/tickers").with("search", text.as_str());
                Some(call.with("active", "true").with("market", "stocks").with("limit", SEARCH_LIMIT))
            }
            Ask::Directory { exchange: Exchange::Xnys, on } => Some(tickers(true, *on)),
            Ask::MarketSplits { exchange: Exchange::Xnys, from, to } => {
                Some(market_events("splits", "execution_date", *from, *to))
            }
            Ask::MarketDividends { exchange: Exchange::Xnys, from, to } => {
                Some(market_events("dividends", "ex_dividend_date", *from, *to))
            }
            Ask::GroupedDaily { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Directory { .. }
            | Ask::Session => None,
        }
    }

    fn read(&self, ask: &Ask, call: &Call, response: &Response<'_>) -> Reply {
        let body = match notices::body(call, response) {
            Ok(body) => body,
            Err(Reply::NotEntitled { said }) => {
                let instead =
                    if let Ask::Quotes(wanted) = ask { quotes::instead(wanted, call) } else { None };
                let Some(next) = instead else { return Reply::NotEntitled { said } };
                let payload = Payload::Quotes(Vec::new());
                return Reply::Data(Box::new(Page { payload, rejected: Vec::new(), next: Some(next) }));
            }
            Err(refusal) => return refusal,
        };
        match paging::next(call, &body) {
            Ok(next) => self.data(ask, call, &body, next, response.now),
            Err(refusal) => refusal,
        }
    }
}
