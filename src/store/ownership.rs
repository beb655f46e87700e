//! Who owns the trades store: a lock file that names process, user and time.
//!
//! The lock is the kernel's (it vanishes with the process, however that ends); the text in the file only tells
//! others who holds it. One owner at a time; a second handle in the same process is refused as well.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::db::make_private_file;
use super::error::StoreError;
use crate::domain::{CleanText, UnixNanos};

/// Name of the lock file in a home.
const LOCK_FILE: &str = "trades.lock";
/// Longest text read from a lock file, in bytes.
const LOCK_TEXT_MAX: u64 = 4_096;
/// A look at the lock by another process may collide with taking it; so taking it is tried this often.
const TRIES: u32 = 5;
/// Pause between two tries.
const PAUSE_MS: u64 = 10;

/// Who holds, or wants to hold, the trades store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// Process id.
    pub pid: u32,
    /// What the process is, such as `workstation`.
    pub process: CleanText,
    /// Who runs it.
    pub user: CleanText,
    /// Since when (wall time).
    pub since: UnixNanos,
}

impl HeldBy {
    /// This process.
    pub fn this_process(process: &str, user: &str, since: UnixNanos) -> Self {
        let (process, user) = (CleanText::new(process), CleanText::new(user));
        Self { pid: std::process::id(), process, user, since }
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {}, user {}, since {})", self.process, self.pid, self.user, self.since)
    }
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct OwnerLock {
    _file: File,
}

/// Takes the lock of a home for `who`.
pub(super) fn take(home: &Path, who: &HeldBy) -> Result<OwnerLock, StoreError> {
    let path = home.join(LOCK_FILE);
    let mut file = make_private_file(&path)?;
    for attempt in 1..=TRIES {
        match file.try_lock() {
            Ok(()) => {
                write_holder(&mut file, who).map_err(StoreError::io(&path, "write who holds it"))?;
                return Ok(OwnerLock { _file: file });
            }
            Err(TryLockError::WouldBlock) if attempt < TRIES => {
                std::thread::sleep(Duration::from_millis(PAUSE_MS));
            }
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::Io { path, doing: "lock it", source });
            }
        }
    }
    let by = read_holder(&mut file);
    Err(StoreError::Held { path, by })
}

/// Who holds the lock of a home; `None` when nobody does.
pub fn holder(home: &Path) -> Result<Option<HeldBy>, StoreError> {
    let path = home.join(LOCK_FILE);
    let Ok(mut file) = File::open(&path) else {
        return Ok(None);
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
        Err(TryLockError::Error(source)) => Err(StoreError::Io { path, doing: "look at the lock", source }),
    }
}

fn write_holder(file: &mut File, who: &HeldBy) -> std::io::Result<()> {
    let text = serde_json::to_string(who)?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    file.flush()
}

/// What the file says; a holder that has not written its name yet is "another process".
fn read_holder(file: &mut File) -> HeldBy {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(LOCK_TEXT_MAX).read_to_string(&mut text));
    let named = read.ok().and_then(|_| serde_json::from_str(&text).ok());
    named.unwrap_or_else(|| HeldBy {
        pid: 0,
        process: CleanText::new("another process"),
        user: CleanText::new("unknown"),
        since: UnixNanos::ZERO,
    })
}
