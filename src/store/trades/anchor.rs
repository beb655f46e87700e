//! The anchor: how far the store reached, noted beside it after every write that was acknowledged.
//!
//! A damaged write-ahead log does not fail: SQLite reads up to the damage and takes the rest for never written. So the
//! ends of all that only grows (the journal, the audit trail, the outbox) are noted in a file of its own, after the
//! commit and without a sync of its own: it is never ahead of what is on disk, and a store that stops short of it has
//! lost what was acknowledged. An anchor that lags, after a crash between commit and note, only knows less.
//!
//! The store itself says that it has an anchor (its application id). One whose anchor is missing or damaged is not
//! opened for writing until somebody has accepted it as it stands: an older store may have been put in its place. A
//! store of a time without anchors opens, and gets one that says since when it is kept: whether something was lost
//! before then nobody can tell, which is a finding of every verification until the journal grows again.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::super::codec::{bad, count};
use super::super::db::make_private_file;
use super::super::error::StoreError;
use super::super::ownership::{self, HeldBy};
use super::TradesReader;
use crate::domain::Seq;
use crate::domain::journal::ChainHash;

/// The file in a home.
pub const ANCHOR_FILE: &str = "trades.anchor";
/// Application id of a store that has an anchor.
const ANCHORED: i64 = 0x716c_6962;
/// Digits of a number: every text has the same length, so a write replaces the one before.
const DIGITS: usize = 20;

/// Most reads of a file that is being written.
const READS_MAX: usize = 3;
/// What is done with it, for messages.
const NOTING: &str = "note how far the store reaches";

/// Where what only grows ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// The last event and its link of the chain.
    pub(super) head: (Seq, ChainHash),
    /// Last line of the audit trail; 0 before the first.
    pub(super) act: u64,
    /// Sum of the cursors of the outbox.
    pub(super) delivered: u64,
}

/// What an anchor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    ends: Ends,
    /// The journal's end when the anchor had to be made anew; 0 when it never had.
    since: Seq,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Anchor {
    file: File,
    path: PathBuf,
    since: Seq,
}

impl Note {
    fn text(&self) -> String {
        let Ends { head: (seq, hash), act, delivered } = self.ends;
        let since = self.since;
        let said = format!("{seq:0DIGITS$} {hash} {act:0DIGITS$} {delivered:0DIGITS$} {since:0DIGITS$}");
        format!("{said} {}\n", ChainHash::START.next(said.as_bytes()))
    }

    /// What a file says; `None` when it is missing or damaged. One that is just being written is read again.
    fn read(path: &Path) -> Option<Self> {
        (0..READS_MAX).find_map(|_| Self::read_once(path))
    }

    fn read_once(path: &Path) -> Option<Self> {
        let found = std::fs::read_to_string(path).ok()?;
        let mut words = found.split_ascii_whitespace();
        let head = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let mut number = || words.next()?.parse().ok();
        let ends = Ends { head, act: number()?, delivered: number()? };
        let note = Self { ends, since: number()? };
        (note.text() == found).then_some(note)
    }
}

/// The ends of a store as they stand in it.
fn ends(conn: &Connection) -> rusqlite::Result<Ends> {
    Ok(Ends { head: head(conn)?, act: last_act(conn)?, delivered: all_delivered(conn)? })
}

/// The last event and its link of the chain.
pub(super) fn head(conn: &Connection) -> rusqlite::Result<(Seq, ChainHash)> {
    let sql = "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1";
    let last = conn.query_row(sql, [], |row| {
        let hash: Vec<u8> = row.get(1)?;
        let hash = ChainHash::from_slice(&hash).ok_or_else(|| bad(1, "the hash is not 32 bytes"))?;
        Ok((count(row, 0)?, hash))
    });
    Ok(last.optional()?.unwrap_or((0, ChainHash::START)))
}

/// Last line of the audit trail; 0 before the first.
pub(super) fn last_act(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row("SELECT coalesce(max(id), 0) FROM audit", [], |row| count(row, 0))
}

/// Sum of the cursors of the outbox, each of which only grows.
pub(super) fn all_delivered(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row("SELECT coalesce(sum(delivered), 0) FROM outbox", [], |row| count(row, 0))
}

/// Notes the ends of a store that was just put into a folder, whatever version it is.
pub(in crate::store) fn note_restored(folder: &Path) -> Result<(), StoreError> {
    let store = folder.join(super::TRADES_FILE);
    let conn = Connection::open_with_flags(&store, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let ends = conn.and_then(|conn| ends(&conn)).map_err(StoreError::sql(&store, "read where it ends"))?;
    Anchor::make(folder, Note { ends, since: 0 }).map(drop)
}

impl Anchor {
    /// Goes on with the anchor of a home, whose store ends there. Where there never was one, it is made; one that was
    /// there and cannot be read is missed.
    pub(super) fn open(home: &Path, ends: Ends, is_anchored: bool) -> Result<Self, StoreError> {
        let path = home.join(ANCHOR_FILE);
        let seq = ends.head.0;
        match Note::read(&path) {
            // What a killed process left behind its last note may not be synced yet: the next write sees to that.
            Some(Note { since, .. }) => Ok(Self { file: make_private_file(&path)?, path, since }),
            None if is_anchored && seq > 0 => Err(StoreError::AnchorLost { path }),
            None => Self::make(home, Note { ends, since: seq }),
        }
    }

    fn make(home: &Path, note: Note) -> Result<Self, StoreError> {
        let path = home.join(ANCHOR_FILE);
        let file = make_private_file(&path)?;
        let mut anchor = Self { file, path, since: note.since };
        // What a damaged one held may be longer. Once synced, it is only ever overwritten in place.
        anchor
            .file
            .set_len(0)
            .and_then(|()| anchor.put(note.ends))
            .and_then(|()| anchor.file.sync_all())
            .map_err(StoreError::io(&anchor.path, NOTING))?;
        Ok(anchor)
    }

    /// Notes ends that are on disk.
    pub(super) fn note(&mut self, ends: Ends) -> Result<(), StoreError> {
        self.put(ends).map_err(StoreError::io(&self.path, NOTING))
    }

    /// The journal has grown behind what nobody could vouch for.
    pub(super) fn vouches_again(&mut self) {
        self.since = 0;
    }

    fn put(&mut self, ends: Ends) -> std::io::Result<()> {
        let text = Note { ends, since: self.since }.text();
        self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(text.as_bytes()))
    }
}

/// Whether a store says that it has an anchor.
pub(super) fn is_anchored(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA application_id", [], |row| row.get(0)).map(|id: i64| id == ANCHORED)
}

/// Has a store say so.
pub(super) fn set_anchored(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "application_id", ANCHORED)
}

/// Makes the anchor of a home anew, from its store as it stands; `false` when it vouches for the store already. Refused
/// while the home is in use, and for a store that has lost what a readable anchor knows of.
pub fn accept(home: &Path, who: &HeldBy) -> Result<bool, StoreError> {
    let _lock = ownership::take(home, who)?;
    let path = home.join(ANCHOR_FILE);
    if Note::read(&path).is_some_and(|note| note.since == 0) {
        return Ok(false);
    }
    TradesReader::open(home)?.check_anchor()?;
    note_restored(home)?;
    Ok(true)
}

impl TradesReader {
    pub(super) fn ends(&self) -> Result<Ends, StoreError> {
        self.db.read("read where it ends", ends)
    }

    /// Refuses a store that does not reach, unchanged, to where it is known to have reached.
    pub fn check_anchor(&self) -> Result<(), StoreError> {
        // Read before the store is: a writer notes what is there already.
        let Some(Note { ends: known, .. }) = Note::read(&self.anchor_path()) else { return Ok(()) };
        let ends = self.ends()?;
        let path = || self.db.path().to_path_buf();
        let (seq, hash) = known.head;
        if seq > 0 && self.link(seq)? != Some(hash) {
            return Err(StoreError::CutShort { path: path(), ends: ends.head.0, known: seq });
        }
        if ends.act < known.act || ends.delivered < known.delivered {
            return Err(StoreError::ActsCutShort { path: path(), ends: ends.act, known: known.act });
        }
        Ok(())
    }

    /// What a verification says of the anchor itself, in a store that holds events.
    pub(super) fn anchor_finding(&self) -> Result<Option<String>, StoreError> {
        let note = Note::read(&self.anchor_path());
        let (last, _) = self.head()?;
        let unknown = "whether acknowledged events were lost then is not known; compare with an exported head, then 'audit accept'";
        Ok(match note {
            _ if last == 0 => None,
            None => Some(format!("{ANCHOR_FILE} is missing or damaged: {unknown}")),
            Some(Note { since: 0, .. }) => None,
            Some(Note { since, .. }) => Some(format!(
                "{ANCHOR_FILE} was missing or damaged when the home was opened at event {since}: {unknown}"
            )),
        })
    }

    fn anchor_path(&self) -> PathBuf {
        self.db.path().with_file_name(ANCHOR_FILE)
    }
}
