//! A disk that takes no more, writes that a power cut would lose, and copies of a home that trades.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::home::{Home, next_answer};
use super::{Log, assert_kept, assert_sound, line, share};

/// Pages that a thread writes until the disk is full.
const PAGES_UNTIL_FULL: u64 = 90;
/// Largest file, in units of 512 bytes.
const BLOCKS_FULL: u64 = 700;
/// Most orders until a run must have met its error.
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
fn a_file_that_may_not_grow_is_said_and_nothing_acknowledged_is_lost() {
    let home = Home::trading();
    let mut log = Log::default();
    let shell = format!("trap '' XFSZ; ulimit -f {BLOCKS_FULL}; exec \"$@\"");
    let command = under(&shell, &home.command(&["order", "submit", "-"]));
    let (code, said) = feed(command, 70, ORDERS_UNTIL_FULL, &mut log);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not acknowledged") && said.contains("disk I/O error"), "{said}");
    assert!(log.answered.len() > 3, "{}", log.answered.len());
    assert_stopped_and_kept(&home, &mut log, 71);
}

/// Nothing more is acknowledged after an error of the disk; the next process goes on with all that was.
#[track_caller]
fn assert_stopped_and_kept(home: &Home, log: &mut Log, round: u64) {
    assert_sound(home);
    assert_kept(home, log);
    let (code, said) = feed(home.command(&["order", "submit", "-"]), round, 5, log);
    assert!(matches!(code, Some(0 | 4)), "{said}");
    assert_kept(home, log);
}

#[test]
fn an_error_of_the_disk_is_never_continued_over() {
    let home = Home::trading();
    let mut log = Log::default();
    let mut holder = home.command(&["order", "submit", "-"]);
    holder.env("QLIB_PRO_FAIL_AT", "trades.commit:12");
    let mut holder =
        holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = holder.stdin.take().unwrap();
    let mut output = std::io::BufReader::new(holder.stdout.take().unwrap());
    let first = json!({"do": "submit", "id": "held", "symbol": "S01", "side": "buy", "quantity": "1"});
    writeln!(input, "{first}").unwrap();
    assert_eq!(next_answer(&mut output).unwrap()["status"], "accepted");
    log.sent.insert("held".into());
    log.answered.insert("held".into(), "accepted".into());
    // Other processes pass their orders to the holder, which outlives their errors.
    let pass = |id: &str| home.run(&["order", "submit", "buy", "1", "S02", "--id", id]);
    let failed = (0..ORDERS_UNTIL_FULL).map(|n| format!("p{n}")).find_map(|id| {
        let ran = pass(&id);
        log.sent.insert(id.clone());
        if ran.code != 0 {
            return Some((id, ran));
        }
        log.answered.insert(id, "accepted".into());
        None
    });
    let (id, ran) = failed.expect("a write that fails");
    assert!(ran.code == 1 && ran.err.contains("disk"), "{}", ran.err);
    assert!(log.answered.len() >= 2, "{}", log.answered.len());
    for later in ["later-1", "later-2"] {
        let ran = pass(later);
        assert!(ran.code == 1 && ran.err.contains("close"), "{}", ran.err);
    }
    // What is on disk can still be looked at, and the holder is still there, doing nothing.
    let listed = home.json(&["order", "list"]).to_string();
    assert!(
        listed.contains("\"held\"") && !listed.contains(&format!("\"{id}\"")) && !listed.contains("later")
    );
    assert!(holder.try_wait().unwrap().is_none());
    let second = json!({"do": "submit", "id": "again", "symbol": "S01", "side": "buy", "quantity": "1"});
    writeln!(input, "{second}").unwrap();
    drop(input);
    let done = holder.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.code() == Some(1) && said.contains("close"), "{said}");
    assert_stopped_and_kept(&home, &mut log, 75);
}

/// What a run says of which every call of these from the `from`th of a thread on fails so; `None` where nothing may trace.
fn feed_failing(calls: &str, error: &str, from: u64, home: &Home, log: &mut Log) -> Option<String> {
    let failing = format!("-e trace={calls} -e inject={calls}:error={error}:when={from}+");
    let shell = format!("exec strace -f -o /dev/null {failing} \"$@\"");
    let traced =
        under(&shell, &home.command(&["--version"])).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !traced.is_ok_and(|status| status.success()) {
        return None;
    }
    let command = under(&shell, &home.command(&["order", "submit", "-"]));
    let (code, said) = feed(command, 76, ORDERS_UNTIL_FULL, log);
    assert_eq!(code, Some(1), "{calls} {from}: {said}");
    Some(said)
}

#[test]
fn a_sync_that_fails_ends_the_trading_of_its_process() {
    for turn in 0..share(12, 2) {
        let home = Home::trading();
        let mut log = Log::default();
        let said = feed_failing("fdatasync,fsync", "EIO", 4 + 3 * turn, &home, &mut log);
        let Some(said) = said else {
            println!("skipped: no strace, or it may not trace here");
            return;
        };
        assert!(said.contains("error of the disk") || said.contains("disk I/O error"), "{said}");
        assert!(log.answered.len() < ORDERS_UNTIL_FULL as usize / 2, "{}", log.answered.len());
        assert_stopped_and_kept(&home, &mut log, 77 + turn);
    }
}

#[test]
fn a_disk_without_space_keeps_nothing_of_a_write_and_says_so() {
    let home = Home::trading();
    let mut log = Log::default();
    let Some(said) = feed_failing("pwrite64", "ENOSPC", PAGES_UNTIL_FULL, &home, &mut log) else {
        println!("skipped: no strace, or it may not trace here");
        return;
    };
    assert!(
        said.contains("could not be written") && said.contains("nothing of this write was kept"),
        "{said}"
    );
    assert!(log.answered.len() > 3, "{}", log.answered.len());
    assert_stopped_and_kept(&home, &mut log, 77);
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
