//! A vendor on loopback: answers by manifest, writes down every request, has a clock that can be set, and fails in every
//! way it is told to.
//!
//! Paths may begin with a vendor's name (`/yahoo/v8/…`), so that one server stands for all of them. What the server
//! itself understands begins with two underscores: `/__clock`, `/__scenario`, `/__stream`, `/__log`. Polygon's stream is at
//! `/stocks` and `/polygon/stocks`.

pub mod faults;
pub mod manifest;
pub mod stream;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};

use faults::{Armed, Fault};
use manifest::Route;
use stream::Hub;

/// Names that may stand in front of a path.
const VENDORS: [&str; 5] = ["alpha_vantage", "yahoo", "polygon", "asx", "alpaca"];

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Time of the server's clock, in nanoseconds since 1970.
    pub at: i64,
    /// Vendor in front of the path; empty when there is none.
    pub vendor: String,
    /// Path behind it.
    pub path: String,
    /// Parameters, decoded.
    pub query: BTreeMap<String, String>,
    /// `Authorization`, `Cookie` and `Host`.
    pub authorization: String,
    pub cookie: String,
    pub host: String,
}

/// An answer before it is sent.
#[derive(Debug, Clone)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Canned {
    /// JSON with status 200.
    pub fn json(value: &Value) -> Self {
        Self::text(200, "application/json", &value.to_string())
    }

    /// Text of a content type.
    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }
}

/// What makes answers that are not in a manifest.
pub type Maker = dyn Fn(&Seen) -> Option<Canned> + Send + Sync;

struct Inner {
    clock: Arc<AtomicI64>,
    /// How far the clock that answers show is ahead, in nanoseconds.
    ahead: AtomicI64,
    routes: Mutex<Vec<Route>>,
    maker: Mutex<Option<Arc<Maker>>>,
    armed: Mutex<Vec<Armed>>,
    log: Mutex<Vec<Seen>>,
    stream: Arc<Hub>,
}

/// The server.
#[derive(Clone)]
pub struct Server {
    /// Where it listens.
    pub address: String,
    inner: Arc<Inner>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Starts listening on a port of this machine; 0: any free one. `clock` is in nanoseconds since 1970.
    pub async fn start(port: u16, clock: Arc<AtomicI64>) -> std::io::Result<Server> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let stream = Arc::new(Hub::new(Arc::clone(&clock)));
        let inner = Inner {
            clock,
            ahead: AtomicI64::new(0),
            routes: Mutex::default(),
            maker: Mutex::default(),
            armed: Mutex::default(),
            log: Mutex::default(),
            stream,
        };
        let server = Server { address, inner: Arc::new(inner) };
        let routes = Router::new()
            .route("/stocks", any(stream::upgrade))
            .route("/polygon/stocks", any(stream::upgrade))
            .fallback(answer)
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(server)
    }

    /// Answers from the manifest of a folder, or from the built-in one for the recorded replies.
    pub fn serve_folder(&self, folder: &Path) -> Result<usize, String> {
        let routes = manifest::load(folder)?;
        let count = routes.len();
        locked(&self.inner.routes).extend(routes);
        Ok(count)
    }

    /// Answers what no manifest has.
    pub fn set_maker(&self, maker: Arc<Maker>) {
        *locked(&self.inner.maker) = Some(maker);
    }

    /// Arms a fault.
    pub fn arm(&self, armed: Armed) {
        locked(&self.inner.armed).push(armed);
    }

    /// Disarms everything.
    pub fn disarm(&self) {
        locked(&self.inner.armed).clear();
    }

    /// From now on the clock that answers show is ahead by some seconds.
    pub fn set_ahead(&self, seconds: i64) {
        self.inner.ahead.store(seconds * 1_000_000_000, Ordering::SeqCst);
    }

    fn date(&self) -> String {
        let nanos = self.inner.clock.load(Ordering::SeqCst) + self.inner.ahead.load(Ordering::SeqCst);
        let date = chrono::DateTime::from_timestamp_nanos(nanos);
        date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Polygon's stream.
    pub fn stream(&self) -> &Arc<Hub> {
        &self.inner.stream
    }

    /// Requests so far.
    pub fn log(&self) -> Vec<Seen> {
        locked(&self.inner.log).clone()
    }

    /// Requests so far whose path contains a text.
    pub fn seen(&self, part: &str) -> Vec<Seen> {
        self.log().into_iter().filter(|seen| seen.path.contains(part)).collect()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        locked(&self.inner.log).clear();
    }

    fn fault_for(&self, seen: &Seen) -> Option<Fault> {
        let mut armed = locked(&self.inner.armed);
        armed.iter_mut().find_map(|one| one.take(seen))
    }

    fn plain(&self, seen: &Seen) -> Canned {
        let routes = locked(&self.inner.routes);
        let (exact, wide): (Vec<&Route>, Vec<&Route>) =
            routes.iter().filter(|route| route.matches(seen)).partition(|route| !route.is_wide());
        let maker = locked(&self.inner.maker).clone();
        // What a manifest says of everything it does not know goes behind what can be made up.
        let made = || maker.and_then(|maker| maker(seen));
        let told = |routes: &[&Route]| routes.first().map(|route| route.answer());
        let nothing = || Canned::text(404, "text/plain", "nothing is served here");
        told(&exact).or_else(made).or_else(|| told(&wide)).unwrap_or_else(nothing)
    }

    fn own(&self, path: &str, body: &[u8]) -> Canned {
        let wish: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        match path {
            "/__clock" => {
                if let Some(millis) = wish["advance_ms"].as_i64() {
                    self.inner.clock.fetch_add(millis * 1_000_000, Ordering::SeqCst);
                }
                if let Some(nanos) = wish["now_ns"].as_i64() {
                    self.inner.clock.store(nanos, Ordering::SeqCst);
                }
                if let Some(seconds) = wish["show_ahead_seconds"].as_i64() {
                    self.set_ahead(seconds);
                }
                Canned::json(&json!({ "now_ns": self.inner.clock.load(Ordering::SeqCst) }))
            }
            "/__scenario" => match Armed::parse(&wish) {
                Ok(armed) => {
                    self.arm(armed);
                    Canned::json(&json!({ "armed": wish["name"] }))
                }
                Err(why) => Canned::text(400, "text/plain", &why),
            },
            "/__stream" => self.inner.stream.control(&wish),
            "/__log" => {
                let rows: Vec<Value> = self.log().iter().map(shown).collect();
                Canned::json(&Value::Array(rows))
            }
            _ => Canned::text(404, "text/plain", "know /__clock, /__scenario, /__stream and /__log"),
        }
    }
}

/// A request as it is told to others: without its credentials.
fn shown(seen: &Seen) -> Value {
    let mut query = seen.query.clone();
    for secret in ["apikey", "apiKey", "crumb"] {
        if let Some(value) = query.get_mut(secret) {
            *value = "(given)".to_owned();
        }
    }
    let is_authorized = !seen.authorization.is_empty();
    json!({ "at_ns": seen.at, "vendor": seen.vendor, "path": seen.path, "query": query, "authorized": is_authorized })
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if path.starts_with("/__") {
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
        return sent(server.own(&path, &body));
    }
    let text = |name: &str, headers: &HeaderMap| {
        headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (vendor, path) = without_vendor(&path);
    let seen = Seen {
        at: server.inner.clock.load(Ordering::SeqCst),
        vendor,
        path,
        query: pairs(parts.uri.query().unwrap_or_default()),
        authorization: text("authorization", &parts.headers),
        cookie: text("cookie", &parts.headers),
        host: text("host", &parts.headers),
    };
    locked(&server.inner.log).push(seen.clone());
    if server.inner.stream.is_rest_away() {
        return sent(Canned::text(503, "text/plain", "nobody is at home"));
    }
    let mut response = match server.fault_for(&seen) {
        Some(fault) => fault.answer(|| server.plain(&seen)),
        None => sent(server.plain(&seen)),
    };
    if let Ok(date) = server.date().parse() {
        response.headers_mut().entry(axum::http::header::DATE).or_insert(date);
    }
    response
}

fn without_vendor(path: &str) -> (String, String) {
    let rest = path.trim_start_matches('/');
    let (first, behind) = rest.split_once('/').unwrap_or((rest, ""));
    if VENDORS.contains(&first) {
        return (first.to_owned(), format!("/{behind}"));
    }
    (String::new(), path.to_owned())
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decoded(k), decoded(v)))
        .collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = behind;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends an answer as it is.
pub fn sent(canned: Canned) -> Response {
    let mut response = Response::new(Body::from(canned.body));
    *response.status_mut() = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::OK);
    for (name, value) in &canned.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<axum::http::HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
