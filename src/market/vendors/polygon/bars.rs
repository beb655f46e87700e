//! Daily and minute bars: `t` in milliseconds, midnight in New York for days.
//!
//! An answer without rows is the same for a quiet span and for an unknown ticker; over [`QUIET_SESSIONS_MAX`] sessions
//! nothing at all is taken for the latter.

use chrono::NaiveDate;

use super::super::json::Json;
use super::super::rows::{DailyRows, MinuteRows, RowText, SETTLED_AFTER_SECONDS};
use super::super::{Call, Reply};
use super::ticker;
use crate::domain::calendar::Calendar;
use crate::domain::market::Basis;
use crate::domain::time::{NANOS_PER_MILLI, NANOS_PER_SECOND};
use crate::domain::vendor::VendorId;
use crate::domain::{Exchange, InstrumentId, QuarantineReason, UnixNanos};

/// Most finished sessions in a row for which a known share may have no bar at all.
const QUIET_SESSIONS_MAX: usize = 3;

/// A row's prices and volume as written.
fn text<'a>(row: &'a Json<'a>) -> RowText<'a> {
    RowText {
        prices: [row.number_at("o"), row.number_at("h"), row.number_at("l"), row.number_at("c")],
        volume: row.number_at("v"),
        vwap: row.number_at("vw"),
    }
}

/// When a row's bar begins.
fn time(row: &Json<'_>) -> Option<UnixNanos> {
    let millis = row.whole_at("t")?;
    millis.checked_mul(NANOS_PER_MILLI).map(UnixNanos::from_nanos)
}

/// In what terms the answer says its prices are.
fn basis(body: &Json<'_>) -> Basis {
    if body.get("adjusted") == Some(&Json::Bool(true)) { Basis::Split } else { Basis::Raw }
}

fn results<'a>(body: &'a Json<'a>) -> Option<&'a [Json<'a>]> {
    match body.get("results") {
        Some(Json::List(rows)) if !rows.is_empty() => Some(rows),
        _ => None,
    }
}

/// What an answer without rows means.
fn nothing(calendar: &Calendar, (from, to): (NaiveDate, NaiveDate), now: UnixNanos, is_first: bool) -> Reply {
    let settled = now.plus_nanos(-SETTLED_AFTER_SECONDS * NANOS_PER_SECOND);
    let sessions = calendar.sessions_between(from, to.min(calendar.date_at(now)));
    let over =
        sessions.iter().filter(|session| session.close <= settled).take(QUIET_SESSIONS_MAX + 1).count();
    if is_first && over > QUIET_SESSIONS_MAX { Reply::NotFound } else { Reply::Empty }
}

/// An answer that names another ticker is none of ours.
fn of_another(instrument: InstrumentId, body: &Json<'_>) -> Option<Reply> {
    let told = body.text_at("ticker");
    let is_ours = ticker(&instrument).is_some_and(|ours| ours == told);
    (!told.is_empty() && !is_ours).then(|| Reply::Malformed("the answer is of another ticker".into()))
}

/// Daily bars of one instrument.
pub(super) fn daily(
    calendar: &Calendar,
    instrument: InstrumentId,
    span: (NaiveDate, NaiveDate),
    body: &Json<'_>,
    next: Option<Call>,
    now: UnixNanos,
) -> Reply {
    if let Some(refused) = of_another(instrument, body) {
        return refused;
    }
    let Some(results) = results(body) else {
        return nothing(calendar, span, now, next.is_none());
    };
    let mut rows = DailyRows::new(VendorId::Polygon, calendar, now, span);
    for (line, row) in (1..).zip(results) {
        let session = time(row).map(|time| calendar.date_at(time));
        rows.take(line, instrument, (session, row.number_at("t")), &text(row));
    }
    rows.into_reply(basis(body), Vec::new(), None, next)
}

/// Daily bars of the whole market on one day.
pub(super) fn grouped(
    calendar: &Calendar,
    date: NaiveDate,
    body: &Json<'_>,
    next: Option<Call>,
    now: UnixNanos,
) -> Reply {
    let Some(results) = results(body) else { return Reply::Empty };
    let mut rows = DailyRows::new(VendorId::Polygon, calendar, now, (date, date));
    for (line, row) in (1..).zip(results) {
        let symbol = row.text_at("T");
        match (symbol.parse(), time(row)) {
            (Ok(known), Some(time)) => {
                let instrument = InstrumentId::new(known, Exchange::Xnys);
                rows.add(line, instrument, calendar.date_at(time), &text(row));
            }
            (Err(_), _) => {
                rows.refuse(line, symbol, row.number_at("t"), QuarantineReason::BadSymbol, &text(row));
            }
            (_, None) => rows.refuse(line, symbol, row.number_at("t"), QuarantineReason::BadDate, &text(row)),
        }
    }
    rows.into_reply(basis(body), Vec::new(), None, next)
}

/// Minute bars of one instrument, those before and after the session included.
pub(super) fn minutes(
    calendar: &Calendar,
    instrument: InstrumentId,
    span: (NaiveDate, NaiveDate),
    body: &Json<'_>,
    next: Option<Call>,
    now: UnixNanos,
) -> Reply {
    if let Some(refused) = of_another(instrument, body) {
        return refused;
    }
    let Some(results) = results(body) else {
        return nothing(calendar, span, now, next.is_none());
    };
    let mut rows = MinuteRows::new(VendorId::Polygon, calendar, instrument, now, span);
    for (line, row) in (1..).zip(results) {
        let trades = row.whole_at("n").and_then(|n| u32::try_from(n).ok());
        match time(row) {
            Some(time) => rows.add(line, time, &text(row), trades),
            None => rows.refuse(line, row.number_at("t"), QuarantineReason::BadDate, &text(row)),
        }
    }
    rows.into_reply(basis(body), next)
}
