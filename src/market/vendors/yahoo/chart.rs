//! Its charts: daily and minute bars with the splits and dividends of the span.
//!
//! Prices, volume and dividends are restated for every split up to the day of the answer, so an answer reaches to that
//! day whatever span is wanted: then all splits are known and dividends can be given as they were paid. A day is the
//! exchange's day of its stamp. Bars of another zone or currency than the exchange's are refused as a whole.

use chrono::{NaiveDate, Timelike as _};

use super::number::meant;
use super::replies::{malformed, said};
use super::symbols::spelled;
use crate::domain::calendar::Calendar;
use crate::domain::fixed::divide_half_even;
use crate::domain::market::{ActionKind, Basis, CorporateAction, SplitRatio};
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, Exchange, InstrumentId, Price, Quantity, QuarantineReason, UnixNanos};
use crate::market::import::parse_scaled;
use crate::market::vendors::json::Json;
use crate::market::vendors::rows::{DailyRows, MinuteRows, RowText};
use crate::market::vendors::{Call, Page, Payload, Reply};

type Span = (NaiveDate, NaiveDate);

/// Most events of one chart.
const EVENTS_MAX: usize = 10_000;
/// A restated dividend is right to this, in raw units of a price: it has six digits behind the point.
const DIVIDEND_STEP_RAW: i128 = 1_000;
/// Length of a minute.
const MINUTE_NANOS: i64 = 60 * crate::domain::time::NANOS_PER_SECOND;
/// A stamp from this hour on is a midnight that summer time has moved to the day before.
const SHIFTED_HOUR: u32 = 22;

/// A chart whose frame is good: every row has a time.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    meta: &'a Json<'a>,
    times: &'a [Json<'a>],
    /// Open, high, low, close, volume.
    columns: [&'a [Json<'a>]; 5],
    /// Closes adjusted for dividends too; empty where there are none.
    adjusted: &'a [Json<'a>],
    events: Option<&'a Json<'a>>,
}

impl<'a> Chart<'a> {
    /// Finds the parts of a chart.
    pub(super) fn read(json: &'a Json<'a>) -> Result<Self, Reply> {
        let result = json.at(&["chart", "result"]).and_then(|list| list.items().first());
        let Some((result, meta)) = result.and_then(|result| Some((result, result.get("meta")?))) else {
            return Err(malformed("the answer is no chart"));
        };
        let quote = result.at(&["indicators", "quote"]).and_then(|list| list.items().first());
        let column = |name| quote.and_then(|quote| quote.get(name)).map_or(&[][..], Json::items);
        let columns = ["open", "high", "low", "close", "volume"].map(column);
        let adjusted = result.at(&["indicators", "adjclose"]).and_then(|list| list.items().first());
        let adjusted = adjusted.and_then(|list| list.get("adjclose")).map_or(&[][..], Json::items);
        let times = result.get("timestamp").map_or(&[][..], Json::items);
        if columns.iter().any(|column| !column.is_empty() && column.len() != times.len()) {
            return Err(malformed("prices and times do not belong together"));
        }
        Ok(Self { meta, times, columns, adjusted, events: result.get("events") })
    }

    /// The chart is not what was asked for: another symbol, interval, zone or currency.
    pub(super) fn check(&self, instrument: InstrumentId, interval: &str) -> Result<(), Reply> {
        let exchange = instrument.exchange;
        let told = |name| Some(self.meta.text_at(name)).filter(|text| !text.is_empty());
        let symbol = spelled(instrument).unwrap_or_default();
        if told("symbol").is_some_and(|told| !told.eq_ignore_ascii_case(&symbol)) {
            return Err(malformed("the answer is of another symbol"));
        }
        if told("dataGranularity").is_some_and(|told| told != interval) {
            return Err(malformed("the answer has bars of another length"));
        }
        let zone = if exchange == Exchange::Xasx { "Australia/Sydney" } else { "America/New_York" };
        let elsewhere = told("exchangeTimezoneName").filter(|told| *told != zone);
        let foreign = told("currency").filter(|told| *told != exchange.currency().as_str());
        if let Some(what) = elsewhere.or(foreign) {
            let what: String = what.chars().take(40).collect();
            return Err(Reply::BadRequest(said(&format!(
                "{symbol} is in {what}, so it is not on {exchange}"
            ))));
        }
        Ok(())
    }

    pub(super) fn currency(&self) -> Option<CleanText> {
        self.meta
            .get("currency")
            .and_then(Json::text)
            .map(|text| text.chars().take(8).collect::<String>().into())
    }

    /// Every row: its number from 1, its time when it has one, and its five texts.
    fn rows(&self) -> impl Iterator<Item = (u64, &str, Option<UnixNanos>, [std::borrow::Cow<'_, str>; 5])> {
        (1..).zip(self.times).enumerate().map(|(index, (line, time))| {
            let text = time.number_text();
            let texts = self.columns.map(|column| meant(column.get(index).map_or("", Json::number_text)));
            (line, text, seconds(text), texts)
        })
    }

    /// The adjusted close of a row by its number, when the closes belong to the rows.
    fn adjusted(&self, line: u64) -> &str {
        let index = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
        let fits = self.adjusted.len() == self.times.len();
        index.filter(|_| fits).and_then(|index| self.adjusted.get(index)).map_or("", Json::number_text)
    }

    /// The close of the first row as it was meant.
    #[cfg(test)]
    pub(super) fn first_close(&self) -> Option<String> {
        let mut rows = self.rows();
        rows.next().map(|(_, _, _, texts)| texts[3].chars().take(12).collect())
    }

    fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

/// A time in seconds that fits.
fn seconds(text: &str) -> Option<UnixNanos> {
    let seconds = text.parse::<i64>().ok()?;
    seconds.checked_mul(crate::domain::time::NANOS_PER_SECOND).map(UnixNanos::from_nanos)
}

fn row_text<'a>([open, high, low, close, volume]: &'a [std::borrow::Cow<'a, str>; 5]) -> RowText<'a> {
    RowText { prices: [open, high, low, close], volume, vwap: "" }
}

/// The exchange's day of a stamp.
fn session(calendar: &Calendar, time: UnixNanos) -> NaiveDate {
    let date = calendar.date_at(time);
    // Nearly always: within the hours of the day's own session.
    if calendar.session_on(date).is_some_and(|session| session.open <= time && time <= session.close) {
        return date;
    }
    let midnight = calendar.at_local(date, chrono::NaiveTime::MIN);
    let into = midnight.map_or(0, |midnight| time.since(midnight)).max(0);
    let clock = UnixNanos::from_nanos(into).to_datetime();
    let moved = clock.hour() >= SHIFTED_HOUR;
    moved.then(|| date.succ_opt()).flatten().unwrap_or(date)
}

pub(super) fn daily(
    calendar: &Calendar,
    json: &Json<'_>,
    instrument: InstrumentId,
    span: Span,
    now: UnixNanos,
) -> Reply {
    let chart = match checked(json, instrument, "1d") {
        Ok(chart) => chart,
        Err(reply) => return reply,
    };
    let mut bars = DailyRows::new(VendorId::Yahoo, calendar, now, span);
    for (line, text, time, texts) in chart.rows() {
        let session = time.map(|time| session(calendar, time));
        let row = row_text(&texts);
        match session {
            Some(session) => bars.add_adjusted(line, instrument, session, &row, chart.adjusted(line)),
            None => bars.take(line, instrument, (None, text), &row),
        }
    }
    let events = events(calendar, &chart, instrument, span, now);
    bars.set_gains(gains(calendar, &chart, span));
    bars.into_reply(Basis::Split, events, chart.currency(), None)
}

fn checked<'a>(json: &'a Json<'a>, instrument: InstrumentId, interval: &str) -> Result<Chart<'a>, Reply> {
    let chart = Chart::read(json)?;
    chart.check(instrument, interval)?;
    if chart.is_empty() && chart.events.is_none() { Err(Reply::Empty) } else { Ok(chart) }
}

pub(super) fn actions(
    calendar: &Calendar,
    json: &Json<'_>,
    instrument: InstrumentId,
    span: Span,
    now: UnixNanos,
) -> Reply {
    let chart = match checked(json, instrument, "1d") {
        Ok(chart) => chart,
        Err(reply) => return reply,
    };
    let found = events(calendar, &chart, instrument, span, now);
    if found.is_empty() { Reply::Empty } else { Page::last(Payload::Actions(found), Vec::new()) }
}

pub(super) fn minutes(
    calendar: &Calendar,
    json: &Json<'_>,
    instrument: InstrumentId,
    span: Span,
    now: UnixNanos,
    next: Option<Call>,
) -> Reply {
    let chart = match Chart::read(json).and_then(|chart| chart.check(instrument, "1m").map(|()| chart)) {
        Ok(chart) => chart,
        Err(reply) => return reply,
    };
    let mut bars = MinuteRows::new(VendorId::Yahoo, calendar, instrument, now, span);
    for (line, text, time, texts) in chart.rows() {
        // A minute without a trade is a row of nulls: no bar, and nothing wrong. The last row may be the live price
        // under the very second it was made: no minute.
        let is_last = usize::try_from(line) == Ok(chart.times.len());
        let is_live = is_last && time.is_some_and(|time| time.nanos() % MINUTE_NANOS != 0);
        if is_live || texts.iter().all(|text| text.is_empty()) {
            continue;
        }
        match time {
            Some(time) => bars.add(line, time, &row_text(&texts), None),
            None => bars.refuse(line, text, QuarantineReason::BadDate, &row_text(&texts)),
        }
    }
    bars.into_reply(Basis::Split, next)
}

/// The splits and dividends of the span, by ex-date, as they happened.
fn events(
    calendar: &Calendar,
    chart: &Chart<'_>,
    instrument: InstrumentId,
    (from, to): Span,
    now: UnixNanos,
) -> Vec<CorporateAction> {
    let of = |kind: &str| chart.events.and_then(|events| events.get(kind)).map_or(&[][..], Json::entries);
    let today = calendar.date_at(now);
    let date = |key: &str, event: &Json<'_>| {
        let told = event.number_at("date");
        let date = session(calendar, seconds(if told.is_empty() { key } else { told })?);
        (date <= today).then_some(date)
    };
    let mut splits: Vec<(NaiveDate, SplitRatio)> = of("splits")
        .iter()
        .take(EVENTS_MAX)
        .filter_map(|(key, event)| Some((date(key, event)?, ratio(event)?)))
        .collect();
    splits.sort_by_key(|(date, _)| *date);
    splits.dedup_by_key(|(date, _)| *date);
    let paid = of("dividends").iter().take(EVENTS_MAX).filter_map(|(key, event)| {
        let date = date(key, event)?;
        let amount = parse_scaled(&meant(event.number_at("amount")), 9).ok().map(Price::from_raw)?;
        let later = splits.iter().filter(|(split, _)| *split > date).map(|(_, ratio)| *ratio);
        let amount = as_paid(amount, later).filter(|amount| amount.is_positive())?;
        Some(CorporateAction { instrument, date, kind: ActionKind::Dividend { amount, pay_date: date } })
    });
    let split = |(date, ratio): &(NaiveDate, SplitRatio)| CorporateAction {
        instrument,
        date: *date,
        kind: ActionKind::Split(*ratio),
    };
    let mut found: Vec<CorporateAction> = paid.chain(splits.iter().map(split)).collect();
    found.retain(|action| from <= action.date && action.date <= to);
    found.sort_by_key(|action| action.date);
    found.dedup();
    found
}

/// The capital gains of a fund, by ex-date.
fn gains(calendar: &Calendar, chart: &Chart<'_>, (from, to): Span) -> Vec<(NaiveDate, f64)> {
    let told = chart.events.and_then(|events| events.get("capitalGains")).map_or(&[][..], Json::entries);
    let gain = |(key, event): &(std::borrow::Cow<'_, str>, Json<'_>)| {
        let told = event.number_at("date");
        let date = session(calendar, seconds(if told.is_empty() { key } else { told })?);
        let amount = event.number_at("amount").parse().ok().filter(|a: &f64| a.is_finite() && *a > 0.0)?;
        (from <= date && date <= to).then_some((date, amount))
    };
    told.iter().take(EVENTS_MAX).filter_map(gain).collect()
}

/// New to old shares; `None` when it is no split.
fn ratio(event: &Json<'_>) -> Option<SplitRatio> {
    let part = |name| parse_scaled(event.number_at(name), 9).ok().map(Quantity::from_raw);
    let (new, old) = (part("numerator")?, part("denominator")?);
    (new.is_positive() && old.is_positive() && new != old).then_some(SplitRatio { new, old })
}

/// A dividend restated for splits, as it was paid: its rounding to six digits grows with the splits, and what cannot
/// be known is rounded off.
fn as_paid(amount: Price, later: impl Iterator<Item = SplitRatio>) -> Option<Price> {
    let (mut raw, mut step) = (i128::from(amount.raw()), DIVIDEND_STEP_RAW);
    let mut restated = false;
    for SplitRatio { new, old } in later {
        let times = |value: i128| divide_half_even(value.checked_mul(new.raw().into())?, old.raw().into());
        (raw, step, restated) = (times(raw)?, times(step)?, true);
    }
    let mut unit = 1;
    while restated && unit < step {
        unit *= 10;
    }
    let rounded = divide_half_even(raw, unit)?.checked_mul(unit)?;
    i64::try_from(rounded).ok().map(Price::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(new: i64, old: i64) -> SplitRatio {
        SplitRatio { new: Quantity::from_whole(new).unwrap(), old: Quantity::from_whole(old).unwrap() }
    }

    #[test]
    fn dividends_are_given_as_they_were_paid() {
        let paid = |amount: &str, later: &[SplitRatio]| {
            as_paid(amount.parse().unwrap(), later.iter().copied()).unwrap().to_string()
        };
        assert_eq!(paid("0.205", &[]), "0.205");
        assert_eq!(paid("0.205", &[split(4, 1)]), "0.82");
        assert_eq!(paid("0.094643", &[split(7, 1), split(4, 1)]), "2.65");
        assert_eq!(paid("8", &[split(1, 8)]), "1");
        assert_eq!(
            as_paid(Price::from_raw(i64::MAX), [split(i64::MAX / Quantity::ONE_RAW, 1); 9].into_iter()),
            None
        );
    }
}
