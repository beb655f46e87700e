//! A home in a temporary folder with ten names, market time on a session, one person; and the binary to run on it,
//! with nothing of the caller's environment.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chrono::{Datelike, NaiveDate, Weekday};
use serde_json::Value;
use tempfile::TempDir;

/// Password of the one person.
const PASSWORD: &str = "correct horse battery";
/// Names with bars.
pub const NAMES: usize = 10;
/// Sessions with bars.
const SESSIONS: usize = 90;
/// Sessions played at the start.
const PLAYED: &str = "25";

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A temporary home.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// With bars and market time.
    pub fn trading() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        assert_eq!(home.run(&["user", "add", "root"]).code, 0);
        let file = home.bars("bars.csv", 0);
        home.json(&["import", "bars", &file]);
        let file = home.folder.path().join("actions.csv");
        std::fs::write(&file, dividends()).unwrap();
        home.json(&["import", "actions", file.to_str().unwrap()]);
        home.json(&["advance", "--sessions", PLAYED]);
        home
    }

    /// Writes bars that belong to the names from `first` on; returns the file's path.
    pub fn bars(&self, file: &str, first: usize) -> String {
        let path = self.folder.path().join(file);
        std::fs::write(&path, bars(first)).unwrap();
        path.to_str().unwrap().to_string()
    }

    /// A file of the home.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("home").join(name)
    }

    /// The binary on this home.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qlib-pro"));
        command
            .env_clear()
            .env("QLIB_PRO_HOME", self.folder.path().join("home"))
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env("USER", "tester");
        command.env("QLIB_PRO_USER", "root").env("QLIB_PRO_PASSWORD", PASSWORD);
        command.args(["--format", "json"]).args(args).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        let done = self.command(args).output().unwrap();
        Ran {
            code: done.status.code().unwrap(),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        }
    }

    /// The document a command prints that must succeed.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}\nout: {}\nerr: {}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// `order submit -`, open at both ends.
    pub fn stream(&self) -> Stream {
        let mut command = self.command(&["order", "submit", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Stream { child, input, output: BufReader::new(output) }
    }
}

/// A running `order submit -`.
pub struct Stream {
    pub child: Child,
    pub input: ChildStdin,
    pub output: BufReader<ChildStdout>,
}

impl Stream {
    /// Writes one line.
    pub fn write(&mut self, line: &Value) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// The next answer; `None` when there is none, or only a part of one.
    pub fn answer(&mut self) -> Option<Value> {
        next_answer(&mut self.output)
    }
}

/// The next whole line as JSON.
pub fn next_answer(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.ends_with('\n').then(|| serde_json::from_str(&line).unwrap())
}

/// Price around which a name moves, in whole units.
pub const fn level(name: usize) -> usize {
    40 + name % NAMES
}

/// Trading days with bars.
fn sessions() -> impl Iterator<Item = NaiveDate> {
    let closed = [(1, 2), (1, 16), (2, 20), (4, 14), (5, 29), (7, 4)];
    let start = NaiveDate::from_ymd_opt(2017, 1, 3).unwrap();
    let open = start.iter_days().filter(|d| !matches!(d.weekday(), Weekday::Sat | Weekday::Sun));
    open.filter(move |d| !closed.contains(&(d.month(), d.day()))).take(SESSIONS)
}

/// Bars of ten names that swing around their level by less than one unit.
fn bars(first: usize) -> String {
    let mut text = String::from("date,symbol,open,high,low,close,volume\n");
    for (row, day) in sessions().enumerate() {
        for name in first..first + NAMES {
            let close = level(name) as f64 + ((row * (name + 3)) % 17) as f64 / 17.0 - 0.5;
            let (open, high, low) = (close - 0.1, close + 0.5, close - 0.6);
            text.push_str(&format!("{day},S{name:02},{open:.2},{high:.2},{low:.2},{close:.2},900000\n"));
        }
    }
    text
}

/// A cent of dividend on `S00` every session, so that no session begins with its bars.
fn dividends() -> String {
    let mut text = String::from("date,symbol,kind,amount,ratio\n");
    sessions().for_each(|day| text.push_str(&format!("{day},S00,dividend,0.01,\n")));
    text
}
