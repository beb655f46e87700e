//! Polygon's stream on loopback: logs in, subscribes, and sends whatever is published to whoever wants it.
//!
//! A key has one connection; another is told so and shut out. A client that does not keep up is dropped, as the vendor
//! does it. All connections can be cut, new ones refused for a while, keys refused, and any bytes sent as they are. What
//! is said is up to whoever publishes; this only carries it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::{Canned, Server, locked, sent};

/// Messages that wait for a client before it counts as too slow.
const QUEUE_MESSAGES: usize = 256;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// What is said of a symbol.
#[derive(Debug, Clone)]
pub struct Event {
    /// `T`, `Q` or `AM`.
    pub channel: &'static str,
    pub symbol: String,
    /// JSON, as it is sent.
    pub text: String,
}

struct Connection {
    /// Empty before the login.
    key: String,
    wanted: BTreeSet<String>,
    queue: mpsc::Sender<Message>,
    cut: Arc<Notify>,
}

struct Inner {
    last_id: u64,
    connections: BTreeMap<u64, Connection>,
    /// Nobody new is let in before this time of the server's clock.
    refused_until: i64,
    /// Whether requests outside the stream are refused meanwhile too.
    is_rest_refused: bool,
    is_key_refused: bool,
    /// What a plan is refused, if it is: the status and the words of the answer to a login (`auth_failed`), or to a
    /// subscription of trades or quotes (`error`).
    denied: Option<(String, String)>,
    /// Connections a key may have.
    connections_max: usize,
    /// Clients that were dropped because they did not keep up.
    slow: u64,
    heard: Vec<String>,
}

/// Everybody who is connected.
pub struct Hub {
    clock: Arc<AtomicI64>,
    inner: Mutex<Inner>,
}

/// What becomes of a connection after an answer.
enum Then {
    Stay(String),
    End(String),
}

fn status(status: &str, message: &str) -> Value {
    json!({ "ev": "status", "status": status, "message": message })
}

fn framed(said: &Value) -> String {
    format!("[{said}]")
}

impl Hub {
    /// With the clock that refusals are timed by.
    pub fn new(clock: Arc<AtomicI64>) -> Self {
        let inner = Inner {
            last_id: 0,
            connections: BTreeMap::new(),
            refused_until: 0,
            is_rest_refused: false,
            is_key_refused: false,
            denied: None,
            connections_max: 1,
            slow: 0,
            heard: Vec::new(),
        };
        Self { clock, inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        locked(&self.inner)
    }

    fn is_away(&self) -> bool {
        self.clock.load(Ordering::SeqCst) < self.inner().refused_until
    }

    /// Whether requests outside the stream are refused.
    pub fn is_rest_away(&self) -> bool {
        self.is_away() && self.inner().is_rest_refused
    }

    /// Ends all connections and lets nobody in for some seconds of the server's clock.
    pub fn cut(&self, refuse_seconds: i64, with_rest: bool) {
        let mut inner = self.inner();
        std::mem::take(&mut inner.connections).into_values().for_each(|one| one.cut.notify_one());
        inner.refused_until = self.clock.load(Ordering::SeqCst) + refuse_seconds * NANOS_PER_SECOND;
        inner.is_rest_refused = with_rest;
    }

    /// Lets everybody in again.
    pub fn restore(&self) {
        let mut inner = self.inner();
        (inner.refused_until, inner.is_key_refused, inner.connections_max) = (0, false, 1);
        inner.denied = None;
    }

    /// Whether keys are refused from now on.
    pub fn refuse_keys(&self, is_refused: bool) {
        self.inner().is_key_refused = is_refused;
    }

    /// What the plan is refused from now on, by status and words.
    pub fn deny(&self, denied: Option<(String, String)>) {
        self.inner().denied = denied;
    }

    /// How many connections a key may have.
    pub fn set_connections_max(&self, most: usize) {
        self.inner().connections_max = most;
    }

    /// Symbols that anybody wants to hear of.
    pub fn wanted(&self) -> BTreeSet<String> {
        let inner = self.inner();
        let all = inner.connections.values().flat_map(|one| &one.wanted);
        all.filter_map(|param| param.split_once('.')).map(|(_, symbol)| symbol.to_owned()).collect()
    }

    /// Clients that are logged in.
    pub fn clients(&self) -> usize {
        self.inner().connections.values().filter(|one| !one.key.is_empty()).count()
    }

    /// Clients that were dropped because they did not keep up.
    pub fn slow(&self) -> u64 {
        self.inner().slow
    }

    /// What clients said, word for word.
    pub fn heard(&self) -> Vec<String> {
        self.inner().heard.clone()
    }

    /// Tells everybody what they have subscribed.
    pub fn publish(&self, events: &[Event]) {
        self.each(|one| {
            let is_wanted = |event: &&Event| {
                let of = |symbol: &str| one.wanted.contains(&format!("{}.{symbol}", event.channel));
                of(&event.symbol) || of("*")
            };
            let texts: Vec<&str> = events.iter().filter(is_wanted).map(|event| event.text.as_str()).collect();
            (!texts.is_empty()).then(|| Message::text(format!("[{}]", texts.join(","))))
        });
    }

    /// Sends a message as it is to everybody who is logged in.
    pub fn say(&self, message: &Message) {
        self.each(|one| (!one.key.is_empty()).then(|| message.clone()));
    }

    fn each(&self, message: impl Fn(&Connection) -> Option<Message>) {
        let mut inner = self.inner();
        let before = inner.connections.len();
        inner.connections.retain(|_, one| {
            let is_kept = message(one).is_none_or(|message| one.queue.try_send(message).is_ok());
            if !is_kept {
                one.cut.notify_one();
            }
            is_kept
        });
        inner.slow += (before - inner.connections.len()) as u64;
    }

    fn join(&self, queue: mpsc::Sender<Message>, cut: Arc<Notify>) -> u64 {
        let mut inner = self.inner();
        inner.last_id += 1;
        let id = inner.last_id;
        let one = Connection { key: String::new(), wanted: BTreeSet::new(), queue, cut };
        inner.connections.insert(id, one);
        id
    }

    fn leave(&self, id: u64) {
        self.inner().connections.remove(&id);
    }

    fn answer(&self, id: u64, said: &str) -> Then {
        let wish: Value = serde_json::from_str(said).unwrap_or(Value::Null);
        let params = wish["params"].as_str().unwrap_or_default();
        let mut inner = self.inner();
        inner.heard.push(said.to_owned());
        match wish["action"].as_str().unwrap_or_default() {
            "auth" => inner.login(id, params),
            action @ ("subscribe" | "unsubscribe") => inner.subscribe(id, params, action == "subscribe"),
            _ => Then::Stay(framed(&status("error", "unknown action"))),
        }
    }

    /// What `/__stream` does: `cut`, `refuse_seconds`, `rest`, `restore`, `auth`, `plan`, `connections_max`, `say`.
    pub fn control(&self, wish: &Value) -> Canned {
        if wish["restore"].as_bool().unwrap_or(false) {
            self.restore();
        }
        let refuse = wish["refuse_seconds"].as_i64();
        if wish["cut"].as_bool().unwrap_or(false) || refuse.is_some() {
            self.cut(refuse.unwrap_or(0), wish["rest"].as_bool().unwrap_or(false));
        }
        if let Some(auth) = wish["auth"].as_str() {
            self.refuse_keys(auth == "refuse");
        }
        if let Some(plan) = wish["plan"].as_str() {
            let words = "Your plan doesn't include websocket access.";
            let denied = match plan {
                "none" => Some(("auth_failed", words)),
                "minutes" => Some(("error", "not authorized")),
                _ => None,
            };
            self.deny(denied.map(|(status, words)| (status.to_owned(), words.to_owned())));
        }
        if let Some(most) = wish["connections_max"].as_u64() {
            self.set_connections_max(usize::try_from(most).unwrap_or(usize::MAX));
        }
        if let Some(text) = wish["say"].as_str() {
            self.say(&Message::text(text.to_owned()));
        }
        let away = (self.inner().refused_until - self.clock.load(Ordering::SeqCst)).max(0);
        let (clients, symbols, slow) = (self.clients(), self.wanted().len(), self.slow());
        Canned::json(&json!({ "clients": clients, "symbols": symbols, "slow": slow,
            "away_seconds": away / NANOS_PER_SECOND }))
    }
}

impl Inner {
    fn login(&mut self, id: u64, key: &str) -> Then {
        if self.is_key_refused || key.is_empty() {
            // Vendors repeat keys in what they say; so does this.
            return Then::End(framed(&status("auth_failed", &format!("key {key} is not known"))));
        }
        if let Some((status_word, words)) = self.denied.as_ref().filter(|(status, _)| status == "auth_failed")
        {
            return Then::End(framed(&status(status_word, words)));
        }
        let others = self.connections.iter().filter(|(other, one)| **other != id && one.key == key);
        if others.count() >= self.connections_max {
            let words = "Maximum number of websocket connections exceeded.";
            return Then::End(framed(&status("max_connections", words)));
        }
        if let Some(one) = self.connections.get_mut(&id) {
            one.key = key.to_owned();
        }
        Then::Stay(framed(&status("auth_success", "authenticated")))
    }

    fn subscribe(&mut self, id: u64, params: &str, is_on: bool) -> Then {
        let denied = self.denied.clone().filter(|(status, _)| status == "error");
        let Some(one) = self.connections.get_mut(&id).filter(|one| !one.key.is_empty()) else {
            return Then::Stay(framed(&status("auth_required", "not authenticated")));
        };
        let mut said = Vec::new();
        for param in params.split(',').map(str::trim) {
            let known = param
                .split_once('.')
                .is_some_and(|(c, s)| ["T", "Q", "A", "AM"].contains(&c) && !s.is_empty());
            let is_denied = denied.as_ref().filter(|_| param.starts_with("T.") || param.starts_with("Q."));
            if !known {
                said.push(status("error", &format!("unknown channel: {param}")));
            } else if let Some((word, words)) = is_denied {
                said.push(status(word, words));
            } else if is_on {
                one.wanted.insert(param.to_owned());
                said.push(status("success", &format!("subscribed to: {param}")));
            } else {
                one.wanted.remove(param);
                said.push(status("success", &format!("unsubscribed to: {param}")));
            }
        }
        Then::Stay(Value::Array(said).to_string())
    }
}

async fn talk(hub: &Hub, id: u64, socket: WebSocket, mut queue: mpsc::Receiver<Message>) {
    let (mut sink, mut source) = socket.split();
    let greeting = framed(&status("connected", "Connected Successfully"));
    if sink.send(Message::text(greeting)).await.is_err() {
        return;
    }
    loop {
        let message = tokio::select! {
            message = queue.recv() => message,
            said = source.next() => match said {
                Some(Ok(Message::Text(text))) => match hub.answer(id, &text) {
                    Then::Stay(answer) => Some(Message::text(answer)),
                    Then::End(answer) => {
                        let _gone = sink.send(Message::text(answer)).await;
                        let _gone = sink.close().await;
                        None
                    }
                },
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => None,
            },
        };
        let Some(message) = message else { return };
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

async fn serve(hub: Arc<Hub>, socket: WebSocket) {
    let (send, queue) = mpsc::channel(QUEUE_MESSAGES);
    let cut = Arc::new(Notify::new());
    let id = hub.join(send, Arc::clone(&cut));
    // A cut connection just ends, without a word.
    tokio::select! {
        () = talk(&hub, id, socket, queue) => {}
        () = cut.notified() => {}
    }
    hub.leave(id);
}

/// The stream's address.
pub async fn upgrade(State(server): State<Server>, request: axum::extract::Request) -> Response {
    let hub = Arc::clone(server.stream());
    if hub.is_away() {
        return sent(Canned::text(503, "text/plain", "nobody is at home"));
    }
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &server).await {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| serve(hub, socket)),
        Err(_) => sent(Canned::text(400, "text/plain", "this is a WebSocket")),
    }
}
