//! Two processes on one home: one holds the trades, the other's commands are passed to it under their own login; it
//! reads on and imports beside it. When the holder dies, however it dies, the next one owns the home.

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
fn a_command_beside_the_holder_is_passed_to_it() {
    let home = Home::trading();
    let mut stream = holder(&home);
    let row = home.json(&["order", "submit", "buy", "2", "S02", "--id", "beside"]);
    assert_eq!(
        (&row["id"], &row["status"], &row["actor"]),
        (&"beside".into(), &"accepted".into(), &"root".into())
    );
    assert_eq!(home.json(&["limits", "set", "max_order_notional", "100"])["status"], "approved");
    let refused = home.run(&["order", "submit", "buy", "50", "S02", "--id", "large"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(refused.out.contains("MAX_ORDER_NOTIONAL"), "{}", refused.out);
    assert_eq!(home.run(&["order", "cancel", "nobody"]).code, 1);
    let mut second = home.stream();
    second.write(&json!({"do": "cancel", "id": "beside"}));
    assert_eq!(second.answer().unwrap()["status"], "canceled");
    second.write(&json!({"do": "cancel", "id": "beside"}));
    assert_eq!(second.answer().unwrap()["code"], "TOO_LATE_TO_CANCEL");
    drop(second.input);
    assert_eq!(second.child.wait().unwrap().code(), Some(4));
    assert_eq!(home.json(&["advance"])["sessions"], 1);
    assert_eq!(home.json(&["audit", "verify"])["sound"], true);
    stream.write(&json!({"do": "submit", "id": "small", "symbol": "S02", "side": "buy", "quantity": "1"}));
    assert_eq!(stream.answer().unwrap()["status"], "accepted", "the holder trades on");
    drop(stream.input);
    assert!(stream.child.wait().unwrap().success());
    assert!(!home.file("trades.sock").exists(), "who leaves takes the socket along");
}

#[test]
fn the_holder_asks_for_the_callers_own_login() {
    let home = Home::trading();
    let mut stream = holder(&home);
    let as_who = |name: &str, password: &str, args: &[&str]| {
        let mut command = home.command(args);
        let done = command.env("QLIB_PRO_USER", name).env("QLIB_PRO_PASSWORD", password).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let order = ["order", "submit", "buy", "1", "S02"];
    let (code, said) = as_who("root", "wrong horse", &order);
    assert!(code == 3 && said.contains("NOT_AUTHENTICATED"), "{code} {said}");
    let mut add = home.command(&["user", "add", "rita", "--role", "risk"]);
    assert!(add.env("QLIB_PRO_NEW_PASSWORD", "staple battery").status().unwrap().success());
    let (code, said) = as_who("rita", "staple battery", &order);
    assert!(code == 3 && said.contains("NOT_PERMITTED_ROLE: rita"), "{code} {said}");
    assert_eq!(as_who("rita", "staple battery", &["halt", "firm"]).0, 0);
    stream.write(&json!({"do": "submit", "symbol": "S02", "side": "buy", "quantity": "1"}));
    assert_eq!(stream.answer().unwrap()["code"], "TRADING_HALTED");
    drop(stream.input);
    stream.child.wait().unwrap();
}

#[test]
fn without_a_socket_the_second_says_who_holds_the_home_and_reads_on() {
    let home = Home::trading();
    let mut stream = holder(&home);
    std::fs::remove_file(home.file("trades.sock")).unwrap();
    let refused = home.run(&["order", "submit", "buy", "1", "S02"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    for said in [format!("process {}", stream.child.id()), "user tester".to_string()] {
        assert!(refused.err.contains(&said), "{said:?} is not in: {}", refused.err);
    }
    assert_eq!(home.json(&["portfolio"])[0]["account"], "desk");
    assert_eq!(home.json(&["limits", "show"]).as_array().unwrap().len(), 5);
    let orders = home.json(&["order", "list"]);
    assert_eq!((orders.as_array().unwrap().len(), &orders[0]["id"]), (1, &"held".into()));
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
    assert!(home.file("trades.lock").exists() && home.file("trades.sock").exists());
    let order = home.json(&["order", "submit", "buy", "1", "S02", "--id", "next"]);
    assert_eq!(order["status"], "accepted");
    assert_eq!(home.json(&["order", "cancel", "held"])["status"], "canceled");
}
