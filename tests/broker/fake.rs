//! A venue on loopback that speaks Alpaca's paper-trading protocol: it answers with the recorded shapes, keeps a small
//! book of its own, and fails in every way a test asks for.
//!
//! It never matches by itself: a test says what fills. Faults are armed for the next request of a kind and used up.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::stream;
use qlib_pro::domain::{Money, Price, Quantity};
use serde_json::{Value, json};
use tokio::sync::broadcast;

mod groups;
mod shapes;

use self::shapes::Shapes;

/// The key that the venue takes.
pub const KEY: &str = "PK-CANARY-KEY-1";
/// Its secret.
pub const SECRET: &str = "canary-secret-7f3a";

/// How many executions make a page.
const FILLS_PER_PAGE: usize = 100;
/// Every time the venue writes, until a test says another one for executions.
const TIME: &str = "2024-05-06T13:30:00.123456789Z";

/// How a request goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The venue acts and never answers.
    SilentAfter,
    /// The venue acts and the answer breaks off.
    CutAfter,
    /// The venue does nothing and answers with this status and no body of its own.
    Status(u16),
    /// The venue does nothing and answers with this status and this text.
    Says(u16, String),
    /// "Too many requests", with these headers.
    TooMany(Vec<(&'static str, String)>),
    /// The venue acts and answers with something that is no JSON.
    Garbage,
    /// Headers at once, then nothing more.
    NoBody,
    /// A body that does not end.
    Endless,
    /// Sends elsewhere.
    Redirect(String),
    /// Answers well, with these headers.
    Headers(Vec<(&'static str, String)>),
}

#[derive(Debug, Clone)]
enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Drop,
}

struct Book {
    orders: Vec<Value>,
    activities: Vec<Value>,
    positions: BTreeMap<String, Quantity>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    requests: Vec<String>,
    bodies: Vec<String>,
    executed_at: String,
    next: u64,
    is_binary: bool,
    is_deaf: bool,
}

/// The venue.
#[derive(Clone)]
pub struct Fake {
    /// Where it listens.
    pub address: String,
    shapes: Arc<Shapes>,
    book: Arc<Mutex<Book>>,
    frames: broadcast::Sender<Frame>,
}

impl Fake {
    /// Starts listening.
    pub async fn start(shared: &Path) -> Fake {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let book = Book {
            orders: Vec::new(),
            activities: Vec::new(),
            positions: BTreeMap::new(),
            faults: BTreeMap::new(),
            requests: Vec::new(),
            bodies: Vec::new(),
            executed_at: TIME.to_owned(),
            next: 1,
            is_binary: true,
            is_deaf: false,
        };
        let (frames, _) = broadcast::channel(1_024);
        let shapes = Arc::new(Shapes::load(shared));
        let fake = Fake { address, shapes, book: Arc::new(Mutex::new(book)), frames };
        let routes =
            Router::new().route("/stream", get(open_stream)).fallback(any(rest)).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        fake
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arms a fault for the next request that begins so, such as `POST /v2/orders`.
    pub fn arm(&self, request: &str, fault: Fault) {
        self.book().faults.entry(request.to_owned()).or_default().push_back(fault);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.book().faults.clear();
    }

    /// Requests so far that begin so.
    pub fn requests(&self, start: &str) -> usize {
        self.book().requests.iter().filter(|r| r.starts_with(start)).count()
    }

    /// Bodies of orders given so far.
    pub fn given(&self) -> Vec<String> {
        self.book().bodies.clone()
    }

    /// Orders in the book.
    pub fn orders(&self) -> usize {
        self.book().orders.len()
    }

    /// Whether reports travel as bytes.
    pub fn set_binary(&self, is_binary: bool) {
        self.book().is_binary = is_binary;
    }

    /// Stops telling what happens; the book goes on.
    pub fn set_deaf(&self, is_deaf: bool) {
        self.book().is_deaf = is_deaf;
    }

    /// Ends every open report stream.
    pub fn drop_streams(&self) {
        self.frames.send(Frame::Drop).map(drop).unwrap_or_default();
    }

    /// Sends a text of the test's own on the report stream.
    pub fn tell_raw(&self, text: &str) {
        self.frames.send(Frame::Text(text.to_owned())).map(drop).unwrap_or_default();
    }

    /// How many listen to the report stream.
    pub fn listeners(&self) -> usize {
        self.frames.receiver_count()
    }

    /// Says when executions happen from now on.
    pub fn execute_at(&self, time: &str) {
        time.clone_into(&mut self.book().executed_at);
    }

    /// Fills some of an order and tells it; returns what was told, so that a test can tell it again.
    pub fn fill(&self, client: &str, quantity: &str, price: &str) -> String {
        self.fill_at(client, quantity, price, true)
    }

    /// Fills some of an order and tells nobody.
    pub fn fill_silently(&self, client: &str, quantity: &str, price: &str) -> String {
        self.fill_at(client, quantity, price, false)
    }

    fn fill_at(&self, client: &str, quantity: &str, price: &str, is_told: bool) -> String {
        let mut book = self.book();
        let (trade, executed_at) = (book.next, book.executed_at.clone());
        book.next += 1;
        let order = book.live(client).unwrap_or_else(|| panic!("no live order {client}"));
        let add: Quantity = quantity.parse().unwrap();
        let at: Price = price.parse().unwrap();
        let before = number(&order["filled_qty"]);
        let cum = before.checked_add(add).unwrap();
        let spent = order["spent"].as_str().unwrap_or("0").parse::<Money>().unwrap();
        let spent = spent.checked_add(at.notional(add).unwrap()).unwrap();
        let is_full = cum >= number(&order["qty"]);
        order["filled_qty"] = json!(cum.to_string());
        order["spent"] = json!(spent.to_string());
        order["filled_avg_price"] = json!(average(spent, cum).to_string());
        if !matches!(order["status"].as_str().unwrap(), "canceled" | "expired") {
            order["status"] = json!(if is_full { "filled" } else { "partially_filled" });
        }
        let order = order.clone();
        let side = order["side"].as_str().unwrap().to_owned();
        let symbol = order["symbol"].as_str().unwrap().to_owned();
        let signed = if side == "buy" { add } else { add.checked_neg().unwrap() };
        let held = book.positions.entry(symbol.clone()).or_default();
        *held = held.checked_add(signed).unwrap();
        book.activities.push(json!({
            "activity_type": "FILL", "id": format!("20240506093000000::e-{trade}"), "order_id": order["id"],
            "symbol": symbol, "side": side, "qty": quantity, "price": price, "cum_qty": cum.to_string(),
            "leaves_qty": "0", "transaction_time": executed_at,
            "type": if is_full { "fill" } else { "partial_fill" },
        }));
        let mut update = self.shapes.update.clone();
        update["data"]["event"] = json!(if is_full { "fill" } else { "partial_fill" });
        update["data"]["execution_id"] = json!(format!("e-{trade}"));
        update["data"]["qty"] = json!(quantity);
        update["data"]["price"] = json!(price);
        let id = order["id"].as_str().unwrap().to_owned();
        update["data"]["order"] = order;
        let others = book.ripple(&id);
        drop(book);
        let text = update.to_string();
        if is_told {
            self.tell(&text);
            self.tell_all(others);
        }
        text
    }

    /// Ends an order from the venue's side and tells it.
    pub fn end(&self, client: &str, status: &str) -> String {
        let mut book = self.book();
        let order = book.live(client).unwrap_or_else(|| panic!("no live order {client}"));
        order["status"] = json!(status);
        let order = order.clone();
        let others = book.ripple(order["id"].as_str().unwrap());
        drop(book);
        let text = self.tell_order(status, order);
        self.tell_all(others);
        text
    }

    /// Opens an order that was not given here.
    pub fn give_foreign(&self, symbol: &str, quantity: &str) {
        let body = json!({
            "symbol": symbol, "qty": quantity, "side": "buy", "type": "market", "time_in_force": "day",
            "client_order_id": "somebody else's",
        });
        self.accept(&body);
    }

    /// Tells an order's state with an event of the test's own.
    pub fn tell_order(&self, event: &str, order: Value) -> String {
        let mut update = self.shapes.update.clone();
        update["data"]["event"] = json!(event);
        update["data"]["order"] = order;
        for only_of_fills in ["qty", "price", "position_qty"] {
            update["data"].as_object_mut().unwrap().remove(only_of_fills);
        }
        let text = update.to_string();
        self.tell(&text);
        text
    }

    fn tell(&self, text: &str) {
        let (is_binary, is_deaf) = {
            let book = self.book();
            (book.is_binary, book.is_deaf)
        };
        if is_deaf {
            return;
        }
        let frame =
            if is_binary { Frame::Binary(text.as_bytes().to_vec()) } else { Frame::Text(text.to_owned()) };
        self.frames.send(frame).map(drop).unwrap_or_default();
    }

    fn accept(&self, body: &Value) -> Value {
        let mut book = self.book();
        let id = format!("00000000-0000-4000-8000-{:012}", book.next);
        book.next += 1;
        let mut order = self.shapes.order.clone();
        order["id"] = json!(id);
        for key in ["symbol", "qty", "side", "type", "time_in_force", "client_order_id"] {
            order[key] = body[key].clone();
        }
        order["order_type"] = body["type"].clone();
        for key in ["limit_price", "stop_price", "trail_price", "trail_percent"] {
            order[key] = body.get(key).cloned().unwrap_or(Value::Null);
        }
        (order["status"], order["filled_qty"]) = (json!("new"), json!("0"));
        let legs = book.open_legs(body, &mut order);
        book.orders.push(order.clone());
        drop(book);
        self.tell_order("new", order.clone());
        self.tell_all(legs);
        order
    }

    fn cancel(&self, id: &str) -> Option<bool> {
        let mut book = self.book();
        let order = book.orders.iter_mut().find(|o| o["id"] == id)?;
        if is_done(order) {
            return Some(false);
        }
        order["status"] = json!("canceled");
        let order = order.clone();
        let others = book.ripple(id);
        drop(book);
        self.tell_order("canceled", order);
        self.tell_all(others);
        Some(true)
    }

    fn replace(&self, id: &str, change: &Value) -> Option<Result<Value, ()>> {
        let mut book = self.book();
        let new_id = format!("00000000-0000-4000-8000-{:012}", book.next);
        book.next += 1;
        let old = book.orders.iter_mut().find(|o| o["id"] == id)?;
        if is_done(old) {
            return Some(Err(()));
        }
        let mut new = old.clone();
        old["status"] = json!("replaced");
        old["replaced_by"] = json!(new_id);
        let old = old.clone();
        new["id"] = json!(new_id);
        new["replaces"] = json!(id);
        for (key, value) in change.as_object().unwrap() {
            new[key] = value.clone();
        }
        book.orders.push(new.clone());
        drop(book);
        self.tell_order("replaced", old);
        self.tell_order("new", new.clone());
        Some(Ok(new))
    }

    /// Acts on a request and answers it.
    fn act(&self, method: &Method, path: &str, query: &str, body: &Value) -> (u16, String) {
        let asked: BTreeMap<&str, String> =
            query.split('&').filter_map(|p| p.split_once('=')).map(|(k, v)| (k, decoded(v))).collect();
        let order_path = path.strip_prefix("/v2/orders/");
        match (method.as_str(), path) {
            ("POST", "/v2/orders") => self.give(body),
            ("GET", "/v2/orders") => {
                let open = self.book().orders.iter().filter(|o| !is_done(o)).cloned().collect::<Vec<_>>();
                (200, Value::Array(open).to_string())
            }
            ("DELETE", "/v2/orders") => {
                let open: Vec<Value> = self.book().orders.iter().filter(|o| !is_done(o)).cloned().collect();
                let lines: Vec<Value> = open
                    .iter()
                    .map(|o| {
                        let done = self.cancel(o["id"].as_str().unwrap());
                        json!({ "id": o["id"], "status": if done == Some(true) { 200 } else { 422 } })
                    })
                    .collect();
                (207, Value::Array(lines).to_string())
            }
            ("GET", "/v2/orders:by_client_order_id") => {
                let wanted = asked.get("client_order_id").cloned().unwrap_or_default();
                let book = self.book();
                let found = book.orders.iter().rfind(|o| o["client_order_id"] == wanted).cloned();
                found.map_or((404, self.shapes.not_found.clone()), |o| (200, o.to_string()))
            }
            ("GET", "/v2/positions") => (200, self.positions()),
            ("GET", "/v2/account") => (200, self.shapes.account.to_string()),
            ("GET", "/v2/clock") => {
                let clock = json!({
                    "timestamp": "2024-05-06T10:30:00.5-04:00", "is_open": true,
                    "next_open": "2024-05-07T09:30:00-04:00", "next_close": "2024-05-06T16:00:00-04:00",
                });
                (200, clock.to_string())
            }
            ("GET", "/v2/account/activities/FILL") => (200, self.activities(asked.get("page_token"))),
            _ => order_path
                .map_or((404, self.shapes.not_found.clone()), |id| self.one(method, id, (query, body))),
        }
    }

    fn one(&self, method: &Method, id: &str, (query, body): (&str, &Value)) -> (u16, String) {
        let missing = || (404, self.shapes.not_found.clone());
        let too_late =
            || (422, json!({ "code": 42210000, "message": "order is not cancelable" }).to_string());
        match method.as_str() {
            "GET" => {
                let book = self.book();
                let found = book.orders.iter().find(|o| o["id"] == id).cloned();
                let found = found.map(|o| if query.contains("nested=true") { book.nested(o) } else { o });
                found.map_or_else(missing, |o| (200, o.to_string()))
            }
            "DELETE" => match self.cancel(id) {
                None => missing(),
                Some(true) => (204, String::new()),
                Some(false) => too_late(),
            },
            "PATCH" => match self.replace(id, body) {
                None => missing(),
                Some(Ok(new)) => (200, new.to_string()),
                Some(Err(())) => too_late(),
            },
            _ => missing(),
        }
    }

    fn give(&self, body: &Value) -> (u16, String) {
        self.book().bodies.push(body.to_string());
        let taken = self.book().orders.iter().any(|o| o["client_order_id"] == body["client_order_id"]);
        if taken {
            return (422, self.shapes.duplicate.clone());
        }
        if number(&body["qty"]) > Quantity::from_whole(100_000).unwrap() {
            return (403, self.shapes.buying_power.clone());
        }
        let order = self.accept(body);
        (200, self.book().nested(order).to_string())
    }

    fn positions(&self) -> String {
        let book = self.book();
        let lines = book.positions.iter().filter(|(_, q)| !q.is_zero()).map(|(symbol, quantity)| {
            let mut line = self.shapes.position.clone();
            line["symbol"] = json!(symbol);
            line["qty"] = json!(quantity.to_string());
            line["side"] = json!(if quantity.is_negative() { "short" } else { "long" });
            line
        });
        Value::Array(lines.collect()).to_string()
    }

    fn activities(&self, token: Option<&String>) -> String {
        let book = self.book();
        let from =
            token.and_then(|t| book.activities.iter().position(|a| a["id"] == **t)).map_or(0, |at| at + 1);
        Value::Array(book.activities.iter().skip(from).take(FILLS_PER_PAGE).cloned().collect()).to_string()
    }
}

impl Book {
    /// The newest order of a client order id or of one of its amendments.
    fn live(&mut self, client: &str) -> Option<&mut Value> {
        let amended = format!("{client}~");
        self.orders
            .iter_mut()
            .rfind(|o| o["client_order_id"].as_str().is_some_and(|c| c == client || c.starts_with(&amended)))
    }
}

fn is_done(order: &Value) -> bool {
    matches!(order["status"].as_str(), Some("filled" | "canceled" | "expired" | "replaced" | "rejected"))
}

fn number(value: &Value) -> Quantity {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().unwrap()
}

fn average(spent: Money, quantity: Quantity) -> Price {
    let wide = i128::from(spent.raw()) * 1_000_000_000_000 / i128::from(quantity.raw());
    Price::from_raw_wide(wide).unwrap()
}

fn decoded(text: &str) -> String {
    text.replace("%3A", ":").replace("%7E", "~").replace("%23", "#").replace("%2F", "/").replace('+', " ")
}

async fn rest(State(fake): State<Fake>, request: Request) -> Response {
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let line = format!("{method} {}", uri.path());
    let fault = {
        let mut book = fake.book();
        book.requests.push(line.clone());
        let armed = book.faults.iter_mut().find(|(k, f)| line.starts_with(k.as_str()) && !f.is_empty());
        armed.and_then(|(_, faults)| faults.pop_front())
    };
    if !is_ours(&headers) {
        return answer(401, fake.shapes.unauthorized.clone());
    }
    let act = || fake.act(&method, uri.path(), uri.query().unwrap_or(""), &body);
    match fault {
        None => {
            let (status, text) = act();
            answer(status, text)
        }
        Some(Fault::SilentAfter) => {
            act();
            std::future::pending().await
        }
        Some(Fault::CutAfter) => {
            let (_, text) = act();
            let half: String = text.chars().take(text.len() / 2).collect();
            streamed(vec![Ok(Bytes::from(half)), Err(std::io::Error::other("cut"))], false)
        }
        Some(Fault::Status(status)) => answer(status, "<html>bad gateway</html>".into()),
        Some(Fault::Says(status, text)) => answer(status, text),
        Some(Fault::TooMany(headers)) => with_headers(answer(429, fake.shapes.too_many.clone()), &headers),
        Some(Fault::Garbage) => {
            act();
            answer(200, "{\"id\": \"half of".into())
        }
        Some(Fault::NoBody) => streamed(Vec::new(), true),
        Some(Fault::Endless) => {
            let chunk = Bytes::from(vec![b' '; 1 << 20]);
            streamed((0..64).map(|_| Ok(chunk.clone())).collect(), false)
        }
        Some(Fault::Redirect(to)) => with_headers(answer(302, String::new()), &[("location", to)]),
        Some(Fault::Headers(headers)) => {
            let (status, text) = act();
            with_headers(answer(status, text), &headers)
        }
    }
}

fn is_ours(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|v| v == value);
    is("apca-api-key-id", KEY) && is("apca-api-secret-key", SECRET)
}

fn answer(status: u16, text: String) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], text).into_response()
}

fn with_headers(mut response: Response, headers: &[(&'static str, String)]) -> Response {
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

fn streamed(chunks: Vec<Result<Bytes, std::io::Error>>, is_endless: bool) -> Response {
    use futures_util::StreamExt;
    let chunks = stream::iter(chunks);
    let body = if is_endless {
        Body::from_stream(chunks.chain(stream::pending()))
    } else {
        Body::from_stream(chunks)
    };
    Response::new(body)
}

async fn open_stream(State(fake): State<Fake>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve_stream(fake, socket))
}

async fn serve_stream(fake: Fake, mut socket: WebSocket) {
    let Some(Ok(login)) = socket.recv().await else { return };
    let login: Value = serde_json::from_slice(&login.into_data()).unwrap_or(Value::Null);
    let good = login["data"]["key_id"] == KEY && login["data"]["secret_key"] == SECRET;
    let status = if good { "authorized" } else { "unauthorized" };
    let greeting =
        json!({ "stream": "authorization", "data": { "status": status, "action": "authenticate" } });
    if socket.send(Message::Binary(greeting.to_string().into_bytes().into())).await.is_err() || !good {
        return;
    }
    let Some(Ok(_listen)) = socket.recv().await else { return };
    let mut frames = fake.frames.subscribe();
    let listening = json!({ "stream": "listening", "data": { "streams": ["trade_updates"] } });
    if socket.send(Message::text(listening.to_string())).await.is_err() {
        return;
    }
    loop {
        let sent = tokio::select! {
            frame = frames.recv() => match frame {
                Ok(Frame::Text(text)) => socket.send(Message::text(text)).await,
                Ok(Frame::Binary(bytes)) => socket.send(Message::Binary(bytes.into())).await,
                Ok(Frame::Drop) | Err(_) => return,
            },
            heard = socket.recv() => match heard {
                Some(Ok(_)) => Ok(()),
                _ => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}
