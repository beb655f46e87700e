//! Orders of every kind from the command line: prices and times, sizes that are measured, brackets, amendments.

use serde_json::{Value, json};

use crate::bench::{Bench, PASSWORD, bars};

/// A staffed home with 30 names, market time far enough in for a volatility.
fn desk() -> Bench {
    let bench = Bench::staffed();
    let file = bench.file("bars.csv", bars(30, 120));
    bench.run("ana", &["import", "bars", &file]).ended(0);
    bench.run("ana", &["advance", "--sessions", "110"]).ended(0);
    bench
}

fn submit(bench: &Bench, words: &str) -> Value {
    let args: Vec<&str> = ["order", "submit"].into_iter().chain(words.split_whitespace()).collect();
    bench.json("ana", &args)
}

#[test]
fn every_kind_of_order_is_given_and_shown_with_its_terms() {
    let bench = desk();
    let last: f64 = {
        let row = submit(&bench, "buy 100 S01 --id hold");
        assert_eq!((&row["type"], &row["tif"]), (&"market".into(), &"day".into()));
        bench.run("ana", &["advance"]).ended(0);
        let held = bench.json("ana", &["portfolio", "--account", "desk"]);
        held[0]["positions"][0]["last_price"].as_str().unwrap().parse().unwrap()
    };
    let (low, high) = (format!("{:.2}", last * 0.97), format!("{:.2}", last * 1.03));
    let stop = submit(&bench, &format!("sell 10 S01 --trigger {low} --tif gtc"));
    assert_eq!((&stop["type"], &stop["trigger_price"]), (&"stop".into(), &low.clone().into()));
    let both = submit(&bench, &format!("sell 10 S01 --trigger {low} --limit {low}"));
    assert_eq!(both["type"], "stop_limit");
    let trail = submit(&bench, "sell 10 S01 --trail 2% --reduce-only --strategy swing");
    assert_eq!(
        (&trail["type"], &trail["trail"], &trail["reduce_only"], &trail["strategy"]),
        (&"trailing_stop".into(), &"2%".into(), &true.into(), &"swing".into())
    );
    let touch = submit(&bench, &format!("sell 10 S01 --type market_if_touched --trigger {high}"));
    assert_eq!(touch["type"], "market_if_touched");
    let end = "2099-12-31T21:00:00Z";
    let until = submit(&bench, &format!("sell 10 S01 --limit {high} --expire-at {end} --oco exits --id a"));
    assert_eq!(
        (&until["tif"], &until["expire_at"], &until["oco"]),
        (&"gtd".into(), &end.into(), &"exits".into())
    );
    assert_eq!(submit(&bench, "buy 1 S02 --type market_on_close")["type"], "market_on_close");
    let id = stop["id"].as_str().unwrap();
    let lower = format!("{:.2}", last * 0.96);
    assert_eq!(bench.json("ana", &["order", "amend", id, "--trigger", &lower])["trigger_price"], lower);
    assert_eq!(bench.json("ana", &["order", "show", "a"])["oco"], "exits");
    for (wrong, why) in [
        (vec!["buy", "1", "S01", "--type", "stop"], "needs a trigger price"),
        (vec!["buy", "1", "S01", "--type", "market", "--limit", "5"], "has no limit price"),
        (vec!["buy", "1", "S01", "--tif", "gtd"], "needs the moment"),
        (vec!["buy", "S01"], "SIDE QTY SYMBOL"),
        (vec!["buy", "1", "S01", "--weight", "5%"], "without a quantity"),
        (vec!["buy", "S01", "--weight", "5"], "write 5% or 0.05"),
    ] {
        let args: Vec<&str> = ["order", "submit"].into_iter().chain(wrong).collect();
        let ran = bench.run("ana", &args);
        assert!(ran.err.contains(why), "{args:?}: {}", ran.err);
        ran.ended(2);
    }
}

#[test]
fn a_measured_size_becomes_shares() {
    let bench = desk();
    let shares = |row: &Value| row["quantity"].as_str().unwrap().parse::<f64>().unwrap();
    let weighed = submit(&bench, "buy S03 --weight 2% --limit 40");
    assert_eq!(shares(&weighed), 500.0, "2% of a million at 40");
    let risked = submit(&bench, "buy S04 --risk 0.1% --stop 35 --limit 40");
    assert_eq!(shares(&risked), 200.0, "a thousand lost at 5 a share");
    assert!(shares(&submit(&bench, "buy S05 --volatility 0.2%")) > 0.0);
    let ran = bench.run("ana", &["order", "submit", "buy", "S04", "--risk", "1%", "--limit", "50"]);
    assert!(ran.err.contains("stop"), "{}", ran.err);
    ran.ended(2);
}

#[test]
fn cancelling_all_ends_every_order_though_one_ends_others() {
    let bench = desk();
    submit(&bench, "buy 5 S02 --id aa --limit 1 --tif gtc");
    submit(&bench, "buy 5 S02 --id bb --limit 1 --take-profit 900 --stop-loss 0.5 --tif gtc");
    submit(&bench, "buy 5 S02 --id zz --limit 1 --tif gtc");
    let rows = bench.json("ana", &["order", "cancel", "--all"]);
    let ended: Vec<&str> = rows.as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ended, ["aa", "bb", "bb-sl", "bb-tp", "zz"]);
    assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "canceled"), "{rows}");
    for id in ended {
        assert_eq!(bench.json("ana", &["order", "show", id])["status"], "canceled", "{id}");
    }
}

#[test]
fn a_bracket_is_given_whole_and_its_exits_wait_for_the_entry() {
    let bench = desk();
    let rows = submit(&bench, "buy 10 S02 --id in --take-profit 900 --stop-loss 1");
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    let seen = |n: usize| {
        (
            rows[n]["id"].as_str().unwrap(),
            rows[n]["type"].as_str().unwrap(),
            rows[n]["status"].as_str().unwrap(),
        )
    };
    assert_eq!(seen(0), ("in", "market", "accepted"));
    assert_eq!(seen(1), ("in-tp", "limit", "held"));
    assert_eq!(seen(2), ("in-sl", "stop", "held"));
    assert_eq!((&rows[1]["parent"], &rows[1]["oco"]), (&"in".into(), &"in-oco".into()));
    bench.run("ana", &["advance"]).ended(0);
    assert_eq!(bench.json("ana", &["order", "show", "in"])["status"], "filled");
    assert_eq!(bench.json("ana", &["order", "show", "in-sl"])["status"], "accepted");
    let crossed = ["order", "submit", "buy", "10", "S02", "--take-profit", "1", "--stop-loss", "900"];
    bench.run("ana", &crossed).ended(2);
    let large = ["order", "submit", "buy", "99999", "S02", "--id", "large", "--stop-loss", "1"];
    bench.run("ana", &large).ended(4);
    assert_eq!(bench.json("ana", &["order", "show", "large"])["status"], "denied");
}

#[test]
fn a_stream_takes_every_key_of_a_submit_line() {
    let bench = desk();
    let lines = [
        json!({"do": "submit", "id": "p", "symbol": "S01", "side": "buy", "quantity": "5", "limit_price": "30", "tif": "gtc"}),
        json!({"do": "submit", "id": "c", "symbol": "S01", "side": "sell", "type": "stop", "quantity": "5", "trigger_price": "20", "parent": "p", "oco": "g"}),
        json!({"do": "amend", "id": "p", "limit_price": "31"}),
        json!({"do": "submit", "id": "t", "symbol": "S02", "side": "sell", "type": "trailing_stop", "quantity": "1", "trail": "0.50", "reduce_only": true, "post_only": false}),
        json!({"do": "submit", "id": "m", "symbol": "S02", "side": "buy", "type": "limit", "quantity": "1"}),
    ];
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    let ran = bench.feed("ana", &["order", "submit", "-"], &text);
    let rows: Vec<Value> = ran.ended(4).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&rows[1]["status"], &rows[1]["parent"]), (&"held".into(), &"p".into()));
    assert_eq!(rows[2]["limit_price"], "31");
    assert_eq!(rows[4]["code"], "MISSING_PRICE");
    let wrong =
        "\u{feff}{\"do\":\"cancel\",\"id\":\"none\"}\n{\"do\":\"amend\",\"id\":\"t\",\"quantity\":\"NaN\"}\n";
    let ran = bench.feed("ana", &["order", "submit", "-"], wrong);
    let said = "'-', line 2: field 'quantity': 'NaN' is not a plain decimal number; write it as \"12.50\"";
    assert!(ran.err.contains(said), "{}", ran.err);
    ran.ended(1);
}

#[test]
fn commands_that_show_nothing_still_answer_programs() {
    let bench = desk();
    assert_eq!(bench.json("raj", &["halt", "symbol:S01"]), json!({"scope": "symbol:S01", "state": "halted"}));
    bench.run("raj", &["resume", "symbol:S01"]).ended(1);
    bench.run("raj", &["halt", "symbol:S02", "--reason", "prices look wrong"]).ended(0);
    let drill = bench.json("raj", &["halt", "firm", "--drill"]);
    assert_eq!((&drill["scope"], &drill["orders"]), (&"firm".into(), &0.into()));
    bench.run("raj", &["flatten", "firm"]).ended(2);
    assert_eq!(bench.json("raj", &["flatten", "firm", "--confirm", "--reason", "going home"]), json!([]));
    let typo = bench.run("raj", &["halt", "symbol:S0X"]);
    assert!(typo.err.contains("symbol 'S0X' is not known"), "{}", typo.err);
    typo.ended(1);
    let trail = bench.run("raj", &["export", "audit", "--format", "json"]).ended(0);
    assert_eq!(trail.matches("prices look wrong").count(), 1, "{trail}");
    bench.run("root", &["user", "add", "rita", "--role", "risk"]).ended(0);
    bench.run("rita", &["user", "password"]).ended(0);
    assert_eq!(bench.json("rita", &["resume", "symbol:S01"])["state"], "trading");
    let header = bench.run("ana", &["--format", "csv", "order", "list"]).ended(0);
    assert!(header.starts_with("account,id,symbol,") && header.lines().count() == 1, "{header}");
    bench.run("raj", &["limits", "set", "max_order_notional", "a lot"]).ended(2);
    bench.run("raj", &["limits", "set", "max_order_notional", "-1"]).ended(2);
    let mut copy = bench.bare();
    copy.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD).args(["backup", "-"]);
    let copy = copy.output().unwrap();
    assert!(copy.status.success() && copy.stdout.len() > 1_000);
    let file = bench.file("piped.backup", &copy.stdout);
    let other = bench.path("other");
    bench.run("", &["--home", other.to_str().unwrap(), "restore", &file]).ended(0);
}

#[test]
fn what_risk_refused_is_listed_and_acknowledged_once_with_what_came_of_it() {
    let bench = desk();
    bench.run("ana", &["order", "submit", "buy", "99999", "S02", "--id", "large"]).ended(4);
    let open = bench.json("raj", &["risk", "list", "--open"]);
    let [row] = open.as_array().unwrap().as_slice() else { panic!("{open}") };
    assert_eq!(
        (&row["id"], &row["limit"], &row["ack_by"]),
        (&"large".into(), &"max_order_notional".into(), &Value::Null)
    );
    let event = row["event"].to_string();
    bench.run("ana", &["risk", "ack", &event, "--reason", "mine"]).ended(3);
    bench.run("raj", &["risk", "ack", &event, "--reason", " "]).ended(1);
    assert!(
        bench.run("raj", &["risk", "ack", "1", "--reason", "none"]).err.contains("see 'qlib-pro risk list'")
    );
    let seen = bench.json("raj", &["risk", "ack", &event, "--reason", "a zero too many"]);
    assert_eq!((&seen["ack_by"], &seen["resolution"]), (&"raj".into(), &"a zero too many".into()));
    let again = bench.run("raj", &["risk", "ack", &event, "--reason", "again"]);
    assert!(again.err.contains("raj acknowledged risk event"), "{}", again.err);
    assert_eq!(bench.json("raj", &["risk", "list", "--open"]), json!([]));
    assert_eq!(bench.json("ana", &["risk", "list"])[0]["ack_by"], "raj");
    bench.run("raj", &["audit", "verify"]).ended(0);
}

#[test]
fn an_account_says_what_sets_off_its_stops() {
    let bench = Bench::staffed();
    let open = |args: &str| {
        let args: Vec<&str> = ["account", "open"].into_iter().chain(args.split_whitespace()).collect();
        bench.run("root", &args)
    };
    open("swing --cash 10000 --trigger bid_ask").ended(0);
    let rows = bench.json("root", &["account", "list"]);
    let by = |name: &str| {
        rows.as_array().unwrap().iter().find(|r| r["account"] == name).unwrap()["trigger"].clone()
    };
    assert_eq!((by("swing"), by("desk")), ("bid_ask".into(), "last".into()));
    let unknown = open("other --cash 1 --trigger ask");
    assert!(unknown.err.contains("last, bid_ask, mid, double_last"), "{}", unknown.err);
    unknown.ended(2);
    let there = open("there --cash 1 --broker alpaca --trigger mid");
    assert!(there.err.contains("rule of its own"), "{}", there.err);
    there.ended(1);
}

#[test]
fn stored_minutes_tell_which_exit_came_first() {
    let bench = Bench::staffed();
    let days = "date,symbol,open,high,low,close,volume\n2024-03-06,A,100,100,100,100,1000000\n\
                2024-03-07,A,100,100,100,100,1000000\n2024-03-08,A,100,106,94,101,1000000\n";
    let minutes = "ts,symbol,open,high,low,close,volume\n2024-03-08 09:40:00,A,100,106,100,105,300000\n\
                   2024-03-08 15:00:00,A,105,105,94,100,300000\n";
    let (days, minutes) = (bench.file("d.csv", days), bench.file("m.csv", minutes));
    bench.run("ana", &["import", "bars", &days]).ended(0);
    bench.run("ana", &["import", "minutes", &minutes]).ended(0);
    bench.run("ana", &["advance"]).ended(0);
    submit(&bench, "buy 10 A --id in");
    assert_eq!(bench.json("ana", &["advance"])["minutes"], 0);
    submit(&bench, "sell 10 A --id out --limit 105 --or-stop 95 --tif gtc");
    let played = bench.json("ana", &["advance"]);
    assert_eq!((&played["bars"], &played["minutes"], &played["fills"]), (&1.into(), &2.into(), &1.into()));
    let out = bench.json("ana", &["order", "show", "out"]);
    assert_eq!((&out["status"], &out["average_price"]), (&"filled".into(), &"105".into()));
}
