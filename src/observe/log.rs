//! The log: one layer of `tracing` that writes each line to a ring buffer and to a file that rotates by size.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::ObserveError;
use crate::domain::{CleanText, Clock, UnixNanos};

/// Newest lines kept for the pane.
pub const LOG_LINES_MAX: usize = 2_000;
/// Size at which a log file is set aside, in bytes.
pub const LOG_FILE_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// Log files kept, the present one included.
pub const LOG_FILES_MAX: u32 = 3;
/// Longest message, in bytes; the rest is cut off.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// Name of the present log file.
const LOG_FILE: &str = "qlib-pro.log";
/// A field whose name holds one of these is written as `***`.
const SECRET_WORDS: [&str; 5] = ["password", "secret", "token", "api_key", "credential"];

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// Something happened.
    Info,
    /// For finding defects.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word used in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
            LogLevel::Trace => "TRACE",
        }
    }

    fn of(level: &Level) -> Self {
        match *level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        }
    }
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Wall time.
    pub time: UnixNanos,
    /// How grave.
    pub level: LogLevel,
    /// Which part of the program.
    pub target: CleanText,
    /// What happened, with its fields.
    pub message: CleanText,
}

/// The newest lines; clones share them.
#[derive(Debug, Clone, Default)]
pub struct LogRing(Arc<Mutex<VecDeque<LogLine>>>);

impl LogRing {
    /// The newest `limit` lines, oldest of them first.
    pub fn newest(&self, limit: usize) -> Vec<LogLine> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(limit)).cloned().collect()
    }

    fn push(&self, line: LogLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.len() >= LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// A file that is set aside when it is full.
struct RotatingFile {
    folder: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl RotatingFile {
    fn open(folder: &Path, bytes_max: u64) -> std::io::Result<Self> {
        make_private_dir(folder)?;
        let file = open_private(&folder.join(LOG_FILE))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder: folder.to_path_buf(), file, bytes, bytes_max })
    }

    fn write(&mut self, line: &str) -> std::io::Result<()> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        self.bytes += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        let numbered = |n: u32| self.folder.join(format!("{LOG_FILE}.{n}"));
        for n in (1..LOG_FILES_MAX - 1).rev() {
            if numbered(n).exists() {
                fs::rename(numbered(n), numbered(n + 1))?;
            }
        }
        fs::rename(self.folder.join(LOG_FILE), numbered(1))?;
        self.file = open_private(&self.folder.join(LOG_FILE))?;
        self.bytes = 0;
        Ok(())
    }
}

/// Creates the folder when missing; it is for its owner only.
fn make_private_dir(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn open_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// The layer behind [`start`].
struct LogLayer {
    ring: LogRing,
    file: Option<Mutex<RotatingFile>>,
    clock: Arc<dyn Clock>,
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Message::default();
        event.record(&mut text);
        let facts = event.metadata();
        let line = LogLine {
            time: self.clock.now(),
            level: LogLevel::of(facts.level()),
            target: CleanText::new(facts.target()),
            message: CleanText::new(text.finish()),
        };
        if let Some(file) = &self.file {
            let shown = format!("{} {:5} {} {}\n", line.time, line.level.as_str(), line.target, line.message);
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = file.write(&shown) {
                let message = CleanText::new(&format!("the log file cannot be written: {error}"));
                self.ring.push(LogLine { level: LogLevel::Error, message, ..line.clone() });
            }
        }
        self.ring.push(line);
    }
}

/// Collects the message and the fields of an event.
#[derive(Default)]
struct Message {
    message: String,
    fields: String,
}

impl Message {
    fn finish(&mut self) -> &str {
        self.message.push_str(&self.fields);
        let end = self.message.floor_char_boundary(MESSAGE_BYTES_MAX);
        self.message.get(..end).unwrap_or_default()
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        let written = match name {
            "message" => write!(self.message, "{value}"),
            _ if SECRET_WORDS.iter().any(|w| name.contains(w)) => write!(self.fields, " {name}=***"),
            _ => write!(self.fields, " {name}={value}"),
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }
}

/// Starts the log of this process: lines of `level` and graver go to the ring and, where a folder is named, to a
/// file in it.
pub fn start(folder: Option<&Path>, level: &str, clock: Arc<dyn Clock>) -> Result<LogRing, ObserveError> {
    let filter: LevelFilter = level.parse().map_err(|_| ObserveError::Level(CleanText::new(level)))?;
    let (layer, ring) = layer(folder, clock)?;
    let registry = tracing_subscriber::registry().with(layer.with_filter(filter));
    registry.try_init().map_err(|_| ObserveError::Twice)?;
    Ok(ring)
}

fn layer(folder: Option<&Path>, clock: Arc<dyn Clock>) -> Result<(LogLayer, LogRing), ObserveError> {
    let file = folder.map(|f| RotatingFile::open(f, LOG_FILE_BYTES_MAX).map_err(|e| (f, e))).transpose();
    let file = file.map_err(|(folder, source)| {
        let path = CleanText::new(&folder.to_string_lossy());
        ObserveError::Log { path, source }
    })?;
    let ring = LogRing::default();
    Ok((LogLayer { ring: ring.clone(), file: file.map(Mutex::new), clock }, ring))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed;
    impl Clock for Fixed {
        fn now(&self) -> UnixNanos {
            UnixNanos::from_seconds(1_700_000_000)
        }
    }

    #[test]
    fn lines_reach_ring_and_file_cleaned_and_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let (layer, ring) = layer(Some(folder.path()), Arc::new(Fixed)).unwrap();
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(user = "kim", new_password = "canary-1", "odd \u{1b}[31mname");
        });
        let lines = ring.newest(10);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].message.as_str(), "odd [31mname user=kim new_password=***");
        let text = fs::read_to_string(folder.path().join(LOG_FILE)).unwrap();
        assert!(text.starts_with("2023-11-14T22:13:20Z WARN  "), "{text}");
        assert!(!text.contains("canary-1") && !text.contains('\u{1b}'));
    }

    #[test]
    fn the_ring_keeps_the_newest_lines_only() {
        let ring = LogRing::default();
        for n in 0..LOG_LINES_MAX + 5 {
            ring.push(LogLine {
                time: UnixNanos::from_seconds(n as i64),
                level: LogLevel::Info,
                target: CleanText::default(),
                message: CleanText::new(&n.to_string()),
            });
        }
        let lines = ring.newest(usize::MAX);
        assert_eq!(lines.len(), LOG_LINES_MAX);
        assert_eq!(lines[0].message.as_str(), "5");
    }

    #[test]
    fn the_file_rotates_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::open(folder.path(), 20).unwrap();
        for n in 0..10 {
            file.write(&format!("line number {n:05}\n")).unwrap();
        }
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["qlib-pro.log", "qlib-pro.log.1", "qlib-pro.log.2"]);
        assert_eq!(fs::read_to_string(folder.path().join(LOG_FILE)).unwrap(), "line number 00009\n");
    }
}
