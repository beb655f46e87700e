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

/// Hosts of the stream: the vendor's real-time and its delayed one.
pub const HOSTS: &[&str] =
    &["socket.massive.com", "delayed.massive.com", "socket.polygon.io", "delayed.polygon.io"];
/// Largest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Most messages before the answer to a login.
const GREETINGS_MAX: usize = 16;
/// Most symbols of one subscription message.
const SYMBOLS_A_MESSAGE: usize = 500;
/// Longest wait for a message, so that whoever reads can look at other things.
const LOOK: Duration = Duration::from_millis(100);
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

/// What no text has in it, where no key was used.
const NO_KEY: &str = "\0";

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

/// Why a connection ended, and whether trying again soon can help.
struct End {
    reason: CleanText,
    is_refused: bool,
}

fn ended(reason: impl Into<String>) -> End {
    End { reason: CleanText::from(reason.into()), is_refused: false }
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
        let wait_ms =
            if end.is_refused { self.timing.refused_ms } else { doubled.min(self.timing.again_ms_max) };
        self.not_before = Instant::now() + Self::jittered(wait_ms);
        // Vendors repeat keys in their refusals.
        let used = self.used.as_ref().map_or(NO_KEY, |key| key.expose_secret());
        let reason = end.reason.as_str().replace(used, "(hidden)");
        out.push(LiveEvent::Gap { reason: reason.into() });
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
            frames::read(&bytes, out).into_iter().try_for_each(is_heard)?;
        }
        Ok(())
    }
}

/// What the server says of itself ends a connection, or does not.
fn is_heard(said: Said) -> Result<(), End> {
    let refused = |reason: String| End { reason: reason.into(), is_refused: true };
    match said {
        Said::Authorized | Said::Other => Ok(()),
        Said::Refused(words) => Err(refused(format!("the stream refuses the key ({words})"))),
        Said::TooMany(words) => Err(refused(format!(
            "the plan allows one connection and another has it ({words}); close the other program"
        ))),
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
