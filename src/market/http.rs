//! One HTTP GET to a vendor, and nothing that could leak or hang.
//!
//! The key goes to the vendor's own address, in the one place the vendor wants it, and is never part of an error text:
//! whatever is said of an exchange has passed [`Http::clean`], which takes out key, crumb and cookies. Redirects are
//! not followed, so no credential travels. Every exchange has a deadline from its first to its last byte, and a body
//! may have [`Limits::body_bytes_max`] bytes after decompression. Retries and budgets are the business of `fetch`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

use super::vendors::{Call, KeyPlace};
use crate::domain::{Address, CleanText};

/// Longest text of a vendor's that is passed on, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// Shortest secret that is looked for in texts, in bytes: shorter ones would eat words.
const SECRET_BYTES_MIN: usize = 4;
/// Most cookies of one session.
const COOKIES_MAX: usize = 16;
/// Longest cookie, in bytes.
const COOKIE_BYTES_MAX: usize = 4_096;
/// The parameter in which a session's text goes.
const CRUMB: &str = "crumb";

/// What one exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To connect, in milliseconds.
    pub connect_ms: u64,
    /// From the first to the last byte, in milliseconds.
    pub total_ms: u64,
    /// Largest body after decompression, in bytes.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect_ms: 5_000, total_ms: 30_000, body_bytes_max: 32 << 20 }
    }
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, never a redirect.
    pub status: u16,
    /// Value of `Retry-After`.
    pub retry_after: Option<String>,
    /// Values of `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Unix seconds).
    pub remaining: Option<(u32, i64)>,
    /// Value of `Date`.
    pub date: Option<String>,
    /// Value of `Age`, in seconds: how long ago a cache got it.
    pub age_seconds: u32,
    /// Content type as told.
    pub content_type: String,
    /// Body after decompression.
    pub body: Vec<u8>,
}

/// Why there is no answer. Every text is clean of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpFault {
    /// No connection: nobody listens, no network, no such name.
    Offline(CleanText),
    /// The deadline passed.
    Deadline {
        /// How long it was, in milliseconds.
        total_ms: u64,
    },
    /// More than the largest body.
    TooLarge {
        /// The bound, in bytes.
        body_bytes_max: usize,
    },
    /// It sends elsewhere, which is not followed.
    Redirect {
        /// Host it names.
        to: CleanText,
    },
    /// The answer broke off or could not be decoded.
    Broken(CleanText),
}

#[derive(Debug, Default)]
struct Session {
    cookies: Vec<(String, SecretString)>,
    crumb: Option<SecretString>,
}

/// The way to one vendor.
#[derive(Debug)]
pub struct Http {
    client: Client,
    address: Address,
    key: Option<SecretString>,
    place: KeyPlace,
    limits: Limits,
    session: Mutex<Session>,
}

/// The cryptography behind TLS is chosen once a process; whoever came first has chosen.
pub(super) fn install_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing this race means that it is installed.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
    }
}

impl Http {
    /// A client; nothing is asked yet.
    pub fn new(
        address: Address,
        place: KeyPlace,
        key: Option<SecretString>,
        limits: Limits,
    ) -> Result<Self, CleanText> {
        install_tls();
        if key.as_ref().is_some_and(|k| HeaderValue::from_str(k.expose_secret()).is_err()) {
            return Err("the key has characters that no key has; set it again".into());
        }
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_millis(limits.connect_ms))
            .timeout(Duration::from_millis(limits.total_ms))
            .user_agent(concat!("qlib-pro/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| CleanText::new(&e.without_url().to_string()))?;
        Ok(Self { client, address, key, place, limits, session: Mutex::default() })
    }

    /// Where requests go.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Whether the vendor has a key and we have none.
    pub const fn lacks_key(&self) -> bool {
        !matches!(self.place, KeyPlace::Nowhere) && self.key.is_none()
    }

    /// Text from the other side: no control characters, no secrets, bounded.
    pub fn clean(&self, text: &str) -> CleanText {
        let session = self.session();
        let cookies = session.cookies.iter().map(|(_, value)| value);
        let mut text = text.to_owned();
        for secret in self.key.iter().chain(&session.crumb).chain(cookies) {
            let secret = secret.expose_secret();
            if secret.len() >= SECRET_BYTES_MIN {
                text = text.replace(secret, "[secret]").replace(&encoded(secret), "[secret]");
            }
        }
        CleanText::new(&text.chars().take(TEXT_CHARS_MAX).collect::<String>())
    }

    /// Whether a session is at hand.
    pub fn has_session(&self) -> bool {
        self.session().crumb.is_some()
    }

    /// Keeps a session's text; the cookies beside it were kept when they came.
    pub fn keep_session(&self, crumb: SecretString) {
        self.session().crumb = Some(crumb);
    }

    /// Forgets the session and its cookies.
    pub fn forget_session(&self) {
        *self.session() = Session::default();
    }

    /// Gets the cookies that a session rests on: from the vendor's host for that, or below an address of this machine.
    /// Its status does not matter.
    pub async fn collect_cookies(&self, host: &str) -> Result<(), HttpFault> {
        let url =
            if self.address.is_this_machine() { self.address.rest("/") } else { format!("https://{host}/") };
        let response = self.client.get(url).send().await.map_err(|e| self.failed(e))?;
        self.keep_cookies(response.headers());
        Ok(())
    }

    /// One exchange.
    pub async fn get(&self, call: &Call) -> Result<Answer, HttpFault> {
        let other = call.host.filter(|_| !self.address.is_this_machine());
        let text = other
            .map_or_else(|| self.address.rest(&call.path), |host| format!("https://{host}{}", call.path));
        let mut url = Url::parse(&text)
            .map_err(|_| HttpFault::Broken("the address of the request cannot be written".into()))?;
        // A path that climbs out of its host would carry the key with it.
        if url.host_str().map(|h| h.trim_matches(['[', ']'])) != Some(other.unwrap_or(self.address.host())) {
            return Err(HttpFault::Redirect { to: CleanText::new(url.host_str().unwrap_or_default()) });
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        // Key and session belong to the vendor's main host alone.
        let mut request = self.client.get(if other.is_none() { self.with_secrets(url, call) } else { url });
        if let (KeyPlace::Bearer, Some(key), None) = (self.place, &self.key, other) {
            request = request.bearer_auth(key.expose_secret());
        }
        if let (Some(cookies), None) = (self.cookie_header(), other) {
            request = request.header(COOKIE, cookies);
        }
        let response = request.send().await.map_err(|e| self.failed(e))?;
        self.keep_cookies(response.headers());
        let status = response.status().as_u16();
        if (300..=399).contains(&status) {
            return Err(HttpFault::Redirect { to: redirected_to(response.headers()) });
        }
        let headers = response.headers();
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let number = |name: &str| text(name).and_then(|t| t.trim().parse::<i64>().ok());
        let left = number("x-ratelimit-remaining").and_then(|n| u32::try_from(n).ok());
        Ok(Answer {
            status,
            retry_after: text("retry-after"),
            remaining: left.zip(number("x-ratelimit-reset")),
            date: text("date"),
            age_seconds: number("age").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            content_type: text("content-type").unwrap_or_default(),
            body: self.body(response).await?,
        })
    }

    fn with_secrets(&self, mut url: Url, call: &Call) -> Url {
        if let (KeyPlace::Query(name), Some(key)) = (self.place, &self.key) {
            url.query_pairs_mut().append_pair(name, key.expose_secret());
        }
        if call.needs_session
            && let Some(crumb) = &self.session().crumb
        {
            url.query_pairs_mut().append_pair(CRUMB, crumb.expose_secret());
        }
        url
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, HttpFault> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(e))? {
            if body.len() + chunk.len() > self.limits.body_bytes_max {
                return Err(HttpFault::TooLarge { body_bytes_max: self.limits.body_bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: reqwest::Error) -> HttpFault {
        if error.is_timeout() && !error.is_connect() {
            return HttpFault::Deadline { total_ms: self.limits.total_ms };
        }
        let is_offline = error.is_connect() || error.is_builder();
        // The address of a request may hold the key.
        let error = error.without_url();
        let mut said = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            said.push_str(&format!(": {inner}"));
            source = inner.source();
        }
        let said = self.clean(&said);
        if is_offline { HttpFault::Offline(said) } else { HttpFault::Broken(said) }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cookie_header(&self) -> Option<HeaderValue> {
        let session = self.session();
        let pairs: Vec<String> =
            session.cookies.iter().map(|(name, value)| format!("{name}={}", value.expose_secret())).collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok().filter(|_| !pairs.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Cookies count for vendors without a key: they are the session.
    fn keep_cookies(&self, headers: &HeaderMap) {
        if self.place != KeyPlace::Nowhere {
            return;
        }
        let mut session = self.session();
        for value in headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok()) {
            let pair = value.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            if pair.len() > COOKIE_BYTES_MAX {
                continue;
            }
            session.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() && session.cookies.len() < COOKIES_MAX {
                session.cookies.push((name.to_owned(), SecretString::from(value.to_owned())));
            }
        }
    }
}

fn redirected_to(headers: &HeaderMap) -> CleanText {
    let to = headers.get(LOCATION).and_then(|v| v.to_str().ok()).and_then(|text| Url::parse(text).ok());
    CleanText::new(to.as_ref().and_then(Url::host_str).unwrap_or("another place"))
}

/// A secret as it stands in an address.
fn encoded(secret: &str) -> String {
    let mut url = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_every_secret_in_both_spellings() {
        let address = Address::parse("http://127.0.0.1:1", &[]).unwrap();
        let http =
            Http::new(address, KeyPlace::Nowhere, Some("k&y/Canary".into()), Limits::default()).unwrap();
        http.keep_session("cr.umb".into());
        http.keep_cookies(&HeaderMap::from_iter([(SET_COOKIE, "A3=cookie-canary; Path=/".parse().unwrap())]));
        let said = http.clean("k&y/Canary k%26y%2FCanary cr.umb cookie-canary\n\u{1b}[31m!").to_string();
        assert_eq!(said, "[secret] [secret] [secret] [secret] [31m!");
        assert_eq!(format!("{http:?}").matches("anary").count(), 0);
        http.forget_session();
        assert!(!http.has_session() && http.cookie_header().is_none());
    }

    #[test]
    fn a_key_with_line_breaks_is_refused() {
        let address = Address::parse("http://127.0.0.1:1", &[]).unwrap();
        let key = Some(SecretString::from("a\r\nX: y".to_owned()));
        assert!(Http::new(address, KeyPlace::Bearer, key, Limits::default()).is_err());
    }
}
