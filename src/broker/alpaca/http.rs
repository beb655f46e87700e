//! One HTTP exchange with Alpaca, and what can be said for certain about it afterwards.
//!
//! Redirects are never followed, bodies are bounded, every request has a deadline, and the venue's rate limit is kept
//! before it bites. The keys are in two sensitive headers and nowhere else; whatever text comes back is searched for
//! them before anybody sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::super::BrokerError;
use super::wire::WireError;
use crate::domain::{Address, BrokerId, CleanText, Clock, UnixNanos};

/// Largest answer, in bytes.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Longest text of the venue's that is passed on, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// Requests of the venue's budget that only cancels may use.
const RESERVED_FOR_CANCELS: u32 = 5;
/// How long after a "too many requests" without a date nothing is asked, in milliseconds.
const REST_MS_DEFAULT: i64 = 3_000;
/// The latest date that such an answer may name, in milliseconds from now.
const REST_MS_MAX: i64 = 300_000;

/// The pair of keys of one Alpaca account.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Which account.
    pub key: SecretString,
    /// Proof that it is ours.
    pub secret: SecretString,
}

/// How long things may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// To connect.
    pub connect_ms: u64,
    /// For one request from its first to its last byte.
    pub request_ms: u64,
    /// Before a question is asked again, at first; doubles.
    pub retry_ms: u64,
    /// How often a question is asked.
    pub tries: u32,
    /// Before the report stream connects again, at first; doubles.
    pub reconnect_ms: u64,
    /// The longest such wait.
    pub reconnect_ms_max: u64,
    /// Silence of the report stream after which it is asked for a sign of life, and once more, given up.
    pub idle_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            request_ms: 10_000,
            retry_ms: 500,
            tries: 3,
            reconnect_ms: 500,
            reconnect_ms_max: 30_000,
            idle_ms: 20_000,
        }
    }
}

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The request did not leave, or the venue took no notice of it; not before `until` again.
    NotSent { until: UnixNanos, reason: CleanText, is_rate: bool },
    /// It may have been acted on.
    Unknown(CleanText),
    /// The venue said no, in its own words.
    Said { status: u16, code: Option<i64>, text: CleanText },
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Waits for the budget.
    Normal,
    /// May use the reserve.
    Cancel,
}

#[derive(Debug, Default)]
struct Budget {
    remaining: Option<u32>,
    reset: UnixNanos,
}

/// The client.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    address: Address,
    keys: Keys,
    clock: Arc<dyn Clock>,
    timing: Timing,
    budget: Mutex<Budget>,
}

/// A request before it is sent.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<serde_json::Value>,
    pub urgency: Urgency,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { method: Method::GET, path, query, body: None, urgency: Urgency::Normal }
    }
}

/// The cryptography behind TLS is chosen once a process; whoever came first has chosen.
pub(super) fn install_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing this race means that it is installed.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
    }
}

impl Http {
    pub(super) fn new(
        address: Address,
        keys: Keys,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Result<Self, BrokerError> {
        install_tls();
        let unusable =
            |reason: &str| BrokerError::Unusable { broker: BrokerId::Alpaca, reason: CleanText::new(reason) };
        let header = |secret: &SecretString| {
            let mut value = HeaderValue::from_str(secret.expose_secret())
                .map_err(|_| unusable("the key or secret has characters that no key has"))?;
            value.set_sensitive(true);
            Ok::<_, BrokerError>(value)
        };
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("apca-api-key-id"), header(&keys.key)?);
        headers.insert(HeaderName::from_static("apca-api-secret-key"), header(&keys.secret)?);
        let client = Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_millis(timing.connect_ms))
            .timeout(Duration::from_millis(timing.request_ms))
            .user_agent(concat!("qlib-pro/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| unusable(&e.to_string()))?;
        Ok(Self { client, address, keys, clock, timing, budget: Mutex::default() })
    }

    pub(super) const fn timing(&self) -> &Timing {
        &self.timing
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn stream_address(&self) -> String {
        self.address.stream("/stream")
    }

    /// Text from the other side, without control characters and without our keys.
    pub(super) fn clean(&self, text: &str) -> CleanText {
        let mut text = text.to_owned();
        for secret in [&self.keys.key, &self.keys.secret] {
            if !secret.expose_secret().is_empty() {
                text = text.replace(secret.expose_secret(), "[key]");
            }
        }
        CleanText::new(&text.chars().take(TEXT_CHARS_MAX).collect::<String>())
    }

    /// One exchange; the body of a good answer.
    pub(super) async fn call(&self, ask: &Ask<'_>) -> Result<Vec<u8>, Fault> {
        self.may_ask(ask.urgency)?;
        let mut request = self.client.request(ask.method.clone(), self.address.rest(ask.path));
        if !ask.query.is_empty() {
            request = request.query(ask.query);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        self.note_budget(response.headers());
        let status = response.status().as_u16();
        if status == 429 {
            return Err(self.rate_limited(response.headers()));
        }
        let body = self.body(response).await.map_err(|reason| Fault::Unknown(self.clean(&reason)))?;
        match status {
            200..=299 => Ok(body),
            400..=499 => Err(self.said(status, &body)),
            _ => Err(Fault::Unknown(self.clean(&format!("the venue answered with status {status}")))),
        }
    }

    /// A question that may be asked again; its answer read.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        what: &'static str,
        ask: &Ask<'_>,
    ) -> Result<T, BrokerError> {
        let mut tried = 1;
        loop {
            let fault = match self.call(ask).await {
                Ok(body) => return self.read(what, &body),
                Err(fault) => fault,
            };
            let again = match &fault {
                Fault::Unknown(_) => true,
                Fault::NotSent { is_rate, .. } => !is_rate,
                Fault::Said { .. } => false,
            };
            if !again || tried >= self.timing.tries {
                return Err(self.error(what, fault));
            }
            let wait = self.timing.retry_ms.saturating_mul(1 << tried.min(10));
            tokio::time::sleep(jittered(wait)).await;
            tried += 1;
        }
    }

    /// Reads an answer.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        what: &'static str,
        body: &[u8],
    ) -> Result<T, BrokerError> {
        serde_json::from_slice(body).map_err(|e| self.malformed(what, &e.to_string()))
    }

    pub(super) fn malformed(&self, what: &'static str, reason: &str) -> BrokerError {
        BrokerError::Malformed { broker: BrokerId::Alpaca, what, reason: self.clean(reason) }
    }

    /// A fault as the answer to a question.
    pub(super) fn error(&self, what: &'static str, fault: Fault) -> BrokerError {
        let broker = BrokerId::Alpaca;
        match fault {
            Fault::NotSent { until, is_rate: true, .. } => BrokerError::RateLimited { broker, until },
            Fault::NotSent { reason, .. } | Fault::Unknown(reason) => {
                BrokerError::Offline { broker, what, reason }
            }
            Fault::Said { status: 401, text, .. } => BrokerError::BadKey { broker, text },
            Fault::Said { status, text, .. } => BrokerError::Refused { broker, what, status, text },
        }
    }

    fn failed(&self, error: &reqwest::Error) -> Fault {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            reason.push_str(&format!(": {inner}"));
            source = inner.source();
        }
        let reason = self.clean(&reason);
        if error.is_connect() || error.is_builder() {
            let until = self.clock.now().plus_millis(self.timing.retry_ms.cast_signed());
            Fault::NotSent { until, reason, is_rate: false }
        } else {
            Fault::Unknown(reason)
        }
    }

    fn said(&self, status: u16, body: &[u8]) -> Fault {
        match serde_json::from_slice::<WireError>(body) {
            Ok(error) => Fault::Said { status, code: error.code, text: self.clean(&error.message) },
            // Something between us and the venue may have answered.
            Err(_) => {
                Fault::Unknown(self.clean(&format!("status {status} with an answer that is not the venue's")))
            }
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| e.to_string())? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(format!("the answer is longer than {BODY_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn may_ask(&self, urgency: Urgency) -> Result<(), Fault> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let reserve = match urgency {
            Urgency::Normal => RESERVED_FOR_CANCELS,
            Urgency::Cancel => 0,
        };
        if self.clock.now() >= budget.reset {
            budget.remaining = None;
        }
        if budget.remaining.is_some_and(|left| left <= reserve) {
            let reason = CleanText::new("the venue's budget of requests is used up");
            return Err(Fault::NotSent { until: budget.reset, reason, is_rate: true });
        }
        budget.remaining = budget.remaining.map(|left| left.saturating_sub(1));
        Ok(())
    }

    fn note_budget(&self, headers: &HeaderMap) {
        let remaining = number(headers, "x-ratelimit-remaining").and_then(|n| u32::try_from(n).ok());
        let Some((remaining, reset)) = remaining.zip(self.reset(headers)) else { return };
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) =
            Budget { remaining: Some(remaining), reset };
    }

    fn rate_limited(&self, headers: &HeaderMap) -> Fault {
        let now = self.clock.now();
        let retry_after = number(headers, "retry-after").map(|s| now.plus_millis(s.saturating_mul(1_000)));
        let until = retry_after.or_else(|| self.reset(headers)).unwrap_or(now.plus_millis(REST_MS_DEFAULT));
        let until = until.clamp(now, now.plus_millis(REST_MS_MAX));
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) =
            Budget { remaining: Some(0), reset: until };
        Fault::NotSent {
            until,
            reason: CleanText::new("the venue takes no more requests for now"),
            is_rate: true,
        }
    }

    /// When the budget is whole again; a date that is too far off is not believed.
    fn reset(&self, headers: &HeaderMap) -> Option<UnixNanos> {
        let at = number(headers, "x-ratelimit-reset").map(UnixNanos::from_seconds)?;
        Some(at.min(self.clock.now().plus_millis(REST_MS_MAX)))
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok().filter(|n| *n >= 0)
}

/// Between half and the whole of a wait, so that many do not come back at once.
pub(super) fn jittered(wait_ms: u64) -> Duration {
    let mut byte = [0_u8; 1];
    let share = if getrandom::fill(&mut byte).is_ok() { u64::from(byte[0]) } else { 128 };
    Duration::from_millis(wait_ms / 2 + wait_ms / 2 * share / 255)
}
