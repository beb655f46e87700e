//! Its notices: everything it says instead of data, all with status 200, told apart by key and phrase.
//!
//! The order matters: the words for a burst also name the daily limit, and the notice of a spent day echoes the key.

use chrono::NaiveTime;

use crate::domain::calendar::Calendar;
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, UnixNanos};
use crate::market::vendors::classify::{RATE_WAIT_SECONDS, hide_keys};
use crate::market::vendors::json::Json;
use crate::market::vendors::{Ask, Reply};

/// Wait after a burst, in milliseconds: one request a second, and a little.
const BURST_WAIT_MILLIS: i64 = 1_200;
/// Wait after the burst notice of paid plans, in milliseconds.
const PATTERN_WAIT_MILLIS: i64 = 2_000;
/// How long after midnight the day's requests are counted anew, in milliseconds.
const AFTER_MIDNIGHT_MILLIS: i64 = 60_000;
/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

fn said(words: &str) -> CleanText {
    CleanText::from(format!("{}: {words}", VendorId::AlphaVantage))
}

/// Not what it must be.
pub(super) fn malformed(words: &str) -> Reply {
    Reply::Malformed(said(words))
}

/// The reply that a notice is; `None` when the answer is no notice.
pub(super) fn read(json: &Json<'_>, ask: &Ask, now: UnixNanos, calendar: &Calendar) -> Option<Reply> {
    let text = |key| json.get(key).and_then(Json::text);
    if let Some(error) = text("Error Message") {
        return Some(error_message(error, ask));
    }
    if let Some(notice) = text("Information").or_else(|| text("Note")) {
        return Some(information(notice, now, calendar));
    }
    // A premium notice with made-up rows beside it.
    let message = text("message")?;
    let lower = message.to_ascii_lowercase();
    let premium = lower.contains("artificial") || lower.contains("premium");
    Some(if premium { not_entitled() } else { Reply::Malformed(hide_keys(message)) })
}

fn not_entitled() -> Reply {
    Reply::NotEntitled { said: said("the plan of this key does not include this; it is a premium endpoint") }
}

fn error_message(text: &str, ask: &Ask) -> Reply {
    let lower = text.to_ascii_lowercase();
    if lower.contains("apikey") || lower.contains("api key") {
        return Reply::AuthFailed(said("the key is refused"));
    }
    let by_instrument = matches!(
        ask,
        Ask::Daily { .. }
            | Ask::Minutes { .. }
            | Ask::Quotes(_)
            | Ask::Splits { .. }
            | Ask::Dividends { .. }
            | Ask::MarketSplits { .. }
            | Ask::MarketDividends { .. }
            | Ask::Fundamentals(_)
    );
    // It says the same of a wrong symbol and a wrong parameter; the parameters are ours and known to be good.
    if by_instrument && lower.contains("invalid api call") {
        return Reply::NotFound;
    }
    Reply::BadRequest(hide_keys(text))
}

fn information(text: &str, now: UnixNanos, calendar: &Calendar) -> Reply {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let wait =
        |millis| Reply::RateLimited { until: now.plus_millis(millis), said: said("too many requests") };
    if has(&["spreading out", "request per second", "requests per second"]) {
        wait(BURST_WAIT_MILLIS)
    } else if has(&["burst pattern"]) {
        wait(PATTERN_WAIT_MILLIS)
    } else if has(&["minute-level", "calls per minute", "requests per minute"]) {
        wait(RATE_WAIT_SECONDS * 1_000)
    } else if has(&["detected your api key", "requests per day", "daily rate limit"]) {
        let said = said("the day's requests are used up");
        Reply::QuotaSpent { until: next_midnight(now, calendar), said }
    } else if has(&["premium endpoint", "premium feature", "premium-only", "premium membership"]) {
        not_entitled()
    } else if has(&["invalid inputs", "invalid api call", "invalid parameter"]) {
        Reply::BadRequest(hide_keys(text))
    } else if has(&["rate limit", "call frequency"]) {
        wait(RATE_WAIT_SECONDS * 1_000)
    } else {
        Reply::Malformed(hide_keys(text))
    }
}

/// When the day's requests may be counted anew: where its day begins is not told, so the next midnight of UTC or of
/// New York, whichever comes first, is tried.
fn next_midnight(now: UnixNanos, calendar: &Calendar) -> UnixNanos {
    let utc = now.nanos().div_euclid(DAY_MILLIS * 1_000_000).saturating_add(1).saturating_mul(DAY_MILLIS);
    let utc = UnixNanos::from_nanos(0).plus_millis(utc);
    let tomorrow = calendar.date_at(now).succ_opt();
    let local = tomorrow.and_then(|day| calendar.at_local(day, NaiveTime::MIN));
    local.map_or(utc, |local| local.min(utc)).plus_millis(AFTER_MIDNIGHT_MILLIS)
}
