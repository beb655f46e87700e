//! From files to trades: import, advance, signals, rebalance, orders, limits, halts, audit, backup.

use crate::bench::{Bench, bars};

/// A staffed home with 30 names over 270 sessions, market time at the 260th.
fn desk() -> Bench {
    let bench = Bench::staffed();
    let file = bench.file("bars.csv", bars(30, 250));
    bench.run("ana", &["import", "bars", &file]).ended(0);
    bench.run("ana", &["advance", "--sessions", "240"]).ended(0);
    bench
}

#[test]
fn files_become_signals_orders_fills_and_a_sound_audit_trail() {
    let bench = desk();
    let signals = bench.json("ana", &["signal", "run"]);
    assert_eq!(signals.as_array().unwrap().len(), 30);
    assert_eq!(bench.json("ana", &["signal", "show"]).as_array().unwrap().len(), 30);
    let dry = bench.json("ana", &["rebalance", "--dry-run"]);
    assert_eq!(bench.json("ana", &["order", "list"]), serde_json::json!([]));
    let basket = bench.json("ana", &["rebalance"]);
    assert_eq!(basket.as_array().unwrap().len(), 20);
    let ids = |rows: &serde_json::Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|r| r["id"].to_string()).collect()
    };
    assert_eq!(ids(&dry), ids(&basket));
    let played = bench.json("ana", &["advance"]);
    assert_eq!((&played["sessions"], &played["fills"]), (&1.into(), &20.into()));
    let portfolio = bench.json("kim", &["portfolio"]);
    assert_eq!(portfolio[0]["account"], "sim-kim");
    let portfolio = bench.json("raj", &["portfolio", "--account", "desk"]);
    assert_eq!(portfolio[0]["positions"].as_array().unwrap().len(), 20);
    assert_eq!(bench.json("ana", &["history"]).as_array().unwrap().len(), 20);
    let report = bench.json("raj", &["audit", "verify"]);
    assert_eq!((&report["sound"], &report["executions"]), (&true.into(), &20.into()));
    let trail = bench.run("raj", &["export", "audit"]).ended(0);
    assert!(trail.starts_with("seq,t,wall,kind,actor,what,outcome,detail\n"));
}

#[test]
fn a_refused_order_is_exit_4_with_code_limit_and_what_was_seen() {
    let bench = desk();
    let ran =
        bench.run("ana", &["--format", "json", "order", "submit", "buy", "100000", "S01", "--id", "big"]);
    let row = ran.json(4);
    let seen = |id: &str| {
        let order = format!("desk/{id}");
        let set = ["limits", "set", "max_order_notional", "60000", "--order", &order, "--preview"];
        let seen = bench.json("raj", &set);
        (seen["decisions"].as_u64().unwrap(), seen["would_refuse"].as_u64().unwrap())
    };
    assert_eq!(
        (seen("big"), seen("other")),
        ((1, 1), (0, 0)),
        "an exception is previewed for its order alone"
    );
    assert_eq!((&row["status"], &row["code"]), (&"denied".into(), &"MAX_ORDER_NOTIONAL".into()));
    assert_eq!((&row["limit"], &row["threshold"]), (&"max_order_notional".into(), &"50000.00".into()));
    let plain = bench.run("kim", &["--format", "json", "order", "submit", "buy", "100000", "S01"]).json(4);
    assert_eq!((&plain["code"], &plain["limit"]), (&"REFUSED".into(), &serde_json::Value::Null));
    let row = bench.json("ana", &["order", "submit", "buy", "10", "S01", "--limit", "30", "--id", "low"]);
    assert_eq!((&row["status"], &row["type"]), (&"accepted".into(), &"limit".into()));
    assert_eq!(bench.json("ana", &["order", "amend", "low", "--qty", "12"])["quantity"], "12");
    assert_eq!(bench.json("ana", &["order", "cancel", "low"])["status"], "canceled");
    bench.run("ana", &["order", "cancel", "low"]).ended(1);
    bench.run("ana", &["order", "submit", "hold", "10", "S01"]).ended(2);
    bench.run("ana", &["order", "submit", "buy"]).ended(2);
    bench.run("ana", &["order", "show", "nothing"]).ended(1);
}

#[test]
fn a_stream_of_orders_answers_each_line_and_stops_at_a_malformed_one() {
    let bench = desk();
    let lines = "{\"do\":\"submit\",\"id\":\"a\",\"symbol\":\"S01\",\"side\":\"buy\",\"quantity\":\"5\"}\n\
                 {\"do\":\"submit\",\"id\":\"b\",\"symbol\":\"S02\",\"side\":\"buy\",\"quantity\":\"99999\"}\n\
                 {\"do\":\"cancel\",\"id\":\"a\"}\n";
    let ran = bench.feed("ana", &["order", "submit", "-"], lines);
    let status: Vec<String> = ran
        .ended(4)
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["status"].to_string())
        .collect();
    assert_eq!(status, ["\"accepted\"", "\"denied\"", "\"canceled\""]);
    let bad = "{\"do\":\"submit\",\"symbol\":\"S01\",\"side\":\"buy\",\"quantity\":\"5\",\"colour\":1}\n";
    let ran = bench.feed("ana", &["order", "submit", "-"], bad);
    assert!(ran.err.contains("line 1") && ran.err.contains("colour"), "{}", ran.err);
    ran.ended(1);
}

#[test]
fn an_order_that_waits_is_amended_and_waits_on_without_being_a_refusal() {
    let bench = desk();
    bench.run("raj", &["limits", "set", "max_order_notional", "40000", "--soft", "10"]).ended(0);
    let held = bench
        .json("ana", &["order", "submit", "buy", "5", "S01", "--limit", "30", "--tif", "gtc", "--id", "w"]);
    assert_eq!(held["status"], "pending_approval");
    let amended = bench.json("ana", &["order", "amend", "w", "--qty", "4"]);
    assert_eq!((&amended["status"], &amended["quantity"]), (&"pending_approval".into(), &"4".into()));
    bench.run("ana", &["order", "amend", "w", "--qty", "90000"]).ended(4);
}

#[test]
fn tightening_applies_at_once_and_loosening_waits_for_a_second_person() {
    let bench = Bench::staffed();
    let set = |value: &str| bench.json("raj", &["limits", "set", "max_order_notional", value]);
    let tight = set("40000");
    assert_eq!((&tight["status"], &tight["reason"]), (&"approved".into(), &"(none given)".into()));
    let loose = set("60000");
    assert_eq!(loose["status"], "proposed");
    let version = loose["version"].to_string();
    bench.run("raj", &["limits", "approve", &version]).ended(1);
    bench.run("ana", &["limits", "set", "max_order_notional", "1"]).ended(3);
    bench.run("raj", &["limits", "set", "no_such_limit", "1"]).ended(2);
    let before = bench.json("ana", &["limits", "history"]);
    let seen = bench.json("raj", &["limits", "set", "max_order_notional", "1", "--preview"]);
    assert_eq!((&seen["drafted"], &seen["needs_approval"]), (&"1".into(), &false.into()), "{seen}");
    bench.run("ana", &["limits", "set", "max_order_notional", "1", "--preview"]).ended(3);
    let history = bench.json("ana", &["limits", "history"]);
    assert_eq!(history, before, "a preview sets nothing");
    assert_eq!(history[0]["version"], loose["version"]);
    let first = tight["version"].as_u64().unwrap() - 1;
    let change = bench.json("raj", &["limits", "diff", &first.to_string(), &tight["version"].to_string()]);
    assert_eq!((&change[0]["from_hard"], &change[0]["to_hard"]), (&"50000.00".into(), &"40000.00".into()));
}

#[test]
fn a_second_person_agrees_to_what_still_can_be_and_to_no_window_that_is_over() {
    let bench = Bench::staffed();
    let file = bench.file("bars.csv", bars(1, 8));
    bench.run("ana", &["import", "bars", &file]).ended(0);
    bench.run("ana", &["advance", "--sessions", "2"]).ended(0);
    // Only who has a password of their own is somebody else.
    bench.run("root", &["user", "add", "sam", "--role", "risk"]).ended(0);
    for name in ["raj", "sam"] {
        bench.run(name, &["user", "password"]).ended(0);
    }
    let until = |day: &str| {
        let row = bench.json(
            "raj",
            &["limits", "set", "max_order_notional", "90000", "--until", &format!("{day}T21:00:00Z")],
        );
        row["version"].to_string()
    };
    let (over, open) = (until("2017-01-05"), until("2017-01-09"));
    bench.run("ana", &["advance", "--sessions", "1"]).ended(0);
    let ran = bench.run("sam", &["limits", "approve", &over]);
    assert!(
        ran.err.contains(&format!("limit version {over} was to end at 2017-01-05T21:00:00Z")),
        "{}",
        ran.err
    );
    ran.ended(1);
    assert_eq!(bench.json("sam", &["limits", "show"])[0]["hard"], "50000.00");
    bench.run("sam", &["limits", "approve", &open, "--seen", &open]).ended(2);
    bench.run("sam", &["limits", "approve", &open]).ended(0);
    assert_eq!(bench.json("sam", &["limits", "show"])[0]["hard"], "90000.00");
    // Of a change set nobody agrees to more than they were shown.
    let join =
        |name: &str| bench.json("raj", &["limits", "set", name, "5", "--set", "june"])["version"].to_string();
    let (first, second) = (join("max_open_orders"), join("max_leverage"));
    let ran = bench.run("raj", &["limits", "set", "max_open_orders", "5", "--set", "10"]);
    assert!(ran.err.contains("such as 'set-10'"), "{}", ran.err);
    ran.ended(1);
    let command = format!("'qlib-pro limits approve june --seen {second}'");
    for wish in [vec![first.as_str()], vec!["june"], vec!["june", "--seen", &first]] {
        let ran = bench.run("sam", &[&["limits", "approve"], wish.as_slice()].concat());
        assert!(ran.err.contains("max_leverage for firm 5") && ran.err.contains(&command), "{}", ran.err);
        ran.ended(1);
    }
    let rows = bench.json("sam", &["limits", "approve", "june", "--seen", &second]);
    assert_eq!((&rows[0]["status"], &rows[1]["status"]), (&"approved".into(), &"approved".into()));
}

#[test]
fn a_backup_restores_into_a_new_home_and_over_one_only_when_told() {
    let bench = Bench::founded();
    let copy = bench.path("copy.backup");
    let copy = copy.to_str().unwrap();
    bench.run("root", &["backup", copy]).ended(0);
    bench.run("root", &["restore", copy]).ended(1);
    bench.run("root", &["restore", copy, "--replace"]).ended(0);
    // Acts reach the trail when the home is opened for trading.
    bench.run("root", &["user", "add", "raj", "--role", "risk"]).ended(0);
    let trail = bench.json("root", &["audit", "export"]);
    let told: Vec<_> =
        trail.as_array().unwrap().iter().filter(|line| line["what"] == "restore a backup").collect();
    assert!(matches!(told[..], [act] if act["actor"] == "root"), "{told:?}");
    let detail = told[0]["detail"].as_str().unwrap();
    assert!(detail.contains("copy.backup; replaced: event "), "{detail}");
    let other = bench.path("other");
    let told = bench.run("", &["--home", other.to_str().unwrap(), "restore", copy]).ended(0);
    assert!(told.contains("verified: "), "{told}");
    bench.run("root", &["--home", other.to_str().unwrap(), "audit", "verify"]).ended(0);
}

#[test]
fn a_restored_home_is_proved_and_takes_no_new_risk_when_it_is_not_sound() {
    let bench = Bench::founded();
    let (sound, unsound) = (bench.path("sound.backup"), bench.path("unsound.backup"));
    let (sound, unsound) = (sound.to_str().unwrap(), unsound.to_str().unwrap());
    bench.run("root", &["backup", sound]).ended(0);
    // Nothing that a store can tell by itself: only the journal worked out anew says otherwise.
    let trades = rusqlite::Connection::open(bench.path("home/trades.db")).unwrap();
    trades.execute_batch("UPDATE portfolios SET owner = 'root'").unwrap();
    drop(trades);
    bench.run("root", &["backup", unsound]).ended(0);
    let mark = bench.path("home/trades.unsound");
    bench.run("root", &["audit", "verify"]).ended(1);
    assert!(mark.exists());
    bench.run("root", &["restore", sound, "--replace"]).ended(0);
    assert!(!mark.exists() && bench.path("home/trades.db.before-restore").exists());
    let refused = bench.run("root", &["restore", unsound, "--replace"]);
    assert!(refused.err.contains("is in place, and it is not sound"), "{}", refused.err);
    refused.ended(1);
    assert!(mark.exists() && bench.path("home/trades.db.before-restore").exists());
    let other = bench.path("other");
    bench.run("", &["--home", other.to_str().unwrap(), "restore", unsound]).ended(1);
    assert!(other.join("trades.unsound").exists());
    let health = bench.run("", &["--home", other.to_str().unwrap(), "doctor"]);
    assert!(health.out.contains("unsound at "), "the proof is on record: {}", health.out);
    bench.run("root", &["restore", sound, "--replace"]).ended(0);
    assert!(!mark.exists());
    // What the backup brings with it may keep the home from being opened: then it was not proved.
    bench.file("home/settings.toml", "paper = 7\n");
    let unread = bench.run("", &["restore", sound, "--replace"]);
    assert!(unread.err.contains("restore into an empty folder"), "{}", unread.err);
    let fresh = bench.path("fresh");
    std::fs::create_dir(&fresh).unwrap();
    bench.file("fresh/settings.toml", "paper = 7\n");
    let unproved = bench.run("", &["--home", fresh.to_str().unwrap(), "restore", sound]);
    assert!(unproved.err.contains("could not be verified"), "{}", unproved.err);
    unproved.ended(1);
    assert!(fresh.join("trades.unsound").exists());
}

#[test]
fn changed_settings_of_the_paper_exchange_are_journaled_when_the_home_is_opened_for_trading() {
    let bench = Bench::founded();
    let configured = || {
        let trail = bench.json("root", &["audit", "export"]);
        trail.as_array().unwrap().iter().filter(|line| line["what"] == "configured").count()
    };
    let before = configured();
    bench.file("home/settings.toml", "[paper]\nslippage_bps = 5\n");
    bench.json("root", &["portfolio"]);
    assert_eq!(configured(), before, "reading writes nothing");
    bench.run("root", &["halt", "firm", "--reason", "test"]).ended(0);
    assert_eq!(configured(), before + 1);
    bench.run("root", &["order", "cancel", "--all"]).ended(0);
    assert_eq!(configured(), before + 1, "once");
}

#[test]
fn a_past_day_ends_for_each_account_as_on_its_exchange() {
    let bench = Bench::staffed();
    for (exchange, symbol) in [("XNYS", "NYC"), ("XASX", "SYD")] {
        let mut bars = String::from("date,symbol,open,high,low,close,volume\n");
        // In July the session of the 11th begins in Sydney four hours before the 10th ends in New York.
        for (day, price) in [("06", 10), ("07", 11), ("10", 12), ("11", 13)] {
            bars.push_str(&format!("2017-07-{day},{symbol},{price},{price},{price},{price},900000\n"));
        }
        let file = bench.file(&format!("{exchange}.csv"), bars);
        bench.run("ana", &["import", "bars", &file, "--exchange", exchange]);
    }
    bench.run("root", &["account", "open", "sydney", "--exchange", "XASX", "--cash", "1000"]).ended(0);
    for to in ["2017-07-06", "2017-07-07", "2017-07-10", "2017-07-11"] {
        for exchange in ["XASX", "XNYS"] {
            bench.run("ana", &["advance", "--exchange", exchange, "--to", to]).ended(0);
        }
        if to == "2017-07-06" {
            for (account, symbol) in [("desk", "NYC"), ("sydney", "SYD")] {
                bench.run("ana", &["order", "submit", "buy", "10", symbol, "--account", account]).ended(0);
            }
        }
    }
    let at = |args: &[&str]| bench.run("ana", &[args, &["--as-of", "2017-07-10"]].concat()).ended(0);
    let both = "as of 2017-07-10 23:59 Sydney and 2017-07-10 23:59 New York";
    for args in [&["portfolio"][..], &["order", "list"], &["history"]] {
        assert!(at(args).contains(both), "{}", at(args));
    }
    let alone = at(&["portfolio", "--account", "sydney"]);
    assert!(alone.contains("as of 2017-07-10 23:59 Sydney") && !alone.contains("New York"), "{alone}");
    assert!(at(&["limits", "show"]).contains("as of 2017-07-10 23:59 New York"), "of no account");
    let held = bench.json("ana", &["portfolio", "--as-of", "2017-07-10"]);
    let times: Vec<&str> =
        held.as_array().unwrap().iter().map(|p| p["market_time"].as_str().unwrap()).collect();
    assert_eq!(times, ["2017-07-10T20:00:00Z", "2017-07-10T06:00:00Z"]);
    let ahead = bench.run("ana", &["portfolio", "--as-of", "2017-07-13"]);
    assert!(ahead.err.contains("is ahead of market time"), "{ahead:?}");
}
