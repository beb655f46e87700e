//! Homes with people, prices and market time, made once through the command line and copied for each test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use chrono::{Datelike, NaiveDate, Weekday};
use tempfile::TempDir;

/// Password of everybody.
pub const PASSWORD: &str = "correct horse battery";
/// Where no bus is: the keyring of who runs the tests is never touched.
pub const NO_BUS: &str = "unix:path=/nowhere";
/// Sessions with bars.
const SESSIONS: usize = 300;
/// Sessions that have been played.
const PLAYED: &str = "280";
/// Names with bars.
const SYMBOLS: usize = 10;

/// A folder with a home in it.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Nothing there yet.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// root (admin), ana (trader), raj and rita (risk), kim (customer), ten names with 300 sessions, 280 of them played.
    pub fn staffed() -> Self {
        static MODEL: OnceLock<Home> = OnceLock::new();
        let model = MODEL.get_or_init(Home::build);
        let home = Self::empty();
        copy(&model.path(), &home.path());
        home
    }

    fn build() -> Self {
        let home = Self::empty();
        home.run("", &["user", "add", "root"]);
        for (name, role) in [("ana", "trader"), ("raj", "risk"), ("rita", "risk"), ("kim", "customer")] {
            home.run("root", &["user", "add", name, "--role", role]);
        }
        let file = home.folder.path().join("bars.csv");
        std::fs::write(&file, bars()).unwrap();
        home.run("ana", &["import", "bars", file.to_str().unwrap()]);
        home.run("ana", &["advance", "--sessions", PLAYED]);
        home
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A file beside the home.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    }

    fn command(&self, user: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qlib-pro"));
        command.env_clear().env("QLIB_PRO_HOME", self.path()).env("QLIB_PRO_PASSWORD", PASSWORD);
        command.env("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
        if user.is_empty() {
            command.env("QLIB_PRO_NEW_PASSWORD", PASSWORD);
        } else {
            command.env("QLIB_PRO_USER", user).env("QLIB_PRO_NEW_PASSWORD", PASSWORD);
        }
        command.args(args).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command as this person; it must succeed.
    #[track_caller]
    pub fn run(&self, user: &str, args: &[&str]) -> String {
        let done = self.command(user, args);
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Runs a command as this person with variables and a line of standard input; it must succeed.
    #[track_caller]
    pub fn pipe(&self, user: &str, args: &[&str], env: &[(&str, &str)], line: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qlib-pro"));
        command.env_clear().env("QLIB_PRO_HOME", self.path()).env("QLIB_PRO_PASSWORD", PASSWORD);
        command.env("DBUS_SESSION_BUS_ADDRESS", NO_BUS).env("QLIB_PRO_USER", user);
        command.envs(env.iter().copied()).args(args).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
        assert!(child.wait().unwrap().success(), "{args:?}");
    }

    /// Runs a command as this person; it must end with this code.
    #[track_caller]
    pub fn fails(&self, user: &str, args: &[&str], code: i32) {
        let done = self.command(user, args);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Its JSON.
    #[track_caller]
    pub fn json(&self, user: &str, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.run(user, &[&["--format", "json"], args].concat())).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Sessions of New York from the start of 2017 on.
fn sessions() -> Vec<NaiveDate> {
    let closed = [
        (2017, 1, 2),
        (2017, 1, 16),
        (2017, 2, 20),
        (2017, 4, 14),
        (2017, 5, 29),
        (2017, 7, 4),
        (2017, 9, 4),
        (2017, 11, 23),
        (2017, 12, 25),
        (2018, 1, 1),
        (2018, 1, 15),
        (2018, 2, 19),
    ];
    let first = NaiveDate::from_ymd_opt(2017, 1, 3).unwrap();
    let open = first.iter_days().filter(|d| !matches!(d.weekday(), Weekday::Sat | Weekday::Sun));
    open.filter(|d| !closed.contains(&(d.year(), d.month(), d.day()))).take(SESSIONS).collect()
}

/// Bars that drift apart without chance.
fn bars() -> String {
    let mut text = String::from("date,symbol,open,high,low,close,volume\n");
    for (row, day) in sessions().iter().enumerate() {
        for name in 0..SYMBOLS {
            let wave = ((row * (name + 3)) % 17) as f64 / 17.0;
            let close = 40.0 + name as f64 + row as f64 * 0.01 * (name as f64 - 3.0) + wave;
            let (open, high, low) = (close - 0.1, close + 0.5, close - 0.6);
            text.push_str(&format!("{day},S{name:02},{open:.2},{high:.2},{low:.2},{close:.2},900000\n"));
        }
    }
    text
}
