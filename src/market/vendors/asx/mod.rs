//! The Australian exchange's own site: quotes, figures, announcements and what is listed. Unofficial, best effort, no key.
//!
//! It has no price history: that comes from files (`import bars` reads the one-file-a-day form) or from elsewhere.
//! A quote has no time of its trade. Codes are the exchange's and ours. Of several instruments each is asked for in a
//! request of its own. A wall for robots comes as a page of HTML, with any status; an unknown or delisted code is a
//! 400.

mod directory;
mod facts;
mod notices;
mod quotes;
#[cfg(test)]
mod tests;

use super::{Allowance, Ask, Call, KeyPlace, Reply, Response, Vendor};
use crate::domain::calendar::{Calendar, Calendars};
use crate::domain::vendor::{DataKind, VendorId};
use crate::domain::{Exchange, InstrumentId, UnixNanos};

/// Below this path everything stands.
const ROOT: &str = "/asx-research/1.0/companies";

/// The vendor.
#[derive(Debug)]
pub struct AsxSite {
    calendars: Calendars,
}

/// The code of an instrument; `None` for what the site does not list.
fn code(instrument: &InstrumentId) -> Option<&str> {
    let text = instrument.symbol.as_str();
    let is_code = (3..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    (instrument.exchange == Exchange::Xasx && is_code).then_some(text)
}

/// A page about one instrument.
fn page(instrument: &InstrumentId, name: &str) -> Option<Call> {
    code(instrument).map(|code| Call::to(format!("{ROOT}/{code}/{name}")))
}

/// The first instrument that the site can have.
fn first(instruments: &[InstrumentId], name: &str) -> Option<Call> {
    instruments.iter().find_map(|instrument| page(instrument, name))
}

/// Which of the instruments a call is about.
fn about(instruments: &[InstrumentId], call: &Call, name: &str) -> Option<InstrumentId> {
    instruments.iter().find(|i| page(i, name).is_some_and(|own| own.path == call.path)).copied()
}

/// The call for the instrument behind `done`.
fn following(instruments: &[InstrumentId], done: InstrumentId, call: &Call, name: &str) -> Option<Call> {
    let behind = instruments.iter().skip_while(|i| **i != done).skip(1);
    let next = behind.filter(|i| **i != done).find_map(|instrument| page(instrument, name))?;
    Some(Call { page: call.page + 1, ..next })
}

impl AsxSite {
    /// With the calendars that tell sessions.
    pub const fn new(calendars: Calendars) -> Self {
        Self { calendars }
    }

    const fn calendar(&self) -> &Calendar {
        self.calendars.of(Exchange::Xasx)
    }
}

impl Vendor for AsxSite {
    fn id(&self) -> VendorId {
        VendorId::Asx
    }

    fn url(&self) -> &'static str {
        "https://asx.api.markitdigital.com"
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Nowhere
    }

    /// The site tells no limits; these are ours, to be a guest that is not noticed.
    fn allowances(&self) -> &'static [Allowance] {
        const OURS: &[Allowance] = &[
            Allowance { seconds: 1, requests: 1 },
            Allowance { seconds: 60, requests: 30 },
            Allowance { seconds: 86_400, requests: 5_000 },
        ];
        OURS
    }

    fn has(&self, kind: DataKind, exchange: Exchange) -> bool {
        let kind = matches!(
            kind,
            DataKind::Quotes
                | DataKind::Actions
                | DataKind::Fundamentals
                | DataKind::News
                | DataKind::Directory
        );
        kind && exchange == Exchange::Xasx
    }

    fn call(&self, ask: &Ask, _now: UnixNanos) -> Option<Call> {
        match ask {
            Ask::Quotes(instruments) => first(instruments, "header"),
            Ask::Fundamentals(instrument) | Ask::Dividends { instrument, .. } => {
                page(instrument, "key-statistics")
            }
            Ask::News { instruments, .. } => first(instruments, "announcements"),
            Ask::Directory { exchange: Exchange::Xasx, on: None } => {
                Some(Call::to(format!("{ROOT}/directory/file")))
            }
            Ask::Daily { .. }
            | Ask::GroupedDaily { .. }
            | Ask::Minutes { .. }
            | Ask::Splits { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Search(_)
            | Ask::Directory { .. }
            | Ask::Session => None,
        }
    }

    fn read(&self, ask: &Ask, call: &Call, response: &Response<'_>) -> Reply {
        if let Ask::Directory { .. } = ask {
            return notices::text(response).map_or_else(|refusal| refusal, directory::read);
        }
        let body = match notices::body(response) {
            Ok(body) => body,
            Err(Reply::NotFound) => return quotes::without_one(ask, call),
            Err(refusal) => return refusal,
        };
        let today = self.calendar().date_at(response.now);
        match ask {
            Ask::Quotes(instruments) => quotes::read(instruments, call, &body, response.now),
            Ask::Fundamentals(instrument) => facts::figures(*instrument, today, &body),
            Ask::Dividends { instrument, from, to } => facts::dividend(*instrument, (*from, *to), &body),
            Ask::News { instruments, since } => {
                facts::announcements(instruments, (*since, response.now), call, &body)
            }
            Ask::Daily { .. }
            | Ask::GroupedDaily { .. }
            | Ask::Minutes { .. }
            | Ask::Splits { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Search(_)
            | Ask::Directory { .. }
            | Ask::Session => Reply::BadRequest("asx: has no such data".into()),
        }
    }
}
