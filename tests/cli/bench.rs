//! A home in a temporary folder and the binary to run on it, with nothing of the caller's environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{Datelike, NaiveDate, Weekday};
use tempfile::TempDir;

/// Password of everybody in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Its output, when it ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> String {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self.out
    }

    /// Its output as JSON, when it ended with this code.
    #[track_caller]
    pub fn json(self, code: i32) -> serde_json::Value {
        serde_json::from_str(&self.ended(code)).unwrap()
    }
}

/// A temporary home.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    /// Nothing there yet.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With the admin `root`.
    pub fn founded() -> Self {
        let bench = Self::empty();
        bench.run("root", &["user", "add", "root"]).ended(0);
        bench
    }

    /// With `root` and one person of each other role.
    pub fn staffed() -> Self {
        let bench = Self::founded();
        for (name, role) in [("kim", "customer"), ("ana", "trader"), ("raj", "risk")] {
            bench.run("root", &["user", "add", name, "--role", role]).ended(0);
        }
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file; returns its path as text.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_string()
    }

    /// The binary with no user, no password and no environment but the home.
    pub fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qlib-pro"));
        command.env_clear().env("QLIB_PRO_HOME", self.path("home")).stdin(Stdio::null());
        // The keyring of who runs the tests is never touched.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        // Nobody answers there: no test reaches a vendor.
        for vendor in ["ALPHA_VANTAGE", "YAHOO", "POLYGON", "ASX"] {
            command.env(format!("QLIB_PRO_{vendor}_URL"), "http://127.0.0.1:9");
        }
        command
    }

    /// Runs as this person.
    pub fn run(&self, user: &str, args: &[&str]) -> Ran {
        let mut command = self.bare();
        command.env("QLIB_PRO_USER", user).env("QLIB_PRO_PASSWORD", PASSWORD);
        command.env("QLIB_PRO_NEW_PASSWORD", PASSWORD).args(args);
        finish(command, "")
    }

    /// Runs as this person with JSON output.
    #[track_caller]
    pub fn json(&self, user: &str, args: &[&str]) -> serde_json::Value {
        self.run(user, &[&["--format", "json"], args].concat()).json(0)
    }

    /// Runs as this person with these lines on standard input.
    pub fn feed(&self, user: &str, args: &[&str], input: &str) -> Ran {
        let mut command = self.bare();
        command.env("QLIB_PRO_USER", user).env("QLIB_PRO_PASSWORD", PASSWORD).args(args);
        finish(command, input)
    }
}

/// Runs a command to its end.
pub fn finish(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read may be gone already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap_or_default();
    let done = child.wait_with_output().unwrap();
    Ran {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Weekdays of the first part of 2017 that are sessions in New York.
pub fn sessions(count: usize) -> Vec<NaiveDate> {
    let closed = [(1, 2), (1, 16), (2, 20), (4, 14), (5, 29), (7, 4), (9, 4), (11, 23), (12, 25)];
    let first = NaiveDate::from_ymd_opt(2017, 1, 3).unwrap();
    let open = first.iter_days().filter(|d| !matches!(d.weekday(), Weekday::Sat | Weekday::Sun));
    open.filter(|d| !closed.contains(&(d.month(), d.day()))).take(count).collect()
}

/// Bars of `symbols` names over `days` sessions, drifting apart without chance.
pub fn bars(symbols: usize, days: usize) -> String {
    let mut text = String::from("date,symbol,open,high,low,close,volume\n");
    for (row, day) in sessions(days).iter().enumerate() {
        for name in 0..symbols {
            let wave = ((row * (name + 3)) % 17) as f64 / 17.0;
            let close = 40.0 + name as f64 + row as f64 * 0.01 * (name as f64 - 3.0) + wave;
            let (open, high, low) = (close - 0.1, close + 0.5, close - 0.6);
            text.push_str(&format!("{day},S{name:02},{open:.2},{high:.2},{low:.2},{close:.2},{}\n", 900_000));
        }
    }
    text
}

/// Whether a folder holds nothing but what is named.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().to_string()).collect();
    names.sort();
    names
}
