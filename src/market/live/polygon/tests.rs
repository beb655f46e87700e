//! The stream against a server on this machine that misbehaves.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message as Sent, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Mutex;

use super::*;

/// What the server does with its connections, one after the other, and what it was told.
#[derive(Default)]
struct Server {
    connections: AtomicUsize,
    told: Mutex<Vec<String>>,
}

const GREETING: &str = r#"[{"ev":"status","status":"connected","message":"Connected Successfully"}]"#;
const TAKEN: &str = r#"[{"ev":"status","status":"auth_success","message":"authenticated"}]"#;
const REFUSED: &str = r#"[{"ev":"status","status":"auth_failed","message":"key SECRETKEY123456 is bad"}]"#;
const TOO_MANY: &str =
    r#"[{"ev":"status","status":"max_connections","message":"Maximum number of connections exceeded."}]"#;
const MIXED: &str = r#"[{"ev":"Q","sym":"AAPL","bp":1,"ap":2,"bs":1,"as":1,"t":1714068000140,"q":1},{"ev":"XT","sym":"AAPL"}]"#;

async fn heard(server: &Server, socket: &mut WebSocket) -> bool {
    let Some(Ok(message)) = socket.recv().await else { return false };
    server.told.lock().await.push(message.into_text().unwrap().to_string());
    true
}

async fn serve(server: Arc<Server>, mut socket: WebSocket) {
    let turn = server.connections.fetch_add(1, Ordering::SeqCst);
    let _gone = socket.send(Sent::text(GREETING)).await;
    if !heard(&server, &mut socket).await {
        return;
    }
    match turn {
        0 => {
            let _gone = socket.send(Sent::text(REFUSED)).await;
        }
        1 => {
            let _gone = socket.send(Sent::text(TAKEN)).await;
            heard(&server, &mut socket).await;
            let _gone = socket.send(Sent::text(MIXED)).await;
            let _gone = socket.send(Sent::binary(MIXED.replace("\"q\":1", "\"q\":2").into_bytes())).await;
            let _gone = socket.send(Sent::text("[{\"ev\":\"Q\",\"sy")).await;
            let _gone = socket.send(Sent::text(TOO_MANY)).await;
        }
        _ => {
            let _gone = socket.send(Sent::text(TAKEN)).await;
            while heard(&server, &mut socket).await {}
        }
    }
}

async fn upgrade(State(server): State<Arc<Server>>, upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade.on_upgrade(move |socket| serve(server, socket))
}

async fn start() -> (Arc<Server>, Address) {
    let server = Arc::new(Server::default());
    let app = Router::new().route("/stocks", get(upgrade)).with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (server, Address::parse(&address, HOSTS).unwrap())
}

async fn until_connected(stream: &mut PolygonStream, out: &mut Vec<LiveEvent>) {
    for _ in 0..200 {
        stream.next(out).await;
        if out.last() == Some(&LiveEvent::Connected) {
            return;
        }
    }
    panic!("never connected: {out:?}");
}

#[tokio::test]
async fn it_comes_back_after_every_end_and_subscribes_again() {
    let (server, address) = start().await;
    let timing = Timing { open_ms: 5_000, idle_ms: 5_000, again_ms: 1, again_ms_max: 5, refused_ms: 5 };
    let mut stream = PolygonStream::new(address, "SECRETKEY123456".into(), timing);
    stream.subscribe(&["AAPL.XNYS", "BHP.XASX"].map(|id| id.parse().unwrap()).into()).await;
    let mut out = Vec::new();
    until_connected(&mut stream, &mut out).await;
    let LiveEvent::Gap { reason } = &out[0] else { panic!("{out:?}") };
    assert_eq!(reason.as_str(), "the stream refuses the key (key (hidden) is bad)");
    out.clear();
    until_connected(&mut stream, &mut out).await;
    let quotes: Vec<_> =
        out.iter().filter_map(|e| if let LiveEvent::Quote(_, place) = e { *place } else { None }).collect();
    assert_eq!(quotes, [1, 2]);
    let skipped = out.iter().filter(|e| matches!(e, LiveEvent::Skipped { unknown: 1, broken: 0 })).count();
    assert_eq!(skipped, 2);
    assert!(out.contains(&LiveEvent::Skipped { unknown: 0, broken: 1 }));
    let gap = out
        .iter()
        .find_map(|e| if let LiveEvent::Gap { reason } = e { Some(reason.to_string()) } else { None });
    assert!(gap.unwrap().contains("close the other program"));
    stream.subscribe(&["MSFT.XNYS"].map(|id| id.parse().unwrap()).into()).await;
    let mut told = Vec::new();
    for _ in 0..200 {
        stream.next(&mut out).await;
        told = server.told.lock().await.clone();
        if told.len() >= 7 {
            break;
        }
    }
    let login = r#"{"action":"auth","params":"SECRETKEY123456"}"#;
    let all = r#"{"action":"subscribe","params":"T.AAPL,Q.AAPL,AM.AAPL"}"#;
    let less = all.replace("subscribe", "unsubscribe");
    let more = all.replace("AAPL", "MSFT");
    assert_eq!(told, [login, login, all, login, all, &less, &more]);
}

#[tokio::test]
async fn a_subscription_that_could_not_be_sent_is_told_as_a_gap() {
    let (_server, address) = start().await;
    let mut stream = PolygonStream::new(address, "SECRETKEY123456".into(), Timing::default());
    stream.untold = Some(ended("the stream broke"));
    let mut out = Vec::new();
    assert!(stream.next(&mut out).await);
    assert_eq!(out, [LiveEvent::Gap { reason: "the stream broke".into() }]);
    assert!(stream.socket.is_none() && stream.not_before > Instant::now());
}
