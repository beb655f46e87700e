//! [`StoreError`]: what a store could not do, where, why, and what to do about it.
//!
//! Every variant names the file and ends with a remedy. Paths are cleaned before they are shown. Code inside the
//! room works with [`Fault`], which knows no path yet; [`super::db::Db`] adds it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::ownership::HeldBy;
use crate::domain::journal::JournalError;
use crate::domain::market::Basis;
use crate::domain::posting::Asset;
use crate::domain::{CleanText, Exchange, InstrumentId, Seq, UserName};

/// Why a store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("{}: cannot {doing}: {source}; check that the folder exists, is yours and has free space", clean(.path))]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of a home that is there may not be written.
    #[error(
        "{}: you may not write it, and a home cannot be opened without that, not even for looking, because every login is \
         written down: give yourself the right ('chmod u+rw') and its folder ('chmod u+rwx'), or copy the home and look \
         at the copy with --home", clean(.path)
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
    },
    /// SQLite said no.
    #[error("{}: cannot {doing}: {source}; {}", clean(.path), remedy(.source))]
    Sql {
        /// Store file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The SQLite inside this program can corrupt stores.
    #[error(
        "SQLite {found} is older than 3.51.3 and can corrupt a store; use a build with the bundled SQLite"
    )]
    SqliteTooOld {
        /// Version found.
        found: String,
    },
    /// Written by a later program.
    #[error("{}: has schema version {found}, this program knows {known}; use the newer program", clean(.path))]
    Newer {
        /// Store file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version known here.
        known: u32,
    },
    /// A reader met a store that its owner has not brought up to date yet.
    #[error("{}: has schema version {found}, {known} is needed; open the home once for writing", clean(.path))]
    Older {
        /// Store file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version needed.
        known: u32,
    },
    /// The record of applied migrations is not ours.
    #[error("{}: migration {version} is not the one this program knows; restore a backup", clean(.path))]
    MigrationChanged {
        /// Store file.
        path: PathBuf,
        /// First migration that differs.
        version: u32,
    },
    /// There is no such store.
    #[error("{}: there is no store here; name another home or create one by opening it for writing", clean(.path))]
    Missing {
        /// Store file.
        path: PathBuf,
    },
    /// Nothing else is written among the files of a home.
    #[error("{}: that is among the files of a home, which it could replace; choose another folder", clean(.path))]
    InsideHome {
        /// File that was to be written.
        path: PathBuf,
    },
    /// Another process owns the trades store.
    #[error("{}: held by {by}; close it or wait until it ends", clean(.path))]
    Held {
        /// Store file.
        path: PathBuf,
        /// By whom.
        by: HeldBy,
    },
    /// A source states its prices in one basis only.
    #[error(
        "{instrument}: source '{source_name}' is stored as {}, the new rows are {}; \
         import them under another source name",
        .stored.as_str(), .given.as_str()
    )]
    BasisConflict {
        /// Instrument.
        instrument: InstrumentId,
        /// Source.
        source_name: CleanText,
        /// What is stored.
        stored: Basis,
        /// What was given.
        given: Basis,
    },
    /// Events do not follow the last stored one.
    #[error("{}: event {found} does not follow; {expected} is next; restart to read the journal again", clean(.path))]
    Gap {
        /// Store file.
        path: PathBuf,
        /// Next sequence number.
        expected: Seq,
        /// The one given.
        found: Seq,
    },
    /// Postings of an event do not sum to zero.
    #[error(
        "event {seq}: postings in {asset} sum to {sum}, not 0; nothing was written; report this as a defect"
    )]
    Unbalanced {
        /// Event.
        seq: Seq,
        /// Asset.
        asset: Asset,
        /// Sum in the asset's smallest unit.
        sum: i128,
    },
    /// A posting or row names an event that is not in its batch.
    #[error("event {seq} is not in its batch; nothing was written; report this as a defect")]
    Stray {
        /// The event named.
        seq: Seq,
    },
    /// An event cannot be encoded or decoded.
    #[error("{}: event {seq}: {source}; run `audit verify` and restore a backup", clean(.path))]
    Journal {
        /// Store file.
        path: PathBuf,
        /// Event.
        seq: Seq,
        /// Why.
        source: JournalError,
    },
    /// An event does not say what it said when it was written.
    #[error(
        "{}: event {seq} does not fit the chain of hashes: the journal is damaged or was changed; \
         nothing goes on from it; see `audit verify`, then `restore` a backup", clean(.path)
    )]
    Broken {
        /// Store file.
        path: PathBuf,
        /// First event that does not fit.
        seq: Seq,
    },
    /// What says how far the journal had reached is missing or damaged.
    #[error(
        "{}: is missing or damaged, so whether the journal is whole cannot be told; nothing goes on from it: compare it \
         with an exported head ('audit verify --against'), then 'audit accept' it as it stands, or 'restore' a backup", clean(.path)
    )]
    AnchorLost {
        /// The anchor.
        path: PathBuf,
    },
    /// Acknowledged events are missing.
    #[error(
        "{}: the journal ends at event {ends} or differs from the one that had reached event {known}: \
         what was acknowledged is lost or changed; nothing goes on from it; `restore` a backup", clean(.path)
    )]
    CutShort {
        /// Store file.
        path: PathBuf,
        /// Last event found.
        ends: Seq,
        /// Event that is known to have been written.
        known: Seq,
    },
    /// Acknowledged lines of the audit trail, or deliveries, are missing.
    #[error(
        "{}: the audit trail ends at line {ends}, and it had reached line {known}, or deliveries that were noted are \
         not there: what was acknowledged is lost; nothing goes on from it; `restore` a backup", clean(.path)
    )]
    ActsCutShort {
        /// Store file.
        path: PathBuf,
        /// Last line found.
        ends: u64,
        /// Line that is known to have been written.
        known: u64,
    },
    /// An earlier write met an error of the disk.
    #[error(
        "{}: cannot {doing}: an earlier write met an error of the disk, and what is on it can no longer be told; \
         check the disk, then close the home and open it again", clean(.path)
    )]
    Stopped {
        /// Store file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// A person by that name exists already.
    #[error("user '{0}' exists already; choose another name")]
    UserExists(UserName),
    /// No person by that name.
    #[error("user '{0}' is not known; see `user list`")]
    UnknownUser(UserName),
    /// More prices than memory is taken for.
    #[error("{exchange} has more than {} million stored bars, too many to read at once; keep fewer names in this home", most / 1_000_000)]
    TooManyBars {
        /// Exchange.
        exchange: Exchange,
        /// Most bars.
        most: usize,
    },
    /// A cache of prices is damaged or was replaced while it was read.
    #[error("{}: is damaged; it will be made again from the store", clean(.path))]
    DamagedCache {
        /// Cache file.
        path: PathBuf,
    },
    /// A backup cannot be read.
    #[error("{}: {what}; use another backup file", clean(.path))]
    BadBackup {
        /// Backup file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A restore would replace something.
    #[error("{}: holds a home already; restore into an empty folder with --home, or put it in its place with --replace", clean(.path))]
    NotEmpty {
        /// Home.
        path: PathBuf,
    },
}

impl StoreError {
    /// Whether the disk failed, or what it holds is damaged: then nobody knows what a write left there.
    pub fn is_of_the_disk(&self) -> bool {
        let StoreError::Sql { source, .. } = self else { return false };
        matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    }

    /// Whether what a store holds, or the disk under it, is why it cannot be read; not a right, another process or the
    /// machine.
    pub fn is_damage(&self) -> bool {
        match self {
            StoreError::Sql { source, .. } => match source.sqlite_error_code() {
                // A table or a value is not what this program has written.
                None | Some(ErrorCode::Unknown) => true,
                Some(_) => self.is_of_the_disk(),
            },
            StoreError::MigrationChanged { .. }
            | StoreError::Journal { .. }
            | StoreError::Broken { .. }
            | StoreError::CutShort { .. }
            | StoreError::ActsCutShort { .. } => true,
            _ => false,
        }
    }

    /// For `map_err` on file operations.
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = path.to_path_buf();
        move |source| StoreError::Io { path, doing, source }
    }

    /// For `map_err` on SQLite operations.
    pub(super) fn sql(path: &Path, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
        let path = path.to_path_buf();
        move |source| StoreError::Sql { path, doing, source }
    }
}

fn clean(path: &Path) -> CleanText {
    CleanText::new(&path.to_string_lossy())
}

fn remedy(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space; nothing of this write was kept",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process is writing; try again",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "check that the home and its files are yours to write"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "the file is damaged; restore a backup",
        Some(ErrorCode::SystemIoFailure) => {
            "check the disk and that it has free space, then close the home and open it again"
        }
        Some(_) | None => "see the log; restore a backup if it stays",
    }
}

/// An error inside a store operation, before the path is added.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite.
    Sql(rusqlite::Error),
    /// Complete already.
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}
