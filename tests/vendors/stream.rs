//! Polygon's stream against the vendor on loopback, below a home: every way in which a connection ends, and everything
//! that is in a message without being of use.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::extract::ws::Message;
use qlib_pro::domain::vendor::STREAM_HOSTS;
use qlib_pro::domain::{Address, UnixNanos};
use qlib_pro::market::live::polygon::PolygonStream;
use qlib_pro::market::live::{LiveEvent, Stream};

use super::live::timing;
use super::rig::KEY;
use super::server::Server;
use super::server::stream::Hub;

const LOGIN: &str = r#"{"action":"auth","params":"k-CANARY-7f3a91"}"#;
const ALL: &str = r#"{"action":"subscribe","params":"T.AAPL,Q.AAPL,AM.AAPL"}"#;
const MIXED: &str = r#"[{"ev":"Q","sym":"AAPL","bp":1,"ap":2,"bs":1,"as":1,"t":1714068000140,"q":1},{"ev":"XT","sym":"AAPL"}]"#;
/// Most reads until something must have come.
const READS: usize = 2_000;
/// Size of a message that fills a line soon, in bytes, and the most of them.
const LARGE_BYTES: usize = 64 << 10;
const LARGE_MAX: usize = 4_000;

struct Line {
    server: Server,
    stream: PolygonStream,
    out: Vec<LiveEvent>,
}

impl Line {
    /// A stream that wants one symbol of New York, and is not connected yet.
    async fn new() -> Self {
        let now: UnixNanos = super::rig::NOW.parse().unwrap();
        let server = Server::start(0, Arc::new(AtomicI64::new(now.nanos()))).await.unwrap();
        let mut stream = stream_to(&server);
        stream.subscribe(&["AAPL.XNYS", "BHP.XASX"].map(|id| id.parse().unwrap()).into()).await;
        Self { server, stream, out: Vec::new() }
    }

    async fn connected() -> Self {
        let mut line = Self::new().await;
        line.until("connected", |line| line.out.contains(&LiveEvent::Connected)).await;
        line.until("subscribed", |line| line.hub().heard().len() == 2).await;
        line.out.clear();
        line
    }

    fn hub(&self) -> &Arc<Hub> {
        self.server.stream()
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..READS {
            if done(self) {
                return;
            }
            self.stream.next(&mut self.out).await;
        }
        panic!("never {what}: {:?} {:?}", self.out, self.hub().heard());
    }

    /// Why connections ended.
    fn gaps(&self) -> Vec<String> {
        let reason = |event: &LiveEvent| match event {
            LiveEvent::Gap { reason } => Some(reason.to_string()),
            _ => None,
        };
        self.out.iter().filter_map(reason).collect()
    }

    /// Back, and subscribed to what was wanted before.
    async fn comes_back(&mut self) {
        self.until("back", |line| line.out.last() == Some(&LiveEvent::Connected)).await;
        self.until("subscribed again", |line| {
            let heard = line.hub().heard();
            heard.len() >= 4 && heard[heard.len() - 2..] == [LOGIN, ALL]
        })
        .await;
    }
}

fn stream_to(server: &Server) -> PolygonStream {
    let address = Address::parse(&format!("{}/polygon", server.address), STREAM_HOSTS).unwrap();
    PolygonStream::new(address, Box::new(|| Ok(KEY.into())), timing())
}

#[tokio::test]
async fn s24_after_a_disconnect_it_comes_back_and_subscribes_again() {
    let mut line = Line::connected().await;
    line.hub().cut(0, false);
    line.until("lost", |line| !line.gaps().is_empty()).await;
    line.comes_back().await;
    line.stream.subscribe(&["MSFT.XNYS"].map(|id| id.parse().unwrap()).into()).await;
    line.until("changed", |line| line.hub().heard().len() >= 6).await;
    let less = ALL.replace("subscribe", "unsubscribe");
    assert_eq!(line.hub().heard()[4..], [less, ALL.replace("AAPL", "MSFT")]);
    assert_eq!(line.hub().wanted(), ["MSFT".to_owned()].into());
}

#[tokio::test]
async fn s24_a_refused_key_is_told_without_it_and_tried_again_later() {
    let mut line = Line::new().await;
    line.hub().refuse_keys(true);
    line.until("refused", |line| !line.gaps().is_empty()).await;
    assert_eq!(line.gaps()[0], "the stream refuses the key (key (hidden) is not known)");
    line.hub().refuse_keys(false);
    line.until("connected", |line| line.out.last() == Some(&LiveEvent::Connected)).await;
}

#[tokio::test]
async fn s24_a_second_connection_is_told_to_close_the_other_program() {
    let first = Line::connected().await;
    let mut second = Line { stream: stream_to(&first.server), server: first.server.clone(), out: Vec::new() };
    second.until("shut out", |line| !line.gaps().is_empty()).await;
    assert!(second.gaps()[0].contains("close the other program"), "{:?}", second.gaps());
    assert_eq!(first.hub().clients(), 1, "the first one stays");
    drop(first.stream);
    second.until("let in", |line| line.out.last() == Some(&LiveEvent::Connected)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn s24_a_client_that_does_not_keep_up_is_dropped_and_comes_back() {
    let mut line = Line::connected().await;
    let event = &MIXED[1..MIXED.len() - 1];
    let large = format!("[{}]", vec![event; LARGE_BYTES / event.len()].join(","));
    for _ in 0..LARGE_MAX {
        line.hub().say(&Message::text(large.clone()));
        if line.hub().slow() > 0 {
            break;
        }
    }
    assert_eq!(line.hub().slow(), 1);
    line.until("lost", |line| !line.gaps().is_empty()).await;
    line.comes_back().await;
}

#[tokio::test]
async fn s25_what_cannot_be_used_is_counted_and_the_rest_is_kept() {
    let mut line = Line::connected().await;
    for message in [
        Message::text(MIXED),
        Message::binary(MIXED.replace("\"q\":1", "\"q\":2").into_bytes()),
        Message::text("[{\"ev\":\"Q\",\"sy"),
        Message::text("[]"),
        Message::binary(vec![0xff, 0x00]),
        Message::text(MIXED.replace("\"q\":1", "\"q\":3")),
    ] {
        line.hub().say(&message);
    }
    let places = |line: &Line| -> Vec<i64> {
        line.out
            .iter()
            .filter_map(|e| if let LiveEvent::Quote(_, place) = e { *place } else { None })
            .collect()
    };
    line.until("all heard", |line| places(line).last() == Some(&3)).await;
    assert_eq!(places(&line), [1, 2, 3]);
    let (mut unknowns, mut brokens) = (0, 0);
    for event in &line.out {
        if let LiveEvent::Skipped { unknown, broken } = event {
            (unknowns, brokens) = (unknowns + unknown, brokens + broken);
        }
    }
    assert_eq!((unknowns, brokens), (3, 3), "{:?}", line.out);
    assert!(line.gaps().is_empty(), "the connection stays");
}
