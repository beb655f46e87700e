//! A terminal of a given size with the binary in it: keys go in, bytes come out and are kept, and the screen they make
//! is looked at between frames only.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{ChildKiller, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{Parser, Screen};

use crate::home::{Home, NO_BUS, PASSWORD};

/// Longest wait for anything on the screen.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Start and end of a frame: synchronized output.
pub const BEGIN: &[u8] = b"\x1b[?2026h";
pub const END: &[u8] = b"\x1b[?2026l";

/// Wide and narrow.
pub const SIZES: [(u16, u16); 2] = [(120, 36), (80, 24)];

struct State {
    parser: Parser,
    bytes: Vec<u8>,
    /// Nothing more will come.
    closed: bool,
    /// Exit code, or the signal's name.
    ended: Option<Result<u32, String>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Shared {
    /// A test that failed while it looked must not make its threads fail too.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One terminal with one process.
pub struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    killer: Box<dyn ChildKiller + Send + Sync>,
    process: u32,
    before: String,
    shared: Arc<Shared>,
}

/// Where the last of `needle` starts.
fn last(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).rposition(|w| w == needle)
}

impl State {
    fn between_frames(&self) -> bool {
        let tail = &self.bytes[self.bytes.len().saturating_sub(128 * 1024)..];
        last(tail, BEGIN) <= last(tail, END)
    }
}

impl Terminal {
    /// Starts the binary with these arguments and variables on this home.
    pub fn start(home: &Home, (width, height): (u16, u16), args: &[&str], env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_qlib-pro"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("QLIB_PRO_HOME", home.path());
        command.env("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
        env.iter().for_each(|(name, value)| command.env(name, value));
        command.args(args);
        command.cwd(std::env::temp_dir());
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let state =
            State { parser: Parser::new(height, width, 0), bytes: Vec::new(), closed: false, ended: None };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let (killer, process) = (child.clone_killer(), child.process_id().unwrap());
        let mut reader = pair.master.try_clone_reader().unwrap();
        let reading = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut chunk = [0; 64 * 1024];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                let mut state = reading.lock();
                state.bytes.extend_from_slice(&chunk[..n]);
                state.parser.process(&chunk[..n]);
                reading.changed.notify_all();
                if reading.stop.load(Ordering::SeqCst) {
                    break;
                }
            }
            drop(reader);
            reading.lock().closed = true;
            reading.changed.notify_all();
        });
        let waiting = Arc::clone(&shared);
        std::thread::spawn(move || {
            let status = child.wait().unwrap();
            let ended = status.signal().map_or(Ok(status.exit_code()), |s| Err(s.to_string()));
            waiting.lock().ended = Some(ended);
            waiting.changed.notify_all();
        });
        let writer = Some(pair.master.take_writer().unwrap());
        Self { master: Some(pair.master), writer, killer, process, before, shared }
    }

    /// Opens the workstation and logs in.
    pub fn log_in(home: &Home, size: (u16, u16), user: &str) -> Self {
        let mut terminal = Self::start(home, size, &["--user", user], &[]);
        terminal.shows("Log in");
        terminal.types(PASSWORD);
        terminal.keys("Enter");
        terminal.row(&["QLIB PRO [", user]);
        terminal
    }

    /// Waits until the screen, looked at between frames, is as `wanted` says.
    #[track_caller]
    pub fn wait(&self, what: &str, wanted: impl Fn(&Screen) -> bool) -> String {
        let until = Instant::now() + WAIT_MAX;
        let mut state = self.shared.lock();
        loop {
            if state.between_frames() && wanted(state.parser.screen()) {
                return state.parser.screen().contents();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !state.closed,
                "waited for {what}; ended {:?}; the screen is\n{}",
                state.ended,
                state.parser.screen().contents()
            );
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits until this text is on the screen; returns the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.wait(text, |s| s.contents().contains(text))
    }

    /// Waits for a question whose answer the terminal does not echo: it has left its first settings.
    #[track_caller]
    pub fn asks_unseen(&self, text: &str) {
        self.shows(text);
        let until = Instant::now() + WAIT_MAX;
        while self.before == format!("{:?}", self.master.as_ref().unwrap().get_termios()) {
            assert!(Instant::now() < until, "what is typed would be shown");
            std::thread::yield_now();
        }
    }

    /// Waits until this text has left the screen.
    #[track_caller]
    pub fn hides(&self, text: &str) -> String {
        self.wait(&format!("no {text}"), |s| !s.contents().contains(text))
    }

    /// Waits for a row that holds all of these.
    #[track_caller]
    pub fn row(&self, parts: &[&str]) -> String {
        let holds = |line: &&str| parts.iter().all(|p| line.contains(p));
        let text = self.wait(&format!("a row with {parts:?}"), |s| s.contents().lines().any(|l| holds(&l)));
        text.lines().find(holds).unwrap().to_string()
    }

    /// What the screen shows now.
    pub fn text(&self) -> String {
        self.shared.lock().parser.screen().contents()
    }

    /// Looks at the screen as it is now.
    pub fn look<T>(&self, at: impl FnOnce(&Screen) -> T) -> T {
        at(self.shared.lock().parser.screen())
    }

    /// All bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.lock().bytes.clone()
    }

    /// Bytes that come within this time.
    pub fn bytes_within(&self, time: Duration) -> usize {
        let until = Instant::now() + time;
        let mut state = self.shared.lock();
        let first = state.bytes.len();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return state.bytes.len() - first;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Types a text as it stands.
    pub fn types(&mut self, text: &str) {
        self.writer.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        self.writer.as_mut().unwrap().flush().unwrap();
    }

    /// Presses keys by name, or single characters, with spaces between.
    pub fn keys(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.types(match key {
                "Enter" => "\r",
                "Esc" => "\x1b",
                "Tab" => "\t",
                "Up" => "\x1b[A",
                "Down" => "\x1b[B",
                "Right" => "\x1b[C",
                "Left" => "\x1b[D",
                "BackTab" => "\x1b[Z",
                "Backspace" => "\x7f",
                "Ctrl-C" => "\x03",
                "Ctrl-K" => "\x0b",
                "Ctrl-L" => "\x0c",
                "Ctrl-S" => "\x13",
                "Ctrl-U" => "\x15",
                other => other,
            });
        }
    }

    /// Types a command at the command line; its row must have opened.
    pub fn command(&mut self, text: &str) {
        self.keys(":");
        self.wait("the command line", |s| !s.hide_cursor());
        self.types(text);
        self.wait(text, |s| s.contents().lines().last().is_some_and(|l| l.contains(text)));
        self.keys("Enter");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, (width, height): (u16, u16)) {
        self.shared.lock().parser.screen_mut().set_size(height, width);
        let size = PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Sends a signal to the process.
    pub fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.process);
        assert!(std::process::Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Takes the terminal away from the process: both ends that this side holds are closed.
    pub fn unplug(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.keys("Ctrl-L");
        let state = self.shared.lock();
        let (state, timeout) =
            self.shared.changed.wait_timeout_while(state, WAIT_MAX, |s| !s.closed).unwrap();
        assert!(!timeout.timed_out());
        drop(state);
        self.writer = None;
        self.master = None;
    }

    /// Waits for the end of the process and of its bytes; returns exit code or signal.
    #[track_caller]
    pub fn ended(&self, within: Duration) -> Result<u32, String> {
        let until = Instant::now() + within;
        let mut state = self.shared.lock();
        loop {
            if let Some(ended) = state.ended.clone().filter(|_| state.closed) {
                return ended;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "still running; the screen is\n{}", state.parser.screen().contents());
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Leaves by `q` and waits for the end.
    #[track_caller]
    pub fn quit(mut self) {
        self.keys("q");
        assert_eq!(self.ended(WAIT_MAX), Ok(0));
    }

    /// Whether the line discipline is as it was before the process began.
    pub fn line_is_restored(&self) -> bool {
        format!("{:?}", self.master.as_ref().unwrap().get_termios()) == self.before
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It is gone already when the test went well.
        self.killer.kill().unwrap_or_default();
    }
}
