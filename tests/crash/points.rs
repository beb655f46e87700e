//! Every named point between two writes, and between a write and its answer: the process ends there, and the home goes on.

use std::io::Write as _;
use std::process::Stdio;

use qlib_pro::store::fail::POINTS;
use serde_json::json;

use super::home::{Home, NAMES, next_answer};
use super::{Log, assert_kept, assert_sound, line, share};

/// How often each point is passed before the process ends there, in a full run.
const COUNTS_LONG: u64 = 8;
/// Lines of a run: one in six is told to somebody, which passes the points of the outbox once.
const LINES: u64 = 60;
/// Lines of a run that is to end with a snapshot.
const LINES_TO_SNAPSHOT: u64 = 1_100;

/// Trades until the process ends, by itself or at the point; whether it ended there.
fn trade_to(home: &Home, point: &str, count: u64, round: u64, lines: u64, log: &mut Log) -> bool {
    let mut command = home.command(&["order", "submit", "-"]);
    command.env("QLIB_PRO_FAIL_AT", format!("{point}:{count}"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut sent = Vec::new();
    for number in 0..lines {
        let mut line = line(round, number);
        if number % 6 == 5 {
            // Too large for the firm's limits: denied, which somebody is told.
            line = json!({"do": "submit", "id": format!("r{round}-{number}"), "symbol": "S01", "side": "buy", "quantity": "90000"});
        }
        if line["do"] == "submit" {
            sent.push(line["id"].as_str().unwrap().to_string());
        }
        if writeln!(input, "{line}").is_err() {
            break;
        }
        let Some(answer) = next_answer(&mut output) else { break };
        if let Some(id) = answer["id"].as_str() {
            log.answered.insert(id.to_string(), answer["status"].as_str().unwrap().to_string());
        }
    }
    log.sent.extend(sent);
    drop(input);
    child.wait().unwrap().code().is_none()
}

/// The command that passes points which trading does not.
fn import_to(home: &Home, point: &str, count: u64) -> bool {
    let file = home.bars("more.csv", NAMES);
    let mut command = home.command(&["import", "bars", &file]);
    command.env("QLIB_PRO_FAIL_AT", format!("{point}:{count}")).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = command.status().unwrap().code().is_none();
    let again = home.json(&["import", "bars", &file]);
    assert_eq!(again["quarantined"], 0, "{again}");
    ended
}

#[test]
fn ended_at_any_point_the_home_goes_on_with_all_it_acknowledged() {
    let home = Home::trading();
    let mut log = Log::default();
    let counts = share(COUNTS_LONG, 1);
    let mut ended = 0;
    // What goes to a broker is ended with a venue that counts.
    let points: Vec<_> = POINTS.iter().filter(|point| !point.starts_with("broker.")).collect();
    for (at, point) in points.iter().enumerate() {
        for count in 1..=counts {
            let round = 10_000 + at as u64 * 100 + count;
            let there = if point.starts_with("market.") {
                // A file of bars is stored in few writes.
                import_to(&home, point, 1)
            } else if point.starts_with("snapshot.") {
                if count > 1 {
                    continue;
                }
                trade_to(&home, point, 1, round, LINES_TO_SNAPSHOT, &mut log)
            } else {
                trade_to(&home, point, count, round, LINES, &mut log)
            };
            assert!(there, "{point} was not passed {count} times");
            ended += 1;
            assert_kept(&home, &log);
            assert_sound(&home);
        }
    }
    let order = home.json(&["order", "submit", "buy", "1", "S02", "--id", "after-all"]);
    assert_eq!(order["status"], "accepted", "{order}");
    println!("{ended} ends at {} named points", points.len());
}
