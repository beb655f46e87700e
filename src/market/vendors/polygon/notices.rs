//! What an answer is before its rows are looked at: `status` and words of the body first, then the HTTP status.
//!
//! `OK`, `DELAYED` and `success` are all success. A 403 is the plan, except for the words "before end of day", which
//! only say that today's bars come after the close. A 429 brings no time to wait, often no body: the next minute of
//! the clock is when the limit begins anew. A 400 in the middle of a longer answer is a place no longer known.

use super::super::classify::{by_status, hide_keys, is_html, retry_time};
use super::super::json::Json;
use super::super::{Call, Reply, Response};
use crate::domain::time::NANOS_PER_SECOND;
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, UnixNanos};

/// A window of the limit.
const MINUTE_NANOS: i64 = 60 * NANOS_PER_SECOND;

/// When the minute after `now` begins.
fn next_minute(now: UnixNanos) -> UnixNanos {
    UnixNanos::from_nanos((now.nanos().div_euclid(MINUTE_NANOS) + 1).saturating_mul(MINUTE_NANOS))
}

fn rate_limited(response: &Response<'_>) -> Reply {
    let told = response.retry_after.and_then(|text| retry_time(text, response.now));
    let until = told.unwrap_or_else(|| next_minute(response.now));
    Reply::RateLimited { until, said: "polygon: too many requests a minute".into() }
}

/// The vendor's words with our name in front.
fn said(words: &str) -> CleanText {
    CleanText::from(format!("polygon: {}", hide_keys(words)))
}

/// The body of a good answer, or what the answer is instead.
pub(super) fn body<'a>(call: &Call, response: &Response<'a>) -> Result<Json<'a>, Reply> {
    if response.status == 429 {
        return Err(rate_limited(response));
    }
    if is_html(response.body) || response.status >= 500 || (300..400).contains(&response.status) {
        let fallback = || Reply::Malformed("polygon: no answer of its own kind".into());
        return Err(by_status(VendorId::Polygon, response).unwrap_or_else(fallback));
    }
    let body = match Json::parse(response.body) {
        Ok(body @ Json::Map(_)) => body,
        other => {
            let fault = other.err().map_or_else(|| "is no object".to_owned(), |fault| fault.to_string());
            let malformed = Reply::Malformed(format!("polygon: the answer {fault}").into());
            return Err(by_status(VendorId::Polygon, response).unwrap_or(malformed));
        }
    };
    match refusal(call, response, &body) {
        Some(refusal) => Err(refusal),
        None => Ok(body),
    }
}

fn refusal(call: &Call, response: &Response<'_>, body: &Json<'_>) -> Option<Reply> {
    let status = body.text_at("status");
    let words =
        if body.text_at("error").is_empty() { body.text_at("message") } else { body.text_at("error") };
    let lower = words.to_ascii_lowercase();
    if status == "ERROR" && lower.contains("maximum requests per minute") {
        return Some(rate_limited(response));
    }
    if lower.contains("before end of day") {
        // No matter of the plan: the same request is good after the close.
        return Some(Reply::BadRequest("polygon: today's bars come after the close; ask again then".into()));
    }
    match (status, response.status) {
        ("NOT_AUTHORIZED", _) | (_, 402 | 403) => Some(Reply::NotEntitled { said: said(words) }),
        ("NOT_FOUND", _) | (_, 404) => Some(Reply::NotFound),
        (_, 401) => Some(Reply::AuthFailed("polygon: the key is refused".into())),
        (_, 400) if call.page > 0 => Some(Reply::CursorExpired),
        ("ERROR", _) if lower.contains("api key") => {
            Some(Reply::AuthFailed("polygon: the key is refused".into()))
        }
        ("ERROR", _) => Some(Reply::BadRequest(said(words))),
        (_, 200..=299) => None,
        (_, 408 | 499) => Some(Reply::Transient(said("the server has a bad moment"))),
        _ => Some(Reply::BadRequest(said(words))),
    }
}
