//! Polygon's WebSocket: connect, log in, subscribe, read; and again after every end, each time a little later.
//!
//! It never ends by itself. What it cannot hear between two connections is told as a gap; its reader fills it from the
//! REST side. A refused key or a second connection is waited out at length, since trying again changes nothing soon.
//! The key is looked up for each connection, so that one that is set or unlocked later is used; it goes into one message
//! to the vendor's own host or to this machine, and into no text.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::frames::{self, Said};
use super::{LiveEvent, Stream};
use crate::domain::address::Address;
use crate::domain::{CleanText, Exchange, InstrumentId};

/// Largest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Most messages before the answer to a login.
const GREETINGS_MAX: usize = 16;
/// Most symbols of one subscription message.
const SYMBOLS_A_MESSAGE: usize = 500;
/// Longest wait for a message, so that whoever reads can look at other things.
const LOOK: Duration = Duration::from_millis(100);
/// A login that is refused for the plan, not for the key, says so with this word.
const PLAN: &str = "plan";
/// Kinds of events that are subscribed for a symbol: trades, quotes, bars of minutes.
const CHANNELS: [&str; 3] = ["T", "Q", "AM"];

/// How long things may take, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Connection and login.
    pub open_ms: u64,
    /// Silence after which a sign of life is asked for; twice it is the end.
    pub idle_ms: u64,
    /// First wait after an end; each further one is twice as long.
    pub again_ms: u64,
    /// Longest of those waits.
    pub again_ms_max: u64,
    /// Wait after a refused key or a second connection.
    pub refused_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { open_ms: 15_000, idle_ms: 20_000, again_ms: 500, again_ms_max: 30_000, refused_ms: 60_000 }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Looks the key up, or says why there is none.
pub type KeySource = dyn Fn() -> Result<SecretString, String> + Send + Sync;

/// The stream.
pub struct PolygonStream {
    address: Address,
    key: Box<KeySource>,
    /// The key of the last login.
    used: Option<SecretString>,
    timing: Timing,
    socket: Option<Socket>,
    wanted: BTreeSet<String>,
    subscribed: BTreeSet<String>,
    failures: u32,
    /// No new try before this.
    not_before: Instant,
    heard: Instant,
    is_asked: bool,
    /// Why the connection ended, where no read has told it yet.
    untold: Option<End>,
}

impl std::fmt::Debug for PolygonStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stream of {} with {} symbols", self.address.host(), self.wanted.len())
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It broke, or was never made.
    Broken,
    /// The key is refused.
    Key,
    /// The plan has no stream.
    Plan,
    /// Another connection has the one that the plan allows.
    Taken,
}

/// Why a connection ended. Only where it broke can trying again soon help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// How.
    pub how: Ending,
    /// In words, without the key.
    pub reason: CleanText,
}

/// What became of the subscriptions of one symbol: trades (`T`), quotes (`Q`), bars of minutes (`AM`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trial {
    /// What is subscribed.
    pub has: Vec<String>,
    /// What the vendor says of what is not.
    pub denied: Vec<CleanText>,
}

fn ended(reason: impl Into<String>) -> End {
    End { how: Ending::Broken, reason: CleanText::from(reason.into()) }
}

/// Connects, logs in, subscribes one symbol, reads what becomes of it, and closes. `time_ms` is for all of it.
pub async fn try_out(address: Address, key: SecretString, symbol: &str, time_ms: u64) -> Result<Trial, End> {
    let used = key.clone();
    let mut stream = PolygonStream::new(address, Box::new(move || Ok(key.clone())), Timing::default());
    let mut trial = Trial::default();
    let trying = timeout(Duration::from_millis(time_ms), stream.try_one(symbol, &mut trial)).await;
    match trying {
        // Who answers to a part of it only has been heard.
        Ok(Ok(())) | Err(_) if !trial.has.is_empty() || !trial.denied.is_empty() => Ok(trial),
        Ok(Ok(())) | Err(_) => Err(ended("the stream did not answer in time")),
        Ok(Err(end)) => Err(End { reason: hidden(&end.reason, &used), ..end }),
    }
}

/// Vendors repeat keys in their refusals.
fn hidden(words: &CleanText, key: &SecretString) -> CleanText {
    words.as_str().replace(key.expose_secret(), "(hidden)").into()
}

impl PolygonStream {
    /// At an address, with where its key is; nothing is connected or looked up yet.
    pub fn new(address: Address, key: Box<KeySource>, timing: Timing) -> Self {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been first; one is as good as the other.
            rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        }
        Self {
            address,
            key,
            used: None,
            timing,
            socket: None,
            wanted: BTreeSet::new(),
            subscribed: BTreeSet::new(),
            failures: 0,
            not_before: Instant::now(),
            heard: Instant::now(),
            is_asked: false,
            untold: None,
        }
    }

    /// Between half of a wait and all of it.
    fn jittered(wait_ms: u64) -> Duration {
        let mut byte = [0_u8; 1];
        let share = if getrandom::fill(&mut byte).is_ok() { u64::from(byte[0]) } else { 128 };
        Duration::from_millis(wait_ms / 2 + wait_ms / 2 * share / 255)
    }

    fn fail(&mut self, end: End, out: &mut Vec<LiveEvent>) {
        self.socket = None;
        self.subscribed.clear();
        self.failures = self.failures.saturating_add(1);
        let doubled = self.timing.again_ms.saturating_mul(1 << self.failures.min(16));
        let is_broken = end.how == Ending::Broken;
        let wait_ms = if is_broken { doubled.min(self.timing.again_ms_max) } else { self.timing.refused_ms };
        self.not_before = Instant::now() + Self::jittered(wait_ms);
        let reason = match &self.used {
            Some(key) => hidden(&end.reason, key),
            None => end.reason,
        };
        out.push(LiveEvent::Gap { reason });
    }

    async fn try_one(&mut self, symbol: &str, trial: &mut Trial) -> Result<(), End> {
        let mut socket = self.open().await?;
        let params = CHANNELS.map(|channel| format!("{channel}.{symbol}")).join(",");
        send(&mut socket, serde_json::json!({ "action": "subscribe", "params": params }).to_string()).await?;
        let mut nothing = Vec::new();
        while trial.has.len() + trial.denied.len() < CHANNELS.len() {
            let Some(bytes) = payload(next_message(&mut socket).await?)? else { continue };
            for said in frames::read(&bytes, &mut nothing) {
                match said {
                    Said::Subscribed(what) => trial.has.push(what.to_string()),
                    Said::Denied(words) => trial.denied.push(words),
                    said => is_heard(said)?,
                }
            }
            nothing.clear();
        }
        // It is gone either way.
        socket.close(None).await.unwrap_or_default();
        Ok(())
    }

    async fn open(&mut self) -> Result<Socket, End> {
        let key = self.used.insert((self.key)().map_err(ended)?).clone();
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let address = self.address.stream("/stocks");
        // The address has no key in it; the library's words have none either.
        let opened = connect_async_with_config(address, Some(config), true).await;
        let (mut socket, _) = opened.map_err(|e| ended(format!("the stream cannot be opened: {e}")))?;
        let login = serde_json::json!({ "action": "auth", "params": key.expose_secret() }).to_string();
        send(&mut socket, login).await?;
        let mut nothing = Vec::new();
        for _ in 0..GREETINGS_MAX {
            let Some(bytes) = payload(next_message(&mut socket).await?)? else { continue };
            for said in frames::read(&bytes, &mut nothing) {
                if said == Said::Authorized {
                    return Ok(socket);
                }
                is_heard(said)?;
            }
        }
        Err(ended("the stream did not answer the login"))
    }

    /// Subscribes what is wanted and not subscribed, and the other way round.
    async fn settle(&mut self) -> Result<(), End> {
        let Some(mut socket) = self.socket.take() else { return Ok(()) };
        let more: Vec<String> = self.wanted.difference(&self.subscribed).cloned().collect();
        let less: Vec<String> = self.subscribed.difference(&self.wanted).cloned().collect();
        for (action, symbols) in [("unsubscribe", less), ("subscribe", more)] {
            for part in symbols.chunks(SYMBOLS_A_MESSAGE) {
                let all =
                    part.iter().flat_map(|s| CHANNELS.iter().map(move |channel| format!("{channel}.{s}")));
                let params = all.collect::<Vec<_>>().join(",");
                send(&mut socket, serde_json::json!({ "action": action, "params": params }).to_string())
                    .await?;
            }
        }
        self.subscribed.clone_from(&self.wanted);
        self.socket = Some(socket);
        Ok(())
    }

    async fn connect(&mut self, out: &mut Vec<LiveEvent>) -> Result<(), End> {
        let opened = timeout(Duration::from_millis(self.timing.open_ms), self.open()).await;
        self.socket = Some(opened.map_err(|_| ended("the stream did not open in time"))??);
        // A new connection knows nothing of what the one before it had.
        self.subscribed.clear();
        self.settle().await?;
        (self.failures, self.heard, self.is_asked) = (0, Instant::now(), false);
        out.push(LiveEvent::Connected);
        Ok(())
    }

    async fn read(&mut self, out: &mut Vec<LiveEvent>) -> Result<(), End> {
        let idle = Duration::from_millis(self.timing.idle_ms);
        let Some(socket) = self.socket.as_mut() else { return Ok(()) };
        let message = match timeout(LOOK, next_message(socket)).await {
            Ok(message) => message?,
            Err(_) if self.heard.elapsed() < idle => return Ok(()),
            Err(_) if self.is_asked && self.heard.elapsed() < idle * 2 => return Ok(()),
            Err(_) if self.is_asked => return Err(ended("the stream fell silent")),
            Err(_) => {
                self.is_asked = true;
                let sent = socket.send(Message::Ping(Bytes::new())).await;
                return sent.map_err(|e| ended(format!("the stream broke: {e}")));
            }
        };
        self.heard = Instant::now();
        self.is_asked = false;
        if let Some(bytes) = payload(message)? {
            for said in frames::read(&bytes, out) {
                match said {
                    Said::Denied(reason) => out.push(LiveEvent::Denied { reason }),
                    said => is_heard(said)?,
                }
            }
        }
        Ok(())
    }
}

/// What the server says of itself ends a connection, or does not.
fn is_heard(said: Said) -> Result<(), End> {
    let refused = |how, reason: String| End { how, reason: reason.into() };
    match said {
        Said::Authorized | Said::Subscribed(_) | Said::Denied(_) | Said::Other => Ok(()),
        Said::Refused(words) if words.as_str().contains(PLAN) => {
            Err(refused(Ending::Plan, format!("the plan has no stream ({words})")))
        }
        Said::Refused(words) => Err(refused(Ending::Key, format!("the stream refuses the key ({words})"))),
        Said::TooMany(words) => Err(refused(
            Ending::Taken,
            format!("the plan allows one connection and another has it ({words}); close the other program"),
        )),
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), End> {
    socket.send(Message::text(text)).await.map_err(|e| ended(format!("the stream broke: {e}")))
}

async fn next_message(socket: &mut Socket) -> Result<Message, End> {
    match socket.next().await {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(ended(format!("the stream broke: {error}"))),
        None => Err(ended("the stream ended")),
    }
}

/// JSON of a message, whether it came as text or as bytes; `None` for signs of life.
fn payload(message: Message) -> Result<Option<Bytes>, End> {
    match message {
        Message::Text(text) => Ok(Some(Bytes::from(text))),
        Message::Binary(bytes) => Ok(Some(bytes)),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        Message::Close(_) => Err(ended("the vendor closed the stream")),
    }
}

#[async_trait]
impl Stream for PolygonStream {
    fn name(&self) -> &'static str {
        "polygon"
    }

    async fn subscribe(&mut self, instruments: &BTreeSet<InstrumentId>) {
        let own = instruments.iter().filter(|i| i.exchange == Exchange::Xnys);
        self.wanted = own.map(|i| i.symbol.to_string()).collect();
        if self.socket.is_some()
            && let Err(end) = self.settle().await
        {
            // Told as a gap by the next read.
            self.untold = Some(end);
        }
    }

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        let wait = self.not_before.saturating_duration_since(Instant::now());
        let done = if let Some(end) = self.untold.take() {
            Err(end)
        } else if self.socket.is_some() {
            self.read(out).await
        } else if !wait.is_zero() {
            tokio::time::sleep(wait.min(LOOK)).await;
            Ok(())
        } else {
            self.connect(out).await
        };
        if let Err(end) = done {
            self.fail(end, out);
        }
        true
    }
}

#[cfg(test)]
mod tests;
