//! The binary on a home with an account at a broker: what it sends, what it learns when it is killed in between, what
//! it refuses while it cannot compare, and that no key is ever seen.

use std::time::{Duration, Instant};

use qlib_pro::domain::Clock;
use qlib_pro::observe::SystemClock;
use serde_json::Value;

use super::fake::{Fake, Fault, KEY, SECRET};
use super::home::{Home, Ran};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

struct Desk {
    home: Home,
    fake: Fake,
}

impl Desk {
    /// A trading home with the account `alp` at the venue on loopback.
    async fn open() -> Option<Desk> {
        let shared = super::support::shared_data()?;
        let fake = Fake::start(&shared).await;
        let desk = Desk { home: Home::trading(), fake };
        let opened = desk.run(&["account", "open", "alp", "--cash", "100000", "--broker", "alpaca"]);
        assert_eq!(opened.code, 0, "{}", opened.err);
        Some(desk)
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.home.command(args);
        command.env("QLIB_PRO_ALPACA_URL", &self.fake.address);
        command.env("QLIB_PRO_ALPACA_KEY", KEY).env("QLIB_PRO_ALPACA_SECRET", SECRET);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let done = self.command(args).output().unwrap();
        let ran = Ran {
            code: done.status.code().unwrap(),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        };
        for secret in [KEY, SECRET] {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "a key shows: {args:?}");
        }
        ran
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}\nout: {}\nerr: {}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    fn submit(&self, id: &str) -> Ran {
        self.run(&["order", "submit", "buy", "10", "S01", "--limit", "41", "--id", id, "--account", "alp"])
    }

    /// An order as the home holds it.
    fn order(&self, id: &str) -> Value {
        let all = self.json(&["order", "list", "--account", "alp"]);
        all.as_array().unwrap().iter().find(|o| o["id"] == id).cloned().unwrap_or(Value::Null)
    }

    /// Opens the home as its owner, so that it is compared with the venue.
    fn compare(&self) {
        self.json(&["advance", "--sessions", "0"]);
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_sent_once_fills_there_and_shows_here() {
    let Some(desk) = Desk::open().await else { return };
    let ran = desk.submit("q-1");
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    until("the order at the venue", || desk.fake.orders() == 1).await;
    assert_eq!(desk.fake.given().len(), 1);
    desk.fake.fill_silently("q-1", "4", "40.9");
    desk.compare();
    let order = desk.order("q-1");
    assert_eq!((&order["status"], &order["filled"]), (&"partially_filled".into(), &"4".into()), "{order}");
    desk.fake.fill_silently("q-1", "6", "41");
    desk.compare();
    assert_eq!(desk.order("q-1")["status"], "filled");
    let held = desk.json(&["portfolio", "--account", "alp"]);
    assert_eq!(held[0]["positions"][0]["quantity"], "10", "{held}");
    let verified = desk.json(&["audit", "verify"]);
    assert_eq!(verified["sound"], true, "{verified}");
    assert_eq!(desk.fake.orders(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_sending_and_answer_there_is_one_order_and_it_is_found() {
    let Some(desk) = Desk::open().await else { return };
    desk.fake.arm("POST /v2/orders", Fault::SilentAfter);
    let args = ["order", "submit", "buy", "10", "S01", "--limit", "41", "--id", "q-1", "--account", "alp"];
    let mut child = desk.command(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
    until("the order at the venue", || desk.fake.orders() == 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(desk.order("q-1")["status"], "submitted", "the intent is on disk");
    desk.compare();
    assert_eq!(desk.order("q-1")["status"], "accepted");
    assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (1, 1));
}

/// Gives an order with the process ending at a named point of its sending.
fn submit_to(desk: &Desk, point: &str, id: &str) {
    let args = ["order", "submit", "buy", "10", "S01", "--limit", "41", "--id", id, "--account", "alp"];
    let mut command = desk.command(&args);
    command.env("QLIB_PRO_FAIL_AT", format!("{point}:1"));
    let done = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    assert_eq!(done.unwrap().code(), None, "it ended at {point}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_right_after_sending_there_is_one_order_and_it_is_found() {
    let Some(desk) = Desk::open().await else { return };
    submit_to(&desk, "broker.after_send", "q-1");
    assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (1, 1));
    assert_eq!(desk.order("q-1")["status"], "submitted", "what the venue answered was never noted");
    for _ in 0..2 {
        desk.compare();
        assert_eq!(desk.order("q-1")["status"], "accepted");
        assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (1, 1));
    }
    desk.fake.fill_silently("q-1", "10", "41");
    desk.compare();
    let (order, held) = (desk.order("q-1"), desk.json(&["portfolio", "--account", "alp"]));
    assert_eq!((&order["status"], &order["filled"]), (&"filled".into(), &"10".into()), "{order}");
    assert_eq!(held[0]["positions"][0]["quantity"], "10", "{held}");
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_right_before_sending_nothing_is_at_the_venue_and_nothing_is_sent_late() {
    let Some(desk) = Desk::open().await else { return };
    submit_to(&desk, "broker.before_send", "q-1");
    assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (0, 0));
    assert_eq!(desk.order("q-1")["status"], "submitted", "the intent is on disk");
    // It may have been sent, for all the home knows: it is asked for, and never sent by a later process.
    desk.compare();
    assert!(desk.fake.requests("GET /v2/orders:by_client_order_id") >= 1);
    assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (0, 0));
    assert_eq!(desk.order("q-1")["status"], "submitted");
    assert_eq!(desk.submit("q-2").code, 0);
    until("the other order at the venue", || desk.fake.orders() == 1).await;
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_is_asked_for_and_ends_what_was_not_filled() {
    let Some(desk) = Desk::open().await else { return };
    desk.submit("q-1");
    until("the order at the venue", || desk.fake.orders() == 1).await;
    let ran = desk.run(&["order", "cancel", "q-1", "--account", "alp"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    desk.compare();
    assert_eq!(desk.order("q-1")["status"], "canceled");
    assert!(desk.fake.requests("DELETE /v2/orders") >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_venue_that_cannot_be_compared_takes_no_new_risk() {
    let Some(desk) = Desk::open().await else { return };
    for _ in 0..64 {
        desk.fake.arm("GET /v2/positions", Fault::Says(403, "{\"message\":\"not today\"}".into()));
    }
    let ran = desk.submit("q-1");
    assert_eq!(ran.code, 4, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("RECONCILING"), "{}", ran.out);
    assert_eq!(desk.fake.requests("POST /v2/orders"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_is_told_and_never_traded_away() {
    let Some(desk) = Desk::open().await else { return };
    desk.fake.give_foreign("S02", "7");
    desk.fake.fill_silently("somebody else's", "7", "42");
    desk.compare();
    let events = desk.json(&["export", "audit", "--format", "json"]).to_string();
    assert!(events.contains("RECONCILIATION_BREAK") || events.contains("risk_event"), "{events}");
    assert_eq!((desk.fake.requests("POST /v2/orders"), desk.fake.requests("DELETE")), (0, 0));
}

/// The orders of the account that were not given here.
fn external(desk: &Desk) -> Vec<Value> {
    let all = desk.json(&["order", "list", "--account", "alp"]);
    let is_external = |o: &&Value| o["id"].as_str().unwrap().starts_with("external:");
    all.as_array().unwrap().iter().filter(is_external).cloned().collect()
}

fn held(desk: &Desk) -> Value {
    desk.json(&["portfolio", "--account", "alp"])[0]["positions"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_given_at_the_venue_itself_is_kept_counted_once_and_ended_only_by_a_person() {
    let Some(desk) = Desk::open().await else { return };
    desk.fake.execute_at(&SystemClock.now().to_string());
    desk.fake.give_foreign("S02", "7");
    desk.fake.fill_silently("somebody else's", "3", "42");
    for _ in 0..2 {
        desk.compare();
        let orders = external(&desk);
        let [order] = orders.as_slice() else { panic!("{orders:?}") };
        assert_eq!(
            (&order["status"], &order["filled"]),
            (&"partially_filled".into(), &"3".into()),
            "{order}"
        );
        let held = held(&desk);
        assert_eq!((held.as_array().unwrap().len(), &held[0]["quantity"]), (1, &"3".into()), "{held}");
    }
    assert_eq!((desk.fake.requests("POST /v2/orders"), desk.fake.requests("DELETE")), (0, 0));
    let id = external(&desk)[0]["id"].as_str().unwrap().to_owned();
    let ran = desk.run(&["order", "cancel", &id, "--account", "alp"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    desk.compare();
    assert_eq!(external(&desk)[0]["status"], "canceled");
    assert_eq!((desk.fake.requests("POST /v2/orders"), desk.fake.orders()), (0, 1));
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_executed_elsewhere_while_nobody_looked_is_booked_once_and_what_was_before_is_not() {
    let Some(desk) = Desk::open().await else { return };
    desk.fake.give_foreign("S03", "5");
    desk.fake.fill_silently("somebody else's", "5", "40");
    desk.fake.execute_at(&SystemClock.now().to_string());
    desk.fake.give_foreign("S02", "7");
    desk.fake.fill_silently("somebody else's", "4", "42");
    desk.fake.fill_silently("somebody else's", "3", "43");
    for _ in 0..2 {
        desk.compare();
        let orders = external(&desk);
        let [order] = orders.as_slice() else { panic!("{orders:?}") };
        assert_eq!((&order["status"], &order["filled"]), (&"filled".into(), &"7".into()), "{order}");
        let held = held(&desk);
        assert_eq!((held.as_array().unwrap().len(), &held[0]["quantity"]), (1, &"7".into()), "{held}");
    }
    let events = desk.json(&["export", "audit", "--format", "json"]).to_string();
    assert!(events.contains("S03.XNYS: 0 here and 5 at the broker"), "{events}");
    assert!(!events.contains("S02.XNYS: 0 here"), "{events}");
    assert_eq!((desk.fake.requests("POST /v2/orders"), desk.fake.requests("DELETE")), (0, 0));
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_there_before_is_listed_and_asked_for_and_no_foreign_name_stops_the_comparison() {
    let Some(desk) = Desk::open().await else { return };
    desk.fake.give_foreign("S03", "5");
    desk.fake.fill_silently("somebody else's", "5", "40");
    desk.fake.give_foreign("AAPL`", "7");
    desk.compare();
    let told = desk.json(&["reconcile", "list"]).to_string();
    assert!(told.contains("S03.XNYS: 0 here and 5 at the broker") && told.contains("no symbol"), "{told}");
    assert_eq!(desk.submit("q-1").code, 0, "orders are taken all the same");
    let row = desk.json(&["reconcile", "adopt", "alp", "S03"]);
    assert_eq!(
        (&row["status"], &row["quantity"], &row["cost"]),
        (&"asked".into(), &"5".into(), &"500.00".into()),
        "{row}"
    );
    let listed = desk.json(&["reconcile", "list"]);
    let found = listed.as_array().unwrap().iter().find(|r| r["instrument"] == "S03.XNYS").unwrap();
    assert_eq!((&found["quantity"], &found["cost"]), (&"5".into(), &"500.00".into()), "{found}");
    assert!(found["since"].is_string() && found["asked_by"].is_string(), "{found}");
    assert!(found["remedy"].as_str().unwrap().contains("two people"), "{found}");
    let again = desk.run(&["reconcile", "adopt", "alp", "S03"]);
    assert!(again.code != 0 && again.err.contains("one person only"), "{} {}", again.out, again.err);
    assert!(held(&desk).as_array().unwrap().is_empty());
    let mut added = desk.command(&["user", "add", "ana", "--role", "admin"]);
    assert!(added.env("QLIB_PRO_NEW_PASSWORD", "correct horse battery").status().unwrap().success());
    let own = "a password of her own";
    let mut hers = desk.command(&["user", "password"]);
    hers.env("QLIB_PRO_USER", "ana").env("QLIB_PRO_NEW_PASSWORD", own);
    assert!(hers.status().unwrap().success());
    let mut second = desk.command(&["reconcile", "adopt", "alp", "S03"]);
    let ran = second.env("QLIB_PRO_USER", "ana").env("QLIB_PRO_PASSWORD", own).output().unwrap();
    let row: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
    assert_eq!(row["status"], "taken_over", "{ran:?}");
    assert_eq!(held(&desk)[0]["quantity"], "5");
    let verified = desk.json(&["audit", "verify"]);
    assert_eq!(verified["sound"], true, "{verified}");
}

/// A bracket around a limit order of 10.
const BRACKET: [&str; 17] = [
    "order",
    "submit",
    "buy",
    "10",
    "S01",
    "--limit",
    "41",
    "--tif",
    "gtc",
    "--take-profit",
    "42",
    "--stop-loss",
    "40",
    "--id",
    "q-1",
    "--account",
    "alp",
];

fn statuses(desk: &Desk) -> Vec<String> {
    let status = |id: &str| desk.order(id)["status"].as_str().unwrap_or("none").to_owned();
    ["q-1", "q-1-tp", "q-1-sl"].map(status).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bracket_goes_in_one_go_and_its_exits_are_ended_and_changed_by_the_venues_names() {
    let Some(desk) = Desk::open().await else { return };
    let ran = desk.run(&BRACKET);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    until("the group at the venue", || desk.fake.orders() == 3).await;
    assert_eq!(desk.fake.requests("POST /v2/orders"), 1);
    assert_eq!(statuses(&desk), ["accepted"; 3]);
    let route = desk.json(&["order", "show", "q-1", "--account", "alp"])["route"].to_string();
    assert!(
        route.contains("bracket") && route.contains("not paper: what the account holds is not there"),
        "{route}"
    );
    desk.json(&["order", "submit", "buy", "1", "S01", "--limit", "40", "--id", "p-1", "--account", "desk"]);
    let route = desk.json(&["order", "show", "p-1", "--account", "desk"])["route"].to_string();
    assert!(route.contains("paper takes limit day") && route.contains("cost 0.0"), "{route}");
    desk.fake.fill_silently("q-1", "10", "41");
    desk.compare();
    assert_eq!(statuses(&desk), ["filled", "accepted", "accepted"]);
    let ran = desk.run(&["order", "amend", "q-1-tp", "--limit", "42.5", "--account", "alp"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    desk.compare();
    assert_eq!(desk.order("q-1-tp")["limit_price"], "42.5");
    desk.fake.fill_silently("q-1-tp", "10", "42.5");
    desk.compare();
    assert_eq!(statuses(&desk), ["filled", "filled", "canceled"]);
    assert!(held(&desk).as_array().unwrap().is_empty(), "{}", held(&desk));
    assert!(external(&desk).is_empty(), "{:?}", external(&desk));
    let verified = desk.json(&["audit", "verify"]);
    assert_eq!((&verified["sound"], desk.fake.requests("POST /v2/orders")), (&true.into(), 1), "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_sending_a_bracket_and_its_answer_there_is_one_and_its_exits_are_found() {
    let Some(desk) = Desk::open().await else { return };
    let mut command = desk.command(&BRACKET);
    command.env("QLIB_PRO_FAIL_AT", "broker.after_send:1");
    let done = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    assert_eq!(done.unwrap().code(), None);
    assert_eq!((desk.fake.orders(), statuses(&desk)), (3, vec!["submitted".to_owned(); 3]));
    desk.fake.fill_silently("q-1", "10", "41");
    desk.fake.fill_silently(&desk.fake.exit_of("q-1", "stop_loss"), "10", "39.9");
    for _ in 0..2 {
        desk.compare();
        assert_eq!(statuses(&desk), ["filled", "canceled", "filled"]);
        assert!(held(&desk).as_array().unwrap().is_empty() && external(&desk).is_empty());
    }
    assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (3, 1));
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_exits_of_a_position_go_in_one_go_and_the_fill_of_one_ends_the_other() {
    let Some(desk) = Desk::open().await else { return };
    assert_eq!(desk.submit("q-1").code, 0);
    until("the order at the venue", || desk.fake.orders() == 1).await;
    desk.fake.fill_silently("q-1", "10", "41");
    desk.compare();
    let pair = [
        "order",
        "submit",
        "sell",
        "10",
        "S01",
        "--limit",
        "42",
        "--or-stop",
        "40",
        "--tif",
        "gtc",
        "--id",
        "x",
        "--account",
        "alp",
    ];
    let ran = desk.run(&pair);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    until("both at the venue", || desk.fake.orders() == 3).await;
    assert_eq!(desk.fake.requests("POST /v2/orders"), 2);
    desk.fake.fill_silently(&desk.fake.exit_of("x", "stop_loss"), "10", "39.9");
    desk.compare();
    assert_eq!(
        (&desk.order("x")["status"], &desk.order("x-sl")["status"]),
        (&"canceled".into(), &"filled".into())
    );
    assert!(held(&desk).as_array().unwrap().is_empty() && external(&desk).is_empty());
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_the_venue_does_not_take_is_refused_before_anything_is_sent() {
    let Some(desk) = Desk::open().await else { return };
    let day: Vec<&str> = BRACKET.iter().filter(|a| !matches!(**a, "--tif" | "gtc")).copied().collect();
    let ran = desk.run(&day);
    assert_eq!(ran.code, 4, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("UNSUPPORTED_TIME_IN_FORCE"), "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("give the entry with --tif gtc"), "{} {}", ran.out, ran.err);
    assert_eq!(desk.fake.requests("POST /v2/orders"), 0);
}

/// The closing order, as the home holds it.
fn closing(desk: &Desk) -> Value {
    let all = desk.json(&["order", "list", "--account", "alp"]);
    let mut all = all.as_array().unwrap().iter();
    all.find(|o| o["id"].as_str().unwrap().starts_with("flatten-")).cloned().unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flatten_sells_what_is_held_once_the_venue_has_answered_the_cancels_over_kills_and_only_once() {
    let Some(desk) = Desk::open().await else { return };
    desk.submit("q-1");
    until("the order at the venue", || desk.fake.orders() == 1).await;
    desk.fake.fill_silently("q-1", "4", "40.9");
    desk.compare();
    // The venue does not take the cancel yet, and the process ends with the wish on disk.
    for _ in 0..64 {
        desk.fake.arm("DELETE /v2/orders", Fault::Status(503));
    }
    let ran = desk.run(&["flatten", "account:alp", "--confirm"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("WAITS_FOR_CANCELS"), "{}", ran.out);
    assert_eq!((&closing(&desk)["status"], desk.fake.requests("POST /v2/orders")), (&"held".into(), 1));
    desk.fake.fill_silently("q-1", "2", "40.9");
    desk.compare();
    assert_eq!((&desk.order("q-1")["filled"], &closing(&desk)["status"]), (&"6".into(), &"held".into()));
    // Now it does, and the process dies right after it has sent the closing order.
    desk.fake.heal();
    desk.fake.end("q-1", "canceled");
    let mut command = desk.command(&["advance", "--sessions", "0"]);
    command.env("QLIB_PRO_FAIL_AT", "broker.after_send:1");
    let done = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    assert_eq!(done.unwrap().code(), None, "it ended after sending");
    assert_eq!((desk.order("q-1")["status"].as_str(), desk.fake.orders()), (Some("canceled"), 2));
    let id = closing(&desk)["id"].as_str().unwrap().to_owned();
    desk.fake.fill_silently(&id, "6", "40.5");
    for _ in 0..2 {
        desk.compare();
        let close = closing(&desk);
        assert_eq!(
            (&close["status"], &close["quantity"], &close["side"]),
            (&"filled".into(), &"6".into(), &"sell".into())
        );
        assert!(held(&desk).as_array().unwrap().is_empty(), "{}", held(&desk));
    }
    assert_eq!((desk.fake.orders(), desk.fake.requests("POST /v2/orders")), (2, 2));
    assert_eq!(desk.json(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_at_a_broker_needs_its_keys_and_an_allowed_address() {
    let Some(shared) = super::support::shared_data() else { return };
    let fake = Fake::start(&shared).await;
    let desk = Desk { home: Home::trading(), fake };
    let open = ["account", "open", "alp", "--cash", "1000", "--broker", "alpaca"];
    let ran = desk.home.run(&open);
    assert!(ran.code == 1 && ran.err.contains("QLIB_PRO_ALPACA_KEY"), "{}", ran.err);
    let live = desk.command(&open).env("QLIB_PRO_ALPACA_URL", "https://api.alpaca.markets").output().unwrap();
    let said = String::from_utf8(live.stderr).unwrap();
    assert!(live.status.code() == Some(1) && said.contains("not allowed"), "{said}");
    assert_eq!(desk.run(&open).code, 0);
    let second = desk.run(&["account", "open", "alp-2", "--cash", "1000", "--broker", "alpaca"]);
    assert!(second.code == 1 && second.err.contains("one pair of keys"), "{}", second.err);
}
