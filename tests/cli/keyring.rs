//! The system's keyring: a real one where there is one, and that none, a dead one or a locked one holds nobody up.

use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bench::{Bench, PASSWORD, Ran, finish};

const KEY: &str = "CANARYring5Tb2Lw8";
/// Longest time for a command that meets a keyring which does not answer: the look and the command's own work.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs as root on this bus.
fn on(bench: &Bench, bus: &str, args: &[&str], input: &str) -> Ran {
    let mut command = bench.bare();
    command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
    command.env("DBUS_SESSION_BUS_ADDRESS", bus).args(args);
    finish(command, input)
}

fn kept(ran: &Ran) -> String {
    let rows: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let row = rows.as_array().unwrap().iter().find(|r| r["vendor"] == "polygon").unwrap().clone();
    row["kept"].as_str().unwrap().to_owned()
}

#[test]
fn a_bus_that_never_answers_is_passed_over_in_time_and_said() {
    let bench = Bench::founded();
    let socket = bench.path("bus");
    let listener = UnixListener::bind(&socket).unwrap();
    // Callers are taken and never answered.
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for caller in listener.incoming() {
            held.push(caller);
        }
    });
    let bus = format!("unix:path={}", socket.display());
    let began = Instant::now();
    let set = on(&bench, &bus, &["key", "set", "polygon"], KEY);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert!(set.code == 0 && set.out.contains("vault (key file)"), "{set:?}");
    assert!(set.err.contains("keyring cannot be used: it does not answer"), "{set:?}");
    let began = Instant::now();
    assert_eq!(kept(&on(&bench, &bus, &["--format", "json", "key", "list"], "")), "vault (key file)");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

/// Commands below a session bus of their own with a keyring; `{}` is the program.
fn in_session(bench: &Bench, script: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_qlib-pro");
    let mut command = Command::new("dbus-run-session");
    command.env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH" || name == "LANG"));
    command.env("HOME", bench.path("")).env("XDG_DATA_HOME", bench.path("data"));
    command.env("XDG_RUNTIME_DIR", bench.path("")).env("QLIB_PRO_HOME", bench.path("home"));
    command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
    command.args(["--", "sh", "-c", &script.replace("{}", program)]);
    let done = command.output().ok()?;
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{out}{}", String::from_utf8_lossy(&done.stderr));
    Some(out)
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
}

#[test]
fn a_real_keyring_keeps_lists_and_forgets_a_key_and_a_locked_one_is_said() {
    if !is_there("gnome-keyring-daemon") || !is_there("dbus-run-session") {
        println!("skipped: no gnome-keyring and dbus on this machine");
        return;
    }
    let bench = Bench::founded();
    let unlock = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; ";
    let told = in_session(
        &bench,
        &format!(
            "{unlock} printf '{KEY}\\n' | {{}} key set polygon && {{}} --format json key list && {{}} key remove polygon"
        ),
    );
    let told = told.unwrap_or_default();
    assert!(told.contains("kept in the keyring") && told.contains("forgotten by the keyring"), "{told}");
    assert!(told.contains("\"kept\": \"keyring\"") || told.contains("\"kept\":\"keyring\""), "{told}");
    assert!(!told.contains(KEY) && !bench.path("home/vault").exists(), "{told}");
    // The same keyring, not unlocked: it is never waited for, and the vault takes the key.
    let began = Instant::now();
    let start = "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; ";
    let locked = in_session(&bench, &format!("{start} printf '{KEY}\\n' | {{}} key set polygon 2>&1"))
        .unwrap_or_default();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert!(locked.contains("vault (key file)") && locked.contains("it is locked"), "{locked}");
    let list = in_session(&bench, "{} --format json key list").unwrap_or_default();
    assert!(list.contains("vault (key file)"), "{list}");
}
