//! Two processes on one home: one holds the trades, the other says who does, reads on, and imports beside it. When
//! the holder dies, however it dies, the next one owns the home.

// This whole target is a test: a panic is a failed test.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/home.rs"]
mod home;

use serde_json::json;

use home::{Home, NAMES, Stream, level};

/// Someone who holds the trades, with one order resting.
fn holder(home: &Home) -> Stream {
    let mut stream = home.stream();
    let price = format!("{}.00", level(1) - 1);
    let order = json!({
        "do": "submit", "id": "held", "symbol": "S01", "side": "buy", "quantity": "5", "limit_price": price,
    });
    stream.write(&order);
    assert_eq!(stream.answer().unwrap()["status"], "accepted");
    stream
}

#[test]
fn the_second_says_who_holds_the_home_and_reads_on() {
    let home = Home::trading();
    let mut stream = holder(&home);
    let refused = home.run(&["order", "submit", "buy", "1", "S02"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    for said in [format!("process {}", stream.child.id()), "user tester".to_string()] {
        assert!(refused.err.contains(&said), "{said:?} is not in: {}", refused.err);
    }
    assert_eq!(home.run(&["advance"]).code, 1);
    assert_eq!(home.run(&["limits", "set", "max_order_notional", "1"]).code, 1);
    assert_eq!(home.json(&["portfolio"])[0]["account"], "desk");
    assert_eq!(home.json(&["limits", "show"]).as_array().unwrap().len(), 5);
    let orders = home.json(&["order", "list"]);
    assert_eq!((orders.as_array().unwrap().len(), &orders[0]["id"]), (1, &"held".into()));
    assert_eq!(home.json(&["audit", "verify"])["sound"], true);
    stream.write(&json!({"do": "cancel", "id": "held"}));
    assert_eq!(stream.answer().unwrap()["status"], "canceled");
    drop(stream.input);
    assert!(stream.child.wait().unwrap().success());
}

#[test]
fn bars_are_imported_beside_the_holder_who_then_trades_them() {
    let home = Home::trading();
    let mut stream = holder(&home);
    let file = home.bars("more.csv", NAMES);
    let report = home.json(&["import", "bars", &file]);
    assert_eq!(report["stored"], report["read"]);
    stream.write(&json!({"do": "submit", "id": "new", "symbol": "S12", "side": "buy", "quantity": "5"}));
    let answer = stream.answer().unwrap();
    assert_eq!((&answer["id"], &answer["symbol"]), (&"new".into(), &"S12".into()));
    drop(stream.input);
    stream.child.wait().unwrap();
}

#[test]
fn a_holder_that_was_killed_holds_nothing() {
    let home = Home::trading();
    let mut stream = holder(&home);
    stream.child.kill().unwrap();
    stream.child.wait().unwrap();
    assert!(home.file("trades.lock").exists());
    let order = home.json(&["order", "submit", "buy", "1", "S02", "--id", "next"]);
    assert_eq!(order["status"], "accepted");
    assert_eq!(home.json(&["order", "cancel", "held"])["status"], "canceled");
}
