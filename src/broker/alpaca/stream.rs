//! The report stream: connect, log in, listen, read; and again after every end, each time a little later.
//!
//! It never ends and never replays: every connection begins with [`BrokerReport::Connected`] and every loss, and every
//! message that cannot be read, is a [`BrokerReport::Gap`]. It runs in whoever reads it; nothing is started.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::http::{Http, jittered};
use super::wire::WireMessage;
use crate::domain::CleanText;
use crate::domain::broker::BrokerReport;

/// Largest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Most messages that may come before the answer to a login.
const GREETINGS_MAX: usize = 16;
/// The stream of order changes.
const TRADE_UPDATES: &str = "trade_updates";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The stream of one account.
pub(super) fn reports(http: Arc<Http>) -> BoxStream<'static, BrokerReport> {
    let feed = Feed { http, socket: None, failures: 0, is_asked: false, waiting: VecDeque::new() };
    stream::unfold(feed, |mut feed| async move {
        let report = feed.next().await;
        Some((report, feed))
    })
    .boxed()
}

struct Feed {
    http: Arc<Http>,
    socket: Option<Socket>,
    failures: u32,
    /// Whether it was silent and has been asked for a sign of life.
    is_asked: bool,
    waiting: VecDeque<BrokerReport>,
}

#[derive(Deserialize)]
struct Envelope {
    stream: String,
}

impl Feed {
    async fn next(&mut self) -> BrokerReport {
        loop {
            if let Some(report) = self.waiting.pop_front() {
                return report;
            }
            let done = match self.socket.take() {
                None => self.connect().await,
                Some(socket) => self.read(socket).await,
            };
            if let Err(reason) = done {
                self.failures = self.failures.saturating_add(1);
                return BrokerReport::Gap { reason: self.http.clean(&reason) };
            }
        }
    }

    async fn connect(&mut self) -> Result<(), String> {
        let timing = *self.http.timing();
        if self.failures > 0 {
            let doubled = timing.reconnect_ms.saturating_mul(1 << self.failures.min(16));
            tokio::time::sleep(jittered(doubled.min(timing.reconnect_ms_max))).await;
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let address = self.http.stream_address();
        let opening = async {
            let (socket, _) = connect_async_with_config(address, Some(config), true)
                .await
                .map_err(|e| format!("the report stream cannot be opened: {e}"))?;
            self.log_in(socket).await
        };
        let deadline = Duration::from_millis(timing.connect_ms.saturating_add(timing.request_ms));
        let opened = timeout(deadline, opening).await;
        let socket = opened.map_err(|_| "the report stream did not open in time".to_owned())??;
        self.socket = Some(socket);
        self.failures = 0;
        self.is_asked = false;
        self.waiting.push_back(BrokerReport::Connected);
        Ok(())
    }

    async fn log_in(&self, mut socket: Socket) -> Result<Socket, String> {
        let keys = self.http.keys();
        let login = serde_json::json!({
            "action": "authenticate",
            "data": { "key_id": keys.key.expose_secret(), "secret_key": keys.secret.expose_secret() },
        });
        send(&mut socket, login.to_string()).await?;
        let mut is_authorized = false;
        for _ in 0..GREETINGS_MAX {
            let Some(bytes) = payload(next_message(&mut socket).await?)? else { continue };
            match message(&bytes)? {
                Some(WireMessage::Authorization { status }) if status == "authorized" => {
                    is_authorized = true;
                    let listen =
                        serde_json::json!({ "action": "listen", "data": { "streams": [TRADE_UPDATES] } });
                    send(&mut socket, listen.to_string()).await?;
                }
                Some(WireMessage::Authorization { .. }) => {
                    return Err(
                        "the report stream does not take the key: check that it is a paper-trading key"
                            .into(),
                    );
                }
                Some(WireMessage::Listening { streams }) if is_authorized => {
                    return if streams.iter().any(|s| s == TRADE_UPDATES) {
                        Ok(socket)
                    } else {
                        Err("the report stream does not send order changes".into())
                    };
                }
                Some(WireMessage::Listening { .. } | WireMessage::TradeUpdates(_)) | None => {}
            }
        }
        Err("the report stream did not answer the login".into())
    }

    async fn read(&mut self, mut socket: Socket) -> Result<(), String> {
        let idle = Duration::from_millis(self.http.timing().idle_ms);
        let next = match timeout(idle, next_message(&mut socket)).await {
            Ok(next) => next?,
            Err(_) if self.is_asked => return Err("the report stream fell silent".into()),
            Err(_) => {
                socket
                    .send(Message::Ping(Bytes::new()))
                    .await
                    .map_err(|e| format!("the report stream broke: {e}"))?;
                self.is_asked = true;
                self.socket = Some(socket);
                return Ok(());
            }
        };
        self.is_asked = false;
        let bytes = payload(next)?;
        self.socket = Some(socket);
        if let Some(bytes) = bytes {
            self.take(&bytes);
        }
        Ok(())
    }

    /// What cannot be read is a gap, not the end of the connection.
    fn take(&mut self, bytes: &[u8]) {
        let read = match message(bytes) {
            Ok(Some(WireMessage::TradeUpdates(update))) => update.reports().map_err(|e| e.to_string()),
            Ok(_) => return,
            Err(reason) => Err(reason),
        };
        match read {
            Ok(reports) => self.waiting.extend(reports),
            Err(reason) => {
                let reason = self.http.clean(&format!("a report cannot be read: {reason}"));
                self.waiting.push_back(BrokerReport::Gap { reason });
            }
        }
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), String> {
    socket.send(Message::text(text)).await.map_err(|e| format!("the report stream broke: {e}"))
}

async fn next_message(socket: &mut Socket) -> Result<Message, String> {
    match socket.next().await {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(format!("the report stream broke: {error}")),
        None => Err("the report stream ended".into()),
    }
}

/// JSON of a message, whether it came as text or as bytes; `None` for signs of life.
fn payload(message: Message) -> Result<Option<Vec<u8>>, String> {
    match message {
        Message::Text(text) => Ok(Some(text.as_bytes().to_vec())),
        Message::Binary(bytes) => Ok(Some(bytes.to_vec())),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        Message::Close(_) => Err("the venue closed the report stream".into()),
    }
}

/// A message of a kind that is known; `None` for another kind.
fn message(bytes: &[u8]) -> Result<Option<WireMessage>, String> {
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if !matches!(envelope.stream.as_str(), "authorization" | "listening" | TRADE_UPDATES) {
        let stream = CleanText::new(&envelope.stream);
        tracing::debug!(%stream, "a message of an unknown stream was passed over");
        return Ok(None);
    }
    serde_json::from_slice(bytes).map(Some).map_err(|e| e.to_string())
}
