//! Facts about the running program: file sizes, memory, uptime.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::UnixNanos;

/// Size of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHealth {
    /// Name.
    pub name: &'static str,
    /// Bytes of the file; `None` when it is missing.
    pub bytes: Option<u64>,
    /// Bytes of its write-ahead log.
    pub wal_bytes: u64,
}

/// How the program is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Stores, in the order given.
    pub files: Vec<FileHealth>,
    /// Resident memory in bytes; `None` where the system does not tell.
    pub resident_bytes: Option<u64>,
    /// Seconds since the program started.
    pub uptime_seconds: i64,
}

/// Gathers the facts; `started` and `now` are wall time.
pub fn health(files: &[(&'static str, PathBuf)], started: UnixNanos, now: UnixNanos) -> Health {
    let size = |path: &Path| fs::metadata(path).ok().map(|m| m.len());
    let files = files.iter().map(|(name, path)| {
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        FileHealth { name, bytes: size(path), wal_bytes: size(Path::new(&wal)).unwrap_or(0) }
    });
    Health {
        files: files.collect(),
        resident_bytes: resident_bytes(),
        uptime_seconds: now.since(started) / crate::domain::time::NANOS_PER_SECOND,
    }
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_uptime_are_told_and_missing_files_are_missing() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a.db"), [0; 10]).unwrap();
        fs::write(home.path().join("a.db-wal"), [0; 3]).unwrap();
        let files = [("a", home.path().join("a.db")), ("b", home.path().join("b.db"))];
        let facts = health(&files, UnixNanos::from_seconds(100), UnixNanos::from_seconds(160));
        assert_eq!(facts.uptime_seconds, 60);
        assert_eq!(facts.files[0], FileHealth { name: "a", bytes: Some(10), wal_bytes: 3 });
        assert_eq!(facts.files[1].bytes, None);
        assert_eq!(facts.resident_bytes.is_some(), Path::new("/proc/self/status").exists());
    }
}
