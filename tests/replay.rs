//! The golden replay cases: scripts with what must come out, run through the library.
//!
//! The assertion forms are those of the golden cases' own README; `tests/cases` has more of them where the rules leave
//! a corner. Every case must pass; a test fails with every broken assertion of every case.

// This whole file is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::str::FromStr;

use qlib_pro::service::files::replay;
use rust_decimal::Decimal;
use serde_json::Value;

type Problems = Vec<String>;

struct Ran {
    events: Vec<Value>,
    state: Option<Value>,
    output: Vec<u8>,
    error: Option<String>,
}

fn run(script: &[u8]) -> Ran {
    let mut output = Vec::new();
    let error = replay::run(script, &mut output).err().map(|e| e.to_string());
    let lines = String::from_utf8(output.clone()).unwrap();
    let mut events: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let is_state = events.last().is_some_and(|e| e["event"] == "state");
    let state = if is_state { events.pop() } else { None };
    Ran { events, state, output, error }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => Decimal::from_str(text).ok(),
        Value::Number(number) => Decimal::from_str(&number.to_string()).ok(),
        _ => None,
    }
}

fn same(want: &Value, got: &Value) -> bool {
    if let Value::Array(any) = want {
        return any.iter().any(|w| same(w, got));
    }
    match (decimal(want), decimal(got)) {
        (Some(a), Some(b)) => a == b,
        _ => want == got,
    }
}

fn fits(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().unwrap().iter().all(|(key, want)| match key.as_str() {
        "count" => true,
        "event" => {
            let wants = want.as_array().cloned().unwrap_or_else(|| vec![want.clone()]);
            let kind = event["event"].as_str().unwrap_or_default();
            wants.iter().any(|w| match w.as_str() {
                Some("refused") => kind == "order_denied" || kind == "order_rejected",
                other => other == Some(kind),
            })
        }
        _ => event.get(key).is_some_and(|got| same(want, got)),
    })
}

fn number(value: &Value) -> Decimal {
    decimal(value).unwrap_or_default()
}

/// What holds for every run that ends well.
fn always(script: &str, ran: &Ran, problems: &mut Problems) {
    let Some(state) = &ran.state else { return problems.push("the last line is not the state".into()) };
    let seqs: Vec<u64> = ran.events.iter().filter_map(|e| e["seq"].as_u64()).collect();
    if seqs != (1..=ran.events.len() as u64).collect::<Vec<_>>() {
        problems.push(format!("seq does not count: {seqs:?}"));
    }
    let times: Vec<chrono::DateTime<chrono::FixedOffset>> = ran
        .events
        .iter()
        .map(|e| chrono::DateTime::parse_from_rfc3339(e["t"].as_str().unwrap()).unwrap())
        .collect();
    if times.windows(2).any(|w| w[0] > w[1]) {
        problems.push("t goes back in the output".into());
    }
    if number(&state["postings_balance"]) != Decimal::ZERO || state["journal_hash"].as_str().is_none() {
        problems.push(format!("postings_balance or journal_hash: {state}"));
    }
    let lines: Vec<Value> = script.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let split = lines.iter().any(|l| l["market"] == "split");
    let mut cash: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in lines.iter().filter(|l| l["do"] == "account") {
        cash.insert(line["account"].as_str().unwrap().to_owned(), number(&line["cash"]));
    }
    let mut held: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    let mut cums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    for event in &ran.events {
        let account = event["account"].as_str().unwrap_or_default().to_owned();
        let name = |key: &str| (account.clone(), event[key].as_str().unwrap_or_default().to_owned());
        if event["event"] == "fill" {
            if ["quantity", "price", "fee"].iter().any(|k| !event[k].is_string()) {
                problems.push(format!("decimals of fills are strings: {event}"));
            }
            let (quantity, sign) = (number(&event["quantity"]), if event["side"] == "buy" { 1 } else { -1 });
            let sign = Decimal::from(sign);
            *cash.entry(account.clone()).or_default() -=
                sign * quantity * number(&event["price"]) + number(&event["fee"]);
            *held.entry(name("symbol")).or_default() += sign * quantity;
            let cum = cums.entry(name("id")).or_default();
            *cum += quantity;
            if (!split && *cum != number(&event["cum"])) || number(&event["leaves"]) < Decimal::ZERO {
                problems.push(format!("cum or leaves: {event}"));
            }
        } else if event["kind"] == "symbol_change" {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            for account in cash.keys() {
                let moved = held.remove(&(account.clone(), text("symbol"))).unwrap_or_default();
                *held.entry((account.clone(), text("to"))).or_default() += moved;
            }
        } else if event["event"] == "cash" {
            *cash.entry(account).or_default() += number(&event["amount"]);
        }
    }
    for (account, want) in cash {
        if number(&state["accounts"][&account]["cash"]) != want {
            problems.push(format!("cash of {account}: fills and cash events give {want}: {state}"));
        }
    }
    for ((account, symbol), want) in held.into_iter().filter(|_| !split) {
        if number(&state["accounts"][&account]["positions"][&symbol]["quantity"]) != want {
            problems.push(format!("{account} {symbol}: fills add up to {want}: {state}"));
        }
    }
}

fn check_fills(assertions: &[Value], ran: &Ran, problems: &mut Problems) {
    let of =
        |id: &str| ran.events.iter().filter(|e| e["event"] == "fill" && e["id"] == id).collect::<Vec<_>>();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for want in assertions.iter().filter_map(|a| a.get("fill")) {
        let id = want["id"].as_str().unwrap();
        let k = seen.entry(id.to_owned()).or_default();
        match of(id).get(*k) {
            Some(got) if fits(want, got) => {}
            got => problems.push(format!("fill {k} of {id}: wanted {want}, got {got:?}")),
        }
        *k += 1;
    }
    for (id, count) in seen {
        if of(&id).len() != count {
            problems.push(format!("{id} has {} fills, wanted {count}", of(&id).len()));
        }
    }
    for id in assertions.iter().filter_map(|a| a.get("no_fill")) {
        if !of(id.as_str().unwrap()).is_empty() {
            problems.push(format!("{id} should not fill"));
        }
    }
}

fn check_events(assertions: &[Value], ran: &Ran, problems: &mut Problems) {
    for want in assertions.iter().filter_map(|a| a.get("event")) {
        let hits = ran.events.iter().filter(|e| fits(want, e)).count() as u64;
        let wrong = want["count"].as_u64().map_or(hits == 0, |n| n != hits);
        if wrong {
            problems.push(format!("{hits} events like {want}: {}", String::from_utf8_lossy(&ran.output)));
        }
    }
    for unwanted in assertions.iter().filter_map(|a| a.get("no_event")) {
        if let Some(hit) = ran.events.iter().find(|e| fits(unwanted, e)) {
            problems.push(format!("should not happen: {hit}"));
        }
    }
    for patterns in assertions.iter().filter_map(|a| a.get("order_of")?.as_array()) {
        let mut rest = ran.events.iter();
        if !patterns.iter().all(|p| rest.any(|e| fits(p, e))) {
            problems.push(format!("not in this order: {patterns:?}"));
        }
    }
}

fn check_state(assertions: &[Value], ran: &Ran, problems: &mut Problems) {
    let none = Value::Null;
    let accounts = ran.state.as_ref().map_or(&none, |s| &s["accounts"]);
    for want in assertions.iter().filter_map(|a| a.get("final")) {
        let got = &accounts[want["account"].as_str().unwrap()];
        for key in ["cash", "equity"] {
            if want.get(key).is_some_and(|w| !same(w, &got[key])) {
                problems.push(format!("final {key}: wanted {}, got {}", want[key], got[key]));
            }
        }
        for (symbol, position) in want["positions"].as_object().into_iter().flatten() {
            for (key, value) in position.as_object().unwrap() {
                let zero = Value::from("0");
                let have = got["positions"][symbol].get(key).unwrap_or(&zero);
                if !same(value, have) {
                    problems.push(format!("final {symbol} {key}: wanted {value}, got {have}"));
                }
            }
        }
    }
    for want in assertions.iter().filter_map(|a| a.get("open")) {
        let got = &accounts[want["account"].as_str().unwrap()]["open_orders"];
        let mut ids: Vec<&str> =
            got.as_array().into_iter().flatten().filter_map(|o| o["id"].as_str()).collect();
        let mut wanted: Vec<&str> =
            want["ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        ids.sort_unstable();
        wanted.sort_unstable();
        if ids != wanted {
            problems.push(format!("open orders: wanted {wanted:?}, got {ids:?}"));
        }
    }
}

fn check(folder: &Path, name: &str) -> Problems {
    let script = fs::read(folder.join(format!("{name}.jsonl"))).unwrap();
    let wanted = fs::read_to_string(folder.join(format!("{name}.expect.json"))).unwrap();
    let assertions: Vec<Value> = serde_json::from_str(&wanted).unwrap();
    let ran = run(&script);
    let mut problems = Problems::new();
    let error_lines: Vec<u64> = assertions.iter().filter_map(|a| a.get("error_line")?.as_u64()).collect();
    let exit = assertions.iter().find_map(|a| a.get("exit")?.as_u64());
    let fails = exit.unwrap_or(u64::from(!error_lines.is_empty())) != 0;
    if ran.error.is_some() != fails {
        problems.push(format!("ended with {:?}", ran.error));
    }
    for line in error_lines {
        let named = ran.error.as_ref().is_some_and(|e| e.starts_with(&format!("line {line}:")));
        if !named {
            problems.push(format!("the error does not name line {line}: {:?}", ran.error));
        }
    }
    if run(&script).output != ran.output {
        problems.push("a second run gave other bytes".into());
    }
    if !fails {
        always(std::str::from_utf8(&script).unwrap(), &ran, &mut problems);
    }
    check_fills(&assertions, &ran, &mut problems);
    check_events(&assertions, &ran, &mut problems);
    check_state(&assertions, &ran, &mut problems);
    problems
}

/// Runs every case of a folder.
fn check_all(folder: &Path) {
    let mut broken = String::new();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let cases: BTreeSet<String> =
        files.filter_map(|file| file.strip_suffix(".expect.json").map(str::to_owned)).collect();
    assert!(!cases.is_empty(), "no cases in the folder");
    for name in &cases {
        for problem in check(folder, name) {
            broken.push_str(&format!("{name}: {problem}\n"));
        }
    }
    assert!(broken.is_empty(), "{broken}");
}

#[test]
fn golden_cases_pass() {
    let Some(data) = support::shared_data() else { return };
    check_all(&data.join("oracle/replay"));
}

#[test]
fn cases_of_our_own_pass() {
    check_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"));
}
