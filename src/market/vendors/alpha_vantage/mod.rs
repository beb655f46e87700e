//! Alpha Vantage: 25 requests a day and one a second on a free key, all of them `/query?function=…`.
//!
//! Daily bars come from TIME_SERIES_DAILY, which is raw, and splits and dividends from TIME_SERIES_DAILY_ADJUSTED,
//! which free keys lack: then `actions` is off and bars go on at one request a symbol. Keys that have it have no limit
//! a day, so the second request costs nothing that counts. One answer of it has both splits and dividends, and both
//! are given whichever was asked for. Where the full history is refused, the last hundred rows are asked for.
//! Figures are known from the day they were reported where that is told, else from the day they were fetched. Every
//! notice comes with status 200 and may echo the key: no text of it is repeated unsifted.

mod facts;
mod notices;
mod other;
mod series;
#[cfg(test)]
mod tests;

use chrono::{Datelike, NaiveDate};

use super::classify::by_status;
use super::json::Json;
use super::{Allowance, Ask, Call, KeyPlace, Page, Payload, Reply, Response, Series, Vendor};
use crate::domain::calendar::{Calendar, Calendars};
use crate::domain::market::Basis;
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};

/// Days back that the hundred rows of a compact answer surely cover.
const COMPACT_DAYS: i64 = 130;
/// Headlines of one answer, the most there are.
const NEWS_LIMIT: usize = 1_000;

/// The vendor.
#[derive(Debug)]
pub struct AlphaVantage {
    calendars: Calendars,
}

/// Our symbol in its spelling: `BRK.B` is `BRK-B`.
fn spelled(instrument: InstrumentId) -> String {
    instrument.symbol.as_str().replace('.', "-")
}

/// A request of a function.
fn function(name: &str) -> Call {
    Call::to("/query").with("function", name)
}

fn of_symbol(name: &str, instrument: InstrumentId) -> Call {
    function(name).with("symbol", spelled(instrument))
}

impl AlphaVantage {
    /// With the calendars that tell sessions.
    pub const fn new(calendars: Calendars) -> Self {
        Self { calendars }
    }

    /// Its prices are those of the United States.
    const fn calendar(&self) -> &Calendar {
        self.calendars.of(Exchange::Xnys)
    }

    fn daily(&self, name: &str, instrument: InstrumentId, from: NaiveDate, now: UnixNanos) -> Call {
        let age = self.calendar().date_at(now).signed_duration_since(from).num_days();
        let size = if age <= COMPACT_DAYS { "compact" } else { "full" };
        of_symbol(name, instrument).with("outputsize", size)
    }

    fn minutes(instrument: InstrumentId, month: NaiveDate) -> Call {
        of_symbol("TIME_SERIES_INTRADAY", instrument)
            .with("interval", "1min")
            .with("month", month.format("%Y-%m").to_string())
            .with("outputsize", "full")
            .with("adjusted", "false")
            .with("extended_hours", "false")
    }

    /// The answer is no data of ours: a notice, a wall, a status.
    fn refusal(
        &self,
        ask: &Ask,
        call: &Call,
        response: &Response<'_>,
        json: Option<&Json<'_>>,
    ) -> Option<Reply> {
        if let Some(reply) = json.and_then(|json| notices::read(json, ask, response.now, self.calendar())) {
            let was_full = call.query.iter().any(|(name, value)| name == "outputsize" && value == "full");
            if matches!((ask, &reply), (Ask::Daily { .. }, Reply::NotEntitled { .. })) && was_full {
                return Some(compact_instead(call));
            }
            return Some(reply);
        }
        by_status(VendorId::AlphaVantage, response)
    }
}

/// An empty page that goes on with the last hundred rows.
fn compact_instead(call: &Call) -> Reply {
    let mut next = call.clone();
    next.query.retain(|(name, _)| name != "outputsize");
    next.page += 1;
    let next = Some(next.with("outputsize", "compact"));
    let (bars, actions) = (Vec::new(), Vec::new());
    let series = Series::plain(Basis::Raw, bars, actions);
    Reply::Data(Box::new(Page { payload: Payload::Series(series), rejected: Vec::new(), next }))
}

/// The first day of the month after.
fn month_after(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_months(chrono::Months::new(1))
}

impl Vendor for AlphaVantage {
    fn id(&self) -> VendorId {
        VendorId::AlphaVantage
    }

    fn url(&self) -> &'static str {
        "https://www.alphavantage.co"
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Query("apikey")
    }

    fn allowances(&self) -> &'static [Allowance] {
        &[Allowance { seconds: 1, requests: 1 }, Allowance { seconds: 86_400, requests: 25 }]
    }

    fn has(&self, kind: DataKind, exchange: Exchange) -> bool {
        let kinds = [
            DataKind::Daily,
            DataKind::Minutes,
            DataKind::Quotes,
            DataKind::Actions,
            DataKind::Fundamentals,
            DataKind::News,
            DataKind::Search,
        ];
        exchange == Exchange::Xnys && kinds.contains(&kind)
    }

    fn call(&self, ask: &Ask, now: UnixNanos) -> Option<Call> {
        let ours = |instrument: &InstrumentId| instrument.exchange == Exchange::Xnys;
        match ask {
            Ask::Daily { instrument, from, .. } if ours(instrument) => {
                Some(self.daily("TIME_SERIES_DAILY", *instrument, *from, now))
            }
            Ask::Splits { instrument, from, .. } | Ask::Dividends { instrument, from, .. }
                if ours(instrument) =>
            {
                Some(self.daily("TIME_SERIES_DAILY_ADJUSTED", *instrument, *from, now))
            }
            Ask::Minutes { instrument, from, .. } if ours(instrument) => {
                Some(Self::minutes(*instrument, *from))
            }
            Ask::Quotes(instruments) => {
                let first = instruments.iter().find(|i| ours(i))?;
                Some(of_symbol("GLOBAL_QUOTE", *first))
            }
            Ask::Fundamentals(instrument) if ours(instrument) => Some(of_symbol("OVERVIEW", *instrument)),
            Ask::News { instruments, since } => {
                let asked: Vec<&InstrumentId> = instruments.iter().filter(|i| ours(i)).collect();
                let call = function("NEWS_SENTIMENT")
                    .with("time_from", other::news_time(*since))
                    .with("sort", "EARLIEST")
                    .with("limit", NEWS_LIMIT.to_string());
                match asked.as_slice() {
                    [] => None,
                    // Several tickers would mean headlines that name all of them.
                    [one] => Some(call.with("tickers", spelled(**one))),
                    _ => Some(call),
                }
            }
            Ask::Search(words) => Some(function("SYMBOL_SEARCH").with("keywords", words.as_str())),
            _ => None,
        }
    }

    fn read(&self, ask: &Ask, call: &Call, response: &Response<'_>) -> Reply {
        let json = Json::parse(response.body);
        if let Some(reply) = self.refusal(ask, call, response, json.as_ref().ok()) {
            return reply;
        }
        let json = match json {
            Ok(json @ Json::Map(_)) => json,
            Ok(_) => return notices::malformed("the answer is no object"),
            Err(fault) => return series::read_csv(self.calendar(), ask, call, response, fault),
        };
        let now = response.now;
        match ask {
            Ask::Daily { instrument, from, to } => {
                series::daily(self.calendar(), &json, *instrument, (*from, *to), now)
            }
            Ask::Splits { instrument, from, to } | Ask::Dividends { instrument, from, to } => {
                series::actions(self.calendar(), &json, *instrument, (*from, *to), now)
            }
            Ask::Minutes { instrument, from, to } => {
                series::minutes(self.calendar(), &json, *instrument, (*from, *to), call, now)
            }
            Ask::Quotes(instruments) => other::quote(self.calendar(), &json, instruments, call, now),
            Ask::Fundamentals(instrument) => {
                facts::read(&json, *instrument, call, self.calendar().date_at(now))
            }
            Ask::News { instruments, .. } => other::news(&json, instruments, call, now),
            Ask::Search(_) => other::search(&json),
            Ask::GroupedDaily { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Directory { .. }
            | Ask::Session => notices::malformed("nothing of this kind can be asked"),
        }
    }
}
