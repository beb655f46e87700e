//! What an answer is when it is no data, and the text of a session.
//!
//! Its errors are objects with a code; its walls are pages and plain words with any status, the words "Too Many
//! Requests" even in place of the session's text. Nothing of that sort may ever be taken for a session.

use secrecy::SecretString;

use crate::domain::CleanText;
use crate::domain::vendor::VendorId;
use crate::market::vendors::classify::{by_status, hide_keys, is_html, rate_limited};
use crate::market::vendors::json::Json;
use crate::market::vendors::{Page, Payload, Reply, Response, SessionText};

/// Longest text of a session; eleven characters are usual.
const SESSION_MAX: usize = 32;
/// What its answers are wrapped in.
const WRAPPERS: [&str; 5] = ["chart", "quoteResponse", "quoteSummary", "finance", "timeseries"];

pub(super) fn said(words: &str) -> CleanText {
    CleanText::from(format!("{}: {words}", VendorId::Yahoo))
}

/// Not what it must be.
pub(super) fn malformed(words: &str) -> Reply {
    Reply::Malformed(said(words))
}

/// The reply that an answer is when it is no data.
pub(super) fn refusal(response: &Response<'_>, json: Option<&Json<'_>>) -> Option<Reply> {
    let error = json.and_then(|json| WRAPPERS.iter().find_map(|name| json.at(&[name, "error"])));
    if let Some(code) = error.and_then(|error| error.get("code")).and_then(Json::text) {
        return Some(of_code(code, error.map_or("", |error| error.text_at("description")), response));
    }
    match response.status {
        401 => Some(Reply::SessionOver),
        403 => Some(Reply::Blocked(said("the request is not let through"))),
        _ => by_status(VendorId::Yahoo, response),
    }
}

fn of_code(code: &str, description: &str, response: &Response<'_>) -> Reply {
    let lower = format!("{code} {description}").to_ascii_lowercase();
    if lower.contains("too many requests") {
        rate_limited(VendorId::Yahoo, response)
    } else if lower.contains("unauthorized")
        || lower.contains("invalid crumb")
        || lower.contains("invalid cookie")
    {
        Reply::SessionOver
    } else if lower.contains("data doesn't exist") {
        // A span before the first or after the last day of the instrument.
        Reply::Empty
    } else if lower.contains("not found") {
        Reply::NotFound
    } else if lower.contains("internal") || response.status >= 500 {
        Reply::Transient(said("the server has a bad moment"))
    } else {
        Reply::BadRequest(hide_keys(&format!("{}: {description}", VendorId::Yahoo)))
    }
}

/// The text of a session, when it is one.
pub(super) fn session(response: &Response<'_>) -> Reply {
    let words =
        String::from_utf8_lossy(response.body.get(..200).unwrap_or(response.body)).to_ascii_lowercase();
    if response.status == 429 || words.contains("too many requests") {
        return rate_limited(VendorId::Yahoo, response);
    }
    if is_html(response.body) || matches!(response.status, 300..=499) {
        return Reply::Blocked(said("it gives no session (a consent page or a wall for robots)"));
    }
    if let Some(reply) = by_status(VendorId::Yahoo, response) {
        return reply;
    }
    let text = std::str::from_utf8(response.body).unwrap_or("").trim();
    let plain = |b: u8| b.is_ascii_graphic() && !b"<>{}[]\"".contains(&b);
    if text.is_empty() || text.len() > SESSION_MAX || !text.bytes().all(plain) {
        return Reply::Blocked(said("it gives no session (something else came in its place)"));
    }
    Page::last(Payload::Session(SessionText(SecretString::from(text))), Vec::new())
}
