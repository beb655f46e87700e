//! A disk that takes no more, writes that a power cut would lose, and copies of a home that trades.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::home::{Home, next_answer};
use super::{Log, assert_kept, assert_sound, line, share};

/// Largest file while the disk is full, in units of 512 bytes.
const BLOCKS_FULL: u64 = 700;
/// Most orders until it must have been full.
const ORDERS_UNTIL_FULL: u64 = 400;
/// Orders of a traced run.
const TRACED_LONG: u64 = 1_000;

/// Writes lines until the process ends; what it answered.
fn feed(mut command: Command, round: u64, most: u64, log: &mut Log) -> (Option<i32>, String) {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    for number in 0..most {
        let line = line(round, number);
        if line["do"] == "submit" {
            log.sent.insert(line["id"].as_str().unwrap().to_string());
        }
        if writeln!(input, "{line}").is_err() {
            break;
        }
        let Some(answer) = next_answer(&mut output) else { break };
        if let Some(id) = answer["id"].as_str() {
            log.answered.insert(id.to_string(), answer["status"].as_str().unwrap().to_string());
        }
    }
    drop(input);
    let done = child.wait_with_output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

/// The same command under a shell line that ends with `exec "$@"`.
fn under(shell: &str, command: &Command) -> Command {
    let mut wrapped = Command::new("sh");
    wrapped.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped.env("PATH", "/usr/bin:/bin");
    wrapped.args(["-c", shell, "sh"]).arg(command.get_program()).args(command.get_args());
    wrapped
}

#[test]
fn a_full_disk_is_said_and_nothing_acknowledged_is_lost() {
    let home = Home::trading();
    let mut log = Log::default();
    let shell = format!("trap '' XFSZ; ulimit -f {BLOCKS_FULL}; exec \"$@\"");
    let command = under(&shell, &home.command(&["order", "submit", "-"]));
    let (code, said) = feed(command, 70, ORDERS_UNTIL_FULL, &mut log);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("could not be written") && said.contains("nothing of this write was kept"),
        "{said}"
    );
    assert!(log.answered.len() > 3, "{}", log.answered.len());
    assert_sound(&home);
    assert_kept(&home, &log);
    let (code, said) = feed(home.command(&["order", "submit", "-"]), 71, 5, &mut log);
    assert!(matches!(code, Some(0 | 4)), "{said}");
    assert_kept(&home, &log);
}

/// One line of a trace: thread, call, file, and whether it is the end of a call begun earlier.
struct Call<'t> {
    thread: &'t str,
    name: &'t str,
    text: &'t str,
}

fn calls(trace: &str) -> impl Iterator<Item = Call<'_>> {
    trace.lines().filter_map(|line| {
        let (thread, rest) = line.split_once(' ')?;
        let text = rest.trim_start();
        let resumed = text.strip_prefix("<... ").and_then(|t| t.split_once(' ')).map(|(name, _)| name);
        let name = resumed.or_else(|| text.split_once('(').map(|(name, _)| name))?;
        Some(Call { thread, name, text })
    })
}

/// How many answers were written, and how many of them before what they promise was synced.
fn answers_before_their_sync(trace: &str) -> (usize, usize) {
    let (mut dirty, mut syncing) = (false, None);
    let (mut answers, mut early) = (0, 0);
    for call in calls(trace) {
        let journal = call.text.contains("trades.db-wal>");
        match call.name {
            "pwrite64" | "write" if journal => dirty = true,
            "fdatasync" | "fsync" if journal && call.text.ends_with("<unfinished ...>") => {
                syncing = Some(call.thread.to_string());
            }
            "fdatasync" | "fsync" if journal && call.text.contains("= 0") => dirty = false,
            "fdatasync" | "fsync" if syncing.as_deref() == Some(call.thread) => {
                dirty &= !call.text.contains("= 0");
                syncing = None;
            }
            "write" if call.text.contains("status\\\"") && call.text.starts_with("write(1<") => {
                answers += 1;
                early += usize::from(dirty);
            }
            _ => {}
        }
    }
    (answers, early)
}

#[test]
fn no_answer_leaves_before_its_sync() {
    let home = Home::trading();
    let trace = home.file("../trace.txt");
    let shell = format!(
        "exec strace -f -y -s 2000 -e trace=write,pwrite64,fdatasync,fsync -o {} \"$@\"",
        trace.display()
    );
    let plain = home.command(&["--version"]);
    let traced = under(&shell, &plain).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !traced.is_ok_and(|status| status.success()) {
        println!("skipped: no strace, or it may not trace here");
        return;
    }
    let mut log = Log::default();
    let command = under(&shell, &home.command(&["order", "submit", "-"]));
    let (code, said) = feed(command, 80, share(TRACED_LONG, 25), &mut log);
    assert!(matches!(code, Some(0 | 4)), "{said}");
    let (answers, early) = answers_before_their_sync(&std::fs::read_to_string(&trace).unwrap());
    assert!(answers >= 10, "{answers} answers in the trace");
    assert_eq!(early, 0, "of {answers} answers");
    println!("{answers} answers, each after its sync");
}

/// The document a command prints on another home.
fn json_of(home: &Home, at: &Path, args: &[&str]) -> Value {
    let done = home.command(args).env("QLIB_PRO_HOME", at).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn a_home_that_trades_is_copied_whole_and_restored() {
    let home = Home::trading();
    let copy = home.file("../copy.backup");
    let other: PathBuf = home.file("../other");
    let mut stream = home.stream();
    let mut give = |number: u64| {
        let order = json!({"do": "submit", "id": format!("b{number}"), "symbol": "S03", "side": "buy", "quantity": "1"});
        stream.write(&order);
        stream.answer().unwrap()["id"].as_str().unwrap().to_string()
    };
    let before: Vec<String> = (0..10).map(&mut give).collect();
    let mut backup = home.command(&["backup", copy.to_str().unwrap()]);
    let mut copying = backup.stdout(Stdio::null()).spawn().unwrap();
    let mut number = 10;
    while copying.try_wait().unwrap().is_none() {
        give(number);
        number += 1;
    }
    assert!(copying.wait().unwrap().success());
    let refused = home.run(&["restore", copy.to_str().unwrap(), "--replace"]);
    assert_eq!(refused.code, 1, "somebody holds the home: {}", refused.err);
    json_of(&home, &other, &["restore", copy.to_str().unwrap()]);
    assert_eq!(json_of(&home, &other, &["audit", "verify"])["sound"], true);
    let orders = json_of(&home, &other, &["order", "list"]);
    let found: Vec<&str> = orders.as_array().unwrap().iter().filter_map(|o| o["id"].as_str()).collect();
    assert!(before.iter().all(|id| found.contains(&id.as_str())), "{found:?}");
    let accepted = json_of(&home, &other, &["order", "submit", "buy", "1", "S04", "--id", "in-the-copy"]);
    assert_eq!(accepted["status"], "accepted");
    drop(stream.input);
    stream.child.wait().unwrap();
    // Over the home itself: the journal goes back, and the old stores stay beside.
    home.json(&["restore", copy.to_str().unwrap(), "--replace"]);
    assert!(home.file("trades.db.before-restore").exists());
    assert_sound(&home);
    assert_eq!(home.json(&["order", "submit", "buy", "1", "S04", "--id", "restored"])["status"], "accepted");
}
