//! The real binary against a vendor on loopback: killed at many points and run again, and searched for its key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use qlib_pro::domain::UnixNanos;
use qlib_pro::domain::market::{DailyBar, MinuteBar};
use qlib_pro::store::market::{MarketReader, MinuteSide};

use super::market::Market;
use super::server::Server;
use super::server::faults::{Armed, NAMES, named};

const PASSWORD: &str = "correct horse battery";
const KEY: &str = "k-CANARY-7f3a91";
const SYMBOLS: usize = 10;
/// Kills of one home.
const KILLS: usize = 6;
/// Longest wait for the binary, in seconds.
const PATIENCE_SECONDS: u64 = 60;

struct Desk {
    folder: tempfile::TempDir,
    server: Server,
    _runtime: tokio::runtime::Runtime,
}

fn symbols() -> Vec<String> {
    (0..SYMBOLS).map(|n| format!("Q{n:02}.XNYS")).collect()
}

impl Desk {
    fn open() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let now: UnixNanos = "2024-07-08T01:00:00Z".parse().unwrap();
        let clock = Arc::new(AtomicI64::new(now.nanos()));
        let server = runtime.block_on(Server::start(0, Arc::clone(&clock))).unwrap();
        let market = Market::new(clock);
        market.page_rows(60);
        market.split("Q03", "2024-03-18", 4);
        server.set_maker(Arc::new(move |seen| market.answer(seen)));
        Self { folder: tempfile::tempdir().unwrap(), server, _runtime: runtime }
    }

    fn home(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        std::fs::create_dir_all(&home).unwrap();
        let plan = "[vendors.polygon]\nper_minute = 1000000\n[vendors.yahoo]\nper_minute = 1000000\n\
                    [vendors.alpha_vantage]\nper_minute = 1000000\n";
        std::fs::write(home.join("settings.toml"), plan).unwrap();
        let done = self.command(&home, &["user", "add", "root"]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        home
    }

    fn command(&self, home: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qlib-pro"));
        command
            .env_clear()
            .env("QLIB_PRO_HOME", home)
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env("USER", "tester")
            .env("QLIB_PRO_USER", "root");
        command.env("QLIB_PRO_PASSWORD", PASSWORD);
        for vendor in ["alpha_vantage", "yahoo", "polygon", "asx"] {
            let url = format!("{}/{vendor}", self.server.address);
            command.env(format!("QLIB_PRO_{}_URL", vendor.to_uppercase()), url);
        }
        command.env("QLIB_PRO_POLYGON_KEY", KEY).env("QLIB_PRO_ALPHA_VANTAGE_KEY", KEY);
        command.args(["--format", "json"]).args(args).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sync(&self, home: &Path, vendor: &str) -> Command {
        let names = symbols();
        let mut args = vec!["sync", "--vendor", vendor, "--from", "2024-01-02", "--to", "2024-07-05"];
        args.extend(names.iter().map(String::as_str));
        self.command(home, &args)
    }

    fn sync_minutes(&self, home: &Path, vendor: &str) -> Command {
        let names = symbols();
        let mut args = vec!["sync", "--kind", "minutes", "--vendor", vendor];
        args.extend(["--from", "2024-07-03", "--to", "2024-07-05"]);
        args.extend(names.iter().map(String::as_str));
        self.command(home, &args)
    }

    /// Runs a sync and kills it when the server has had some requests.
    fn kill_after(&self, mut sync: Command, requests: usize) {
        let before = self.server.log().len();
        let mut child = sync.spawn().unwrap();
        let begun = Instant::now();
        while self.server.log().len() < before + requests && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed().as_secs() < PATIENCE_SECONDS, "the binary does not ask");
            std::thread::sleep(Duration::from_millis(1));
        }
        // Killed between two requests, in the middle of a page or of its transaction, as it comes.
        std::thread::sleep(Duration::from_micros((requests as u64 * 7_919) % 9_000));
        child.kill().unwrap_or_default();
        child.wait().unwrap();
    }
}

fn prices(home: &Path, source: &str) -> BTreeMap<String, Vec<DailyBar>> {
    let reader = MarketReader::open(home).unwrap();
    let bars = |symbol: &String| {
        let id = symbol.parse().unwrap();
        let series = reader.bars(id, Some(source), NaiveDate::MIN, NaiveDate::MAX).unwrap();
        (symbol.clone(), series.map(|s| s.bars).unwrap_or_default())
    };
    symbols().iter().map(bars).collect()
}

/// What a market store holds beside prices: actions, rows set aside, and for each series the days it has answers for.
#[derive(Debug, Default, PartialEq)]
struct Beside {
    actions: Vec<String>,
    aside: BTreeSet<String>,
    covered: BTreeMap<String, Vec<(i64, i64)>>,
}

fn beside(home: &Path) -> Beside {
    let db = rusqlite::Connection::open(home.join("market.db")).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut rows = db.prepare(sql).unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut all = Beside {
        actions: texts("SELECT json_array(instrument, date, kind, new, old, amount) FROM actions ORDER BY 1"),
        aside: texts("SELECT json_array(symbol, date, reason, raw) FROM quarantine").into_iter().collect(),
        ..Beside::default()
    };
    let days = "SELECT json_array(instrument, source, kind), from_day, to_day FROM coverage ORDER BY 1, 2";
    let mut rows = db.prepare(days).unwrap();
    let mut rows = rows.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (from, to): (i64, i64) = (row.get(1).unwrap(), row.get(2).unwrap());
        let spans = all.covered.entry(row.get(0).unwrap()).or_default();
        match spans.last_mut().filter(|last| from <= last.1 + 1) {
            Some(last) => last.1 = last.1.max(to),
            None => spans.push((from, to)),
        }
    }
    all
}

/// Homes a vendor, each killed [`KILLS`] times: all of a long run, or one for every change.
#[allow(clippy::disallowed_methods)]
fn homes() -> usize {
    if std::env::var_os("QLIB_PRO_LONG").is_some_and(|v| v == "1") { 40 } else { 1 }
}

#[test]
fn killed_at_many_points_and_run_again_the_store_is_that_of_an_undisturbed_run() {
    let desk = Desk::open();
    let mut ends = 0;
    for vendor in ["polygon", "yahoo"] {
        let quiet = desk.home(&format!("quiet-{vendor}"));
        let before = desk.server.log().len();
        let done = desk.sync(&quiet, vendor).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let requests = desk.server.log().len() - before;
        let (whole, around) = (prices(&quiet, vendor), beside(&quiet));
        assert!(
            whole.values().all(|bars| bars.len() == 128),
            "{:?}",
            whole.values().map(Vec::len).collect::<Vec<_>>()
        );
        for round in 0..homes() {
            let disturbed = desk.home(&format!("disturbed-{vendor}-{round}"));
            for kill in 0..KILLS {
                // Further in with each kill, by steps that differ from home to home.
                let step = (kill * 7 + round * 5) % 4;
                desk.kill_after(
                    desk.sync(&disturbed, vendor),
                    1 + (2 * kill + step) * requests / (4 * KILLS),
                );
                ends += 1;
            }
            let done = desk.sync(&disturbed, vendor).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            assert_eq!(prices(&disturbed, vendor), whole, "{vendor}, home {round}");
            assert_eq!(beside(&disturbed), around, "{vendor}, home {round}");
            let db = rusqlite::Connection::open(disturbed.join("market.db")).unwrap();
            let doubled: i64 =
                db.query_row("SELECT count(*) FROM price_revisions", [], |row| row.get(0)).unwrap();
            assert_eq!(doubled, 0, "nothing was revised");
        }
    }
    println!("{ends} kills of a sync");
}

fn minutes(home: &Path, source: &str) -> Vec<MinuteBar> {
    let reader = MarketReader::open(home).unwrap();
    let span = (UnixNanos::ZERO, UnixNanos::from_nanos(i64::MAX));
    let of =
        |symbol: &String| reader.minutes(symbol.parse().unwrap(), source, MinuteSide::Trade, span).unwrap();
    symbols().iter().flat_map(of).collect()
}

#[test]
fn minutes_killed_at_many_points_and_run_again_are_those_of_an_undisturbed_run() {
    let desk = Desk::open();
    for vendor in ["polygon", "alpha_vantage"] {
        let quiet = desk.home(&format!("quiet-{vendor}"));
        let before = desk.server.log().len();
        let done = desk.sync_minutes(&quiet, vendor).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let requests = desk.server.log().len() - before;
        let whole = minutes(&quiet, vendor);
        // A half day and a whole one, without the minutes in which nothing was traded.
        assert_eq!(whole.len(), SYMBOLS * (210 - 2 + 390 - 4), "{vendor}");
        let disturbed = desk.home(&format!("disturbed-{vendor}"));
        for kill in 0..KILLS {
            desk.kill_after(desk.sync_minutes(&disturbed, vendor), 1 + kill * requests / (2 * KILLS));
        }
        let done = desk.sync_minutes(&disturbed, vendor).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(minutes(&disturbed, vendor), whole, "{vendor}");
        let db = rusqlite::Connection::open(disturbed.join("market.db")).unwrap();
        let doubled: i64 =
            db.query_row("SELECT count(*) FROM minutes WHERE revision > 0", [], |row| row.get(0)).unwrap();
        assert_eq!(doubled, 0, "nothing was revised");
        let again = desk.server.log().len();
        let done = desk.sync_minutes(&disturbed, vendor).output().unwrap();
        assert!(
            done.status.success() && desk.server.log().len() == again,
            "{vendor}: nothing is asked again"
        );
    }
}

#[test]
fn an_interrupt_ends_a_wait_at_once_with_the_report_of_what_was_had() {
    let desk = Desk::open();
    let home = desk.home("interrupted");
    desk.server.arm(Armed::next(named("429_seconds").unwrap(), "Q05", 1));
    let mut child = desk.sync(&home, "yahoo").spawn().unwrap();
    let begun = Instant::now();
    while !desk.server.log().iter().any(|seen| seen.path.contains("Q05")) {
        assert!(begun.elapsed().as_secs() < PATIENCE_SECONDS && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("stopped before its end; run the same command again"), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["canceled"], report["rows"].as_array().unwrap().len()), (&true.into(), SYMBOLS));
    let stored = prices(&home, "yahoo").values().filter(|bars| bars.len() == 128).count();
    assert!((1..SYMBOLS).contains(&stored), "{stored} whole names");
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn a_key_is_in_no_file_log_or_text_whatever_goes_wrong() {
    let desk = Desk::open();
    let home = desk.home("canary");
    let mut said = Vec::new();
    for (vendor, kind) in [("alpha_vantage", "TIME_SERIES"), ("polygon", "/"), ("yahoo", "/")] {
        for name in ["av_quota", "401_crumb", "html_page", "302", "500", "cut", "429_seconds"] {
            assert!(NAMES.contains(&name));
            desk.server.disarm();
            // The vendor's notice repeats the key, as the real one does.
            let fault = named(name).unwrap();
            desk.server.arm(Armed::next(fault, kind, 1));
            let mut child = desk.sync(&home, vendor).arg("--log-level=trace").spawn().unwrap();
            let begun = Instant::now();
            while child.try_wait().unwrap().is_none() && begun.elapsed().as_millis() < 1_500 {
                std::thread::sleep(Duration::from_millis(10));
            }
            child.kill().unwrap_or_default();
            let output = child.wait_with_output().unwrap();
            said.extend(output.stdout);
            said.extend(output.stderr);
            // The next fault meets a vendor that is asked again.
            let db = rusqlite::Connection::open(home.join("market.db")).unwrap();
            db.execute("DELETE FROM budgets", []).unwrap();
        }
    }
    assert!(desk.server.log().iter().any(|seen| seen.authorization.contains(KEY)), "the key was used");
    assert!(!contains(&said, KEY), "{}", String::from_utf8_lossy(&said));
    let mut files = Vec::new();
    files_below(&home, &mut files);
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!contains(&bytes, KEY), "{}", file.display());
        for secret in ["crumb.CANARY", "cookie-CANARY"] {
            assert!(!contains(&bytes, secret), "{}: {secret}", file.display());
        }
    }
}
