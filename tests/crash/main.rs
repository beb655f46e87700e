//! What accidents do to a home: kills at any moment and at every named point between two writes ([`points`]), full
//! disks, writes that a power cut would lose, copies made while it trades ([`faults`]), and damaged files ([`damage`]).
//!
//! Killed with -9 in the middle of trading, the home opens again with nothing acknowledged lost: a program feeds `order submit -`, logs each answer it has read, and kills the process after a number of answers
//! that differs each round, while lines are still being written. Then the journal must be proved sound, every
//! logged order must be there with a status that follows from the last answer, and the postings must sum to zero.
//! One round by default, all of them with `QLIB_PRO_LONG=1`.

// This whole target is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod faults;
#[path = "../support/home.rs"]
mod home;
mod points;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use home::{Home, NAMES, level, next_answer};

/// Kills of a full run, in the middle of trading and while market time moves.
const ROUNDS_LONG: u64 = 980;
const ADVANCES_LONG: u64 = 20;
/// Kills of one home, which has bars for so many sessions.
const ROUNDS_OF_A_HOME: usize = 50;
/// Most answers read before a kill.
const ANSWERS_MAX: u64 = 60;
/// Longest wait between the last answer and the kill, in turns of an empty loop: some milliseconds.
const SPIN_MAX: u64 = 3_000_000;

/// How much of a full run this one makes: all of it, or the part for every change.
#[allow(clippy::disallowed_methods)]
fn share(long: u64, short: u64) -> u64 {
    if std::env::var_os("QLIB_PRO_LONG").is_some_and(|v| v == "1") { long } else { short }
}

/// A number that depends on its seed alone (SplitMix64).
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The line with this number in a round: mostly orders, some cancels of earlier ones.
fn line(round: u64, number: u64) -> Value {
    let chance = scramble(round * 1_000_003 + number);
    if number >= 3 && chance.is_multiple_of(5) {
        return json!({"do": "cancel", "id": format!("r{round}-{}", number - 1 - chance / 5 % 3)});
    }
    let name = (chance / 7) as usize % NAMES;
    let side = if chance.is_multiple_of(4) { "sell" } else { "buy" };
    let mut order = json!({
        "do": "submit", "id": format!("r{round}-{number}"), "symbol": format!("S{name:02}"), "side": side,
        "quantity": (1 + chance / 11 % 12).to_string(),
    });
    if chance.is_multiple_of(3) {
        order["limit_price"] = format!("{}.25", level(name) - 1).into();
        order["tif"] = "gtc".into();
    }
    order
}

/// What was sent, and the last status that was read of each order.
#[derive(Default)]
struct Log {
    sent: BTreeSet<String>,
    answered: BTreeMap<String, String>,
}

fn spin(turns: u64) {
    for _ in 0..turns {
        std::hint::spin_loop();
    }
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// One round of trading that ends with a kill; returns how many answers were read.
fn trade_and_kill(home: &Home, round: u64, log: &mut Log) -> u64 {
    let stream = home.stream();
    let (mut child, mut input, mut output) = (stream.child, stream.input, stream.output);
    let sent = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&sent);
    let writer = std::thread::spawn(move || {
        for number in 0.. {
            let line = line(round, number);
            if line["do"] == "submit" {
                noted.lock().unwrap().insert(line["id"].as_str().unwrap().to_string());
            }
            // The process has been killed: the pipe is closed.
            if writeln!(input, "{line}").is_err() {
                return;
            }
        }
    });
    let (wanted, mut read) = (1 + scramble(round) % ANSWERS_MAX, 0);
    let mut note = |answer: Value| {
        if let Some(id) = answer["id"].as_str() {
            log.answered.insert(id.to_string(), answer["status"].as_str().unwrap().to_string());
        }
        read += 1;
        read
    };
    while note(next_answer(&mut output).expect("an answer before the kill")) < wanted {}
    spin(scramble(round + 100) % SPIN_MAX);
    kill(&mut child);
    // What it had answered before it died was promised as well.
    while let Some(answer) = next_answer(&mut output) {
        note(answer);
    }
    drop(output);
    writer.join().unwrap();
    log.sent.append(&mut sent.lock().unwrap());
    read
}

/// Journal, postings and tables agree, and the postings of every event sum to zero.
#[track_caller]
fn assert_sound(home: &Home) {
    let report = home.json(&["audit", "verify"]);
    assert_eq!((&report["sound"], &report["findings"]), (&true.into(), &json!([])), "{report}");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let trades = Connection::open_with_flags(home.file("trades.db"), flags).unwrap();
    let sql = "SELECT count(*) FROM \
               (SELECT 1 FROM postings GROUP BY seq, asset HAVING sum(amount) <> 0)";
    assert_eq!(trades.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// Every order that was answered is there, as far as it was answered; nothing is there that was not sent; nothing
/// filled more than once.
#[track_caller]
fn assert_kept(home: &Home, log: &Log) {
    let orders = home.json(&["order", "list"]);
    let mut found = BTreeMap::new();
    for order in orders.as_array().unwrap() {
        let id = order["id"].as_str().unwrap();
        assert!(log.sent.contains(id), "{id} was never sent");
        assert!(found.insert(id, order).is_none(), "{id} is there twice");
    }
    for (id, answered) in &log.answered {
        let order = found.get(id.as_str()).unwrap_or_else(|| panic!("{id}, answered {answered}, is lost"));
        let status = order["status"].as_str().unwrap();
        let follows = match answered.as_str() {
            "accepted" => ["accepted", "canceled", "filled", "partially_filled", "expired"].contains(&status),
            ended => status == ended,
        };
        assert!(follows, "{id} was answered {answered} and is {status}");
    }
    let mut filled: BTreeMap<String, f64> = BTreeMap::new();
    for fill in home.json(&["history"]).as_array().unwrap() {
        *filled.entry(fill["id"].as_str().unwrap().to_string()).or_default() += number(&fill["quantity"]);
    }
    for (id, order) in found {
        let sum = filled.remove(id).unwrap_or(0.0);
        assert!(sum <= number(&order["quantity"]), "{id} filled {sum}: {order}");
        assert_eq!(sum, number(&order["filled"]), "{id}");
    }
    assert!(filled.is_empty(), "fills of no order: {filled:?}");
}

#[test]
fn killed_while_trading_nothing_acknowledged_is_lost() {
    let rounds = share(ROUNDS_LONG, 2);
    let (mut answers, mut kept) = (0, 0);
    // A home has bars for so many sessions only.
    for first in (0..rounds).step_by(ROUNDS_OF_A_HOME) {
        let home = Home::trading();
        let mut log = Log::default();
        for round in first..rounds.min(first + ROUNDS_OF_A_HOME as u64) {
            answers += trade_and_kill(&home, round, &mut log);
            assert_sound(&home);
            assert_kept(&home, &log);
            let played = home.json(&["advance"]);
            assert_eq!(played["sessions"], 1, "{played}");
            assert_kept(&home, &log);
        }
        assert_sound(&home);
        assert!(!home.json(&["history"]).as_array().unwrap().is_empty());
        kept += log.answered.len();
    }
    println!("{rounds} kills, {answers} answers read, {kept} orders kept");
}

/// Sequence number of the last event on disk.
fn last_event(home: &Home) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let trades = Connection::open_with_flags(home.file("trades.db"), flags).unwrap();
    trades.query_row("SELECT max(seq) FROM journal", [], |row| row.get(0)).unwrap()
}

/// One order on every name, waiting for the next session.
fn give_orders(home: &Home, round: u64) {
    let mut stream = home.stream();
    for name in 0..NAMES {
        let (id, symbol) = (format!("wait-{round}-{name}"), format!("S{name:02}"));
        stream.write(&json!({"do": "submit", "id": id, "symbol": symbol, "side": "buy", "quantity": "20"}));
        let answer = stream.answer().unwrap();
        assert_eq!(answer["status"], "accepted", "{answer}");
    }
    drop(stream.input);
    assert!(stream.child.wait().unwrap().success());
}

/// Starts to play sessions and kills it: in even rounds as soon as the journal grows, in odd ones at any moment
/// after it has taken the home.
fn advance_and_kill(home: &Home, round: u64) {
    let before = last_event(home);
    let mut child = home.command(&["advance", "--sessions", "3"]).stdout(Stdio::null()).spawn().unwrap();
    let name = format!("\"pid\":{},", child.id());
    let holds = || std::fs::read_to_string(home.file("trades.lock")).unwrap().contains(&name);
    let due = || if round.is_multiple_of(2) { last_event(home) > before } else { holds() };
    while !due() && child.try_wait().unwrap().is_none() {}
    spin(round % 2 * (scramble(round) % SPIN_MAX));
    kill(&mut child);
}

#[test]
fn killed_while_advancing_it_goes_on_where_it_was_and_fills_once() {
    let (killed, whole) = (Home::trading(), Home::trading());
    for round in 0..share(ADVANCES_LONG, 1) {
        give_orders(&killed, round);
        give_orders(&whole, round);
        advance_and_kill(&killed, round);
        assert_sound(&killed);
        let played = whole.json(&["advance", "--sessions", "3"]);
        assert_eq!(played["fills"], NAMES, "{played}");
        let end = played["to"].as_str().unwrap().split('T').next().unwrap();
        killed.json(&["advance", "--to", end]);
        assert_sound(&killed);
        for table in ["portfolio", "history"] {
            assert_eq!(killed.json(&[table]), whole.json(&[table]), "{table} in round {round}");
        }
    }
}
