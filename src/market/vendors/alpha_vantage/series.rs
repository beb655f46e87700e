//! Its bars: daily and minutes as JSON, or as CSV where that comes, and the events beside adjusted bars.

use chrono::{NaiveDate, NaiveDateTime};

use super::{AlphaVantage, month_after, notices, spelled};
use crate::domain::calendar::Calendar;
use crate::domain::market::{ActionKind, Basis, CorporateAction, SplitRatio};
use crate::domain::vendor::VendorId;
use crate::domain::{InstrumentId, Price, Quantity, QuarantineReason, UnixNanos};
use crate::market::import::{parse_day, parse_scaled};
use crate::market::vendors::json::{Json, JsonFault};
use crate::market::vendors::rows::{DailyRows, MinuteRows, RowText};
use crate::market::vendors::{Ask, Call, Page, Payload, Reply, Response};

type Span = (NaiveDate, NaiveDate);
type Rows<'a> = &'a [(std::borrow::Cow<'a, str>, Json<'a>)];

/// How far one over a split coefficient may be from a whole number to be meant as one (coefficients have 4 digits).
const WHOLE_WITHIN: f64 = 0.002;

/// The value whose key is `NUMBER. name`: the numbers differ from function to function.
fn field<'a>(row: &'a Json<'_>, name: &str) -> &'a str {
    let named = |key: &str| {
        let number = key.strip_suffix(name).and_then(|rest| rest.strip_suffix(". "));
        number.is_some_and(|number| !number.contains(' '))
    };
    row.entries().iter().find(|(key, _)| named(key)).map_or("", |(_, value)| value.number_text())
}

fn row_text<'a>(row: &'a Json<'_>) -> RowText<'a> {
    let prices = ["open", "high", "low", "close"].map(|name| field(row, name));
    RowText { prices, volume: field(row, "volume"), vwap: "" }
}

/// The rows under `key`, once the answer is seen to be of the symbol asked for.
fn rows_of<'a>(json: &'a Json<'a>, instrument: InstrumentId, key: &str) -> Result<Rows<'a>, Reply> {
    let meta = json.get("Meta Data");
    let symbol = meta.map_or("", |meta| field(meta, "Symbol"));
    let Some(rows) = json.get(key) else {
        let only_meta = json.entries().iter().all(|(name, _)| name == "Meta Data");
        let other = notices::malformed("the answer has no such series");
        return Err(if only_meta { Reply::NotFound } else { other });
    };
    let spelled = spelled(instrument);
    if ![spelled.as_str(), instrument.symbol.as_str()].iter().any(|name| name.eq_ignore_ascii_case(symbol)) {
        return Err(notices::malformed("the answer is of another symbol"));
    }
    if matches!(rows, Json::Map(_)) {
        Ok(rows.entries())
    } else {
        Err(notices::malformed("rows are no object"))
    }
}

pub(super) fn daily(
    calendar: &Calendar,
    json: &Json<'_>,
    instrument: InstrumentId,
    span: Span,
    now: UnixNanos,
) -> Reply {
    let rows = match rows_of(json, instrument, "Time Series (Daily)") {
        Ok(rows) => rows,
        Err(reply) => return reply,
    };
    let mut bars = DailyRows::new(VendorId::AlphaVantage, calendar, now, span);
    for (line, (date, row)) in (1..).zip(rows) {
        bars.take(line, instrument, (day(date), date), &row_text(row));
    }
    bars.into_reply(Basis::Raw, Vec::new(), None, None)
}

fn day(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| parse_day(text)).flatten()
}

/// The splits and dividends of adjusted daily rows, by ex-date.
pub(super) fn actions(
    calendar: &Calendar,
    json: &Json<'_>,
    instrument: InstrumentId,
    (from, to): Span,
    now: UnixNanos,
) -> Reply {
    let rows = match rows_of(json, instrument, "Time Series (Daily)") {
        Ok(rows) => rows,
        Err(reply) => return reply,
    };
    let today = calendar.date_at(now);
    let mut found = Vec::new();
    for (date, row) in rows {
        let Some(date) = day(date).filter(|d| from <= *d && *d <= to && *d <= today) else { continue };
        let dividend = parse_scaled(field(row, "dividend amount"), 9).ok().map(Price::from_raw);
        let split = parse_scaled(field(row, "split coefficient"), 9).ok().and_then(ratio);
        let dividend = dividend.filter(|amount| amount.is_positive());
        let dividend = dividend.map(|amount| ActionKind::Dividend { amount, pay_date: date });
        let kinds = split.map(ActionKind::Split).into_iter().chain(dividend);
        found.extend(kinds.map(|kind| CorporateAction { instrument, date, kind }));
    }
    found.sort_by_key(|action| action.date);
    found.dedup();
    if found.is_empty() { Reply::Empty } else { Page::last(Payload::Actions(found), Vec::new()) }
}

/// New to old shares of a coefficient: 4.0 is 4:1, 0.3333 is 1:3; `None` when nothing is split.
fn ratio(coefficient: i64) -> Option<SplitRatio> {
    let one = Quantity::from_raw(Quantity::ONE_RAW);
    if coefficient <= 0 || coefficient == Quantity::ONE_RAW {
        return None;
    }
    let inverse = Quantity::ONE_RAW as f64 / coefficient as f64;
    let whole = inverse.round();
    if coefficient < Quantity::ONE_RAW && whole < 1e6 && (inverse / whole - 1.0).abs() < WHOLE_WITHIN {
        return Some(SplitRatio { new: one, old: Quantity::from_whole(whole as i64)? });
    }
    Some(SplitRatio { new: Quantity::from_raw(coefficient), old: one })
}

pub(super) fn minutes(
    calendar: &Calendar,
    json: &Json<'_>,
    instrument: InstrumentId,
    span: Span,
    call: &Call,
    now: UnixNanos,
) -> Reply {
    let rows = match rows_of(json, instrument, "Time Series (1min)") {
        Ok(rows) => rows,
        Err(reply) => return reply,
    };
    let zone = json.get("Meta Data").map_or("", |meta| field(meta, "Time Zone"));
    if !["US/Eastern", "America/New_York"].contains(&zone) {
        return notices::malformed("the times of minutes are in a zone that is not New York");
    }
    let mut bars = MinuteRows::new(VendorId::AlphaVantage, calendar, instrument, now, span);
    for (line, (time, row)) in (1..).zip(rows) {
        add_minute(calendar, &mut bars, line, time, &row_text(row));
    }
    bars.into_reply(Basis::Raw, next_month(instrument, span, call))
}

fn add_minute(calendar: &Calendar, bars: &mut MinuteRows<'_>, line: u64, time: &str, row: &RowText<'_>) {
    let local = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").ok();
    match local.and_then(|local| calendar.at_local(local.date(), local.time())) {
        Some(from) => bars.add(line, from, row, None),
        None => bars.refuse(line, time, QuarantineReason::BadDate, row),
    }
}

/// The call of the month after that of `call`, while the span reaches it.
fn next_month(instrument: InstrumentId, (_, to): Span, call: &Call) -> Option<Call> {
    let month = call.query.iter().find(|(name, _)| name == "month").map(|(_, value)| value)?;
    let next = month_after(day(&format!("{month}-01"))?).filter(|first| *first <= to)?;
    Some(Call { page: call.page + 1, ..AlphaVantage::minutes(instrument, next) })
}

/// Reads an answer that is no JSON: CSV of bars, when that is what was asked for.
pub(super) fn read_csv(
    calendar: &Calendar,
    ask: &Ask,
    call: &Call,
    response: &Response<'_>,
    fault: JsonFault,
) -> Reply {
    let text = std::str::from_utf8(response.body).unwrap_or("");
    let mut lines = text.lines();
    let header = lines.next().unwrap_or("").trim_start_matches('\u{feff}');
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    let place = |names: &[&str]| columns.iter().position(|column| names.contains(column));
    let places = [place(&["open"]), place(&["high"]), place(&["low"]), place(&["close"]), place(&["volume"])];
    let (Some(when), [Some(open), Some(high), Some(low), Some(close), Some(volume)]) =
        (place(&["timestamp", "time"]), places)
    else {
        return notices::malformed(&format!("the answer {fault}"));
    };
    let cells = lines.filter(|line| !line.trim().is_empty()).map(|line| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or("");
        let row = RowText {
            prices: [cell(open), cell(high), cell(low), cell(close)],
            volume: cell(volume),
            vwap: "",
        };
        (cell(when), row)
    });
    match ask {
        Ask::Daily { instrument, from, to } => {
            let mut bars = DailyRows::new(VendorId::AlphaVantage, calendar, response.now, (*from, *to));
            for (line, (date, row)) in (2..).zip(cells) {
                bars.take(line, *instrument, (day(date), date), &row);
            }
            bars.into_reply(Basis::Raw, Vec::new(), None, None)
        }
        Ask::Minutes { instrument, from, to } => {
            let span = (*from, *to);
            let mut bars = MinuteRows::new(VendorId::AlphaVantage, calendar, *instrument, response.now, span);
            for (line, (time, row)) in (2..).zip(cells) {
                add_minute(calendar, &mut bars, line, time, &row);
            }
            bars.into_reply(Basis::Raw, next_month(*instrument, span, call))
        }
        _ => notices::malformed("CSV came where none was asked for"),
    }
}
