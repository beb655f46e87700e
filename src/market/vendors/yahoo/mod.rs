//! Yahoo Finance: not official, so best effort; it may end any day, and nothing needs it. No key.
//!
//! Requests say honestly who asks. Quotes and figures need a session (a cookie and a text that goes with it); bars,
//! headlines and search do not. Prices are restated for splits up to the day of the answer, so every answer of daily
//! bars is asked for up to today and a new split shows at once. What trades in Sydney and in the United States is
//! asked for; an answer in another zone or currency is refused.

mod chart;
mod facts;
mod news;
mod number;
mod other;
mod replies;
mod symbols;
#[cfg(test)]
mod tests;

use chrono::{Days, NaiveDate, NaiveTime};

use super::json::Json;
use super::{Allowance, Ask, Call, KeyPlace, Reply, Response, Vendor};
use crate::domain::calendar::{Calendar, Calendars};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};

/// Days of minute bars in one answer (it allows eight).
const MINUTE_WINDOW_DAYS: u64 = 7;
/// Days back that it has minute bars for.
const MINUTE_DAYS_MAX: u64 = 29;

/// The vendor.
#[derive(Debug)]
pub struct Yahoo {
    calendars: Calendars,
}

/// The first second of a day where the exchange is.
fn first_second(calendar: &Calendar, day: NaiveDate) -> String {
    let start = calendar.at_local(day, NaiveTime::MIN).unwrap_or(UnixNanos::ZERO);
    start.to_datetime().timestamp().to_string()
}

impl Yahoo {
    /// With the calendars that tell sessions and days.
    pub const fn new(calendars: Calendars) -> Self {
        Self { calendars }
    }

    const fn calendar(&self, instrument: InstrumentId) -> &Calendar {
        self.calendars.of(instrument.exchange)
    }

    /// A chart from a day to another, both included.
    fn chart(
        &self,
        instrument: InstrumentId,
        interval: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Option<Call> {
        let calendar = self.calendar(instrument);
        let path = format!("/v8/finance/chart/{}", symbols::in_path(&symbols::spelled(instrument)?));
        let call = Call::to(path)
            .with("interval", interval)
            .with("period1", first_second(calendar, from))
            .with("period2", first_second(calendar, to.succ_opt()?));
        Some(call.with("includePrePost", "false").with("events", "div|split|capitalGains"))
    }

    /// A chart of days that reaches to today.
    fn days(&self, instrument: InstrumentId, from: NaiveDate, to: NaiveDate, now: UnixNanos) -> Option<Call> {
        let today = self.calendar(instrument).date_at(now);
        self.chart(instrument, "1d", from, to.max(today))
    }

    /// The `page`-th window of minutes that are still to be had.
    fn minutes(
        &self,
        (instrument, from, to): (InstrumentId, NaiveDate, NaiveDate),
        now: UnixNanos,
        page: u32,
    ) -> Option<Call> {
        let today = self.calendar(instrument).date_at(now);
        let first = from.max(today.checked_sub_days(Days::new(MINUTE_DAYS_MAX))?);
        let start = first.checked_add_days(Days::new(MINUTE_WINDOW_DAYS * u64::from(page)))?;
        let end = start.checked_add_days(Days::new(MINUTE_WINDOW_DAYS - 1))?.min(to);
        let call = (start <= to.min(today)).then(|| self.chart(instrument, "1m", start, end)).flatten()?;
        Some(Call { page, ..call })
    }
}

impl Vendor for Yahoo {
    fn id(&self) -> VendorId {
        VendorId::Yahoo
    }

    fn url(&self) -> &'static str {
        "https://query2.finance.yahoo.com"
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Nowhere
    }

    fn allowances(&self) -> &'static [Allowance] {
        // It names no limit; this is ours, out of politeness.
        &[Allowance { seconds: 1, requests: 2 }, Allowance { seconds: 60, requests: 60 }]
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
        exchange != Exchange::Sim && kinds.contains(&kind)
    }

    fn minute_days_max(&self) -> Option<u64> {
        Some(MINUTE_DAYS_MAX)
    }

    fn call(&self, ask: &Ask, now: UnixNanos) -> Option<Call> {
        match ask {
            Ask::Daily { instrument, from, to }
            | Ask::Splits { instrument, from, to }
            | Ask::Dividends { instrument, from, to } => self.days(*instrument, *from, *to, now),
            Ask::Minutes { instrument, from, to } => self.minutes((*instrument, *from, *to), now, 0),
            Ask::Quotes(instruments) => other::quotes_call(instruments, 0),
            Ask::Fundamentals(instrument) => facts::summary_call(*instrument),
            Ask::News { instruments, .. } => news::first_call(instruments),
            Ask::Search(words) => {
                let call = Call::to("/v1/finance/search").with("q", other::words(words));
                Some(call.with("quotesCount", "20").with("newsCount", "0"))
            }
            Ask::Session => Some(Call::to("/v1/test/getcrumb")),
            Ask::GroupedDaily { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Directory { .. } => None,
        }
    }

    fn read(&self, ask: &Ask, call: &Call, response: &Response<'_>) -> Reply {
        if matches!(ask, Ask::Session) {
            return replies::session(response);
        }
        let now = response.now;
        let parsed = Json::parse(response.body);
        let refused = replies::refusal(response, parsed.as_ref().ok());
        if let Ask::News { instruments, since } = ask {
            return news::read(instruments, *since, call, response, parsed.as_ref().ok(), refused);
        }
        if let Some(reply) = refused {
            return reply;
        }
        let json = match parsed {
            Ok(json) => json,
            Err(fault) => return replies::malformed(&format!("the answer {fault}")),
        };
        match ask {
            Ask::Daily { instrument, from, to } => {
                chart::daily(self.calendar(*instrument), &json, *instrument, (*from, *to), now)
            }
            Ask::Splits { instrument, from, to } | Ask::Dividends { instrument, from, to } => {
                chart::actions(self.calendar(*instrument), &json, *instrument, (*from, *to), now)
            }
            Ask::Minutes { instrument, from, to } => {
                let next = self.minutes((*instrument, *from, *to), now, call.page + 1);
                chart::minutes(self.calendar(*instrument), &json, *instrument, (*from, *to), now, next)
            }
            Ask::Quotes(instruments) => other::quotes(&json, instruments, call, now),
            Ask::Fundamentals(instrument) => {
                facts::read(&json, *instrument, call, self.calendar(*instrument).date_at(now), now)
            }
            Ask::Search(_) => other::search(&json),
            Ask::News { .. }
            | Ask::GroupedDaily { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Directory { .. }
            | Ask::Session => replies::malformed("nothing of this kind can be asked"),
        }
    }
}
