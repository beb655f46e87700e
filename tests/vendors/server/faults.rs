//! The ways in which the server fails, each by its name.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde_json::Value;
use std::io::Write as _;

use super::{Canned, Seen, sent};

/// Bytes of the body that is far too large.
const HUGE_BYTES: usize = 200 << 20;
/// What a wall for robots looks like.
const WALL: &str = "<html><head><title>Pardon Our Interruption</title></head><body><script src=\"/_Incapsula_Resource\"></script></body></html>";

/// One way to fail.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An answer of its own in the place of the real one.
    Instead(Canned),
    /// The real answer with more headers.
    With(Vec<(String, String)>),
    /// The real answer with another content type.
    As(String),
    /// The headers at once, then nothing.
    Silent,
    /// A byte now and then, for ever.
    Slow,
    /// A body that does not end.
    Endless,
    /// The first half of the real body, then the end of the connection.
    Cut,
    /// A small body that becomes a huge one.
    Bomb,
    /// A body of 200 MB.
    Huge,
}

/// A fault and what it waits for.
#[derive(Debug, Clone)]
pub struct Armed {
    pub fault: Fault,
    /// Vendor in front of the path; empty: any.
    pub vendor: String,
    /// Part of the path or of a parameter's value; empty: any.
    pub path: String,
    /// Requests that pass before.
    pub after: u32,
    /// How often.
    pub times: u32,
}

impl Armed {
    /// For the next requests whose path or parameters contain a text.
    pub fn next(fault: Fault, path: &str, times: u32) -> Self {
        Self { fault, vendor: String::new(), path: path.to_owned(), after: 0, times }
    }

    /// The same after some requests that pass.
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// From `{name, vendor, path, after_n, times}`.
    pub fn parse(wish: &Value) -> Result<Self, String> {
        let name = wish["name"].as_str().unwrap_or_default();
        let fault =
            named(name).ok_or_else(|| format!("there is no scenario '{name}'; know {}", NAMES.join(", ")))?;
        let text = |key: &str| wish[key].as_str().unwrap_or_default().to_owned();
        let number =
            |key: &str, or: u32| wish[key].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(or);
        let (after, times) = (number("after_n", 0), number("times", 1));
        Ok(Self { fault, vendor: text("vendor"), path: text("path"), after, times })
    }

    /// The fault, when this request is one it waits for.
    pub fn take(&mut self, seen: &Seen) -> Option<Fault> {
        let is_it = (self.vendor.is_empty() || self.vendor == seen.vendor)
            && (seen.path.contains(&self.path)
                || seen.query.values().any(|value| value.contains(&self.path)));
        if !is_it || self.times == 0 {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault.clone())
    }
}

/// Every name that can be armed.
pub const NAMES: &[&str] = &[
    "429_seconds",
    "429_date",
    "429_empty",
    "remaining_0",
    "av_burst",
    "av_quota",
    "av_premium",
    "av_artificial",
    "500",
    "502_html",
    "503",
    "silent",
    "slow",
    "endless",
    "cut",
    "html_page",
    "json_as_html",
    "notice_for_csv",
    "crumb_429",
    "crumb_html",
    "401_crumb",
    "400_cursor",
    "302",
    "gzip_bomb",
    "huge",
    "empty_object",
];

/// The fault of a name.
pub fn named(name: &str) -> Option<Fault> {
    let text = |status, kind: &str, body: &str| Some(Fault::Instead(Canned::text(status, kind, body)));
    let with = |canned: Canned, name: &str, value: &str| {
        let mut canned = canned;
        canned.headers.push((name.to_owned(), value.to_owned()));
        Some(Fault::Instead(canned))
    };
    let too_many = || Canned::text(429, "text/plain", "Too Many Requests\r\n");
    let notice =
        |said: &str| text(200, "application/json", &serde_json::json!({ "Information": said }).to_string());
    match name {
        "429_seconds" => with(too_many(), "retry-after", "7"),
        "429_date" => with(too_many(), "retry-after", "Mon, 08 Jul 2024 01:00:07 GMT"),
        "429_empty" => text(429, "text/plain", ""),
        "remaining_0" => Some(Fault::With(vec![
            ("x-ratelimit-remaining".into(), "0".into()),
            ("x-ratelimit-reset".into(), "1720400450".into()),
        ])),
        "av_burst" => notice(
            "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly \
             (1 request per second). You may subscribe to any of the premium plans to lift the free key rate limit \
             (25 requests per day).",
        ),
        "av_quota" => notice(
            "We have detected your API key as k-CANARY-7f3a91 and our standard API rate limit is 25 requests per day. \
             Please subscribe to any of the premium plans to instantly remove all daily rate limits.",
        ),
        "av_premium" => notice(
            "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium \
             plans to instantly unlock all premium endpoints",
        ),
        "av_artificial" => text(
            200,
            "application/json",
            r#"{"endpoint":"Realtime Bulk Quotes","message":"This is ARTIFICIAL data for a premium endpoint","data":[{"symbol":"AAPL","close":"1.00"}]}"#,
        ),
        "500" => text(500, "application/json", r#"{"error":"internal"}"#),
        "502_html" => text(502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>"),
        "503" => text(503, "text/plain", "Service Unavailable"),
        "silent" => Some(Fault::Silent),
        "slow" => Some(Fault::Slow),
        "endless" => Some(Fault::Endless),
        "cut" => Some(Fault::Cut),
        "html_page" => text(200, "text/html", WALL),
        "json_as_html" => Some(Fault::As("text/html".into())),
        "notice_for_csv" => notice("This is a premium endpoint."),
        "crumb_429" => text(200, "text/plain", "Too Many Requests\r\n"),
        "crumb_html" => {
            text(200, "text/html", "<html><body>Yahoo is part of the family of brands</body></html>")
        }
        "401_crumb" => text(
            401,
            "application/json",
            r#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}"#,
        ),
        "400_cursor" => text(
            400,
            "application/json",
            r#"{"status":"ERROR","request_id":"x","error":"Invalid cursor: it has expired"}"#,
        ),
        "302" => with(Canned::text(302, "text/html", ""), "location", "https://elsewhere.example/login"),
        "gzip_bomb" => Some(Fault::Bomb),
        "huge" => Some(Fault::Huge),
        "empty_object" => text(200, "application/json", "{}"),
        _ => None,
    }
}

impl Fault {
    /// The answer of a request that fails so; `real` is what it would have been.
    pub fn answer(self, real: impl FnOnce() -> Canned) -> Response {
        match self {
            Fault::Instead(canned) => sent(canned),
            Fault::With(headers) => {
                let mut canned = real();
                canned.headers.extend(headers);
                sent(canned)
            }
            Fault::As(kind) => {
                let mut canned = real();
                canned.headers.retain(|(name, _)| name != "content-type");
                canned.headers.push(("content-type".to_owned(), kind));
                sent(canned)
            }
            Fault::Silent => streamed(stream::pending::<Result<Bytes, Infallible>>()),
            Fault::Slow => {
                let body = real().body;
                streamed(stream::unfold((body, 0), |(body, at)| async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let byte = body.get(at).map(|byte| Ok::<_, Infallible>(Bytes::from(vec![*byte])))?;
                    Some((byte, (body, at + 1)))
                }))
            }
            Fault::Endless => {
                let chunk = Bytes::from(vec![b' '; 1 << 16]);
                streamed(stream::unfold(chunk, |chunk| async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some((Ok::<_, Infallible>(chunk.clone()), chunk))
                }))
            }
            Fault::Cut => {
                let body = real().body;
                let half = Bytes::copy_from_slice(body.get(..body.len() / 2).unwrap_or_default());
                let parts = [Ok(half), Err(std::io::Error::other("cut"))];
                streamed(stream::iter(parts))
            }
            Fault::Bomb => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                let zeros = vec![b' '; 1 << 20];
                let done = (0..HUGE_BYTES >> 20).try_for_each(|_| encoder.write_all(&zeros));
                let body = done.and_then(|()| encoder.finish()).unwrap_or_default();
                let mut canned = Canned::text(200, "application/json", "");
                canned.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
                canned.body = body;
                sent(canned)
            }
            Fault::Huge => {
                let chunk = Bytes::from(vec![b' '; 1 << 20]);
                let chunks = std::iter::repeat_n(chunk, HUGE_BYTES >> 20).map(Ok::<_, Infallible>);
                streamed(stream::iter(chunks))
            }
        }
    }
}

fn streamed<S, E>(body: S) -> Response
where
    S: futures_util::Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let mut response = Response::new(Body::from_stream(body));
    let kind = axum::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    response
}
