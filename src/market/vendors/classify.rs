//! What an answer is when its body does not say it in the vendor's own way: walls, pages of HTML, statuses.
//!
//! A vendor looks at its body first and comes here last. Texts made here never repeat a body, so nothing secret that a
//! server echoes can get into a message; [`hide_keys`] makes a vendor's own words safe to repeat.

use chrono::DateTime;

use super::{Reply, Response};
use crate::domain::vendor::VendorId;
use crate::domain::{CleanText, UnixNanos};

/// Wait after "too many requests" when the server gives no time, in seconds: a window of a minute is the usual one.
pub const RATE_WAIT_SECONDS: i64 = 60;
/// Longest wait a server may ask for, in seconds.
const RETRY_AFTER_MAX_SECONDS: i64 = 86_400;
/// Longest part of a vendor's words that is repeated, in characters.
const SAID_MAX: usize = 200;
/// Shortest run of capitals and digits that may be a key.
const KEY_LENGTH_MIN: usize = 12;

/// Whether a body is a page for people, whatever its content type says.
pub fn is_html(body: &[u8]) -> bool {
    let start = body.get(..body.len().min(512)).unwrap_or(body);
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let page = ["<!doctype html", "<html", "<head", "<body", "<script"];
    page.iter().any(|tag| text.starts_with(tag)) || (text.starts_with("<!--") && text.contains("<html"))
}

/// Whether a body is nothing but the words for too many requests.
pub fn is_too_many(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    let words = b"too many requests";
    text.len() <= 64 && text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words))
}

/// The time of a `Retry-After`: seconds from `now`, or an HTTP date. At most a day ahead.
pub fn retry_time(text: &str, now: UnixNanos) -> Option<UnixNanos> {
    let text = text.trim();
    let at = match text.parse::<i64>() {
        Ok(seconds) => now.plus_millis(seconds.clamp(0, RETRY_AFTER_MAX_SECONDS).saturating_mul(1_000)),
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(text).ok()?;
            UnixNanos::from_seconds(date.timestamp())
        }
    };
    Some(at.clamp(now, now.plus_millis(RETRY_AFTER_MAX_SECONDS * 1_000)))
}

/// Too many requests: until the time the server gives, else a minute.
pub fn rate_limited(vendor: VendorId, response: &Response<'_>) -> Reply {
    let told = response.retry_after.and_then(|text| retry_time(text, response.now));
    let reset = response.remaining.filter(|(left, _)| *left == 0).map(|(_, at)| UnixNanos::from_seconds(at));
    let reset = reset.filter(|at| *at > response.now);
    let until = told.or(reset).unwrap_or_else(|| response.now.plus_millis(RATE_WAIT_SECONDS * 1_000));
    Reply::RateLimited { until, said: format!("{vendor}: too many requests").into() }
}

/// What an answer is by its kind of body and its status alone; `None` when it may well be data.
pub fn by_status(vendor: VendorId, response: &Response<'_>) -> Option<Reply> {
    let said = |words: &str| CleanText::from(format!("{vendor}: {words}"));
    let status = response.status;
    if status == 429 || is_too_many(response.body) {
        return Some(rate_limited(vendor, response));
    }
    if status >= 500 {
        return Some(Reply::Transient(said(&format!("the server has a bad moment (status {status})"))));
    }
    if (300..400).contains(&status) {
        return Some(Reply::Blocked(said("sends the request to another page instead of an answer")));
    }
    if is_html(response.body) {
        return Some(Reply::Blocked(said("a web page came instead of data (a wall for robots, or consent)")));
    }
    match status {
        200..=299 => None,
        401 => Some(Reply::AuthFailed(said("the key is refused"))),
        402 | 403 => Some(Reply::NotEntitled { said: said("the plan does not include this") }),
        404 | 410 => Some(Reply::NotFound),
        _ => Some(Reply::BadRequest(said(&format!("the request was refused (status {status})")))),
    }
}

/// A vendor's words, shortened, with anything that may be a key left out.
pub fn hide_keys(text: &str) -> CleanText {
    let short: String = text.chars().take(SAID_MAX).collect();
    let mut safe = String::new();
    for piece in short.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let loud = word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mixed = word.bytes().any(|b| b.is_ascii_digit());
        if word.len() >= KEY_LENGTH_MIN && (loud || mixed) {
            safe.push_str("(hidden)");
            safe.push_str(piece.get(word.len()..).unwrap_or(""));
        } else {
            safe.push_str(piece);
        }
    }
    CleanText::from(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response<'a>(status: u16, body: &'a str, retry_after: Option<&'a str>) -> Response<'a> {
        let now = "2024-03-08T18:00:00Z".parse().unwrap();
        let body = body.as_bytes();
        Response { status, retry_after, remaining: None, content_type: "application/json", body, now }
    }

    fn class(status: u16, body: &str) -> String {
        let reply = by_status(VendorId::Yahoo, &response(status, body, None));
        format!("{reply:?}").chars().take_while(|c| *c != '{').collect::<String>().trim().to_owned()
    }

    #[test]
    fn bodies_go_before_statuses() {
        assert_eq!(class(200, "{}"), "None");
        assert!(class(200, "Too Many Requests\r\n").starts_with("Some(RateLimited"));
        assert!(class(200, " \n<!DOCTYPE html><html>be right back").starts_with("Some(Blocked"));
        assert!(class(502, "<html>bad gateway</html>").starts_with("Some(Transient"));
        assert!(class(403, "<html>").starts_with("Some(Blocked"));
        assert!(class(307, "").starts_with("Some(Blocked"));
        assert!(class(401, "{}").starts_with("Some(AuthFailed"));
        assert!(class(404, "{}").starts_with("Some(NotFound"));
        assert!(class(422, "{}").starts_with("Some(BadRequest"));
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_has_bounds() {
        let until = |text| {
            let reply = by_status(VendorId::Polygon, &response(429, "", Some(text)));
            let Some(Reply::RateLimited { until, .. }) = reply else { panic!() };
            until.to_string()
        };
        assert_eq!(until("7"), "2024-03-08T18:00:07Z");
        assert_eq!(until("Fri, 08 Mar 2024 18:00:09 GMT"), "2024-03-08T18:00:09Z");
        assert_eq!(until("Fri, 08 Mar 2024 17:00:09 GMT"), "2024-03-08T18:00:00Z");
        assert_eq!(until("99999999999"), "2024-03-09T18:00:00Z");
        assert_eq!(until("soon"), "2024-03-08T18:01:00Z");
    }

    #[test]
    fn keys_are_left_out_of_words() {
        let said =
            hide_keys("We have detected your API key as DEMOKEY000000000 and https://x.co/premium/ 2024");
        assert_eq!(said.as_str(), "We have detected your API key as (hidden) and https://x.co/premium/ 2024");
        assert_eq!(hide_keys("key=abcDEF123456ghi.").as_str(), "key=(hidden).");
    }
}
