//! Backup and restore: one file with the three stores of a home.
//!
//! Layout: the eight bytes `QLIBPRO1`, then one zstd stream of, for each file: name length (u8) and name, length
//! (u64, little endian), SHA-256 of the content, content. Behind the stores come the texts of the home that there are, such
//! as its settings; keys are in none of them and in no backup. Each store is copied by SQLite's online backup, so a home
//! in use can be backed up; trades comes first, so that its outbox never claims a delivery that the copied users
//! store has not seen. A backup is written beside its name and renamed when it is complete and synced.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

use crate::domain::CleanText;

use super::db::{make_private_dir, make_private_file, sync_dir};
use super::error::StoreError;
use super::ownership::{self, HeldBy};
use super::trades::{self, ANCHOR_FILE, TradesReader, TradesStore};
use super::users::{AccessEntry, UsersStore};
use super::{MARKET_FILE, TRADES_FILE, USERS_FILE, folder_of, is_home, refuse_inside_home};

const MAGIC: &[u8; 8] = b"QLIBPRO1";
/// Files of a backup, in their order.
const ORDER: [&str; 3] = [TRADES_FILE, MARKET_FILE, USERS_FILE];
/// zstd level: fast, since stores are copied while people wait.
const LEVEL: i32 = 3;
/// As many pages as there are.
const ALL_PAGES: i32 = -1;
/// How long a copy waits for a store that is being opened.
const BUSY_TIMEOUT_MS: u64 = 5_000;
/// Largest text of a home, such as its settings.
const TEXT_BYTES_MAX: u64 = 16 << 20;
/// Largest store in a backup.
const STORE_BYTES_MAX: u64 = 1 << 40;
/// What the mark of a restored home says until its trades are proved.
const UNPROVED: &str = "restored from a backup, and not verified yet";

/// What a backup or restore copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// (file, bytes before compression, SHA-256 in hex).
    pub files: Vec<(String, u64, String)>,
}

/// Copies the stores of a home, in use or not, and those of its `texts` that are there into one file.
pub fn backup(home: &Path, texts: &[&str], target: &Path) -> Result<BackupReport, StoreError> {
    refuse_inside_home(target)?;
    let folder = folder_of(target);
    let stage = tempfile::Builder::new().prefix(".backup-").tempdir_in(folder);
    let stage = stage.map_err(StoreError::io(folder, "make a folder for the copy"))?;
    for name in ORDER {
        copy_store(&home.join(name), &stage.path().join(name))?;
    }
    let partial = stage.path().join("partial");
    let file = make_private_file(&partial)?;
    let io = || StoreError::io(target, "write the backup");
    let mut out = BufWriter::new(file);
    out.write_all(MAGIC).map_err(io())?;
    let mut encoder = zstd::Encoder::new(out, LEVEL).map_err(io())?;
    let mut report = BackupReport { files: Vec::new() };
    for name in ORDER {
        let path = stage.path().join(name);
        report.files.push(pack(&path, name, &mut encoder)?);
    }
    for name in texts {
        let (path, copy) = (home.join(name), stage.path().join(name));
        if path.is_file() {
            // A text that is being written meanwhile must not differ from its digest.
            let length = fs::copy(&path, &copy).map_err(StoreError::io(&path, "copy it"))?;
            if length > TEXT_BYTES_MAX {
                let large = io::Error::other("it is larger than the 16 MiB that a restore takes");
                return Err(StoreError::io(&path, "back it up")(large));
            }
            report.files.push(pack(&copy, name, &mut encoder)?);
        }
    }
    let out = encoder.finish().map_err(io())?;
    let file = out.into_inner().map_err(|e| io()(e.into_error()))?;
    file.sync_all().map_err(io())?;
    fs::rename(&partial, target).map_err(io())?;
    sync_dir(folder)?;
    Ok(report)
}

fn copy_store(from: &Path, to: &Path) -> Result<(), StoreError> {
    if !from.exists() {
        return Err(StoreError::Missing { path: from.to_path_buf() });
    }
    drop(make_private_file(to)?);
    let sql = || StoreError::sql(from, "copy it");
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql())?;
    let mut copy = Connection::open(to).map_err(sql())?;
    source.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(sql())?;
    let step = rusqlite::backup::Backup::new(&source, &mut copy).map_err(sql())?;
    // All pages in one step: one moment of the store, however much is written meanwhile.
    step.step(ALL_PAGES).map_err(sql())?;
    drop(step);
    // One plain file: the copy must not need a -wal beside it.
    copy.pragma_update(None, "journal_mode", "delete").map_err(sql())
}

fn pack(path: &Path, name: &str, out: &mut impl Write) -> Result<(String, u64, String), StoreError> {
    let io = || StoreError::io(path, "pack it");
    let (length, digest) = digest_of(path)?;
    out.write_all(&[name.len() as u8]).map_err(io())?;
    out.write_all(name.as_bytes()).map_err(io())?;
    out.write_all(&length.to_le_bytes()).map_err(io())?;
    out.write_all(&digest).map_err(io())?;
    let mut file = File::open(path).map_err(io())?;
    std::io::copy(&mut file, out).map_err(io())?;
    Ok((name.to_owned(), length, hex(&digest)))
}

fn digest_of(path: &Path) -> Result<(u64, [u8; 32]), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io(path, "read it"))?;
    let mut hasher = Sha256::new();
    let length =
        std::io::copy(&mut file, &mut HashWriter(&mut hasher)).map_err(StoreError::io(path, "read it"))?;
    Ok((length, hasher.finalize().into()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Puts the stores of a backup and its `texts` into a home; a text that the backup does not have stays as it is. Refused while the home is in use, and on a folder that holds stores
/// unless `replace`; what is replaced stays beside as `NAME.before-restore`. Nothing is moved before the whole
/// backup has been read and checked. The restored access log tells of `act`, and of the ends of the trail it replaced.
/// The home is left marked as unsound, until its trades have been proved.
pub fn restore(
    source: &Path,
    home: &Path,
    texts: &[&str],
    replace: bool,
    who: &HeldBy,
    act: &AccessEntry,
) -> Result<BackupReport, StoreError> {
    if is_home(home) && !replace {
        return Err(StoreError::NotEmpty { path: home.to_path_buf() });
    }
    make_private_dir(home)?;
    let _lock = ownership::take(home, who)?;
    let stage = tempfile::Builder::new().prefix(".restore-").tempdir_in(home);
    let stage = stage.map_err(StoreError::io(home, "make a folder for the copy"))?;
    let report = unpack(source, texts, stage.path())?;
    trades::note_restored(stage.path())?;
    check(source, stage.path(), who)?;
    let detail = CleanText::new(&format!("{}; {}", act.detail, replaced(home)));
    UsersStore::open(stage.path())?.log_access(&AccessEntry { detail, ..act.clone() })?;
    // Before anything is moved, so that no process that dies here leaves trades that take risk unproved.
    super::mark_unsound(home, &CleanText::new(UNPROVED))?;
    set_aside(&home.join(ANCHOR_FILE))?;
    super::snapshots::remove(home)?;
    for (name, _, _) in &report.files {
        set_aside(&home.join(name))?;
        let target = home.join(name);
        fs::rename(stage.path().join(name), &target).map_err(StoreError::io(&target, "put it there"))?;
    }
    // Last: until the store is there, it would be taken for one that was cut short.
    let anchor = home.join(ANCHOR_FILE);
    fs::rename(stage.path().join(ANCHOR_FILE), &anchor).map_err(StoreError::io(&anchor, "put it there"))?;
    sync_dir(home)?;
    Ok(report)
}

/// Where the trail of a home ends that is replaced.
fn replaced(home: &Path) -> String {
    match TradesReader::open(home).and_then(|trades| trades.trail_head()) {
        Ok(head) => {
            format!("replaced: event {} ({}), act {} ({})", head.seq, head.hash, head.act, head.acts_hash)
        }
        Err(StoreError::Missing { .. }) => "replaced: nothing".to_owned(),
        Err(_) => "replaced: trades that cannot be read".to_owned(),
    }
}

/// Moves a store and what belongs to it out of the way.
fn set_aside(path: &Path) -> Result<(), StoreError> {
    for tail in ["", "-wal", "-shm"] {
        let from = with_tail(path, tail);
        let to = with_tail(path, &format!(".before-restore{tail}"));
        if from.exists() {
            fs::rename(&from, &to).map_err(StoreError::io(&from, "set the old store aside"))?;
        } else if to.exists() {
            fs::remove_file(&to).map_err(StoreError::io(&to, "remove an older copy"))?;
        }
    }
    Ok(())
}

fn with_tail(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    PathBuf::from(name)
}

fn bad(source: &Path, what: impl Into<String>) -> StoreError {
    StoreError::BadBackup { path: source.to_path_buf(), what: what.into() }
}

fn unpack(source: &Path, texts: &[&str], stage: &Path) -> Result<BackupReport, StoreError> {
    let file = File::open(source).map_err(StoreError::io(source, "read the backup"))?;
    let mut reader = BufReader::new(file);
    let mut magic = [0; 8];
    if reader.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(bad(source, "is no backup of this program"));
    }
    let mut decoder =
        zstd::Decoder::with_buffer(reader).map_err(|e| bad(source, format!("is damaged: {e}")))?;
    let mut report = BackupReport { files: Vec::new() };
    for name in ORDER {
        let found = unpack_name(source, &mut decoder)?;
        if found.as_deref() != Some(name) {
            return Err(bad(source, format!("does not hold {name} where it should")));
        }
        report.files.push(unpack_file(source, (name, STORE_BYTES_MAX), &stage.join(name), &mut decoder)?);
    }
    while let Some(found) = unpack_name(source, &mut decoder)? {
        let is_new = |name: &&&str| !report.files.iter().any(|(known, _, _)| known == *name);
        // Nothing else may be written into a home.
        let Some(name) = texts.iter().filter(is_new).find(|name| **name == found) else {
            return Err(bad(source, "holds a file that no home has; it may be of a later version"));
        };
        report.files.push(unpack_file(source, (name, TEXT_BYTES_MAX), &stage.join(name), &mut decoder)?);
    }
    Ok(report)
}

/// The name of the next file; `None` at the end.
fn unpack_name(source: &Path, from: &mut impl Read) -> Result<Option<String>, StoreError> {
    let damaged = |e: std::io::Error| bad(source, format!("is damaged: {e}"));
    let mut length = Vec::new();
    from.by_ref().take(1).read_to_end(&mut length).map_err(damaged)?;
    let Some(length) = length.first() else { return Ok(None) };
    let mut name = vec![0; usize::from(*length)];
    from.read_exact(&mut name).map_err(damaged)?;
    String::from_utf8(name).map(Some).map_err(|_| bad(source, "is damaged: a name is no text"))
}

fn unpack_file(
    source: &Path,
    (name, bytes_max): (&str, u64),
    to: &Path,
    from: &mut impl Read,
) -> Result<(String, u64, String), StoreError> {
    let damaged = |e: std::io::Error| bad(source, format!("is damaged at {name}: {e}"));
    let (mut length, mut digest) = ([0; 8], [0; 32]);
    from.read_exact(&mut length).map_err(damaged)?;
    from.read_exact(&mut digest).map_err(damaged)?;
    let length = u64::from_le_bytes(length);
    if length > bytes_max {
        return Err(bad(source, format!("says that {name} is larger than it may be")));
    }
    let mut file = make_private_file(to)?;
    let copied = std::io::copy(&mut from.take(length), &mut file).map_err(damaged)?;
    file.sync_all().map_err(StoreError::io(to, "write it"))?;
    let (_, found) = digest_of(to)?;
    if copied != length || found != digest {
        return Err(bad(source, format!("is damaged: {name} is not what was saved")));
    }
    Ok((name.to_owned(), length, hex(&digest)))
}

/// Opens every store of an unpacked backup: schema known, pages sound. Trades of an older schema are brought up to date,
/// so that their journal is verified too.
fn check(source: &Path, stage: &Path, who: &HeldBy) -> Result<(), StoreError> {
    for name in ORDER {
        let path = stage.join(name);
        let conn = Connection::open(&path).map_err(StoreError::sql(&path, "open it"))?;
        let sound: String = conn
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(StoreError::sql(&path, "check it"))?;
        if sound != "ok" {
            return Err(bad(source, format!("holds a damaged {name}: {sound}")));
        }
        let newest = super::newest_version(name);
        let found: u32 = conn
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(StoreError::sql(&path, "read its version"))?;
        if found > newest {
            return Err(StoreError::Newer { path: source.to_path_buf(), found, known: newest });
        }
    }
    let trades = TradesStore::open_owner(stage, who)?;
    match trades.read().verify()?.findings.first() {
        Some(found) => Err(bad(source, format!("holds a damaged journal: {found}"))),
        None => Ok(()),
    }
}
