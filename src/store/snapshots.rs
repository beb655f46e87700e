//! Snapshots: what the journal folds to up to some event, kept beside the journal so that a home opens fast.
//!
//! A snapshot can always be thrown away: the journal alone is the truth. Each is a file of its own in the folder
//! `snapshots`, written beside its name, synced and renamed. What only grows (orders that are done) lies in runs, each
//! written once and named by every later snapshot. A tag over all of it is made with a key that lies in the folder,
//! so that damage, a snapshot of another home, and one made outside this program are all noticed, and not used.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::db::{make_private_dir, make_private_file};
use super::error::StoreError;
use super::fail;
use crate::domain::Seq;
use crate::domain::journal::{ChainHash, ENCODING_VERSION};

/// Folder of the snapshots in a home.
const FOLDER: &str = "snapshots";
/// File with the key, in that folder.
const KEY_FILE: &str = "key";
/// Bytes of the key, of a tag and of a digest.
const TAG_BYTES: usize = 32;
const MAGIC: &[u8; 8] = b"QLIBSNP1";
/// zstd level: fast, since people trade meanwhile.
const LEVEL: i32 = 1;
/// Most snapshots kept; beyond it the oldest go.
const SNAPSHOTS_MAX: usize = 200;
/// Largest content of one file once unpacked, in bytes.
const CONTENT_BYTES_MAX: u64 = 4 << 30;
/// Changes when the fold or the shape of the state does: older snapshots are then not used.
const SHAPE: u32 = 14;

/// A run of what only grows: its file, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The event up to which it was written.
    pub seq: Seq,
    /// Digest of the content.
    digest: ChainHash,
}

/// What a snapshot says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    shape: u32,
    encoding: u32,
    program: String,
    seq: Seq,
    chain: ChainHash,
    runs: Vec<Run>,
}

/// A snapshot that is what was written.
#[derive(Debug)]
pub struct Snapshot {
    /// The event it stands at.
    pub seq: Seq,
    /// The chain's link at that event.
    pub chain: ChainHash,
    /// The state, as it was given.
    pub state: Vec<u8>,
    /// What only grew up to there, oldest first.
    pub runs: Vec<Run>,
}

/// Throws all snapshots of a home away; the next start reads the whole journal.
pub(super) fn remove(home: &Path) -> Result<(), StoreError> {
    let folder = home.join(FOLDER);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io(&folder, "remove its snapshots")(error))
        }
        _ => Ok(()),
    }
}

/// The snapshots of one home.
#[derive(Debug, Clone)]
pub struct Snapshots {
    folder: PathBuf,
    key: [u8; TAG_BYTES],
}

impl Snapshots {
    /// For whoever owns the trades: makes folder and key where they are missing.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        let folder = home.join(FOLDER);
        if let Some(found) = Self::find(home) {
            return Ok(found);
        }
        make_private_dir(&folder)?;
        let mut key = [0; TAG_BYTES];
        let path = folder.join(KEY_FILE);
        let random = getrandom::fill(&mut key).map_err(|e| std::io::Error::other(e.to_string()));
        random.map_err(StoreError::io(&path, "make a key"))?;
        let snapshots = Self { folder, key };
        snapshots.put(KEY_FILE, &key)?;
        Ok(snapshots)
    }

    /// For a reader: `None` where there are none.
    pub fn find(home: &Path) -> Option<Self> {
        let folder = home.join(FOLDER);
        let key = fs::read(folder.join(KEY_FILE)).ok()?.try_into().ok()?;
        Some(Self { folder, key })
    }

    /// The events at which a snapshot stands, newest first.
    pub fn list(&self) -> Vec<Seq> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let seq = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".state")?.parse::<Seq>().ok();
        let mut found: Vec<Seq> = names.filter_map(seq).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found
    }

    /// Reads a snapshot, or says in words why it is not used.
    pub fn load(&self, seq: Seq) -> Result<Snapshot, String> {
        let name = state_name(seq);
        let bytes = fs::read(self.folder.join(&name)).map_err(|e| format!("{name} cannot be read: {e}"))?;
        let damaged = || format!("{name} is damaged or not of this home");
        let (tag, packed) = bytes.split_at_checked(TAG_BYTES).ok_or_else(damaged)?;
        if tag != self.tag(packed).as_slice() {
            return Err(damaged());
        }
        let content = unpack(packed).ok_or_else(damaged)?;
        let at = content.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
        let (head, state) = content.split_at_checked(at).ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let of_this_program = head.shape == SHAPE
            && head.encoding == ENCODING_VERSION
            && head.program == env!("CARGO_PKG_VERSION");
        if !of_this_program {
            return Err(format!("{name} was written by another version of this program"));
        }
        if head.seq != seq {
            return Err(damaged());
        }
        let state = state.get(1..).unwrap_or_default().to_vec();
        Ok(Snapshot { seq, chain: head.chain, state, runs: head.runs })
    }

    /// Reads a run that a snapshot names, or says why not.
    pub fn load_run(&self, run: &Run) -> Result<Vec<u8>, String> {
        let name = run_name(run.seq);
        let packed = fs::read(self.folder.join(&name)).map_err(|e| format!("{name} cannot be read: {e}"))?;
        if digest(&packed) != run.digest {
            return Err(format!("{name} is damaged"));
        }
        unpack(&packed).ok_or_else(|| format!("{name} is damaged"))
    }

    /// Writes a run.
    pub fn save_run(&self, seq: Seq, content: &[u8]) -> Result<Run, StoreError> {
        let packed = self.pack(content)?;
        self.put(&run_name(seq), &packed)?;
        Ok(Run { seq, digest: digest(&packed) })
    }

    /// Writes a snapshot, and lets the oldest go when there are too many.
    pub fn save(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let head = Head {
            shape: SHAPE,
            encoding: ENCODING_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            seq: snapshot.seq,
            chain: snapshot.chain,
            runs: snapshot.runs.clone(),
        };
        let io = || StoreError::io(&self.folder, "write a snapshot");
        let mut content = serde_json::to_vec(&head).map_err(std::io::Error::from).map_err(io())?;
        content.push(b'\n');
        content.extend_from_slice(&snapshot.state);
        let packed = self.pack(&content)?;
        let mut bytes = self.tag(&packed).to_vec();
        bytes.extend_from_slice(&packed);
        self.put(&state_name(snapshot.seq), &bytes)?;
        for old in self.list().into_iter().skip(SNAPSHOTS_MAX) {
            let path = self.folder.join(state_name(old));
            fs::remove_file(&path).map_err(StoreError::io(&path, "remove an old snapshot"))?;
        }
        Ok(())
    }

    fn pack(&self, content: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut packed = MAGIC.to_vec();
        let io = || StoreError::io(&self.folder, "pack a snapshot");
        packed.extend(zstd::encode_all(content, LEVEL).map_err(io())?);
        Ok(packed)
    }

    /// The inner digest has a fixed length, so nothing can be appended to what is tagged.
    fn tag(&self, packed: &[u8]) -> [u8; TAG_BYTES] {
        let mut hasher = Sha256::new();
        hasher.update(self.key);
        hasher.update(digest(packed).bytes());
        hasher.finalize().into()
    }

    /// Writes a file beside its name, syncs it, and gives it the name.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (path, partial) = (self.folder.join(name), self.folder.join(format!("{name}.partial")));
        let io = || StoreError::io(&path, "write it");
        fail::point("snapshot.before_write");
        let mut file = make_private_file(&partial)?;
        file.set_len(0).and_then(|()| file.write_all(bytes)).and_then(|()| file.sync_all()).map_err(io())?;
        fail::point("snapshot.before_rename");
        fs::rename(&partial, &path).map_err(io())?;
        fail::point("snapshot.after_rename");
        Ok(())
    }
}

fn state_name(seq: Seq) -> String {
    format!("{seq:015}.state")
}

fn run_name(seq: Seq) -> String {
    format!("{seq:015}.done")
}

fn digest(bytes: &[u8]) -> ChainHash {
    ChainHash::START.next(bytes)
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let body = packed.strip_prefix(MAGIC.as_slice())?;
    let mut content = Vec::new();
    let decoder = zstd::Decoder::with_buffer(body).ok()?;
    decoder.take(CONTENT_BYTES_MAX).read_to_end(&mut content).ok()?;
    Some(content)
}
