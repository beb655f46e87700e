//! The anchor: how far the journal reached, noted beside the store after every write that was acknowledged.
//!
//! A damaged write-ahead log does not fail: SQLite reads up to the damage and takes the rest for never written. So the
//! end of the chain is noted in a file of its own, after the commit and without a sync of its own: it is never ahead
//! of what is on disk, and a journal that stops short of it has lost what was acknowledged. Without the file, or with
//! a file that is itself damaged, nothing is said.

use std::fs::File;
use std::io::Write;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::db::make_private_file;
use super::super::error::StoreError;
use super::TradesReader;
use crate::domain::Seq;
use crate::domain::journal::ChainHash;

/// The file in a home.
pub const ANCHOR_FILE: &str = "trades.anchor";
/// Digits of the sequence number: every text has the same length, so a write replaces the one before.
const SEQ_DIGITS: usize = 20;

/// The open file.
#[derive(Debug)]
pub(super) struct Anchor {
    file: File,
    path: PathBuf,
}

/// The text for an end of the chain: number, hash, and a digest over both.
fn text(seq: Seq, hash: ChainHash) -> String {
    let said = format!("{seq:0SEQ_DIGITS$} {hash}");
    format!("{said} {}\n", ChainHash::START.next(said.as_bytes()))
}

/// What a file says; `None` when it is missing or damaged.
fn read(path: &Path) -> Option<(Seq, ChainHash)> {
    let found = std::fs::read_to_string(path).ok()?;
    let mut words = found.split_ascii_whitespace();
    let (seq, hash) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (text(seq, hash) == found).then_some((seq, hash))
}

impl Anchor {
    pub(super) fn open(home: &Path) -> Result<Self, StoreError> {
        let path = home.join(ANCHOR_FILE);
        Ok(Self { file: make_private_file(&path)?, path })
    }

    /// Notes an end of the chain that is on disk.
    pub(super) fn note(&mut self, seq: Seq, hash: ChainHash) -> Result<(), StoreError> {
        let io = StoreError::io(&self.path, "note the end of the journal");
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(text(seq, hash).as_bytes()))
            .map_err(io)
    }
}

impl TradesReader {
    /// Refuses a journal that does not reach, unchanged, to where it is known to have reached.
    pub fn check_anchor(&self) -> Result<(), StoreError> {
        let path = self.db.path().with_file_name(ANCHOR_FILE);
        let Some((seq, hash)) = read(&path) else { return Ok(()) };
        if seq == 0 || self.link(seq)? == Some(hash) {
            return Ok(());
        }
        let (ends, _) = self.head()?;
        Err(StoreError::CutShort { path: self.db.path().to_path_buf(), ends, known: seq })
    }
}
