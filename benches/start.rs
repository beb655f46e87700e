//! From starting the program in a terminal of 120 by 36 to the end of its first frame; and how long a second process
//! needs to say who holds a home. A home whose prices are 40 days old, with a key and with vendors and a keyring that
//! never answer, is started beside a fresh one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use divan::Bencher;
use portable_pty::{Child as PtyChild, CommandBuilder, PtySize, native_pty_system};
use qlib_pro::domain::calendar::Calendars;
use qlib_pro::domain::market::{Basis, DailyBar};
use qlib_pro::domain::{CleanText, Exchange, Price, UnixNanos};
use qlib_pro::store::MarketStore;
use qlib_pro::store::market::BarRun;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_qlib-pro");
const PASSWORD: &str = "correct horse battery";
/// Where no bus is: the keyring of who runs this is never touched.
const NO_BUS: &str = "unix:path=/nowhere";
/// Age of the prices of a stale home, in days.
const STALE_DAYS: i64 = 40;
/// Names in it.
const STALE_NAMES: usize = 500;
/// The end of a frame: synchronized output is switched off.
const FRAME_END: &[u8] = b"\x1b[?2026l";

fn main() {
    divan::main();
}

/// A program in a terminal, ended when dropped.
struct Shown(Box<dyn PtyChild + Send + Sync>);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts the program and waits for the end of its first frame.
fn first_frame(args: &[&str], home: &Path, temporary: &Path, env: &[(&str, String)]) -> Shown {
    let size = PtySize { rows: 36, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(args);
    command.env("TERM", "xterm-256color");
    command.env("QLIB_PRO_HOME", home);
    command.env("TMPDIR", temporary);
    command.env("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
    env.iter().for_each(|(name, value)| command.env(name, value));
    let shown = Shown(pair.slave.spawn_command(command).unwrap());
    let mut output = pair.master.try_clone_reader().unwrap();
    let (mut seen, mut chunk) = (Vec::new(), [0_u8; 4096]);
    while !seen.windows(FRAME_END.len()).any(|w| w == FRAME_END) {
        let read = output.read(&mut chunk).unwrap();
        assert!(read > 0, "the program ended: {}", String::from_utf8_lossy(&seen));
        seen.extend(chunk.iter().take(read));
    }
    shown
}

fn on(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env("QLIB_PRO_HOME", home).env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
    command.args(["--format", "json"]).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::null()).env("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
    command
}

/// A home with one person.
fn home() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(on(folder.path(), &["user", "add", "root"]).status().unwrap().success());
    folder
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn first_frame_of_the_demo(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| tempfile::tempdir().unwrap()).bench_values(|folder| {
        let shown = first_frame(&["demo", "--role", "trader"], folder.path(), folder.path(), &[]);
        (shown, folder)
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn first_frame_of_a_home(bencher: Bencher<'_, '_>) {
    let home = home();
    bencher.bench_local(|| first_frame(&[], home.path(), home.path(), &[]));
}

/// Takes callers and never answers them; at a port of this machine, and as a bus.
fn silent(folder: &Path) -> [(&'static str, String); 5] {
    let (vendor, socket) = (TcpListener::bind("127.0.0.1:0").unwrap(), folder.join("bus"));
    let (address, bus) = (vendor.local_addr().unwrap(), UnixListener::bind(&socket).unwrap());
    std::thread::spawn(move || vendor.incoming().for_each(std::mem::forget));
    std::thread::spawn(move || bus.incoming().for_each(std::mem::forget));
    let url = format!("http://{address}");
    [
        ("QLIB_PRO_POLYGON_URL", url.clone()),
        ("QLIB_PRO_ALPHA_VANTAGE_URL", url),
        ("QLIB_PRO_YAHOO_URL", "http://127.0.0.1:9".to_owned()),
        ("QLIB_PRO_ASX_URL", "http://127.0.0.1:9".to_owned()),
        ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display())),
    ]
}

/// A home with prices of a vendor that end 40 days ago, a key, and a live feed.
fn stale_home() -> TempDir {
    let home = home();
    let mut set = on(home.path(), &["key", "set", "polygon"]).stdin(Stdio::piped()).spawn().unwrap();
    set.stdin.take().unwrap().write_all(b"a-key-of-polygon\n").unwrap();
    assert!(set.wait().unwrap().success());
    std::fs::write(home.path().join("settings.toml"), "[live]\nvendor = \"polygon\"\n").unwrap();
    let mut store = MarketStore::open(home.path()).unwrap();
    let mut run = BarRun::new(CleanText::new("polygon"), Basis::Raw, UnixNanos::ZERO);
    let calendars = Calendars::bundled().unwrap();
    let calendar = calendars.of(Exchange::Xnys);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let last = calendar.date_at(UnixNanos::from_seconds(now - STALE_DAYS * 86_400));
    let sessions = calendar.sessions_between(last - chrono::Days::new(365), last);
    for name in 0..STALE_NAMES {
        let price = Price::from_raw(50 * Price::ONE_RAW);
        let bar = |session: &qlib_pro::domain::calendar::Session| DailyBar {
            instrument: format!("N{name:03}.XNYS").parse().unwrap(),
            session: session.date,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: "1000".parse().unwrap(),
            vwap: None,
        };
        let page: Vec<DailyBar> = sessions.iter().map(bar).collect();
        store.store_bars(&mut run, &page).unwrap();
    }
    home
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn first_frame_of_a_stale_home_without_a_network(bencher: Bencher<'_, '_>) {
    let home = stale_home();
    let env = silent(home.path());
    bencher.bench_local(|| first_frame(&[], home.path(), home.path(), &env));
}

/// `order submit -` after its first answer, with the pipe that keeps it open.
fn holder(home: &Path) -> Child {
    let mut child = on(home, &["order", "submit", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let line = b"{\"do\":\"cancel\",\"id\":\"none\"}\n";
    child.stdin.as_mut().unwrap().write_all(line).unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    assert!(answer.contains("refused"), "{answer}");
    child
}

/// A whole command: start, login with its deliberately slow password check, refusal.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_second_process_says_who_holds_the_home(bencher: Bencher<'_, '_>) {
    let home = home();
    let mut holder = holder(home.path());
    bencher.bench_local(|| {
        let code = on(home.path(), &["order", "submit", "buy", "1", "AAA"]).status().unwrap().code();
        assert_eq!(code, Some(1));
    });
    holder.kill().unwrap();
    holder.wait().unwrap();
}
