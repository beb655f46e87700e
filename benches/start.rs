//! From starting the program in a terminal of 120 by 36 to the end of its first frame; and how long a second process
//! needs to say who holds a home.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use divan::Bencher;
use portable_pty::{Child as PtyChild, CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_qlib-pro");
const PASSWORD: &str = "correct horse battery";
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
fn first_frame(args: &[&str], home: &Path, temporary: &Path) -> Shown {
    let size = PtySize { rows: 36, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(args);
    command.env("TERM", "xterm-256color");
    command.env("QLIB_PRO_HOME", home);
    command.env("TMPDIR", temporary);
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
    command.stderr(Stdio::null());
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
        let shown = first_frame(&["demo", "--role", "trader"], folder.path(), folder.path());
        (shown, folder)
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn first_frame_of_a_home(bencher: Bencher<'_, '_>) {
    let home = home();
    bencher.bench_local(|| first_frame(&[], home.path(), home.path()));
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
